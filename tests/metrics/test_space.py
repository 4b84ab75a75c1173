"""Errors in mm: the reference's numbers, what each alignment forgives, bad input."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from poselab.errors import PoselabError
from poselab.metrics import (
    align,
    auc3d,
    joint_errors,
    mpjpe,
    n_mpjpe,
    pa_mpjpe,
    pck3d,
    pck3d_curve,
)
from poselab.skeleton import COCO_17, H36M_17
from tests.support.golden import FOLDER

SEEDS = st.integers(0, 10_000)


def draw(seed: int, people: int = 4, noise: float = 60.0):
    """Prediction, truth [N, 17, 3] mm and visibility; the root is always labelled."""
    g = torch.Generator().manual_seed(seed)
    truth = 400 * torch.randn(people, 17, 3, generator=g, dtype=torch.float64)
    truth[..., 2] += 3000
    pred = truth + noise * torch.randn(truth.shape, generator=g, dtype=torch.float64)
    visibility = torch.randint(0, 3, (people, 17), generator=g)
    visibility[:, 0] = 2
    return pred, truth, visibility


def test_equals_the_golden_numbers():
    golden = np.load(FOLDER / "alg_mpjpe.npz")
    truth, mask, wanted = golden["gt"], golden["mask"], golden["values"]
    for name, place in (("pred", 0), ("pred2", 3)):
        pred = golden[name]
        values = [
            mpjpe(pred, truth, mask, root=None),
            n_mpjpe(pred, truth, mask, root=None, fit="all"),
            pa_mpjpe(pred, truth, mask, fit="all"),
        ]
        assert [v.item() for v in values] == pytest.approx(
            wanted[place : place + 3].tolist(), abs=1e-9
        )
    moved, _ = align(golden["pred"], truth, mask, "similarity", fit="all")
    np.testing.assert_allclose(moved, golden["aligned"], rtol=0, atol=1e-6)


def test_by_hand():
    truth = torch.zeros(1, 17, 3)
    truth[0, 1, 0] = 100.0
    pred = truth + 7
    assert mpjpe(pred, truth) == 0  # the root's error is taken away
    assert mpjpe(pred, truth, root=None).item() == pytest.approx(7 * 3**0.5)
    pred[0, 1] += torch.tensor([30.0, 40.0, 0.0])
    assert mpjpe(pred, truth).item() == pytest.approx(50 / 17)  # not RMSE: 50 / 17**.5
    assert joint_errors(pred, truth)[0, 1].item() == pytest.approx(50)
    assert n_mpjpe(2 * truth, truth).item() == pytest.approx(0)
    assert mpjpe(2 * truth, truth).item() == pytest.approx(100 / 17)


@given(SEEDS, st.floats(1, 500))
def test_each_alignment_lowers_the_squared_error(seed, noise):
    args = draw(seed, noise=noise)
    squared = [
        joint_errors(*args, kind).square().nansum(-1)
        for kind in ("similarity", "scale", "root")
    ]
    assert (squared[0] <= squared[1] * (1 + 1e-9)).all()
    assert (squared[1] <= squared[2] * (1 + 1e-9)).all()
    # Mean distances follow, but for a fraction: least squares do not minimise them.
    assert 0 <= pa_mpjpe(*args) <= 1.01 * n_mpjpe(*args) <= 1.01**2 * mpjpe(*args)


def test_one_joint_far_off_can_turn_the_order_round():
    _, truth, _ = draw(0, people=1)
    pred = truth.clone()
    pred[0, 5] += 3000
    plain, aligned = mpjpe(pred, truth), pa_mpjpe(pred, truth)
    assert aligned > plain  # the fit spreads one joint's error over all others
    plain_square = joint_errors(pred, truth).square().mean()
    assert joint_errors(pred, truth, kind="similarity").square().mean() < plain_square


@given(SEEDS, st.floats(0.1, 10), st.floats(-3, 3))
def test_what_each_forgives(seed, scale, angle):
    pred, truth, seen = draw(seed)
    c, s = np.cos(angle), np.sin(angle)
    turn = torch.tensor([[c, 0, s], [0, 1, 0], [-s, 0, c]], dtype=torch.float64)
    shift = torch.tensor([900.0, -50.0, 77.0], dtype=torch.float64)
    moved = scale * pred @ turn.T + shift
    assert torch.isclose(pa_mpjpe(moved, truth, seen), pa_mpjpe(pred, truth, seen))
    scaled = scale * pred + shift
    assert torch.isclose(n_mpjpe(scaled, truth, seen), n_mpjpe(pred, truth, seen))
    shifted = mpjpe(pred + shift, truth, seen)
    assert torch.isclose(shifted, mpjpe(pred, truth, seen))
    assert pa_mpjpe(scale * truth @ turn.T + shift, truth, seen) < 1e-6
    mirrored = truth * torch.tensor([-1.0, 1.0, 1.0])
    assert pa_mpjpe(mirrored, truth) > 50  # no reflection


@given(SEEDS)
def test_unlabelled_joints_never_matter(seed):
    pred, truth, seen = draw(seed)
    hidden = (seen == 0)[..., None]
    wild = torch.where(hidden, torch.nan, pred), torch.where(hidden, 1e7, truth), seen
    for metric in (mpjpe, n_mpjpe, pa_mpjpe, pck3d, auc3d):
        assert torch.equal(metric(*wild), metric(pred, truth, seen))
    assert torch.equal(joint_errors(*wild).isnan(), seen == 0)
    everything = seen * 0 + 2
    for metric in (n_mpjpe, pa_mpjpe):
        both = [metric(pred, truth, everything, fit=fit) for fit in ("labelled", "all")]
        assert torch.equal(*both)


@given(SEEDS, st.floats(1, 400))
def test_3dpck_and_auc(seed, noise):
    args = draw(seed, noise=noise)
    curve = pck3d_curve(*args)
    assert curve.shape == (31,)
    assert (curve.diff() >= 0).all()
    assert 0 <= auc3d(*args) <= curve[-1] + 1e-12
    assert curve[-1] <= 1
    assert torch.equal(pck3d(*args), curve[-1])
    assert auc3d(*args, strict=True) <= auc3d(*args)
    assert auc3d(args[1], args[1]) == 1
    assert auc3d(args[1], args[1], strict=True).item() == pytest.approx(30 / 31)


def test_3dpck_counts_the_threshold_itself():
    truth = torch.zeros(1, 17, 3)
    pred = truth.clone()
    pred[0, 1, 2] = 150.0
    assert pck3d(pred, truth) == 1
    assert pck3d(pred, truth, strict=True).item() == pytest.approx(16 / 17)
    assert pck3d(pred, truth, threshold=149.0).item() == pytest.approx(16 / 17)


def test_roots_by_name_index_and_hips():
    pred, truth, seen = draw(3)
    assert H36M_17.index("pelvis") == 0
    assert torch.equal(mpjpe(pred, truth, seen), mpjpe(pred, truth, seen, root=0))
    middle = [COCO_17.index("left_hip"), COCO_17.index("right_hip")]
    with_root = [torch.cat([x, x[:, middle].mean(1, True)], 1) for x in (pred, truth)]
    wanted = joint_errors(*with_root, root=17)[:, :17].mean()
    found = mpjpe(pred, truth, root="pelvis", skeleton=COCO_17)
    assert torch.isclose(found, wanted)


def test_collapsed_poses_and_nobody():
    pred, truth, seen = draw(1)
    point = torch.zeros_like(pred)
    assert torch.equal(n_mpjpe(point, truth), mpjpe(point, truth))
    assert torch.isfinite(pa_mpjpe(point, truth))
    for metric in (mpjpe, n_mpjpe, pa_mpjpe, pck3d, auc3d):
        assert metric(pred, truth, seen * 0).isnan()


def test_bad_arguments_are_named():
    pred, truth, seen = draw(2)
    lost = pred.clone()
    lost[1, 0, 2] = torch.nan
    no_root = seen.clone()
    no_root[2, 0] = 0
    cases = [
        (r"pred\[1, 0\].*no finite", (lost, truth, seen), {}),
        (r"truth\[1, 0\]", (pred, lost, seen), {}),
        ("root of a pose is not labelled", (pred, truth, no_root), {}),
        ("no such joint", (pred, truth), dict(root=17)),
        ("no such joint", (pred, truth), dict(root="tail")),
        ("other joints", (pred[:, :5], truth[:, :5]), {}),
        ("pred.*shape", (pred[:, :5], truth), {}),
        ("truth.*shape", (pred, truth[..., :2]), {}),
        ("truth", (pred, 3.0), {}),
    ]
    for message, arguments, extra in cases:
        with pytest.raises(PoselabError, match=message):
            mpjpe(*arguments, **extra)
    with pytest.raises(PoselabError, match="unknown alignment"):
        align(pred, truth, kind="affine")
    with pytest.raises(PoselabError, match="unknown fit"):
        pa_mpjpe(pred, truth, fit="visible")
    with pytest.raises(PoselabError, match="no finite"):
        pa_mpjpe(
            pred, torch.where(seen[..., None] > 0, truth, torch.inf), seen, fit="all"
        )
    with pytest.raises(PoselabError, match="thresholds"):
        pck3d_curve(pred, truth, thresholds=())
