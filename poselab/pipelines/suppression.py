"""One person found several times: which of the poses stay, and with what score.

A detector that finds somebody twice gives two crops and two poses. They are compared
by OKS, as in the evaluation, but with the mean of the two areas, since neither of them
is the truth. The numbers are those of the code of HRNet (1902.09212); OKS instead of
box overlap is due to Papandreou et al. 2017 (1701.01779).
"""

from __future__ import annotations

import torch
from torch import Tensor

from poselab.errors import require, require_shape
from poselab.skeleton import COCO_17, Skeleton


def pose_oks(
    keypoints: Tensor,
    areas: Tensor,
    skeleton: Skeleton = COCO_17,
    joint_scores: Tensor | None = None,
    threshold: float | None = None,
) -> Tensor:
    """OKS of every pose with every other; [N, J, 2 or more] px, [N] px^2 -> [N, N].

    Row i is the pose that is kept, column j the candidate. With `joint_scores` [N, J]
    and a `threshold` only joints count that are above it in the *candidate* (as in the
    reference, which means to test both); without any such joint the OKS is 0.
    """
    require_shape("keypoints", keypoints, None, len(skeleton), None)
    require_shape("areas", areas, len(keypoints))
    require(
        skeleton.sigmas is not None,
        "this skeleton has no OKS sigmas",
        where="pose_oks",
        field="skeleton",
        value=skeleton.name,
    )
    points = keypoints[..., :2]
    square = (points[:, None] - points[None]).square().sum(-1)  # [N, N, J]
    k = 2 * square.new_tensor(skeleton.sigmas)
    area = (areas[:, None] + areas[None]).to(square) / 2
    scale = area + torch.finfo(torch.float64).eps
    near = torch.exp(-square / (2 * scale[..., None] * k.square()))
    if threshold is None:
        return near.mean(-1)
    require_shape("joint_scores", joint_scores, *keypoints.shape[:2])
    assert joint_scores is not None  # or the line above has raised
    counts = (joint_scores > threshold)[None].expand_as(near)  # the candidate's
    return (near * counts).sum(-1) / counts.sum(-1).clamp(min=1)


def rescore(box_scores: Tensor, joint_scores: Tensor, threshold: float = 0.2) -> Tensor:
    """The score of a pose: that of the box times the mean score of the joints found.

    box_scores [N], joint_scores [N, J] -> [N]. Joints that are not above `threshold`
    take no part in the mean; where none is left, the score is 0. The score of the box
    is about the person; whether the joints are there is in the heatmaps alone.
    """
    require_shape("joint_scores", joint_scores, None, None)
    require_shape("box_scores", box_scores, len(joint_scores))
    found = joint_scores > threshold
    total = torch.where(found, joint_scores, 0.0).sum(-1)
    return box_scores * total / found.sum(-1).clamp(min=1)


def oks_nms(oks: Tensor, scores: Tensor, threshold: float = 0.9) -> Tensor:
    """The poses that stay, best first; indices [K] int64.

    oks [N, N] (see `pose_oks`), scores [N]. The best pose stays, every other whose OKS
    with it is above `threshold` goes, and so on with those that are left.
    """
    require_shape("oks", oks, len(scores), len(scores))
    order = scores.argsort(descending=True, stable=True).tolist()
    close = (oks > threshold).tolist()
    kept: list[int] = []
    for i in order:
        if not any(close[k][i] for k in kept):
            kept.append(i)
    return torch.tensor(kept, dtype=torch.int64, device=scores.device)


def soft_oks_nms(
    oks: Tensor, scores: Tensor, threshold: float = 0.9, limit: int = 20
) -> tuple[Tensor, Tensor]:
    """Nobody goes, but who is close to a better pose sinks; at most `limit` people.

    oks [N, N], scores [N] -> indices [K] int64 in the order in which they are taken,
    and their scores [K] at that moment. When a pose is taken, the score of every other
    is multiplied by exp(-oks^2 / threshold) (Bodla et al. 2017, 1704.04503, for boxes).
    """
    require_shape("oks", oks, len(scores), len(scores))
    require(
        threshold > 0,
        "must be positive",
        where="soft_oks_nms",
        field="threshold",
        value=threshold,
    )
    left = scores.clone()
    weight = torch.exp(-oks.square() / threshold).to(left)
    kept, kept_scores = [], []
    for _ in range(min(limit, len(scores))):
        best = int(left.argmax())
        kept.append(best)
        kept_scores.append(left[best].clone())
        left = left * weight[best]
        left[kept] = -torch.inf
    chosen = torch.tensor(kept, dtype=torch.int64, device=scores.device)
    return chosen, torch.stack(kept_scores) if kept else scores[:0]
