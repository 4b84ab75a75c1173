"""PoseNet and RootNet: the references' numbers, shapes, gradients."""

import pytest
import torch

from poselab.codecs.heatmap_decode import decode_soft_argmax
from poselab.codecs.space import VolumeCodec
from poselab.errors import ShapeError
from poselab.models.mppe3d import PoseNet3d, RootNet
from tests.support import golden


def float64(case, net):
    content = golden.manifest(case)
    golden.load(net.double(), content)
    return content, [x.double() for x in golden.inputs(content)]


@torch.no_grad()
def test_posenet_is_the_reference():
    net = PoseNet3d(50, joints=18)
    content, inputs = float64("posenet3d_j18", net)
    assert sum(p.numel() for p in net.parameters()) == content["params"]
    volume = net(*inputs)  # [1, 18, 64, 64, 64]
    marginals = [
        volume.flatten(2).softmax(-1).unflatten(2, (64,) * 3).sum(axes)
        for axes in ((2, 3), (2, 4), (3, 4))
    ]
    cells = torch.arange(64.0, dtype=torch.float64)
    coord = torch.stack([(m * cells).sum(-1) for m in marginals], -1)
    found = {"heatmap": volume.flatten(1, 2), "coord": coord}
    assert max(golden.errors(content, found).values()) < 1e-9
    codec = VolumeCodec((256, 256), cells=64)  # in float32: a softmax over 64^3
    assert (codec.coordinates(volume)[0] - coord).abs().max() < 5e-3
    weight = net.backbone.layer4[0].downsample[0].weight.view(-1)
    weight[1048576] += 1e-2  # the comparison would notice one weight
    found["heatmap"] = net(*inputs).flatten(1, 2)
    assert golden.errors(content, found)["heatmap"] > 1e-7


@torch.no_grad()
def test_rootnet_is_the_reference():
    net = RootNet(50)
    content, inputs = float64("rootnet_k2", net)
    assert sum(p.numel() for p in net.parameters()) == content["params"]
    heatmaps, depth = net(*inputs)
    xy = decode_soft_argmax(heatmaps)[0][:, 0]
    assert max(golden.errors(content, {"xy": xy, "depth": depth}).values()) < 1e-9


@torch.no_grad()
def test_depth_is_gamma_times_k():
    net = RootNet(10, width=8, filters=8).eval()
    images = torch.rand(3, 3, 64, 64)
    _, gamma = net.gamma(images)
    for k in (1000.0, 5000.0):
        _, depth = net(images, torch.full((3, 1), k))
        torch.testing.assert_close(depth, k * gamma)
    with pytest.raises(ShapeError, match="k"):
        net(images, torch.ones(3))


def test_gradients_reach_every_parameter():
    for net, rest in (
        (PoseNet3d(10, 5, 8, 8, cells=4), ()),
        (RootNet(10, 8, 8), (torch.ones(4, 1),)),
    ):
        output = net(torch.rand(4, 3, 64, 64), *rest)
        parts = output if isinstance(output, tuple) else (output,)
        sum(part.square().sum() for part in parts).backward()
        assert all(
            p.grad is not None and p.grad.abs().sum() > 0 for p in net.parameters()
        )
