"""DeepPose: the reference's numbers, shapes, gradients, one step of the cascade."""

import pytest
import torch

from poselab.codecs import denormalise, normalise
from poselab.errors import ShapeError
from poselab.geometry import box_of_image, crop_matrix, warp
from poselab.models import (
    Backbone,
    Cascade,
    DeepPose,
    DeepPosePaper,
    DeepPoseResNet,
    Refiner,
    build,
)
from poselab.models.deeppose import UNIT
from poselab.skeleton import MPII_16


def count(net):
    return sum(p.numel() for p in net.parameters())


@pytest.mark.parametrize(
    ("depth", "joints", "size"),
    [(18, 16, (64, 64)), (34, 14, (96, 64)), (50, 21, (65, 97))],
)
def test_resnet_head_is_general(depth, joints, size):
    net = DeepPoseResNet(depth, joints).eval()
    assert net(torch.rand(2, 3, *size)).shape == (2, joints, 2)


def test_tiny_size_and_shape():
    net = DeepPose().eval()
    assert count(net) <= 500_000
    assert net(torch.rand(3, 3, 128, 96)).shape == (3, 17, 2)
    assert DeepPose(16, (96, 72)).eval()(torch.rand(1, 3, 96, 72)).shape == (1, 16, 2)


def test_backbone_stride():
    features = Backbone().eval()(torch.rand(1, 3, 128, 96))
    assert features.shape == (
        1,
        Backbone.channels,
        128 // Backbone.stride,
        96 // Backbone.stride,
    )


def test_backbone_field_of_view():
    """The receptive field that the docstring states, measured by gradients."""
    net = Backbone().eval()
    images = torch.zeros(1, 3, 320, 320, requires_grad=True)
    features = net(images + 0.5)
    features[0, :, 10, 10].sum().backward()
    seen = images.grad[0].abs().sum(0) > 0
    assert seen.any(0).sum() == seen.any(1).sum() == Backbone.field


@pytest.mark.parametrize("net", [DeepPose(), DeepPoseResNet(18)])
def test_gradients_reach_every_parameter(net):
    net(torch.rand(4, 3, 128, 96)).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in net.parameters())


def test_refiner_gradients_and_shape():
    net = Refiner()
    output = net(torch.rand(2, 17, 3, 24, 24))
    assert output.shape == (2, 17, 2)
    output.square().sum().backward()
    assert all(p.grad.abs().sum() > 0 for p in net.parameters())


def test_refiner_reads_each_joints_own_output():
    net = Refiner().eval()
    crops = torch.rand(1, 1, 3, 24, 24).expand(1, 17, 3, 24, 24)
    every = UNIT * net.layers(crops[0, :1]).unflatten(1, (17, 2))
    torch.testing.assert_close(net(crops), every)


def test_paper_network():
    net = DeepPosePaper().eval()
    assert count(net) == 58_420_642
    assert f"{count(net):,}" in DeepPosePaper.__doc__
    features = net.features(torch.rand(1, 3, 220, 220))
    assert features.shape == (1, 256, 6, 6)
    assert net.head(features).shape == (1, 34)
    with pytest.raises(ShapeError, match="220"):
        net(torch.rand(1, 3, 224, 224))


class Fixed(torch.nn.Module):
    """A stage that always gives the same answer."""

    crop = 16

    def __init__(self, answer):
        super().__init__()
        self.answer, self.seen = answer, None

    def forward(self, x):
        self.seen = x
        return self.answer


@torch.no_grad()
def test_the_cascade_of_the_paper():
    """Later stages are the network of stage 1, and move only the crop's own joint."""
    net = build("deeppose_paper_cascade", stages=2).eval()
    assert count(net) == 2 * count(net.first)
    images = torch.rand(1, 3, 220, 220, generator=torch.Generator().manual_seed(0))
    first, second = net(images)
    boxes = net.boxes(first)
    wrist = crop_matrix(boxes[:, 9], (220, 220))
    answer = net.refiners[0].network(warp(images, wrist, (220, 220)))[:, 9]
    wanted = first[:, 9] + answer * boxes[:, 9, 2:]
    torch.testing.assert_close(second[:, 9], wanted, atol=1e-3, rtol=1e-4)
    assert (second - first)[:, 9].abs().max() > 1e-2


def test_cascade_step_is_the_papers_formula():
    """Equation 7: y + N^-1(psi(N(x; b)); b) with b = (y, sigma d, sigma d)."""
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(2, 3, 40, 30, generator=generator)
    truth = torch.rand(2, 17, 2, generator=generator) * 20 + 5
    first = Fixed(normalise(truth, box_of_image((40, 30))))
    move = torch.rand(2, 17, 2, generator=generator) - 0.5
    cascade = Cascade(first, [Fixed(move)], sigma=1.5)
    start, moved = cascade(images)
    torch.testing.assert_close(start, truth)
    diam = (truth[:, 5] - truth[:, 12]).norm(dim=-1).clamp(min=8)
    torch.testing.assert_close(moved, truth + move * 1.5 * diam[:, None, None])
    boxes = cascade.boxes(start)
    wanted = warp(images[:1], crop_matrix(boxes[0, 3], (16, 16))[None], (16, 16))
    torch.testing.assert_close(
        cascade.refiners[0].seen[0, 3], wanted[0], atol=1e-4, rtol=1e-4
    )


def test_cascade_that_knows_the_truth_reaches_it():
    """A refiner that answers the exact displacement lands on the joint."""
    box = box_of_image((128, 96))
    truth = torch.rand(1, 17, 2, generator=torch.Generator().manual_seed(1)) * 60 + 20
    cascade = Cascade(Fixed(normalise(truth + 4.0, box)), [Fixed(None)])
    images = torch.rand(1, 3, 128, 96, generator=torch.Generator().manual_seed(2))
    boxes = cascade.boxes(cascade.start(images))
    answer = normalise(truth[:, :, None], boxes)[:, :, 0]
    cascade.refiners[0].answer = answer
    torch.testing.assert_close(cascade(images)[1], truth, atol=1e-3, rtol=1e-4)
    again = denormalise(answer[:, :, None], boxes)[:, :, 0]
    torch.testing.assert_close(again, truth, atol=1e-3, rtol=1e-4)


def test_cascade_of_another_skeleton():
    net = Cascade(DeepPose(16), [Refiner(16)], skeleton=MPII_16).eval()
    assert [y.shape for y in net(torch.rand(2, 3, 128, 96))] == [(2, 16, 2)] * 2
