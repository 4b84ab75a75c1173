"""`python -m poselab.train`: a recipe by name, alone or under torchrun."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from poselab import distributed
from poselab.errors import PoselabError
from poselab.zoo import FOLDER, recipes

EXAMPLES = """examples:
  python -m poselab.train heatmap_tiny
      the bundled weights again
  torchrun --nproc-per-node 4 -m poselab.train heatmap_tiny --checkpoint runs
      four processes together; started again, they go on from runs/
"""


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m poselab.train", epilog=EXAMPLES,
        description="Train a network of the course by its recipe.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("name", choices=sorted(recipes.RECIPES))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", help="cpu, cuda or cuda:1 (a GPU if there is one)")
    parser.add_argument("--out", type=Path, default=FOLDER,
                        help="folder of the weights and their card")  # fmt: skip
    parser.add_argument("--checkpoint", type=Path, metavar="FOLDER",
                        help="keep the state there and go on from it")  # fmt: skip
    parser.add_argument("--save-every", type=int, default=200, metavar="STEPS")
    parser.add_argument("--compile", action="store_true",
                        help="pass the network through torch.compile")  # fmt: skip
    return parser.parse_args(argv)


def run(options: argparse.Namespace) -> None:
    """Train in this process, or with the others that torchrun has started."""
    more = {"save_every": options.save_every, "compiled": options.compile}
    if options.checkpoint:
        name = f"{options.name}-seed{options.seed}"
        more["checkpoint"] = options.checkpoint / name
    with distributed.joined(options.device) as device:
        recipes.make(options.name, options.out, options.seed, device, **more)
        leads = distributed.team().leads
    if leads:
        print(f"wrote {options.out / options.name}.safetensors and its card; now run "
              "python -m poselab.evaluate")  # fmt: skip


def main(argv: list[str] | None = None) -> None:
    """The command line; an error of poselab is one line, and the exit code is 1."""
    try:
        run(arguments(argv))
    except PoselabError as problem:
        sys.exit(str(problem))
