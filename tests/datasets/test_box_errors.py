"""Wrong boxes: drawn as they were measured, and cut as they are."""

import itertools

import pytest
import torch

from poselab.datasets.box_errors import (
    ALPHAPOSE_ERRORS,
    BoxErrors,
    Recut,
    UniformErrors,
    box_offsets,
    wide_crops,
)
from poselab.errors import ArgumentError, ShapeError
from poselab.geometry import xywh_to_xyxy
from tests.support.sources import Dots

BOX = torch.tensor([[10.0, 20.0, 40.0, 80.0]])


def draws(seed=0):
    return torch.Generator().manual_seed(seed)


def test_offsets_are_shares_of_the_true_sides():
    found = torch.tensor([[14.0, 20.0, 32.0, 88.0]])
    torch.testing.assert_close(
        box_offsets(found, BOX), torch.tensor([[0.1, 0.0, -0.1, 0.1]])
    )
    with pytest.raises(ShapeError, match="true"):
        box_offsets(found, BOX.repeat(2, 1))


def test_what_is_drawn_is_what_was_measured():
    true = BOX.repeat(4000, 1)
    wrong = ALPHAPOSE_ERRORS.draw(true, draws())
    again = BoxErrors.of(wrong, true)
    assert again.mean == pytest.approx(ALPHAPOSE_ERRORS.mean, abs=6e-3)
    assert again.spread == pytest.approx(ALPHAPOSE_ERRORS.spread, rel=0.05)


def test_no_box_is_inside_out_and_none_stays_by_itself():
    wild = BoxErrors((0.0,) * 4, (3.0,) * 4).draw(BOX.repeat(500, 1), draws())
    assert (wild[:, 2:] >= 0.2 * BOX[:, 2:] - 1e-3).all()
    torch.testing.assert_close(UniformErrors(0.0).draw(BOX, draws()), BOX)
    assert BoxErrors.of(BOX.repeat(2, 1), BOX.repeat(2, 1)).spread == (0.0,) * 4
    with pytest.raises(ArgumentError, match="two boxes"):
        BoxErrors.of(BOX, BOX)


def test_uniform_errors_stay_within_their_bounds():
    true = BOX.repeat(1000, 1)
    wrong = UniformErrors(0.3).draw(true, draws())
    grown = wrong[:, 2:] / true[:, 2:]
    moved = (wrong[:, :2] + wrong[:, 2:] / 2 - true[:, :2]) / true[:, 2:] - 0.5
    assert grown.min() >= 0.7
    assert grown.max() <= 1.3
    assert 0.25 < moved.abs().max() <= 0.3
    torch.testing.assert_close(grown[:, 0], grown[:, 1])
    assert UniformErrors(0.1).draw(BOX[None], draws()).shape == (1, 1, 4)


def test_no_boxes_and_boxes_outside_the_picture():
    none = torch.zeros(0, 4)
    for errors in (ALPHAPOSE_ERRORS, UniformErrors(0.3)):
        assert errors.draw(none, draws()).shape == (0, 4)
        far = errors.draw(BOX - 900 * torch.tensor([1.0, 1, 0, 0]), draws())
        torch.testing.assert_close(
            far[:, :2] + 900, errors.draw(BOX, draws())[:, :2], atol=1e-3, rtol=0
        )
    assert box_offsets(none, none).shape == (0, 4)
    with pytest.raises(ArgumentError, match="two boxes"):
        BoxErrors.of(none, none)


def test_the_true_box_comes_along():
    """Drawn on the crop it frames the same person, also where it reaches outside."""
    people = wide_crops((64, 48), 3).batch(8)
    assert people.image.shape[-2:] == (96, 64)
    right = next(Recut(people_source(people), (64, 48)).batches(8))
    box = right.boxes[:, 0]
    middle = box[:, :2] + box[:, 2:] / 2
    torch.testing.assert_close(
        middle, torch.tensor([[24.0, 32.0]]).expand(8, 2), atol=0.02, rtol=0
    )
    wrong = next(Recut(people_source(people), (64, 48), UniformErrors(0.4)).batches(8))
    outside = xywh_to_xyxy(wrong.boxes[:, 0])
    assert (outside[:, :2] < 0).any()
    assert (wrong.visibility > 0).sum() < (right.visibility > 0).sum()


def people_source(sample):
    class Fixed(Dots):
        def batches(self, batch_size, seed=0):
            return itertools.repeat(sample)

    return Fixed((96, 64))


def test_the_same_seed_gives_the_same_boxes():
    source = Recut(people_source(wide_crops((64, 48), 3).batch(4)), (64, 48))
    source.errors = ALPHAPOSE_ERRORS
    first, same, other = (next(source.batches(4, seed)) for seed in (1, 1, 2))
    assert torch.equal(first.image, same.image)
    assert not torch.equal(first.boxes, other.boxes)
