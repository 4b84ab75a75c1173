"""Tracks over clips: identities that stay, come back, end; gates; bad input."""

import pytest
import torch

from poselab.datasets import SyntheticPeople
from poselab.errors import ArgumentError
from poselab.pipelines.track import Tracker, head_lengths
from poselab.records import Poses


def truth_as_poses(sample):
    return Poses(sample.keypoints, (sample.visibility > 0).float(), boxes=sample.boxes)


@pytest.fixture(scope="module")
def clips():
    maker = SyntheticPeople((192, 256), (2, 4), split="test")
    return [list(maker.clip(12, seed=1000 + i)) for i in range(3)]


def switches(clip, tracks):
    """How often a person's identity changes between two frames, of how many."""
    changed = total = 0
    last = {}
    for frame, found in zip(clip, tracks, strict=True):
        for who, identity in zip(
            frame.track_ids.tolist(), found.track_ids.tolist(), strict=True
        ):
            if who in last:
                total += 1
                changed += last[who] != identity
            last[who] = identity
    return changed, total


def test_true_poses_keep_their_identities(clips):
    for cost in ("box", "pose", "joints"):
        for clip in clips:
            tracks = Tracker(cost=cost)([truth_as_poses(frame) for frame in clip])
            changed, total = switches(clip, tracks)
            assert total > 20
            assert changed <= 1, cost
            mixed = Tracker(cost=lambda a, b: torch.rand(a.count, b.count))
            assert switches(clip, mixed([truth_as_poses(f) for f in clip]))[0] > changed


def square(x, y=0.0, size=20.0, score=1.0):
    """A person of 17 joints in a square box, as one row of Poses."""
    corners = torch.rand(17, 2, generator=torch.Generator().manual_seed(0))
    return (
        corners * size + torch.tensor([x, y]),
        torch.tensor([x, y, size, size]),
        score,
    )


def frame(*people):
    if not people:
        return Poses.empty(17).replace(
            boxes=torch.zeros(0, 4), person_scores=torch.zeros(0)
        )
    points, boxes, scores = zip(*people, strict=True)
    return Poses(
        torch.stack(points),
        torch.ones(len(people), 17),
        boxes=torch.stack(boxes),
        person_scores=torch.tensor(scores),
    )


def ids(tracker, *frames):
    return [poses.track_ids.tolist() for poses in tracker(frames)]


def test_identities_follow_and_new_ones_begin():
    found = ids(
        Tracker(),
        frame(square(0), square(100)),
        frame(square(102), square(3), square(200)),
        frame(square(5), square(205)),
    )
    assert found == [[0, 1], [1, 0, 2], [0, 2]]


def test_without_a_gate_a_stranger_inherits_an_identity():
    clip = (frame(square(0)), frame(square(150)))
    assert ids(Tracker(), *clip) == [[0], [0]]
    assert ids(Tracker(gate=0.9), *clip) == [[0], [1]]


def test_who_is_missing_for_a_frame_comes_back_if_one_waits():
    clip = (
        frame(square(0), square(100)),
        frame(square(101)),
        frame(square(1), square(102)),
    )
    assert ids(Tracker(gate=0.9), *clip) == [[0, 1], [1], [2, 1]]
    assert ids(Tracker(gate=0.9, patience=1), *clip) == [[0, 1], [1], [0, 1]]
    gone = (clip[0], frame(square(101)), frame(square(101)), clip[2])
    assert ids(Tracker(gate=0.9, patience=1), *gone)[-1] == [2, 1]


def test_empty_frames_one_frame_and_a_new_clip():
    tracker = Tracker()
    assert ids(tracker, frame(), frame(square(0)), frame(), frame(square(0))) == [
        [],
        [0],
        [],
        [1],
    ]
    assert ids(tracker, frame(square(9))) == [[0]]  # nothing is left of the last clip
    assert ids(tracker) == []


def test_weak_people_are_left_out():
    clip = (frame(square(0), square(100, score=0.2)),)
    assert ids(Tracker(person_score=0.5), *clip) == [[0]]


def test_an_estimator_sees_the_images():
    seen = []

    def estimator(image):
        seen.append(image.shape)
        return frame(square(float(image.sum())))

    images = [torch.zeros(3, 8, 8), torch.full((3, 8, 8), 0.01)]
    assert ids(Tracker(estimator), *images) == [[0], [0]]
    assert seen == [(3, 8, 8)] * 2


def test_heads_are_half_of_trunks():
    points = torch.zeros(2, 17, 2)
    points[1, 11:13, 1] = 40.0  # the hips
    assert head_lengths(points).tolist() == [0, 20]


def test_people_who_look_alike_are_linked_wherever_they_are():
    shirts = torch.eye(2)
    here, there = frame(square(0), square(100)), frame(square(100), square(0))
    clip = [here.replace(features=shirts), there.replace(features=shirts)]
    assert ids(Tracker(cost="appearance"), *clip) == [[0, 1], [0, 1]]
    assert ids(Tracker(), *clip) == [[0, 1], [1, 0]]
    with pytest.raises(ArgumentError, match="features.*not known"):
        ids(Tracker(cost="appearance"), here, there)


def test_a_cost_that_remembers_begins_anew_with_each_clip():
    class Remembers:
        seen = ()

        def reset(self):
            self.seen = ()

        def __call__(self, before, now):
            self.seen = (*self.seen, before.track_ids.tolist())
            return torch.zeros(before.count, now.count)

    cost = Remembers()
    tracker = Tracker(cost=cost)
    clip = (frame(square(0)), frame(square(1)), frame(square(2)))
    ids(tracker, *clip)
    assert cost.seen == ([0], [0])
    ids(tracker, *clip[:2])
    assert cost.seen == ([0],)


def test_bad_arguments():
    with pytest.raises(ArgumentError, match="unknown cost"):
        Tracker(cost="colour")
    with pytest.raises(ArgumentError, match="unknown way"):
        Tracker(method="best")
    with pytest.raises(ArgumentError, match="no estimator"):
        Tracker().step(torch.zeros(3, 4, 4))
