"""Exercises of notebook 10 about fields: people who share a cell, and mirror images
(Cao et al. 2017, 1611.08050, section 2.3)."""

from __future__ import annotations

import torch
from torch import Tensor

from poselab.checks.base import Case, Chapter
from poselab.checks.cases import signed

chapter = Chapter("openpose", "10_openpose")


# --- 1. people who share a cell ------------------------------------------------------


def limb_of(start, end, size: tuple[int, int] = (6, 9), width: float = 1.0) -> Tensor:
    """The field [2, h, w] of one person's limb between two points (x, y) in cells."""
    a, b = torch.tensor(start, dtype=torch.float), torch.tensor(end, dtype=torch.float)
    length = (b - a).norm()
    u = (b - a) / length
    x, y = torch.arange(size[1]).float(), torch.arange(size[0]).float()[:, None]
    along = (x - a[0]) * u[0] + (y - a[1]) * u[1]
    across = ((x - a[0]) * u[1] - (y - a[1]) * u[0]).abs()
    on = (along >= 0) & (along <= length) & (across <= width)
    return u[:, None, None] * on


def _shared_cases() -> list[Case]:
    level, upright = limb_of((1, 2), (7, 2)), limb_of((4, 0), (4, 5))
    slope, back = limb_of((0, 0), (6, 5)), limb_of((7, 2), (1, 2))
    longer, up = limb_of((8, 2), (3, 2)), limb_of((1, 5), (6, 0))
    return [
        Case("one limb level, one upright", torch.stack([level, upright])),
        Case("one person", slope[None]),
        Case("nobody", slope[None][:0]),
        Case("two limbs that run against each other", torch.stack([level, back])),
        Case("three people", torch.stack([level, level, slope])),
        Case("two limbs that run to the left", torch.stack([back, longer])),
        Case("x and y cancel out", torch.stack([up, up, slope])),
    ]


def _on(fields: Tensor) -> Tensor:
    return (fields != 0).any(1, keepdim=True)  # [P, 1, h, w]


def _shared(fields: Tensor) -> Tensor:
    return fields.sum(0) / _on(fields).sum(0).clamp(min=1)


shared = chapter.exercise(
    "shared",
    cases=_shared_cases,
    solution=_shared,
    returns=("the field",),
    praise="Where two limbs cross the field is the mean of both, elsewhere one's own.",
)


@shared.wrong(
    "You add the people up. Where two limbs lie over each other the vectors are then "
    "longer than 1: divide by the number of people who have a limb in that cell."
)
def added(fields):
    return fields.sum(0)


@shared.wrong(
    "You divide by all people, also by those who have no limb in the cell. With ten "
    "people in the picture every limb would be a tenth as long: count, in each cell, "
    "only those who are there."
)
def mean_of_all(fields):
    return fields.sum(0) / max(1, len(fields))


@shared.wrong(
    "You take the largest component, as for heatmaps. Vectors that point to the left "
    "or up have negative components, and they lose against the 0 of people who are "
    "elsewhere. Fields are averaged."
)
def largest(fields):
    return fields.amax(0) if len(fields) else fields.sum(0)


@shared.wrong(
    "You make the mean a unit vector again. Then a crossing looks as sure as a limb "
    "that stands alone; the paper keeps the shorter mean."
)
def unit_again(fields):
    mean = _shared(fields)
    return mean / mean.norm(dim=0, keepdim=True).clamp(min=1e-6)


@shared.wrong(
    "You count the people of x and y apart. A level limb has y = 0 in all its cells, "
    "and it is there all the same: who has either component different from 0 counts."
)
def counted_apart(fields):
    return fields.sum(0) / (fields != 0).sum(0).clamp(min=1)


@shared.wrong(
    "You count only those whose x *and* y differ from 0. A level limb has y = 0 in all "
    "its cells, an upright one x = 0: ask for `.any(1)`, one of the two is enough."
)
def both_components(fields):
    return fields.sum(0) / (fields != 0).all(1).sum(0).clamp(min=1)


@shared.wrong(
    "You ask x alone who is in a cell. On an upright limb x is 0: ask for x *or* y."
)
def x_alone(fields):
    return fields.sum(0) / (fields[:, 0] != 0).sum(0).clamp(min=1)


