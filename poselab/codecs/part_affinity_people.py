"""Peaks, limbs between them, and people who grow limb by limb.

Cao et al. 2017 (1611.08050), section 2.4: what `part_affinity_group` finds, and how
limbs that share a joint grow together to people.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np


class Peaks(NamedTuple):
    """All peaks: xy [N, 2] px, scores [N], part [N] (which joint), sorted by joint."""

    xy: np.ndarray
    scores: np.ndarray
    part: np.ndarray


class Candidates(NamedTuple):
    """Limbs that may be: ends `first` and `second` (indices of peaks) and scores."""

    first: np.ndarray
    second: np.ndarray
    scores: np.ndarray


class People(NamedTuple):
    """members [P, J]: index of a peak or -1; totals [P]: scores of joints and limbs;
    counts [P]: how many joints a person was given (one that was replaced counts too).
    """

    members: np.ndarray
    totals: np.ndarray
    counts: np.ndarray


def assemble(
    peaks: Peaks,
    limbs: tuple[tuple[int, int], ...],
    connections: list[Candidates],
    joints: int,
    tree: int,
) -> People:
    """Limbs, one list of `connections` for each, grown together to people.

    The first `tree` limbs may begin a new person; the others only join what is there.
    A limb with one end in a person gives it the other end; one between two people
    without a common joint makes them one.
    """
    growing = _Growing(joints, peaks.scores.tolist())
    for k, (ends, found) in enumerate(zip(limbs, connections, strict=True)):
        for limb in zip(*(values.tolist() for values in found), strict=True):
            growing.add(ends, limb, begins=k < tree)
    people = list(growing.people.values())
    return People(
        np.array([p.joints for p in people], dtype=np.int64).reshape(-1, joints),
        np.array([p.total for p in people], dtype=np.float64),
        np.array([p.count for p in people], dtype=np.int64),
    )


@dataclass(eq=False)
class _Person:
    """A person who grows: the peak of each joint or -1, sum of scores, joints given.

    `number` counts those who began.
    """

    number: int
    joints: list[int]
    total: float
    count: int


class _Growing:
    """The people so far by their number, and for each joint who has which peak.

    `scores` are those of the peaks.
    """

    def __init__(self, joints: int, scores: list[float]) -> None:
        self.people: dict[int, _Person] = {}
        self.scores, self.begun = scores, 0
        self.holders: list[dict[int, list[_Person]]] = [{} for _ in range(joints)]

    def add(self, ends: tuple[int, int], limb, begins: bool) -> None:
        """Take a limb (first peak, second peak, score) between the joints `ends`."""
        owners = self._owners(ends, limb)
        if len(owners) > 1 and _apart(*owners[:2]):
            self._join(owners[0], owners[1], limb[2])
        elif len(owners) > 1 or (owners and owners[0].joints[ends[1]] != limb[1]):
            self._give(owners[0], ends[1], limb)
        elif not owners and begins:
            self._begin(ends, limb)

    def _owners(self, ends: tuple[int, int], limb) -> list[_Person]:
        """Who has one of the limb's ends, in the order in which they began."""
        one = self.holders[ends[0]].get(limb[0], [])
        other = self.holders[ends[1]].get(limb[1], [])
        if not one or not other:
            return one or other
        return sorted({*one, *other}, key=lambda person: person.number)

    def _begin(self, ends: tuple[int, int], limb) -> None:
        """Somebody with this limb alone."""
        total = self.scores[limb[0]] + self.scores[limb[1]] + limb[2]
        person = _Person(self.begun, [-1] * len(self.holders), total, 2)
        self.people[self.begun] = person
        self.begun += 1
        self._hold(person, ends[0], limb[0])
        self._hold(person, ends[1], limb[1])

    def _give(self, person: _Person, joint: int, limb) -> None:
        """The limb's second end, in place of what the person may have had there."""
        self._hold(person, joint, limb[1])
        person.total += self.scores[limb[1]] + limb[2]
        person.count += 1

    def _join(self, person: _Person, other: _Person, score: float) -> None:
        """All that `other` has to `person`."""
        for joint, peak in enumerate(other.joints):
            if peak >= 0:
                self.holders[joint][peak].remove(other)
                self._hold(person, joint, peak)
        person.total += other.total + score
        person.count += other.count
        del self.people[other.number]

    def _hold(self, person: _Person, joint: int, peak: int) -> None:
        """Write down that the person has this peak, and no other, as a joint."""
        if person.joints[joint] >= 0:
            self.holders[joint][person.joints[joint]].remove(person)
        person.joints[joint] = peak
        same = self.holders[joint].setdefault(peak, [])
        same.append(person)
        same.sort(key=lambda one: one.number)


def _apart(one: _Person, other: _Person) -> bool:
    """Whether no joint is in both."""
    pairs = zip(one.joints, other.joints, strict=True)
    return all(i < 0 or j < 0 for i, j in pairs)
