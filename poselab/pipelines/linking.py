"""Who is who from one frame to the next: costs between people, and their assignment.

Girdhar, Gkioxari, Torresani, Paluri & Tran, "Detect-and-Track: Efficient Pose
Estimation in Videos", CVPR 2018 (1712.09184), section 3.2. People of two frames are the
two sides of a bipartite graph; an edge costs little where two people look like one.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from poselab.errors import require, require_shape

NEW = -1  # instead of an index: nobody of the frame before
FAR = 1000.0  # heads: the distance of two poses without a common joint
METHODS = ("hungarian", "greedy")


def box_costs(before: Tensor, now: Tensor, pixels: bool = False) -> Tensor:
    """1 - IoU of boxes [A, 4] and [B, 4] xywh px; [A, B] in [0, 1].

    `pixels` counts pixels as the released program does: its boxes end on the centre of
    their last pixel, so a box from x to x' is x' - x + 1 wide. Give it w = x' - x.
    """
    require_shape("before", before, None, 4)
    require_shape("now", now, None, 4)
    extra = 1.0 if pixels else 0.0
    low = torch.maximum(before[:, None, :2], now[None, :, :2])  # [A, B, 2]
    ends = (
        before[:, None, :2] + before[:, None, 2:],
        now[None, :, :2] + now[None, :, 2:],
    )
    sides = (torch.minimum(*ends) - low + extra).clamp(min=0)
    shared = sides.prod(-1)  # [A, B] px^2
    areas = [(boxes[:, 2:] + extra).prod(-1) for boxes in (before, now)]
    return 1 - shared / (areas[0][:, None] + areas[1] - shared).clamp(min=1e-12)


def pose_costs(
    before: Tensor,
    now: Tensor,
    lengths: Tensor,
    known_before: Tensor | None = None,
    known_now: Tensor | None = None,
    threshold: float = 0.5,
) -> Tensor:
    """1 - PCKh between poses [A, J, 2] and [B, J, 2] px; [A, B] in [0, 1].

    A joint matches within `threshold` times the head length of the pose before,
    `lengths` [A] px. `known` [A, J] and [B, J] say which joints to compare (all); a
    pair without a common joint costs 1.
    """
    distance, both = _distances(before, now, known_before, known_now)
    near = distance <= threshold * lengths[:, None, None]
    return 1 - (near & both).sum(-1) / both.sum(-1).clamp(min=1)


def joint_costs(
    before: Tensor,
    now: Tensor,
    lengths: Tensor,
    known_before: Tensor | None = None,
    known_now: Tensor | None = None,
) -> Tensor:
    """The mean distance of the joints of [A, J, 2] and [B, J, 2] px in heads; [A, B].

    Arguments as for `pose_costs`. It has no upper end, so it still tells near from far
    where nothing overlaps any more; a pair without a common joint costs `FAR`. Not a
    cost of the paper.
    """
    distance, both = _distances(before, now, known_before, known_now)
    total = (distance * both).sum(-1) / both.sum(-1).clamp(min=1)
    heads = total / lengths.clamp(min=1e-6)[:, None]
    return torch.where(both.any(-1), heads.clamp(max=FAR), FAR)


def _distances(
    before: Tensor, now: Tensor, known_before: Tensor | None, known_now: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Distances of all pairs, and which joints both have; [A, B, J] each."""
    require_shape("before", before, None, None, 2)
    require_shape("now", now, None, before.shape[1], 2)
    distance = (before[:, None] - now).norm(dim=-1)  # [A, B, J] px
    both = torch.ones_like(distance, dtype=torch.bool)
    if known_before is not None:
        both = both & known_before[:, None]
    if known_now is not None:
        both = both & known_now
    return distance, both


def appearance_costs(before: Tensor, now: Tensor) -> Tensor:
    """Half of 1 - cosine of features [A, C] and [B, C]; [A, B] in [0, 1]."""
    one, other = (torch.nn.functional.normalize(x, dim=1) for x in (before, now))
    return (1 - one @ other.T) / 2


def assign(
    costs: Tensor, method: str = "hungarian", gate: float | None = None
) -> Tensor:
    """For each of B people now the index of their match among A before; [B], or `NEW`.

    "hungarian" finds the assignment of least total cost, "greedy" takes the cheapest
    pair, then the cheapest of the rest. With a `gate` no pair may cost more: without
    one, as in the released program, somebody who enters can inherit the identity of
    somebody who left on the other side of the picture. Raises `ArgumentError` for NaN.
    """
    require(
        method in METHODS,
        "unknown way to assign",
        where="method",
        value=method,
        fix=f"Known: {', '.join(METHODS)}.",
    )
    values = costs.detach().double().cpu().numpy()
    require(
        bool(np.isfinite(values).all()),
        "holds NaN or infinity",
        where="assign",
        field="costs",
        value="not finite",
    )
    found = torch.full((values.shape[1],), NEW)
    for a, b in _pairs(values, method):
        if gate is None or values[a, b] <= gate:
            found[b] = int(a)
    return found


def _pairs(costs: np.ndarray, method: str) -> list[tuple[int, int]]:
    if method == "hungarian":
        return list(zip(*linear_sum_assignment(costs), strict=True))
    pairs, rows, columns = [], set(), set()
    for flat in np.argsort(costs, axis=None, kind="stable"):
        a, b = divmod(int(flat), costs.shape[1])
        if a not in rows and b not in columns:
            pairs.append((a, b))
            rows.add(a)
            columns.add(b)
    return pairs
