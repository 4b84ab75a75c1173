"""The third explorer of notebook 16: misses, false alarms, switches, and their MOTA."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from poselab.draw import SERIES, WRONG_ANSWER, font, paint_pose, to_pil
from poselab.draw.captions import counted
from poselab.draw.overlay import legend
from poselab.errors import require
from poselab.explore.base import Explorer
from poselab.explore.controls import slider, toggle
from poselab.explore.inputs import expect, remembered
from poselab.metrics import TrackScores, track_scores
from poselab.records import Poses, Sample

MOST = {"misses": 20, "alarms": 12, "switches": 6}
_MARKS = {  # of the strip, whose colours are those of the tracks
    "missed": (WRONG_ANSWER, "cross"),
    "the track changes": (WRONG_ANSWER, "line"),
    "not judged": ("#E4E4E4", "dot"),
}
_SLOTS = 2  # false alarms that fit into a frame
_SCALE, _CELL, _LEFT = 2, 26, 110  # of the frame; px of the strip


class Planted(NamedTuple):
    """Errors put into a perfect answer: how many of each kind, and px of jitter."""

    misses: int = 0
    alarms: int = 0
    switches: int = 0
    jitter: float = 0.0


def plant(clip: Sample, errors: Planted, seed: int = 0) -> Poses:
    """A tracker's answer with `errors` in it, always the same for a seed.

    Stacked `Poses`, with a row for each of the clip's and some for false alarms. The
    perfect answer has everybody of whom a joint is labelled, and those joints. Misses
    take a person out of one frame; a false alarm is a pose moved to where nobody
    stands, with a track of its own; a switch swaps the tracks of two people from one
    frame to the end. More errors of a kind are those before and new ones.
    """
    draws = torch.Generator().manual_seed(seed)
    frames, people = clip.present.shape
    known = torch.where((clip.visibility > 0).any(-1), clip.track_ids, -1)
    ids = torch.cat([known, known.new_full((frames, _SLOTS), -1)], 1)
    _switch(ids, errors.switches, people, draws)
    _miss(ids, errors.misses, people, draws)
    empty = clip.keypoints.new_zeros(frames, _SLOTS, *clip.keypoints.shape[2:])
    points = torch.cat([clip.keypoints, empty], 1)
    scores = torch.cat([(clip.visibility > 0).to(empty), empty[..., 0]], 1)
    _alarm(points, scores, ids, errors.alarms, people, draws)
    points = points + errors.jitter * torch.randn(points.shape, generator=draws)
    return Poses(points, scores, track_ids=ids, present=ids >= 0)


def _switch(ids: Tensor, count: int, people: int, draws: torch.Generator) -> None:
    frames = torch.randperm(len(ids) - 2, generator=draws)[: MOST["switches"]] + 1
    present = (ids[:, :people] >= 0).any(0).nonzero()[:, 0]
    for frame in frames[:count].tolist():
        a, b = present[torch.randperm(len(present), generator=draws)[:2]].tolist()
        one, other = ids[frame:, a].clone(), ids[frame:, b].clone()
        both = (one >= 0) & (other >= 0)
        ids[frame:, a] = torch.where(both, other, one)
        ids[frame:, b] = torch.where(both, one, other)


def _miss(ids: Tensor, count: int, people: int, draws: torch.Generator) -> None:
    there = (ids[:, :people] >= 0).nonzero()
    order = torch.randperm(len(there), generator=draws)[:count]
    frame, person = there[order].T
    ids[frame, person] = -1


def _alarm(points, scores, ids, count: int, people: int, draws) -> None:
    cells = torch.randperm(_SLOTS * len(ids), generator=draws)[:count]
    for n, cell in enumerate(cells.tolist()):
        frame, slot = cell // _SLOTS, people + cell % _SLOTS
        person = int(torch.randint(0, people, (1,), generator=draws))
        shift = torch.tensor([40.0 if n % 2 else -40.0, 10.0 * (n % 3) - 60.0])
        points[frame, slot] = points[frame, person] + shift
        scores[frame, slot], ids[frame, slot] = 1, 100 + n


class TrackingErrors(Explorer):
    """A clip, a tracker's answer with planted errors, and MOTA with its three kinds.

    `clip` is a stacked `Sample` of one sequence whose skeleton has a head. The frame
    shows the answer in the colours of its tracks; the strip below shows, for every
    person and frame, which track has the person: white where missed, a bar where the
    track changed; its last row counts false alarms. PoseTrack's evaluator drops the
    last frame, here greyed.
    """

    def __init__(self, clip: Sample, *, width: int = 620, **values) -> None:
        expect(clip, Sample, "clip")
        require(
            clip.is_stacked and clip.track_ids is not None,
            "a stacked Sample with track_ids is needed",
            where="TrackingErrors",
            field="clip",
            value=type(clip).__name__,
        )
        self.clip = clip
        super().__init__(
            self._paint,
            self._make_controls(),
            groups=_GROUPS,
            values=values,
            width=width,
        )

    def _make_controls(self) -> dict:
        return {
            "frame": slider("frame", 0, len(self.clip) - 1, 6),
            "misses": slider("misses", 0, MOST["misses"], 4),
            "alarms": slider("false alarms", 0, MOST["alarms"], 3),
            "switches": slider("swaps", 0, MOST["switches"], 1),
            "jitter": slider("jitter (px)", 0.0, 6.0, 0.5, 0.1),
            "drop": toggle("drop last", True),
        }

    def scores(self, misses, alarms, switches, jitter, drop) -> TrackScores:
        """PoseTrack's numbers for these planted errors."""
        return self._judged(Planted(misses, alarms, switches, jitter), drop)[1]

    @remembered
    def _judged(self, errors: Planted, drop: bool) -> tuple[Poses, TrackScores]:
        found = plant(self.clip, errors)
        return found, track_scores(self.clip, found, drop_last_frame=drop)

    def _paint(self, frame, drop, misses, alarms, switches, jitter) -> tuple:
        errors = Planted(misses, alarms, switches, jitter)
        found, scores = self._judged(errors, drop)
        photo = self._photo(frame, found)
        width = max(photo.width + 140, _LEFT + _CELL * len(self.clip) + 10)
        strip = self._strip(frame, found, scores, width)
        picture = Image.new("RGB", (width, photo.height + strip.height), "white")
        picture.paste(photo, (0, 0))
        self._numbers(ImageDraw.Draw(picture), photo.width + 10, scores)
        picture.paste(strip, (0, photo.height))
        return legend(picture, _MARKS), _describe(errors, scores, frame, drop)

    # --- pictures --------------------------------------------------------------------

    def _photo(self, frame: int, found: Poses) -> Image.Image:
        photo = to_pil(self.clip.image[frame], _SCALE)
        for person, track in enumerate(found.track_ids[frame].tolist()):
            if track >= 0:
                photo = paint_pose(
                    photo,
                    found.keypoints[frame, person],
                    2 * (found.scores[frame, person] > 0),
                    self.clip.skeleton,
                    _SCALE,
                    hidden="filled",
                    colour=ink_of(track),
                    size=3,
                )
        return photo

    def _strip(self, frame, found, scores, width: int) -> Image.Image:
        cells = cells_of(self.clip, found, scores)
        cells = cells[:, (cells[..., 0] != ABSENT).any(0)]  # [F, P, 2]
        rows = cells.shape[1]
        strip = Image.new("RGB", (width, _CELL * (rows + 1) + 14), "white")
        pen = ImageDraw.Draw(strip)
        for row in range(rows):
            pen.text((4, 10 + _CELL * row), f"person {row + 1}", "black", font(15))
            for t in range(len(cells)):
                self._cell(pen, t, row, *cells[t, row])
        self._alarms(pen, rows, found)
        x = _LEFT + _CELL * frame
        pen.rectangle(
            [x - 1, 4, x + _CELL - 2, _CELL * (rows + 1) + 8], outline="black", width=3
        )
        return strip

    def _cell(self, pen, t: int, row: int, track: int, switch: int) -> None:
        x, y = _LEFT + _CELL * t, 8 + _CELL * row
        if track == ABSENT:
            return
        ink = {MISSED: "white", UNJUDGED: "#E4E4E4"}.get(track) or ink_of(track)
        pen.rectangle([x, y, x + _CELL - 4, y + _CELL - 4], fill=ink, outline="#888888")
        if track == MISSED:
            for a, b in ((6, _CELL - 10), (_CELL - 10, 6)):
                pen.line([x + 6, y + a, x + _CELL - 10, y + b], WRONG_ANSWER, 3)
        if switch:
            pen.rectangle([x - 3, y - 1, x + 1, y + _CELL - 3], fill=WRONG_ANSWER)

    def _alarms(self, pen, rows: int, found: Poses) -> None:
        people, y = self.clip.present.shape[1], 8 + _CELL * rows
        pen.text((4, y + 2), "false alarms", "black", font(15))
        for t, count in enumerate(found.present[:, people:].sum(1).tolist()):
            if count:
                pen.text(
                    (_LEFT + _CELL * t + 6, y + 2), str(count), WRONG_ANSWER, font(17)
                )

    def _numbers(self, pen, left: int, scores: TrackScores) -> None:
        total = scores.total
        for i, name in enumerate(("MOTA", "MOTP (1 - d)", "precision", "recall")):
            value = float(total[name.split()[0].lower()])
            pen.text((left, 12 + 52 * i), name, "black", font(16))
            pen.text((left, 30 + 52 * i), f"{value:.3f}", SERIES[0], font(21))
        pen.text((left, 232), "joints counted as", "black", font(14))
        for i, name in enumerate(("misses", "false_alarms", "switches")):
            text = f"{total[name]} {name.replace('_', ' ')}"
            pen.text((left, 254 + 22 * i), text, "black", font(15))


