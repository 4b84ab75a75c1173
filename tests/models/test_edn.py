"""Everybody Dance Now: generator and discriminators, the reference's numbers."""

import torch

from poselab.models.edn import (
    FaceRefiner,
    Generator,
    MultiscaleDiscriminator,
    face_corners,
    feature_matching,
)


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


def test_a_face_is_repainted_and_nothing_else():
    poses, frames = torch.rand(2, 2, 3, 24, 16) * 2 - 1
    noses = torch.tensor([[7.6, 8.0], [15.0, 0.0]])  # one in a corner
    corners = face_corners(noses, (24, 16), 8)
    assert corners.tolist() == [[4, 4], [8, 0]]
    net = FaceRefiner(width=4, downs=2, blocks=1)
    with torch.no_grad():
        found = net.refined(poses, frames, corners, 8)
    changed = (found != frames).any(1)
    for one, (x, y) in zip(changed, corners.tolist(), strict=True):
        inside = torch.zeros_like(one)
        inside[y : y + 8, x : x + 8] = True
        assert torch.equal(one, inside)
    windows = torch.cat([poses[:1, :, 4:12, 4:12], frames[:1, :, 4:12, 4:12]], 1)
    with torch.no_grad():
        expected = frames[0, :, 4:12, 4:12] + net(windows)[0]
    torch.testing.assert_close(found[0, :, 4:12, 4:12], expected)
