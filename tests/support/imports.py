"""The import arrows of the package, read from its text: lazy imports count as well."""

from __future__ import annotations

import ast
import importlib
from functools import cache
from pathlib import Path

PACKAGE = "poselab"

Arrows = dict[str, set[str]]


def module_names(root: Path) -> dict[str, Path]:
    """The dotted name of every module under `root`/poselab, with its file."""
    names = {}
    for file in sorted((root / PACKAGE).rglob("*.py")):
        parts = file.relative_to(root).with_suffix("").parts
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return names


def arrows(root: Path) -> Arrows:
    """Which modules of the package each one imports, anywhere in its text."""
    names = module_names(root)
    return {name: _imported(file, names) - {name} for name, file in names.items()}


def _imported(file: Path, names: dict[str, Path]) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names} & names.keys()
        elif isinstance(node, ast.ImportFrom) and node.module in names:
            found |= {_target(node.module, alias.name, names) for alias in node.names}
    return found


def _target(module: str, name: str, names: dict[str, Path]) -> str:
    """`from module import name` imports the submodule `name` where there is one."""
    inner = f"{module}.{name}"
    return inner if inner in names else module


def unit(module: str, package: str = PACKAGE) -> str | None:
    """The child of `package` in which a module lies; None outside and for itself."""
    if not module.startswith(package + "."):
        return None
    return module.removeprefix(package + ".").partition(".")[0]


def between(graph: Arrows, package: str = PACKAGE) -> dict[tuple[str, str], list[str]]:
    """Arrows between the children of a package, each with the imports that make it."""
    found: dict[tuple[str, str], list[str]] = {}
    for source, targets in graph.items():
        for target in sorted(targets):
            pair = unit(source, package), unit(target, package)
            if None not in pair and pair[0] != pair[1]:
                found.setdefault(pair, []).append(f"{source} -> {target}")
    return found


def circles(graph: Arrows) -> list[list[str]]:
    """Groups of nodes that reach one another (Tarjan 1972), each sorted."""
    order, low, stack, found = {}, {}, [], []

    def visit(node: str) -> None:
        order[node] = low[node] = len(order)
        stack.append(node)
        for target in sorted(graph.get(node, ())):
            if target not in order:
                visit(target)
                low[node] = min(low[node], low[target])
            elif target in stack:
                low[node] = min(low[node], order[target])
        if low[node] == order[node]:
            group = [stack.pop()]
            while group[-1] != node:
                group.append(stack.pop())
            if len(group) > 1:
                found.append(sorted(group))

    for node in sorted(graph):
        if node not in order:
            visit(node)
    return found


@cache
def imported_classes(root: Path) -> set[tuple[str, str, str]]:
    """Every class that a module imports: (importing module, home module, name)."""
    found = set()
    for name, file in module_names(root).items():
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(
                PACKAGE
            ):
                origin = importlib.import_module(node.module)
                things = (getattr(origin, a.name, None) for a in node.names)
                classes = (thing for thing in things if isinstance(thing, type))
                found |= {(name, c.__module__, c.__qualname__) for c in classes}
    return found
