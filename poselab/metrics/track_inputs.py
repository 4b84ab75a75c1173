"""The frames that a tracking metric is given, checked and as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from poselab.errors import ArgumentError, require
from poselab.metrics.base import as_points, check_shape
from poselab.records import Poses, Sample

Kind = type[Sample] | type[Poses]
Frames = Sample | Poses | Sequence[Sample] | Sequence[Poses]


def head_segments(clip: Sample) -> Tensor:
    """The length from upper neck to head top in stacked frames; [F, P] px, at least 1.

    Taken from where the head is, seen or not, so a turned back does not matter. Raises
    `ArgumentError` if the skeleton has no head.
    """
    names = ("head_top", "upper_neck")
    require(
        set(names) <= set(clip.skeleton.joints),
        f"are needed of the truth: {clip.skeleton.name} has no head",
        where="track_scores",
        field="head_sizes",
        value=None,
        fix="For example 0.6 times the diagonal of the head's box.",
    )
    top, neck = (clip.keypoints[..., clip.skeleton.index(name), :] for name in names)
    return (top - neck).norm(dim=-1).clamp(min=1)


def clips_of(given: Any, kind: Kind, where: str) -> tuple[list, bool]:
    """Stacked records, one for each clip, and whether one clip was given alone."""
    if isinstance(given, kind):
        return [_stacked(given, kind, where)], True
    require(
        isinstance(given, Sequence),
        f"expected frames: a stacked {kind.__name__}, or a list",
        where="track_scores",
        field=where,
        value=type(given).__name__,
    )
    if given and all(isinstance(f, kind) and not f.is_stacked for f in given):
        return [_stacked(given, kind, where)], True
    return [_stacked(clip, kind, where) for clip in given], False


def _stacked(clip: Any, kind: Kind, where: str):
    """A clip as one stacked record with track_ids."""
    listed = isinstance(clip, Sequence) and len(clip) > 0
    if listed and all(isinstance(f, kind) and not f.is_stacked for f in clip):
        clip = kind.stack(clip)
    require(
        isinstance(clip, kind) and clip.is_stacked and clip.track_ids is not None,
        f"expected stacked frames with track_ids, a {kind.__name__}",
        where="track_scores",
        field=where,
        value=type(clip).__name__,
    )
    return clip


@dataclass
class Arrays:
    """A clip: points [F, P, J, 2], there [F, P, J], ids [F, P], heads [F, P]."""

    points: np.ndarray
    there: np.ndarray
    ids: np.ndarray
    heads: np.ndarray


def true_arrays(clip: Sample, head_sizes: Any) -> Arrays:
    """The labelled joints of whoever is present."""
    there = (clip.visibility > 0).cpu() & clip.present[..., None].cpu()
    return _arrays(clip, there, _heads(clip, there, head_sizes), "truth")


def found_arrays(clip: Poses) -> Arrays:
    """The joints with a score above 0 of whoever is present."""
    there = (clip.scores > 0).cpu() & clip.present[..., None].cpu()
    return _arrays(clip, there, torch.ones(clip.present.shape), "found")


def _arrays(clip: Any, there: Tensor, heads: Tensor, where: str) -> Arrays:
    points, ids = clip.keypoints.cpu().double(), clip.track_ids.cpu()
    lost = there & ~torch.isfinite(points).all(-1)
    require(
        not lost.any(),
        "a joint has no finite position",
        where=where,
        field=f"keypoints{lost.nonzero()[:1].flatten().tolist()}",
        fix="Give it visibility 0, or a predicted one score 0.",
    )
    _check_ids(ids, clip.present.cpu(), where)
    return Arrays(points.numpy(), there.numpy(), ids.numpy(), heads.numpy())


def _check_ids(ids: Tensor, present: Tensor, where: str) -> None:
    """Whoever is present has an identity, which is nobody else's in that frame."""
    for frame, (row, here) in enumerate(zip(ids, present, strict=True)):
        row = row[here]
        problem = "somebody who is present has no identity"
        if bool((row >= 0).all()):
            problem = "two people of a frame have one identity"
        require(
            bool((row >= 0).all()) and len(row.unique()) == len(row),
            problem,
            where=where,
            field=f"track_ids[{frame}]",
            value=row.tolist(),
        )


def _heads(clip: Sample, there: Tensor, given: Any) -> Tensor:
    """Head sizes [F, P] px, positive where somebody has a joint."""
    if given is None:
        given = head_segments(clip)
    elif isinstance(given, list | tuple):
        rows = [as_points(row, "head_sizes", "truth").double() for row in given]
        given = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
    heads = as_points(given, "head_sizes", "truth").cpu().double()
    check_shape(heads, "head_sizes", there.shape[:2], "truth")
    bad = there.any(-1) & ~(torch.isfinite(heads) & (heads > 0))
    if bad.any():
        raise ArgumentError(
            "must be positive",
            where="truth",
            value=heads[bad][0].item(),
            field=f"head_sizes{bad.nonzero()[0].tolist()}",
            fix="Where a file has no box of the head, give the others' median, say.",
        )
    return heads
