"""Answers to notebook 14's exercises as learners write them: VNect."""

import torch

from poselab.checks import check


def test_the_flip_map_by_map():
    def answer(plain, mirrored, flip_index):
        back = torch.zeros_like(plain)
        for k in range(4):
            for j, other in enumerate(flip_index):
                back[k, j] = torch.fliplr(mirrored[k, other])
        back[1] *= -1
        return 0.5 * plain + 0.5 * back

    assert check("vnect.flip", answer)


def test_bones_in_place():
    def answer(joints, parents, lengths):
        moved = joints.clone()
        for j, parent in enumerate(parents):
            if parent >= 0:
                way = torch.nn.functional.normalize(joints[j] - joints[parent], dim=0)
                moved[j] = moved[parent] + lengths[j] * way
        return moved

    assert check("vnect.bones", answer)


def test_the_lag_with_numpy_and_a_loop():
    def answer(truth, track, fps, most):
        best, lag = float("inf"), 0
        for n in range(most + 1):
            end = len(truth) - n
            gap = ((track.numpy()[n:] - truth.numpy()[:end]) ** 2).mean()
            if gap < best:
                best, lag = gap, n
        return lag / fps * 1000

    assert check("vnect.lag", answer)


def test_the_share_joint_by_joint():
    def answer(pred, truth, known, hips):
        right = total = 0
        for mine, real, flags in zip(pred * 1000, truth, known, strict=True):
            a, b = mine[list(hips)].mean(0), real[list(hips)].mean(0)
            for j in range(len(flags)):
                if flags[j]:
                    total += 1
                    right += int(torch.dist(mine[j] - a, real[j] - b) <= 150)
        return right / total

    assert check("vnect.within", answer)
