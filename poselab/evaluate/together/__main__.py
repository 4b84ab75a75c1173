"""`python -m poselab.evaluate.together`: all networks of the course on one GPU."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from poselab import recipes
from poselab.errors import PoselabError
from poselab.evaluate.together.processes import summary, train_together
from poselab.evaluate.together.rules import Rules
from poselab.recipes.continued import Continued

EXAMPLES = """examples:
  python -m poselab.evaluate.together --device cuda --minutes 8.5 --out trained
      every network of the scoreboard on 1,000,000 pictures, or as many as fit
  python -m poselab.evaluate.together heatmap_tiny hrnet_tiny --device cpu \\
          --pictures 4096 --search 512 --pool 512 --scenes 64 --out trained
      two of them, and little of everything
"""
ROOM = "64"  # GB that the pools may take: they are drawn for this run


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m poselab.evaluate.together",
        epilog=EXAMPLES,
        description="Train networks at the same time, by the same rules.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("names", nargs="*", metavar="NAME", help="recipes (default: all bundled)")
    add("--device", default="cuda")
    add("--minutes", type=float, default=8.5, help="until all is written")
    add("--out", type=Path, default=Path("trained"), help="folder of weights and logs")
    add("--packed", type=Path, help="the same as one tar (default: OUT.tar)")
    add("--pictures", type=int, default=Rules.pictures, metavar="N")
    add("--search", type=int, default=Rules.search, help="pictures for each rate")
    add("--rates", type=float, nargs="+", default=list(Rules.rates))
    add("--batch", type=int, default=Rules.batch)
    add("--pool", type=int, default=Rules.pool, help="framed people, and crops, drawn")
    add("--scenes", type=int, default=Rules.scenes, help="crowds for detectors")
    add("--held-out", type=int, default=Rules.held_out)
    add(
        "--average", type=float, default=Rules.average, help="decay of averaged weights"
    )
    add("--half", action="store_true", help="forward passes in bfloat16")
    add("--no-graph", action="store_true", help="step kernel by kernel")
    add("--seed", type=int, default=0)
    return parser.parse_args(argv)


def _from_nothing(name: str) -> bool:
    """Whether a recipe begins with no other network's weights: those are compared."""
    return not isinstance(recipes.find(name), Continued)


def main(argv: list[str] | None = None) -> None:
    """The command line; prints a line for each network in the end."""
    began, options = time.monotonic(), arguments(argv)
    names = options.names or [n for n in recipes.names() if _from_nothing(n)]
    os.environ.setdefault("POSELAB_CACHE_GB", ROOM)
    try:
        for name in names:
            recipes.find(name)
    except PoselabError as problem:
        sys.exit(str(problem))
    rules = Rules(
        device=options.device,
        deadline=began + 60 * options.minutes,
        out=str(options.out.resolve()),
        pictures=options.pictures,
        search=options.search,
        rates=tuple(options.rates),
        batch=options.batch,
        pool=options.pool,
        held_out=options.held_out,
        scenes=options.scenes,
        average=options.average,
        half=options.half,
        graphed=not options.no_graph,
        seed=options.seed,
    )
    packed = options.packed or options.out.with_suffix(".tar")
    print(summary(names, rules, train_together(names, rules, packed)))


if __name__ == "__main__":
    main()
