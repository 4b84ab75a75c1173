"""Which joints are left, which right, and who is whose mirror partner: from names.

Data sets write a side in many ways: left_ear, ear_left, LeftEar, l_ear, EarL, r.Knee,
"left ear", LF_paw, Lt. knee, 左耳. A name is cut into words at separators and where the
case changes; a word that is left, right, l or r in any case is a side, and one of other
languages, too. What is glued to a word is one only where the other side is there.
"""

from __future__ import annotations

import re
from collections import defaultdict

from poselab.errors import ArgumentError

LEFT, RIGHT, MIDDLE = "left", "right", "middle"
_WORDS = re.compile(
    r"[左右]|[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+|[^\W\d_左右]+"
)
_SIDES = {
    word: side
    for side, words in (
        (LEFT, "left l lt lft 左 links linke linker linkes gauche izquierda izquierdo"),
        (LEFT, "esquerda esquerdo sinistra sinistro sx"),
        (RIGHT, "right r rt rgt 右 rechts rechte rechter rechtes droite droit derecha"),
        (RIGHT, "derecho direita direito destra destro dx"),
    )
    for word in words.split()
}

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
    """(name without its side, side) of every way to read `name`; the best first.

    Two sides in a name change together: the left corner of the left eye is the right
    corner of the right one in a mirror.
    """
    words = _split(name)
    found = [_without(words, i) for i, w in enumerate(words) if w in _SIDES]
    return _together(words, len(found)) + found + _glued(words)


def _together(words: list[str], sides: int) -> list[tuple[Key, str]]:
    """The reading of a name with several sides in which all of them change."""
    if sides < 2:
        return []
    known = [_SIDES.get(word) for word in words]
    first = next(side for side in known if side)
    marks = ("same" if side == first else "other" for side in known)
    key = (m if s else w for m, s, w in zip(marks, known, words, strict=True))
    return [(("*", *key), first)]


def _split(name: str) -> list[str]:
    return [word.lower() for word in _WORDS.findall(name)]


def _without(words: list[str], place: int) -> tuple[Key, str]:
    return (*words[:place], "*", *words[place + 1 :]), _SIDES[words[place]]


def _glued(words: list[str]) -> list[tuple[Key, str]]:
    """Readings of lefteye, eyeleft, leye, LF or eyel: the whole words first."""
    found = []
    for place, word in enumerate(words):
        if word in _SIDES:
            continue
        for side in ("left", "right", "l", "r"):
            front, back = word.removeprefix(side), word.removesuffix(side)
            for cut, mark in ((front, f"*{front}"), (back, f"{back}*")):
                if cut and cut != word:
                    key = (*words[:place], mark, *words[place + 1 :])
                    found.append((key, _SIDES[side]))
    return found


def _certain(name: str):
    """Words that can only be a side; the l of a vertebra L5 may be something else."""
    words = _split(name)
    for place, word in enumerate(words):
        after = words[place + 1] if place + 1 < len(words) else ""
        yield word in _SIDES and (len(word) > 1 or not after.isdigit())
