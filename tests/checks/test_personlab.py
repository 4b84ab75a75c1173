"""Answers to notebook 12's exercises as learners write them."""

import torch

from poselab.checks import check


def test_places_cell_by_cell():
    def answer(rows, columns, vectors, stride, unit):
        places = []
        for row, column, (y, x) in zip(rows, columns, vectors, strict=True):
            half = (stride - 1) / 2
            places.append(
                [column * stride + half + x * unit, row * stride + half + y * unit]
            )
        return torch.tensor(places).reshape(-1, 2)

    assert check("personlab.landing", answer)


def test_long_offsets_person_by_person():
    def answer(points, who, stride):
        h, w = who.shape
        y = torch.arange(h).float()[:, None].expand(h, w) * stride + (stride - 1) / 2
        x = torch.arange(w).float()[None].expand(h, w) * stride + (stride - 1) / 2
        found = torch.zeros(points.shape[1], 2, h, w)
        for p, person in enumerate(points):
            for j, (px, py) in enumerate(person):
                vectors = torch.stack([px - x, py - y])
                found[j][:, who == p] = vectors[:, who == p]
        return found

    assert check("personlab.far", answer)
    assert not check(
        "personlab.far", lambda points, who, stride: -answer(points, who, 1)
    )


def test_scores_joint_by_joint():
    def answer(places, scores, radius):
        found = torch.zeros(len(places))
        for i in range(len(places)):
            for j in range(places.shape[1]):
                before = places[:i, j] - places[i, j]
                if not (before.norm(dim=-1) <= radius).any():
                    found[i] += scores[i, j]
        return found / places.shape[1]

    assert check("personlab.scores", answer)
