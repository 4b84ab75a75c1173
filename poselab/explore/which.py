"""The explorers of notebook 18: which methods remain, and what a budget decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from matplotlib.ticker import ScalarFormatter
from PIL import Image

from poselab.draw import style
from poselab.draw.styles import SERIES
from poselab.evaluate.choice import Curve, pareto, remaining, score_at
from poselab.explore.base import Explorer
from poselab.explore.controls import choice, slider
from poselab.explore.pictures import Chart, beside

__all__ = ["BudgetExplorer", "ChoiceExplorer"]

_COSTS = {
    "macs": ("multiplications, millions", 1e-6),
    "parameters": ("parameters, thousands", 1e-3),
    "training_gmacs": ("training, 10^12 multiplications", 1e-3),
    "ms_per_image": ("ms a picture, one thread", 1.0),
}
_OUT = "0.75"  # grey of what a limit has removed


def short(name: str) -> str:
    """A network's name as a figure has room for."""
    return name.removesuffix("_tiny").replace("_", " ")


class ChoiceExplorer(Explorer):
    """Accuracy over cost of the networks for one person, and limits for both.

    `rows` are rows of the scoreboard, one for each network. What breaks a limit is
    grey, and the caption says which; ringed are those that nobody beats in both.
    `people` chooses the set: framed, or cut out of crowds.
    """

    def __init__(self, rows: Sequence[dict[str, Any]], *, width=900, **values) -> None:
        self.rows = [row for row in rows if row["macs"]]  # not the mean pose
        controls = {
            "cost": choice("across", [(text, k) for k, (text, _) in _COSTS.items()]),
            "score": choice("up", ["PCK@0.05", "PCK@0.1", "PCK@0.2"]),
            "people": choice("people", [("framed", "scores"), ("in crowds", "crops")]),
            "least": slider("PCK at least", 0.0, 1.0, 0.0, 0.01),
            "most": slider("MMAC at most", 10, 200, 200, 5),
        }
        groups = {"Axes": ("cost", "score", "people"), "Limits": ("least", "most")}
        self._plot = _Scatter()
        super().__init__(
            self._paint, controls, groups=groups, values=values, width=width
        )

    def left(self, score: str, people: str, least: float, most: float):
        """The rows that keep both limits, and why the others do not."""
        rows = [{**row, "scores": row[people]} for row in self.rows]
        return remaining(rows, {score: least}, {"macs": most * 1e6})

    def _paint(self, cost, score, people, least, most) -> tuple[Image.Image, str]:
        left, why = self.left(score, people, least, most)
        names = {row["name"] for row in left}
        text, unit = _COSTS[cost]
        points = [
            (row[cost] * unit, row[people][score], short(row["name"]))
            for row in self.rows
        ]
        front = self._front(left, cost, score)
        kept = [row["name"] in names for row in self.rows]
        rings = [row["name"] in front for row in self.rows]
        self._plot.follow(points, kept, rings, text, score)
        reasons = "; ".join(f"{short(k)}: {v}" for k, v in why.items())
        best = max(left, key=lambda row: row["scores"][score], default=None)
        named = "nothing remains" if best is None else f"best: {short(best['name'])}"
        caption = (
            f"{len(left)} of {len(self.rows)} networks remain; {named}. Unbeaten in "
            f"both: {', '.join(map(short, front)) or 'none'}. "
            f"Removed: {reasons or 'none'}."
        )
        return self._plot.chart.image(), caption

    def _front(self, rows: list[dict[str, Any]], cost: str, score: str) -> list[str]:
        if not rows:
            return []
        costs = torch.tensor([float(row[cost]) for row in rows])
        scores = torch.tensor([row["scores"][score] for row in rows])
        mask = pareto(costs, scores).tolist()
        return [row["name"] for row, free in zip(rows, mask, strict=True) if free]


class _Scatter:
    """Points with names over a logarithmic cost."""

    def __init__(self) -> None:
        with style():
            self.chart = Chart(860, 480)
        self.chart.axes.set(xscale="log")

    def follow(self, points, kept, rings, across: str, up: str) -> None:
        """Draw all of it again: names move with their points."""
        axes = self.chart.axes
        axes.clear()
        with style():
            marks = sorted(zip(points, kept, rings, strict=True))
            for i, ((x, y, name), here, ringed) in enumerate(marks):
                ink = SERIES[0] if here else _OUT
                edge = "black" if ringed else ink
                axes.plot(x, y, "o", ms=11, mfc=ink, mec=edge, mew=2.5)
                shift = (7, 8) if i % 2 else (7, -17)  # neighbours' names apart
                axes.annotate(
                    name, (x, y), xytext=shift, textcoords="offset points", fontsize=11
                )
            axes.set(xscale="log", xlabel=across, ylabel=up)
            axes.xaxis.set_major_formatter(ScalarFormatter())
            axes.xaxis.set_minor_formatter(ScalarFormatter())
            low = min(y for _, y, _ in points)
            axes.set_ylim(max(0.0, low - 0.05), 1.0)
            axes.margins(x=0.2)
            axes.grid(True, alpha=0.3)


class BudgetExplorer(Explorer):
    """Learning curves, and who would have won after any number of pictures.

    `curves` maps names to (pictures, score) points (`evaluate.choice.curves`);
    `pictures` moves in steps of a quarter of a doubling.
    """

    def __init__(
        self, curves: Mapping[str, Curve], score: str, *, width=1000, **values
    ) -> None:
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
    """The curves with a line at the present number, and bars for it."""

    def __init__(self, curves: Mapping[str, Curve], score: str) -> None:
        with style():
            self.left, self.right = Chart(520, 420), Chart(460, 420)
            axes = self.left.axes
            for i, (name, curve) in enumerate(curves.items()):
                x, y = zip(*curve, strict=True)
                dash = "-" if i < len(SERIES) else "--"
                axes.plot(x, y, dash, color=SERIES[i % len(SERIES)], label=short(name))
            self.now = axes.axvline(1e4, color="black", lw=2)
            axes.set(xscale="log", xlabel="pictures seen", ylabel=score)
            axes.set_ylim(0, 1)
            small = {"columnspacing": 0.8, "handlelength": 1.3, "borderaxespad": 0.1}
            axes.legend(fontsize=11, ncols=3, loc="lower right", **small)
            bars = self.right.axes
            blank = [str(i) for i in range(len(curves))]
            self.bars = bars.barh(blank, [0] * len(curves), color=SERIES[0])
            bars.set(xlim=(0, 1), xlabel=score)
            bars.set_yticks(range(len(curves)))
            bars.invert_yaxis()
            bars.set_yticklabels(["simple baseline"] * len(curves), fontsize=11)

    def follow(self, seen: int, ranked: list[tuple[str, float]]) -> None:
        self.now.set_xdata([seen, seen])
        self.right.axes.set_yticklabels([name for name, _ in ranked], fontsize=11)
        for bar, (_, value) in zip(self.bars, ranked, strict=True):
            bar.set_width(value)
