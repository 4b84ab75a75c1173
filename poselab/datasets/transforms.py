"""Flip, crop and rotate a `Sample`: everything in it moves together.

Every function takes one `Sample` or a stacked one and returns the same kind. A crop or
a rotation is an affine map A of the picture: points become A p, the camera becomes A K
(so `project(joints_3d, intrinsics)` still gives the keypoints), masks, ids and depth
are read at the nearest source pixel, boxes and areas are taken again from the masks. A
joint that leaves the picture is no longer labelled.
"""

from __future__ import annotations

import torch
from torch import Tensor

from poselab import geometry
from poselab.errors import require, require_shape
from poselab.people.body.kinematics import mirrored
from poselab.records import HIDDEN_BY, Sample

_OUTSIDE = HIDDEN_BY.index("image border")
_MAPS = ("masks", "person_id", "depth", "ignore")


def flip(sample: Sample, which: Tensor | None = None) -> Sample:
    """Mirror left and right; joints swap sides, since a left hand becomes a right one.

    `which` [B] bool says which of a stacked sample's pictures to mirror (all). The
    3D joints are mirrored too (x becomes -x), so they stay those of a possible person,
    and so are the rotations of our mannequin (the only ones whose sides are known).
    """
    if which is not None:
        return _choose(which, flip(sample), sample)
    order = list(sample.skeleton.flip_index)
    width = sample.image.shape[-1]
    points = sample.keypoints[..., order, :]
    x, y = points.unbind(-1)
    box = sample.boxes.clone()
    box[..., 0] = width - box[..., 0] - box[..., 2]
    box = torch.where(sample.present[..., None], box, 0)
    changes = {
        "image": sample.image.flip(-1),
        "keypoints": torch.stack([width - 1 - x, y], -1),
        "visibility": sample.visibility[..., order],
        "boxes": box,
    }
    for name in _MAPS:
        if getattr(sample, name) is not None:
            changes[name] = getattr(sample, name).flip(-1)
    if sample.hidden_by is not None:
        changes["hidden_by"] = sample.hidden_by[..., order]
    return sample.replace(**changes, **_flip_3d(sample, order, width))


def _flip_3d(sample: Sample, order: list[int], width: int) -> dict[str, Tensor]:
    changes = {}
    if sample.joints_3d is not None:
        mirror = sample.joints_3d.new_tensor([-1.0, 1.0, 1.0])
        changes["joints_3d"] = sample.joints_3d[..., order, :] * mirror
    if sample.rotations is not None:
        changes["rotations"] = mirrored(sample.rotations)
    if sample.intrinsics is not None:
        k = sample.intrinsics.clone()
        k[..., 0, :] = (width - 1) * k[..., 2, :] - k[..., 0, :]  # u' = W - 1 - u
        k[..., 0] = -k[..., 0]  # of a world with x mirrored
        changes["intrinsics"] = k
    return changes


def _choose(which: Tensor, yes: Sample, no: Sample) -> Sample:
    require_shape("which", which, len(no))
    fields = {}
    for name, value in no.tensors().items():
        mask = which.to(value.device).view(-1, *[1] * (value.dim() - 1))
        fields[name] = torch.where(mask, getattr(yes, name), value)
    return no.replace(**fields)


def crop(sample: Sample, box: Tensor, size: tuple[int, int]) -> Sample:
    """The part of the picture in `box` [4] (stacked: [B, 4]) xywh, resized to (H, W).

    The box may reach outside the picture, where it is black. People whose mask (or box,
    where there are no masks) is outside are absent from the crop: they keep their row,
    with a box and an area of 0.
    """
    return transform(sample, geometry.crop_matrix(box, size), size)


def rotate(sample: Sample, degrees: Tensor | float) -> Sample:
    """Turn the picture clockwise about its centre; the corners fill with black."""
    height, width = sample.size
    centre = sample.keypoints.new_tensor([(width - 1) / 2, (height - 1) / 2])
    if sample.is_stacked:
        centre = centre.expand(len(sample), 2)
    return transform(sample, geometry.rotation_matrix(degrees, centre), sample.size)


def transform(sample: Sample, matrix: Tensor, size: tuple[int, int]) -> Sample:
    """The picture through the affine map `matrix` [2, 3] (stacked: [B, 2, 3]).

    `size` is the (H, W) of the result. Shrinking averages the pixels it swallows.
    """
    require_shape("matrix", matrix, *([len(sample)] if sample.is_stacked else []), 2, 3)
    require(
        min(size) > 0,
        "a picture needs at least one pixel",
        where="transform",
        field="size",
        value=size,
    )
    if sample.is_stacked:
        return _transform(sample, matrix.to(sample.keypoints), size)
    moved = _transform(sample.batched(), matrix[None].to(sample.keypoints), size)
    return moved.single().replace(image_id=sample.image_id)


