"""Exercises of notebook 16 about whole sets: AP, and a results file."""

from __future__ import annotations

import torch
from torch import Tensor

from poselab.checks.base import Case
from poselab.checks.metrics import chapter

RECALLS = torch.linspace(0, 1, 101, dtype=torch.float64)

# --- 4. average precision ------------------------------------------------------------


def detections(seed: int, n: int, share: float, images: int):
    """Scores [n] (none equal), who is right [n], the image of each [n]."""
    draws = torch.Generator().manual_seed(seed)
    scores = (torch.randperm(n, generator=draws) + 1) / (n + 1)
    # Images differ in how sure a method is: sorting inside each is another order.
    image = torch.arange(n) * images // n
    likely = share + 0.5 * (scores - 0.5)
    correct = torch.rand(n, generator=draws) < likely
    return scores, correct, image


def _ap_cases() -> list[Case]:
    return [
        Case(
            "one image, six detections, five people",
            torch.tensor([0.9, 0.8, 0.7, 0.6, 0.5, 0.4]),
            torch.tensor([True, False, True, True, False, True]),
            torch.zeros(6, dtype=torch.long),
            5,
        ),
        Case(
            "eight images, in the order of the images", *detections(1, 60, 0.6, 8), 48
        ),
        Case("many false alarms, many people missed", *detections(2, 90, 0.35, 15), 70),
    ]


def _interpolated(correct: Tensor, people: int) -> Tensor:
    """AP of detections in this order: the envelope, read at 101 recalls."""
    found = correct.double().cumsum(0)
    recall = found / people
    precision = found / torch.arange(1, len(correct) + 1)
    envelope = precision.flip(0).cummax(0).values.flip(0)
    place = torch.searchsorted(recall, RECALLS)  # the first with at least this recall
    return torch.cat([envelope, envelope.new_zeros(1)])[place].mean()


def _ap(scores: Tensor, correct: Tensor, image: Tensor, people: int) -> Tensor:
    order = scores.argsort(descending=True, stable=True)
    return _interpolated(correct[order], people)


average_precision = chapter.exercise(
    "average_precision",
    cases=_ap_cases,
    solution=_ap,
    returns=("AP",),
    praise="One ranking of all detections, the envelope, 101 recalls.",
)


@average_precision.wrong(
    "You sort the detections image by image. There is one ranking of the whole set: a "
    "sure false alarm in one image stands before an unsure hit in another. (`image` is "
    "not needed here; it was needed to find out who is `correct`.)"
)
def sorted_per_image(scores, correct, image, people):
    order = scores.argsort(descending=True)
    order = order[image[order].argsort(stable=True)]
    return _interpolated(correct[order], people)


@average_precision.wrong(
    "The detections are not sorted, so your curve follows the order of the file. Sort "
    "by score, highest first."
)
def not_sorted(scores, correct, image, people):
    return _interpolated(correct, people)


@average_precision.wrong(
    "You sort from the lowest score up, so the least sure detections come first. The "
    "curve starts with the surest (`descending=True`)."
)
def sorted_upwards(scores, correct, image, people):
    return _interpolated(correct[scores.argsort()], people)


@average_precision.wrong(
    "You divide recall by the hits or by the detections. Recall is the share of the "
    "*people* that were found: whoever nobody detects is missing on the right."
)
def recall_of_hits(scores, correct, image, people):
    return _ap(scores, correct, image, int(correct.sum()))


@average_precision.wrong(
    "The envelope is missing. COCO replaces each precision by the best one at this "
    "recall or a higher one, so the curve never rises (a running maximum from the "
    "right: `flip`, `cummax`, `flip`)."
)
def no_envelope(scores, correct, image, people):
    right = correct[scores.argsort(descending=True)].double()
    found = right.cumsum(0)
    precision = found / torch.arange(1, len(right) + 1)
    place = torch.searchsorted(found / people, RECALLS)
    return torch.cat([precision, precision.new_zeros(1)])[place].mean()


@average_precision.wrong(
    "You average precision over the detections that are right (the area in its exact "
    "form, without the envelope and the 101 recalls). Near, but not COCO's number."
)
def mean_at_hits(scores, correct, image, people):
    right = correct[scores.argsort(descending=True)].double()
    precision = right.cumsum(0) / torch.arange(1, len(right) + 1)
    return (precision * right).sum() / people


@average_precision.wrong(
    "You read the curve at 11 recalls, as Pascal VOC 2007 did. COCO "
    "has 101: 0, 0.01, ... 1."
)
def eleven_recalls(scores, correct, image, people):
    right = correct[scores.argsort(descending=True)].double()
    found = right.cumsum(0)
    precision = found / torch.arange(1, len(right) + 1)
    envelope = precision.flip(0).cummax(0).values.flip(0)
    place = torch.searchsorted(
        found / people, torch.linspace(0, 1, 11, dtype=torch.float64)
    )
    return torch.cat([envelope, envelope.new_zeros(1)])[place].mean()


