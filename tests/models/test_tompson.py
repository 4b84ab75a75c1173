"""Tompson et al.: pyramid, spatial model against brute force, second look."""

import itertools
import math

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from poselab.codecs import CropHeatmapCodec, gaussian_heatmaps, peaks
from poselab.errors import ArgumentError, ShapeError
from poselab.models.tompson import (
    CoarseToFine,
    FineNet,
    PyramidNet,
    PyramidNetPaper,
    SpatialModel,
    all_pairs,
    count_displacements,
    inverse_softplus,
    limb_pairs,
    smooth,
)
from poselab.skeleton import COCO_17
from poselab.train import fit
from tests.support.sources import Dots


def count(net):
    return sum(p.numel() for p in net.parameters())


def rand(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


# --- the pyramid ---------------------------------------------------------------------


@pytest.mark.parametrize("levels", [1, 2, 3])
def test_pyramid_shapes_and_gradients(levels):
    net = PyramidNet(5, levels)
    output = net(rand(4, 3, 64, 48))
    assert output.shape == (4, 5, 16, 12)
    output.square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in net.parameters())
    assert len({b[0][0].weight.data_ptr() for b in net.banks}) == levels  # own weights


def test_odd_sizes():
    assert PyramidNet(5, 3).eval()(rand(1, 3, 50, 38)).shape == (1, 5, 13, 10)


def test_a_merge_of_all_levels_is_the_output():
    net, images = PyramidNet(5, 3).eval(), rand(2, 3, 64, 48)
    features = net.features(images)
    assert [f.shape for f in features] == [(2, 32, 16, 12)] * 3
    torch.testing.assert_close(net.merge(features), net(images))
    assert not torch.allclose(net.merge(features[:1]), net(images))


