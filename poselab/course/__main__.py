"""`python -m poselab.course`: what the Makefile calls."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from poselab.course.claims import in_words, read_claims
from poselab.course.files import address, find_notebooks, find_root, rewrite_address
from poselab.course.header import write_table
from poselab.course.links import broken_links
from poselab.course.run import remake, rewrite_header
from poselab.errors import PoselabError

CORES = 2
PICTURE = "docs/person_maker.gif"


def run_notebooks(numbers: Sequence[str]) -> None:
    """`make notebooks`: on two CPU cores and without a GPU, as the header says."""
    root = find_root()
    os.environ |= {"CUDA_VISIBLE_DEVICES": "", "PYTHONHASHSEED": "0"}
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    for path in find_notebooks(root, numbers):
        seconds, lacks = remake(path, address(root))
        print(f"{path.name}: {seconds:.1f} s", *lacks, sep="\n  - ", flush=True)
    write_table(root)


def run_claims(numbers: Sequence[str]) -> None:
    """Print what the notebooks claim, with the effect, the seeds and the control."""
    import nbformat

    root = find_root()
    for path in find_notebooks(root, numbers):
        claims = read_claims(path.parent / "claims" / f"{path.name[:2]}.toml")
        print(f"{path.stem}\n{in_words(claims, nbformat.read(path, 4))}\n")


def run_headers() -> None:
    """Write all header lines anew, and the README's table."""
    root = find_root()
    for path in find_notebooks(root):
        rewrite_header(path, address(root))
    write_table(root)


def run_repo(url: str) -> None:
    """`make repo URL=...`."""
    for path in rewrite_address(find_root(), url):
        print(f"rewrote {path.name}")


def run_links() -> int:
    """Part of `make lint`: print the links that lead nowhere; 1 where there are any."""
    faults = broken_links(find_root())
    for fault in faults:
        print(fault)
    return int(bool(faults))


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m poselab.course")
    commands = parser.add_subparsers(dest="command", required=True)
    notebooks = commands.add_parser("notebooks", help="run and save the notebooks")
    notebooks.add_argument("numbers", nargs="*", help="01 02; all where none is given")
    claims = commands.add_parser("claims", help="print what the notebooks claim")
    claims.add_argument("numbers", nargs="*", help="01 02; all where none is given")
    commands.add_parser("headers", help="write the header lines anew, run nothing")
    commands.add_parser("repo", help="move to a fork").add_argument("url")
    commands.add_parser("picture", help="draw the README's picture")
    commands.add_parser("links", help="check the links of all texts")
    summary = commands.add_parser("summary", help="two pages for the wall, a PDF")
    summary.add_argument("file")
    options = parser.parse_args(arguments)
    try:
        if options.command == "notebooks":
            run_notebooks(options.numbers)
        elif options.command == "claims":
            run_claims(options.numbers)
        elif options.command == "headers":
            run_headers()
        elif options.command == "summary":
            from poselab.course.summary import write_summary

            print(f"wrote {write_summary(options.file)}")
        elif options.command == "repo":
            run_repo(options.url)
        elif options.command == "links":
            return run_links()
        else:
            from poselab.course.picture import draw_picture

            draw_picture(find_root() / PICTURE)
    except PoselabError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
