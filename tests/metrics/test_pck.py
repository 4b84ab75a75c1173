"""PCK against its definition, the reference of MPII, and what must never change it."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from poselab.errors import PoselabError
from poselab.metrics import pck, pck_per_joint, reference_length
from poselab.skeleton import COCO_17, MPII_16
from tests.golden import FOLDER
from tests.samples import make_sample


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
        (pred.double() + shift) * scale, (sample.keypoints.double() + shift) * scale,
        *args, boxes=sample.boxes.double() * scale,
    )  # fmt: skip
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
