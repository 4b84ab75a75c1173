"""`python -m poselab.train`: recipes by name, alone or under torchrun."""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from pathlib import Path
from typing import Any

import torch
from torch import nn

from poselab import recipes
from poselab.errors import PoselabError, require
from poselab.evaluate.coco import coco_scores
from poselab.evaluate.tasks import scorer
from poselab.recipes import Annotated, Followed, Recipe
from poselab.recipes.training import deadlines
from poselab.system import distributed
from poselab.system.disk import replace_file
from poselab.zoo import cards
from poselab.zoo.partial import Taken, start_from
from poselab.zoo.preflight import open_held_out, read_note, require_room, save_somewhere

EXAMPLES = """examples:
  python -m poselab.train heatmap_tiny
      the bundled weights again
  python -m poselab.train --all
      every bundled network whose recipe has changed since; goes on where it was
  torchrun --nproc-per-node 4 -m poselab.train heatmap_tiny --checkpoint runs
      four processes together; started again, they go on from runs/
  torchrun --nproc-per-node 8 -m poselab.train hrnet_w32 --data coco:data/coco \\
          --val coco:data/coco --start imagenet.pth --out runs --checkpoint runs
      a paper's network by the paper's recipe, scored with COCO's AP
  python -m poselab.train heatmap_tiny --data coco:data/people
      a small network on your own pictures
"""


