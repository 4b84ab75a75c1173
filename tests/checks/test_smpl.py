"""Answers to notebook 17's exercises as learners write them."""

import torch

from poselab.checks import check


def test_unposing_with_solve_and_with_a_loop():
    def with_solve(vertices, weights, frames):
        mixed = torch.einsum("vk,kij->vij", weights, frames)
        off = vertices - mixed[:, :3, 3]
        return torch.linalg.solve(mixed[:, :3, :3], off[..., None])[..., 0]

    def with_a_loop(vertices, weights, frames):
        rows = []
        for vertex, share in zip(vertices, weights, strict=True):
            mixed = sum(w * frame for w, frame in zip(share, frames, strict=True))
            full = torch.cat([vertex, torch.ones(1)])
            rows.append((torch.linalg.inv(mixed) @ full)[:3])
        return torch.stack(rows) if rows else vertices

    assert check("smpl.unposed", with_solve)
    assert check("smpl.unposed", with_a_loop)


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
