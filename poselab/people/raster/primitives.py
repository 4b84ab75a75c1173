"""What a body is made of: batched capsules and ellipsoids in world millimetres.

N people with K primitives each. `segment` names the body segment of each primitive (the
same K names for everybody), so that a joint knows which surfaces are its own flesh.
`owner` tells which image and which person of it a row belongs to.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor

PLAIN, STRIPES, CHECKS, DOTS = range(4)


@dataclass
class Look:
    """Colours of N x K primitives.

    colour, colour2 [N, K, 3] RGB in [0, 1]; pattern [N, K] one of PLAIN, STRIPES (rings
    along the axis), CHECKS, DOTS, drawn in `colour2`; pitch [N, K] mm, the length of
    one period of the pattern.
    """

    colour: Tensor
    colour2: Tensor
    pattern: Tensor
    pitch: Tensor

    @classmethod
    def cat(cls, looks: list[Look], dim: int = 1) -> Look:
        """Join along primitives (1) or along people (0)."""
        names = [f.name for f in fields(cls)]
        return cls(*(torch.cat([getattr(x, n) for x in looks], dim) for n in names))


@dataclass
class Capsules:
    """Round cones: a [N, K, 3], b [N, K, 3] their ends, ra, rb [N, K] the radii, mm.

    A radius of 0 or below at both ends means: not drawn (clothes that somebody lacks).
    """

    a: Tensor
    b: Tensor
    ra: Tensor
    rb: Tensor
    look: Look
    segment: tuple[str, ...]


@dataclass
class Ellipsoids:
    """centre [N, K, 3] and axes [N, K, 3, 3]: each row one semi-axis vector, mm.

    Rows are orthogonal. All-zero axes mean: not drawn. Patterns run along the second
    row, which is the primitive's own "up".
    """

    centre: Tensor
    axes: Tensor
    look: Look
    segment: tuple[str, ...]
