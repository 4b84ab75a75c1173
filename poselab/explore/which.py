"""The explorers of notebook 18: which methods remain, and what a budget decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from matplotlib.ticker import LogLocator, NullFormatter, ScalarFormatter
from PIL import Image

from poselab.draw import style
from poselab.draw.styles import SERIES
from poselab.evaluate.choice import Curve, pareto, score_at
from poselab.evaluate.options import (
    HEIGHTS,
    HIDDEN,
    MEASURES,
    QUESTIONS,
    Option,
    Table,
    among,
    options,
    refused,
)
from poselab.explore.base import Explorer
from poselab.explore.controls import choice, slider
from poselab.explore.inputs import expect
from poselab.explore.pictures import Chart, beside

__all__ = ["BudgetExplorer", "ChoiceExplorer"]

_COSTS = {
    "macs": ("multiplications of a picture, millions", 1e-6),
    "ms": ("ms of a picture, one thread", 1.0),
    "parameters": ("parameters, thousands", 1e-3),
    "training_gmacs": ("training, 10^12 multiplications", 1e-3),
}
_OUT = "0.75"  # grey of what a limit has removed


def short(name: str) -> str:
    """A network's name as a figure has room for."""
    return name.replace("_tiny", "").replace("_", " ")


class ChoiceExplorer(Explorer):
    """Accuracy over cost of all methods that answer a question, and limits for both.

    `rows` are rows of the scoreboard, `table` is that of `evaluate.options.conditions`.
    What breaks a limit is grey, and the caption says which; ringed are those that
    nobody beats in both. Costs are those of a picture with so many people.
    """

    def __init__(
        self, rows: Sequence[dict[str, Any]], table: Table, *, width=900, **values
    ) -> None:
        for row in expect(rows, Sequence, "rows", "zoo.scoreboard() gives them."):
            expect(row, Mapping, "rows", "zoo.scoreboard() gives them.")
        fix = "`evaluate.options.conditions` makes it."
        self.rows, self.table = list(rows), expect(table, Mapping, "table", fix)
        costs = [(text, k) for k, (text, _) in _COSTS.items()]
        controls = {
            "question": choice(
                "asked", [(t, k) for k, t in QUESTIONS.items()], "crowd"
            ),
            "strict": choice("measure", [("strict", 0), ("middle", 1), ("loose", 2)]),
            "cost": choice("across", costs),
            "people": slider("people", 1, 10, 1, 1, help="in the picture"),
            "height": choice("their height", list(HEIGHTS)),
            "hidden": choice("hidden joints", list(HIDDEN)),
            "least": slider("score at least", 0.0, 1.0, 0.0, 0.01),
            "most": slider("budget, 10^", 1.0, 4.0, 4.0, 0.1, help="MMAC a picture"),
        }
        groups = {
            "Question": ("question", "strict", "cost"),
            "Pictures": ("people", "height", "hidden"),
            "Limits": ("least", "most"),
        }
        self._plot = _Scatter()
        super().__init__(
            self._paint, controls, groups=groups, values=values, width=width
        )

    def found(self, question, people, height, hidden) -> list[Option]:
        """All options, and whose joints are counted."""
        mask = among(self.table, height, hidden)
        return options(question, self.rows, self.table, people, mask)

    def _measure(self, question: str, strict: int, height: str, hidden: str) -> str:
        """AP cannot be asked of some people alone, so chosen people are counted."""
        chosen = question == "crowd" and (height, hidden) != ("all", "all")
        return "joints found" if chosen else MEASURES[question][strict]

    def _paint(self, question, strict, cost, people, height, hidden, least, most):
        measure = self._measure(question, strict, height, hidden)
        every = self.found(question, people, height, hidden)
        why = refused(every, measure, least, 1e6 * 10**most)
        left = [one for one in every if one.name not in why]
        front = _front(left, cost, measure)
        text, unit = _COSTS[cost]
        points = [
            (getattr(o, cost) * unit, o.scores[measure], short(o.name)) for o in every
        ]
        kept = [one.name not in why for one in every]
        rings = [one.name in front for one in every]
        self._plot.follow(points, kept, rings, text, measure)
        told = _told(every, left, front, measure, why)
        if question != "crowd" and (height, hidden) != ("all", "all"):
            told += " Height and hidden joints are counted for everybody only."
        return self._plot.chart.image(), told


