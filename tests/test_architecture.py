"""The house as a drawing: imports point one way, and few records cross a folder."""

import dataclasses
import importlib
import types
import typing

import pytest
import torch

from poselab.course.files import find_root
from tests.support.imports import (
    arrows,
    between,
    circles,
    imported_classes,
    module_names,
    unit,
)

ROOT = find_root()
GRAPH = arrows(ROOT)
# Command lines look up whatever they need, and nobody imports them.
HOUSE = {a: b for a, b in GRAPH.items() if not a.endswith("__main__")}
# From the ground up: each part may import those before it and no other.
ORDER = (
    "errors",
    "system",
    "sides",
    "skeleton",
    "categories",
    "geometry",
    "boxes",
    "records",
    "people",
    "datasets",
    "codecs",
    "models",
    "pipelines",
    "metrics",
    "train",
    "recipes",
    "zoo",
    "evaluate",
    "bench",
    "draw",
    "explore",
    "checks",
    "course",
)
FORBIDDEN = {("metrics", "datasets")}
# What DESIGN names; a class that only describes how to make a thing is no record.
CROSSING = {"Sample", "Poses", "Detections"}

# Two more may cross, and only there: `SyntheticPeople` is the door of people/, so it
# and the explorer of a person pass scenes and poses on; an explorer shows a score.
PASSED_ON = {
    "metrics -> explore: TrackScores",
    "people -> datasets: BodyPose",
    "people -> datasets: Scene",
    "people -> explore: Scene",
}


def packages():
    return sorted(n for n, f in module_names(ROOT).items() if f.stem == "__init__")


def upward():
    """Arrows between the parts that point up, or that are forbidden by name."""
    pairs = {p for p in between(HOUSE) if set(p) <= set(ORDER)}
    wrong = {(a, b) for a, b in pairs if ORDER.index(a) <= ORDER.index(b)}
    return {f"{a} -> {b}" for a, b in wrong | (pairs & FORBIDDEN)}


def folder_circles():
    """Circles between the children of each package, a package in it seen as one."""
    found = set()
    for package in packages():
        graph: dict[str, set[str]] = {}
        for a, b in between(HOUSE, package):
            graph.setdefault(a, set()).add(b)
        found |= {f"{package}: {', '.join(group)}" for group in circles(graph)}
    return found


def holds_tensors(home, name):
    """Whether a class is a record: a dataclass or named tuple with tensor fields."""
    cls = getattr(importlib.import_module(home), name, None)
    if not (dataclasses.is_dataclass(cls) or hasattr(cls, "_fields")):
        return False
    hints = typing.get_type_hints(cls)
    kinds = [torch.Tensor, torch.Tensor | None]
    return any(hint in kinds for hint in hints.values())


def crossing_records():
    """Records that a module of another part imports, apart from the three."""
    return {
        f"{unit(home)} -> {unit(where)}: {name}"
        for where, home, name in imported_classes(ROOT)
        if unit(where) not in (None, unit(home))
        and name not in CROSSING
        and holds_tensors(home, name)
    }


def shadowed():
    """Modules that something else hides under their own name."""
    found = []
    for name in module_names(ROOT):
        parent, _, child = name.rpartition(".")
        if parent and not child.startswith("__"):
            importlib.import_module(name)
            there = getattr(importlib.import_module(parent), child)
            if not isinstance(there, types.ModuleType):
                found.append(name)
    return found


def why(violations):
    """The imports behind "a -> b", for the message of a failing test."""
    pairs = {tuple(v.split(" -> ")) for v in violations if v.count(" -> ") == 1}
    return {pair: lines for pair, lines in between(HOUSE).items() if pair in pairs}


def test_every_part_has_its_place_in_the_order():
    assert {unit(name) for name in GRAPH} - {None} <= set(ORDER)


def test_no_arrow_points_upwards():
    found = upward()
    assert found == set(), why(found)


def test_no_circle_between_folders():
    assert folder_circles() == set()


def test_no_circle_between_modules():
    assert circles(GRAPH) == []


def test_nobody_imports_a_command_line():
    commands = {name for name in GRAPH if name.endswith("__main__")}
    assert commands
    assert [a for a, targets in GRAPH.items() if targets & commands] == []


def test_no_module_is_hidden_by_its_own_name():
    assert shadowed() == []


def test_only_the_three_records_cross_a_folder():
    assert crossing_records() == PASSED_ON


# The drawing itself, on a small package whose faults are known.


@pytest.fixture
def toy(tmp_path):
    files = {
        "__init__": "",
        "low": "def late():\n    from poselab.high import top\n    return top\n",
        "high/__init__": "from poselab.high.top import top\n",
        "high/top": "import poselab.low\nfrom poselab import low as top\n",
        "high/side": "from poselab.high import top\n",
    }
    for name, text in files.items():
        file = tmp_path / "poselab" / f"{name}.py"
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    return arrows(tmp_path)


def test_lazy_imports_and_submodules_are_arrows(toy):
    assert toy["poselab.low"] == {"poselab.high.top"}
    assert toy["poselab.high.side"] == {"poselab.high.top"}
    assert toy["poselab.high.top"] == {"poselab.low"}


def test_a_circle_is_found_between_modules_and_between_parts(toy):
    assert ["poselab.high.top", "poselab.low"] in circles(toy)
    assert set(between(toy)) == {("low", "high"), ("high", "low")}
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == [["b", "c"]]
    assert circles({"a": {"b"}, "b": {"c"}, "c": set()}) == []
