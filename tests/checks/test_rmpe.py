"""Answers to notebook 09's exercises as learners write them: RMPE and OccNet."""

import torch
import torch.nn.functional as F

from poselab.checks import check


def test_back_by_the_inverse_of_pixel_maps():
    def answer(points, theta, size):
        height, width = size
        out = torch.zeros_like(points)
        for n in range(len(points)):
            for j in range(points.shape[1]):
                x, y = points[n, j].tolist()
                u, v = (2 * x + 1) / width - 1, (2 * y + 1) / height - 1
                a, b = (theta[n] @ torch.tensor([u, v, 1.0])).tolist()
                place = [(a + 1) * width / 2 - 0.5, (b + 1) * height / 2 - 0.5]
                out[n, j] = torch.tensor(place)
        return out

    assert check("rmpe.back", answer)


def test_back_in_homogeneous_coordinates():
    def answer(points, theta, size):
        side = torch.tensor([size[1], size[0]], dtype=points.dtype)
        unit = F.pad((points + 0.5) / side * 2 - 1, (0, 1), value=1.0)
        return (torch.einsum("nij,npj->npi", theta, unit) + 1) * side / 2 - 0.5

    assert check("rmpe.back", answer)


def test_merging_joint_by_joint():
    def answer(poses, scores, radius):
        out = torch.zeros_like(poses[0])
        for j in range(poses.shape[1]):
            near = ((poses[:, j] - poses[0, j]) ** 2).sum(-1).sqrt() <= radius
            weight = scores[near, j]
            out[j] = (weight[:, None] * poses[near, j]).sum(0) / weight.sum()
        return out

    assert check("rmpe.merge", answer)


def test_offsets_edge_by_edge():
    def answer(found, true):
        rows = []
        for f, t in zip(found.tolist(), true.tolist(), strict=True):
            rows.append(
                [
                    (f[0] - t[0]) / t[2],
                    (f[1] - t[1]) / t[3],
                    (f[0] + f[2] - t[0] - t[2]) / t[2],
                    (f[1] + f[3] - t[1] - t[3]) / t[3],
                ]
            )
        rows = torch.tensor(rows)
        return rows.mean(0), rows.std(0)

    assert check("rmpe.offsets", answer)


def test_the_loss_person_by_person():
    def answer(visible, hidden, targets, visibility):
        total, count = 0.0 * visible.sum() + 0.0 * hidden.sum(), 0
        for b in range(len(targets)):
            for j in range(targets.shape[1]):
                flag = int(visibility[b, j])
                if flag == 0:
                    continue
                empty = torch.zeros_like(targets[b, j])
                seen = targets[b, j] if flag == 2 else empty
                rest = targets[b, j] if flag == 1 else empty
                total = total + F.mse_loss(visible[b, j], seen)
                total = total + 1.5 * F.mse_loss(hidden[b, j], rest)
                count += 1
        return total / max(1, count)

    def number(*given):
        return answer(*given).item()

    assert check("occnet.loss", answer)
    assert check("occnet.loss", number).diagnosis == "no gradient"
