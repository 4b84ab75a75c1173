"""Why an image is not where its name says: slashes, letters, endings, addresses.

A file name that was written on Windows has backslashes, one of a Mac may hold letters
in two parts (e and its dots), and Linux tells a.png from a.PNG. The reason is said
and the file that is meant is named; nothing is opened under another name.
"""

from __future__ import annotations

import os
import re
import unicodedata
from pathlib import Path
from urllib.parse import unquote

from poselab.errors import ImageError

_ADDRESS = re.compile(r"[a-z][a-z0-9]+:/{1,2}[^/]", re.IGNORECASE)  # http:/ after Path
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")
ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
LONGEST = 255  # letters of a name on every usual disk
# Label Studio puts such a number before the name of what is uploaded.
_NUMBER = re.compile(r"[0-9a-f]{8}-")
USUAL = "Check file_name and the image directory."


def missing_image(path: str | Path) -> ImageError:
    """The error about an image that is not there, with the reason that applies."""
    reason, fix = _reason(Path(path))
    return ImageError(f"there is no such image{reason}", where=path, fix=fix)


def is_name(path: str | Path) -> bool:
    """Whether a file can be called so: no zero byte, no half of a character."""
    try:
        return b"\0" not in os.fsencode(path)
    except UnicodeEncodeError:
        return False


def _reason(path: Path) -> tuple[str, str]:
    text = str(path)
    if not is_name(text):
        return ": a zero byte or half a character is in the name", USUAL
    if max(map(len, path.parts), default=0) > LONGEST:
        return ": the name is too long for a file", USUAL
    if _ADDRESS.search(text):
        return ": the name is an address", "Fetch the images; name the files on disk."
    if "?" in text and "=" in text:
        return ": the name is a query of a web server", "Name the files on disk."
    other = _alike(path)
    if "\\" in text:
        where = f" ({other} is there)" if other else ""
        fix = f"Write / between folders in file_name{where}."
        return ": the name has backslashes, which are folders on Windows only", fix
    if _DRIVE.search(text):
        return ": the name has a drive letter of Windows", USUAL
    if other is None:
        return "", USUAL
    return f", but {other} is there: {_difference(path, other)}", _mend(other)


def _mend(other: Path) -> str:
    return f"Write {other.name!r} in file_name, or rename the file."


def _alike(path: Path) -> Path | None:
    """A file that the name may mean; folders in front of the name may be too many."""
    parts = [part for part in re.split(r"[\\/]", str(path)) if part]
    root = Path(path.anchor) if path.anchor else Path(".")
    return _descend(root, parts) or _shortened(root, parts)


def _shortened(root: Path, parts: list[str]) -> Path | None:
    """images/images/a.png may mean images/a.png: leave folders out one by one."""
    there = 0
    while there < len(parts) - 1 and (root.joinpath(*parts[: there + 1])).is_dir():
        there += 1
    folder = root.joinpath(*parts[:there])
    found = (_descend(folder, parts[first:]) for first in range(there + 1, len(parts)))
    return next((file for file in found if file is not None), None)


def _descend(folder: Path, parts: list[str]) -> Path | None:
    """The file at `parts` below `folder`, each part by its letters alone."""
    for part in parts:
        exact = folder / part
        folder = exact if exact.exists() else _sibling(folder, part)
        if folder is None:
            return None
    return folder


def _sibling(folder: Path, name: str) -> Path | None:
    """The entry of a folder with the same letters, or of the same name but ending."""
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        return None
    same = [e for e in entries if _letters(e.name) == _letters(name)]
    same = same or [e for e in entries if _bare(e.name) == _bare(name)]
    stem = _letters(Path(name).stem)
    pictures = [e for e in entries if e.suffix.lower() in ENDINGS]
    other = [e for e in pictures if _letters(e.stem) == stem and Path(name).suffix]
    return next(iter(same + other), None)


def _letters(text: str) -> str:
    seen = "".join(c for c in text if unicodedata.category(c) != "Cf")
    return unicodedata.normalize("NFC", seen).casefold().strip()


def _bare(name: str) -> str:
    """The letters of a name without what tools for the web make of it."""
    return _NUMBER.sub("", _letters(unquote(name)), count=1)


def _difference(path: Path, other: Path) -> str:
    if path.name == other.name:
        return "it is in another folder"
    given, there = (unicodedata.normalize("NFC", p.name) for p in (path, other))
    if given == there:
        return "the same letters in another Unicode form (NFC, NFD)"
    if given.casefold() == there.casefold():
        return "capital and small letters differ"
    if given == unquote(there) or there == unquote(given):
        return "one is written as in the address of a page (%20 for a blank)"
    return "the ending differs" if path.stem == other.stem else "the spelling differs"
