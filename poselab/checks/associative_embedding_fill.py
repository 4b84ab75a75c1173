"""An exercise of notebook 11: where a person's missing joint is (the last step of the
released grouping of Newell et al. 2017, 1611.05424)."""

from __future__ import annotations

import torch
from torch import Tensor

from poselab.checks.associative_embedding import chapter
from poselab.checks.base import Case
from poselab.checks.cases import signed, uniform


def _scene(*people: tuple[int, int, float, float]) -> tuple[Tensor, Tensor]:
    """A faint heatmap and tags near 5, with (x, y, height, tag) at some cells."""
    heat, tags = 0.1 * uniform(11, 6, 8), 5 + 0.2 * signed(12, 6, 8)
    for x, y, height, tag in people:
        heat[y, x], tags[y, x] = height, tag
    return heat, tags


def _missing_cases() -> list[Case]:
    two = _scene((2, 1, 0.5, -1.2), (6, 4, 0.9, 1.3))
    near = _scene((3, 2, 0.4, 2.02), (5, 5, 0.7, 2.3), (1, 4, 0.3, 1.9))
    below = _scene((4, 3, 0.6, -3.1), (1, 1, 0.8, 3.1))
    halves = _scene((2, 4, 0.5, 1.0), (7, 1, 0.8, 1.7))
    far = _scene((5, 0, 0.6, 0.55), (0, 5, 0.3, -0.3), (3, 3, 0.95, 2.6))
    between = _scene((2, 1, 0.5, 0.4), (6, 4, 0.9, 1.8))
    exact = _scene((2, 2, 0.3, 2.0), (5, 4, 0.9, 2.2))
    nobody = _scene((2, 1, 0.5, 1.0), (4, 3, 0.8, 1.4), (6, 4, 0.95, 3.0))
    flat = torch.zeros(3, 4), torch.zeros(3, 4)
    return [
        Case("a higher peak is somebody else's", *two, -1.0),
        Case("three peaks with tags like this one", *near, 2.0),
        Case("the other sign", *below, -3.0),
        Case("a peak 0.7 from the tag", *halves, 1.0),
        Case("all cells alike: the first", *flat, 0.0),
        Case("a peak 0.55 from the tag", *far, 0.0),
        Case("a lower peak has exactly this tag", *exact, 2.0),
        Case("tags 0.4 and 1.8, a mean of 0.6", *between, 0.6),
        Case("no tag is near: 1, 1.4 and 3 away", *nobody, 0.0),
        Case("a tag of 0", *_scene((1, 5, 0.5, 0.1), (6, 2, 0.8, -4.0)), 0.0),
    ]


def _best(value: Tensor) -> Tensor:
    y, x = divmod(int(value.argmax()), value.shape[1])
    return torch.tensor([x, y])


def _missing(heat, tags, mean) -> Tensor:
    return _best(heat - (tags - mean).abs().round())


missing = chapter.exercise(
    "missing",
    cases=_missing_cases,
    solution=_missing,
    returns=("the cell",),
    whole=True,
    praise="The tag decides about the people, the heatmap about the cell.",
)


@missing.wrong(
    "You take the highest cell of the heatmap: that may be anybody's joint. The tag "
    "has to be near this person's."
)
def heatmap_alone(heat, tags, mean):
    return _best(heat)


@missing.wrong(
    "You take the cell whose tag fits best, without the heatmap. Tags are learned at "
    "joints only; elsewhere any number may stand."
)
def tag_alone(heat, tags, mean):
    return _best(-(tags - mean).abs())


@missing.wrong(
    "You compare the tag with 0. Which number a person has is chance; only the "
    "difference from this person's own tags means something."
)
def absolute_tag(heat, tags, mean):
    return _best(heat - tags.abs().round())


@missing.wrong(
    "You do not round the distance. Among cells of the same person the heatmap "
    "decides; without rounding a tag that is nearer by 0.3 wins against a better peak."
)
def not_rounded(heat, tags, mean):
    return _best(heat - (tags - mean).abs())


@missing.wrong(
    "For you a tag is near or not, and all that are not are equally far. A tag that is "
    "3 away loses 3, one that is 1 away loses 1: subtract the rounded distance itself."
)
def near_or_far(heat, tags, mean):
    return _best(heat - ((tags - mean).abs() >= 0.5).float())


@missing.wrong(
    "You set the heatmap to 0 where the tag is farther than the threshold. Here no "
    "cell is cut off: each loses its *rounded distance*, so 0.7 costs 1."
)
def cut_at_the_threshold(heat, tags, mean):
    return _best(heat * ((tags - mean).abs() < 1))


@missing.wrong(
    "You square the distance before you round it: 1.4 becomes 2. Round the distance."
)
def squared(heat, tags, mean):
    return _best(heat - (tags - mean).square().round())


@missing.wrong(
    "You round up. A tag that is 0.3 away is as good as one that is equal: round to "
    "the nearest whole number."
)
def rounded_up(heat, tags, mean):
    return _best(heat - (tags - mean).abs().ceil())


@missing.wrong(
    "You cut the distance off below: 0.7 becomes 0. Round to the nearest whole number, "
    "so that it counts 1."
)
def rounded_down(heat, tags, mean):
    return _best(heat - (tags - mean).abs().floor())


@missing.wrong("Yours is (y, x). Cells are (x, y): the column comes first.")
def row_first(heat, tags, mean):
    return _missing(heat, tags, mean).flip(0)


@missing.wrong(
    "The absolute value is missing: a tag that lies far *below* this person's is a "
    "gift for you. Both signs are far."
)
def sign_kept(heat, tags, mean):
    return _best(heat - (tags - mean).round())


@missing.wrong(
    "You round the tag and the mean, each by itself: 0.4 and 0.6 become 0 and 1. Round "
    "their *distance*, which is 0.2."
)
def rounded_apart(heat, tags, mean):
    return _best(heat - (tags.round() - round(mean)).abs())


@missing.wrong(
    "You add the distance: what is farthest from the tag wins. It is to be *taken off*."
)
def added(heat, tags, mean):
    return _best(heat + (tags - mean).abs().round())


@missing.wrong(
    "You split the flat index by the height. Cells are numbered row by row, so one row "
    "is as long as the map is *wide*: `divmod(index, width)`."
)
def split_by_the_height(heat, tags, mean):
    index = int((heat - (tags - mean).abs().round()).argmax())
    y, x = divmod(index, heat.shape[0])
    return torch.tensor([x, y])


@missing.wrong("Of equal cells you take the last; the first one counts.")
def last_of_equals(heat, tags, mean):
    value = heat - (tags - mean).abs().round()
    y, x = (value == value.max()).nonzero()[-1].tolist()
    return torch.tensor([x, y])
