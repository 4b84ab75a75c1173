"""The exercises of notebook 00: the neck, counting visible joints, mirroring."""

from __future__ import annotations

import torch
from torch import Tensor

from poselab.checks.base import MUTATES, Case, Chapter
from poselab.skeleton import COCO_17

chapter = Chapter("welcome", "00_welcome")

LEFT_SHOULDER, RIGHT_SHOULDER = 5, 6
FLIP = list(COCO_17.flip_index)


def _people(*flags: tuple[int, int], seed: int = 0) -> tuple[Tensor, Tensor]:
    """Keypoints [P, 17, 2] and visibility [P, 17] of people whose left and right
    shoulders have these flags; unlabelled joints are (0, 0) as in COCO's files."""
    generator = torch.Generator().manual_seed(seed)
    shape = (len(flags), 17)
    points = torch.rand(*shape, 2, generator=generator) * torch.tensor([300.0, 200])
    visibility = torch.randint(0, 3, shape, generator=generator)
    shoulders = torch.tensor(flags, dtype=torch.long).reshape(-1, 2)
    visibility[:, [LEFT_SHOULDER, RIGHT_SHOULDER]] = shoulders
    points = (points.round() + 10) * (visibility > 0)[..., None]  # [P, 17, 2]
    return points, visibility


# --- 1. the neck ---------------------------------------------------------------------


def _neck_cases() -> list[Case]:
    mixed = _people((2, 2), (2, 1), (1, 1), (2, 0), (0, 1), (0, 0), seed=1)
    return [
        Case("one person, both shoulders visible", *_people((2, 2))),
        Case("six people with hidden and unlabelled shoulders", *mixed),
        Case("nobody in the picture", *_people()),
    ]


def _mean_neck(keypoints: Tensor, visibility: Tensor, joints=(5, 6)):
    """The right answer, and with other `joints` a mix-up."""
    a, b = joints
    flag = torch.minimum(visibility[:, a], visibility[:, b])
    point = (keypoints[:, a] + keypoints[:, b]) / 2
    return point * (flag > 0)[:, None], flag


neck = chapter.exercise(
    "neck",
    cases=_neck_cases,
    solution=_mean_neck,
    returns=("points", "visibility"),
    praise="The neck is labelled where both shoulders are, and visible where both are.",
)


@neck.wrong(
    "Your neck is pulled towards (0, 0): an unlabelled shoulder (v = 0) has the "
    "coordinates (0, 0) in the file, which is no place in the picture. Where one "
    "shoulder is not labelled, the neck is not labelled either: (0, 0) and v = 0."
)
def unlabelled_shoulder_averaged(keypoints, visibility):
    flag = torch.maximum(visibility[:, 5], visibility[:, 6])
    return (keypoints[:, 5] + keypoints[:, 6]) / 2, flag


@neck.wrong(
    "The flags are right, but where the neck is not labelled its point has to be (0, "
    "0), as COCO writes it; yours still holds half of the labelled shoulder."
)
def unlabelled_neck_keeps_a_point(keypoints, visibility):
    flag = _mean_neck(keypoints, visibility)[1]
    return (keypoints[:, 5] + keypoints[:, 6]) / 2, flag


@neck.wrong(
    "You take v = 1 for visible. In COCO 1 means labelled but hidden and 2 means "
    "visible: a neck with one hidden shoulder gets v = 1."
)
def one_means_visible(keypoints, visibility):
    point, flag = _mean_neck(keypoints, visibility)
    return point, 2 * (flag > 0)


@neck.wrong(
    "You drop necks whose shoulders are hidden. v = 1 is a labelled joint: its place "
    "is known although it cannot be seen, so the neck gets a point and v = 1."
)
def hidden_shoulder_dropped(keypoints, visibility):
    point, flag = _mean_neck(keypoints, visibility)
    return point * (flag == 2)[:, None], flag * (flag == 2)


@neck.wrong(
    "All labelled necks of yours have v = 1. Where both shoulders are visible (v = 2), "
    "so is the neck."
)
def flag_only_labelled(keypoints, visibility):
    point, flag = _mean_neck(keypoints, visibility)
    return point, (flag > 0).long()


@neck.wrong(
    "Your points are right, but the flag is the larger of the two. The neck is only as "
    "visible as the less visible shoulder: take the minimum."
)
def flag_is_the_maximum(keypoints, visibility):
    point, _ = _mean_neck(keypoints, visibility)
    return point, torch.maximum(visibility[:, 5], visibility[:, 6])


