"""Answers to notebook 11's exercises as learners write them."""

import torch

from poselab.checks import check


def test_distances_pair_by_pair():
    def answer(tags, people):
        found = torch.zeros(len(tags), len(people))
        for i, a in enumerate(tags):
            for j, b in enumerate(people):
                found[i, j] = ((a - b) ** 2).mean() ** 0.5
        return found

    assert check("associative_embedding.apart", answer)


def test_distances_by_cdist():
    def answer(tags, people):
        return torch.cdist(tags, people) / tags.shape[1] ** 0.5

    assert check("associative_embedding.apart", answer)
    assert not check(
        "associative_embedding.apart", lambda tags, people: torch.cdist(tags, people)
    )


def test_maps_enlarged_by_a_factor():
    def answer(coarse, fine):
        up = torch.nn.Upsample(scale_factor=2, mode="bilinear")
        if len(coarse) == 0:
            return fine
        return torch.stack([up(coarse[:, None])[:, 0], fine]).mean(0)

    assert check("associative_embedding.aggregate", answer)


def test_the_missing_joint_cell_by_cell():
    def answer(heat, tags, mean):
        best, place = -1e9, None
        for y in range(heat.shape[0]):
            for x in range(heat.shape[1]):
                value = heat[y, x] - torch.round(torch.abs(tags[y, x] - mean))
                if value > best:
                    best, place = value, [x, y]
        return torch.tensor(place)

    assert check("associative_embedding.missing", answer)
    assert not check(
        "associative_embedding.missing", lambda h, t, m: answer(h, t, m + 3)
    )
