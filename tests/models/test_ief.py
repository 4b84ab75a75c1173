"""Iterative error feedback: the loop, both sizes of f, training along the path."""

import itertools
import math

import pytest
import torch
from torch import nn

from poselab.codecs import bounded, with_pose
from poselab.errors import ArgumentError, ShapeError
from poselab.evaluate.tasks import parts
from poselab.models import Corrector, CorrectorPaper, IterativeFeedback, build
from poselab.models.ief import INCEPTIONS, Inception
from poselab.train.feedback import mean_pose
from tests.support.sources import Dots

SIZE = (64, 48)


class Knowing(nn.Module):
    """An f that knows the truth and reads the drawn pose off its maps."""

    def __init__(self, truth, bound):
        super().__init__()
        self.truth, self.bound = truth, bound

    def forward(self, drawn):
        maps = drawn[:, 3:]
        weight = maps / maps.sum((2, 3), keepdim=True)
        y = (weight.sum(3) * torch.arange(maps.shape[2])).sum(-1)
        x = (weight.sum(2) * torch.arange(maps.shape[3])).sum(-1)
        return bounded(self.truth - torch.stack([x, y], -1), self.bound) / self.bound


def count(net):
    return sum(p.numel() for p in net.parameters())


def images(n=2, seed=0, size=SIZE):
    return torch.rand(n, 3, *size, generator=torch.Generator().manual_seed(seed))


# --- the loop ------------------------------------------------------------------------


def test_a_perfect_corrector_walks_the_fixed_path():
    generator = torch.Generator().manual_seed(0)
    truth = torch.rand(2, 5, 2, generator=generator) * 12 + 16
    net = IterativeFeedback(Knowing(truth, 4.0), 5, SIZE, stages=4, bound=4.0, sigma=2)
    poses = net(images())
    left = [(pose - truth).norm(dim=-1) for pose in (net.start, *poses)]
    for before, after in itertools.pairwise(left):
        wanted = (before - 4.0).clamp(min=0)
        torch.testing.assert_close(after, wanted, atol=1e-3, rtol=0)


def test_each_step_is_the_correction_of_the_drawn_pose():
    net = build("ief", size=SIZE, bound=5.0).eval()
    first, second = net(images())[:2]
    drawn = with_pose(images(), first, net.sigma)
    torch.testing.assert_close(second, first + 5.0 * net.corrector(drawn))
    assert [p.shape for p in net(images())] == [(2, 17, 2)] * 4


def test_another_start_and_a_limit():
    net = build("ief", size=SIZE).eval()
    pose = torch.rand(17, 2) * 40
    one = net(images(), pose)
    each = net(images(), pose.expand(2, 17, 2))
    torch.testing.assert_close(one[-1], each[-1])
    assert not torch.allclose(one[-1], net(images())[-1])
    short = [pose.expand(2, 17, 2), *net(images(), pose, limit=0.1)]
    moved = torch.stack(short).diff(dim=0).norm(dim=-1)
    assert 0.01 < moved.max() < 0.1001


def test_a_truncated_network_is_the_same_with_fewer_steps():
    net = build("ief", size=SIZE).eval()
    two = net.truncated(2)
    assert (two.stages, net.stages) == (2, 4)
    assert all(
        torch.equal(a, b) for a, b in zip(two(images()), net(images())[:2], strict=True)
    )
    assert [part.stages for part in parts(net)] == [1, 2, 3, 4]
    assert count(two) == count(net)


def test_gradients_reach_every_parameter():
    net = build("ief", size=SIZE)
    sum(pose.sum() for pose in net(images(4))).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in net.parameters())


@pytest.mark.parametrize(("joints", "size"), [(5, (64, 64)), (14, (96, 128))])
def test_other_joints_and_sizes(joints, size):
    net = build("ief", joints=joints, size=size, stages=3).eval()
    assert [p.shape for p in net(images(2, size=size))] == [(2, joints, 2)] * 3
    middle = torch.tensor([size[1] - 1, size[0] - 1]) / 2
    assert torch.equal(net.start, middle.expand(joints, 2))


def test_what_the_loop_refuses():
    with pytest.raises(ShapeError, match="images"):
        build("ief")(images())
    with pytest.raises(ArgumentError, match="stages = 0"):
        build("ief", stages=0)
    with pytest.raises(ArgumentError, match="stages = 0"):
        build("ief").truncated(0)
    with pytest.raises(ArgumentError, match="bound = 0"):
        build("ief", bound=0)


# --- the paper's size ----------------------------------------------------------------


def test_googlenet_has_the_published_number_of_parameters():
    """1409.4842, table 1, with biases and without side classifiers: 6,998,552."""
    with torch.device("meta"):
        net = CorrectorPaper(joints=500, inputs=3)  # 1000 outputs, three colours
    assert count(net) == 6_998_552
    ends = [
        one + three + five + pool
        for _, one, _, three, _, five, pool in filter(None, INCEPTIONS)
    ]
    assert ends == [256, 480, 512, 512, 512, 528, 832, 832, 1024]


def test_paper_network():
    with torch.device("meta"):
        net = build("ief_paper")
        assert net.corrector.stem[0][0].weight.shape == (64, 20, 7, 7)
        assert [p.shape for p in net(torch.zeros(1, 3, 224, 224))] == [(1, 16, 2)] * 4
        assert net.corrector.stem(torch.zeros(1, 20, 224, 224)).shape[2:] == (28, 28)
    assert count(net) == 6_059_664
    assert f"{count(net):,}" in CorrectorPaper.__doc__
    assert (net.bound, net.stages, net.marked) == (20.0, 4, True)


def test_gradients_of_the_paper_network():
    net = CorrectorPaper(3, 7)
    net(torch.rand(1, 7, 64, 64)).square().sum().backward()
    assert all(p.grad is not None for p in net.parameters())


def test_looks_stand_side_by_side():
    block, x = Inception(4, 1, 2, 3, 2, 5, 6), torch.rand(1, 4, 9, 7)
    assert block(x).shape == (1, 15, 9, 7)
    assert torch.equal(block(x)[:, :1], block.one(x))
    assert torch.equal(block(x)[:, 4:9], block.five(x))


def test_the_marked_point_is_in_the_middle():
    net = IterativeFeedback(nn.Identity(), 2, (31, 21), sigma=2, marked=True)
    drawn = net.draw(images(1, size=(31, 21)), torch.zeros(1, 2, 2))
    assert drawn.shape == (1, 6, 31, 21)
    assert drawn[0, 5, 15, 10] == drawn[0, 5].max() == 1


def test_tiny_network():
    assert f"{count(Corrector()) / 1e6:.2f} M" in Corrector.__doc__


# --- training ------------------------------------------------------------------------


def test_the_mean_pose_ignores_what_is_not_labelled():
    sample = Dots(SIZE).batch(8, torch.Generator().manual_seed(0))
    sample.visibility[0] = 0
    sample.keypoints[0] = math.nan
    wanted = sample.keypoints[1:, 0].mean(0)
    seen = (sample.visibility[1:, 0] > 0).all(0)
    torch.testing.assert_close(mean_pose(sample)[seen], wanted[seen])
