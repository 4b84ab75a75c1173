"""Everybody in a clip: an estimator's poses, linked by the boxes' IoU, and MOTA.

The frames are every other one of the evaluation's clips, at 384x512 (12.5 a second), as
in notebook 13. Below which score a person is left out decides as much as the estimator:
each chooses its own limit on the first clips and is scored on the others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from poselab import datasets, metrics
from poselab.pipelines.track import Tracker
from poselab.records import Poses, Sample
from poselab.skeleton import POSETRACK_17

CHOSEN, SCORED = 2, 4  # clips
LEAST = tuple(i / 10 for i in range(10))  # person scores to choose from
SIZE = (384, 512)

Estimator = Callable[[Tensor], Poses]


def clips_and_heads() -> tuple[list[Sample], list[Tensor]]:
    """The clips, and how long each head is in px, [F, P]."""
    count = CHOSEN + SCORED
    bulky = dict.fromkeys(("masks", "depth", "person_id"))
    full = datasets.evaluation("clips", count, size=SIZE)
    clips = [clip.replace(**bulky)[::2] for clip in full]
    drawn = datasets.SyntheticPeople(
        (192, 256), (2, 4), seed=1000, skeleton=POSETRACK_17, split="test"
    )  # the same people with a neck and the top of the head, at half the size
    frames = len(full[0])
    shapes = [drawn.clip(frames, seed=1000 + i)[::2] for i in range(count)]
    return clips, [2 * metrics.head_segments(shape) for shape in shapes]


def mota(
    answers: Sequence[list[Poses]], clips: Sequence[Sample], heads, least: float
) -> dict[str, float]:
    """Totals of the tracked answers with people of at least this score."""
    tracked = [Poses.stack(Tracker(person_score=least)(frames)) for frames in answers]
    return metrics.track_scores(
        list(clips), tracked, list(heads), drop_last_frame=False
    ).total


@torch.no_grad()
def video_scores(estimator: Estimator, given=None) -> dict[str, float]:
    """MOTA, MOTP and identity switches, and the limit that was chosen.

    `given` are clips and heads, by default `clips_and_heads()`.
    """
    clips, heads = clips_and_heads() if given is None else given
    answers = [[estimator(frame) for frame in clip.image] for clip in clips]
    first, rest = slice(0, CHOSEN), slice(CHOSEN, None)
    scores = {
        least: mota(answers[first], clips[first], heads[first], least)["mota"]
        for least in LEAST
    }
    best = max(scores, key=lambda least: scores[least])
    total = mota(answers[rest], clips[rest], heads[rest], best)
    rounded = {k: round(total[k.lower()], 4) for k in ("MOTA", "MOTP")}
    rounded = {k: v for k, v in rounded.items() if v == v}  # no MOTP where nobody is
    return {**rounded, "switches": total["switches"], "least": best}
