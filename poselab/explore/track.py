"""The explorer of notebook 13: a clip, what a detector does to it, and who is who."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from PIL import Image, ImageDraw
from torch import Tensor

from poselab.draw import SERIES, WRONG_ANSWER, font, to_pil
from poselab.draw.captions import counted
from poselab.errors import require
from poselab.explore.base import Explorer
from poselab.explore.controls import choice, slider, toggle
from poselab.explore.inputs import expect, remembered
from poselab.explore.metrics_tracks import ABSENT, MISSED, UNJUDGED, cells_of, ink_of
from poselab.metrics import TrackScores, track_scores
from poselab.pipelines.track import Tracker, head_lengths
from poselab.records import Poses, Sample

__all__ = ["TrackingLab"]

COSTS = (("1 - IoU of boxes", "box"), ("1 - PCKh", "pose"), ("mean distance", "joints"))
LIMITS = {"box": 0.99, "pose": 0.99, "joints": 6.0}  # where the gate stands
KINDS = ("misses", "false_alarms", "switches")
_SCALE, _ROW, _LEFT, _SIDE = 2, 30, 120, 300  # of the pictures; px
_TITLE = 34


class Spoiled(NamedTuple):
    """What the detector does: shares of people lost and of people invented, px."""

    misses: float = 0.0
    alarms: float = 0.0
    noise: float = 0.0


def spoil(clip: Sequence[Sample], how: Spoiled, seed: int = 0) -> list[Poses]:
    """The true poses of a clip's frames as a detector would give them.

    Of all people in all frames the share `how.misses` is lost, and beside the share
    `how.alarms` a copy appears, 40 px to a side; `how.noise` is the standard deviation
    of boxes and joints in px. The same draws for all settings: a person who is lost
    stays lost when more are. After the first frame people are in no order: were it that
    of the truth, an assignment would choose right wherever all costs are equal.
    """
    draws = torch.Generator().manual_seed(seed)
    mixing = torch.Generator().manual_seed(seed + 1)
    counts = [len(frame.present) for frame in clip]
    ranks = [torch.randperm(sum(counts), generator=draws) for _ in range(2)]
    chances = (torch.stack(ranks) / max(1, sum(counts))).split(counts, 1)
    pairs = zip(clip, chances, strict=True)
    places = [torch.rand(2 * count, generator=mixing) for count in counts]
    places[0] = torch.arange(2.0 * counts[0])
    return [
        _spoiled(frame, how, chance, draws, place)
        for (frame, chance), place in zip(pairs, places, strict=True)
    ]


def _spoiled(
    frame: Sample, how: Spoiled, chance: Tensor, draws: torch.Generator, place: Tensor
) -> Poses:
    shift = 80.0 * (torch.rand(len(frame.present), generator=draws) < 0.5) - 40.0
    points = torch.randn(frame.keypoints.shape, generator=draws)
    edges = torch.randn(frame.boxes.shape, generator=draws)
    points = frame.keypoints + how.noise * points
    boxes = frame.boxes + how.noise * edges
    found, new = chance[0] >= how.misses, chance[1] < how.alarms
    aside = torch.stack([shift, 0 * shift], 1)[new]  # [N, 2]
    away = torch.cat([aside, 0 * aside], 1)
    scores = (frame.visibility > 0).float()
    poses = Poses(
        torch.cat([points[found], points[new] + aside[:, None]]),
        torch.cat([scores[found], scores[new]]),
        boxes=torch.cat([boxes[found], boxes[new] + away]),
    )
    return poses.people(place[torch.cat([found, new])].argsort())


class TrackingLab(Explorer):
    """A clip under a detector's errors, linked again; MOTA and its three error kinds.

    `clip` is a stacked `Sample` with `track_ids` and COCO's joints. Left the truth,
    right the tracker's answer; colours and numbers are identities. The strip has a row
    for each true person: the colour is the identity that the person was given, a cross
    a miss, a bar a switch. All frames are scored. `fps` is that of the clip.
    """

    def __init__(
        self, clip: Sample, *, fps: float = 25.0, width: int = 1060, **values
    ) -> None:
        expect(clip, Sample, "TrackingLab")
        require(
            clip.is_stacked and clip.track_ids is not None and len(clip) > 1,
            "a stacked Sample of 2 frames or more with track_ids is needed",
            where="TrackingLab",
            field="clip",
        )
        self.clip, self.fps = clip.to("cpu"), fps
        self.heads = head_lengths(clip.keypoints.flatten(0, 1))
        self.heads = self.heads.view(clip.present.shape).clamp(min=1)
        self._frames = list(self.clip)
        self._photos = [to_pil(image, _SCALE) for image in self.clip.image]
        bounds = {"frame": lambda every, **_: len(self.kept(every)) - 1}
        super().__init__(
            self._paint,
            self._controls(),
            groups=_GROUPS,
            values=values,
            bounds=bounds,
            width=width,
        )

    def _controls(self) -> dict:
        frames = len(self.clip)
        return {
            "every": slider("every nth frame", 1, max(1, frames // 4), 1),
            "frame": slider("frame", 0, frames - 1, min(8, frames - 1)),
            "misses": slider("misses (%)", 0, 40, 10, help="people lost in a frame"),
            "alarms": slider("alarms (%)", 0, 40, 5, help="people invented in a frame"),
            "noise": slider("noise (px)", 0.0, 5.0, 1.0, 0.5, help="joints and boxes"),
            "cost": choice("cost", COSTS, "box"),
            "method": choice("assignment", ("hungarian", "greedy")),
            "gate": toggle("gate", False, "no pair may cost more"),
            "patience": slider("patience", 0, 8, 0, help="frames to wait"),
        }

    def kept(self, every: int) -> list[int]:
        """The indices of the frames that are left."""
        return list(range(0, len(self.clip), every))

    @remembered
    def _truth(self, every: int) -> Sample:
        return self.clip[self.kept(every)]

    @remembered
    def _found(self, misses: int, alarms: int, noise: float) -> list[Poses]:
        """What the detector gives in all frames."""
        return spoil(self._frames, Spoiled(misses / 100, alarms / 100, noise))

    @remembered
    def answer(
        self, every, misses, alarms, noise, cost, method, gate, patience
    ) -> tuple[Sample, list[Poses], Poses, TrackScores]:
        """The frames left, the tracker's answer (listed, stacked) and its scores."""
        kept, truth = self.kept(every), self._truth(every)
        found = self._found(misses, alarms, noise)
        limit = LIMITS[cost] if gate else None
        tracker = Tracker(cost=cost, method=method, gate=limit, patience=patience)
        tracked = tracker([found[t] for t in kept])
        stacked = Poses.stack(tracked)
        heads = self.heads[kept]
        scores = track_scores(truth, stacked, heads, drop_last_frame=False)
        return truth, tracked, stacked, scores

    def _paint(self, frame: int, every: int, **how) -> tuple[Image.Image, str]:
        truth, tracked, stacked, scores = self.answer(every, **how)
        at, photo = self.kept(every)[frame], self._photos[self.kept(every)[frame]]
        now, poses = self._frames[at], tracked[frame]
        panels = (
            ("truth", now.keypoints, now.visibility > 0, now.track_ids - 1),
            ("tracker", poses.keypoints, poses.scores > 0, poses.track_ids),
        )
        cells = cells_of(truth, stacked, scores)
        cells = cells[:, (cells[..., 0] != ABSENT).any(0)]
        rows = 18 + _ROW * max(5, cells.shape[1] + 1)
        page = Image.new(
            "RGB", (2 * photo.width + 8, photo.height + _TITLE + rows), "white"
        )
        pen = ImageDraw.Draw(page)
        for side, (text, *people) in enumerate(panels):
            x = side * (photo.width + 8)
            shown = f"{text}, frame {at} of the clip"
            pen.text((x + 2, 2), shown, "black", font(24))
            page.paste(self._people(photo, *people), (x, _TITLE))
        top = photo.height + _TITLE + 12
        width = page.width - _SIDE - _LEFT
        _strip(pen, cells, frame, top, width)
        _numbers(pen, page.width - _SIDE + 16, top, scores)
        return page, _describe(every, self.fps, scores, tracked, how)

    def _people(self, photo, points: Tensor, known: Tensor, ids: Tensor) -> Image.Image:
        """A copy of the photo with stick figures in the colours of their identities."""
        photo = photo.copy()
        pen = ImageDraw.Draw(photo)
        places = (points + 0.5) * _SCALE - 0.5
        for person, flags, identity in zip(places, known, ids.tolist(), strict=True):
            drawn = [
                (a, b) for a, b in self.clip.skeleton.limbs if flags[a] and flags[b]
            ]
            for ink, wide in (("white", 7), (ink_of(identity % 6), 4)):
                for a, b in drawn:
                    pen.line([*person[a].tolist(), *person[b].tolist()], ink, wide)
            if flags.any():
                x, y = person[flags].amin(0).tolist()
                place = (min(max(x, 2), photo.width - 34), max(y - 30, 2))
                pen.text(
                    place,
                    str(identity),
                    "white",
                    font(26),
                    stroke_width=3,
                    stroke_fill=ink_of(identity % 6),
                )
        return photo


