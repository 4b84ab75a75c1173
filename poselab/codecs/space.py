"""Joints in three dimensions as networks learn them: volumes, location maps, the root.

Lengths are in mm, in the camera's frame (x to the right, y down, z away). Root-relative
means minus the root, which is the pelvis: the middle of the hips for COCO's joints.
"""

from __future__ import annotations

import torch
from torch import Tensor

from poselab.codecs.base import Codec, Inputs, Targets
from poselab.codecs.heatmap import draw_targets, spatial_cross_entropy, target_weight
from poselab.codecs.heatmap_decode import (
    cells_to_pixels,
    decode_dark,
    decode_soft_argmax,
    flip_heatmaps,
    pixels_to_cells,
)
from poselab.codecs.regression import single_person
from poselab.errors import ArgumentError, require_shape
from poselab.geometry import back_project, project
from poselab.records import Poses, Sample
from poselab.skeleton import COCO_17, Skeleton, convert

PELVIS = Skeleton("root", ("pelvis",), ())
SPAN = 2000.0  # mm, the side of the cube around the root (1907.11346, section 6.3)


def root_joint(joints: Tensor, skeleton: Skeleton = COCO_17) -> Tensor:
    """The pelvis of joints [..., J, 3] mm; [..., 1, 3]. All joints count as known."""
    require_shape("joints", joints, "...", len(skeleton), 3)
    known = joints.new_full(joints.shape[:-1], 2)
    return convert(joints, known, skeleton, PELVIS)[0]


def truth_3d(sample: Sample) -> tuple[Sample, Tensor, Tensor]:
    """The single-person sample, its joints [B, J, 3] mm, its roots [B, 1, 3] mm.

    Raises `ArgumentError` for a sample without joints_3d.
    """
    if sample.joints_3d is None:
        raise ArgumentError(
            "has no joints in 3D",
            where="Sample",
            field="joints_3d",
            value=None,
            fix="Use drawn people, or a data set of a studio (H36m, MpiInf3dhp).",
        )
    sample = single_person(sample)
    joints = sample.known("joints_3d")[:, 0]
    return sample, joints, root_joint(joints, sample.skeleton)


def depth_of_box(
    intrinsics: Tensor, size: tuple[int, int], real: float = SPAN
) -> Tensor:
    """k [B, 1] mm: how far off a crop's person would be who fills real x real mm^2.

    k = sqrt(fx fy A_real / A_img) (1907.11346, equation 2). `intrinsics` [B, 3, 3] are
    those of the crop, `size` its (H, W) in px, so A_img = H W: the box that was cut
    out, grown to the input's aspect ratio. A rotation of the crop changes nothing.
    """
    require_shape("intrinsics", intrinsics, None, 3, 3)
    focal = torch.linalg.det(intrinsics[:, :2, :2]).abs()  # fx fy
    return (focal * real * real / (size[0] * size[1])).sqrt()[:, None]


class VolumeCodec(Codec, name="volume"):
    """Each joint as a peak in a volume around the root: PoseNet (1907.11346, 6.3).

    The output [B, J, D, h, w] is logits, the answer their soft-argmax, the loss its L1
    distance from the truth in cells (integral regression, 1711.08229). `size` (H, W) is
    the input's, `stride` of the map's cells, `cells` D of depth over `span` mm.
    """

    def __init__(
        self,
        size: tuple[int, int] = (128, 96),
        stride: int = 4,
        cells: int = 32,
        span: float = SPAN,
        skeleton: Skeleton = COCO_17,
    ) -> None:
        self.size, self.stride = (int(size[0]), int(size[1])), int(stride)
        self.cells, self.span, self.skeleton = int(cells), float(span), skeleton

    def encode(self, sample: Sample, generator=None) -> tuple[Inputs, Targets]:
        """(images,); "cells" [B, J, 3] (x, y, depth), "visibility" [B, J]."""
        require_shape("image", sample.image, None, 3, *self.size)
        sample, joints, root = truth_3d(sample)
        flat = pixels_to_cells(sample.keypoints[:, 0], self.stride)
        deep = (joints - root)[..., 2:] / self.span + 0.5  # [B, J, 1] in [0, 1]
        cells = torch.cat([flat, deep * self.cells - 0.5], -1)
        return (sample.image,), {"cells": cells, "visibility": sample.visibility[:, 0]}

    def coordinates(self, output: Tensor) -> tuple[Tensor, Tensor]:
        """Logits [B, J, D, h, w] -> cells [B, J, 3] and the largest probability [B, J].

        The soft-argmax over all cells of a joint's volume at once; each coordinate is
        the mean of one marginal distribution.
        """
        require_shape("output", output, None, None, self.cells, None, None)
        share = output.float().flatten(2).softmax(-1).unflatten(2, output.shape[2:])
        axes = ((2, 3), (2, 4), (3, 4))  # what is summed away for x, y and depth
        marginals = [share.sum(axis) for axis in axes]
        means = [
            (m * torch.arange(m.shape[-1], device=m.device)).sum(-1) for m in marginals
        ]
        return torch.stack(means, -1), share.flatten(2).amax(-1)

    def loss(self, output: Tensor, targets: Targets) -> Tensor:
        """|dx| + |dy| + |dz| in cells over 3, averaged over the labelled joints."""
        found, _ = self.coordinates(output)
        labelled = targets["visibility"] > 0
        error = torch.where(labelled[..., None], found - targets["cells"], 0.0)
        return error.abs().sum() / (3 * labelled.sum().clamp(min=1))

    def mirror(self, output: Tensor) -> Tensor:
        """Columns are turned, sides change places; depth stays."""
        order = list(self.skeleton.flip_index)
        return output[:, order].flip(-1)

    def decode(self, output: Tensor) -> Poses:
        """Logits -> stacked `Poses`, one person each: keypoints px, joints_3d mm.

        The network gives pixels and relative depth. Without a camera, x and y of
        joints_3d are those of a person at one distance whose box covers `span` x `span`
        mm; `place_in_camera` replaces them where camera and root are known.
        """
        cells, scores = self.coordinates(output)
        points = cells_to_pixels(cells[..., :2], self.stride)  # [B, J, 2] px
        deep = ((cells[..., 2:] + 0.5) / self.cells - 0.5) * self.span  # [B, J, 1] mm
        scale = self.span / (self.size[0] * self.size[1]) ** 0.5  # mm per px
        joints = torch.cat([points * scale, deep], -1)
        joints = joints - root_joint(joints, self.skeleton)
        return Poses(points[:, None], scores[:, None], joints_3d=joints[:, None])


