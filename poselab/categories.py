"""Which category of a COCO file is the person: decided once, for everybody who asks.

Tools call it person, human, pose, athlete, ...; some write a second "person" without
joints above it, or a box of its own. So the joints decide first and the name second.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from poselab.errors import AnnotationError, ArgumentError
from poselab.sides import letters
from poselab.skeleton import PUBLISHED, Skeleton

# What people are called, the surest first.
NAMES = ("person", "human", "people", "persons", "pedestrian")
# Other names of a joint in published files, where the skeleton has no such joint.
ALIASES = {
    "head_top": ("head", "top_head", "top_of_head"),  # CrowdPose
    "upper_neck": ("head_bottom",),  # PoseTrack
}

Category = Mapping[str, Any]


def person_category(
    categories: Sequence[Category],
    skeleton: Skeleton,
    where: str,
    jointed: Collection[Any] = (),
    wanted: str | int | None = None,
) -> Category:
    """The category of people with the joints of `skeleton`.

    `jointed` are the ids of those whose annotations have as many joints, for files that
    do not name any; `wanted` is a name or an id that settles it. Raises
    `AnnotationError`, which lists every category with its number of joints.
    """
    if wanted is not None:
        chosen = [c for c in categories if wanted in (c["id"], _name(c))]
        if len(chosen) != 1:
            raise _unclear("no single category is meant by this", categories, where)
        _check_joints(chosen[0], skeleton, where)
        return chosen[0]
    named, unnamed = _halves(categories)
    fitting = [c for c in named if same_joints(c["keypoints"], skeleton)]
    used = [c for c in unnamed if c["id"] in jointed]
    chosen = _likeliest(fitting or used or ([] if named else unnamed))
    if chosen is not None:
        return chosen
    if named and not fitting:
        _check_joints(_likeliest(named) or named[0], skeleton, where)
    raise _unclear("it is open which category is the person", categories, where)


def file_skeleton(
    categories: Sequence[Category], where: str, wanted: str | int | None = None
) -> Skeleton:
    """The joints that the file names, as a known skeleton if they are one's.

    Raises `AnnotationError` where none are named, or those of several categories.
    """
    named, _ = _halves(categories)
    if wanted is not None:
        named = [c for c in named if wanted in (c["id"], _name(c))]
    chosen = _likeliest(named)
    if chosen is None:
        problem = "it is open which joints are meant" if named else "names no joints"
        raise _unclear(problem, categories, where)
    known = (s for s in PUBLISHED if same_joints(chosen["keypoints"], s))
    return next(known, None) or _own_skeleton(chosen, where)


def same_joints(names: Sequence[str], skeleton: Skeleton) -> bool:
    """Whether these are the skeleton's joints in its order, in whatever spelling."""
    return _ours(names, skeleton) == [letters(joint) for joint in skeleton.joints]


def _ours(names: Sequence[str], skeleton: Skeleton) -> list[str]:
    """A file's names as the skeleton has them, without spelling."""
    known = {a: joint for joint in skeleton.joints for a in ALIASES.get(joint, ())}
    own = set(skeleton.joints)
    return [letters(n if n in own else known.get(n, n)) for n in names]


def _halves(categories: Sequence[Category]) -> tuple[list[Category], list[Category]]:
    """Those that name joints and those that do not (an empty list names none)."""
    named = [c for c in categories if _joints(c)]
    return named, [c for c in categories if not _joints(c)]


def _joints(category: Category) -> list[str]:
    """The names of a category's joints; none where they are no list of texts."""
    names = category.get("keypoints")
    texts = isinstance(names, list) and all(isinstance(n, str) for n in names)
    return names if texts else []


def _name(category: Category) -> str:
    return str(category.get("name", ""))


def _likeliest(found: list[Category]) -> Category | None:
    """The only one with the name of people, or the only one if it names joints."""
    for name in NAMES:
        people = [c for c in found if _name(c).strip().lower() == name]
        if people:
            return people[0] if len(people) == 1 else None
    return found[0] if len(found) == 1 and _joints(found[0]) else None


def _check_joints(category: Category, skeleton: Skeleton, where: str) -> None:
    """Raise an `AnnotationError` where a category names other joints."""
    names = _joints(category)
    if not names or same_joints(names, skeleton):
        return
    raise AnnotationError(
        f"these are not the {len(skeleton)} joints of {skeleton.name}",
        where=where,
        field=f"category {category['id']} ({_name(category)}), keypoints",
        value=names,
        fix=_advice(names, skeleton),
    )


def _advice(names: list[str], skeleton: Skeleton) -> str:
    known = next((s for s in PUBLISHED if same_joints(names, s)), None)
    if known is not None:
        return f"They are those of {known.name}: read the file with that skeleton."
    if sorted(_ours(names, skeleton)) == sorted(map(letters, skeleton.joints)):
        return "They are the same in another order: write them in that of the skeleton."
    return "Coco(..., skeleton=None) takes the file's own joints."


def _unclear(problem: str, categories: Sequence[Category], where: str):
    listed = [f"{c['id']} {_name(c)} ({len(_joints(c))} joints)" for c in categories]
    return AnnotationError(
        problem,
        where=where,
        field="categories",
        value=", ".join(listed),
        fix="Call one of them 'person', or pass person= with its name or id (in a "
        "command: coco:FOLDER,person=NAME).",
    )


def _own_skeleton(category: Category, where: str) -> Skeleton:
    """A skeleton of the file's own joints; COCO counts the ends of limbs from 1."""
    limbs = category.get("skeleton") or []
    ends = [e for limb in limbs if isinstance(limb, list) for e in limb]
    first = 0 if 0 in ends else 1  # some tools count from 0
    try:
        limbs = [[end - first for end in limb] for limb in limbs]
        return Skeleton(_name(category), tuple(category["keypoints"]), tuple(limbs))
    except (ArgumentError, TypeError) as problem:
        raise AnnotationError(
            f"is no skeleton: {problem}",
            where=where,
            field=f"category {category['id']} ({_name(category)})",
            fix="Pass a Skeleton of yours: Coco(..., skeleton=...).",
        ) from problem