def _transform(sample: Sample, matrix: Tensor, size: tuple[int, int]) -> Sample:
    image = geometry.warp_crops(sample.image, matrix[:, None], size)[:, 0]
    return sample.replace(image=image, **_moved(sample, matrix, size))


def move_truth(sample: Sample, matrix: Tensor, size: tuple[int, int]) -> Sample:
    """A stacked sample, whose image shows what `matrix` [B, 2, 3] shows, moved too."""
    return sample.replace(**_moved(sample, matrix, size))


def _moved(sample: Sample, matrix: Tensor, size: tuple[int, int]) -> dict[str, Tensor]:
    """The fields that a map changes, without the image."""
    maps = {
        name: _nearest(name, getattr(sample, name), matrix, size)
        for name in _MAPS
        if getattr(sample, name) is not None
    }
    points = geometry.apply_affine(sample.keypoints, matrix[:, None])  # [B, P, J, 2]
    labelled = (sample.visibility > 0) & inside(points, size)
    boxes, areas = _boxes(sample, maps.get("masks"), matrix, size)
    changes = {
        "keypoints": points,
        "visibility": torch.where(labelled, sample.visibility, 0),
        "boxes": boxes,
        "areas": areas,
        "present": sample.present & (boxes[..., 2:] > 0).all(-1),
        **maps,
    }
    if sample.hidden_by is not None:
        left = (sample.visibility > 0) & ~labelled
        code = torch.full_like(sample.hidden_by, _OUTSIDE)
        changes["hidden_by"] = torch.where(left, code, sample.hidden_by)
    if sample.intrinsics is not None:
        full = geometry.homogeneous(matrix).to(sample.intrinsics)
        changes["intrinsics"] = full @ sample.intrinsics
    return changes


def inside(points: Tensor, size: tuple[int, int]) -> Tensor:
    """Which points [..., 2] lie on the pixels of a picture of (H, W); [...] bool."""
    limit = points.new_tensor([size[1] - 0.5, size[0] - 0.5])
    return ((points >= -0.5) & (points < limit)).all(-1)


def _nearest(name: str, value: Tensor, matrix: Tensor, size) -> Tensor:
    """Warp a map [B, (P,) H, W] without mixing values; outside is background."""
    outside = {"person_id": -1.0, "depth": torch.inf}.get(name, 0.0)
    planes = value if value.dim() == 4 else value[:, None]
    if planes.shape[1] == 0:
        return value.new_zeros(*value.shape[:-2], *size)
    # A second channel tells where there is a source: warp fills with 0, not `outside`.
    known = torch.ones_like(planes[:, :1], dtype=torch.float32)
    stack = torch.cat([planes.float(), known], 1)
    far = torch.isinf(stack)
    moved = geometry.warp(stack.masked_fill(far, -1.0), matrix, size, mode="nearest")
    if name == "depth":
        moved[:, :-1].masked_fill_(moved[:, :-1] < 0, torch.inf)
    moved = moved[:, :-1].masked_fill(moved[:, -1:] < 0.5, outside)
    moved = moved if value.dim() == 4 else moved[:, 0]
    return moved > 0.5 if value.dtype == torch.bool else moved.to(value.dtype)


def _boxes(sample: Sample, masks: Tensor | None, matrix: Tensor, size):
    """Boxes [B, P, 4] and areas [B, P] after the map.

    They are those of the masks, else of the boxes' corners; 0 for who is outside.
    """
    if masks is not None:
        area = masks.flatten(-2).sum(-1).to(sample.areas)
        return geometry.box_of_mask(masks).to(sample.boxes), area
    low, high = geometry.xywh_to_xyxy(sample.boxes).split(2, -1)  # [B, P, 2] edges
    xs = torch.stack([low[..., 0], high[..., 0]] * 2, -1)  # [B, P, 4]
    ys = torch.stack([low[..., 1]] * 2 + [high[..., 1]] * 2, -1)
    corners = torch.stack([xs, ys], -1) - 0.5  # as points
    moved = geometry.apply_affine(corners, matrix[:, None]) + 0.5
    full = torch.cat([moved.amin(-2), moved.amax(-2)], -1)
    full = geometry.xyxy_to_xywh(full)
    box = geometry.clip_box(full, size)
    part = (box[..., 2:] > 0).all(-1, keepdim=True)
    box = torch.where(part & sample.present[..., None], box, 0)
    left = box[..., 2:].prod(-1) / full[..., 2:].prod(-1).clamp(min=1e-9)
    return box, sample.areas * geometry.growth(matrix)[:, None] * left


