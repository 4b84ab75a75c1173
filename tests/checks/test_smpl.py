"""Answers to notebook 17's exercises as learners write them."""

import torch

from poselab.checks import check


def test_who_moves_by_walking_up_from_each_joint():
    def answer(weights, parents, joint):
        moved = torch.zeros(len(weights), dtype=torch.bool)
        for k in range(len(parents)):
            up = k
            while up not in (-1, joint):
                up = parents[up]
            if up == joint:
                moved |= weights[:, k] > 0
        return moved

    assert check("smpl.movers", answer)


def test_the_prior_with_relu_and_with_clamped_angles():
    def with_relu(angles, low, high):
        over, under = torch.relu(angles - high), torch.relu(low - angles)
        return (over**2 + under**2).sum() / len(angles)

    def with_clamp(angles, low, high):
        allowed = angles.maximum(low).minimum(high).detach()
        return (angles - allowed).square().sum(-1).mean()

    assert check("smpl.limits", with_relu)
    assert check("smpl.limits", with_clamp)


def test_a_prior_without_a_gradient_is_told():
    def answer(angles, low, high):
        excess = torch.relu(angles - high) ** 2 + torch.relu(low - angles) ** 2
        return torch.tensor(excess.sum(1).mean().item())

    assert check("smpl.limits", answer).diagnosis == "no gradient"


def test_pairs_with_a_loop():
    def answer(poses, frames):
        rows = [
            torch.cat([poses[t], poses[t + 1], frames[t], frames[t + 1]])
            for t in range(len(poses) - 1)
        ]
        empty = poses.new_zeros(0, 12, *poses.shape[2:])
        return torch.stack(rows) if rows else empty

    assert check("edn.pairs", answer)
