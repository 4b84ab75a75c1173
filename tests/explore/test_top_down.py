"""The explorers of notebook 07: what a drag does to boxes, crops and joints."""

import pytest
import torch

from poselab import datasets, explore, zoo
from poselab.errors import ArgumentError
from poselab.explore.top_down_counts import (
    count_hits,
    everybody,
    owners,
    read_box,
    stolen_joints,
)
from poselab.geometry import expand_box
from poselab.models import build
from poselab.pipelines import TopDown
from poselab.records import Sample
from poselab.system.threads import threads


@pytest.fixture(scope="module")
def crowd():
    return datasets.evaluation("crowd", 12, (192, 256))


@pytest.fixture(scope="module")
def system():
    net = zoo.load("simple_baseline_tiny")
    finder = zoo.load("rcnn_tiny")
    finder.side = (192, 256)  # as `zoo.top_down` does it
    return TopDown(finder, net, net.codec)


@pytest.fixture(scope="module")
def box(system, crowd):
    return explore.BoxExplorer(system, crowd, image=1)


def mean_error(explorer, **values):
    explorer.set(
        **{
            "image": 1,
            "person": 0,
            "right": 0.0,
            "down": 0.0,
            "scale": 1.0,
            "stretch": 1.0,
            "squeeze": False,
            "flip": False,
            **values,
        }
    )
    moved, _, _, points = explorer.answer(**explorer.values)
    _, joints, flags, _ = explorer.truth(explorer.values["image"], 0)
    return (points - joints).norm(dim=-1)[flags > 0].median().item(), moved


@pytest.mark.parametrize("name", ["BoxExplorer", "NeighbourExplorer", "NmsExplorer"])
def test_every_control_changes_the_picture(name, system, crowd):
    arguments = {
        "BoxExplorer": (system, crowd),
        "NeighbourExplorer": (system,),
        "NmsExplorer": (system.detector, crowd),
    }[name]
    explorer = getattr(explore, name)(*arguments)
    seen = explorer.sweep()
    assert seen.keys() == explorer.controls.keys()
    assert min(seen.values()) > 1, seen


def test_a_small_push_leaves_the_joints_and_a_large_one_does_not(box):
    still, _ = mean_error(box)
    pushed, moved = mean_error(box, right=0.06)
    far, _ = mean_error(box, right=0.5, down=0.5)
    assert pushed < still + 3
    assert far > 2 * still + 5
    true = box.truth(1, 0)[0]
    assert moved[0] == pytest.approx(true[0] + 0.06 * true[2])
    assert torch.equal(moved[2:], true[2:])


def test_the_crop_is_that_of_the_system(box, system):
    """Moved by nothing and not squeezed, the explorer answers as the pipeline does."""
    box.set(
        image=1,
        person=0,
        right=0.0,
        down=0.0,
        scale=1.0,
        stretch=1.0,
        squeeze=False,
        flip=False,
    )
    *_, points = box.answer(**box.values)
    wanted = system.poses(box.samples.image[1], box.truth(1, 0)[0][None]).keypoints[0]
    assert (points - wanted).abs().max() < 0.5
    assert not system.single.flip


def test_squeezing_presses_the_box_into_the_crop(box, system):
    image, true = box.samples.image[1], box.truth(1, 0)[0]
    tight = expand_box(true, None, 1.25)
    crop, points = read_box(system.single, image, tight)
    assert crop.shape == (3, *system.single.codec.size)
    assert points.shape == (17, 2)
    assert "squeezed" in box.set(squeeze=True)._caption


def test_the_person_is_one_of_the_image_s_people(box):
    counts = [box.count(i) for i in range(len(box.samples))]
    assert len(set(counts)) > 1
    for image, count in enumerate(counts):
        box.set(image=image, person=count - 1)
        assert f"Image {image}, person {count - 1}:" in box.live_caption
        with pytest.raises(ArgumentError, match="person"):
            box.set(person=count)


def test_a_wrong_object_is_named(system, crowd):
    with pytest.raises(ArgumentError, match="needs a TopDown"):
        explore.BoxExplorer(system.detector, crowd)
    with pytest.raises(ArgumentError, match=r"needs an RCNN.*system\.detector"):
        explore.NmsExplorer(system, crowd)


