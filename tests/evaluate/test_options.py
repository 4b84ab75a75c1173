"""What there is to choose from: prices, people who are counted, reasons to refuse."""

import pytest
import torch

from poselab import zoo
from poselab.errors import ArgumentError
from poselab.evaluate import options as o

TABLE = {
    "people": {
        "scene": [0, 0, 1],
        "height": [100, 250, 300],
        "joints": [10, 10, 20],
        "hidden": [1, 6, 0],
        "crowd": [0.5, 0.5, 0.0],
    },
    "methods": {
        "a+b": {
            "kind": "top-down",
            "macs": [100, 30],
            "ms": [10.0, 5.0],
            "found": [1, 5, 20],
            "video": {"MOTA": 0.5},
        },
        "up": {
            "kind": "bottom-up",
            "macs": [300, 0],
            "ms": [20.0, -0.5],
            "found": [5, 5, 5],
        },
        "one": {"kind": "boxes given", "macs": [0, 30], "ms": [0, 5], "found": [9] * 3},
    },
}


def row(name, kind, scores, **more):
    costs = {"parameters": 7, "macs": 30, "ms_per_image": 2.0}
    return {"name": name, "stage": 1, "set": kind, **costs, "scores": scores, **more}


ROWS = [
    row("a", "crowd", {"box AP": 0.5}, training_gmacs=4),
    row("b", "single", {"PCK@0.05": 0.7}, training_gmacs=5),
    row("b", "single", {"PCK@0.05": 0.8}, training_gmacs=5, crops={"PCK@0.05": 0.6}),
    row("a+b", "crowd", {"AP": 0.4, "AP50": 0.6}, parts=["a", "b"]),
    row("up", "crowd", {"AP": 0.2, "AP50": 0.5}, training_gmacs=9),
    row("deep", "space", {"3DPCK": 0.6, "MPJPE": 90.0}),
    row("root", "space", {"MRPE": 500.0}),
]


def test_prices_grow_with_people():
    two, five = (o.options("crowd", ROWS, TABLE, people=n) for n in (2, 5))
    assert [one.macs for one in two] == [160, 300]
    assert [one.macs for one in five] == [250, 300]
    assert [one.ms for one in five] == [35.0, 20.0]  # nobody gets cheaper by company
    assert [one.training_gmacs for one in two] == [9, 9]
    (alone,) = o.options("framed", ROWS, TABLE, people=3)
    assert (alone.macs, alone.scores["PCK@0.05"]) == (90, 0.8)
    assert o.options("crops", ROWS, TABLE)[0].scores["PCK@0.05"] == 0.6


def test_whose_joints_are_counted():
    everybody = o.among(TABLE)
    assert everybody.tolist() == [True] * 3
    assert o.found_share(TABLE, "a+b", everybody) == pytest.approx(26 / 40)
    small = o.among(TABLE, height="under 130 px")
    assert small.tolist() == [True, False, False]
    assert o.among(TABLE, hidden="over 40 %").tolist() == [False, True, False]
    assert o.among(TABLE, crowd=(0.0, 0.3)).tolist() == [False, False, True]
    found = o.options("crowd", ROWS, TABLE, mask=small)
    assert [one.scores["joints found"] for one in found] == [0.1, 0.5]
    with pytest.raises(ArgumentError, match="height"):
        o.among(TABLE, height="tall")


def test_only_who_answers_the_question():
    assert [one.name for one in o.options("video", ROWS, TABLE)] == ["a+b"]
    assert [one.name for one in o.options("space", ROWS, TABLE)] == ["deep"]
    with pytest.raises(ArgumentError, match="question"):
        o.options("smell", ROWS, TABLE)


def test_reasons():
    found = o.options("crowd", ROWS, TABLE, people=1)
    why = o.refused(found, "AP", 0.3, 200)
    assert why == {"up": "AP below 0.3"}
    why = o.refused(found, "AP", 0.0, 150e6)
    assert why == {}
    assert "MMAC" in o.refused(found, "AP", 0.0, 200)["up"]


def test_the_bundled_table_belongs_to_the_board():
    table = o.conditions()
    people = len(table["people"]["height"])
    assert all(len(row["found"]) == people for row in table["methods"].values())
    most = torch.tensor(table["people"]["joints"])
    for name, one in table["methods"].items():
        assert (torch.tensor(one["found"]) <= most).all(), name
        assert len(one["worst"]) == 5
    names = {row["name"] for row in zoo.scoreboard()}
    assert set(table["methods"]) <= names
    assert len(o.options("crowd", zoo.scoreboard(), table)) >= 6
    with pytest.raises(ArgumentError, match="conditions"):
        o.conditions(zoo.FOLDER / "nowhere")


def test_what_makes_it_hard():
    table = o.conditions()
    for name, one in table["methods"].items():
        rows = o.difficulties(table, name)
        assert len(rows) == 5 + (one["kind"] == "boxes given")
        for ticks, shares in rows.values():
            assert len(ticks) == len(shares) == 4
            assert all(0 <= share <= 1 for share in shares)
    everybody = o.found_share(table, "hrnet_tiny", o.among(table))
    shares = o.difficulties(table, "hrnet_tiny")["hidden joints, %"][1]
    assert min(shares) < everybody < max(shares)