@neck.wrong(
    "Your points are right, but the flags are averaged. A flag is a name, not a "
    "quantity: the mean of 0 (not labelled) and 2 (visible) is not 1 (hidden)."
)
def flags_averaged(keypoints, visibility):
    point, _ = _mean_neck(keypoints, visibility)
    return point, (visibility[:, 5] + visibility[:, 6]) / 2


@neck.wrong(
    "x and y are swapped. A joint is (x, y): x counts columns to the right, y rows "
    "down. Only when you index the image itself does the row come first."
)
def x_and_y_swapped(keypoints, visibility):
    point, flag = _mean_neck(keypoints, visibility)
    return point.flip(-1), flag


@neck.wrong(
    "You took joints 6 and 7, counting from 1. Python counts from 0, so joint 6 is the "
    "right shoulder and 7 the left elbow; the shoulders are 5 and 6."
)
def counted_from_one(keypoints, visibility):
    return _mean_neck(keypoints, visibility, (6, 7))


@neck.wrong("You averaged the ears (joints 3 and 4); the shoulders are joints 5 and 6.")
def ears_for_shoulders(keypoints, visibility):
    return _mean_neck(keypoints, visibility, (3, 4))


@neck.wrong(
    "You averaged the hips (joints 11 and 12), which gives the pelvis; the shoulders "
    "are joints 5 and 6."
)
def hips_for_shoulders(keypoints, visibility):
    return _mean_neck(keypoints, visibility, (11, 12))


# --- 2. visible joints ---------------------------------------------------------------


def _coco(people: int, seed: int) -> dict:
    """A small COCO dictionary; the last of several people has no labelled joint."""
    keypoints, visibility = _people(*[(2, 1)] * people, seed=seed)
    if people > 1:
        keypoints[-1], visibility[-1] = 0, 0
    triplets = torch.cat([keypoints.long(), visibility[..., None]], -1)  # [P, 17, 3]
    annotations = [
        {
            "id": i + 1,
            "image_id": 1 + i // 2,
            "category_id": 1,
            "iscrowd": 0,
            "keypoints": row.flatten().tolist(),  # 51 numbers: x, y, v, x, y, v, ...
            "num_keypoints": int((row[:, 2] > 0).sum()),
        }
        for i, row in enumerate(triplets)
    ]
    category = {"id": 1, "name": "person", "keypoints": list(COCO_17.joints)}
    images = [{"id": 1 + i, "width": 320, "height": 240} for i in range(people)]
    return {"images": images, "annotations": annotations, "categories": [category]}


def _count_cases() -> list[Case]:
    return [
        Case("one person", _coco(1, seed=3)),
        Case("six people", _coco(6, seed=4)),
        Case("no annotation at all", _coco(0, seed=5)),
    ]


def _triplets(coco: dict) -> Tensor:
    rows = [annotation["keypoints"] for annotation in coco["annotations"]]
    return torch.tensor(rows, dtype=torch.long).reshape(-1, 17, 3)  # [P, 17, 3]


def _count(coco: dict):
    return (_triplets(coco)[..., 2] == 2).sum(0)


count_visible = chapter.exercise(
    "count_visible",
    cases=_count_cases,
    solution=_count,
    returns=("the count",),
    praise="Each joint is counted where v = 2, and an empty file gives 17 zeros.",
)


@count_visible.wrong(
    "You count labelled joints (v > 0). A hidden joint has v = 1: labelled, but not "
    "visible. Count v == 2."
)
def labelled_counted(coco):
    return (_triplets(coco)[..., 2] > 0).sum(0)


@count_visible.wrong(
    "You count v == 1, the joints that are labelled but hidden. Visible is v == 2."
)
def hidden_counted(coco):
    return (_triplets(coco)[..., 2] == 1).sum(0)


@count_visible.wrong(
    "You add the flags up: a visible joint then counts twice, because its v is 2, and "
    "a hidden one once. Count how often v == 2."
)
def flags_summed(coco):
    return _triplets(coco)[..., 2].sum(0)


@count_visible.wrong(
    "You cut the 51 numbers into 3 rows of 17, as if all x came first, then all y, "
    "then all v. They are 17 triplets: x, y, v, x, y, v, ... (`reshape(17, 3)` or "
    "`[2::3]`)."
)
def seventeen_by_three_confused(coco):
    return (_triplets(coco).reshape(-1, 3, 17)[:, 2] == 2).sum(0)


@count_visible.wrong(
    "You count joints per person, not people per joint: sum over the annotations, so "
    "that 17 numbers are left."
)
def counted_per_person(coco):
    return (_triplets(coco)[..., 2] == 2).sum(1)