def _strip(pen, cells, frame: int, top: int, width: int) -> None:
    """Rows of people, columns of frames: the identity of each, misses and switches."""
    count, rows = cells.shape[:2]
    wide = min(26.0, width / count)
    for row in range(rows):
        y, last = top + _ROW * row, ABSENT
        pen.text((4, y - 1), f"person {row}", "black", font(22))
        for t in range(count):
            track, switch = cells[t, row].tolist()
            _cell(pen, _LEFT + wide * t, y, wide, track, switch)
            if track not in (last, ABSENT, MISSED, UNJUDGED):
                _number(pen, _LEFT + wide * t, y, wide, track)
                last = track
    x = _LEFT + wide * frame
    box = [x - 2, top - 4, x + wide - 1, top + _ROW * rows + 1]
    pen.rectangle(box, outline="black", width=2)
    words = "colour and number: identity given    cross: miss    bar: switch"
    pen.text((_LEFT, top + _ROW * rows + 2), words, "black", font(20))


def _cell(pen, x: float, y: int, wide: float, track: int, switch: int) -> None:
    if track == ABSENT:
        return
    ink = "white" if track in (MISSED, UNJUDGED) else ink_of(track % 6)
    box = [x, y, x + wide - 3, y + _ROW - 5]
    pen.rectangle(box, fill=ink, outline="#888888")
    if track == MISSED:
        for a, b in ((3, _ROW - 8), (_ROW - 8, 3)):
            pen.line([x + 2, y + a, x + wide - 5, y + b], WRONG_ANSWER, 2)
    if switch:
        pen.rectangle([x - 3, y - 2, x + 1, y + _ROW - 4], fill=WRONG_ANSWER)


