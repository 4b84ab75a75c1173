"""`python -m poselab.evaluate`: score the bundled networks, or run ablations."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from poselab.errors import PoselabError
from poselab.evaluate.ablations import run_claims
from poselab.evaluate.conditions import write
from poselab.evaluate.scoreboard import evaluate
from poselab.evaluate.sizes import write_sizes
from poselab.system import distributed

EXAMPLES = """examples:
  python -m poselab.evaluate
      the scoreboard and the scores on the cards
  python -m poselab.evaluate claims 06
      the trainings behind the claims of notebook 06 that are not done yet
  python -m poselab.evaluate sizes
      AP by the size of the person, for every system that finds everybody
  python -m poselab.evaluate conditions
      what makes people hard to find and what each costs, of methods not yet measured
"""
WHAT = ("board", "claims", "sizes", "conditions")


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m poselab.evaluate",
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("what", nargs="?", choices=WHAT, default="board")
    parser.add_argument("chapter", nargs="?", help="of claims: a notebook, such as 06")
    parser.add_argument(
        "--only", nargs="+", metavar="NAME", help="ablations, or methods"
    )
    parser.add_argument("--device", default="cpu", help="of claims: cpu, cuda, ...")
    parser.add_argument(
        "--half",
        action="store_true",
        help="of claims: train in bfloat16 on a CPU, too, if it has such units",
    )
    parser.add_argument("--folder", type=Path, help="of the networks, or of the tables")
    options = parser.parse_args(argv)
    if (options.what == "claims") != (options.chapter is not None):
        parser.error("claims needs the number of a notebook, and nothing else does")
    return options


def run(options: argparse.Namespace) -> None:
    """Do what was asked for, and print the rows."""
    where = {} if options.folder is None else {"folder": options.folder}
    if options.what == "claims":
        half = {"half": True} if options.half else {}
        chosen = options.chapter, options.only
        run_claims(*chosen, device=options.device, **where, **half)
        return
    if options.what == "sizes":
        for row in write_sizes(**where):
            print("  ".join(str(value) for value in row.values()))
        return
    if options.what == "conditions":
        write(options.only, **where)
        return
    with distributed.joined("cpu"):
        table = evaluate(**where)
    for row in table:
        scores = "  ".join(f"{k} {v:.3f}" for k, v in row["scores"].items())
        print(
            f"{row['name']:20} stage {row['stage']}  {row['parameters']:>9,} par  "
            f"{row['macs'] / 1e6:7.1f} MMAC  {row['ms_per_image']:6.1f} ms  "
            f"{scores}"
        )


def main(argv: list[str] | None = None) -> None:
    """The command line; an error of poselab is one line, and the exit code is 1."""
    try:
        run(arguments(argv))
    except PoselabError as problem:
        sys.exit(str(problem))


if __name__ == "__main__":
    main()
