"""An exercise of notebook 12: what a person counts (Papandreou et al. 2018, 1803.08225,
section 3.2)."""

from __future__ import annotations

import torch
from torch import Tensor

from poselab.checks.base import Case
from poselab.checks.cases import uniform
from poselab.checks.personlab import chapter


def _score_cases() -> list[Case]:
    places = uniform(1, 1, 4, 2, high=60.0).repeat(3, 1, 1)
    places[1, 2:] += 30.0
    places[2] += torch.tensor([3.0, 4.0])
    scores = uniform(2, 3, 4, low=0.2)
    apart = torch.stack([places[0], places[0] + 100])
    return [
        Case("three people, radius 4", places, scores, 4.0),
        Case("exactly on the radius", places, scores, 5.0),
        Case("two who are apart", apart, scores[:2], 10.0),
        Case("one person", places[:1], scores[:1], 10.0),
        Case("a chain: the third is near the second alone", _chain(), scores, 10.0),
        Case("the third is near the second, far from the first", _pair(), scores, 10.0),
        Case("nobody", places[:0], scores[:0], 10.0),
        Case("another joint of somebody is near", _crossed(), scores[:2], 10.0),
    ]


def _crossed() -> Tensor:
    """The second person's joints lie where the first has other joints."""
    places = torch.tensor([[0.0, 0.0], [40.0, 0.0], [80.0, 0.0], [120.0, 0.0]])
    return torch.stack([places, places.flip(0)])


def _chain() -> Tensor:
    """Each person's joints are 8 px from those of the one before, 16 of the first."""
    places = torch.tensor([[0.0, 0.0], [40.0, 0.0], [80.0, 0.0], [120.0, 0.0]])
    return torch.stack([places, places + 8.0, places + 16.0]) * torch.tensor([1.0, 0.0])


def _pair() -> Tensor:
    places = torch.tensor([[0.0, 0.0], [40.0, 0.0], [80.0, 0.0], [120.0, 0.0]])
    return torch.stack([places, places + 500.0, places + 506.0])


def _near(places: Tensor, radius: float) -> Tensor:
    """Which person's joints are within `radius` of whose: [P, P, J]."""
    return (places[:, None] - places[None]).norm(dim=-1) <= radius


def _earlier(places: Tensor) -> Tensor:
    """Whether the second is better than the first, [P, P, 1]: people come best "
    "first."""
    return torch.ones(len(places), len(places)).tril(-1).bool()[..., None]


def _scores(places: Tensor, scores: Tensor, radius: float) -> Tensor:
    taken = (_near(places, radius) & _earlier(places)).any(1)  # [P, J]
    return (scores * ~taken).sum(1) / scores.shape[1]


person_scores = chapter.exercise(
    "scores",
    cases=_score_cases,
    solution=_scores,
    returns=("the scores",),
    praise="Who stands on others' joints counts only for what is new.",
)


@person_scores.wrong(
    "This is the mean over all joints: a copy of somebody counts as much as the "
    "original. Leave out joints that are near the same joint of somebody better."
)
def plain_mean(places, scores, radius):
    return scores.mean(1)


@person_scores.wrong(
    "You divide by the number of joints that are left, so a person of one new "
    "joint has "
    "a high score. Divide by all joints."
)
def divided_by_new(places, scores, radius):
    taken = (_near(places, radius) & _earlier(places)).any(1)
    return (scores * ~taken).sum(1) / (~taken).sum(1).clamp(min=1)


@person_scores.wrong(
    "You compare with everybody, so each of two copies loses its joints to the other. "
    "People come best first: compare with those before only."
)
def with_everybody(places, scores, radius):
    others = ~torch.eye(len(places), dtype=torch.bool)[..., None]
    taken = (_near(places, radius) & others).any(1)
    return (scores * ~taken).sum(1) / scores.shape[1]


@person_scores.wrong(
    "You compare with those who come *after*. The best person keeps all joints, "
    "and the "
    "later ones lose theirs."
)
def with_later(places, scores, radius):
    taken = (_near(places, radius) & _earlier(places).transpose(0, 1)).any(1)
    return (scores * ~taken).sum(1) / scores.shape[1]


@person_scores.wrong(
    "You drop the whole person if one joint is taken. Two people who hold hands "
    "share a "
    "place, and both are there: only that joint does not count."
)
def whole_person(places, scores, radius):
    taken = (_near(places, radius) & _earlier(places)).any(1)
    return scores.mean(1) * ~taken.any(1)


@person_scores.wrong(
    "A joint that lies exactly on the radius is within it (<=): leave it out, too."
)
def strictly_within(places, scores, radius):
    near = (places[:, None] - places[None]).norm(dim=-1) < radius
    taken = (near & _earlier(places)).any(1)
    return (scores * ~taken).sum(1) / scores.shape[1]


@person_scores.wrong(
    "You leave out joints that are near *any* joint of somebody better. Only the same "
    "joint counts: an elbow may lie in front of another's knee."
)
def near_any_joint(places, scores, radius):
    apart = (places[:, None, :, None] - places[None, :, None]).norm(dim=-1)
    near = (apart <= radius).any(-1)  # [P, P, J]
    taken = (near & _earlier(places)).any(1)
    return (scores * ~taken).sum(1) / scores.shape[1]


@person_scores.wrong(
    "You compare with the best person alone. A joint may lie on that of *anybody* "
    "before, also of the second for the third."
)
def best_person_alone(places, scores, radius):
    taken = (places - places[:1]).norm(dim=-1) <= radius
    taken[:1] = False
    return (scores * ~taken).sum(1) / scores.shape[1]


@person_scores.wrong(
    "You compare with the person just before. A joint may lie on that of anybody "
    "before."
)
def person_just_before(places, scores, radius):
    taken = torch.zeros_like(scores, dtype=torch.bool)
    taken[1:] = (places[1:] - places[:-1]).norm(dim=-1) <= radius
    return (scores * ~taken).sum(1) / scores.shape[1]


@person_scores.wrong(
    "A joint that does not count itself still covers those behind it: you compare only "
    "with joints that were counted."
)
def only_counted_cover(places, scores, radius):
    taken = torch.zeros_like(scores, dtype=torch.bool)
    for p in range(len(places)):
        for q in range(p):
            near = (places[p] - places[q]).norm(dim=-1) <= radius
            taken[p] |= near & ~taken[q]
    return (scores * ~taken).sum(1) / scores.shape[1]


@person_scores.wrong(
    "You compare each person with itself, too, at a distance of 0: nothing is left. "
    "Only those *before* count."
)
def with_itself(places, scores, radius):
    earlier = torch.ones(len(places), len(places)).tril().bool()[..., None]
    taken = (_near(places, radius) & earlier).any(1)
    return (scores * ~taken).sum(1) / scores.shape[1]
