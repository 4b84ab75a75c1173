"""A skeleton of fixed bones, fitted to joints in 3D and in 2D: VNect's second half.

Mehta et al. 2017 (1705.01583), section 4.2: what a network says of each frame alone
becomes the motion of one person, whose bones keep their lengths, in the camera's frame.
Their skeleton has joint angles with limits; here each bone has a direction.
"""

from __future__ import annotations

import torch
from torch import Tensor

from poselab.errors import ArgumentError, require_shape
from poselab.geometry import project
from poselab.skeleton import COCO_17, Skeleton

PELVIS, NECK = len(COCO_17), len(COCO_17) + 1  # the two middles that COCO lacks
_NAMES = (*COCO_17.joints, "pelvis", "neck")
_CHAINS = (
    "pelvis neck nose",
    "nose left_eye left_ear",
    "nose right_eye right_ear",
    "neck left_shoulder left_elbow left_wrist",
    "neck right_shoulder right_elbow right_wrist",
    "pelvis left_hip left_knee left_ankle",
    "pelvis right_hip right_knee right_ankle",
)
# (parent, child) of each bone; a parent stands before its children.
BONES = tuple(
    (_NAMES.index(a), _NAMES.index(b))
    for chain in _CHAINS
    for a, b in zip(chain.split(), chain.split()[1:], strict=False)
)


def with_middles(joints: Tensor) -> Tensor:
    """COCO's joints [..., 17, 3] with pelvis and neck, [..., 19, 3]."""
    require_shape("joints", joints, "...", len(COCO_17), 3)

    def middle(part: str) -> Tensor:
        pair = [COCO_17.index(f"{side}_{part}") for side in ("left", "right")]
        return joints[..., pair, :].mean(-2, keepdim=True)

    return torch.cat([joints, middle("hip"), middle("shoulder")], -2)


def bone_vectors(joints: Tensor) -> Tensor:
    """From parent to child of each of the 18 `BONES`; [..., 17, 3] -> [..., 18, 3]."""
    points = with_middles(joints)
    start, end = torch.tensor(BONES, device=joints.device).T
    return points[..., end, :] - points[..., start, :]


def bone_lengths(joints: Tensor) -> Tensor:
    """The lengths of the `BONES`; [..., 17, 3] -> [..., 18], in the unit of the joints.

    The median over the frames of a clip is a good guess of a person's.
    """
    return bone_vectors(joints).norm(dim=-1)


def joints_of_bones(bones: Tensor, root: Tensor) -> Tensor:
    """Bones [..., 18, 3] hung on each other from the pelvis [..., 3]; [..., 17, 3]."""
    points = {PELVIS: root}
    for index, (parent, child) in enumerate(BONES):
        points[child] = points[parent] + bones[..., index, :]
    return torch.stack([points[j] for j in range(len(COCO_17))], -2)


def set_bone_lengths(joints: Tensor, lengths: Tensor) -> Tensor:
    """The pose [..., 17, 3] with other lengths [..., 18] of the `BONES`; same shape.

    Directions and the pelvis stay. Raises `ArgumentError` for a bone of no length,
    which has no direction, and for lengths that are not positive.
    """
    require_shape("lengths", lengths, "...", len(BONES))
    bones = bone_vectors(joints)
    now = bones.norm(dim=-1, keepdim=True)
    for name, value in (("lengths", lengths), ("joints", now)):
        if not (value > 0).all():
            raise ArgumentError(
                "every bone needs a length above 0",
                where="set_bone_lengths",
                field=name,
                value=value.min().item(),
            )
    root = with_middles(joints)[..., PELVIS, :]
    return joints_of_bones(bones / now * lengths[..., None], root)


def place_root(joints: Tensor, points: Tensor, intrinsics: Tensor) -> Tensor:
    """Where joints [..., J, 3] relative to their root stand, [..., 3], by their pixels.

    The translation t for which X + t falls on the ray of its pixel [..., J, 2], in the
    least-squares sense: (x, y) (Z + t_z) = (X + t_x, Y + t_y) is linear in t, with
    (x, y) the pixel in units of the focal length. `intrinsics` [..., 3, 3]; the result
    has the unit of the joints. Raises `ArgumentError` for a person who comes out
    behind the camera.
    """
    require_shape("joints", joints, "...", None, 3)
    require_shape("points", points, *joints.shape[:-1], 2)
    rays = torch.cat([points, torch.ones_like(points[..., :1])], -1)
    rays = rays @ torch.linalg.inv(intrinsics.to(points)).transpose(-1, -2)
    flat = rays[..., :2]  # [..., J, 2]
    eye = torch.eye(2).to(flat).expand(*flat.shape, 2)
    matrix = torch.cat([eye, -flat[..., None]], -1).flatten(-3, -2)  # [..., 2 J, 3]
    right = (flat * joints[..., 2:] - joints[..., :2]).flatten(-2)[..., None]
    root = torch.linalg.lstsq(matrix, right).solution[..., 0]
    if (root[..., 2] <= 0).any():
        raise ArgumentError(
            "the person comes out behind the camera",
            where="place_root",
            field="points",
            value=root[root[..., 2] <= 0][0].tolist(),
            fix="Are joints and pixels of the same person, x and y in this order?",
        )
    return root


