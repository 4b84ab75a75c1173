"""Skins of round parts: the same triangles for all bodies of a population."""

from __future__ import annotations

from math import pi

import torch
import torch.nn.functional as F
from torch import Tensor

SIDES = 12  # vertices around a limb
STEPS = 5  # rings along one capsule


def volume(vertices: Tensor, faces: Tensor) -> float:
    """What a closed surface holds; negative where its faces look inside."""
    return float(torch.linalg.det(vertices[faces] - vertices.mean(0)).sum() / 6)


def ball(centre: Tensor, axes: Tensor) -> tuple[Tensor, Tensor]:
    """Ellipsoids' skins [N, v, 3] from centres [N, 3] and semi-axes [N, 3, 3]; faces.

    The middle axis goes through both poles.
    """
    turn = torch.linspace(0, pi, 2 * STEPS + 1, dtype=torch.float64)
    rings = torch.stack([turn.sin(), turn.cos()], 1)  # [R, 2]
    round_ = _circle()
    unit = torch.stack(
        [
            rings[:, :1] * round_[:, 0],
            rings[:, 1:].expand(-1, SIDES),
            rings[:, :1] * round_[:, 1],
        ],
        -1,
    )
    vertices = torch.einsum("rsk,nkc->nrsc", unit, axes) + centre[:, None, None]
    return vertices.flatten(1, 2), _faces(len(rings))


def tube(centres: Tensor, radii: Tensor) -> tuple[Tensor, Tensor]:
    """Skin around a chain of round cones, [N, P, 3] and [N, P], with round ends."""
    share = torch.linspace(0, centres.shape[1] - 1, STEPS * (centres.shape[1] - 1) + 1)
    low = share.long().clamp(max=centres.shape[1] - 2)
    part = (share - low).double()
    line = torch.lerp(centres[:, low], centres[:, low + 1], part[:, None])
    wide = torch.lerp(radii[:, low], radii[:, low + 1], part)  # [N, R]
    along = F.normalize(centres[:, -1] - centres[:, 0], dim=-1)  # [N, 3]
    caps = torch.tensor([pi / 2, pi / 3, pi / 6], dtype=torch.float64)
    back = caps.flip(0)
    first = line[:, :1] - along[:, None] * (wide[:, :1] * caps.sin())[..., None]
    last = line[:, -1:] + along[:, None] * (wide[:, -1:] * back.sin())[..., None]
    line = torch.cat([first, line, last], 1)
    ends = (wide[:, :1] * caps.cos(), wide, wide[:, -1:] * back.cos())
    wide = torch.cat(ends, 1)
    # A direction across the tube that is the same for everybody.
    steep = along.mean(0)[2].abs() > 0.7
    guide = torch.tensor([0.0, 1, 0] if steep else [0.0, 0, 1]).double()
    one = F.normalize(guide - (along @ guide)[:, None] * along, dim=-1)
    across = torch.stack([one, torch.linalg.cross(one, along)], 1)  # [N, 2, 3]
    rim = torch.einsum("sk,nkc->nsc", _circle(), across)  # [N, SIDES, 3]
    vertices = line[:, :, None] + wide[..., None, None] * rim[:, None]
    return vertices.flatten(1, 2), _faces(line.shape[1])


def _circle() -> Tensor:
    around = torch.arange(SIDES, dtype=torch.float64) * (2 * pi / SIDES)
    return torch.stack([around.cos(), around.sin()], 1)  # [SIDES, 2]


def _faces(rings: int) -> Tensor:
    """Two triangles between neighbours of neighbouring rings, seen from outside."""
    ring, side = torch.meshgrid(
        torch.arange(rings - 1), torch.arange(SIDES), indexing="ij"
    )
    a, b = ring * SIDES + side, ring * SIDES + (side + 1) % SIDES
    c, d = a + SIDES, b + SIDES
    return torch.stack(
        [torch.stack([a, b, c], -1), torch.stack([b, d, c], -1)]
    ).reshape(-1, 3)
