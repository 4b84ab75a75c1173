"""Answers to notebook 10's exercises as learners write them."""

from itertools import permutations

import torch

from poselab.checks import check


def test_sharing_person_by_person():
    def answer(fields):
        total, count = torch.zeros(fields.shape[1:]), torch.zeros(fields.shape[2:])
        for x, y in fields:
            total += torch.stack([x, y])
            count += (x.abs() + y.abs()) > 0
        return total / torch.clamp(count, min=1)

    def by_length(fields):
        count = fields.norm(dim=1).round().sum(0)
        return fields.sum(0) / torch.maximum(count, torch.ones(()))

    assert check("openpose.shared", answer)
    assert check("openpose.shared", by_length)
    assert not check("openpose.shared", lambda fields: fields.mean(0))


def test_a_mirror_in_place_and_limb_by_limb():
    def answer(fields, partner):
        turned = torch.flip(fields, dims=[3])
        found = torch.stack([turned[k] for k in partner])
        found[:, 0] *= -1
        return found

    def spoils(fields, partner):
        fields[:, 0] *= -1
        return fields.flip(-1)[partner]

    assert check("openpose.unflip", answer)
    assert check("openpose.unflip", spoils).diagnosis == "mutates"


def test_the_best_matching_by_trying_all():
    def answer(scores):
        rows, columns = scores.shape
        places = [*range(columns), *[-1] * rows]
        most, found = -1.0, [-1] * rows
        for choice in permutations(places, rows):
            pairs = [(i, j) for i, j in enumerate(choice) if j >= 0]
            total = sum(float(scores[pair]) for pair in pairs)
            if all(scores[pair] > 0 for pair in pairs) and total > most:
                most, found = total, list(choice)
        return torch.tensor(found, dtype=torch.long)

    def floats(scores):
        return answer(scores).float()

    assert check("openpose.best", answer)
    assert check("openpose.best", floats).diagnosis == "type"


def test_who_is_kept_person_by_person():
    def answer(members, joints, limbs, least_parts, least_score):
        keep = []
        for own, limb in zip(members, limbs, strict=True):
            own = own[own >= 0]
            mean = (joints[own].sum() + limb) / max(1, len(own))
            keep.append(bool(len(own) >= least_parts and mean >= least_score))
        return torch.tensor(keep, dtype=torch.bool)

    assert check("openpose.kept", answer)
