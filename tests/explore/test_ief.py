"""FeedbackExplorer: what it shows is what the network does from that start."""

import math

import pytest
import torch

from poselab.datasets import SyntheticPeople
from poselab.errors import ArgumentError
from poselab.explore.canvas import JointCanvas
from poselab.explore.ief import FeedbackExplorer, turned
from poselab.models import DeepPose, build

needs_canvas = pytest.mark.skipif(JointCanvas is None, reason="anywidget is missing")


@pytest.fixture(scope="module")
def samples():
    return SyntheticPeople(seed=5, split="test").batch(3)


@pytest.fixture(scope="module")
def network(samples):
    net = build("ief", seed=0).eval()
    net.start.copy_(samples.keypoints[:, 0].mean(0))
    with torch.no_grad():  # steps that are seen
        net.corrector.head[-1].bias.normal_(0, 1, generator=torch.Generator())
    return net


@pytest.fixture
def explorer(network, samples):
    return FeedbackExplorer(network, samples)


def test_every_control_changes_the_picture(explorer):
    seen = explorer.sweep()
    assert all(count > 1 for count in seen.values()), seen


def test_poses_and_errors_are_the_networks(explorer, network, samples):
    with torch.no_grad():
        wanted = network(samples.image[1:2])
    for mine, theirs in zip(explorer.poses(1)[1:5], wanted, strict=True):
        torch.testing.assert_close(mine, theirs[0])
    assert len(explorer.poses(1)) == 9  # the start and eight steps, four of training
    known = samples.visibility[1, 0] > 0
    gap = (wanted[1][0] - samples.keypoints[1, 0]).norm(dim=-1)[known].mean()
    assert explorer.errors(1)[2] == pytest.approx(float(gap), rel=1e-4)
    explorer.set(image=1, step=2)
    assert f"{gap:.1f} px after step 2 (trained for 4)" in explorer.live_caption
    assert network.stages == 4


def test_the_bound_holds_for_every_step(explorer):
    poses = torch.stack(explorer.poses(0, 1.5))
    assert poses.diff(dim=0).norm(dim=-1).max() < 1.501
    free = explorer.set(limit=20.0, step=1).live_caption
    assert explorer.set(limit=1.5).live_caption != free


def test_turning_by_180_degrees_puts_the_head_down(explorer, network):
    start = network.start
    explorer.set(turn=180)
    torch.testing.assert_close(
        explorer.start, start.amin(0) + start.amax(0) - start, atol=1e-3, rtol=0
    )
    explorer.set(turn=0, dx=5, dy=-3)
    torch.testing.assert_close(explorer.start, start + torch.tensor([5.0, -3.0]))


def test_a_quarter_turn_is_clockwise():
    """The screen's y points down: what was above is then to the right."""
    points = torch.tensor([[0.0, -10.0], [0.0, 10.0]])
    wanted = torch.tensor([[10.0, 0.0], [-10.0, 0.0]])
    torch.testing.assert_close(turned(points, 90), wanted, atol=1e-5, rtol=0)


@needs_canvas
def test_a_dragged_joint_moves_the_start(explorer):
    before = explorer.image_bytes
    points = [list(p) for p in explorer.canvas.points]
    points[9] = [5.0, 7.0]
    explorer.canvas.edit = {
        "number": 1,
        "points": points,
        "visibility": [2] * 17,
        "selected": 9,
    }
    assert explorer.start[9].tolist() == [5, 7]
    assert explorer.poses(0)[0][9].tolist() == [5, 7]
    assert explorer.image_bytes != before
    explorer.set(turn=10)  # a slider begins again from the mean pose
    assert explorer.start[9].tolist() != [5, 7]
    assert explorer.canvas.points[9] == pytest.approx(explorer.start[9].tolist())


@needs_canvas
def test_the_canvas_shows_the_image_in_its_own_pixels(explorer, samples):
    assert list(explorer.canvas.size) == list(samples.size)
    first = explorer.canvas.image
    explorer.set(image=2)
    assert explorer.canvas.image != first


def test_without_a_canvas_the_sliders_remain(network, samples, monkeypatch):
    monkeypatch.setattr("poselab.explore.ief.JointCanvas", None)
    explorer = FeedbackExplorer(network, samples)
    still = explorer.image_bytes
    assert explorer.set(turn=90).image_bytes != still


@needs_canvas
def test_a_reset_brings_the_dragged_start_back(explorer):
    before = explorer.start.clone()
    points = explorer.start.tolist()
    points[9] = [5.0, 7.0]
    explorer.canvas.points = points
    assert not torch.equal(explorer.start, before)
    explorer.reset()
    torch.testing.assert_close(explorer.start, before)


def test_answers_are_remembered(explorer):
    explorer.poses(0)
    done = explorer._answer.cache_info().misses
    explorer.set(step=3, truth=False, arrows=False, seen=True)
    assert explorer._answer.cache_info().misses == done
    assert math.isfinite(explorer.errors(0)[0])


def test_wrong_arguments_are_refused(network, samples):
    with pytest.raises(ArgumentError, match="ief_tiny"):
        FeedbackExplorer(DeepPose(), samples)
    with pytest.raises(ArgumentError, match="one person per image"):
        FeedbackExplorer(network, samples[0])
