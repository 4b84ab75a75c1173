"""Every 2D metric of one picture at once: what an explorer shows while you drag.

One joint moves, and all numbers must follow within a frame. The metrics are those of
their own files; only the way there is short: one set of tensors, no COCO dictionary.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from poselab.errors import require
from poselab.metrics.ap.curves import THRESHOLDS, CocoCurves
from poselab.metrics.ap.inputs import Answers, Inputs, People
from poselab.metrics.base import as_points, as_tensor, check_shape
from poselab.metrics.keypoints import pck, pckh, pdj
from poselab.metrics.parts import pcp, pcpm
from poselab.metrics.similarity import oks_per_joint
from poselab.skeleton import COCO_17, Skeleton


def everything(
    pred: Any,
    truth: Any,
    visibility: Any,
    boxes: Any,
    areas: Any,
    *,
    scores: Any = None,
    skeleton: Skeleton = COCO_17,
) -> dict[str, float]:
    """All 2D metrics of P people in one image, prediction i being person i's.

    pred, truth [P, J, 2] px, visibility [P, J], boxes [P, 4] xywh px, areas [P] px^2,
    `scores` [P] of the predictions (all alike by default). Keys: "PCP", "PCP loose",
    "PCPm", "PCK@0.1", "PCK@0.2", "PDJ@0.2", "PDJ diagonal@0.2"; "PCKh@0.5" if the
    skeleton has a head segment; "OKS" (the mean over people) and COCO's ten if it has
    sigmas. What nobody has the joints for is NaN; see each metric. COCO's numbers match
    predictions with people by themselves. Raises `ArgumentError`.
    """
    pred = as_points(pred, "pred", "everything")
    truth = as_points(truth, "truth", "everything")
    visibility = as_tensor(visibility, "visibility", "everything")
    require(
        truth.dim() == 3,
        "expected shape [P, J, 2]",
        where="everything",
        field="truth",
        value=list(truth.shape),
    )
    args = pred, truth, visibility
    numbers = _shares(*args, boxes, skeleton)
    if skeleton.sigmas is None:
        return numbers
    each = oks_per_joint(*args, areas, skeleton)
    numbers["OKS"] = float(each.nanmean(-1).nanmean())
    return numbers | _coco(*args, boxes, areas, scores, skeleton)


def _shares(pred, truth, visibility, boxes, skeleton) -> dict[str, float]:
    """Limbs and joints that are right."""
    args = pred, truth, visibility
    values = {
        "PCP": pcp(*args, skeleton=skeleton),
        "PCP loose": pcp(*args, "loose", skeleton=skeleton),
        "PCPm": pcpm(*args, skeleton=skeleton),
    }
    near = pck(*args, "box", (0.1, 0.2), boxes=boxes, skeleton=skeleton)
    values |= {"PCK@0.1": near[0], "PCK@0.2": near[1]}
    values["PDJ@0.2"] = pdj(*args, skeleton=skeleton)[0]
    wide = pdj(*args, diameter="diagonal", boxes=boxes, skeleton=skeleton)
    values["PDJ diagonal@0.2"] = wide[0]
    if {"head_top", "upper_neck"} <= set(skeleton.joints):
        values["PCKh@0.5"] = pckh(*args, skeleton=skeleton)[0]
    return {name: float(value) for name, value in values.items()}


def _coco(pred, truth, visibility, boxes, areas, scores, skeleton) -> dict[str, float]:
    """COCO's ten numbers without a dictionary."""
    people = len(truth)
    scores = torch.ones(people) if scores is None else scores
    scores = as_points(scores, "scores", "everything")
    check_shape(scores, "scores", (people,), "everything")
    require(
        bool(torch.isfinite(scores).all() and torch.isfinite(pred).all()),
        "must be finite",
        where="everything",
        field="pred, scores",
    )
    here, flags = np.zeros(people, dtype=np.int64), _array(visibility) > 0
    found = _array(pred)
    size = np.ptp(found, axis=1) if people else np.zeros((0, 2))
    inputs = Inputs(
        truth={},
        found=[],
        skeleton=skeleton,
        images=[0],
        categories=[1],
        people=People(
            here,
            here,
            _array(truth),
            flags,
            _array(areas),
            boxes=_array(boxes),
            crowd=np.zeros(people, dtype=bool),
            ignore=np.asarray(~flags.any(1)),
        ),
        answers=Answers(here, here, found, flags, size.prod(1), scores=_array(scores)),
    )
    return dict(CocoCurves(inputs, THRESHOLDS).numbers)


def _array(values: Any) -> np.ndarray:
    values = as_tensor(values, "values", "everything")
    return values.detach().cpu().double().numpy()
