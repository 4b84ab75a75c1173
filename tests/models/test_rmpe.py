"""RMPE: the spatial transformer and its exact inverse around a network."""

import pytest
import torch

from poselab.errors import ShapeError
from poselab.models import build
from poselab.models.rmpe import (
    ResNetLocalisation,
    SymmetricTransformer,
    affine_inverse,
    resample,
)


def maps(count, seed=0):
    """Invertible maps with shift, scale and shear, [count, 2, 3]."""
    draws = torch.Generator().manual_seed(seed)
    linear = torch.eye(2) + 0.3 * torch.randn(count, 2, 2, generator=draws)
    return torch.cat([linear, 0.4 * torch.randn(count, 2, 1, generator=draws)], 2)


def test_the_inverse_is_exact_for_points():
    theta = maps(64)
    theta = theta[torch.linalg.det(theta[:, :, :2]).abs() > 0.2]
    assert len(theta) > 40
    points = torch.rand(len(theta), 17, 2, generator=torch.Generator().manual_seed(1))
    points = 2 * points - 1  # between the edges of the crop

    def moved(theta, points):
        return points @ theta[:, :, :2].transpose(1, 2) + theta[:, :, 2][:, None]

    back = moved(affine_inverse(theta), moved(theta, points))
    # In pixels of a crop 192 px wide, whose sides go from -1 to 1.
    assert ((back - points).abs().max() * 96) < 1e-3


def test_a_picture_comes_back_where_it_was_seen():
    theta = torch.tensor([[[0.8, 0, 0.1], [0, 0.8, -0.1]]])
    y, x = torch.meshgrid(torch.arange(64.0), torch.arange(48.0), indexing="ij")
    bump = (-((x - 24) ** 2 + (y - 30) ** 2) / 50).exp()[None, None]
    back = resample(resample(bump, theta), affine_inverse(theta))
    assert (back - bump).abs()[..., 16:48, 12:36].max() < 0.03
    assert (resample(bump, theta) - bump).abs().max() > 0.2  # it had been moved


@torch.no_grad()
def test_it_begins_as_the_network_alone():
    net = build("heatmap_net").eval()
    crops = torch.rand(2, 3, 128, 96)
    whole = SymmetricTransformer(net).eval()
    torch.testing.assert_close(whole(crops), net(crops), atol=1e-5, rtol=0)


def test_training_gives_two_answers_and_leaves_the_parallel_copy_alone():
    whole = SymmetricTransformer(build("heatmap_net")).train()
    frozen = {k: v.clone() for k, v in whole.parallel.state_dict().items()}
    answer, centred = whole(torch.rand(4, 3, 64, 64))
    assert answer.shape == centred.shape == (4, 17, 16, 16)
    centred.square().sum().backward()  # the parallel branch alone
    assert whole.localisation.answer.weight.grad.abs().sum() > 0
    assert all(p.grad is None for p in whole.net.parameters())
    assert all(p.grad is None for p in whole.parallel.parameters())
    same = whole.parallel.state_dict()
    assert all(torch.equal(same[k], v) for k, v in frozen.items())


def test_a_matrix_of_another_shape():
    with pytest.raises(ShapeError, match="theta"):
        affine_inverse(torch.zeros(2, 3))


@torch.no_grad()
def test_logits_are_lowest_where_nothing_was_seen():
    """Zeros would be the highest cells of a heatmap of negative logits."""

    class Low(torch.nn.Module):
        def forward(self, crops):
            heat = torch.full((len(crops), 1, 16, 12), -9.0)
            heat[:, :, 8, 6] = -5.0
            return heat

    whole = SymmetricTransformer(Low()).eval()
    whole.localisation.answer.bias[:] = torch.tensor([-2.0, -2.0, 0.5, 0.5])  # closer
    heat = whole(torch.rand(2, 3, 64, 48))
    assert heat.max() <= -5.0
    assert heat.min() == -9.0


def test_frozen_nothing_but_the_transformer_learns():
    net = build("heatmap_net")
    whole = SymmetricTransformer(net, ResNetLocalisation(10, 8), frozen=True).train()
    assert not net.training
    assert whole.parallel is None
    before = {k: v.clone() for k, v in net.state_dict().items()}
    answer, centred = whole(torch.rand(2, 3, 64, 64))
    (answer.square().sum() + centred.square().sum()).backward()
    assert whole.localisation.answer.weight.grad.abs().sum() > 0
    assert all(p.grad is None for p in net.parameters())
    assert all(torch.equal(v, before[k]) for k, v in net.state_dict().items())