@pytest.mark.parametrize("level", [0, 1, 2])
def test_each_level_sees_twice_as_far(level):
    """The stated field of view, measured by gradients."""
    net = PyramidNet(5, 3).eval()
    for block in net.banks[level]:
        block[0].weight.data.abs_()
    images = (torch.zeros(1, 3, 512, 512) + 0.5).requires_grad_()
    small = torch.nn.functional.avg_pool2d(images, 2**level) if level else images
    found = net.banks[level](small)
    found[0, :, found.shape[2] // 2, found.shape[3] // 2].sum().backward()
    seen = images.grad[0].abs().sum(0) > 0
    assert seen.any(0).sum() == seen.any(1).sum() == PyramidNet.field * 2**level


def flops(net):
    with FlopCounterMode(display=False) as counter:
        net(torch.zeros(1, 3, 128, 96))
    return counter.get_total_flops()


def test_one_wider_level_costs_as_much_as_three():
    three, one = PyramidNet(levels=3).eval(), PyramidNet(levels=1, width=37).eval()
    assert flops(one) == pytest.approx(flops(three), rel=0.05)


def test_spatial_dropout_takes_whole_channels():
    net = PyramidNet(5, 1, dropout=0.5)
    torch.manual_seed(0)
    dropped = net.head[0](torch.ones(1, 32, 6, 6))[0].flatten(1)
    assert ((dropped == 0).all(1) | (dropped > 0).all(1)).all()
    assert 0 < (dropped == 0).all(1).sum() < 32


def test_paper_network():
    with torch.device("meta"):
        net = PyramidNetPaper()
        assert net(torch.zeros(1, 3, 240, 360)).shape == (1, 4, 60, 90)
        assert PyramidNetPaper(14, 3)(torch.zeros(1, 3, 240, 360)).shape[1] == 14
    assert count(net) == 12_408_580
    assert f"{count(net):,}" in PyramidNetPaper.__doc__


def test_paper_network_sees_64_pixels():
    bank = PyramidNetPaper.bank(2)
    for layer in bank:
        if hasattr(layer, "weight"):
            layer.weight.data = layer.weight.data.abs()
    images = rand(1, 3, 120, 120).requires_grad_()
    found = bank(images)
    found[0, :, 15, 15].sum().backward()
    seen = (images.grad[0].abs().sum(0) > 0).nonzero()
    # Max pooling passes the gradient of one of two cells: nearly all 64 are seen.
    span = seen.amax(0) - seen.amin(0) + 1
    assert ((span > 60) & (span <= PyramidNetPaper.field)).all()


def test_no_levels():
    with pytest.raises(ArgumentError, match="levels = 0"):
        PyramidNet(levels=0)


# --- the spatial model ---------------------------------------------------------------


def small_model(joints=3, size=(4, 5), seed=0, pairs=None):
    model = SpatialModel(joints, size, pairs)
    g = torch.Generator().manual_seed(seed)
    for p in model.parameters():
        p.data = torch.randn(p.shape, generator=g)
    return model


def brute_force(model, maps):
    """Equation 1, cell by cell and pair by pair, in plain Python numbers."""
    h, w = model.size
    prior = torch.nn.functional.softplus(model.raw_prior.double()).tolist()
    bias = torch.nn.functional.softplus(model.raw_bias.double()).tolist()
    own = torch.nn.functional.softplus(model.raw_own.double()).tolist()
    cells = list(itertools.product(range(h), range(w)))
    image = maps.clamp(min=0).double().tolist()
    result = torch.zeros(model.joints, h, w, dtype=torch.float64)
    for a in range(model.joints):
        for y, x in cells:
            value = image[a][y][x] + own[a]
            for e, (to, given) in enumerate(model.pairs.tolist()):
                if to == a:
                    value *= bias[e] + sum(
                        prior[e][y - v + h - 1][x - u + w - 1] * image[given][v][u]
                        for v, u in cells
                    )
            result[a, y, x] = value
    return result / result.sum((1, 2), keepdim=True)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("size", [(4, 5), (6, 3), (1, 7)])
def test_equals_brute_force_marginalisation(seed, size):
    model, maps = small_model(size=size, seed=seed), rand(2, 3, *size, seed=seed) - 0.2
    with torch.no_grad():
        got = model(maps).exp()
    for i in range(2):
        wanted = brute_force(model, maps[i])
        torch.testing.assert_close(got[i].double(), wanted, atol=1e-5, rtol=1e-4)


def test_equals_brute_force_with_priors_from_poses():
    """Priors with cells from 1 down to 1e-12: nothing drowns in rounding."""
    poses = rand(50, 4, 2) * torch.tensor([4.0, 5.0])
    model = SpatialModel.from_displacements(poses, torch.ones(50, 4), (6, 5), blur=0.5)
    maps = gaussian_heatmaps(poses[:2], (6, 5), 0.8)
    with torch.no_grad():
        got = model(maps).exp().double()
    for i in range(2):
        wanted = brute_force(model, maps[i])
        assert (got[i] - wanted).abs().max() < 1e-5


def test_messages_are_convolutions():
    """The same by conv2d, on a larger map."""
    pairs = torch.tensor([[0, 1], [2, 0]])
    model = small_model(3, (12, 9), pairs=pairs)
    maps = rand(2, 3, 12, 9)
    prior = torch.nn.functional.softplus(model.raw_prior).flip(1, 2)[:, None]
    wanted = torch.nn.functional.conv2d(
        maps[:, pairs[:, 1]], prior, padding=(11, 8), groups=2
    )
    wanted = wanted + torch.nn.functional.softplus(model.raw_bias)[:, None, None]
    torch.testing.assert_close(model.messages(maps), wanted, atol=1e-4, rtol=1e-5)


def test_gradients_reach_every_parameter_of_the_spatial_model():
    model = small_model()
    model(rand(2, 3, 4, 5))[:, :, 1, 2].sum().backward()
    assert all(p.grad.abs().sum() > 0 for p in model.parameters())


def test_strength_zero_leaves_the_maps_alone():
    model, maps = small_model(), rand(1, 3, 4, 5)
    model.raw_own.data.fill_(-30.0)
    share = maps / maps.sum((2, 3), keepdim=True)
    torch.testing.assert_close(model(maps, strength=0.0).exp(), share)


def arms(n=400, seed=0):
    """Shoulder, elbow, wrist: limbs of about 5 cells that hang down; [n, 3, 2]."""
    g = torch.Generator().manual_seed(seed)
    shoulder = torch.tensor([15.0, 6.0]) + torch.randn(n, 2, generator=g)
    limb = torch.tensor([0.0, 5.0])
    elbow = shoulder + limb + torch.randn(n, 2, generator=g)
    wrist = elbow + limb + torch.randn(n, 2, generator=g)
    return torch.stack([shoulder, elbow, wrist], 1)


def test_a_planted_false_wrist_goes_away():
    poses = arms()
    model = SpatialModel.from_displacements(poses, torch.ones(400, 3), (24, 30))
    truth = arms(20, seed=1)
    maps = gaussian_heatmaps(truth, (24, 30), 1.5)
    false = gaussian_heatmaps(torch.tensor([4.0, 4.0]), (24, 30), 1.5)
    maps[:, 2] = torch.maximum(0.7 * maps[:, 2], false)  # higher than the true wrist
    before, _ = peaks(maps)
    assert (before[:, 2] == torch.tensor([4, 4])).all()
    with torch.no_grad():
        after, _ = peaks(model(maps))
    assert (after - truth).norm(dim=-1).max() < 2.5


def test_no_joint_has_a_veto():
    """A shoulder map without evidence must not erase a clear wrist."""
    poses = arms()
    model = SpatialModel.from_displacements(poses, torch.ones(400, 3), (24, 30))
    truth = arms(5, seed=2)
    maps = gaussian_heatmaps(truth, (24, 30), 1.5)
    maps[:, 0] = 0.0
    with torch.no_grad():
        after, _ = peaks(model(maps))
    assert (after - truth)[:, 1:].norm(dim=-1).max() < 2.5
    assert (after - truth)[:, 0].norm(dim=-1).median() < 3  # the others know


def test_histograms_of_displacements():
    cells = torch.tensor([[[1.0, 2.0], [3.0, 2.0]], [[0.0, 0.0], [math.nan, 1.0]]])
    flags = torch.tensor([[2, 1], [2, 0]])
    pairs = all_pairs(2)
    counts = count_displacements(cells, flags, pairs, (4, 5))
    assert counts.shape == (2, 7, 9)
    assert counts.sum() == 2
    to, given = pairs[0]
    assert (to, given) == (0, 1)
    assert counts[0, 0 + 3, -2 + 4] == 1  # joint 0 is 2 cells left of joint 1
    assert counts[1, 0 + 3, 2 + 4] == 1


def test_pairs():
    assert all_pairs(3).tolist() == [[0, 1], [0, 2], [1, 0], [1, 2], [2, 0], [2, 1]]
    pairs = limb_pairs(COCO_17)
    assert len(pairs) == 2 * len(COCO_17.limbs)
    model = SpatialModel(17, (8, 6), pairs)
    assert model.raw_prior.shape == (len(pairs), 15, 11)
    assert model(rand(1, 17, 8, 6)).shape == (1, 17, 8, 6)


def test_pairs_that_were_never_seen_have_a_flat_prior():
    poses, flags = arms(30), torch.ones(30, 3)
    flags[:, 2] = 0
    model = SpatialModel.from_displacements(poses, flags, (24, 30))
    prior = torch.nn.functional.softplus(model.raw_prior[model.pairs[:, 0] == 2])
    torch.testing.assert_close(prior, torch.full_like(prior, 1 / (47 * 59)))


def test_inverse_softplus():
    x = torch.tensor([1e-12, 1e-3, 1.0, 30.0])
    back = torch.nn.functional.softplus(inverse_softplus(x))
    torch.testing.assert_close(back, x, rtol=1e-4, atol=0)


def test_smoothing_keeps_the_sum():
    spike = torch.zeros(1, 21, 21)
    spike[0, 10, 10] = 3.0
    assert smooth(spike, 1.5).sum() == pytest.approx(3.0, rel=1e-5)
    assert smooth(spike, 0) is spike


def test_wrong_map_size():
    with pytest.raises(ShapeError, match="maps"):
        small_model()(rand(1, 3, 5, 4))


# --- the second look -----------------------------------------------------------------


def test_fine_net_reads_each_joints_own_map():
    net = FineNet(5).eval()
    crops = rand(1, 1, 3, 16, 16).expand(2, 5, 3, 16, 16)
    every = net.layers(crops[0, :1])
    torch.testing.assert_close(net(crops)[0], every[0])
    net.train()(crops).square().sum().backward()
    assert all(p.grad.abs().sum() > 0 for p in net.parameters())


class Known(torch.nn.Module):
    """A coarse net that knows the joints, to a cell."""

    stride = 4

    def __init__(self, points):
        super().__init__()
        self.points = points

    def forward(self, images):
        return gaussian_heatmaps((self.points - 1.5) / 4, (16, 12), 1.5)


def test_a_trained_second_look_is_finer():
    torch.manual_seed(0)
    fine, codec = FineNet(), CropHeatmapCodec(16, noise=1.5)
    fit(fine, codec, Dots(), steps=60, batch_size=8, lr=5e-3, progress=False)
    sample = Dots().batch(8, torch.Generator().manual_seed(5))
    net = CoarseToFine(Known(sample.keypoints[:, 0]), fine, crop=16).eval()
    with torch.no_grad():
        coarse, finer = net(sample.image)
    seen = sample.visibility[:, 0] > 0
    a, b = ((p - sample.keypoints[:, 0]).norm(dim=-1)[seen] for p in (coarse, finer))
    assert a.max() < 0.5 * 4 * math.sqrt(2) + 1e-3
    assert b.median() < 0.7 * a.median()