def fit_skeleton(
    joints: Tensor,
    points: Tensor,
    intrinsics: Tensor,
    lengths: Tensor,
    *,
    deep: float = 60.0,
    flat: float = 2.0,
    rough: float = 15.0,
    steps: int = 80,
) -> Tensor:
    """One person's motion in the camera's frame from a clip's answers; [T, 17, 3] mm.

    `joints` [T, 17, 3] mm relative to the root, `points` [T, 17, 2] px, `intrinsics`
    [3, 3] or [T, 3, 3], `lengths` [18] mm of the `BONES`. It minimises squared
    distances: of the joints in 3D over `deep` mm, of their projections over `flat` px,
    and of each joint's change of velocity from frame to frame over `rough` mm: each
    number is the error that is expected. The paper's E_IK, E_proj and E_smooth.
    """
    require_shape("joints", joints, None, len(COCO_17), 3)
    joints = joints.detach() - with_middles(joints.detach())[:, PELVIS, None]
    guess = set_bone_lengths(joints, lengths)  # of the right size: it decides how far
    bones, root = bone_vectors(guess), place_root(guess, points, intrinsics)
    turns, shift = torch.zeros_like(bones), torch.zeros_like(root)
    unknown = [x.requires_grad_() for x in (turns, shift)]
    best = torch.optim.Adam(unknown, lr=0.03)

    def placed() -> Tensor:
        way = bones / lengths[:, None] + turns
        way = way / way.norm(dim=-1, keepdim=True) * lengths[:, None]
        # In metres the root moves as far in a step as the directions do.
        return joints_of_bones(way, root + 1000 * shift)

    for _ in range(steps):
        now = placed()
        middle = with_middles(now)[:, PELVIS, None]
        loss = ((now - middle - joints) / deep).square().sum()
        loss = loss + ((project(now, intrinsics) - points) / flat).square().sum()
        if len(now) > 2:
            bend = now[2:] - 2 * now[1:-1] + now[:-2]
            loss = loss + (bend / rough).square().sum()
        best.zero_grad()
        loss.backward()
        best.step()
    return placed().detach()


def two_depths(parent: Tensor, ray: Tensor, length: Tensor | float) -> Tensor:
    """Both depths z at which z ray is `length` from a parent joint; [..., 2], near one
    first.

    `parent` [..., 3], `ray` [..., 3] with z = 1 (a pixel projected back to depth 1).
    A bone of known length has two answers, one towards the camera and one away from it
    (Taylor, "Reconstruction of Articulated Objects from Point Correspondences in a
    Single Uncalibrated Image", CVIU 2000). Where the ray passes the parent at more than
    the length, both are the depth where it comes nearest.
    """
    require_shape("parent", parent, "...", 3)
    require_shape("ray", ray, *parent.shape)
    square = ray.square().sum(-1)
    middle = (ray * parent).sum(-1) / square
    gap = (middle[..., None] * ray - parent).square().sum(-1)
    half = ((length**2 - gap).clamp(min=0) / square).sqrt()
    return torch.stack([middle - half, middle + half], -1)


def turned_limb(
    joints: Tensor, start: str, end: str, skeleton: Skeleton = COCO_17
) -> Tensor:
    """Joints [..., J, 3] in the camera's frame whose joint `end` has its other depth.

    It stays on its ray and at its distance from `start`: the same pixel, the same bone.
    """
    a, b = skeleton.index(start), skeleton.index(end)
    length = (joints[..., b, :] - joints[..., a, :]).norm(dim=-1)
    ray = joints[..., b, :] / joints[..., b, 2:]
    both = two_depths(joints[..., a, :], ray, length)  # [..., 2], one is its own
    far = (both - joints[..., b, 2:]).abs()
    other = torch.where(far[..., 0] > far[..., 1], both[..., 0], both[..., 1])
    moved = joints.clone()
    moved[..., b, :] = ray * other[..., None]
    return moved
