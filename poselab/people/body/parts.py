"""A small builder: collects round parts bone by bone, then stacks them per person."""

from __future__ import annotations

import torch
from torch import Tensor

from poselab.people.body.clothes import Clothes
from poselab.people.body.kinematics import BONE, Frames
from poselab.people.body.shape import Shape
from poselab.people.raster.primitives import PLAIN, Capsules, Ellipsoids, Look

Number = Tensor | float


class Parts:
    """The parts of N people while they are put together.

    `m` are the lengths of `measures`, `frames` the bones in the world, `shape` and
    `clothes` those of the N people. `unit` [N] is the stature in mm of an average adult
    of this size: sizes are multiples of it.
    """

    def __init__(
        self, m: dict[str, Tensor], frames: Frames, shape: Shape, clothes: Clothes
    ) -> None:
        self.m, self.frames, self.shape, self.clothes = m, frames, shape, clothes
        self.unit = m["scale"]
        self._round: list[tuple] = []
        self._oval: list[tuple] = []
        self._looks: dict[str, list[tuple]] = {"capsule": [], "ellipsoid": []}

    def at(self, bone: str, xyz: tuple[Number, Number, Number]) -> Tensor:
        """A point given in millimetres of a bone's frame, in the world [N, 3]."""
        return self.frames.point(bone, *xyz)

    def capsule(
        self,
        name: str,
        start: Tensor,
        end: Tensor,
        start_radius: Tensor,
        end_radius: Tensor,
        look: tuple,
    ) -> None:
        """A round cone between two world points; radii mm [N]."""
        self._round.append((name, start, end, start_radius, end_radius))
        self._looks["capsule"].append(look)

    def ellipsoid(
        self,
        name: str,
        bone: str,
        centre: tuple,
        axes: tuple,
        look: tuple,
        tilt: Tensor | None = None,
    ) -> None:
        """An ellipsoid fixed to a bone; centre and the three semi-axes mm, each [N].

        `tilt` [3, 3] turns its axes inside the bone's frame.
        """
        rotation = self.frames.rotation[:, BONE[bone]]
        if tilt is not None:
            rotation = rotation @ tilt
        sizes = torch.stack([s + 0 * self.unit for s in axes], -1)  # [N, 3]
        rows = rotation.transpose(1, 2) * sizes[..., None]  # [N, 3, 3]
        self._oval.append((name, self.at(bone, centre), rows))
        self._looks["ellipsoid"].append(look)

    def plain(self, colour: Tensor) -> tuple:
        """A look of one colour [N, 3]."""
        return colour, colour, torch.full_like(self.clothes.hair_style, PLAIN)

    def capsules(self) -> Capsules:
        """Everything round, [N, K]."""
        names, *columns = zip(*self._round, strict=True)
        stacked = (torch.stack(column, 1) for column in columns)
        return Capsules(*stacked, self._look("capsule"), names)

    def ellipsoids(self) -> Ellipsoids:
        """Everything oval, [N, K]."""
        names, *columns = zip(*self._oval, strict=True)
        stacked = (torch.stack(column, 1) for column in columns)
        return Ellipsoids(*stacked, self._look("ellipsoid"), names)

    def _look(self, kind: str) -> Look:
        first, second, pattern = (
            torch.stack(c, 1) for c in zip(*self._looks[kind], strict=True)
        )
        pitch = self.clothes.pitch[:, None].expand(pattern.shape)
        return Look(first, second, pattern, pitch)
