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


def test_an_error_of_torch_is_no_empty_stub():
    """PyTorch says NotImplementedError for a map without its axis of channels."""

    def answer(coarse, fine):
        up = torch.nn.functional.interpolate(coarse, scale_factor=2, mode="bilinear")
        return (up + fine) / 2

    result = check("associative_embedding.aggregate", answer)
    assert (result.status, result.diagnosis) == ("wrong", "error")
    assert "NotImplementedError" in result.message
    assert "of your cell: `up = torch.nn.functional.interpolate" in result.message


def test_no_joint_at_the_wrong_resolution():
    def answer(coarse, fine, empty=None):
        if not len(coarse):
            return coarse if empty is None else empty
        large = torch.nn.functional.interpolate(
            coarse[None], size=fine.shape[1:], mode="bilinear"
        )
        return (large[0] + fine) / 2

    result = check("associative_embedding.aggregate", answer)
    assert result.status == "wrong"
    assert (
        "In the case “no joint”: the heatmaps should have shape [0, 6, 8]; yours "
        in (result.message)
    )
    assert "given coarse of shape [0, 3, 4], fine of shape [0, 6, 8]" in result.message
    loop = check("associative_embedding.aggregate", lambda c, f: answer(c, f, []))
    assert loop, "a list without numbers has no shape"
