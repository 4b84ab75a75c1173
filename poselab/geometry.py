"""Boxes, affine maps and crops, the pinhole camera, rigid alignment.

Points are in pixels, the centre of the first pixel at 0. Boxes are on pixel edges:
the whole image is (0, 0, W, H), so the left edge of a box lies at point x - 0.5. An
affine map is a [..., 2, 3] matrix from source points to target points. Everything is
batched torch: leading dimensions are free.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from poselab.errors import require, require_shape

# --- boxes ---------------------------------------------------------------------------


def xywh_to_xyxy(boxes: Tensor) -> Tensor:
    """(x, y, width, height) -> (x0, y0, x1, y1); [..., 4] px."""
    require_shape("boxes", boxes, "...", 4)
    return torch.cat([boxes[..., :2], boxes[..., :2] + boxes[..., 2:]], -1)


def xyxy_to_xywh(boxes: Tensor) -> Tensor:
    """(x0, y0, x1, y1) -> (x, y, width, height); [..., 4] px."""
    require_shape("boxes", boxes, "...", 4)
    return torch.cat([boxes[..., :2], boxes[..., 2:] - boxes[..., :2]], -1)


def box_centre(boxes: Tensor) -> Tensor:
    """The centre of xywh boxes in point coordinates; [..., 4] -> [..., 2] px."""
    require_shape("boxes", boxes, "...", 4)
    return boxes[..., :2] + boxes[..., 2:] / 2 - 0.5


def box_of_image(size: tuple[int, int]) -> Tensor:
    """The xywh box of a whole image of (H, W) pixels; [4]."""
    return torch.tensor([0.0, 0.0, float(size[1]), float(size[0])])


def box_of_mask(masks: Tensor) -> Tensor:
    """The tight xywh box of each mask; [..., H, W] bool -> [..., 4], empty: zeros."""
    spans = []
    for other in (-2, -1):  # columns first (x, w), then rows (y, h)
        line = masks.any(other)  # [..., W], then [..., H]
        place = torch.arange(line.shape[-1], device=masks.device)
        low = torch.where(line, place, line.shape[-1]).amin(-1)
        high = torch.where(line, place, -1).amax(-1) + 1
        spans.append((torch.where(line.any(-1), low, 0), (high - low).clamp(min=0)))
    (x, w), (y, h) = spans
    return torch.stack([x, y, w, h], -1).float()  # [..., 4]


def box_iou(a: Tensor, b: Tensor) -> Tensor:
    """Intersection over union of xywh boxes, all pairs; [..., N, 4], [..., M, 4]."""
    p, q = xywh_to_xyxy(a)[..., :, None, :], xywh_to_xyxy(b)[..., None, :, :]
    side = torch.minimum(p[..., 2:], q[..., 2:]) - torch.maximum(p[..., :2], q[..., :2])
    inter = side.clamp(min=0).prod(-1)  # [..., N, M]
    union = a[..., 2:].prod(-1)[..., :, None] + b[..., 2:].prod(-1)[..., None, :]
    return inter / (union - inter).clamp(min=1e-9)


def clip_box(boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """The part of xywh boxes inside an image of (H, W) pixels; [..., 4]."""
    limit = boxes.new_tensor([size[1], size[0], size[1], size[0]])
    corners = xywh_to_xyxy(boxes).clamp(min=0)
    return xyxy_to_xywh(torch.minimum(corners, limit))


def expand_box(
    boxes: Tensor, size: tuple[int, int] | None = None, margin: float = 1.25
) -> Tensor:
    """Boxes [..., 4] xywh of the aspect ratio of `size` (H, W), with the same centres.

    The shorter side grows, so nothing is squeezed and nothing is cut off (Xiao et al.
    2018, section 3); margin 1.25 gives 12.5 % of air on each side.
    """
    xy, wh = boxes[..., :2], boxes[..., 2:]
    grown = wh * margin
    if size is not None:
        aspect = size[1] / size[0]
        w = torch.maximum(grown[..., 0], grown[..., 1] * aspect)
        grown = torch.stack([w, w / aspect], -1)
    return torch.cat([xy + wh / 2 - grown / 2, grown], -1)


# --- affine maps ---------------------------------------------------------------------


def crop_matrix(boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """The map from image points to points of the box resized to `size` = (H, W).

    [..., 4] xywh -> [..., 2, 3]; u' = (u + 0.5 - x) W / w - 0.5. Raises `ArgumentError`
    for a box without width or height.
    """
    require_shape("boxes", boxes, "...", 4)
    empty = (boxes[..., 2:] <= 0).any() | ~torch.isfinite(boxes).all()
    require(
        not bool(empty),
        "a box needs a positive width and height",
        where="crop_matrix",
        field="boxes",
        value=boxes.tolist(),
    )
    scale = boxes.new_tensor([size[1], size[0]]) / boxes[..., 2:]  # [..., 2]
    shift = (0.5 - boxes[..., :2]) * scale - 0.5
    return torch.cat([torch.diag_embed(scale), shift[..., None]], -1)  # [..., 2, 3]


def rotation_matrix(degrees: Tensor | float, centre: Tensor) -> Tensor:
    """The map that turns points about `centre` [..., 2], clockwise on the screen."""
    angle = torch.deg2rad(torch.as_tensor(degrees, dtype=centre.dtype)).to(centre)
    c, s = torch.cos(angle), torch.sin(angle)
    turn = torch.stack([torch.stack([c, -s], -1), torch.stack([s, c], -1)], -2)
    turn = turn.expand(*centre.shape[:-1], 2, 2)
    shift = centre - (turn @ centre[..., None])[..., 0]
    return torch.cat([turn, shift[..., None]], -1)  # [..., 2, 3]


def homogeneous(matrix: Tensor) -> Tensor:
    """[..., 2, 3] -> [..., 3, 3] with the row (0, 0, 1)."""
    row = matrix.new_tensor([0.0, 0.0, 1.0]).expand(*matrix.shape[:-2], 1, 3)
    return torch.cat([matrix, row], -2)


def compose(second: Tensor, first: Tensor) -> Tensor:
    """The map that does `first`, then `second`; both [..., 2, 3]."""
    return (homogeneous(second) @ homogeneous(first))[..., :2, :]


def invert_affine(matrix: Tensor) -> Tensor:
    """The inverse of [..., 2, 3] maps, by the 2 x 2 formula: no solver is asked."""
    (a, b, x), (c, d, y) = (row.unbind(-1) for row in matrix.unbind(-2))
    area = a * d - b * c
    first = torch.stack([d, -b, b * y - d * x], -1)
    second = torch.stack([-c, a, c * x - a * y], -1)
    return torch.stack([first, second], -2) / area[..., None, None]


def growth(matrix: Tensor) -> Tensor:
    """By which factor maps [..., 2, 3] change areas; [...]."""
    (a, b), (c, d) = (row.unbind(-1) for row in matrix[..., :2].unbind(-2))
    return (a * d - b * c).abs()


def apply_affine(points: Tensor, matrix: Tensor) -> Tensor:
    """Move points [..., N, 2] by maps [..., 2, 3]."""
    linear, shift = matrix[..., :2], matrix[..., 2]
    return points @ linear.transpose(-1, -2) + shift[..., None, :]


def back_to_image(points: Tensor, matrix: Tensor) -> Tensor:
    """Points [..., N, 2] of crops -> points of the image; maps [..., 2, 3] to crops."""
    return apply_affine(points, invert_affine(matrix))


def warp(
    images: Tensor, matrix: Tensor, size: tuple[int, int], mode: str = "bilinear"
) -> Tensor:
    """Images [B, C, h, w] seen through maps [B, 2, 3] as [B, C, H, W]; outside is 0.

    Each target pixel reads the source at the inverse map (`mode` "bilinear" or
    "nearest"), so an image and its points move together.
    """
    require_shape("images", images, None, None, None, None)
    height, width = size
    y = torch.arange(height, dtype=matrix.dtype, device=images.device)
    x = torch.arange(width, dtype=matrix.dtype, device=images.device)
    grid = torch.stack(torch.meshgrid(x, y, indexing="xy"), -1)  # [H, W, 2]
    inverse = invert_affine(matrix)
    source = apply_affine(grid.reshape(1, -1, 2), inverse)  # [B, H W, 2]
    extent = source.new_tensor([images.shape[-1], images.shape[-2]])
    grid = ((2 * source + 1) / extent - 1).reshape(-1, height, width, 2)
    return F.grid_sample(images, grid.to(images), mode=mode, align_corners=False)


def crop_boxes(images: Tensor, boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """Images [S, C, h, w], boxes [S, N, 4] xywh px -> their pixels [S, N, C, H, W].

    Each box exactly, squeezed if need be, and not averaged; outside is 0.
    """
    return warp_crops(images, crop_matrix(boxes, size), size, smooth=False)


def warp_crops(
    images: Tensor, matrix: Tensor, size: tuple[int, int], smooth: bool = True
) -> Tensor:
    """Images [S, C, h, w] through maps [S, N, 2, 3] as crops [S, N, C, H, W].

    As `warp` N times, but no image is copied N times. If `smooth`, a crop that shrinks
    the image by k or more reads means of k x k pixels: single pixels of a fine texture
    give stripes.
    """
    require_shape("images", images, None, None, None, None)
    require_shape("matrix", matrix, len(images), None, 2, 3)
    crops = _tall_crops(images, matrix, size, 1)
    if not smooth:
        return crops
    shrink = growth(matrix).rsqrt()  # [S, N]
    factor = (shrink + 1e-3).long().clamp(min=1)
    for k in range(2, int(factor.max()) + 1 if factor.numel() else 0):
        chosen = (factor == k)[..., None, None, None]
        crops = torch.where(chosen, _tall_crops(images, matrix, size, k), crops)
    return crops


def _tall_crops(images: Tensor, matrix: Tensor, size, k: int) -> Tensor:
    """The crops read from means of k x k pixels.

    All crops of an image are one tall picture to `grid_sample`.
    """
    if k > 1:
        images = F.avg_pool2d(images, k, ceil_mode=True, count_include_pad=False)
    rows, columns = (torch.arange(n, device=images.device).to(matrix) for n in size)
    grid = torch.stack(torch.meshgrid(columns, rows, indexing="xy"), -1)  # [H, W, 2]
    grid = back_to_image(grid.reshape(-1, 2), matrix)  # [S, N, H W, 2]
    side = grid.new_tensor([images.shape[-1], images.shape[-2]])
    grid = ((2 * grid + 1) / (k * side) - 1).view(len(images), -1, size[1], 2)
    tall = F.grid_sample(images, grid.to(images), align_corners=False)
    return tall.unflatten(2, (-1, size[0])).transpose(1, 2)  # of [S, C, N H, W]


# --- the pinhole camera --------------------------------------------------------------


def intrinsics_matrix(fx: float, fy: float, cx: float, cy: float) -> Tensor:
    """The camera matrix [3, 3] in px, float64."""
    return torch.tensor([[fx, 0, cx], [0, fy, cy], [0, 0, 1]], dtype=torch.float64)


def project(points: Tensor, intrinsics: Tensor) -> Tensor:
    """Camera-frame points [..., N, 3] mm seen by [..., 3, 3] as pixels [..., N, 2]."""
    require_shape("points", points, "...", None, 3)
    image = points @ intrinsics.to(points).transpose(-1, -2)
    return image[..., :2] / image[..., 2:]


def back_project(pixels: Tensor, depth: Tensor, intrinsics: Tensor) -> Tensor:
    """Pixels [..., N, 2] at depths [..., N] mm as camera-frame points [..., N, 3]."""
    require_shape("pixels", pixels, "...", None, 2)
    ones = torch.ones_like(pixels[..., :1])
    rays = torch.cat([pixels, ones], -1) @ torch.linalg.inv(
        intrinsics.to(pixels)
    ).transpose(-1, -2)
    return rays / rays[..., 2:] * depth[..., None]


# --- rigid alignment -----------------------------------------------------------------


def rigid_align(
    moving: Tensor, fixed: Tensor, scale: bool = True, weights: Tensor | None = None
) -> Tensor:
    """`moving` [..., J, D] turned, shifted and (if `scale`) scaled onto `fixed`.

    The least-squares similarity without reflection: Umeyama, "Least-squares estimation
    of transformation parameters between two point patterns", PAMI 1991, equations
    40-42; known in pose estimation as the Procrustes alignment of PA-MPJPE. With
    `weights` [..., J] joints count accordingly; those of weight 0 move along, whatever
    they are, even NaN.
    """
    require_shape("moving", moving, *fixed.shape)
    if weights is None:
        weights = torch.ones_like(fixed[..., 0])
    require_shape("weights", weights, *fixed.shape[:-1])
    weights = weights.to(fixed)[..., None]
    mean_m, mean_f = _weighted_mean(moving, weights), _weighted_mean(fixed, weights)
    m = torch.where(weights > 0, moving - mean_m, 0)
    f = torch.where(weights > 0, fixed - mean_f, 0)
    u, s, vt = torch.linalg.svd((weights * f).transpose(-1, -2) @ m)
    sign = torch.ones_like(s)
    sign[..., -1] = torch.det(u @ vt).sign()
    turn = (u * sign[..., None, :]) @ vt  # [..., D, D]
    spread = (weights * m.square()).sum((-1, -2)).clamp(min=1e-12)
    factor = (s * sign).sum(-1) / spread if scale else torch.ones_like(spread)
    shifted = (moving - mean_m) @ turn.transpose(-1, -2)
    return factor[..., None, None] * shifted + mean_f


def _weighted_mean(points: Tensor, weights: Tensor) -> Tensor:
    """[..., 1, D] of points [..., J, D] and weights [..., J, 1]; 0 if all weigh 0."""
    total = torch.where(weights > 0, weights * points, 0).sum(-2, keepdim=True)
    least = torch.finfo(points.dtype).tiny
    return total / weights.sum(-2, keepdim=True).clamp(min=least)