OUT = Path("runs")  # where what is not bundled goes
ONLY_PAPERS = ("val", "epochs", "batch_size", "start")
NOT_FOR_ALL = ("data", *ONLY_PAPERS)


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m poselab.train",
        epilog=EXAMPLES,
        description="Train networks of the course by their recipes.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    known = sorted([*recipes.names(), *recipes.paper_names()])
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("name", nargs="?", choices=known)
    what.add_argument(
        "--all",
        action="store_true",
        help="every bundled network whose card is not that of its recipe; "
        f"checkpoints are kept in {OUT}",
    )
    parser.add_argument(
        "--data",
        metavar="coco:FOLDER[:SPLIT]",
        help="train on these people, not on drawn ones; for files that lack something "
        "add ,area=box or ,boxes=joints or ,person=NAME",
    )
    parser.add_argument(
        "--val", metavar="coco:FOLDER[:SPLIT]", help="score a paper's network on these"
    )
    parser.add_argument("--epochs", type=float, help="of a paper's recipe (210)")
    parser.add_argument(
        "--batch-size",
        type=int,
        metavar="N",
        help="of a paper's recipe, all processes together (128)",
    )
    parser.add_argument(
        "--start",
        type=Path,
        metavar="FILE",
        help="weights of the backbone to start a paper's network from",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", help="cpu, cuda or cuda:1 (a GPU if there is one)")
    parser.add_argument(
        "--out",
        type=Path,
        help="folder of the weights and their card (the package's; for "
        f"a paper's network and with --data {OUT})",
    )
    parser.add_argument(
        "--checkpoint",
        type=Path,
        metavar="FOLDER",
        help="keep the state there and go on from it",
    )
    parser.add_argument("--save-every", type=int, default=200, metavar="STEPS")
    parser.add_argument(
        "--curve",
        action="store_true",
        help="score after 8000, 16000, ... pictures and keep it on the card",
    )
    parser.add_argument(
        "--compile", action="store_true", help="pass the network through torch.compile"
    )
    parser.add_argument(
        "--minutes",
        type=float,
        metavar="M",
        help="end the training by then; the learning rate runs through its course",
    )
    parser.add_argument(
        "--half",
        action="store_true",
        help="forward passes in bfloat16 on a CPU, too, if it has such units",
    )
    return _checked(parser.parse_args(argv))


def _checked(options: argparse.Namespace) -> argparse.Namespace:
    """The same options with `out`; an error for one that would do nothing."""
    paper = options.name in recipes.paper_names()
    for option in () if paper else NOT_FOR_ALL if options.all else ONLY_PAPERS:
        value = getattr(options, option)
        require(
            value is None,
            "is for a paper's recipe only"
            if options.name
            else "does not go with --all",
            value=value,
            where="--" + option.replace("_", "-"),
            fix="Leave it out.",
        )
    minutes = options.minutes
    require(
        minutes is None or (minutes > 0 and not paper and not options.all),
        "must be above 0, and goes with the name of a small network only",
        where="--minutes",
        value=minutes,
    )
    if options.out is None:
        options.out = cards.FOLDER if not paper and options.data is None else OUT
    if options.all:
        options.checkpoint, options.curve = options.checkpoint or OUT, True
    return options


def run(options: argparse.Namespace) -> None:
    """Train in this process, or with the others that torchrun has started."""
    with distributed.joined(options.device) as device:
        for name in recipes.names() if options.all else [options.name]:
            recipe = recipes.find(name)
            if options.all and up_to_date(name, recipe, options):
                say(f"{name} is up to date")
            elif not options.all or _bundled(name, options.out):
                make(name, recipe, options, device)


def up_to_date(name: str, recipe: Recipe, options: argparse.Namespace) -> bool:
    """Whether the weights in the folder are those of this recipe and seed."""
    if name not in cards.names(options.out):
        return False
    card = cards.card(name, options.out)
    return (card["recipe"], card["seed"]) == (recipe.content(), options.seed)


def make(name: str, recipe: Recipe, options: argparse.Namespace, device: str) -> None:
    """Follow a recipe and write its weights and card; the leader of a team does."""
    require_room(recipe, options)  # now, not after the training
    more = _fit_options(name, recipe, options)
    val = None if options.val is None else open_held_out(options.val)
    changes = {"epochs": options.epochs, "batch_size": options.batch_size}
    made = recipes.follow(
        recipe,
        options.seed,
        device,
        options.data,
        {key: value for key, value in changes.items() if value is not None},
        None if val is None else val.skeleton,
        **more,
    )
    card = cards.describe(made, device, _command(name, options), options.seed)
    if options.minutes is not None:
        card |= made.ended
    if options.data is not None:
        card |= _report(made, options, device)
    if options.start is not None:
        card["start"] = more["prepare"].taken.content()
    half = not isinstance(recipe.data, Annotated)
    if distributed.team().leads:  # before anything else that can fail
        save_somewhere(name, made.net, card, options.out, half)
        say(f"wrote {options.out / name}.safetensors and .json")
    if val is not None:
        scores = coco_scores(made.net, made.recipe, val, device)
        say("  ".join(f"{k} {v:.3f}" for k, v in scores.items()))
        if distributed.team().leads:
            card |= {"val": options.val, "scores": scores}
            cards.write_card(name, card, options.out)


def _fit_options(
    name: str, recipe: Recipe, options: argparse.Namespace
) -> dict[str, Any]:
    """What the trainer passes on to `fit`."""
    found: dict[str, Any] = {
        "save_every": options.save_every,
        "compiled": options.compile,
    }
    if options.half:
        found["half"] = True
    if options.minutes is not None:
        end = time.monotonic() + 60 * options.minutes
        found["deadlines"] = deadlines(recipe, end)
    if options.curve:
        found["score"] = scorer(recipe.task)
    if options.start is not None:
        found["prepare"] = Start(options.start)
    if options.checkpoint is not None:
        folder = options.checkpoint / f"{name}-seed{options.seed}"
        if options.all:  # another recipe starts anew
            text = json.dumps(recipe.content(), sort_keys=True)
            digest = hashlib.sha256(text.encode()).hexdigest()[:8]
            folder = folder.with_name(f"{folder.name}-{digest}")
        _keep_apart(folder, options)
        found["checkpoint"] = folder
    return found


class Start:
    """Puts the tensors of a file into a new network, and keeps what was `taken`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.taken: Taken | None = None

    def __call__(self, net: nn.Module) -> None:
        self.taken = start_from(net, self.path)
        say(f"started from {self.path}: {self.taken}")


def _keep_apart(folder: Path, options: argparse.Namespace) -> None:
    """Note in the folder what is trained on; an error if it was something else.

    The weights alone do not tell: training would go on from those of other people.
    """
    note = folder / "words.json"
    start = None if options.start is None else str(options.start)
    words = {"data": options.data, "start": start}
    if note.is_file():
        found = read_note(note)
        require(
            found == words,
            f"holds a training with {found}",
            where="--checkpoint",
            value=str(folder),
            fix="Choose another folder, or delete this one.",
        )
    elif distributed.team().leads:
        folder.mkdir(parents=True, exist_ok=True)
        with replace_file(note) as draft:
            draft.write_text(json.dumps(words), encoding="utf-8")


def _report(made: Followed, options: argparse.Namespace, device: str) -> dict[str, Any]:
    """What one wants to know of a training on a data set."""
    spent = sum(history.seconds for history in made.histories)
    found = {
        "data": options.data,
        "people": made.samples,
        "left_out": made.left_out,
        "processes": distributed.team().size,
        "images_per_second": made.recipe.pictures / max(spent, 1e-9),
        "loss": [history.loss for history in made.histories],
    }
    if device.startswith("cuda"):
        found["gigabytes"] = torch.cuda.max_memory_allocated(device) / 1e9
    return found


def _bundled(name: str, folder: Path) -> bool:
    """Whether weights of this recipe come with the package, or lie in the folder."""
    return name in cards.names() or name in cards.names(folder)


def _command(name: str, options: argparse.Namespace) -> str:
    data = "" if options.data is None else f" --data {options.data}"
    return f"python -m poselab.train {name} --seed {options.seed}{data}"


def say(text: str) -> None:
    """Print, once for a team."""
    if distributed.team().leads:
        print(text)


def main(argv: list[str] | None = None) -> None:
    """The command line; an error of poselab is one line, and the exit code is 1."""
    try:
        run(arguments(argv))
    except PoselabError as problem:
        sys.exit(str(problem))
    except OSError as problem:
        sys.exit(f"{problem.filename or 'a file'}: {problem.strerror or problem}")


if __name__ == "__main__":
    main()
