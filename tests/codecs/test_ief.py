"""Bounded steps, the fixed path they make, and what a network learns of it."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from poselab.codecs import (
    IefCodec,
    bounded,
    fixed_path,
    gaussian_heatmaps,
    on_path,
    with_pose,
)
from poselab.errors import ArgumentError, ShapeError
from tests.support.sources import Dots

pixels = st.floats(-200, 200, width=32)
bounds = st.floats(0.5, 100, width=32)
poses = st.lists(st.tuples(pixels, pixels), min_size=3, max_size=3)


def tensor(points):
    return torch.tensor(points, dtype=torch.float64)


def batch(n=6, seed=0):
    return Dots((64, 48)).batch(n, torch.Generator().manual_seed(seed))


def codec(**options):
    return IefCodec(torch.full((17, 2), 25.0), **options)


# --- steps and paths -----------------------------------------------------------------


@given(poses, bounds)
def test_a_bounded_vector_is_short_and_keeps_its_direction(vectors, bound):
    u = tensor(vectors)
    e = bounded(u, bound)
    assert (e.norm(dim=-1) <= bound * (1 + 1e-9)).all()
    cross = e[:, 0] * u[:, 1] - e[:, 1] * u[:, 0]
    assert cross.abs().max() < 1e-6
    assert ((e * u).sum(-1) >= 0).all()
    near = u.norm(dim=-1) <= bound
    torch.testing.assert_close(e[near], u[near])


def test_the_length_is_bounded_not_each_axis():
    u = torch.tensor([[30.0, 40.0], [3.0, 4.0], [0.0, 0.0]])
    wanted = torch.tensor([[6.0, 8.0], [3.0, 4.0], [0.0, 0.0]])
    torch.testing.assert_close(bounded(u, 10.0), wanted)
    assert bounded(u, math.inf) is u


@given(poses, poses, bounds, st.integers(0, 6))
def test_every_step_of_the_path_is_bounded_and_comes_closer(a, b, bound, steps):
    start, truth = tensor(a), tensor(b)
    path = torch.stack(fixed_path(start, truth, bound, steps))
    assert path.shape == (steps + 1, 3, 2)
    assert ((path[1:] - path[:-1]).norm(dim=-1) <= bound * (1 + 1e-9)).all()
    left = (truth - path).norm(dim=-1)  # [steps + 1, J]
    walked = bound * torch.arange(steps + 1, dtype=torch.float64)[:, None]
    expected = (left[0] - walked).clamp(min=0)
    torch.testing.assert_close(left, expected, atol=1e-6, rtol=0)


@given(poses, poses, bounds)
def test_the_closed_form_is_the_path(a, b, bound):
    start, truth = tensor(a), tensor(b)
    path = fixed_path(start, truth, bound, 4)
    at_once = on_path(start, truth.expand(5, 3, 2), bound, torch.arange(5))
    torch.testing.assert_close(at_once, torch.stack(path), atol=1e-6, rtol=0)


def test_wrong_bounds_and_shapes():
    with pytest.raises(ArgumentError, match="bound = 0"):
        bounded(torch.zeros(3, 2), 0)
    with pytest.raises(ShapeError, match="vectors"):
        bounded(torch.zeros(2, 3), 1.0)


# --- the drawn pose ------------------------------------------------------------------


def test_the_pose_is_drawn_behind_the_image():
    images, points = torch.rand(2, 3, 20, 16), torch.rand(2, 5, 2) * 15
    drawn = with_pose(images, points, 2.0)
    assert drawn.shape == (2, 8, 20, 16)
    assert torch.equal(drawn[:, :3], images)
    assert torch.equal(drawn[:, 3:], gaussian_heatmaps(points, (20, 16), 2.0))


def test_a_drawn_joint_is_brightest_where_it_is():
    points = torch.tensor([[[3.0, 11.0]]])
    drawn = with_pose(torch.zeros(1, 0, 20, 16), points, 2.0)[0, 0]
    assert drawn[11, 3] == drawn.max() == 1  # x counts columns


# --- the codec -----------------------------------------------------------------------


@settings(max_examples=20)
@given(st.integers(1, 5), st.floats(2, 30), st.integers(0, 99))
def test_decoding_the_target_goes_one_step_on(steps, bound, seed):
    sample, own = batch(4, seed), codec(bound=bound, steps=steps, spread=3.0)
    _, targets = own.encode(sample, torch.Generator().manual_seed(seed))
    moved = own.decode(targets["target"], targets["points"]).keypoints[:, 0]
    before = (targets["points"] - sample.keypoints[:, 0]).norm(dim=-1)
    after = (moved - sample.keypoints[:, 0]).norm(dim=-1)
    known = targets["visibility"] > 0
    wanted = (before - bound).clamp(min=0)
    torch.testing.assert_close(after[known], wanted[known], atol=1e-3, rtol=0)
    assert (targets["target"].norm(dim=-1) < 1 + 1e-5).all()


def test_poses_lie_on_the_path_from_the_start():
    sample, own = batch(32), codec(bound=5.0, steps=3, spread=0.0)
    points = own.points(sample, torch.Generator().manual_seed(0))
    truth = sample.keypoints[:, 0]
    paths = torch.stack(fixed_path(own.start, truth, 5.0, 2))  # [3, B, J, 2]
    gap = (points - paths).norm(dim=-1)  # [3, B, J]
    known = sample.visibility[:, 0] > 0
    step = gap.masked_fill(~known, 0.0).sum(-1).argmin(0)
    assert set(step.tolist()) == {0, 1, 2}  # every step occurs
    on = gap[step, torch.arange(32)]
    assert on[known].max() < 1e-3
    assert torch.equal(points[~known], own.start.expand_as(points)[~known])


def test_the_first_phase_shows_the_start_only():
    own = codec(steps=1, spread=0.0)
    points = own.points(batch(4), torch.Generator().manual_seed(0))
    assert torch.equal(points, own.start.expand(4, 17, 2))


def test_the_start_is_spread_as_a_whole_and_joint_by_joint():
    own = codec(steps=1, spread=5.0)
    points = own.points(batch(400), torch.Generator().manual_seed(0)) - own.start
    together = points.mean(1)
    assert together.std() == pytest.approx(5 * math.sqrt(1 + 1 / 17), rel=0.1)
    assert (points - together[:, None]).std() == pytest.approx(5.0, rel=0.1)


def test_the_same_generator_gives_the_same_lesson():
    draws = (torch.Generator().manual_seed(3) for _ in "ab")
    ((a,), one), ((b,), two) = (codec().encode(batch(), draw) for draw in draws)
    assert torch.equal(a, b)
    assert all(torch.equal(one[key], two[key]) for key in one)
    assert a.shape == (6, 20, 64, 48)


def test_a_perfect_answer_costs_nothing_and_unlabelled_joints_never_do():
    own = codec()
    _, targets = own.encode(batch(), torch.Generator().manual_seed(0))
    answer = targets["target"].clone()
    assert own.loss(answer, targets) == 0
    targets["visibility"][:, 3] = 0
    answer[:, 3] = torch.nan
    assert own.loss(answer, targets) == 0
    assert own.loss(targets["target"] + 1, targets) == 2


def test_the_whole_residual_is_a_leap_to_the_truth_from_the_same_poses():
    own, sample = codec(whole=True), batch()
    _, targets = own.encode(sample, torch.Generator().manual_seed(0))
    moved = own.decode(targets["target"], targets["points"]).keypoints
    torch.testing.assert_close(moved, sample.keypoints, atol=1e-3, rtol=0)
    _, steps = codec().encode(sample, torch.Generator().manual_seed(0))
    assert torch.equal(steps["points"], targets["points"])


def test_what_the_codec_refuses():
    with pytest.raises(ArgumentError, match="generator"):
        codec().encode(batch(), None)
    with pytest.raises(ArgumentError, match="steps = 0"):
        codec(steps=0)
    with pytest.raises(ArgumentError, match="bound = inf"):
        codec(bound=math.inf)
    with pytest.raises(ShapeError, match="start"):
        IefCodec(torch.zeros(17, 3))
