"""`python -m poselab.train`: a recipe by name, alone or under torchrun."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from poselab.errors import PoselabError, require
from poselab.system import distributed
from poselab.system.disk import replace_file
from poselab.train.loop import of_stage
from poselab.zoo import FOLDER, published, recipes
from poselab.zoo.published import PUBLISHED

EXAMPLES = """examples:
  python -m poselab.train heatmap_tiny
      the bundled weights again
  torchrun --nproc-per-node 4 -m poselab.train heatmap_tiny --checkpoint runs
      four processes together; started again, they go on from runs/
  torchrun --nproc-per-node 8 -m poselab.train hrnet_w32 --data coco:data/coco \\
          --val coco:data/coco --start imagenet.pth --out runs --checkpoint runs
      a paper's network by the paper's recipe, scored with COCO's AP
  python -m poselab.train heatmap_tiny --data coco:data/people
      a small network on your own pictures
"""


OUT = Path("runs")  # where what is not bundled goes
ONLY_PUBLISHED = ("val", "epochs", "batch_size", "start")


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m poselab.train",
        epilog=EXAMPLES,
        description="Train a network of the course by its recipe.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", choices=sorted({*recipes.RECIPES, *PUBLISHED}))
    parser.add_argument(
        "--data",
        metavar="coco:FOLDER[:SPLIT]",
        help="train on these people, not on drawn ones",
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
        "--compile", action="store_true", help="pass the network through torch.compile"
    )
    return _checked(parser.parse_args(argv))


def _checked(options: argparse.Namespace) -> argparse.Namespace:
    """The same options with `out`; an error for one that would do nothing."""
    bundled = options.name in recipes.RECIPES
    for option in ONLY_PUBLISHED if bundled else ():
        value = getattr(options, option)
        require(
            value is None,
            "is for a paper's recipe only",
            value=value,
            where="--" + option.replace("_", "-"),
            fix=f"{options.name} has its own; leave it out.",
        )
    if options.out is None:
        options.out = FOLDER if bundled and options.data is None else OUT
    return options


def _keep_apart(folder: Path, options: argparse.Namespace) -> None:
    """Note in the folder what is trained on; an error if it was something else.

    The weights alone do not tell: training would go on from those of other people.
    """
    note = folder / "words.json"
    start = None if options.start is None else str(options.start)
    words = {"data": options.data, "start": start}
    if note.is_file():
        found = json.loads(note.read_text(encoding="utf-8"))
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


def run(options: argparse.Namespace) -> None:
    """Train in this process, or with the others that torchrun has started."""
    more = {"save_every": options.save_every, "compiled": options.compile}
    with distributed.joined(options.device) as device:
        if options.checkpoint:
            name = f"{options.name}-seed{options.seed}"
            more["checkpoint"] = options.checkpoint / name
            _keep_apart(more["checkpoint"], options)
        if options.name in PUBLISHED:
            _published(options, device, more)
        else:
            recipes.make(
                options.name,
                options.out,
                options.seed,
                device,
                data=options.data,
                **more,
            )
        if distributed.team().leads:
            print(f"wrote {options.out / options.name}.safetensors and .json")


def _published(options: argparse.Namespace, device: str, more: dict) -> None:
    require(
        options.data is not None,
        "a paper's recipe needs a data set",
        where="--data",
        value=None,
        fix="Pass --data coco:FOLDER.",
    )
    if "checkpoint" in more:
        more = of_stage(more, 0)
    report = published.make(
        options.name,
        options.out,
        options.data,
        options.val,
        options.seed,
        device,
        options.epochs,
        options.batch_size,
        start=options.start,
        **more,
    )
    if distributed.team().leads and "scores" in report:
        print("  ".join(f"{k} {v:.3f}" for k, v in report["scores"].items()))


def main(argv: list[str] | None = None) -> None:
    """The command line; an error of poselab is one line, and the exit code is 1."""
    try:
        run(arguments(argv))
    except PoselabError as problem:
        sys.exit(str(problem))


if __name__ == "__main__":
    main()