ABSENT, MISSED, UNJUDGED = -3, -2, -4


def cells_of(truth: Sample, found: Poses, scores: TrackScores) -> np.ndarray:
    """For each frame and person the track that has most joints, and if it changed.

    [F, P, 2] of (track or ABSENT, MISSED, UNJUDGED; 0 or 1).
    """
    frames, people = truth.present.shape
    labelled = (truth.visibility > 0).any(-1)
    cells = np.zeros((frames, people, 2), int)
    events = scores.events[0]
    for t in range(frames):
        for p in range(people):
            if not labelled[t, p]:
                cells[t, p] = ABSENT, 0
            elif t >= len(events.taken):
                cells[t, p] = UNJUDGED, 0
            else:
                cells[t, p] = _majority(t, p, events, found)
    return cells


def _majority(t: int, p: int, events, found: Poses) -> tuple[int, int]:
    taken = torch.as_tensor(events.taken[t, p])
    missed = int(torch.as_tensor(events.miss[t, p]).sum())
    hits = taken[taken >= 0]
    if missed >= len(hits):
        return MISSED, 0
    track = int(found.track_ids[t, int(hits.mode().values)])
    return track, int(bool(torch.as_tensor(events.switch[t, p]).any()))


def ink_of(track: int) -> str:
    """The colour of a track; false alarms are dark."""
    return "#222222" if track >= 100 else SERIES[track % (len(SERIES) - 1)]


_GROUPS = {
    "Clip": ("frame",),
    "Planted errors": ("misses", "alarms", "switches", "jitter"),
    "Evaluator": ("drop",),
}


def _describe(errors: Planted, scores: TrackScores, frame: int, drop: bool) -> str:
    total = scores.total
    return (
        f"Frame {frame}. Planted: {counted(errors.misses, 'miss', 'misses')}, "
        f"{counted(errors.alarms, 'false alarm')}, swaps of two people: "
        f"{errors.switches}, {errors.jitter:.1f} px of jitter. Counted in joints: "
        f"{counted(int(total['misses']), 'miss', 'misses')}, "
        f"{counted(int(total['false_alarms']), 'false alarm')}, "
        f"{counted(int(total['switches']), 'switch', 'switches')} "
        f"{'(last frame dropped)' if drop else '(all frames)'}. MOTA "
        f"{total['mota']:.3f}, MOTP {total['motp']:.3f}, precision "
        f"{total['precision']:.3f}, recall {total['recall']:.3f}."
    )
