"""Parametric pose NMS: one pose for each person where boxes were found twice.

Fang, Xie, Tai & Lu, "RMPE: Regional Multi-Person Pose Estimation", ICCV 2017
(1612.00137), section 3.3. Two poses are the same person if a soft count of matching
joints plus a distance is large (equations 4 to 8). The released programs differ from
each other, so both are here under their own names, as constants of one function.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from poselab.errors import require, require_shape

REFERENCE = 0.1  # of the longer box side: what counts as near (alpha in the code)
LEAST_SCORE = 1e-5  # instead of a score of 0, which could not be divided by


@dataclass(frozen=True)
class PoseNms:
    """The constants of one version.

    `delta1` scales the scores, `delta2` the distances, `mu` weighs the distance term,
    `gamma` is the similarity from which a pose is dropped. `relative`: distances are
    divided by the reference length, a tenth of the longer box side; else they are px.
    `matches` near joints drop a pose too (None: they do not), with the reference length
    at most `match_limit` px. Dropped poses are merged into the kept one, joint by
    joint, from within the reference length, at most `merge_limit` px; the merged score
    is the `mean` weighted by the scores, or the maximum. A kept pose whose best joint
    has less than `score_threshold` is no answer.
    """

    delta1: float
    delta2: float
    mu: float
    gamma: float
    score_threshold: float
    relative: bool
    matches: int | None = None
    match_limit: float = 7.0
    merge_limit: float = 15.0
    mean: bool = False


# What AlphaPose ships today, and the program of the RMPE paper.
ALPHAPOSE = PoseNms(1.0, 2.65, 1.7, 22.48, 0.3, relative=False, matches=5, mean=True)
RMPE = PoseNms(0.01, 2.08, 2.08, 22.48, 0.2, relative=True, merge_limit=math.inf)


def pose_similarity(
    pose: Tensor,
    score: Tensor,
    poses: Tensor,
    scores: Tensor,
    length: Tensor,
    options: PoseNms = RMPE,
) -> Tensor:
    """How much one pose [J, 2] px is like each of `poses` [N, J, 2]; [N] (equation 7).

    score [J] and scores [N, J]; `length` is the reference length of the pose in px.
    """
    distance = (poses - pose).norm(dim=-1)  # [N, J] px
    if options.relative:
        distance = distance / length
    both = (score / options.delta1).tanh() * (scores / options.delta1).tanh()
    soft_matches = torch.where(distance <= 1, both, 0.0).sum(1)
    return soft_matches + options.mu * (-distance / options.delta2).exp().sum(1)


def reference_lengths(boxes: Tensor) -> Tensor:
    """A tenth of the longer side of each box [N, 4] xywh; [N] px."""
    require_shape("boxes", boxes, None, 4)
    return REFERENCE * boxes[:, 2:].amax(1)


@dataclass(frozen=True)
class Kept:
    """What is left: M merged poses [M, J, 2] px, scores [M, J], and who is in them.

    `index` [M] says which of the N poses each one was, `cluster` [N] into which of the
    M each pose went, -1 where that one was no answer.
    """

    keypoints: Tensor
    scores: Tensor
    index: Tensor
    cluster: Tensor


def parametric_pose_nms(
    keypoints: Tensor, scores: Tensor, boxes: Tensor, options: PoseNms = RMPE
) -> Kept:
    """Poses [N, J, 2] px, scores [N, J], boxes [N, 4] xywh px -> one for each person.

    The best pose by its mean score is kept, all that are like it are merged into it,
    and so on with the rest (section 3.3). N may be 0. Raises `ShapeError`, and
    `ArgumentError` for poses or scores that are not finite.
    """
    require_shape("keypoints", keypoints, None, None, 2)
    count, joints = keypoints.shape[:2]
    require_shape("scores", scores, count, joints)
    require_shape("boxes", boxes, count, 4)
    for name, value in (("keypoints", keypoints), ("scores", scores)):
        require(
            bool(value.isfinite().all()),
            "holds NaN or infinity",
            where="parametric_pose_nms",
            field=name,
            value="not finite",
        )
    scores = torch.where(scores == 0, LEAST_SCORE, scores)
    groups = _groups(keypoints, scores, reference_lengths(boxes), options)
    return _merged(groups, keypoints, scores, reference_lengths(boxes), options)


def _groups(keypoints, scores, lengths, options) -> list[tuple[int, Tensor]]:
    """The kept poses in order of their score, each with the indices that go into it."""
    left = torch.ones(len(scores), dtype=torch.bool, device=scores.device)
    order = scores.mean(1).argsort(descending=True, stable=True).tolist()
    groups = []
    for best in order:
        if not left[best]:
            continue
        same = left & _alike(best, keypoints, scores, lengths[best], options)
        same[best] = True
        left &= ~same
        groups.append((best, same.nonzero()[:, 0]))
    return groups


def _alike(best: int, keypoints, scores, length, options) -> Tensor:
    """Which poses are the same person as number `best`; [N] bool."""
    alike = pose_similarity(
        keypoints[best], scores[best], keypoints, scores, length, options
    )
    same = alike > options.gamma
    if options.matches is None:
        return same
    near = (keypoints - keypoints[best]).norm(dim=-1)  # [N, J] px
    near = near <= length.clamp(max=options.match_limit)
    return same | (near.sum(1) >= options.matches)


def _merged(groups, keypoints, scores, lengths, options) -> Kept:
    poses: list[Tensor] = []
    values: list[Tensor] = []
    index: list[int] = []
    cluster = torch.full((len(scores),), -1, device=scores.device)
    for best, same in groups:
        near = lengths[best].clamp(max=options.merge_limit)
        pose, score = _merge(
            keypoints[best], keypoints[same], scores[same], near, options.mean
        )
        sure = scores[best].max() >= options.score_threshold
        if sure and score.max() >= options.score_threshold:
            cluster[same] = len(index)
            poses.append(pose)
            values.append(score)
            index.append(best)
    if not index:
        return Kept(keypoints[:0], scores[:0], cluster[:0], cluster)
    where = torch.tensor(index, device=scores.device)
    return Kept(torch.stack(poses), torch.stack(values), where, cluster)


def _merge(pose, poses, scores, near, mean: bool) -> tuple[Tensor, Tensor]:
    """One pose [J, 2] and scores [J] of the joints within `near` px of the kept one."""
    inside = (poses - pose).norm(dim=-1) <= near  # [n, J]
    inside_scores = torch.where(inside, scores, 0.0)
    weight = inside_scores / inside_scores.sum(0)  # [n, J]; the kept one is inside
    merged = (weight[..., None] * poses).sum(0)
    return merged, (weight * inside_scores).sum(0) if mean else inside_scores.amax(0)