def _told(every, left, front, measure: str, why: Mapping[str, str]) -> str:
    """The caption: who remains, who is unbeaten, and why the others went."""
    best = max(left, key=lambda one: one.scores[measure], default=None)
    named = "nothing remains" if best is None else f"best: {short(best.name)}"
    if best is not None:
        named += f", {measure} {best.scores[measure]:.2f}"
    reasons = "; ".join(f"{short(k)}: {v}" for k, v in why.items())
    return (
        f"{len(left)} of {len(every)} methods remain; {named}. Unbeaten in both: "
        f"{', '.join(map(short, front)) or 'none'}. Removed: {reasons or 'none'}."
    )


def _front(left: Sequence[Option], cost: str, measure: str) -> list[str]:
    if not left:
        return []
    costs = torch.tensor([float(getattr(one, cost)) for one in left])
    scores = torch.tensor([one.scores[measure] for one in left])
    mask = pareto(costs, scores).tolist()
    return [one.name for one, free in zip(left, mask, strict=True) if free]


class _Scatter:
    """Points with names over a logarithmic cost."""

    def __init__(self) -> None:
        with style():
            self.chart = Chart(720, 450)
        self.chart.axes.set(xscale="log")
        self._dots: list[Any] = []
        self._drawn: tuple = ()

    def follow(self, points, kept, rings, across: str, up: str) -> None:
        """Colour the points; only where one has moved draw all of it again."""
        if self._drawn != (points, across, up):
            self._place(points, across, up)
            self._drawn = points, across, up
        for dot, here, ringed in zip(self._dots, kept, rings, strict=True):
            ink = SERIES[0] if here else _OUT
            dot.set(mfc=ink, mec="black" if ringed else ink)

    def _place(self, points, across: str, up: str) -> None:
        """Axes, points, and names, which move with their points."""
        axes = self.chart.axes
        axes.clear()
        with style():
            self._dots = [axes.plot(x, y, "o", ms=11, mew=2.5)[0] for x, y, _ in points]
            axes.set(xscale="log", xlabel=across, ylabel=up)
            axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.xaxis.set_major_formatter(ScalarFormatter())
            axes.xaxis.set_minor_formatter(NullFormatter())
            low = min((y for _, y, _ in points), default=0.0)
            axes.set_ylim(low - 0.1, 1.02)
            axes.margins(x=0.3)
            axes.grid(True, alpha=0.3)
            place_names(axes, points, 12.5)


_SIDES = [(9, 5), (9, -14), (-9, 5), (-9, -14), (0, 14), (0, -22)]  # px
_SIDES += [(s * 9, up) for up in (18, -27, 31, -40, 44, -53) for s in (1, -1)]

_LEADER = {"arrowstyle": "-", "color": "0.55", "lw": 0.8}  # to a name farther off


def place_names(
    axes: Any, points: Sequence[tuple[float, float, str]], size: float = 11
) -> None:
    """Write each name (x, y, name) beside its point, where no other name or point is.

    Of some places around the point the first that is free, else the first; `size` in
    points.
    """
    seen = [axes.transData.transform((x, y)) for x, y, _ in points]
    taken = [(x - 7, y - 7, x + 7, y + 7) for x, y in seen]
    for (x, y), (_, _, name), point in zip(seen, points, points, strict=True):
        wide, tall = 0.77 * size * len(name), 1.4 * size
        room = [_frame(x, y, right, up, wide, tall) for right, up in _SIDES]
        free = [not any(_meet(box, other) for other in taken) for box in room]
        chosen = free.index(True) if any(free) else 0
        right, up = _SIDES[chosen]
        taken.append(room[chosen])
        axes.annotate(
            name,
            point[:2],
            xytext=(right * 0.72, up * 0.72),
            textcoords="offset points",
            ha="left" if right > 0 else "right" if right < 0 else "center",
            fontsize=size,
            arrowprops=_LEADER if chosen > 3 else None,
        )


