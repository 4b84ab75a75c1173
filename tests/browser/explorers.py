"""Every explorer's slowest slider: how long it takes to draw, and until it is seen.

`make bench-explorers` makes all explorers in one JupyterLab in Chromium, finds for each
the slider whose moves take longest to draw, drags it and prints, in milliseconds, the
drawing (seconds of the processor), median and 95th percentile from the slider's move to
new pixels; of an explorer that cannot be measured, why. `python
tests/browser/explorers.py --drawing` needs no browser and measures only the first. A
comparison with `interact`, of two of them, follows the table.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

if __package__ in (None, ""):  # run as a script
    import sys

    sys.path.insert(0, str(Path(__file__).parents[2]))

from poselab.system.progress import progress_bar
from tests.browser import lab, latency

SETUP = """
import warnings; warnings.filterwarnings("ignore")
from poselab import datasets, explore, zoo
from poselab.datasets import SyntheticPeople
from poselab.evaluate.choice import curves
from poselab.evaluate.options import conditions
from poselab.codecs.space import root_joint
from poselab.models.mannequin import JOINTS, mannequin
from poselab.pipelines.three_d import PeopleInSpace
from poselab.skeleton import COCO_17, MPII_16
truth = datasets.evaluation("single", 32)
crowd = datasets.evaluation("crowd", 8, (192, 256))
system = zoo.top_down()
space = PeopleInSpace(zoo.load("rootnet_tiny"), zoo.load("posenet3d_tiny"))
walk = SyntheticPeople((128, 96), seed=1, split="test")
walk = walk.clip(60, activity="walking", fps=30).joints_3d[:, 0]
marked = SyntheticPeople((192, 256), (2, 4), seed=1000, skeleton=MPII_16, split="test")
strollers = SyntheticPeople((192, 256), 5, seed=1000, split="test")
maps = zoo.load("tompson_tiny")
"""
OF_ONE = "zoo.load('{}'), truth"
OF_SCENES = "zoo.load('{0}').codec, zoo.load('{0}')"
ARGUMENTS = {  # of the constructors
    "PersonMaker": "",
    "CascadeExplorer": OF_ONE.format("deeppose_tiny"),
    "HeatmapLab": "",
    "PyramidExplorer": "maps, truth",
    "PoseMachineExplorer": OF_ONE.format("cpm_tiny"),
    "FeedbackExplorer": OF_ONE.format("ief_tiny"),
    "HourglassExplorer": OF_ONE.format("hourglass_tiny"),
    "SkipExplorer": OF_ONE.format("hourglass_tiny"),
    "BoxExplorer": "system, crowd",
    "NeighbourExplorer": "system",
    "NmsExplorer": "system.detector, crowd",
    "MapsExplorer": "{n: (zoo.load(n), zoo.load(n).codec) for n in "
    "('simple_baseline_tiny', 'cpn_tiny', 'hrnet_tiny')}, truth",
    "OhkmExplorer": "zoo.load('cpn_tiny'), zoo.load('cpn_tiny').codec, truth",
    "BranchExplorer": "zoo.load('hrnet_tiny'), zoo.load('hrnet_tiny').codec, truth",
    "BoxNoiseExplorer": "zoo.load('simple_baseline_tiny'), zoo.load('sstn_tiny'), "
    "crowd",
    "SuppressionExplorer": "",
    "CrowdExplorer": "system",
    "FieldExplorer": OF_SCENES.format("openpose_tiny"),
    "AssemblyExplorer": "zoo.load('openpose_tiny').codec",
    "TagsExplorer": OF_SCENES.format("associative_embedding_tiny"),
    "LearningExplorer": "",
    "VotesExplorer": OF_SCENES.format("personlab_tiny"),
    "FollowExplorer": OF_SCENES.format("personlab_tiny"),
    "PixelExplorer": OF_SCENES.format("personlab_tiny"),
    "TrackingLab": "strollers.clip(12, fps=12.5, seed=45), fps=12.5",
    "TwinExplorer": "truth",
    "LocationMapExplorer": "zoo.load('vnect_tiny'), zoo.load('vnect_tiny').codec, "
    "truth",
    "FilterExplorer": "walk - root_joint(walk), COCO_17",
    "DepthExplorer": "space",
    "CrowdSpaceExplorer": "space, crowd",
    "MetricLab": "truth, truth.keypoints[:, 0] + 3",
    "PrecisionRecall": "crowd, [system(scene.image) for scene in crowd]",
    "TrackingErrors": "marked.clip(10, seed=1000)",
    "BodyExplorer": "*mannequin(), JOINTS",
    "DanceExplorer": "",
    "ChoiceExplorer": "zoo.scoreboard(), conditions()",
    "BudgetExplorer": "curves('PCK@0.05'), 'PCK@0.05'",
}
# What has no slider that one would drag, or is not made in seconds.
LEFT_OUT = {"Annotator", "BugExplorer", "Photo", "SpatialExplorer"}
TRIES, MOVES = 5, 15
FINISHED = "print('REA' + 'DY')"


def making(name: str) -> str:
    """The cell that makes an explorer, and shows it."""
    return "made = globals().setdefault('made', {})\n" + (
        f"made['{name}'] = explore.{name}({ARGUMENTS[name]})\nmade['{name}']"
    )


def slowest_slider(explorer) -> tuple[str, float]:
    """The description of the slider that takes longest, and the median ms of a move.

    Of each slider so many values as `TRIES`, evenly over its range; what an explorer
    remembers of them does not count twice, as in a drag.
    """
    before, found = explorer.values, {}
    for name, control in explorer.controls.items():
        if not hasattr(control, "step") or control.disabled:
            continue
        steps, times = round((control.max - control.min) / control.step), []
        for i in range(TRIES):
            value = control.min + round(i * steps / (TRIES - 1)) * control.step
            value = min(control.max, round(value, 9))  # 0.9, not 0.9000000000000001
            start = time.process_time()
            explorer.set(**{name: value})
            times.append(1000 * (time.process_time() - start))
        found[control.description] = statistics.median(times)
        explorer.set(**before)
    label = max(found, key=found.__getitem__)
    return label, found[label]


def drawing(names: list[str]) -> dict[str, tuple[str, float]]:
    """`slowest_slider` of each explorer, in this process."""
    place: dict = {}
    exec(SETUP, place)
    found = {}
    for name in progress_bar(names, leave=False):
        exec(making(name), place)
        found[name] = slowest_slider(place["made"][name])
    return found


def table(rows: dict[str, tuple]) -> list[str]:
    """Lines of explorer, slider, milliseconds of drawing and, if dragged, of touch.

    In place of a number may stand the reason why there is none.
    """
    lines = [f"{'explorer, ms':24}{'slowest slider':24}{'drawing':>8}  median    p95"]
    for name, (label, *cells) in rows.items():
        numbers = (f"{c:8.0f}" if isinstance(c, float) else f"  {c}" for c in cells)
        lines.append(f"{name:24}{label:24}{''.join(numbers)}")
    return lines


def dragged(page, number: int, label: str) -> list[float]:
    """Milliseconds to new pixels; moves that change no picture do not count.

    To and fro between the ends of the slider, another value every time: beside where it
    stands a limit may limit nothing.
    """
    times: list[float] = []
    handle = latency.slider_handle(page, lab.cell(page, number), label).first
    handle.scroll_into_view_if_needed()
    page.wait_for_timeout(300)
    box = handle.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    track = handle.locator("xpath=ancestor::*[contains(@class, 'noUi-target')]")
    ends = track.bounding_box()
    page.mouse.move(x, y)
    page.mouse.down()
    for step in range(MOVES + 1):
        page.evaluate("(n) => window.watch(n)", number)
        share = 0.02 * (step + 1)  # of the way from one end
        share = share if step % 2 else 1 - share
        page.mouse.move(ends["x"] + share * ends["width"], y)
        if _seen(page):
            times.append(page.evaluate("() => window.latency"))
    page.mouse.up()
    return times[1:]  # the first move warms up


def _seen(page, patience: int = 4_000) -> bool:
    from playwright.sync_api import TimeoutError as Late

    try:
        page.wait_for_function("() => window.latency !== null", timeout=patience)
    except Late:
        return False
    return True


def in_browser(names: list[str]) -> list[str]:
    """The table of what is dragged in a browser, and the comparison with `interact`."""
    cells = [SETUP, *map(making, names), FINISHED, ""]
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder) / "work"
        work.mkdir()
        (work / "all.ipynb").write_text(json.dumps(lab.notebook(cells)))
        (work / "two.ipynb").write_text(json.dumps(lab.notebook(latency.CELLS)))
        with lab.jupyterlab(Path(folder)) as address:
            with lab.browser() as page:
                lab.open_and_run(page, address, "all.ipynb", patience=1200)
                rows = measured(page, names)
            with lab.browser() as page:
                lab.open_and_run(page, address, "two.ipynb")
                both = latency.table(latency.measure(page))
    return [*table(rows), "", both]


def measured(page, names: list[str]) -> dict[str, tuple]:
    """For each explorer its slowest slider, drawing, median and 95th percentile."""
    page.evaluate(latency.WATCH)
    rows = {}
    for name in progress_bar(names, leave=False):
        ask = "from tests.browser.explorers import slowest_slider\n"
        ask += f"print(*slowest_slider(made['{name}']), sep='|')"
        label, bar, spent = lab.run_last_cell(page, ask).strip().rpartition("|")
        if not bar:
            rows[name] = ("", f"cannot be drawn: {spent}")
            continue
        rows[name] = (label, float(spent), *_touch(page, 1 + names.index(name), label))
    return rows


def _touch(page, number: int, label: str) -> tuple:
    """Median and 95th percentile of a drag, or why there are none."""
    from playwright.sync_api import Error

    try:
        times = sorted(dragged(page, number, label))
    except Error as error:
        page.mouse.up()
        return (f"cannot be dragged: {error.message.splitlines()[0]}",)
    if not times:
        return ("no new picture in the drag",)
    high = times[int(0.95 * (len(times) - 1))]
    return float(statistics.median(times)), float(high)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="EXPLORER")
    parser.add_argument("--drawing", action="store_true", help="without a browser")
    options = parser.parse_args()
    names = options.names or list(ARGUMENTS)
    unknown = [name for name in names if name not in ARGUMENTS]
    if unknown:
        parser.error(f"EXPLORER = {unknown[0]}: is none of {', '.join(ARGUMENTS)}")
    reason = None if options.drawing else lab.missing()
    if reason:
        raise SystemExit(f"cannot measure: {reason}")
    lines = table(drawing(names)) if options.drawing else in_browser(names)
    print("\n".join(lines))


if __name__ == "__main__":
    main()
