"""Poses: joint limits, balance, feet on the ground, smooth cycles, determinism."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from poselab.errors import ArgumentError
from poselab.people.body import motion
from poselab.people.body import person as body
from poselab.people.body.arms import _arm_points, _inside_head, _inside_trunk
from poselab.people.body.inverse_kinematics import centre_of_mass
from poselab.people.body.kinematics import LIMITS, soles
from poselab.people.body.shape import measures

ALL = (*motion.ACTIVITIES, "random")
SEEDS = st.integers(0, 2**31 - 1)


def _gen(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _sole_heights(shape, frames) -> torch.Tensor:
    """Heights [N, 2, 3] mm of the lowest points of heel, ball and toes."""
    m = measures(shape)
    sides = [
        torch.stack(
            [
                frames.point(side + bone, 0.0, -down, ahead)[:, 1] - radius
                for bone, down, ahead, radius in soles(m)
            ],
            1,
        )
        for side in ("left_", "right_")
    ]
    return torch.stack(sides, 1)


@pytest.mark.parametrize("activity", ALL)
def test_angles_stay_within_the_limits(activity):
    pose = motion.sample_pose(256, _gen(), activity)
    assert (pose.angles >= LIMITS[..., 0] - 1e-5).all()
    assert (pose.angles <= LIMITS[..., 1] + 1e-5).all()
    assert pose.angles.isfinite().all()


@pytest.mark.parametrize("activity", [a for a in ALL if a != "running"])
def test_somebody_who_does_not_run_stands_on_a_foot(activity):
    g = _gen(1)
    shape = body.sample_shape(256, g)
    frames = body.forward(shape, motion.sample_pose(256, g, activity))
    low = _sole_heights(shape, frames).amin((1, 2))
    assert low.min() > -1.0
    assert low.quantile(0.95) < 5.0
    assert low.max() < 60.0


@pytest.mark.parametrize("activity", ["standing", "waving", "sitting"])
def test_quiet_activities_have_both_soles_flat(activity):
    g = _gen(2)
    shape = body.sample_shape(256, g)
    frames = body.forward(shape, motion.sample_pose(256, g, activity))
    assert _sole_heights(shape, frames).quantile(0.99) < 12.0


def test_runners_leave_the_ground_and_come_back():
    style = motion.sample_style(1, _gen()).expand(100, -1)
    pose = motion.cycle("running", torch.arange(100) / 100, style)
    frames = body.forward(body.average_shape(100), pose)
    low = _sole_heights(body.average_shape(100), frames).amin((1, 2))
    assert (low > 15).any()
    assert (low < 1).float().mean() > 0.4


@pytest.mark.parametrize("activity", ["standing", "waving", "crouching", "random"])
def test_the_centre_of_mass_is_over_the_support(activity):
    g = _gen(3)
    shape = body.sample_shape(256, g)
    pose = motion.sample_pose(256, g, activity)
    frames = body.forward(shape, pose)
    mass = centre_of_mass(frames)[:, [0, 2]]
    feet = torch.stack(
        [frames.point(s + b) for s in ("left_", "right_") for b in ("ankle", "toe")], 1
    )
    low, high = feet[..., [0, 2]].amin(1), feet[..., [0, 2]].amax(1)
    margin = 0.045 * shape.height[:, None]
    inside = ((mass > low - margin) & (mass < high + margin)).all(1)
    assert inside.float().mean() > 0.93


@pytest.mark.parametrize("activity", ALL)
def test_arms_stay_out_of_trunk_and_head(activity):
    pose = motion.sample_pose(256, _gen(4), activity)
    frames = body.forward(body.average_shape(256, 1.0), pose)
    points = _arm_points(frames)
    assert _inside_trunk(frames, points).amax((1, 2)).quantile(0.95) < 0.35
    assert _inside_head(frames, points).amax((1, 2)).quantile(0.97) < 0.4


@pytest.mark.parametrize("activity", ALL)
def test_cycles_are_smooth_and_join_up(activity):
    style = motion.sample_style(6, _gen(5)).repeat_interleave(65, 0)
    phase = torch.linspace(0, 1, 65).repeat(6) % 1
    shape = body.average_shape(len(phase))
    joints = body.joints(shape, motion.cycle(activity, phase, style))
    joints = joints.unflatten(0, (6, 65))
    torch.testing.assert_close(joints[:, 0], joints[:, -1], atol=1.0, rtol=0)
    step = (joints[:, 1:] - joints[:, :-1]).norm(dim=-1)
    assert step.max() < 160.0  # mm in a 64th of a cycle: no jumps
    assert step.amax((1, 2)).min() > 0.05  # and nobody is frozen


def test_a_walker_moves_as_far_as_the_standing_foot_slides_back():
    style = motion.sample_style(1, _gen(6))
    phase = torch.tensor([0.2, 0.3])
    shape = body.average_shape(2)
    pose = motion.cycle("walking", phase, style.expand(2, -1))
    ankle = body.forward(shape, pose).point("left_ankle")[:, 2]
    travel = motion.stride("walking", style) * 1720 * 0.1
    assert abs(float(ankle[0] - ankle[1]) - float(travel)) < 0.1 * float(travel)
    assert float(motion.stride("standing", style)) == 0


def test_activities_look_different():
    shape = body.average_shape(64)
    height = {}
    for activity in ALL:
        pose = motion.sample_pose(64, _gen(7), activity)
        height[activity] = float(body.joints(shape, pose)[:, 0, 1].mean())
    assert height["crouching"] < height["sitting"] < height["standing"] - 250
    waving = body.joints(shape, motion.sample_pose(64, _gen(7), "waving"))
    wrists = waving[:, 9:11, 1].amax(1)
    assert (wrists > waving[:, 5, 1]).float().mean() > 0.95


def test_a_list_of_activities_is_one_per_person_in_that_order():
    g = _gen(8)
    style, phase = motion.sample_style(4, g), torch.rand(4, generator=g)
    names = ["waving", "sitting", "walking", "sitting"]
    together = motion.cycle(names, phase, style)
    for i, name in enumerate(names):
        alone = motion.cycle(name, phase[i : i + 1], style[i : i + 1])
        torch.testing.assert_close(
            together.angles[i], alone.angles[0], atol=1e-4, rtol=0
        )
    assert together.seat.tolist() == [0, 1, 0, 1]


def test_all_activities_are_drawn():
    drawn = motion.activities(300, _gen())
    assert {motion.NAMES[i] for i in drawn} == set(ALL)


def test_an_unknown_activity_is_named_with_what_is_known():
    with pytest.raises(ArgumentError, match="activity.*flying.*standing, walking"):
        motion.sample_pose(2, _gen(), "flying")


@settings(max_examples=10, deadline=None)
@given(SEEDS)
def test_same_seed_same_poses(seed):
    first, second = (motion.sample_pose(12, _gen(seed)) for _ in range(2))
    assert torch.equal(first.angles, second.angles)
    assert torch.equal(first.turn, second.turn)
    assert torch.equal(first.lift, second.lift)


def test_crouching_lowers_people_steadily_with_flat_feet():
    style = motion.sample_style(1, _gen(9)).expand(11, -1)
    amount = torch.linspace(0, 1, 11)
    pose = motion.cycle("standing", torch.zeros(11), style, amount)
    shape = body.average_shape(11)
    frames = body.forward(shape, pose)
    hips = frames.point("pelvis")[:, 1]
    assert (hips[1:] < hips[:-1] - 10).all()
    assert hips[0] - hips[-1] > 400
    assert _sole_heights(shape, frames).amin((1, 2)).max() < 1.0
    alone = motion.cycle("standing", torch.zeros(11), style)
    torch.testing.assert_close(pose.angles[0], alone.angles[0], atol=1e-4, rtol=0)


def test_without_poses_as_much_is_drawn():
    """Who poses people anew gets the same of all that is drawn after their poses."""
    both = [torch.Generator().manual_seed(3) for _ in range(2)]
    moving, resting = (
        motion.sample_pose(4, g, None, posed)
        for g, posed in zip(both, (True, False), strict=True)
    )
    assert torch.equal(both[0].get_state(), both[1].get_state())
    assert resting.angles.abs().max() == 0 < moving.angles.abs().max()
