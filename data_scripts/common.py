"""What the scripts share: the command line, the way from an address to files, the end.

Every script can be stopped and started again: what is whole stays, the rest goes on.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from poselab.errors import ArchiveError, ArgumentError, PoselabError
from poselab.system.archive import Place, extract, extracted
from poselab.system.download import download

STOPPED = 130  # what shells expect after Ctrl-C


@dataclass(frozen=True)
class Archive:
    """A published archive: where, how large, and its checksum where one is known."""

    path: str
    size: int | None = None
    md5: str | None = None

    @property
    def name(self) -> str:
        return self.path.rsplit("/", 1)[-1]


def parser(about: str, examples: str) -> argparse.ArgumentParser:
    """A parser whose --help ends in examples; the folder is its first argument."""
    made = argparse.ArgumentParser(
        description=about,
        epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("folder", type=Path, help="where to write (made if missing)")
    return made


def add_source(made: argparse.ArgumentParser, server: str) -> None:
    """The options of a script that fetches: --server and --keep."""
    made.add_argument(
        "--server",
        default=server,
        metavar="URL",
        help=f"a copy of the same files elsewhere ({server})",
    )
    made.add_argument(
        "--keep",
        action="store_true",
        help="keep the archives after they were extracted",
    )


def fetch(
    archive: Archive,
    folder: Path,
    server: str,
    place: Place | None = None,
    keep: bool = False,
) -> dict[str, int]:
    """The archive's files in `folder`, fetched and extracted unless they are there."""
    found = extracted(folder, archive.name)
    if found is None:
        address = f"{server.rstrip('/')}/{archive.path}"
        file = download(
            address, folder / archive.name, size=archive.size, md5=archive.md5
        )
        found = extract(file, folder, place)
    if not keep:
        (folder / archive.name).unlink(missing_ok=True)
    return _some(found, archive.name)


def unpack(source: Path, folder: Path, place: Place | None = None) -> dict[str, int]:
    """An archive that the user has, extracted into `folder`; what is there stays.

    One that is gone meanwhile is not needed. While it is there its note is not trusted:
    another archive of the user may have the same name.
    """
    found = None if source.is_file() else extracted(folder, source.name)
    return _some(found or extract(source, folder, place), str(source))


def _some(found: dict[str, int], archive: str) -> dict[str, int]:
    if not found:
        raise ArchiveError(
            "has none of the files that are needed",
            where=archive,
            fix="Check that it is the right archive.",
        )
    return found


def folder_of(path: Path, what: str, fix: str) -> Path:
    """`path`, if it is a folder; else an error with what should be there."""
    if not path.is_dir():
        raise ArgumentError(
            f"there is no such folder; {what} should be in it", where=path, fix=fix
        )
    return path


def run(work: Callable[[argparse.Namespace], str], options: argparse.Namespace) -> int:
    """Do the work and print its report; 0, or 1 for an error, or 130 for Ctrl-C."""
    try:
        print(work(options))
        return 0
    except PoselabError as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 1
    except OSError as problem:
        reason = problem.strerror or problem
        print(
            f"error: {problem.filename}: cannot be written or read ({reason})",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        print("\nStopped. The same command goes on from here.", file=sys.stderr)
        return STOPPED


def megabytes(files: dict[str, int]) -> str:
    """The size of the files, to be read: "1,234 files, 815.6 MB"."""
    return f"{len(files):,} files, {sum(files.values()) / 1e6:,.1f} MB"
