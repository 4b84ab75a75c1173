"""Which joints are left, which right, and who is whose mirror partner: from names.

Data sets write a side in many ways: left_ear, ear_left, LeftEar, l_ear, EarL, r.Knee,
"left ear". A name is cut into words at separators and where the case changes; a word
that is left, right, l or r in any case is a side.
"""

from __future__ import annotations

import re
from collections import defaultdict

from poselab.errors import ArgumentError

LEFT, RIGHT, MIDDLE = "left", "right", "middle"
_WORDS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+|[^\W\d_]+")
_SIDES = {"left": LEFT, "l": LEFT, "right": RIGHT, "r": RIGHT}
_GLUED = re.compile(r"(left|right)|(l|r)(?=..)")

Key = tuple[str, ...]


def find_pairs(joints: tuple[str, ...], where: str) -> tuple[tuple[int, int], ...]:
    """Pairs (left, right) of the places of joints that swap in a mirror.

    Raises `ArgumentError` for a joint with a side and no partner, or with two.
    """
    places: dict[tuple[Key, str], list[int]] = defaultdict(list)
    for place, name in enumerate(joints):
        for key, side in _readings(name):
            places[key, side].append(place)
    pairs = set()
    for place, name in enumerate(joints):
        partner = _partner(place, name, places, where)
        if partner is not None:
            pairs.add(partner)
    return tuple(sorted(pairs))


def letters(name: str) -> str:
    """A joint's name without its spelling: "Left-Eye" and "l_eye" are "lefteye"."""
    return "".join(_SIDES.get(word, word) for word in _split(name))


def _partner(place: int, name: str, places: dict, where: str) -> tuple[int, int] | None:
    """The pair that joint `place` is in; None for one in the middle."""
    readings = _readings(name)
    for key, side in readings:
        other = places[key, RIGHT if side == LEFT else LEFT]
        if len(other) == len(places[key, side]) == 1:
            return (place, other[0]) if side == LEFT else (other[0], place)
        if other:
            raise _problem("has more than one mirror partner", where, name)
    if any(_certain(name)):
        raise _problem("has a side but no mirror partner", where, name)
    return None


def _problem(problem: str, where: str, name: str) -> ArgumentError:
    fix = "Rename or add a joint, or give flip_pairs=((left, right), ...); () is none."
    return ArgumentError(problem, where=where, field="joint", value=name, fix=fix)


def _readings(name: str) -> list[tuple[Key, str]]:
    """(name without its side, side) of every way to read `name`; the best first."""
    words = _split(name)
    found = [_without(words, i) for i, w in enumerate(words) if w in _SIDES]
    return found + _glued(words)


def _split(name: str) -> list[str]:
    return [word.lower() for word in _WORDS.findall(name)]


def _without(words: list[str], place: int) -> tuple[Key, str]:
    return (*words[:place], "*", *words[place + 1 :]), _SIDES[words[place]]


def _glued(words: list[str]) -> list[tuple[Key, str]]:
    """Readings of lefteye or leye: a side only where the other one is there too."""
    found = []
    for place, word in enumerate(words):
        match = _GLUED.match(word)
        if match and match.end() < len(word):
            key = (*words[:place], "*", word[match.end() :], *words[place + 1 :])
            found.append((key, _SIDES[match[0]]))
    return found


def _certain(name: str):
    """Words that can only be a side; the l of a vertebra L5 may be something else."""
    words = _split(name)
    for place, word in enumerate(words):
        after = words[place + 1] if place + 1 < len(words) else ""
        yield word in _SIDES and (len(word) > 1 or not after.isdigit())
