"""One of several networks that are trained together: `python -m ...learner NAME`."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from poselab import recipes
from poselab.datasets.sources import Source
from poselab.errors import PoselabError
from poselab.evaluate.tasks import judge_of, scorer
from poselab.evaluate.together.rules import Rules, budgeted
from poselab.recipes import Followed, Recipe
from poselab.recipes.training import deadlines
from poselab.records import Sample
from poselab.train import History
from poselab.zoo import cards

SEARCH_SHARE = 0.3  # of the time until the deadline that trying rates may take
WRITE = 8.0  # seconds before the deadline at which training ends

Scores = dict[str, float]


class Learner:
    """The training of the network `name` by `rules`: tries rates, learns, writes."""

    def __init__(self, name: str, rules: Rules) -> None:
        self.name, self.rules, self.began = name, rules, time.monotonic()
        self.recipe = recipes.find(name)
        self.folder = Path(rules.out) / name
        self.folder.mkdir(parents=True, exist_ok=True)
        few = budgeted(self.recipe, rules, rules.search, rules.rates[0])
        self.data, self.held_out = opened(few, rules)
        self.tried: dict[str, Scores] = {}
        self.score: Callable | None = None

    def score_on(self, score: Callable) -> None:
        """Ask `score(net, codec)` on the way, and not the evaluation sets."""
        self.score = score

    def learn(self) -> None:
        """Everything; what was learned is on disk at any time."""
        lr = self.best_rate()
        recipe = budgeted(self.recipe, self.rules, self.rules.pictures, lr)
        end = self.rules.deadline - WRITE
        say(f"{self.name}: {recipe.pictures} pictures at {lr:g}")
        start = time.monotonic()
        net, histories = self.train(recipe, end, Draft(self, recipe))
        made = Followed(net, recipe, histories, None, time.monotonic() - start)
        self.write(net, self.content(made))
        say(f"{self.name}: {made.seconds:.0f} s, {made.curve[-1:]}")

    def best_rate(self) -> float:
        """The learning rate that is best after a few pictures, on held-out people."""
        if not self.rules.search or len(self.rules.rates) == 1:
            return self.rules.rates[0]
        end = self.began + SEARCH_SHARE * (self.rules.deadline - self.began)
        rates = middle_first(self.rules.rates)
        for i, lr in enumerate(rates):
            share = (end - time.monotonic()) / (len(rates) - i)
            if share <= 0:
                break
            recipe = budgeted(self.recipe, self.rules, self.rules.search, lr)
            try:
                net, made = self.train(recipe, time.monotonic() + share, None)
                scores = scored(net, recipe, self.held_out)
            except (RuntimeError, PoselabError) as problem:  # too high, say
                say(f"{self.name}: {lr:g}: {problem}")
                continue
            seconds = sum(history.seconds for history in made)
            self.tried[f"{lr:g}"] = {**scores, "seconds": round(seconds, 2)}
            say(f"{self.name}: rate {lr:g}: {self.tried[f'{lr:g}']}")
        return float(max(self.tried, key=self._merit, default=f"{rates[0]:g}"))

    def _merit(self, rate: str) -> float:
        """What a rate is chosen by: the first score, of the strictest kind."""
        return next(iter(self.tried[rate].values()))

    def train(
        self, recipe: Recipe, end: float, score: Callable | None
    ) -> tuple[nn.Module, list[History]]:
        """Follow the recipe until `end`, which all stages share by their pictures."""
        rules = self.rules
        options: dict[str, Any] = {"graphed": rules.graphed, "half": rules.half}
        options |= {"progress": False, "score": score}
        options["deadlines"] = deadlines(recipe, end)
        parts = (self.data, self.held_out, rules.seed, rules.device)
        return recipe.trainer(recipe, *parts, **options)

    def content(self, made: Followed) -> dict[str, Any]:
        """The card of the finished network."""
        command = f"python -m poselab.train --together {self.name}"
        card = cards.describe(made, self.rules.device, command, self.rules.seed)
        return {**card, **made.ended, "rates": self.tried}

    def write(self, net: nn.Module, content: dict[str, Any]) -> None:
        """Weights and card, whole or not at all."""
        cards.save(self.name, net, content, self.folder, half=True)


class Draft:
    """Scores a network on the way and writes it down, in case it is the last time."""

    def __init__(self, learner: Learner, recipe: Recipe) -> None:
        self.learner, self.recipe, self.curve = learner, recipe, []
        self.score = learner.score or scorer(recipe.task)
        self.whole = set(recipe.network(0).state_dict())

    def __call__(self, net: nn.Module, codec: Any) -> Scores:
        """The scores on the evaluation sets."""
        scores = self.score(net, codec)
        self.curve.append(scores)
        learner = self.learner
        content = {"recipe": self.recipe.content(), "seed": learner.rules.seed}
        content |= {"rates": learner.tried, "scores": self.curve, "unfinished": True}
        if set(net.state_dict()) == self.whole:  # and not the first part of several
            learner.write(net, content)
        return scores


def opened(recipe: Recipe, rules: Rules) -> tuple[Source, Sample]:
    """The people of a recipe: on the GPU, where the recipe's kind of people can."""
    own = getattr(recipe.data, "resident", None)
    if own is None:
        return recipe.data.open(recipe.size, rules.seed)
    data, held_out = own(recipe.size, rules.seed, rules.device)
    return data, held_out.to("cpu")


def scored(net: nn.Module, recipe: Recipe, sample: Sample) -> Scores:
    """The scores on other samples than those of the evaluation."""
    return judge_of(recipe.task)(net, recipe.reader(), sample)


def middle_first(rates: tuple[float, ...]) -> list[float]:
    """The middle rate first: where time ends early, it is the safest."""
    middle = (len(rates) - 1) / 2
    return [rates[i] for i in sorted(range(len(rates)), key=lambda i: abs(i - middle))]


def say(text: str) -> None:
    """A line of the log, there at once."""
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def main(argv: list[str]) -> None:
    """`NAME RULES`: train the network by the rules of the file."""
    name, path = argv
    torch.set_num_threads(1)  # there are as many processes as there are networks
    torch.backends.cudnn.benchmark = True
    torch.backends.cuda.matmul.allow_tf32 = True
    rules = Rules.read(Path(path))
    Learner(name, rules).learn()


if __name__ == "__main__":
    main(sys.argv[1:])
