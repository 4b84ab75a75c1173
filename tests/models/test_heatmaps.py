"""The small heat-map network: shapes, sizes, gradients, and that it learns."""

import torch

from poselab.codecs import HeatmapCodec
from poselab.models import Backbone, DeepPose
from poselab.models.heatmaps import HeatmapNet, up_block
from poselab.train import fit
from tests.support.sources import Dots


def count(net):
    return sum(p.numel() for p in net.parameters())


def test_size_and_shape():
    net = HeatmapNet().eval()
    assert net(torch.rand(2, 3, 128, 96)).shape == (2, 17, 32, 24)
    assert net(torch.rand(1, 3, 64, 160)).shape == (1, 17, 16, 40)
    assert HeatmapNet(5).eval()(torch.rand(1, 3, 32, 32)).shape == (1, 5, 8, 8)
    assert 460_000 < count(net) < 480_000
    assert count(net) < count(DeepPose())


def test_the_backbone_is_that_of_the_regressor():
    a, b = HeatmapNet().backbone, DeepPose().backbone
    assert type(a) is type(b) is Backbone
    assert [p.shape for p in a.parameters()] == [p.shape for p in b.parameters()]


def test_gradients_reach_every_parameter():
    net = HeatmapNet()
    net(torch.rand(4, 3, 64, 48)).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in net.parameters())


def test_upsampling_is_centred():
    """A constant kernel spreads a cell over the 4x4 cells around its own 2x2."""
    block = up_block(1, 1)
    block[0].weight.data.fill_(1.0)
    x = torch.zeros(1, 1, 5, 5)
    x[0, 0, 2, 2] = 1.0
    rows = block[0](x)[0, 0].any(1).nonzero()[:, 0]
    assert rows.tolist() == [3, 4, 5, 6]  # around 4.5, the middle of cells 4 and 5


def test_it_learns_where_dots_are():
    torch.manual_seed(0)
    net, codec = (
        HeatmapNet(),
        HeatmapCodec((64, 48), sigma=1.5, criterion="cross_entropy"),
    )
    held_out = Dots().batch(32, torch.Generator().manual_seed(99))
    history = fit(net, codec, Dots(), steps=60, batch_size=16, lr=3e-3, progress=False)
    assert history.loss[-1] < 0.75 * history.loss[0]
    with torch.no_grad():
        found = codec.decode(net(held_out.image)).keypoints
    seen = held_out.visibility > 0
    error = (found - held_out.keypoints).norm(dim=-1)[seen].median()
    spread = held_out.keypoints - held_out.keypoints.mean(0)
    assert error < 0.5 * spread.norm(dim=-1)[seen].median()
