"""PCP: the two rules, the two lengths, and what must never change them."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from poselab.errors import PoselabError
from poselab.metrics import limb_judgement, pcp, pcp_per_limb, pcpm
from poselab.skeleton import COCO_17
from tests.support.samples import make_sample

ARM = ("left_elbow", "left_wrist")


def arms(*lengths: float):
    """People whose left fore-arm points right from (0, 0)."""
    truth = torch.zeros(len(lengths), 17, 2)
    truth[:, COCO_17.index(ARM[1]), 0] = torch.tensor(lengths)
    return truth, torch.full(truth.shape[:-1], 2)


def moved(truth: torch.Tensor, elbow: float, wrist: float) -> torch.Tensor:
    pred = truth.clone()
    for joint, shift in zip(ARM, (elbow, wrist), strict=True):
        pred[:, COCO_17.index(joint), 1] += shift
    return pred


def test_strict_and_loose_by_hand():
    truth, seen = arms(10.0)
    one_end = moved(truth, 0.0, 8.0)  # 8 > 5, but (0 + 8) / 2 < 5
    assert pcp(one_end, truth, seen, limbs=[ARM]) == 0
    assert pcp(one_end, truth, seen, "loose", limbs=[ARM]) == 1
    exactly = moved(truth, 5.0, 5.0)
    assert pcp(exactly, truth, seen, limbs=[ARM]) == 1
    assert pcp(exactly, truth, seen, alpha=0.49, limbs=[ARM]) == 0


def test_a_short_limb_is_hard_for_pcp_and_not_for_pcpm():
    truth, seen = arms(40.0, 40.0, 4.0)  # the last arm points at the camera
    pred = moved(truth, 6.0, 6.0)
    assert pcp(pred, truth, seen, limbs=[ARM]).item() == pytest.approx(2 / 3)
    assert pcpm(pred, truth, seen, limbs=[ARM]) == 1  # 6 <= 28 / 2
    given_lengths = pcp(pred, truth, seen, length=torch.tensor([11.0]), limbs=[ARM])
    assert given_lengths == 0


def test_small_people_are_not_at_a_disadvantage():
    sample = make_sample(3, 3, (60, 50))
    pred = sample.keypoints + 8 * torch.randn(
        sample.keypoints.shape, generator=torch.Generator().manual_seed(1)
    )
    big = pcp(pred, sample.keypoints, sample.visibility)
    assert 0 < big < 1
    assert pcp(pred / 8, sample.keypoints / 8, sample.visibility) == big


def test_limbs_that_miss_an_end_do_not_count():
    truth, seen = arms(10.0, 10.0)
    seen[1, COCO_17.index("left_wrist")] = 0
    pred = moved(truth, 0.0, 99.0)
    right, counted = limb_judgement(pred, truth, seen, limbs=[ARM])
    assert counted.tolist() == [[True], [False]]
    assert right.tolist() == [[False], [False]]
    each = pcp_per_limb(pred, truth, seen * 0 + torch.eye(2, 1).long() * 2)
    assert each.shape == (len(COCO_17.limbs),)
    assert pcp(pred, truth, seen * 0).isnan()
    assert pcp_per_limb(pred, truth, seen * 0).isnan().all()


@given(st.integers(0, 300), st.floats(0.5, 12), st.sampled_from(["own", "mean"]))
def test_invariants(seed, noise, length):
    sample = make_sample(seed, 4, (60, 50))
    truth, seen = sample.keypoints, sample.visibility
    g = torch.Generator().manual_seed(seed)
    pred = truth + noise * torch.randn(truth.shape, generator=g)
    scores = [pcp(pred, truth, seen, "strict", a, length=length) for a in (0.1, 0.5, 1)]
    if scores[0].isnan():
        return
    assert 0 <= scores[0] <= scores[1] <= scores[2] <= 1
    loose = pcp(pred, truth, seen, "loose", 0.5, length=length)
    assert loose >= scores[1]
    assert pcp(truth, truth, seen, length=length) == 1
    wild = torch.where((seen > 0)[..., None], pred, torch.nan)
    assert pcp(wild, truth, seen, length=length) == scores[1]
    lost = torch.full_like(pred, torch.nan)
    assert pcp(lost, truth, seen, length=length) == 0
    arrays = (x.numpy() for x in (pred, truth, seen))
    assert pcp(*arrays, length=length) == scores[1]


def test_bad_arguments_are_named():
    truth, seen = arms(10.0)
    cases = [
        ("rule.*strict, loose", dict(rule="both")),
        ("length.*'own', 'mean'", dict(length="median")),
        ("length.*must be positive", dict(length=torch.zeros(1), limbs=[ARM])),
        ("length.*shape", dict(length=torch.ones(3), limbs=[ARM])),
        ("no such joint", dict(limbs=[("left_elbow", "left_toe")])),
        ("no such joint", dict(limbs=[(0, 17)])),
    ]
    for message, extra in cases:
        with pytest.raises(PoselabError, match=message):
            pcp(truth, truth, seen, **extra)
    with pytest.raises(PoselabError, match="pred.*shape"):
        pcp(truth[:, :3], truth, seen)
    with pytest.raises(PoselabError, match="labelled joint has no finite"):
        pcp(truth, torch.full_like(truth, torch.nan), seen)
    with pytest.raises(PoselabError, match="visibility.*shape"):
        pcp(np.zeros((1, 16, 2)), np.zeros((1, 16, 2)), np.ones((1, 16)))
    with pytest.raises(PoselabError, match="array of numbers"):
        pcp("nose", truth, seen)
