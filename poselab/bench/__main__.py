"""The command line of the measurements; every file of this folder is one."""

from __future__ import annotations

import argparse
from importlib import import_module
from pathlib import Path

import torch

import poselab.bench

NAMES = sorted(
    path.stem
    for path in Path(__file__).parent.glob("*.py")
    if path.stem not in ("__init__", "__main__", "timing")
)


def main(arguments: list[str] | None = None) -> None:
    """Measure what is named and print it."""
    parser = argparse.ArgumentParser(
        prog="python -m poselab.bench", description=poselab.bench.__doc__
    )
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args(arguments)
    bench = getattr(import_module(f"poselab.bench.{options.name}"), options.name)
    print(f"{torch.get_num_threads()} threads, medians of {options.repeats}")
    found = bench(options.repeats)
    if isinstance(found, list):  # lines of a table of its own
        print("\n".join(found))
        return
    for name, value in found.items():
        unit = "" if "/" in name else " s"
        print(f"{name:24s} {value:8.3f}{unit}")


if __name__ == "__main__":
    main()