def _number(pen, x: float, y: int, wide: float, track: int) -> None:
    """An identity where it begins; six colours are fewer than identities."""
    at = (x + (wide - 3) / 2, y + (_ROW - 5) / 2)
    edge = {"stroke_width": 2, "stroke_fill": ink_of(track % 6)}
    pen.text(at, str(track), "white", font(18), anchor="mm", **edge)


def _numbers(pen, x: int, top: int, scores: TrackScores) -> None:
    """MOTA, and what each kind of errors takes from it."""
    total = scores.total
    pen.text((x, top - 8), f"MOTA {total['mota']:.3f}", SERIES[0], font(32))
    for row, name in enumerate(KINDS):
        y, lost = top + 36 + 32 * row, total[name] / max(1, total["objects"])
        text = f"{name.replace('_', ' ')} {100 * lost:.1f} %"
        pen.rectangle([x, y, x + min(_SIDE - 24, 260 * lost), y + 28], "#F2B7A0")
        pen.text((x + 4, y), text, "black", font(22))


_GROUPS = {
    "Clip": ("every", "frame"),
    "Detector": ("misses", "alarms", "noise"),
    "Tracker": ("cost", "method", "gate", "patience"),
}


def _describe(every: int, fps: float, scores, tracked: list[Poses], how: dict) -> str:
    total = scores.total
    names = {
        identity for poses in tracked for identity in poses.known("track_ids").tolist()
    }
    people = len(scores.events[0].taken[0])
    cost = dict((value, label) for label, value in COSTS)[how["cost"]]
    gate = f"gate {LIMITS[how['cost']]:g}" if how["gate"] else "no gate"
    return (
        f"{len(tracked)} frames at {fps / every:.1f} per second. Detector: "
        f"{how['misses']} % of people lost, {how['alarms']} % invented, "
        f"{how['noise']:.1f} px of noise. Tracker: {cost}, {how['method']}, {gate}, "
        f"patience {how['patience']}; {len(names)} identities for at most {people} "
        f"people. Of {total['objects']} true joints: "
        f"{counted(total['misses'], 'miss', 'misses')}, "
        f"{counted(total['false_alarms'], 'false alarm')}, "
        f"{counted(total['switches'], 'switch', 'switches')}. MOTA "
        f"{total['mota']:.3f}, MOTP {total['motp']:.3f}."
    )
