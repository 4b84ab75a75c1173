"""Extract archives that others made: safely, and each file whole or not at all.

A name such as `../../.bashrc`, an absolute one, or a link could write outside the
folder: an archive with one of these is refused.
"""

from __future__ import annotations

import json
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Any

from poselab.errors import ArchiveError
from poselab.system.disk import replace_file
from poselab.system.progress import progress_bar

SPARE = 64 << 20  # bytes of the disk that an extraction leaves free
_DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    EOFError,
    RuntimeError,
    NotImplementedError,
)

Place = Callable[[str], str | None]


@dataclass(frozen=True)
class Member:
    """A file in an archive: `name` there, `size` in bytes, `open` to read it."""

    name: str
    size: int
    open: Callable[[], Any]


def extract(
    archive: str | Path,
    folder: str | Path,
    place: Place | None = None,
    progress: bool = True,
) -> dict[str, int]:
    """Put the files of a .zip, .tar or .tar.gz into `folder`; names and bytes of them.

    `place` turns a name in the archive into one below `folder` (None: not wanted).
    The whole archive is looked through first. Files that are there with the right
    length are left, so an interrupted extraction goes on; a file appears only when it
    is whole. When all are there, a note is left for `extracted`.

    Raises `ArchiveError` for a missing, damaged or unsafe archive and for a full disk.
    """
    archive, folder = Path(archive), Path(folder)
    if not archive.is_file():
        raise ArchiveError(
            "there is no such file", where=archive, fix="Check the path."
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        found = _extract(archive, folder, place or (lambda name: name), progress)
        with replace_file(_note(folder, archive.name)) as draft:
            draft.write_text(json.dumps({"files": found}), encoding="utf-8")
        return found
    except _DAMAGE as problem:
        raise _damaged(archive, problem) from problem
    except OSError as problem:
        if problem.errno is None:  # gzip's own errors
            raise _damaged(archive, problem) from problem
        raise ArchiveError(
            f"cannot be extracted to {folder} ({problem.strerror})",
            where=archive,
            fix="Make room or choose another folder; the files that came out are "
            "whole, and the same command goes on from there.",
        ) from problem


def extracted(folder: str | Path, name: str) -> dict[str, int] | None:
    """The files that the archive `name` gave; None unless all are still there."""
    try:
        text = _note(Path(folder), name).read_text(encoding="utf-8")
        files = json.loads(text)["files"]
        there = all(_bytes(Path(folder) / file) == n for file, n in files.items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return files if there else None


def _note(folder: Path, name: str) -> Path:
    return folder / f".{name}.json"


def _bytes(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() else -1
    except OSError:
        return -1


def _extract(archive: Path, folder: Path, place: Place, progress: bool):
    options = {"unit": " files", "disable": not progress}
    found: dict[str, int] = {}
    for member in progress_bar(
        _members(archive), desc=f"checking {archive.name}", **options
    ):
        target = place(_safe(archive, member.name))
        if target is not None:
            found[_safe(archive, target)] = member.size
    _check_space(archive, folder, found)
    for member in progress_bar(_members(archive), desc=archive.name, **options):
        target = place(_clean(member.name))
        if target is not None and _bytes(folder / target) != member.size:
            (folder / target).parent.mkdir(parents=True, exist_ok=True)
            with member.open() as source, replace_file(folder / target) as draft:
                _copy(archive, source, draft, member)
    return found


def _copy(archive: Path, source: IO[bytes], draft: Path, member: Member) -> None:
    with open(draft, "wb") as file:
        shutil.copyfileobj(source, file, 1 << 20)
        written = file.tell()
    if written != member.size:
        raise ArchiveError(
            f"holds {written:,} of its {member.size:,} bytes",
            where=archive,
            field=member.name,
            fix="The archive is cut short: fetch it again.",
        )


def _members(archive: Path) -> Iterator[Member]:
    """The files in the archive. To go through all of a .tar.gz checks its checksum."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as file:
            for info in file.infolist():
                if not info.is_dir():
                    unpack = partial(file.open, info)
                    yield Member(info.filename, info.file_size, unpack)
        return
    with tarfile.open(archive) as tar:
        for entry in tar:
            if not (entry.isfile() or entry.isdir()):
                raise _unsafe(archive, entry.name, "is a link or a device")
            if entry.isfile():
                opener = partial(tar.extractfile, entry)
                yield Member(entry.name, entry.size, opener)
        while tar.fileobj.read(1 << 20):  # gzip compares at its very end
            continue


def _clean(name: str) -> str:
    return str(PurePosixPath(name))


def _safe(archive: Path, name: str) -> str:
    """`name`, if it stays below the folder on every system."""
    path = PurePosixPath(name)
    odd = "\\" in name or ":" in name or "\0" in name or not path.parts
    if odd or path.is_absolute() or ".." in path.parts:
        raise _unsafe(archive, name, "would be written outside the folder")
    return _clean(name)


def _check_space(archive: Path, folder: Path, files: dict[str, int]) -> None:
    missing = sum(n for target, n in files.items() if _bytes(folder / target) != n)
    free = shutil.disk_usage(folder).free
    if missing + SPARE > free:
        raise ArchiveError(
            f"needs {(missing + SPARE) / 1e6:.0f} MB in {folder}, where "
            f"{free / 1e6:.0f} MB are free",
            where=archive,
            fix="Make room or choose another folder. Nothing was extracted.",
        )


def _unsafe(archive: Path, name: str, problem: str) -> ArchiveError:
    return ArchiveError(
        f"{problem}, so the archive is not trusted",
        where=archive,
        field=name,
        fix="Get it from its authors.",
    )


def _damaged(archive: Path, problem: Exception) -> ArchiveError:
    reason = " ".join(str(problem).split())[:80]
    return ArchiveError(
        f"is damaged or not an archive ({reason})",
        where=archive,
        fix="Delete it and fetch it again.",
    )
