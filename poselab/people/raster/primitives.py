"""What a body is made of: batched capsules and ellipsoids in world millimetres.

N people with K primitives each. `segment` names the body segment of each primitive, the
same K names for everybody: `body.person.JOINT_SEGMENTS` lists the segments around each
joint, which do not hide it.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from poselab.people.table import Table

PLAIN, STRIPES, CHECKS, DOTS = range(4)


@dataclass
class Look(Table):
    """Colours of N x K primitives.

    colour, colour2 [N, K, 3] RGB in [0, 1]; pattern [N, K] one of PLAIN, STRIPES (rings
    along the axis), CHECKS, DOTS, drawn in `colour2`; pitch [N, K] mm, the length of
    one period of the pattern.
    """

    colour: Tensor
    colour2: Tensor
    pattern: Tensor
    pitch: Tensor


@dataclass
class Capsules(Table):
    """Round cones from start [N, K, 3] to end [N, K, 3] mm.

    start_radius, end_radius [N, K] mm; look of N x K; segment K names.

    A radius of 0 or below at both ends means: not drawn (clothes that a person lacks).
    """

    start: Tensor
    end: Tensor
    start_radius: Tensor
    end_radius: Tensor
    look: Look
    segment: tuple[str, ...]


@dataclass
class Ellipsoids(Table):
    """centre [N, K, 3] and axes [N, K, 3, 3] mm, each row one semi-axis vector.

    look of N x K; segment K names.

    Rows are orthogonal. All-zero axes mean: not drawn. Patterns run along the second
    row, which is the primitive's own "up".
    """

    centre: Tensor
    axes: Tensor
    look: Look
    segment: tuple[str, ...]
