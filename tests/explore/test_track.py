"""The explorer of notebook 13: its numbers are those of the package."""

import pytest
import torch

from poselab.datasets import SyntheticPeople
from poselab.errors import ArgumentError
from poselab.explore.track import COSTS, Spoiled, TrackingLab, spoil
from poselab.metrics import track_scores
from poselab.pipelines.track import Tracker, head_lengths
from poselab.records import Poses

CLEAN = dict(misses=0, alarms=0, noise=0.0)


@pytest.fixture(scope="module")
def clip():
    maker = SyntheticPeople((192, 256), 4, seed=1000, split="test")
    return maker.clip(12, fps=8, seed=1002)


@pytest.fixture(scope="module")
def lab(clip):
    return TrackingLab(clip)


def test_every_control_changes_the_picture(lab):
    lab.set(misses=30, alarms=40, noise=5.0)
    try:
        seen = lab.sweep()
    finally:
        lab.reset()
    assert all(count > 1 for count in seen.values()), str(seen)


def test_a_perfect_detector_gives_a_perfect_score(lab):
    for cost, _ in ((value, label) for label, value in COSTS):
        text = lab.set(**CLEAN, cost=cost).live_caption
        assert "0 misses, 0 false alarms, 0 switches. MOTA 1.000" in text
    assert "MOTA 1.000" not in lab.reset().live_caption


def test_the_numbers_are_those_of_the_package(lab, clip):
    values = lab.reset().set(alarms=20).values
    how = Spoiled(values["misses"] / 100, values["alarms"] / 100, values["noise"])
    found = Tracker()(spoil(clip, how))
    total = track_scores(
        clip, Poses.stack(found), lab.heads, drop_last_frame=False
    ).total
    assert f"MOTA {total['mota']:.3f}" in lab.live_caption
    assert total["misses"] > 0 < total["false_alarms"]


def test_more_misses_are_those_before_and_new_ones(clip):
    few, many = (spoil(clip, Spoiled(misses=m)) for m in (0.1, 0.4))
    for a, b, frame in zip(few, many, clip, strict=True):
        assert b.count <= a.count <= frame.count
        rows = {tuple(row) for row in a.boxes.tolist()}
        assert all(tuple(row) in rows for row in b.boxes.tolist())
    people = sum(frame.count for frame in clip)
    lost = [people - sum(p.count for p in poses) for poses in (few, many)]
    assert lost == pytest.approx([0.1 * people, 0.4 * people], abs=1)
    assert spoil(clip, Spoiled())[3].count == clip[3].count
    more = spoil(clip, Spoiled(alarms=1.0))[3]
    assert more.count == 2 * clip[3].count


def test_the_order_of_people_does_not_tell_who_they_are(clip):
    found = spoil(clip, Spoiled())
    assert torch.equal(found[0].boxes, clip[0].boxes)
    same = [torch.equal(p.boxes, f.boxes) for p, f in zip(found, clip, strict=True)]
    assert sum(same) < len(same) / 2
    tracked = Tracker(cost=lambda a, b: torch.zeros(a.count, b.count))(found)
    heads = head_lengths(clip.keypoints.flatten(0, 1)).view(clip.present.shape)
    total = track_scores(clip, Poses.stack(tracked), heads.clamp(min=1)).total
    assert total["switches"] > 0, "a cost that knows nothing is right by chance only"


def test_frames_end_with_what_is_left(lab):
    lab.set(every=3)
    assert lab.controls["frame"].max == 3
    with pytest.raises(ArgumentError, match="from 0 to 3"):
        lab.set(frame=4)
    lab.reset()


def test_bad_input(clip):
    with pytest.raises(ArgumentError, match="needs a Sample"):
        TrackingLab([clip])
    with pytest.raises(ArgumentError, match="2 frames or more"):
        TrackingLab(clip[:1])
    with pytest.raises(ArgumentError, match="2 frames or more"):
        TrackingLab(clip[0])
