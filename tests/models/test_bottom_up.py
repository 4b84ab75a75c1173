"""The networks for whole scenes: the references' numbers, shapes, gradients, sizes."""

import pytest
import torch

from poselab.errors import ArgumentError, ShapeError
from poselab.models.associative_embedding import (
    AssociativeEmbedding,
    associative_embedding_tiny,
)
from poselab.models.higherhrnet import HigherHRNet, higherhrnet_tiny
from poselab.models.openpose import OpenPose, openpose_tiny
from poselab.models.personlab import MobileNet, personlab_tiny, posenet


def test_w48_has_the_size_of_the_paper():
    with torch.device("meta"):
        net = HigherHRNet(48)
    assert round(sum(p.numel() for p in net.parameters()) / 1e6, 1) == 63.8


TINY = {
    "openpose": openpose_tiny,
    "associative_embedding": associative_embedding_tiny,
    "higherhrnet": higherhrnet_tiny,
    "higherhrnet_coarse": lambda: higherhrnet_tiny(fine=False),
    "personlab": personlab_tiny,
}


def tensors(output):
    """All tensors of an output, whatever its form."""
    if isinstance(output, torch.Tensor):
        return [output]
    parts = output.values() if isinstance(output, dict) else output
    return [tensor for part in parts for tensor in tensors(part)]


@pytest.mark.parametrize("name", TINY)
def test_tiny_networks_are_small_and_learn_everywhere(name):
    torch.manual_seed(0)
    net = TINY[name]()
    assert 0.3e6 < sum(p.numel() for p in net.parameters()) < 1e6
    found = tensors(net(torch.rand(2, 3, 64, 128)))
    sum(t.square().sum() for t in found).backward()
    for key, parameter in net.named_parameters():
        assert parameter.grad is not None, key
        assert parameter.grad.abs().sum() > 0, key


@torch.no_grad()
@pytest.mark.parametrize(
    ("make", "heatmaps"),
    [
        (openpose_tiny, lambda out: [stage[1] for stage in out]),
        (associative_embedding_tiny, lambda out: [stage[:, :17] for stage in out]),
        (higherhrnet_tiny, lambda out: [out[0][:, :17], out[1]]),
    ],
)
def test_logistic_heatmaps_are_probabilities_that_expect_little(make, heatmaps):
    """From one joint in a hundred cells; tags and fields stay as they are."""
    images = torch.rand(1, 3, 64, 128)
    plain, logistic = (heatmaps(make(logistic=on)(images)) for on in (False, True))
    for maps in logistic:
        assert 0 < maps.min() < maps.max() < 1
        assert 0.003 < maps.median() < 0.03
    assert min(maps.min() for maps in plain) < 0


@torch.no_grad()
@pytest.mark.parametrize("name", TINY)
def test_tiny_shapes(name):
    net = TINY[name]().eval()
    shapes = [tuple(t.shape[1:]) for t in tensors(net(torch.rand(1, 3, 192, 256)))]
    coarse, fine = (48, 64), (96, 128)
    assert (
        shapes
        == {
            "openpose": [(38, *coarse), (19, *coarse)] * 2,
            "associative_embedding": [(34, *coarse)] * 2,
            "higherhrnet": [(34, *coarse), (17, *fine)],
            "higherhrnet_coarse": [(34, *coarse)],
            "personlab": [(n, *coarse) for n in (17, 34, 32, 32, 34, 1)],
        }[name]
    )


@torch.no_grad()
@pytest.mark.parametrize(("stride", "cells"), [(8, 9), (16, 5), (32, 3)])
def test_mobilenet_keeps_its_field_of_view_at_every_stride(stride, cells):
    net = MobileNet(stride).eval()
    assert net(torch.rand(1, 3, 65, 65)).shape == (1, 1024, cells, cells)
    last = net.conv13.depthwise
    assert last.dilation[0] * stride == 32


def test_sizes_and_counts_that_do_not_fit():
    with pytest.raises(ArgumentError, match="stages = 0"):
        OpenPose(stages=0)
    with pytest.raises(ArgumentError, match="joints = 0"):
        AssociativeEmbedding(joints=0)
    with pytest.raises(ArgumentError, match="joints = 0"):
        HigherHRNet(joints=0)
    with pytest.raises(ArgumentError, match="stride = 4"):
        posenet(stride=4)
    with pytest.raises(ShapeError, match="multiples of 64"):
        associative_embedding_tiny()(torch.rand(1, 3, 100, 64))
