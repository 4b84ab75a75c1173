"""A small builder: collects round parts bone by bone, then stacks them per person."""

from __future__ import annotations

import torch
from torch import Tensor

from poselab.people.body.clothes import Clothes
from poselab.people.body.kinematics import BONE, Frames
from poselab.people.body.shape import Shape
from poselab.people.raster.primitives import PLAIN, Capsules, Ellipsoids, Look

Number = Tensor | float
SIDES = ("left_", "right_")


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
        self._limbs: tuple[list[tuple], list[tuple]] = [], []  # left and right
        self._oval: list[tuple] = []
        self._plain = torch.full_like(clothes.hair_style, PLAIN)

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
        self._round.append((name, start, end, start_radius, end_radius, *look))

    def limbs(
        self,
        name: str,
        start: Tensor,
        end: Tensor,
        start_radius: Tensor,
        end_radius: Tensor,
        look: tuple,
    ) -> None:
        """One for the left and one for the right between points [N, 2, 3]."""
        rest = (start_radius, end_radius, *look)
        ends = zip(SIDES, self._limbs, start.unbind(1), end.unbind(1), strict=True)
        for side, found, a, b in ends:
            found.append((side + name, a, b, *rest))

    def ellipsoid(
        self, name: str, bone: str, centre: tuple, axes: tuple, look: tuple
    ) -> None:
        """An ellipsoid fixed to a bone; centre and the three semi-axes mm, each [N]."""
        rotation = self.frames.rotation[:, BONE[bone]]
        rows = rotation.transpose(1, 2) * torch.stack(axes, -1)[..., None]  # [N, 3, 3]
        self._oval.append((name, self.at(bone, centre), rows, *look))

    def ovals(
        self,
        names: list[str],
        bone: str,
        centres: Tensor,
        axes: Tensor,
        looks: list[tuple],
        tilts: dict[int, Tensor],
    ) -> None:
        """Ellipsoids on one bone; centres and semi-axes [N, K, 3] mm.

        `tilts` [3, 3] turn the axes of some of them inside the bone's frame.
        """
        plain = self.frames.rotation[:, BONE[bone]]
        turns = {i: plain @ tilt.to(plain) for i, tilt in tilts.items()}
        turn = torch.stack([turns.get(i, plain) for i in range(len(names))], 1)
        rows = turn.transpose(2, 3) * axes[..., None]  # [N, K, 3, 3]
        places = self.frames.points(bone, centres)
        parts = zip(names, places.unbind(1), rows.unbind(1), looks, strict=True)
        self._oval += [(name, at, axes, *look) for name, at, axes, look in parts]

    def pair(self, name: str, bone: str, centre: tuple, axes: tuple, look: tuple):
        """An ellipsoid on the left bone and one on the right, as in `Frames.pair`."""
        left = BONE["left_" + bone]
        turn = self.frames.rotation[:, left : left + 2].transpose(2, 3)
        rows = turn * torch.stack(axes, -1)[:, None, :, None]  # [N, 2, 3, 3]
        places = self.frames.pair(bone, *centre)
        for side, at, own in zip(SIDES, places.unbind(1), rows.unbind(1), strict=True):
            self._oval.append((side + name, at, own, *look))

    def plain(self, colour: Tensor) -> tuple:
        """A look of one colour [N, 3]."""
        return colour, colour, self._plain

    def capsules(self) -> Capsules:
        """Everything round, [N, K]."""
        parts = [*self._round, *self._limbs[0], *self._limbs[1]]
        names, *columns = zip(*parts, strict=True)
        start, end, first, last, *look = (torch.stack(c, 1) for c in columns)
        return Capsules(start, end, first, last, self._look(*look), names)

    def ellipsoids(self) -> Ellipsoids:
        """Everything oval, [N, K]."""
        names, *columns = zip(*self._oval, strict=True)
        centre, axes, *look = (torch.stack(column, 1) for column in columns)
        return Ellipsoids(centre, axes, self._look(*look), names)

    def _look(self, first: Tensor, second: Tensor, pattern: Tensor) -> Look:
        pitch = self.clothes.pitch[:, None].expand(pattern.shape)
        return Look(first, second, pattern, pitch)
