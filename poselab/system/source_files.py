"""Which files of a package some code imports, and a hash of what is in them."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path


def imported_files(
    start: Iterable[Path], package: Path, without: Collection[Path] = ()
) -> list[Path]:
    """`start` and all files of `package` that they import, directly or not; sorted.

    Read from the text, without running it, so an import inside a function counts too.
    Imports of other packages are passed over, and so are the files `without`.
    """
    found: set[Path] = set()
    waiting = list(start)
    while waiting:
        file = waiting.pop()
        if file not in found and file not in without:
            found.add(file)
            waiting.extend(_imports(file, package))
    return sorted(found)


def digest(files: Iterable[Path], package: Path) -> str:
    """A hash of the names and contents of files; names count from `package` on."""
    whole = hashlib.sha256()
    for file in files:
        inside = file.is_relative_to(package)
        name = file.relative_to(package).as_posix() if inside else file.name
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        whole.update(f"{name} {content}\n".encode())
    return whole.hexdigest()


def _imports(file: Path, package: Path) -> Iterator[Path]:
    """The files of `package` that one file imports by itself.

    `from a import b` is the module a.b where there is one, else a.
    """
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Import):
            found = [_file_of(alias.name, package) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            home = _file_of(node.module, package)
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            found = [_file_of(name, package) or home for name in inner]
        else:
            continue
        yield from filter(None, found)


def _file_of(module: str, package: Path) -> Path | None:
    """Where the text of a module stands; None for what is not in `package`."""
    first, *rest = module.split(".")
    path = package.joinpath(*rest)
    for file in (path / "__init__.py", path.with_suffix(".py")):
        if first == package.name and file.is_file():
            return file
    return None
