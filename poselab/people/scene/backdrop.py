"""What is behind the people: rooms, streets, studios and smooth noise.

A backdrop is a sum of outer products: each wall, window, shelf or house is a profile
over rows times one over columns times a colour, so a batch is one matrix product. The
floor line, the horizon and the ground's texture follow from the camera.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor

from poselab.people.raster.camera import Camera
from poselab.people.table import Table

BACKGROUNDS = ("studio", "room", "street", "noise")
BLOCKS, NOISE = 6, (7, 6)


@dataclass
class Backdrop(Table):
    """What was drawn for S images.

    kind [S] indexes BACKGROUNDS; colours [S, 4, 3] of the wall or sky above and below
    and of the ground far and near; blocks [S, BLOCKS, 4] x, width, height as fractions
    of the image, and windows a block; paints [S, BLOCKS, 2, 3]; clouds
    [S, 7, 6, 3] smooth noise; floor [S, 4]: tile mm, amplitude, grain, wall mm away.
    """

    kind: Tensor
    colours: Tensor
    blocks: Tensor
    paints: Tensor
    clouds: Tensor
    floor: Tensor


def sample_backdrop(
    n: int, generator: torch.Generator, kind: str | None = None
) -> Backdrop:
    """Draw `n` backdrops, of one kind or of all."""
    device = generator.device

    def draw(*shape: int) -> Tensor:
        return torch.rand(n, *shape, generator=generator, device=device)

    weights = torch.tensor([1.0, 3.0, 3.0, 1.0], device=device)
    kinds = torch.multinomial(weights, n, True, generator=generator)
    if kind is not None:
        kinds = torch.full_like(kinds, BACKGROUNDS.index(kind))
    colours = 0.30 + 0.55 * draw(4, 1) + 0.22 * (draw(4, 3) - 0.5)
    sky = torch.tensor([0.55, 0.72, 0.92], device=device) + 0.2 * (draw(2, 3) - 0.5)
    street = (kinds == BACKGROUNDS.index("street"))[:, None, None]
    colours[:, :2] = torch.where(street, sky, colours[:, :2])
    colours[:, 1] = 0.7 * colours[:, 0] + 0.3 * colours[:, 1]
    colours[:, 3] = 0.6 * colours[:, 2] + 0.4 * colours[:, 3]
    amount = torch.tensor([0.04, 0.06, 0.06, 0.30], device=device)[kinds]
    clouds = (draw(*NOISE, 1) * 2 - 1) + 0.45 * (draw(*NOISE, 3) * 2 - 1)
    clouds = amount[:, None, None, None] * clouds
    paints = 0.15 + 0.7 * draw(BLOCKS, 2, 1) + 0.3 * (draw(BLOCKS, 2, 3) - 0.5)
    floor = draw(4) * torch.tensor([900.0, 0.22, 0.06, 4500.0], device=device)
    floor += torch.tensor([250.0, -0.06, 0.0, 900.0], device=device)
    return Backdrop(kinds, colours, draw(BLOCKS, 4), paints, clouds, floor)


def surroundings(
    b: Backdrop, camera: Camera, size: tuple[int, int]
) -> tuple[Tensor, Tensor]:
    """Backdrops [S, 3, H, W] and the pattern of the ground as a factor [S, H, W].

    Explorers move people before one camera: of single pictures the last ones are kept,
    on the CPU. Nobody writes into them.
    """
    if len(camera) > 1 or b.floor.device.type != "cpu":
        return _drawn(b, camera, size)
    numbers = (getattr(t, f.name) for t in (b, camera) for f in fields(t))
    key = (size, *(n.numpy().tobytes() for n in numbers))
    if key not in _KEPT:
        while len(_KEPT) >= 16:
            _KEPT.pop(next(iter(_KEPT)), None)
        _KEPT[key] = _drawn(b, camera, size)
    return _KEPT[key]


_KEPT: dict[tuple, tuple[Tensor, Tensor]] = {}


def _drawn(b: Backdrop, camera: Camera, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    line = floor_line(b, camera)
    return draw_backdrop(b, line, size), ground_texture(b, camera, line, size)


def draw_backdrop(b: Backdrop, line: Tensor, size: tuple[int, int]) -> Tensor:
    """The backdrops as [S, 3, H, W]; `line` [S] is their `floor_line`."""
    height, width = size
    v = torch.arange(height, device=b.colours.device, dtype=torch.float32)
    u = torch.arange(width, device=b.colours.device, dtype=torch.float32)
    rows, columns = zip(
        _planes(b, line, v, u), _blocks(b, line, v, u), _clouds(b, v, u), strict=True
    )
    left = torch.cat(rows, 1).transpose(1, 2)  # [S, H, K]
    right = torch.cat(columns, 1).permute(0, 3, 1, 2)  # [S, 3, K, W]
    return left[:, None] @ right


def floor_line(b: Backdrop, camera: Camera) -> Tensor:
    """The row where the ground ends, [S] px: the horizon, or the foot of a wall."""
    wall = torch.zeros(len(camera), 1, 3, device=b.floor.device)
    wall[:, 0, 2] = -b.floor[:, 3]
    foot = camera.project(camera.from_world(wall))[:, 0, 1]
    outside = b.kind == BACKGROUNDS.index("street")
    return torch.where(outside, camera.horizon, foot)


def _step(x: Tensor) -> Tensor:
    return (x + 0.5).clamp(0, 1)


def _planes(b: Backdrop, line: Tensor, v: Tensor, u: Tensor):
    """Wall or sky above the floor line, ground below it; each a gradient."""
    below = _step(v - line[:, None])  # [S, H]
    below = below * (b.kind != BACKGROUNDS.index("noise"))[:, None]
    up = ((line[:, None] - v) / len(v)).clamp(0, 1)
    down = ((v - line[:, None]) / (len(v) - line[:, None]).clamp(min=20)).clamp(0, 1)
    above = 1 - below
    rows = [above * up, above * (1 - up), below * (1 - down), below * down]
    columns = torch.ones(len(line), 4, len(u), 1, device=u.device)
    return torch.stack(rows, 1), columns * b.colours[:, :, None]


def _blocks(b: Backdrop, line: Tensor, v: Tensor, u: Tensor):
    """Houses on the horizon, or pictures, windows and shelves on a wall."""
    x, w, h, panes = (b.blocks[..., i, None] for i in range(4))  # [S, BLOCKS, 1]
    outside = (b.kind == BACKGROUNDS.index("street"))[:, None, None]
    inside = (b.kind == BACKGROUNDS.index("room"))[:, None, None]
    slot = torch.arange(BLOCKS, device=u.device)[:, None]
    centre = (slot + 0.2 + 0.6 * x) * (len(u) / BLOCKS) * 1.0
    half = len(u) * torch.where(outside, 0.05 + 0.08 * w, 0.03 + 0.05 * w)
    tall = len(v) * torch.where(outside, 0.05 + 0.30 * h * h, 0.06 + 0.28 * h)
    raised = torch.where(outside | (panes > 0.7), 0.0, len(v) * 0.30 * panes)
    bottom = line[:, None, None] - raised
    column = _step(half - (u - centre).abs())  # [S, BLOCKS, W]
    row = _step(bottom - v) * _step(v - (bottom - tall))
    period = 4 + 8 * panes
    grid_u = ((u - centre) / period).frac().abs().sub(0.5).abs().mul(4).sub(0.6)
    grid_v = ((v - bottom) / (period * 1.3)).frac().abs().sub(0.5).abs().mul(4).sub(0.6)
    on = (outside | inside).float()
    wall = b.colours[:, 1:2]
    first = (b.paints[:, :, 0] - wall) * on
    second = (b.paints[:, :, 1] - b.paints[:, :, 0]) * on * 0.6
    rows = torch.cat([row, row * grid_v.clamp(0, 1)], 1)
    columns = torch.cat([column, column * grid_u.clamp(0, 1)], 1)
    return rows, columns[..., None] * torch.cat([first, second], 1)[:, :, None]


def _clouds(b: Backdrop, v: Tensor, u: Tensor):
    """Smooth noise: a coarse grid, interpolated linearly along both axes."""
    rows, columns = (_tents(n, x) for n, x in zip(NOISE, (v, u), strict=True))
    across = torch.einsum("srcx,cw->srwx", b.clouds, columns)
    return rows.expand(len(b.kind), -1, -1), across


def _tents(n: int, x: Tensor) -> Tensor:
    """Linear interpolation weights of n nodes over the positions x, [n, X]."""
    at = x / (len(x) - 1) * (n - 1)
    node = torch.arange(n, device=x.device)[:, None]
    return (1 - (at - node).abs()).clamp(min=0)


def ground_texture(
    b: Backdrop, camera: Camera, line: Tensor, size: tuple[int, int]
) -> Tensor:
    """Tiles or boards on the ground as a factor around 1, [S, H, W].

    Drawn in world coordinates; it fades where a tile is smaller than three pixels.
    """
    v = torch.arange(size[0], device=b.floor.device, dtype=torch.float32)
    u = torch.arange(size[1], device=b.floor.device, dtype=torch.float32)
    depth, far = camera.ground(v.expand(len(camera), -1))  # [S, H]
    line = line[:, None]
    tile, amount = b.floor[:, :1], b.floor[:, 1:2].clamp(min=0)
    seen = (v > line) & (b.kind != BACKGROUNDS.index("noise"))[:, None]
    depth = torch.where(seen & (depth < 1e5), depth, 1e5)
    fade = (camera.fx[:, None] * tile / depth / 3 - 1).clamp(0, 1)
    strength = fade * amount * seen  # [S, H]
    x = (u - camera.cx[:, None]) / camera.fx[:, None]
    board = (depth / tile)[:, :, None] * x[:, None]  # [S, H, W] in tiles
    odd = ((far.clamp(max=1e5) / tile).floor() % 2)[:, :, None]
    board = board.add_(odd * 0.5).sub_(board.floor()).sub_(0.5).abs_()  # 0 .. 0.5
    return board.mul_(8).clamp_(max=1).sub_(0.5).mul_(strength[:, :, None]).add_(1)


def contact_shadow(feet: Tensor, camera: Camera, size: tuple[int, int], sizes: Tensor):
    """Soft dark spots under things, as a factor [S, H, W].

    feet [S, M, 3] ground points in world mm, sizes [S, M] mm (0: none).
    """
    seen = camera.from_world(feet)
    at = camera.project(seen)  # [S, M, 2]
    z = seen[..., 2].clamp(min=100.0)
    wide = (camera.fx[:, None] * sizes / z).clamp(min=0.5)
    slope = (camera.height[:, None] / z + 0.12).clamp(0.12, 1)
    v = torch.arange(size[0], device=at.device, dtype=torch.float32)
    u = torch.arange(size[1], device=at.device, dtype=torch.float32)
    du = (u - at[..., 0, None]) / wide[..., None]
    dv = (v - at[..., 1, None]) / (wide * slope)[..., None]
    dark = 0.5 * (sizes > 0)[..., None] * torch.exp(-dv.square())
    return torch.bmm(dark.transpose(1, 2), torch.exp(-du.square())).neg_().exp_()
