"""One person of a chosen size, anywhere in a larger picture."""

from __future__ import annotations

from typing import Any

import torch

from poselab.datasets.synthetic import SyntheticPeople
from poselab.errors import require
from poselab.people.raster.camera import frame
from poselab.people.scene import sampling
from poselab.people.scene.scenes import Scene, extents


class PlacedPeople(SyntheticPeople):
    """Stacked samples of one person each, `sides[0]` to `sides[1]` px long.

    That is the longer side of what the joints reach, and it lies anywhere in the
    picture: neither the border nor the middle says where the person is. The rest of the
    picture is drawn, too. With the same seed people of other `sides` are the same
    people, in the same poses and clothes. Nothing stands in front of them. `size` (H,
    W), `seed` and `split` as for `SyntheticPeople`. Raises `ArgumentError` if a person
    would not fit.
    """

    def __init__(
        self,
        size: tuple[int, int] = (160, 144),
        sides: tuple[float, float] = (48, 96),
        seed: int = 0,
        split: str = "train",
    ) -> None:
        super().__init__(size, 1, seed, split=split)
        low, high = sides
        require(
            0 < low <= high <= min(size),
            "must rise, and fit into the picture",
            where="PlacedPeople",
            field="sides",
            value=sides,
        )
        self.sides = (float(low), float(high))

    @property
    def arguments(self) -> dict[str, Any]:
        """What decides the samples, for the key of a pool."""
        return {**super().arguments, "sides": self.sides}

    def scenes(self, n: int, generator: torch.Generator) -> Scene:
        """What `batch` draws, before it is drawn."""
        g, (height, width) = generator, self.size
        scene = sampling.framed(n, g, self.size, occluded=0.0)
        long = sampling.uniform(n, *self.sides, g)
        room = torch.stack([width - long, height - long], -1)  # [S, 2] px
        corner = torch.rand(n, 2, generator=g, device=g.device) * room
        box = torch.cat([corner, long[:, None].expand(-1, 2)], -1)  # [S, 4] xywh
        points = scene.camera.from_world(extents(scene))
        return scene.replace(camera=frame(scene.camera, points, box))
