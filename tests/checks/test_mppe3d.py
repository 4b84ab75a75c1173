"""Answers to notebook 15's exercises as learners write them."""

import torch

from poselab.checks import check


def test_k_of_a_photograph_box_by_box():
    def answer(boxes, focal_mm, sensor_mm, taken, shown, aspect):
        pixel = sensor_mm / taken * (taken / shown)  # mm of the sensor for a shown px
        found = []
        for _, _, w, h in boxes.tolist():
            if w > aspect * h:
                h = w / aspect
            else:
                w = aspect * h
            found.append(2000 * focal_mm / pixel / (1.25 * (w * h) ** 0.5))
        return torch.tensor(found)

    assert check("mppe3d.photo", answer)


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


def test_near_pair_by_pair():
    def answer(points, deep, k, gamma, camera):
        rays = torch.cat([points, torch.ones(*points.shape[:2], 1)], 2)
        rays = rays @ torch.linalg.inv(camera).T
        joints = rays * (deep + (k * gamma).unsqueeze(1)).unsqueeze(2)
        table = torch.zeros(len(k), len(k))
        for a, mine in enumerate(joints):
            for b, other in enumerate(joints):
                if a != b:
                    table[a, b] = torch.cdist(mine, other).min()
        return table

    assert check("mppe3d.near", answer)


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