def place_in_camera(
    keypoints: Tensor, depths: Tensor, intrinsics: Tensor, roots: Tensor
) -> Tensor:
    """Pixels [..., J, 2] and depths [..., J] mm relative to the root -> [..., J, 3] mm.

    Each joint is projected back to the depth roots [..., 3] + its own (1907.11346,
    section 3); `intrinsics` [..., 3, 3] are of the picture that the pixels are of. The
    joints are in the camera's frame. Raises `ArgumentError` for a root behind it.
    """
    behind = roots[..., 2] <= 0
    if behind.any():
        raise ArgumentError(
            "a root is behind the camera",
            where="place_in_camera",
            field="roots",
            value=roots[behind][0].tolist(),
            fix="Its z has to be above 0 mm.",
        )
    return back_project(keypoints, depths + roots[..., 2:], intrinsics)


class RootCodec(Codec, name="root"):
    """Where the root is: RootNet's map and depth (1907.11346, section 5).

    Inputs are the crop and k (`depth_of_box`), the output a pair: logits of one map
    [B, 1, h, w] and depth [B, 1] mm. `size` (H, W) of the crop, `stride` of the map.
    """

    def __init__(
        self,
        size: tuple[int, int] = (128, 96),
        stride: int = 4,
        skeleton: Skeleton = COCO_17,
    ) -> None:
        self.size, self.stride = (int(size[0]), int(size[1])), int(stride)
        self.skeleton = skeleton

    def encode(self, sample: Sample, generator=None) -> tuple[Inputs, Targets]:
        """(images, k [B, 1] mm); "cells" [B, 1, 2], "depth" [B, 1] mm, "k"."""
        require_shape("image", sample.image, None, 3, *self.size)
        sample, _, root = truth_3d(sample)
        intrinsics = sample.known("intrinsics")
        k = depth_of_box(intrinsics, self.size).to(root)
        cells = pixels_to_cells(project(root, intrinsics), self.stride)
        targets = {"cells": cells, "depth": root[:, 0, 2:], "k": k}
        return (sample.image, k), targets

    def loss(self, output: tuple[Tensor, Tensor], targets: Targets) -> Tensor:
        """L1 of the place in cells, plus L1 of the depth in tenths of k.

        The paper adds mm; in parts of k a person at 10 m weighs no more than one at 2.
        """
        heatmaps, depth = output
        found, _ = decode_soft_argmax(heatmaps.float())  # [B, 1, 2] cells
        place = (found - targets["cells"]).abs().sum(-1).mean()
        gap = (depth.float() - targets["depth"]) / targets["k"]
        return place + 10 * gap.abs().mean()

    def mirror(self, output: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """The map is turned, the depth stays."""
        heatmaps, depth = output
        return heatmaps.flip(-1), depth

    def decode(
        self, output: tuple[Tensor, Tensor], intrinsics: Tensor | None = None
    ) -> Poses:
        """The roots as `Poses` of one joint: keypoints px, with roots [B, 1, 3] mm.

        `intrinsics` [B, 3, 3] are those of the crops. Without them the roots are left
        out: a depth alone is no place.
        """
        heatmaps, depth = output
        points, scores = decode_soft_argmax(heatmaps.float(), self.stride)
        roots = None
        if intrinsics is not None:
            roots = back_project(points, depth.float(), intrinsics)  # [B, 1, 3]
        return Poses(points[:, None], scores[:, None], roots=roots)


METRE = 1000.0  # mm: location maps hold metres


class LocationMapCodec(Codec, name="location_map"):
    """Heatmaps, and maps of X, Y and Z read where they peak: VNect (1705.01583, 4.1).

    The output [B, 4 J, h, w] is J logits of heatmaps, then J maps each of X, Y and Z
    in metres relative to the root. `size`, `stride` and `sigma` (cells) as for
    `HeatmapCodec`. The loss of the location maps counts near the joint only: it is
    weighted by the target heatmap (equation 1).
    """

    def __init__(
        self,
        size: tuple[int, int] = (128, 96),
        stride: int = 4,
        sigma: float = 1.5,
        skeleton: Skeleton = COCO_17,
    ) -> None:
        self.size, self.stride = (int(size[0]), int(size[1])), int(stride)
        self.sigma, self.skeleton = float(sigma), skeleton
        self.heatmap_size = (-(-self.size[0] // stride), -(-self.size[1] // stride))

    def encode(self, sample: Sample, generator=None) -> tuple[Inputs, Targets]:
        """(images,); "heatmaps" [B, J, h, w], "weight", "metres" [B, J, 3]."""
        require_shape("image", sample.image, None, 3, *self.size)
        sample, joints, root = truth_3d(sample)
        heatmaps = draw_targets(
            sample.keypoints,
            sample.visibility,
            self.heatmap_size,
            self.stride,
            self.sigma,
        )
        weight = target_weight(sample.visibility, sample.ignore, self.stride)
        metres = (joints - root) / METRE
        targets = {"heatmaps": heatmaps, "weight": weight, "metres": metres}
        return (sample.image,), targets

    def parts(self, output: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of heatmaps [B, J, h, w] and location maps [B, 3, J, h, w]."""
        joints = len(self.skeleton)
        require_shape("output", output, None, 4 * joints, *self.heatmap_size)
        return output[:, :joints], output[:, joints:].unflatten(1, (3, joints))

    def loss(self, output: Tensor, targets: Targets) -> Tensor:
        """Which cell is it, plus |X|, |Y|, |Z| differences around the joint in dm."""
        logits, location = self.parts(output.float())
        heatmaps, weight = targets["heatmaps"], targets["weight"]
        near = (heatmaps * weight)[:, None]  # [B, 1, J, h, w]
        metres = targets["metres"].movedim(-1, 1)[..., None, None]  # [B, 3, J, 1, 1]
        gap = (near * (location - metres).abs()).sum() / near.sum().clamp(min=1e-6)
        return spatial_cross_entropy(logits, heatmaps, weight) + 10 * gap

    def mirror(self, output: Tensor) -> Tensor:
        """Columns are turned, sides change places, X changes its sign."""
        order = list(self.skeleton.flip_index)
        logits, location = self.parts(output)
        sign = location.new_tensor([-1, 1, 1])[:, None, None, None]
        location = sign * location[:, :, order].flip(-1)
        return torch.cat([flip_heatmaps(logits, order), location.flatten(1, 2)], 1)

    def read(self, location: Tensor, cells: Tensor) -> Tensor:
        """Location maps [B, 3, J, h, w] at cells [B, J, 2], bilinear; [B, J, 3] mm."""
        side = cells.new_tensor([location.shape[-1], location.shape[-2]])
        grid = (2 * cells + 1) / side - 1  # [B, J, 2] for maps from edge to edge
        flat = location.movedim(2, 1).flatten(0, 1)  # [B J, 3, h, w]
        values = torch.nn.functional.grid_sample(
            flat,
            grid.flatten(0, 1)[:, None, None],
            padding_mode="border",
            align_corners=False,
        )
        return METRE * values.view(*cells.shape[:2], 3)

    def decode(self, output: Tensor) -> Poses:
        """-> stacked `Poses`, one person each: keypoints px, joints_3d mm.

        Joints are relative to the root as the network says them; nobody is moved.
        """
        logits, location = self.parts(output.float())
        share = logits.flatten(2).softmax(-1).unflatten(-1, logits.shape[-2:])
        cells, scores = decode_dark(share)
        joints = self.read(location, cells)
        points = cells_to_pixels(cells, self.stride)
        return Poses(points[:, None], scores[:, None], joints_3d=joints[:, None])