def crop_people(
    sample: Sample,
    size: tuple[int, int],
    margin: float = 1.25,
    boxes: Tensor | None = None,
) -> tuple[Sample, Tensor]:
    """One crop per person of a single sample, as top-down methods see it.

    Returns a stacked `Sample` of N crops of `size` = (H, W) with P = 1 and the maps
    [N, 2, 3] from the picture to each crop (`invert_affine` leads back). With `boxes`
    [N, 4], a detector's say, those are cropped and the truth, which is unknown then, is
    unlabelled. The box grows by `margin` and to the aspect ratio of `size`; absent
    people are left out.
    """
    require(
        not sample.is_stacked,
        "crop the people of one picture at a time",
        where="crop_people",
        field="image",
        value=tuple(sample.image.shape),
        fix="Pass batch[i].",
    )
    people = _one_each(sample) if boxes is None else _unknown(sample, boxes)
    grown = geometry.expand_box(people.boxes[:, 0], size, margin)
    matrix = geometry.crop_matrix(grown, size)
    if not len(people):
        return _blank(people, size), matrix
    parts = [transform(p, m, size) for p, m in zip(people, matrix, strict=True)]
    return Sample.stack(parts), matrix


def _one_each(sample: Sample) -> Sample:
    """Person p of the sample as stacked sample p, for all who are present."""
    keep = sample.present.nonzero()[:, 0]
    rows, fields = Sample.per_person(), {}
    for name, value in sample.tensors().items():
        if name in rows:
            fields[name] = value[keep][:, None]
        else:
            fields[name] = value.expand(len(keep), *value.shape)
    if sample.person_id is not None:
        own = sample.person_id[None] == keep[:, None, None]
        fields["person_id"] = torch.where(own, 0, -1).to(sample.person_id.dtype)
    return sample.replace(**fields)


def _blank(nobody: Sample, size: tuple[int, int]) -> Sample:
    """A stack of no samples, with pictures of another size."""
    maps = {
        name: value.new_zeros(*value.shape[:-2], *size)
        for name, value in nobody.tensors().items()
        if name in ("image", *_MAPS)
    }
    return nobody.replace(**maps)


def _unknown(sample: Sample, boxes: Tensor) -> Sample:
    """A stacked sample of P = 1 for these boxes, about which nothing else is known."""
    require_shape("boxes", boxes, None, 4)
    n, joints = len(boxes), len(sample.skeleton)
    boxes = boxes.to(sample.boxes)
    return Sample(
        image=sample.image.expand(n, *sample.image.shape),
        keypoints=boxes.new_zeros(n, 1, joints, 2),
        visibility=torch.zeros(n, 1, joints, dtype=torch.int64, device=boxes.device),
        boxes=boxes[:, None],
        areas=boxes[:, None, 2:].prod(-1),
        skeleton=sample.skeleton,
        image_id=sample.image_id,
    )


def augment(
    batch: Sample,
    generator: torch.Generator,
    flip_chance: float = 0.5,
    degrees: float = 30.0,
    zoom: float = 0.25,
    shift: float = 0.05,
    part: tuple[int, int] = (0, 1),
) -> Sample:
    """Random variants of a stacked sample, as training wants them.

    Mirrored with `flip_chance`, turned by up to `degrees` either way, zoomed by a
    factor of up to 1 +- `zoom` and shifted by up to `shift` of the side, all about the
    picture's centre and uniformly drawn. `part` = (i, k): the batch is the i-th of k
    equal parts of a larger one, and varies as it would there.
    """
    n, (height, width) = len(batch), batch.size

    def draw(*shape: int) -> Tensor:
        u = torch.rand(
            part[1], n, *shape, generator=generator, device=generator.device
        )[part[0]]
        return u.to(batch.keypoints) * 2 - 1

    batch = flip(batch, (draw() + 1) / 2 < flip_chance)
    side = batch.keypoints.new_tensor([width, height])
    centre = ((side - 1) / 2).expand(n, 2)
    turn = geometry.rotation_matrix(draw() * degrees, centre)
    window = side / (1 + draw() * zoom)[:, None]
    corner = side / 2 - window / 2 + draw(2) * shift * side
    look = geometry.crop_matrix(torch.cat([corner, window], -1), (height, width))
    return transform(batch, geometry.compose(look, turn), (height, width))
