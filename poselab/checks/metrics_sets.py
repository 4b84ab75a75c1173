"""The exercise of notebook 16 about a whole set: a results file."""

from __future__ import annotations

import torch
from torch import Tensor

from poselab.checks.base import Case
from poselab.checks.metrics import chapter

# --- 2. a results file ---------------------------------------------------------------


def _result_cases() -> list[Case]:
    def case(name: str, seed: int, ids: list[int], people: int) -> Case:
        draws = torch.Generator().manual_seed(seed)
        points = 90 * torch.rand(len(ids), people, 3, 2, generator=draws) + 5
        scores = torch.rand(len(ids), people, 3, generator=draws) * 0.9 + 0.05
        present = torch.ones(len(ids), people, dtype=torch.bool)
        present[-1, -1] = False
        points[-1, -1], scores[-1, -1] = 0.0, 0.0  # as rows of nobody are
        scores[0, 0] = 0.0  # somebody, of whom the network is not sure at all
        scores[1, 0, 1] = 0.0  # one joint, of which it is not
        return Case(name, points, scores, present, torch.tensor(ids))

    return [
        case("two images", 41, [785, 139], 2),
        case("four images", 42, [7, 5, 3, 12], 3),
        case("ids from 0, as they happen to be", 43, [0, 1, 2], 2),
        case("nobody in the last of three images", 44, [9, 4, 6], 1),
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


@results.wrong(
    "Joints with a score of 0 are left out of the mean. A person's score is the mean "
    "over *all* joints: who has few should not look sure."
)
def zeros_left_out(keypoints, scores, present, image_ids):
    ids, numbers, _ = _results(keypoints, scores, present, image_ids)
    each = scores[present]
    return ids, numbers, each.sum(1) / (each > 0).sum(1).clamp(min=1)


@results.wrong("The score of a person is the *mean* of the joints', not the highest.")
def highest_score(keypoints, scores, present, image_ids):
    ids, numbers, _ = _results(keypoints, scores, present, image_ids)
    return ids, numbers, scores[present].amax(1)


@results.wrong(
    "First all x and y, then all scores. A file has x, y, score of the first joint, "
    "then x, y, score of the second."
)
def scores_behind(keypoints, scores, present, image_ids):
    ids, _, means = _results(keypoints, scores, present, image_ids)
    numbers = torch.cat([keypoints[present].flatten(1), scores[present]], 1)
    return ids, numbers, means


@results.wrong(
    "The third number of a joint is a 2, the flag of annotations. In a results file "
    "it is the joint's score."
)
def flag_for_score(keypoints, scores, present, image_ids):
    twos = torch.full_like(scores, 2.0)
    numbers = _results(keypoints, twos, present, image_ids)[1]
    ids, _, means = _results(keypoints, scores, present, image_ids)
    return ids, numbers, means