def _frame(x, y, right, up, wide, tall) -> tuple[float, float, float, float]:
    """Where a name would stand, in px of the figure: left, bottom, right, top."""
    left = x + right - wide * (0 if right > 0 else 1 if right < 0 else 0.5)
    return left, y + up - 3, left + wide, y + up + tall - 3


def _meet(a, b) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


class BudgetExplorer(Explorer):
    """Learning curves, and who would have won after any number of pictures.

    `curves` maps names to (pictures, score) points (`evaluate.choice.curves`);
    `pictures` moves in steps of a quarter of a doubling.
    """

    def __init__(
        self, curves: Mapping[str, Curve], score: str, *, width=1000, **values
    ) -> None:
        expect(curves, Mapping, "curves", "`evaluate.choice.curves` makes it.")
        self.curves = dict(curves)
        self.first = max(curve[0][0] for curve in self.curves.values())
        last = min(curve[-1][0] for curve in self.curves.values())
        self.steps = 20
        self.growth = (last / self.first) ** (1 / self.steps)
        controls = {
            "step": slider("pictures seen", 0, self.steps, self.steps, 1, help=HELP)
        }
        self._lines = _Lines(self.curves, score)
        super().__init__(self._paint, controls, values=values, width=width)

    def pictures(self, step: int) -> int:
        """How many pictures a step of the slider stands for."""
        return round(self.first * self.growth**step)

    def _paint(self, step: int) -> tuple[Image.Image, str]:
        seen = min(self.pictures(step), min(c[-1][0] for c in self.curves.values()))
        scores = {name: score_at(curve, seen) for name, curve in self.curves.items()}
        order = sorted(scores, key=lambda name: scores[name], reverse=True)
        self._lines.follow(seen, [(short(n), scores[n]) for n in order])
        told = ", ".join(f"{short(n)} {scores[n]:.3f}" for n in order)
        caption = f"After {seen:,} pictures: {told}."
        return beside(self._lines.left.image(), self._lines.right.image()), caption


HELP = "from 8,064 to 262,144, each step a fifth more"


class _Lines:
    """The curves with a line at the present number, and bars for it.

    The bars are the legend: each has the colour of its curve, and is hatched where the
    curve is dashed.
    """

    def __init__(self, curves: Mapping[str, Curve], score: str) -> None:
        self.looks = {short(name): _look(i) for i, name in enumerate(curves)}
        with style():
            self.left, self.right = Chart(470, 470), Chart(530, 470)
            axes = self.left.axes
            for name, curve in curves.items():
                colour, dash, _ = self.looks[short(name)]
                axes.plot(*zip(*curve, strict=True), dash, color=colour)
            self.now = axes.axvline(1e4, color="black", lw=2)
            axes.set(xscale="log", xlabel="pictures seen", ylabel=score)
            low = min(value for curve in curves.values() for _, value in curve)
            axes.set_ylim(max(0, low - 0.05), 1)
            bars = self.right.axes
            blank = [str(i) for i in range(len(curves))]
            self.bars = bars.barh(blank, [0] * len(curves), edgecolor="white", lw=0)
            bars.set(xlim=(0, 1), xlabel=f"{score} at the black line")
            bars.set_axisbelow(True)
            bars.set_yticks(range(len(curves)))
            bars.invert_yaxis()
            bars.set_yticklabels(["simple baseline"] * len(curves), fontsize=16)

    def follow(self, seen: int, ranked: list[tuple[str, float]]) -> None:
        self.now.set_xdata([seen, seen])
        names = [name for name, _ in ranked]
        if names != [text.get_text() for text in self.right.axes.get_yticklabels()]:
            self.right.axes.set_yticklabels(names, fontsize=16)
        for bar, (name, value) in zip(self.bars, ranked, strict=True):
            colour, _, hatch = self.looks[name]
            bar.set(width=value, facecolor=colour, hatch=hatch)


def _look(i: int) -> tuple[str, str, str]:
    """Colour, line style and hatch of the i-th of at most 14 curves."""
    dashed = i >= len(SERIES)
    return SERIES[i % len(SERIES)], "--" if dashed else "-", "//" if dashed else ""
