"""`python -m poselab.evaluate`: score the bundled networks."""

from __future__ import annotations

import argparse
from pathlib import Path

from poselab import zoo
from poselab.evaluate.scoreboard import evaluate
from poselab.system import distributed


def main(arguments: list[str] | None = None) -> None:
    """`python -m poselab.evaluate`: score the bundled networks."""
    parser = argparse.ArgumentParser(
        prog="python -m poselab.evaluate", description=__doc__
    )
    parser.add_argument("--folder", type=Path, default=zoo.FOLDER)
    options = parser.parse_args(arguments)
    with distributed.joined("cpu"):
        table = evaluate(options.folder)
    for row in table:
        scores = "  ".join(f"{k} {v:.3f}" for k, v in row["scores"].items())
        print(
            f"{row['name']:16} stage {row['stage']}  {row['parameters']:>9,} par  "
            f"{row['macs'] / 1e6:7.1f} MMAC  {row['ms_per_image']:6.1f} ms  "
            f"{scores}"
        )


if __name__ == "__main__":
    main()
