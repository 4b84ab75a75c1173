"""PCK against its definition, the reference of MPII, and what must never change it."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from poselab.errors import PoselabError
from poselab.metrics import (
    head_box_length,
    pck,
    pck_per_joint,
    pckh,
    pckh_mpii,
    pdj,
    reference_length,
)
from poselab.skeleton import COCO_17, MPII_16
from tests.support.golden import FOLDER
from tests.support.samples import make_sample


def test_by_hand():
    truth = torch.zeros(1, 17, 2)
    pred = truth.clone()
    pred[0, 0, 0] = 10.0  # exactly at 0.1 of a box of 100
    pred[0, 1, 0] = 10.5
    visibility = torch.zeros(1, 17, dtype=torch.int64)
    visibility[0, :3] = torch.tensor([1, 2, 2])
    boxes = torch.tensor([[0.0, 0.0, 40.0, 100.0]])
    scores = pck(pred, truth, visibility, thresholds=(0.05, 0.1, 0.2), boxes=boxes)
    assert scores.tolist() == pytest.approx([1 / 3, 2 / 3, 1.0])
    each = pck_per_joint(pred, truth, visibility, thresholds=(0.1,), boxes=boxes)
    assert each[0, :3].tolist() == [1, 0, 1]
    assert each[0, 3:].isnan().all()


def test_equals_the_reference_of_mpii():
    golden = np.load(FOLDER / "alg_pckh_mpii.npz")
    names = json.loads((FOLDER / "alg_pckh_mpii.json").read_text())["names"]
    truth = torch.from_numpy(golden["gt_xy_1based"]).permute(2, 0, 1) - 1  # [n, J, 2]
    seen = torch.from_numpy(1 - golden["missing"].astype(int)).T
    corners = torch.from_numpy(golden["headboxes"])  # [2, 2, n]
    head = 0.6 * (corners[1] - corners[0]).norm(dim=0)
    pred = torch.from_numpy(golden["pred_xy_0based"])
    each = pck_per_joint(pred, truth, seen, head, (0.5,), skeleton=MPII_16)[0] * 100
    groups = {"Head": ["head_top"]} | {
        part: [f"left_{part.lower()}", f"right_{part.lower()}"] for part in names[1:7]
    }
    for name, value in zip(names[:7], golden["values"][:7], strict=True):
        joints = [MPII_16.index(joint) for joint in groups[name]]
        assert each[joints].mean().item() == pytest.approx(value, abs=1e-9), name
    seen[:, [MPII_16.index("pelvis"), MPII_16.index("thorax")]] = 0
    both = pck(pred, truth, seen, head, (0.5, 0.11), skeleton=MPII_16) * 100
    assert both.tolist() == pytest.approx(golden["values"][7:].tolist(), abs=1e-9)


def noisy(seed: int, people: int = 3):
    sample = make_sample(seed, people, (60, 50))
    g = torch.Generator().manual_seed(seed)
    return sample, sample.keypoints + 4 * torch.randn(people, 17, 2, generator=g)


@given(st.integers(0, 500), st.floats(0.1, 20), st.floats(-90, 90))
@settings(max_examples=30, deadline=None)
def test_invariants(seed, scale, shift):
    sample, pred = noisy(seed)
    limits = (0.02, 0.05, 0.1, 0.2, 0.5)
    args = sample.visibility, "box", limits
    scores = pck(pred, sample.keypoints, *args, boxes=sample.boxes)
    assert (scores.diff() >= 0).all()
    assert ((scores >= 0) & (scores <= 1)).all()
    exact = pck(sample.keypoints, sample.keypoints, *args, boxes=sample.boxes)
    assert (exact == 1).all()
    moved = pck(
        (pred.double() + shift) * scale,
        (sample.keypoints.double() + shift) * scale,
        *args,
        boxes=sample.boxes.double() * scale,
    )
    assert torch.allclose(moved, scores, atol=0.03)  # a tie may fall either way
    wild = torch.where((sample.visibility > 0)[..., None], pred, 1e6)
    assert torch.equal(pck(wild, sample.keypoints, *args, boxes=sample.boxes), scores)


def test_stacked_and_flat_agree_and_nan_is_wrong():
    sample, pred = noisy(1)
    flat = pck(pred, sample.keypoints, sample.visibility, boxes=sample.boxes)
    args = (x[None] for x in (pred, sample.keypoints, sample.visibility))
    assert torch.equal(pck(*args, boxes=sample.boxes[None]), flat)
    nowhere = torch.full_like(pred, torch.nan)
    lost = pck(nowhere, sample.keypoints, sample.visibility, boxes=sample.boxes)
    assert (lost == 0).all()
    nobody = torch.zeros_like(sample.visibility)
    assert pck(pred, sample.keypoints, nobody, boxes=sample.boxes).isnan().all()


def test_torso_and_head_lengths():
    points = torch.zeros(2, 17, 2)
    points[:, COCO_17.index("right_hip")] = torch.tensor([3.0, 4.0])
    flags = torch.full((2, 17), 2)
    flags[1, COCO_17.index("left_shoulder")] = 0
    length = reference_length(points, flags, "torso")
    assert length[0] == 5
    assert length[1].isnan()
    off = points.clone()
    off[0, 0, 0], off[1, :, 0] = 2.0, 99.0  # the second has no torso: not counted
    score = pck(off, points, flags, "torso", (0.3, 0.5))
    assert score.tolist() == pytest.approx([16 / 17, 1.0])
    points = torch.zeros(1, 16, 2)
    points[0, MPII_16.index("head_top")] = torch.tensor([0.0, -7.0])
    flags = torch.ones(1, 16)
    assert reference_length(points, flags, "head", skeleton=MPII_16)[0] == 7


def test_bad_arguments_are_named():
    sample, pred = noisy(2)
    good = (pred, sample.keypoints, sample.visibility)
    with pytest.raises(PoselabError, match="boxes=sample.boxes"):
        pck(*good)
    with pytest.raises(PoselabError, match="box, torso, head"):
        pck(*good, "arm")
    with pytest.raises(PoselabError, match="head_top"):
        pck(*good, "head")
    with pytest.raises(PoselabError, match="pred"):
        pck(pred[:, :5], *good[1:], boxes=sample.boxes)
    with pytest.raises(PoselabError, match="boxes"):
        pck(*good, boxes=sample.boxes[:1])
    with pytest.raises(PoselabError, match="reference length must be positive"):
        pck(*good, boxes=torch.zeros_like(sample.boxes))
    with pytest.raises(PoselabError, match="box is not finite"):
        pck(*good, boxes=torch.full_like(sample.boxes, torch.nan))
    with pytest.raises(PoselabError, match="no finite position"):
        pck(pred, torch.full_like(pred, torch.nan), good[2], boxes=sample.boxes)
    with pytest.raises(PoselabError, match="unknown diameter"):
        pdj(*good, diameter="box")
    with pytest.raises(PoselabError, match="unknown head"):
        pckh(*good, head="box_diagonal", skeleton=COCO_17)
    with pytest.raises(PoselabError, match="head_boxes"):
        pckh(*good, head="box", skeleton=COCO_17)


def mpii_golden():
    """Prediction, truth, visibility and head boxes (xywh) of the golden set."""
    golden = np.load(FOLDER / "alg_pckh_mpii.npz")
    truth = torch.from_numpy(golden["gt_xy_1based"]).permute(2, 0, 1) - 1  # [n, J, 2]
    seen = torch.from_numpy(1 - golden["missing"].astype(int)).T
    low, high = torch.from_numpy(golden["headboxes"]).permute(0, 2, 1)  # [n, 2] each
    boxes = torch.cat([low, high - low], -1)
    return torch.from_numpy(golden["pred_xy_0based"]), truth, seen, boxes, golden


def test_pckh_table_equals_the_reference_of_mpii():
    *arguments, golden = mpii_golden()
    table = pckh_mpii(*arguments)
    names = json.loads((FOLDER / "alg_pckh_mpii.json").read_text())["names"]
    assert list(table) == names
    percent = [100 * value for value in table.values()]
    assert percent == pytest.approx(golden["values"].tolist(), abs=1e-9)
    honest = pckh_mpii(*arguments, fine=0.1)["Mean@0.1"]
    assert honest < table["Mean@0.1"]


def test_pckh_of_segment_and_box_differ_by_the_length_only():
    pred, truth, seen, boxes, _ = mpii_golden()
    segment = pckh(pred, truth, seen)
    length = reference_length(truth, seen, "head", skeleton=MPII_16)
    assert torch.equal(segment, pckh(pred, truth, seen, head=length))
    box = pckh(pred, truth, seen, head="box", head_boxes=boxes)
    assert torch.equal(box, pckh(pred, truth, seen, head=head_box_length(boxes)))
    assert head_box_length([[5.0, 6.0, 30.0, 40.0]]).item() == pytest.approx(30)
    some = pckh(pred, truth, seen, joints=["left_wrist", 10])
    only = seen.clone()
    only[:, [j for j in range(16) if j not in (10, 15)]] = 0
    assert torch.equal(some, pck(pred, truth, only, length, (0.5,), skeleton=MPII_16))


def test_pdj_torso_does_not_vanish_in_profile_and_the_diagonal_is_larger():
    truth = torch.zeros(1, 17, 2)
    truth[0, COCO_17.index("right_hip"), 1] = 50.0  # in profile: straight below
    seen = torch.full((1, 17), 2)
    boxes = torch.tensor([[0.0, 0.0, 30.0, 40.0]])  # diagonal 50
    pred = truth.clone()
    pred[0, 0, 0], pred[0, 1, 0] = 10.0, 11.0
    assert pdj(pred, truth, seen).item() == pytest.approx(16 / 17)
    both = pdj(pred, truth, seen, (0.19, 0.3), diameter="diagonal", boxes=boxes)
    assert both.tolist() == pytest.approx([15 / 17, 1.0])
    lengths = pdj(pred, truth, seen, (0.2,), diameter=torch.tensor([55.0]))
    assert lengths.item() == 1