@average_precision.wrong(
    "Where the curve ends you leave the recalls out of the mean. A recall that is "
    "never reached has precision 0, and it counts: the mean is always over 101 values."
)
def reached_recalls_only(scores, correct, image, people):
    reached = float(correct.sum()) / people
    return _ap(scores, correct, image, people) * 101 / (RECALLS <= reached).sum()


# --- 5. a results file ---------------------------------------------------------------


def _result_cases() -> list[Case]:
    def case(name: str, seed: int, ids: list[int], people: int) -> Case:
        draws = torch.Generator().manual_seed(seed)
        points = 90 * torch.rand(len(ids), people, 3, 2, generator=draws) + 5
        scores = torch.rand(len(ids), people, 3, generator=draws) * 0.9 + 0.05
        present = torch.ones(len(ids), people, dtype=torch.bool)
        present[-1, -1] = False
        points[-1, -1], scores[-1, -1] = 0.0, 0.0  # as rows of nobody are
        scores[0, 0] = 0.0  # somebody, of whom the network is not sure at all
        return Case(name, points, scores, present, torch.tensor(ids))

    return [
        case("two images", 41, [785, 139], 2),
        case("four images", 42, [7, 5, 3, 12], 3),
        case("ids from 0, as they happen to be", 43, [0, 1, 2], 2),
    ]


def _results(
    keypoints: Tensor, scores: Tensor, present: Tensor, image_ids: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    ids = image_ids[:, None].expand(present.shape)[present]
    numbers = torch.cat([keypoints, scores[..., None]], -1).flatten(2)[present]
    return ids, numbers, scores.mean(-1)[present]


results = chapter.exercise(
    "results",
    cases=_result_cases,
    solution=_results,
    returns=("the image ids", "the keypoints", "the scores"),
    praise="Each answer names its image by the id that the annotations use.",
)


def _with_ids(keypoints, scores, present, ids) -> tuple[Tensor, Tensor, Tensor]:
    return _results(keypoints, scores, present, torch.as_tensor(ids))


@results.wrong(
    "You number the images by their place in the batch. An evaluator looks people up "
    "by `image_id`: with other numbers nobody is found, and AP is near 0 without any "
    "error message. Write the annotations' own ids."
)
def place_for_id(keypoints, scores, present, image_ids):
    return _with_ids(keypoints, scores, present, torch.arange(len(image_ids)))


@results.wrong(
    "You number the images from 1. COCO's ids are no numbering at all (139, 285, 632, "
    "...); every answer is looked up in a wrong image, and AP is near 0."
)
def numbered_from_one(keypoints, scores, present, image_ids):
    return _with_ids(keypoints, scores, present, torch.arange(len(image_ids)) + 1)


@results.wrong(
    "You sort the ids, but not the answers: each pose goes to somebody else's image. A "
    "data loader keeps its own order; carry the id with the image."
)
def ids_sorted(keypoints, scores, present, image_ids):
    return _with_ids(keypoints, scores, present, image_ids.sort().values)


@results.wrong(
    "Rows of nobody are written too: `present` says that nobody is there. Each one "
    "would be a false alarm."
)
def padding_written(keypoints, scores, present, image_ids):
    ids = image_ids[:, None].expand(scores.shape[:2]).flatten()
    numbers = torch.cat([keypoints, scores[..., None]], -1).flatten(2).flatten(0, 1)
    return ids, numbers, scores.mean(-1).flatten()


@results.wrong(
    "You leave out somebody whose scores are all 0. That is a person of whom the "
    "network is not sure, not a row of nobody: only `present` tells the two apart."
)
def decided_by_scores(keypoints, scores, present, image_ids):
    return _results(keypoints, scores, (scores > 0).any(-1), image_ids)


@results.wrong(
    "Your keypoints are all x, then all y, then all scores. COCO writes them joint by "
    "joint: x1, y1, s1, x2, y2, s2, ..."
)
def column_by_column(keypoints, scores, present, image_ids):
    ids, numbers, total = _results(keypoints, scores, present, image_ids)
    return ids, numbers.unflatten(1, (-1, 3)).transpose(1, 2).flatten(1), total


@results.wrong(
    "x and y have changed places: a record has x first, then y, then the score."
)
def y_before_x(keypoints, scores, present, image_ids):
    return _results(keypoints.flip(-1), scores, present, image_ids)


@results.wrong(
    "The score of a person is the sum over the joints here; the mean was asked for. "
    "(AP would not notice as long as every person has as many joints. Read on.)"
)
def sum_of_scores(keypoints, scores, present, image_ids):
    ids, numbers, total = _results(keypoints, scores, present, image_ids)
    return ids, numbers, total * scores.shape[-1]