def test_who_is_counted_as_whose():
    truth = datasets.evaluation("crowd", 12, (192, 256))[1]
    pair = truth.people(everybody(truth)[:2])
    mixed, boxes = pair.keypoints.clone(), pair.boxes
    known = (pair.visibility > 0).all(0).nonzero()[:, 0]
    assert stolen_joints(pair, mixed, boxes)[0] == 0
    mixed[0, known[:3]] = pair.keypoints[1, known[:3]]
    count, _, where = stolen_joints(pair, mixed, boxes)
    assert count == 3
    torch.testing.assert_close(where, pair.keypoints[1, known[:3]])
    assert owners(pair, boxes) == [0, 1]
    assert owners(pair, boxes.flip(0)) == [1, 0]
    assert stolen_joints(pair, mixed[:0], boxes[:0])[:2] == (0, 0)
    assert owners(pair, boxes[:0]) == []


def test_a_pose_that_is_wholly_on_the_neighbour_is_stolen():
    truth = datasets.evaluation("crowd", 12, (192, 256))[1]
    pair = truth.people(everybody(truth)[:2])
    known = (pair.visibility > 0).all(0)
    both = pair.keypoints[1].repeat(2, 1, 1)  # two boxes, one person found twice
    assert stolen_joints(pair, both, pair.boxes)[0] == int(known.sum())


def test_the_caption_names_the_step_that_lost_somebody(system):
    explorer = explore.NeighbourExplorer(system, score_threshold=0.9)
    assert "has no box of such a score" in explorer.set(distance=0).live_caption
    explorer.set(boxes="true")
    assert "no box" not in explorer.live_caption


def test_a_threshold_asks_no_network_that_has_answered(system):
    explorer = explore.NeighbourExplorer(system, distance=600)
    found, posed = explorer.every, explorer.posed
    for threshold in (0.6, 0.65, 0.7):  # the same boxes stay
        explorer.set(iou_threshold=threshold)
    assert (found.cache_info().misses, posed.cache_info().misses) == (1, 1)
    explorer.set(score_threshold=0.9)
    assert found.cache_info().misses == 1
    sample, poses = explorer.answer(**explorer.values)
    with threads(1):  # as explorers do
        same = system(sample.image, score_threshold=0.9, iou_threshold=0.7)
    assert poses.keypoints.equal(same.keypoints)
    assert poses.person_scores.equal(same.person_scores)


def test_neighbours_steal_when_they_are_close(system):
    explorer = explore.NeighbourExplorer(system)
    near, far = (
        sum(explorer.stolen(distance=d, seed=s, boxes="true")[0] for s in range(4))
        for d in (0, 1200)
    )
    assert near > far + 3


def test_lower_scores_and_less_suppression_keep_more_people(system):
    explorer = explore.NeighbourExplorer(system)

    def count(**values):
        answers = [
            explorer.answer(**{**explorer.values, **values, "seed": who, "distance": d})
            for who in range(3)
            for d in (0, 150, 300)
        ]
        return sum(poses.count for _, poses in answers)

    few = count(iou_threshold=0.2, score_threshold=0.8)
    assert few < count(iou_threshold=0.9, score_threshold=0.1)


def test_a_higher_threshold_keeps_more_boxes(system, crowd):
    explorer = explore.NmsExplorer(system.detector, crowd, image=2)
    counts = [len(explorer.kept(2, t, 0.3)[0]) for t in (0.1, 0.5, 0.9)]
    assert counts == sorted(counts)
    assert counts[0] < counts[-1]
    kept, gone = explorer.kept(2, 0.5, 0.3)
    assert len(kept) + len(gone) == len(explorer.kept(2, 0.95, 0.3)[0]) + len(
        explorer.kept(2, 0.95, 0.3)[1]
    )


def test_hits_and_doubles():
    true = torch.tensor([[0.0, 0.0, 10.0, 20.0], [30.0, 0.0, 10.0, 20.0]])
    assert count_hits(true, true) == (2, 0)
    twice = torch.cat([true[:1], true[:1] + 1, torch.tensor([[80.0, 80.0, 5.0, 5.0]])])
    assert count_hits(twice, true) == (1, 1)
    assert count_hits(true[:0], true) == (0, 0)


def test_what_it_asks_for(crowd):
    with pytest.raises(ArgumentError, match="samples"):
        explore.NmsExplorer(build("rcnn_tiny").eval(), crowd[0])
    assert isinstance(crowd, Sample)
