"""What a file is, from its first bytes: the name may promise something else.

A download that went wrong is often an HTML page under the right name, a clone without
Git LFS leaves pointers of three lines, and a telephone calls its HEIC files .jpg.
"""

from __future__ import annotations

import re
from pathlib import Path

from poselab.errors import shorten

_LENGTH = 512

# (pattern at the very start, what it is, what to do)
_KINDS: tuple[tuple[bytes, str, str], ...] = (
    (
        rb"version https://git-lfs",
        "a Git LFS pointer, not the file itself",
        "Run `git lfs pull` in its repository, or download the file from its page.",
    ),
    (
        rb"(\xef\xbb\xbf)?\s*(<!--.*?-->\s*)?<(!doctype html|html|head|body|title)",
        "an HTML page",
        "The download gave a web page (a login, a warning, 'not found'): open the "
        "address in a browser and save the file itself.",
    ),
    (rb"\s*<\?xml|\s*<(Error|svg)", "an XML file", "Download the file itself again."),
    (
        rb"....ftyp(heic|heix|hevc|heim|heis|mif1|msf1)",
        "a HEIC photograph, which Pillow cannot read",
        "Convert it to JPEG: `heif-convert`, or export it from the photo program.",
    ),
    (
        rb"....ftyp(avif|avis)",
        "an AVIF picture, which this Pillow cannot read",
        "Convert it to JPEG or PNG.",
    ),
    (
        rb"....ftyp|\x1aE\xdf\xa3|RIFF....AVI ",
        "a video",
        "Extract its frames first: `ffmpeg -i FILE frames/%06d.jpg`.",
    ),
    (
        rb"II\x2a\x00....CR|FUJIFILM|IIRO|IIU\x00",
        "a camera's raw file",
        "Develop it to JPEG or PNG first.",
    ),
    (rb"%PDF-", "a PDF document", "Export its pages as PNG."),
    (rb"\xff\xd8\xff", "a JPEG picture", "Check which file belongs here."),
    (rb"\x89PNG", "a PNG picture", "Check which file belongs here."),
    (rb"\x89HDF\r\n", "an HDF5 file (Keras, MATLAB)", "Save it with torch.save."),
    (rb"\x1f\x8b", "a gzip archive", "Extract it: `gunzip FILE` or `tar -xzf FILE`."),
    (rb"BZh|\xfd7zXZ", "a compressed archive", "Extract it first."),
    (rb"7z\xbc\xaf|Rar!", "an archive", "Extract it first."),
    (rb"PK\x03\x04", "a zip archive", "Extract it first."),
    (rb"\x93NUMPY", "a NumPy array", "Save it in the format that is wanted here."),
    (rb"(\xef\xbb\xbf)?\s*[\[{]", "JSON text", "Check which file belongs here."),
)


def describe(path: str | Path) -> tuple[str, str] | None:
    """(what a file is, what to do) by its first bytes; None if they tell nothing."""
    return describe_bytes(first_bytes(path))


def describe_bytes(head: bytes) -> tuple[str, str] | None:
    """As `describe`, given the first bytes themselves."""
    if not head:
        return "empty", "It was cut short or never written: fetch it again."
    for pattern, kind, fix in _KINDS:
        if re.match(pattern, head, re.IGNORECASE | re.DOTALL):
            return kind, fix
    return _text(head)


def _text(head: bytes) -> tuple[str, str] | None:
    """Plain text with its beginning: "404: Not Found", say; None for anything else."""
    try:
        text = head[: _LENGTH - 4].decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    line = text.strip().split("\n")[0].strip()
    if not line or not all(c.isprintable() or c in "\t\r\n" for c in text):
        return None
    return f"text ('{shorten(line, 40)}')", "Check which file belongs here."


def first_bytes(path: str | Path) -> bytes:
    """The first bytes of a file; none if it cannot be read."""
    try:
        with open(path, "rb") as file:
            return file.read(_LENGTH)
    except (OSError, ValueError):  # a name with a zero byte is a ValueError
        return b""
