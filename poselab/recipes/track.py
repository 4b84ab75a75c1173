"""Detect-and-Track (Girdhar et al. 2018, 1712.09184): a small network for clips."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from poselab.datasets.sources import Source
from poselab.datasets.tubes import Tubes
from poselab.errors import ArgumentError
from poselab.models import build
from poselab.models.inflate import inflate_kernel
from poselab.recipes.base import Ablation
from poselab.recipes.continued import Continued
from poselab.recipes.data import HELD_OUT, Drawn
from poselab.recipes.shared import WHICH_PIXEL
from poselab.records import Sample
from poselab.train import Schedule

CHAPTER = "13"

FRAMES = 3  # of a clip, as in the paper's best 3D network
START = "heatmap_tiny"  # a ResNet would be better and slower


@dataclass(frozen=True)
class Followed(Drawn):
    """People of `pool` clips, as tubes of `frames` crops. Drawn on a CPU."""

    frames: int = FRAMES

    def open(
        self, size: tuple[int, int], seed: int = 0, folder: str | None = None
    ) -> tuple[Source, Sample]:
        """As for `Drawn`; the held-out tubes are of other people."""
        if folder is not None:
            return super().open(size, seed, folder)
        others = Tubes(size, 2, self.frames, seed + HELD_OUT)
        whole = self.frames * max(1, self.held_out // self.frames)
        held_out = next(others.batches(whole))
        return Tubes(size, self.pool, self.frames, seed), held_out

    def resident(self, size: Any, seed: int, device: Any) -> tuple[Source, Sample]:
        """Raises `ArgumentError`: clips are drawn on the CPU."""
        raise ArgumentError(
            "these people are not drawn on a GPU", where="Followed", value=str(device)
        )


@dataclass(frozen=True)
class Inflated(Continued):
    """A network for clips that begins as the bundled network for images `start`.

    `mode` says how its kernels are inflated (see `models.inflate`).
    """

    mode: str = "centre"

    def _borrowed(self) -> dict[str, Tensor]:
        own = build(self.model, **self.arguments).state_dict()
        return {
            name: self._wide(value, own[name]) if name in own else value
            for name, value in super()._borrowed().items()
        }

    def _wide(self, value: Tensor, own: Tensor) -> Tensor:
        if value.dim() != 4:
            return value
        return inflate_kernel(value.float(), own.shape[2], self.mode)  # kept as halves


# Continued, not from nothing: the network for images has learned from 262,144 pictures,
# and the clips are to add what it could not see.
CODEC: dict[str, Any] = {**WHICH_PIXEL, "name": "tube", "frames": FRAMES}
# 16 tubes of 3 frames in a batch, 4,800 pictures. After 50 steps 1e-3 has a lower loss
# on held-out tubes than 3e-3.
SHORT = Schedule(100, 48, 1e-3)


def _clips(about: str, time: int, mode: str = "centre", **codec: Any) -> Inflated:
    """A network whose kernels see `time` frames; all learn from the same pictures."""
    return Inflated(
        about=about,
        model="tube_net",
        arguments={"joints": 17, "time": time},
        codec={**CODEC, **codec},
        data=Followed(pool=120, held_out=FRAMES),
        stages=(SHORT,),
        task="tubes",
        start=START,
        mode=mode,
    )


ABLATIONS = {
    "time": Ablation(
        question="Does time help a joint that is hidden for a frame or two?",
        arms={
            "2D": _clips("the network for images, on the same pictures", 1),
            "3D": _clips(
                "heatmap_tiny, inflated at the centre, on clips of drawn people", 3
            ),
            "3D, strangers": _clips(
                "each clip of different people's frames", 3, strangers=True
            ),
        },
        seeds=(0, 1, 2),
    )
}
