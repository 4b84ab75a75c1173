"""Everybody Dance Now: generator and discriminators, the reference's numbers."""

import torch

from poselab.models.edn import Generator, MultiscaleDiscriminator, feature_matching


def test_a_small_pair_learns_from_both_losses():
    generator = Generator(width=4, downs=2, blocks=1)
    judge = MultiscaleDiscriminator(6, width=4, layers=2)
    real, fake = torch.rand(2, 3, 32, 32), generator(torch.rand(2, 6, 32, 32))
    assert fake.shape == real.shape
    assert fake.abs().max() <= 1
    pairs = [torch.cat([x, x], 1) for x in (real, fake)]
    loss = feature_matching(*(judge(pair) for pair in pairs))
    loss.backward()
    assert all(p.grad is not None for p in generator.parameters())
    same = feature_matching(judge(pairs[0]), judge(pairs[0]))
    assert same == 0 < loss
