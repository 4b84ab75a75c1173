"""Which method when, on two sheets of A4: `python -m poselab.course summary FILE.pdf`.

All numbers come from the scoreboard and from the table of conditions, so the pages
follow new weights. Black on white, nothing smaller than 8 points, and shapes beside
colours: they are made for paper.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator, ScalarFormatter

from poselab import zoo
from poselab.draw.figures import style
from poselab.draw.styles import SERIES
from poselab.errors import require
from poselab.evaluate.choice import break_even, curves, last_stages
from poselab.evaluate.options import Table, conditions, difficulties, options
from poselab.explore.hunt import BUGS
from poselab.explore.which import place_names, short
from poselab.system.disk import replace_file, user_path

A4 = (8.27, 11.69)  # inches
QUESTIONS = (
    "Which people? Framed, cut out of a crowd, everybody? Small, hidden, turned, dark?",
    "Which metric? A rough place (PCK@0.2) and an exact one (PCK@0.05) rank otherwise.",
    "Which budget for training? The ranking after few pictures is not the last one.",
    "Which budget for a picture, and how many people are in it?",
    "Pixels or millimetres? Relative to the root, or the place in the room as well?",
    "Is the difference more than chance? Same people, paired, with its range.",
    "What do your five worst pictures show? Who is missing in your data?",
)
TRACES = {
    1: "all errors pushed by 1 to 2 px; the score hardly moves",
    2: "the network sees blue skin",
    3: "only joints that come in pairs suffer",
    4: "all joints in the upper left corner",
    5: "the network sees black",
    6: "more joints are counted, the new ones at (0, 0)",
    7: "nearly perfect, but not on new people",
    8: "the crop shows the wrong part",
}
SHOWN = {
    "deeppose_tiny": "o-",
    "hrnet_tiny": "s-",
    "photo": "^--",
    "rcnn+hrnet_large": "D-",
    "personlab_tiny": "v:",
}


def pages() -> tuple[Figure, Figure]:
    """The two pages as figures of A4 size."""
    rows, table = zoo.scoreboard(), conditions()
    with style():
        return _first(rows, table), _second(rows, table)


def write_summary(path: str | Path) -> Path:
    """Both pages as a PDF for print; returns its path.

    Raises `ArgumentError` where the folder does not exist.
    """
    path = user_path(path)
    require(
        path.parent.is_dir(),
        "there is no such folder",
        where="write_summary",
        field="path",
        value=str(path.parent),
    )
    with replace_file(path) as draft, PdfPages(draft) as book:
        for page in pages():
            book.savefig(page)
    return path


def _sheet(text: str, number: int) -> Figure:
    page = Figure(figsize=A4, dpi=100, layout="none")
    page.text(0.07, 0.955, text, fontsize=18, weight="bold")
    page.text(
        0.93, 0.03, f"poselab, notebook 18, page {number} of 2", ha="right", fontsize=8
    )
    return page


def _head(page: Figure, y: float, text: str) -> None:
    page.text(0.07, y, text, fontsize=12, weight="bold")


def _first(rows: list[dict[str, Any]], table: Table) -> Figure:
    """The questions, the answers, the front, and the networks of one budget."""
    page = _sheet("Which method when", 1)
    _head(page, 0.92, "Ask first")
    for i, text in enumerate(QUESTIONS):
        page.text(0.07, 0.897 - 0.02 * i, f"{i + 1}. {text}", fontsize=9.5)
    _head(page, 0.735, "Then choose")
    for i, text in enumerate(_advice(rows, table)):
        page.text(0.07, 0.712 - 0.02 * i, f"- {text}", fontsize=9.5)
    known = curves()
    single = [row for row in last_stages(rows) if row["name"] in known]
    _head(page, 0.585, "One person: accuracy over cost (up and left is better)")
    _front(page, single)
    _head(page, 0.3, "The same in numbers (one budget of training pictures for all)")
    lines = ["network             framed  crowds    MMAC     ms  pictures"]
    for r in sorted(single, key=lambda r: -r["scores"]["PCK@0.05"]):
        lines.append(
            f"{short(r['name']):18s} {r['scores']['PCK@0.05']:7.2f} "
            f"{r['crops']['PCK@0.05']:7.2f} {r['macs'] / 1e6:7.0f} "
            f"{r['ms_per_image']:6.0f} {r['pictures']:9,d}"
        )
    _lines(page, 0.28, lines)
    return page


def _advice(rows: list[dict[str, Any]], table: Table) -> list[str]:
    """A sentence for each kind of question, with the numbers behind it."""
    known = curves()
    single = [row for row in last_stages(rows) if row["name"] in known]
    best = max(single, key=_score)
    near = [row for row in single if _score(row) > 0.9 * _score(best)]
    thrifty = min(near, key=lambda row: row["macs"])
    every = options("crowd", rows, table)
    (top, up) = (
        max(
            (o for o in every if table["methods"][o.name]["kind"] == kind),
            key=lambda o: o.scores["AP"],
        )
        for kind in ("top-down", "bottom-up")
    )
    meet = break_even(*(tuple(table["methods"][o.name]["macs"]) for o in (top, up)))
    clip = max(options("video", rows, table), key=lambda o: o.scores["MOTA"])
    space = {row["name"]: row["scores"] for row in last_stages(rows, "space")}
    lifting, root = space["lifting_tiny"]["MPJPE"], space["rootnet_tiny"]["MRPE"]
    return [
        f"One person, framed: {short(best['name'])} ({_score(best):.2f}); for less "
        f"{short(thrifty['name'])} ({_score(thrifty):.2f}, "
        f"{best['macs'] / thrifty['macs']:.1f} times cheaper).",
        f"Few people: top-down ({short(top.name)}, AP {top.scores['AP']:.2f}).",
        f"Many people in a fixed time: bottom-up ({short(up.name)}, AP "
        f"{up.scores['AP']:.2f}), cheaper from {meet:.1f} people on.",
        f"A clip: link the boxes of {short(clip.name)} (MOTA "
        f"{clip.scores['MOTA']:.2f}).",
        f"Millimetres: lifting good joints ({lifting:.0f} mm); the place in the room "
        f"is harder (RootNet, {root:.0f} mm).",
    ]


def _score(row: dict[str, Any]) -> float:
    return row["scores"]["PCK@0.05"]


def _front(page: Figure, single: list[dict[str, Any]]) -> None:
    axes = page.add_axes((0.12, 0.37, 0.81, 0.2))
    points = [(r["macs"] / 1e6, _score(r), short(r["name"])) for r in single]
    for x, y, _ in points:
        axes.plot(x, y, "o", color="black", ms=5)
    axes.set(xscale="log", ylim=(0.55, 0.95))
    axes.xaxis.set_major_locator(FixedLocator([20, 30, 50, 70, 100, 150, 200, 300]))
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("multiplications for a person, millions", fontsize=9)
    axes.set_ylabel("PCK@0.05, framed", fontsize=9)
    axes.tick_params(labelsize=9)
    axes.margins(x=0.15)
    axes.grid(True, alpha=0.3)
    page.canvas.draw()
    place_names(axes, points, size=9)


def _second(rows: list[dict[str, Any]], table: Table) -> Figure:
    """Everybody in a picture, what makes it hard, and the traces of bugs."""
    page = _sheet("Many people, hard people, and bugs", 2)
    _head(
        page,
        0.92,
        "Everybody in a picture: a price for the picture, and for each person",
    )
    _lines(page, 0.9, _prices(rows, table))
    _head(page, 0.725, "What makes it hard: share of joints found, same scenes for all")
    for i, what in enumerate(difficulties(table, "hrnet_tiny")):
        left, bottom = 0.09 + 0.3 * (i % 3), 0.535 - 0.2 * (i // 3)
        _panel(page.add_axes((left, bottom, 0.24, 0.14)), table, what, legend=i == 0)
    _head(page, 0.255, "A number looks wrong? What eight bugs leave behind")
    for i, (bug, what) in enumerate(BUGS.items()):
        text = f"{what}: {TRACES[bug]}"
        page.text(0.07, 0.233 - 0.021 * i, f"{bug}. {text}", fontsize=8)
    return page


def _prices(rows: list[dict[str, Any]], table: Table) -> list[str]:
    board = {r["name"]: r for r in rows if r["set"] == "crowd"}
    lines = ["system                    AP   MOTA   MMAC + each    ms + each  from"]
    for name, own in table["methods"].items():
        if name not in board or own["kind"] == "boxes given":
            continue
        (base, each), (start, step) = own["macs"], own["ms"]
        rivals = [
            break_even((base, each), tuple(other["macs"]))
            for other in table["methods"].values()
            if other["kind"] == "bottom-up" and each
        ]
        meet = f"{min(rivals):5.1f}" if rivals else ""
        mota = own.get("video", {}).get("MOTA", float("nan"))
        lines.append(
            f"{short(name):22s} {board[name]['scores']['AP']:5.2f} "
            f"{mota:6.2f} {base / 1e6:6.0f} {each / 1e6:+6.0f} "
            f"{start:6.0f} {step:+6.1f} {meet:>5s}"
        )
    return [*lines, "(from: people from which on some bottom-up network is cheaper)"]


def _panel(axes, table: Table, what: str, legend: bool) -> None:
    for (name, mark), ink in zip(SHOWN.items(), SERIES, strict=False):
        found = difficulties(table, name) if name in table["methods"] else {}
        if what in found:
            ticks, shares = found[what]
            axes.plot(
                range(4), shares, mark, color=ink, ms=4, lw=1.5, label=short(name)
            )
            axes.set_xticks(range(4), ticks)
    axes.set(ylim=(0, 1))
    axes.set_title(what, fontsize=9)
    axes.tick_params(labelsize=8)
    axes.grid(True, alpha=0.3)
    if legend:
        axes.legend(fontsize=8, ncols=5, loc="lower left", bbox_to_anchor=(-0.2, 1.15))


def _lines(page: Figure, y: float, lines: list[str]) -> None:
    for i, line in enumerate(lines):
        page.text(0.07, y - 0.0185 * i, line, fontsize=9, family="monospace")
