"""Answers to notebook 05's exercises as learners write them."""

import torch

from poselab import codecs
from poselab.checks import check


def test_the_packages_own_functions_are_right():
    def correction(truth, pose, bound):
        return codecs.bounded(truth - pose, bound)

    def path(start, truth, bound, steps):
        return torch.stack(codecs.fixed_path(start, truth, bound, steps))

    assert check("ief.correction", correction)
    assert check("ief.path", path)


def test_a_correction_by_unit_vectors():
    def answer(truth, pose, bound):
        vectors = truth - pose
        length = vectors.norm(dim=-1, keepdim=True)
        return vectors / length.clamp(min=1e-9) * length.clamp(max=bound)

    assert check("ief.correction", answer)


def test_dividing_by_zero_is_found():
    def answer(truth, pose, bound):
        vectors = truth - pose
        length = vectors.norm(dim=-1, keepdim=True)
        return vectors / length * length.clamp(max=bound)

    result = check("ief.correction", answer)
    assert result.status == "wrong"
    assert "nan" in result.message


def test_a_path_in_closed_form():
    def answer(start, truth, bound, steps):
        reach = [codecs.bounded(truth - start, bound * t) for t in range(1, steps + 1)]
        return torch.stack([start, *(start + r for r in reach)])

    assert check("ief.path", answer)


def test_a_loss_over_the_whole_path_at_once():
    def answer(f, image, start, truth, bound, steps):
        poses = torch.stack(codecs.fixed_path(start, truth, bound, steps))
        gaps = f(image, poses[:-1]) - (poses[1:] - poses[:-1])
        return gaps.square().sum(-1).mean()

    assert check("ief.loss", answer)


def test_detached_answers_are_still_not_the_fixed_path():
    def answer(f, image, start, truth, bound, steps):
        pose, losses = start, []
        for _ in range(steps):
            given = f(image, pose)
            gap = given - codecs.bounded(truth - pose, bound)
            losses.append(gap.square().sum(-1).mean())
            pose = (pose + given).detach()
        return sum(losses) / steps

    assert check("ief.loss", answer).diagnosis == "own_answers"


def test_a_loop_that_keeps_the_poses():
    def answer(f, image, start, truth, steps):
        poses = [start]
        for t in range(steps):
            poses.append(poses[t] + f(image, poses[t]))
        return (torch.stack(poses[1:]) - truth).norm(dim=-1).mean(1)

    assert check("ief.test", answer)


def test_steps_may_be_counted_by_walking():
    def answer(start, truth, bound):
        left = (truth - start).norm(dim=-1)
        count = torch.zeros(left.shape, dtype=torch.long)
        while (left > 1e-4).any():
            count += left > 1e-4
            left = (left - bound).clamp(min=0)
        return count

    assert check("ief.steps", answer)


def test_who_is_nearer_may_be_told_by_nanmean():
    def answer(pose, correction, truth, visibility):
        gain = (pose - truth).norm(dim=-1) - (pose + correction - truth).norm(dim=-1)
        return torch.where(visibility > 0, gain, torch.nan).nanmean(-1) > 0

    assert check("ief.nearer", answer)
