"""Where the course's files are, and the address that is written in many of them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from pathlib import Path

from poselab.errors import PoselabError, require
from poselab.system.disk import replace_file

TEXTS = ("README.md", "CITATION.cff")  # that name the address, as notebooks do
_ADDRESS = re.compile(
    r"(?:https://github\.com/|git@github\.com:)"
    r"(?P<slug>[A-Za-z0-9][A-Za-z0-9-]*/[\w.-]+?)(?:\.git)?/?"
)


class CourseError(PoselabError):
    """A notebook, the README or an address is not what the tools expect."""


def find_root() -> Path:
    """The folder of the course: the one above the package that has pyproject.toml."""
    root = Path(__file__).resolve().parents[2]
    if not (root / "pyproject.toml").is_file():
        raise CourseError(
            "is not a copy of the course", where=root, fix="Run this from a git clone."
        )
    return root


def address(root: Path) -> str:
    """The repository's address, which stands in pyproject.toml and is copied there."""
    with open(root / "pyproject.toml", "rb") as file:
        return tomllib.load(file)["project"]["urls"]["Repository"]


def slug_of(url: str) -> str:
    """`owner/name` of a GitHub address; Colab and Binder read it from there."""
    match = _ADDRESS.fullmatch(url.strip())
    if match is None:
        raise CourseError(
            "is not the address of a GitHub repository",
            where="URL",
            value=url,
            fix="Write URL=https://github.com/you/poselab",
        )
    return match["slug"]


def find_notebooks(root: Path, numbers: Sequence[str] = ()) -> list[Path]:
    """The numbered notebooks in order; only those of `numbers` ("01") where given."""
    paths = sorted((root / "notebooks").glob("[0-9][0-9]_*.ipynb"))
    for number in numbers:
        require(
            any(p.name.startswith(number) for p in paths),
            "no such notebook",
            where="NB",
            value=number,
            fix="Write NB=01 for 01_....ipynb",
        )
    return [p for p in paths if not numbers or p.name.startswith(tuple(numbers))]


def save(text: str, path: Path) -> None:
    """Write a whole file or nothing."""
    with replace_file(path) as draft:
        draft.write_text(text, encoding="utf-8")


def readdress(text: str, old: str, new: str) -> str:
    """`text` with the addresses of repository `old` (owner/name) pointing to `new`."""
    places = r"(github\.com/|colab\.research\.google\.com/github/|mybinder\.org/v2/gh/)"
    whole = r"(?![\w-])(?!\.(?!git\b)\w)"  # not the beginning of a longer name
    return re.sub(places + re.escape(old) + whole, rf"\g<1>{new}", text)


def rewrite_address(root: Path, url: str) -> list[Path]:
    """Make every badge, setup cell and link of the course point to `url`.

    Returns the files that changed. Raises `CourseError` where `url` is not a GitHub
    repository, before anything is written.
    """
    old, new = slug_of(address(root)), slug_of(url)
    changed = []
    texts = [root / name for name in ("pyproject.toml", *TEXTS)]
    for path in [*filter(Path.is_file, texts), *find_notebooks(root)]:
        before = path.read_text(encoding="utf-8")
        after = readdress(before, old, new)
        if after != before:
            save(after, path)
            changed.append(path)
    return changed
