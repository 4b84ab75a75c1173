"""AP by the size of the person."""

import shutil

import pytest
import torch

from poselab import zoo
from poselab.errors import CheckpointError
from poselab.evaluate.sizes import COUNT, SIZES, ap_by_size, by_size, write_sizes
from poselab.records import Poses, Sample
from tests.support import crowds


def answers(crowd: Sample, least: float = 0.0) -> list[Poses]:
    """The truth about everybody whose area is at least so large."""
    found = []
    for one in crowd:
        large = one.people(one.areas >= least)
        sure = torch.ones(large.count)
        scores = torch.ones(large.count, 17)
        found.append(
            Poses(large.keypoints, scores, boxes=large.boxes, person_scores=sure)
        )
    return found


def test_who_misses_the_small_people_loses_them_only():
    crowd = crowds.crowd(6, (192, 256), 0)
    crowd = crowd.replace(areas=100.0 * torch.arange(1, 7)[None] ** 2)
    assert list(ap_by_size(crowd, answers(crowd)).values()) == pytest.approx([1, 1, 1])
    found = ap_by_size(crowd, answers(crowd, least=900.0))
    assert tuple(found) == SIZES
    assert list(found.values()) == pytest.approx([0, 1, 1], abs=1e-6)


def test_the_table_is_written_and_read(tmp_path):
    with pytest.raises(CheckpointError, match="evaluate sizes"):
        by_size(tmp_path)
    for end in ("json", "safetensors"):
        shutil.copy(zoo.FOLDER / f"personlab_tiny.{end}", tmp_path)
    rows = write_sizes(tmp_path, count=2)
    assert by_size(tmp_path) == rows
    assert [(row["name"], row["crowds"]) for row in rows] == [("personlab_tiny", 2)]


def test_every_system_has_its_row_on_the_same_crowds():
    """The table is of the bundled networks."""
    rows = by_size()
    people = {
        name for name in zoo.names() if zoo.card(name)["recipe"]["task"] == "people"
    }
    assert {row["name"] for row in rows if "+" not in row["name"]} == people
    assert {row["crowds"] for row in rows} == {COUNT}
