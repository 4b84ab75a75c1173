"""One drawn dancer before one camera: films of the same person in other moves."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from poselab.datasets.sources import SEEDS, Source
from poselab.errors import require
from poselab.people.body import motion
from poselab.people.body.kinematics import BodyPose
from poselab.people.scene import clip, edit, sampling
from poselab.people.scene.scenes import Scene, draw
from poselab.records import Sample

MOVES = ("waving", "walking", "standing", "running")  # one after the other
FPS = 12.5
AWAY, EYES = 4500.0, 900.0  # mm from the camera, and its height
TALL = 0.70  # of the picture's height, an adult of 1.72 m in the middle of the stage
ROOM = (250.0, 500.0)  # mm, how far the dancer sways to the side and in depth


class Dancer(Source):
    """Films of the dancer `who`, drawn without the sensor's noise.

    `moves` pieces of `length` frames each, at 12.5 frames a second; `seed` decides what
    is danced, `who` the person, the clothes, the light and the room. A batch of n are
    n / 2 frames of the film, then the frame after each of them. Raises `ArgumentError`
    for a film without two frames in a row.
    """

    def __init__(
        self,
        size: tuple[int, int] = (64, 48),
        who: int = 0,
        seed: int = 0,
        moves: int = 16,
        length: int = 40,
    ) -> None:
        whole = moves >= 1 and length >= 2
        require(
            whole,
            "needs a move of two frames at least",
            where="Dancer",
            value=(moves, length),
        )
        self.size, self.length = (int(size[0]), int(size[1])), int(length)
        scene, generator = self._stage(who), torch.Generator().manual_seed(seed)
        pose = BodyPose.cat([self._move(i, generator) for i in range(moves)])
        self.film = draw(clip.repeated(scene, len(pose), pose, generator), self.size)

    def _stage(self, who: int) -> Scene:
        """The person before the camera."""
        g = torch.Generator().manual_seed(who % SEEDS)
        scene = sampling.framed(1, g, self.size, "standing", "room", 0.0)
        scene.things.kind.fill_(-1)
        focal = TALL * self.size[0] * AWAY / 1720
        scene = edit.set_camera(scene, self.size, AWAY, focal, EYES, 0.0)
        return scene.replace(grain=torch.zeros_like(scene.grain))

    def _move(self, number: int, g: torch.Generator) -> BodyPose:
        """`length` poses of one move: an activity, bent knees, turns and a sway."""
        n = self.length
        style = motion.sample_style(1, g).expand(n, -1)
        start, pace, low, *phases = torch.rand(7, generator=g).tolist()
        time = torch.arange(n) / FPS  # s
        phase = (start + (0.4 + 0.5 * pace) * time) % 1
        slow = [(2 * torch.pi * (p + 0.3 * time)).sin() for p in phases]
        crouch = 0.35 * low * (1 + slow[0]) / 2
        pose = motion.cycle(MOVES[number % len(MOVES)], phase, style, crouch)
        where = torch.stack([ROOM[0] * slow[1], ROOM[1] * slow[2]], -1)
        return pose.at(where, 0.6 * slow[3])

    def starts(self) -> Tensor:
        """The frames that have a next one in the same move, [N]."""
        index = torch.arange(len(self.film))
        return index[index % self.length != self.length - 1]

    def batches(self, batch_size: int, seed: int = 0) -> Iterator[Sample]:
        """Stacked samples without end; raises `ArgumentError` for an odd size."""
        require(
            batch_size % 2 == 0,
            "must be even: frames and their next ones",
            where="batch_size",
            value=batch_size,
        )
        g, starts = torch.Generator().manual_seed(seed), self.starts()
        while True:
            pick = torch.randint(len(starts), (batch_size // 2,), generator=g)
            now = starts[pick]
            yield self.film[torch.cat([now, now + 1])]
