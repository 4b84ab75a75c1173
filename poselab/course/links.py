"""The links of the course's texts, checked without a network.

A link to a file, or to the course's own address, must lead to a file that is there, and
an anchor to a heading in it. Of other addresses only the form is checked: whether they
answer, and still say the same, is for a person to see.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from poselab.course.files import address, slug_of

TEXTS = ("*.md", "docs/**/*.md", ".github/**/*.md", "notebooks/*.ipynb")
_BLOCK = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
_CODE = re.compile(r"`[^`\n]*`")
_LINK = re.compile(
    r"\[(?:[^\[\]]|\[[^\]]*\]\([^)]*\))*\]\(\s*<?([^)\s>]+)[^)]*\)"  # [text](target)
    r"|!\[[^\]]*\]\(([^)\s]+)\)"  # ![text](target)
    r"|(?:src|href)=\"([^\"]+)\""
    r"|<(https?://[^>\s]+)>"
)
_HEADING = re.compile(r"^#{1,6} +(.+?) *#*$|<a (?:id|name)=\"([^\"]+)\"", re.MULTILINE)
_HOST = re.compile(r"(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}|localhost|127\.0\.0\.1")


def broken_links(root: Path) -> list[str]:
    """`file: link: what is wrong` for every link of the texts below `root`."""
    own = _own_addresses(root)
    return [
        f"{path.relative_to(root).as_posix()}: {link}: {problem}"
        for path in find_texts(root)
        for link in find_links(read_markdown(path))
        if (problem := _problem(link, path, root, own))
    ]


def find_texts(root: Path) -> list[Path]:
    """The Markdown files and notebooks of the course."""
    return sorted({path for pattern in TEXTS for path in root.glob(pattern)})


def read_markdown(path: Path) -> str:
    """A text without its blocks of code; of a notebook the Markdown cells."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        cells = json.loads(text)["cells"]
        sources = [c["source"] for c in cells if c["cell_type"] == "markdown"]
        text = "\n\n".join("".join(source) for source in sources)
    return _BLOCK.sub("", text)


def find_links(markdown: str) -> Iterator[str]:
    """The targets of all links and pictures; a badge is a picture inside a link."""
    for match in _LINK.finditer(_CODE.sub("", markdown)):
        yield next(filter(None, match.groups()))
        yield from re.findall(r"!\[[^\]]*\]\(([^)\s]+)\)", match[0][1:])


def anchors(markdown: str) -> set[str]:
    """The anchors that GitHub gives the headings, and those written by hand."""
    found: set[str] = set()
    for heading, name in _HEADING.findall(markdown):
        words = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        base, count = words, 0
        while words in found:
            count += 1
            words = f"{base}-{count}"
        found.add(name or words)
    return found


def _own_addresses(root: Path) -> tuple[str, ...]:
    """How addresses begin that lead to files of this repository."""
    slug = slug_of(address(root))
    colab = f"https://colab.research.google.com/github/{slug}/blob/main/"
    binder = f"https://mybinder.org/v2/gh/{slug}/main?urlpath=lab/tree/"
    return f"https://github.com/{slug}/blob/main/", colab, binder


def _problem(link: str, path: Path, root: Path, own: tuple[str, ...]) -> str:
    """What is wrong with a link in `path`; empty where nothing is."""
    for start in own:
        if link.startswith(start):
            return _file_problem(root, link.removeprefix(start), path)
    parts = urlsplit(link)
    if parts.scheme in ("http", "https"):
        good = _HOST.fullmatch(parts.hostname or "") and not re.search(r"[\s<>]", link)
        return "" if good else "is no web address"
    if parts.scheme in ("mailto", "data"):
        return ""
    if parts.scheme:
        return f"{parts.scheme}: is no address for a reader"
    return _file_problem(path.parent, link, path)


def _file_problem(folder: Path, link: str, path: Path) -> str:
    name, _, anchor = unquote(link).partition("#")
    target = folder / name if name else path
    if not target.exists():
        return "there is no such file"
    if anchor and target.suffix in (".md", ".ipynb"):
        if anchor not in anchors(read_markdown(target)):
            return f"{target.name} has no heading #{anchor}"
    return ""