@count_visible.wrong(
    "Only the last annotation is left in your counts: the loop overwrites (`=`) where "
    "it should add (`+=`)."
)
def last_person_only(coco):
    rows = (_triplets(coco)[..., 2] == 2).long()
    return rows[-1] if len(rows) else rows.sum(0)


@count_visible.wrong(
    "You give shares. The question is how many people show the joint: do not divide."
)
def shares_for_counts(coco):
    return _count(coco) / max(1, len(coco["annotations"]))


# --- 3. the mirror -------------------------------------------------------------------


def _flip_cases() -> list[Case]:
    crowd = _people((2, 2), (1, 2), (0, 2), (0, 0), seed=7)
    return [
        Case("one person in a picture 320 px wide", *_people((2, 1), seed=6), 320),
        Case("four people with unlabelled joints, 401 px wide", *crowd, 401),
        Case("a picture one pixel wide", *_people((1, 1), seed=8), 1),
        Case("nobody in the picture", *_people(), 100),
    ]


def _mirrored(keypoints: Tensor, visibility: Tensor, edge: float) -> Tensor:
    """x -> edge - x for labelled joints, joints in their old order."""
    x = torch.where(visibility > 0, edge - keypoints[..., 0], 0)
    return torch.stack([x, keypoints[..., 1]], -1)


def _flip(keypoints: Tensor, visibility: Tensor, width: int):
    points = _mirrored(keypoints, visibility, width - 1)
    return points[:, FLIP], visibility[:, FLIP]


flip = chapter.exercise(
    "flip",
    cases=_flip_cases,
    solution=_flip,
    returns=("keypoints", "visibility"),
    praise="Mirrored, left and right swapped, and unlabelled joints left alone.",
)


@flip.wrong(
    "Left and right are not swapped. In the mirror a raised left hand is a raised "
    "right hand: the joint called left_wrist has to change places with right_wrist, "
    "and its flag with it (`[:, flip_index]`)."
)
def sides_not_swapped(keypoints, visibility, width):
    return _mirrored(keypoints, visibility, width - 1), visibility


@flip.wrong(
    "You swap left and right, but no x changes: the picture is mirrored, so a joint at "
    "x moves to width - 1 - x."
)
def only_swapped(keypoints, visibility, width):
    return keypoints[:, FLIP], visibility[:, FLIP]


@flip.wrong(
    "The points are right, but the flags keep their old order: v has to change places "
    "together with its joint."
)
def flags_not_swapped(keypoints, visibility, width):
    return _flip(keypoints, visibility, width)[0], visibility


@flip.wrong(
    "Your x is one pixel too large: with the first pixel's centre at 0, the last one's "
    "is at width - 1, so x goes to width - 1 - x. (width - x is right for box edges.)"
)
def one_pixel_off(keypoints, visibility, width):
    return _mirrored(keypoints, visibility, width)[:, FLIP], visibility[:, FLIP]


@flip.wrong(
    "Your unlabelled joints moved to the right border (width - 1, 0). v = 0 means that "
    "there is no point: it stays (0, 0)."
)
def unlabelled_flipped(keypoints, visibility, width):
    everything = torch.ones_like(visibility)
    return _mirrored(keypoints, everything, width - 1)[:, FLIP], visibility[:, FLIP]


@flip.wrong(
    "You mirrored y, which turns people upside down. A mirror swaps left and right: x "
    "is coordinate 0, y is coordinate 1."
)
def y_mirrored(keypoints, visibility, width):
    turned = _mirrored(keypoints.flip(-1), visibility, width - 1).flip(-1)
    return turned[:, FLIP], visibility[:, FLIP]


@flip.wrong(
    "You turn x into -x, which puts everybody left of the picture: shift back by width "
    "- 1."
)
def negated(keypoints, visibility, width):
    return _mirrored(keypoints, visibility, 0)[:, FLIP], visibility[:, FLIP]


@flip.wrong(
    "You reversed the order of all 17 joints, so that the nose becomes an ankle. Only "
    "partners swap: left eye with right eye and so on (`COCO_17.flip_index`)."
)
def order_reversed(keypoints, visibility, width):
    points = _mirrored(keypoints, visibility, width - 1)
    return points.flip(1), visibility.flip(1)


@flip.wrong(MUTATES)
def changed_in_place(keypoints, visibility, width):
    keypoints[..., 0] = torch.where(visibility > 0, width - 1 - keypoints[..., 0], 0)
    return keypoints[:, FLIP], visibility[:, FLIP]