@shared.wrong(
    "The last person overwrites those before, so whose limb is seen hangs on the order "
    "of the people. Average all who share the cell."
)
def last_wins(fields):
    field = torch.zeros_like(fields.sum(0))
    for own, on in zip(fields, _on(fields), strict=True):
        field = torch.where(on, own, field)
    return field


@shared.wrong(
    "Where nobody is you divide 0 by 0, and one nan ruins the whole loss. Divide by at "
    "least 1: `count.clamp(min=1)`."
)
def zero_over_zero(fields):
    return fields.sum(0) / _on(fields).sum(0)


@shared.wrong(
    "You count only limbs that run to the right or down: `> 0`. A field that points "
    "to the left has a negative x; on a limb is where it is not 0."
)
def positive_only(fields):
    on = (fields > 0).any(1, keepdim=True)
    return fields.sum(0) / on.sum(0).clamp(min=1)


@shared.wrong(
    "You ask whether x + y differs from 0. On a limb that rises at 45 degrees they "
    "cancel out: ask for each of them, or for the length."
)
def sum_of_components(fields):
    on = fields.sum(1, keepdim=True).abs() > 1e-6
    return fields.sum(0) / on.sum(0).clamp(min=1)


# --- 2. fields of a mirror image -----------------------------------------------------


def _mirror_cases() -> list[Case]:
    level = torch.stack([limb_of((1, 2), (6, 2)), limb_of((2, 0), (2, 5))])
    return [
        Case("a level limb and an upright one, partners", level, [1, 0]),
        Case("four limbs, the last two partners", signed(1, 4, 2, 3, 5), [0, 1, 3, 2]),
        Case("one limb, its own partner", signed(2, 1, 2, 4, 4), [0]),
        Case("three limbs in one row of cells", signed(3, 3, 2, 1, 6), [2, 1, 0]),
    ]


def _negated(fields: Tensor, x: float, y: float) -> Tensor:
    return fields * fields.new_tensor([x, y])[:, None, None]


def _mirror(fields: Tensor, partner: list[int]) -> Tensor:
    return _negated(fields[partner].flip(-1), -1.0, 1.0)


mirror = chapter.exercise(
    "unflip",
    cases=_mirror_cases,
    solution=_mirror,
    returns=("the fields",),
    praise="Columns turned, sides swapped, x negated: now it may be averaged.",
)


@mirror.wrong(
    "The vectors still point as in the mirror: what ran to the right there runs to the "
    "left in the picture. Negate the x component."
)
def x_as_it_was(fields, partner):
    return fields[partner].flip(-1)


@mirror.wrong(
    "The columns are turned round, as of any picture. A field needs two steps more: a "
    "left limb is a right limb in the mirror (`partner`), and what ran to the right "
    "runs to the left (negate x)."
)
def columns_alone(fields, partner):
    return fields.flip(-1)


@mirror.wrong(
    "You exchange the partners and leave the picture as it is in the mirror. Turn the "
    "columns round as well, and negate x."
)
def partners_alone(fields, partner):
    return fields[partner]


@mirror.wrong(
    "You negate y. A mirror image has left and right exchanged, not up and down: "
    "negate x."
)
def negated_y(fields, partner):
    return _negated(fields[partner].flip(-1), 1.0, -1.0)


@mirror.wrong(
    "You negate both components. Then an upright limb, which the mirror leaves as it "
    "is, runs from its end to its start: negate x only."
)
def negated_both(fields, partner):
    return -fields[partner].flip(-1)


@mirror.wrong(
    "The limbs keep their names, but in the mirror a left arm is a right arm. Take "
    "limb `partner[k]` for limb k."
)
def not_swapped(fields, partner):
    return _negated(fields.flip(-1), -1.0, 1.0)


@mirror.wrong(
    "The vectors are right, and each still lies where it lay in the mirror image. Turn "
    "the columns round: `.flip(-1)`."
)
def not_turned(fields, partner):
    return _negated(fields[partner], -1.0, 1.0)


@mirror.wrong(
    "You turn the rows round, so the people stand on their heads. Columns are the last "
    "dimension."
)
def rows_turned(fields, partner):
    return _negated(fields[partner].flip(-2), -1.0, 1.0)


@mirror.wrong(
    "You exchange the x and the y component. That mirrors at the diagonal; a mirror "
    "image keeps y and negates x."
)
def components_swapped(fields, partner):
    return fields[partner].flip(-1).flip(1)
