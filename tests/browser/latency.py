"""Slider to pixel: how long a browser takes from a slider's move to new pixels.

`python tests/browser/latency.py` drags a slider of two explorers and of an `interact`
with an inline matplotlib figure of the same content, in the same JupyterLab, and prints
median and 95th percentile in milliseconds. `explorers.py` beside it drags all of them.
"""

from __future__ import annotations

import json
import statistics
import tempfile
from pathlib import Path

if __package__ in (None, ""):  # run as a script
    import sys

    sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.browser import lab

MOVES = 30
_SETUP = """
import warnings; warnings.filterwarnings("ignore")
import torch, matplotlib.pyplot as plt, ipywidgets as widgets
%matplotlib inline
from poselab import draw
from poselab.datasets import SyntheticPeople
from poselab.models.deeppose import Cascade, DeepPose, Refiner
"""
_PERSON = """
from poselab.explore.welcome import PersonMaker
maker = PersonMaker()
maker
"""
_PERSON_PLAIN = """
people = SyntheticPeople()
def plain_person(yaw):
    sample = people.scene(**maker.scene_arguments(**{**maker.values, "yaw": yaw}))
    figure, axes = plt.subplots(figsize=(5.3, 7.1))
    draw.pose(axes, sample.image, sample.keypoints, sample.visibility, sample.skeleton)
    draw.box(axes, sample.boxes)
    axes.set_title(f"{int((sample.visibility == 2).sum())} visible joints")
    plt.show()
widgets.interact(plain_person, yaw=widgets.IntSlider(30, -180, 180, 5));
"""
_CASCADE = """
from poselab.explore.deeppose import CascadeExplorer
torch.manual_seed(0)
cascade = Cascade(DeepPose(), [Refiner()]).eval()
samples = SyntheticPeople(split="test").batch(4)
stages = CascadeExplorer(cascade, samples)
stages
"""
_CASCADE_PLAIN = """
from poselab.geometry import crop_boxes
from poselab.explore.deeppose import shifted
@torch.no_grad()
def plain_cascade(dx):
    image = shifted(samples.image[0], dx, 0)
    stages = [points[0] for points in cascade(image[None])]
    truth = samples.keypoints[0, 0] + torch.tensor([dx, 0])
    figure, (left, crop, bars) = plt.subplots(1, 3, figsize=(8.8, 7.1))
    draw.pose(left, image, truth, samples.visibility[0], samples.skeleton,
              colour=draw.TRUTH)
    draw.pose(left, None, stages[-1], None, samples.skeleton)
    for a, b in zip(*stages):
        left.annotate("", b.tolist(), a.tolist(), arrowprops=dict(arrowstyle="->"))
    box = cascade.boxes(stages[0][None])[0, 8]
    draw.box(left, box)
    draw.picture(crop, crop_boxes(image[None], box[None, None], (32, 32))[0, 0])
    bars.barh([1, 2], [(s - truth).norm(dim=-1).mean() for s in stages])
    figure.suptitle(f"input moved by {dx} px")
    plt.show()
widgets.interact(plain_cascade, dx=widgets.IntSlider(0, -24, 24));
"""
CELLS = [
    _SETUP,
    _PERSON,
    _PERSON_PLAIN,
    _CASCADE,
    _CASCADE_PLAIN,
    "print('REA' + 'DY')",
    "",
]
PLACES = {  # name: (cell, slider)
    "person maker": (1, "yaw (°)"),
    "person maker, interact": (2, "yaw"),
    "cascade": (3, "shift x (px)"),
    "cascade, interact": (4, "dx"),
}
WATCH = """
(cell) => {
  // The time from a pointer event to the frame after the picture has new bytes.
  window.moved = null;
  window.addEventListener("pointermove", () => { window.moved ??= performance.now(); },
    { capture: true });
  window.watch = (number) => {
    // By its number, as `lab.cell`: cells out of sight need not be on the page.
    const here = `.jp-Notebook .jp-Cell[data-windowed-list-index='${number}']`;
    const root = document.querySelector(`${here} .jp-Cell-outputWrapper`);
    window.moved = null;
    window.latency = null;
    window.watcher?.disconnect();
    const look = async () => {
      const picture = [...root.querySelectorAll("img")].at(-1);
      if (!picture || window.moved === null || window.latency !== null) return;
      if (picture.src === window.shown) return;
      const source = picture.src;
      try { await picture.decode(); } catch { return; }
      if (window.latency !== null) return;
      requestAnimationFrame(() => {
        window.latency ??= performance.now() - window.moved;
        window.shown = source;
      });
    };
    window.shown = [...root.querySelectorAll("img")].at(-1)?.src;
    window.watcher = new MutationObserver(look);
    window.watcher.observe(root, { subtree: true, childList: true, attributes: true });
  };
}
"""


def slider_handle(page, cell, label: str):
    """The handle of the slider with that description in a cell."""
    row = cell.locator(".widget-hslider", has=page.get_by_text(label, exact=True))
    return row.locator(".noUi-handle")


def drag(page, number: int, label: str, moves: int = MOVES) -> list[float]:
    """Drag a slider to and fro; the milliseconds of each move until new pixels."""
    cell = lab.cell(page, number)
    handle = slider_handle(page, cell, label)
    handle.scroll_into_view_if_needed()
    page.wait_for_timeout(500)
    box = handle.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    times = []
    for step in range(1, moves + 1):
        page.evaluate("(n) => window.watch(n)", number)
        away = 92 - 80 * step / moves  # to and fro: another value every time
        page.mouse.move(x + (away if step % 2 else -away), y)
        page.wait_for_function("() => window.latency !== null", timeout=20_000)
        times.append(page.evaluate("() => window.latency"))
    page.mouse.up()
    return times[1:]  # the first move warms up


def measure(page, moves: int = MOVES) -> dict[str, tuple[float, float]]:
    """(median, 95th percentile) in ms of each place."""
    page.evaluate(WATCH)
    result = {}
    for name, (number, label) in PLACES.items():
        times = sorted(drag(page, number, label, moves))
        result[name] = (statistics.median(times), times[int(0.95 * (len(times) - 1))])
    return result


def table(result: dict[str, tuple[float, float]]) -> str:
    """The measurements as lines, each explorer against its `interact`."""
    lines = [f"{'slider to pixel, ms':28}{'median':>8}{'p95':>8}"]
    for name, (median, high) in result.items():
        lines.append(f"{name:28}{median:8.0f}{high:8.0f}")
    for name in ("person maker", "cascade"):
        ratio = result[f"{name}, interact"][0] / result[name][0]
        lines.append(f"{name}: {ratio:.1f} times faster than interact")
    return "\n".join(lines)


def main() -> None:
    reason = lab.missing()
    if reason:
        raise SystemExit(f"cannot measure: {reason}")
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder) / "work"
        work.mkdir()
        (work / "latency.ipynb").write_text(json.dumps(lab.notebook(CELLS)))
        with lab.jupyterlab(Path(folder)) as address, lab.browser() as page:
            lab.open_and_run(page, address, "latency.ipynb")
            print(table(measure(page)))


if __name__ == "__main__":
    main()
