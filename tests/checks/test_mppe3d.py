"""Answers to notebook 15's exercises as learners write them."""

import torch

from poselab.checks import check


def test_k_box_by_box():
    def answer(boxes, camera, aspect):
        found = []
        for _, _, w, h in boxes.tolist():
            if w > aspect * h:
                h = w / aspect
            else:
                w = aspect * h
            area = 1.25 * w * 1.25 * h
            found.append(2000 * float(camera[0, 0] * camera[1, 1] / area) ** 0.5)
        return torch.tensor(found)

    assert check("mppe3d.k", answer)


def test_the_soft_argmax_with_a_grid():
    def answer(logits):
        _, _, depth, h, w = logits.shape
        share = logits.flatten(2).softmax(-1)  # [B, J, D h w]
        z, y, x = torch.meshgrid(
            torch.arange(depth), torch.arange(h), torch.arange(w), indexing="ij"
        )
        grid = torch.stack([x, y, z], -1).flatten(0, 2).float()  # [D h w, 3]
        return share @ grid

    def numbers(logits):
        return answer(logits).detach()

    assert check("mppe3d.soft_argmax", answer)
    assert check("mppe3d.soft_argmax", numbers).diagnosis == "no gradient"


def test_back_with_the_inverse():
    def answer(points, deep, k, gamma, camera):
        ones = torch.ones(len(points), 1)
        rays = torch.cat([points, ones], 1) @ torch.linalg.inv(camera).T
        return rays * (deep + k * gamma).unsqueeze(1)

    assert check("mppe3d.back", answer)


def test_matches_with_a_set():
    def answer(found, scores, truth):
        taken, right = set(), [False] * len(found)
        for i in sorted(range(len(found)), key=lambda n: -float(scores[n])):
            gaps = [
                (float((truth[j] - found[i]).norm()), j)
                for j in range(len(truth))
                if j not in taken
            ]
            if gaps and min(gaps)[0] <= 250:
                taken.add(min(gaps)[1])
                right[i] = True
        return torch.tensor(right, dtype=torch.bool)

    assert check("mppe3d.match", answer)
