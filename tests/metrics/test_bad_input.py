"""What no metric may answer with a number: it names the argument instead."""

import pytest
import torch

from poselab.errors import ArgumentError
from poselab.metrics import (
    coco_ap,
    coco_ap_vectorised,
    mpjpe,
    oks,
    oks_radius,
    pck,
    pckh,
    pckh_mpii,
    pcp,
    pdj,
    track_scores,
)
from tests.support.coco_sets import make_set
from tests.support.samples import found_frames, true_frames

POSE, SEEN = torch.rand(2, 17, 2), torch.ones(2, 17)
BOXES = torch.tensor([[0.0, 0.0, 9.0, 9.0]] * 2)
TRUTH = POSE, POSE, SEEN


@pytest.mark.parametrize("limits", [(-0.1,), (0.1, torch.nan), (torch.inf,)])
def test_a_threshold_is_a_number_from_0(limits):
    for metric in (
        lambda: pck(*TRUTH, thresholds=limits, boxes=BOXES),
        lambda: pdj(*TRUTH, limits),
        lambda: pcp(*TRUTH, alpha=limits[-1]),
    ):
        with pytest.raises(ArgumentError, match="finite and not negative"):
            metric()
    ids = torch.arange(2).expand(3, 2)
    frames = POSE.expand(3, 2, 17, 2), SEEN.expand(3, 2, 17), ids
    truth, found = true_frames(*frames), found_frames(*frames)
    with pytest.raises(ArgumentError, match="threshold.*not negative"):
        track_scores(truth, found, torch.ones(3, 2), threshold=limits[-1])


def test_joints_of_another_skeleton_are_not_looked_up_by_name():
    """COCO's joint 9 is a wrist, and not MPII's head top."""
    for metric in (
        lambda: pckh(*TRUTH),
        lambda: pckh(*TRUTH, head=BOXES[:, 2], joints=["pelvis"]),
        lambda: pckh_mpii(*TRUTH, BOXES),
        lambda: pck(POSE[:, :5], POSE[:, :5], SEEN[:, :5], "torso"),
    ):
        with pytest.raises(ArgumentError, match="other joints"):
            metric()
    mpii = POSE[:, :16], POSE[:, :16], SEEN[:, :16]
    with pytest.raises(ArgumentError, match="joints = 16: mpii-16 has no such joint"):
        pckh(*mpii, joints=[16])


@pytest.mark.parametrize("limbs", [[(1, 2, 3)], [(0.5, 1)], [(-1, 2)], [(0, 17)]])
def test_limbs_are_pairs_of_joints(limbs):
    with pytest.raises(ArgumentError, match="limbs"):
        pcp(*TRUTH, limbs=limbs)


def test_no_limbs_at_all_are_nothing_to_find():
    assert pcp(*TRUTH, limbs=[]).isnan()


def test_oks_needs_a_factor_and_a_box():
    areas = torch.ones(2)
    for factor in (0.0, -2.0, torch.nan):
        with pytest.raises(ArgumentError, match="sigma_factor"):
            oks(*TRUTH, areas, sigma_factor=factor)
        with pytest.raises(ArgumentError, match="sigma_factor"):
            oks_radius(areas, sigma_factor=factor)
    with pytest.raises(ArgumentError, match="boxes.*not finite"):
        oks(POSE, POSE, 0 * SEEN, areas, boxes=BOXES * torch.nan)
    labelled = oks(*TRUTH, areas, boxes=BOXES * torch.nan)  # where no box is needed
    assert torch.isfinite(labelled).all()


def test_a_root_is_a_whole_number():
    points = torch.rand(2, 17, 3)
    with pytest.raises(ArgumentError, match="root = 0.5"):
        mpjpe(points, points, root=0.5)


@pytest.mark.parametrize("metric", [coco_ap, coco_ap_vectorised])
def test_both_evaluations_refuse_the_same(metric):
    data, found = make_set(0)
    for images, message in (
        ([{}], r"images\[0\], id: this field is missing"),
        ([7], r"images\[0\], id"),
        ([{"id": 1}, {"id": "a"}], "all whole numbers"),
        ([{"id": [1]}], "all whole numbers"),
    ):
        with pytest.raises(ArgumentError, match=message):
            metric({**data, "images": images}, found)
    for field, value, message in (
        ("score", "0.5", "score = '0.5': must be a number"),
        ("image_id", [1], "image_id: an id must be"),
    ):
        with pytest.raises(ArgumentError, match=message):
            metric(data, [{**found[0], field: value}])
    for answers in (None, 3, "results.json", {1: None}):
        with pytest.raises(ArgumentError, match="found"):
            metric(data, answers)
    with pytest.raises(ArgumentError, match="expected samples"):
        metric(None, found)
