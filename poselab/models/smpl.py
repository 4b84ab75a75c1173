"""SMPL and HMR: bodies from few numbers, and those numbers from a picture.

Loper, Mahmood, Romero, Pons-Moll & Black, "SMPL: A Skinned Multi-Person Linear Model",
ACM Transactions on Graphics 34 (6), 2015, section 3; Kanazawa, Black, Jacobs & Malik,
"End-to-end Recovery of Human Shape and Pose", CVPR 2018 (1712.06584), section 3.

A mesh of V vertices and K joints. `BodyModel` holds no data of its own: its arrays come
from our mannequin, or from the file of the licensed model.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from poselab.errors import require, require_shape
from poselab.models.registry import register
from poselab.models.resnet import ResNet

# The kinematic tree of SMPL: the parent of each of its 24 joints.
SMPL_PARENTS = (
    -1,
    0,
    0,
    0,
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
    9,
    9,
    9,
    12,
    13,
    14,
    16,
    17,
    18,
    19,
)
SMPL_PARENTS = (*SMPL_PARENTS, 20, 21)
TINY = 1e-8  # added to each axis before its length: the reference's guard against 0


def axis_angle_to_matrix(rotations: Tensor) -> Tensor:
    """Rotations as axis times angle [..., 3] in radians -> matrices [..., 3, 3].

    Rodrigues' formula R = I + sin(a) K + (1 - cos(a)) K^2. The angle is the length of
    the vector plus 1e-8 on each axis, as in the reference code: a bias of about 1e-8.
    """
    require_shape("rotations", rotations, "...", 3)
    angle = torch.linalg.vector_norm(rotations + TINY, dim=-1, keepdim=True)  # [..., 1]
    x, y, z = (rotations / angle).unbind(-1)
    zero = torch.zeros_like(x)
    rows = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1)
    cross = rows.unflatten(-1, (3, 3))  # K [..., 3, 3]
    sine, cosine = angle[..., None].sin(), angle[..., None].cos()
    unit = torch.eye(3, dtype=cross.dtype, device=cross.device)
    return unit + sine * cross + (1 - cosine) * (cross @ cross)


def six_to_matrix(values: Tensor) -> Tensor:
    """Two columns of a rotation [..., 6] -> matrices [..., 3, 3] (1812.07035).

    The numbers are read as three rows of two; Gram and Schmidt make the two columns
    perpendicular, their cross product is the third. Unlike angles, close rotations have
    close numbers everywhere.
    """
    require_shape("values", values, "...", 6)
    first, second = values.unflatten(-1, (3, 2)).unbind(-1)  # [..., 3] each
    one = F.normalize(first, dim=-1)
    two = F.normalize(second - (one * second).sum(-1, keepdim=True) * one, dim=-1)
    return torch.stack([one, two, torch.linalg.cross(one, two)], -1)


def frames_of(rotations: Tensor, rest: Tensor, parents: tuple[int, ...]) -> Tensor:
    """Rotations [B, K, 3, 3], joints at rest [B, K, 3] -> frames [B, K, 4, 4].

    Each joint's in the world, from the root outwards (equation 3 of SMPL).
    """
    above = torch.tensor(parents[1:], device=rest.device)
    steps = torch.cat([rest[:, :1], rest[:, 1:] - rest[:, above]], 1)
    local = F.pad(torch.cat([rotations, steps[..., None]], 3), (0, 0, 0, 1))
    local[:, :, 3, 3] = 1  # [B, K, 4, 4]
    frames = [local[:, 0]]
    for joint, parent in enumerate(parents[1:], 1):
        frames.append(frames[parent] @ local[:, joint])
    return torch.stack(frames, 1)


@dataclass
class Body:
    """A posed mesh: vertices [B, V, 3], joints [B, K, 3], transforms [B, K, 4, 4]."""

    vertices: Tensor
    joints: Tensor
    transforms: Tensor


class BodyModel(nn.Module):
    """Shape and pose -> a skinned mesh (equations 1 to 10 of SMPL).

    template [V, 3]; shape_directions [V, 3, S]; pose_directions [V, 3, 9 (K - 1)];
    regressor [K, V], whose rows sum to 1; weights [V, K], whose rows sum to 1; parents
    of the K joints, each before its children, -1 for the root. Lengths are in whatever
    unit the template has.
    """

    def __init__(
        self,
        template: Tensor,
        shape_directions: Tensor,
        pose_directions: Tensor,
        regressor: Tensor,
        weights: Tensor,
        parents: tuple[int, ...] = SMPL_PARENTS,
    ) -> None:
        super().__init__()
        count, joints = len(template), len(parents)
        require_shape("template", template, None, 3)
        require_shape("shape_directions", shape_directions, count, 3, None)
        require_shape("pose_directions", pose_directions, count, 3, 9 * (joints - 1))
        require_shape("regressor", regressor, joints, count)
        require_shape("weights", weights, count, joints)
        ordered = all(p < i for i, p in enumerate(parents)) and parents[0] == -1
        require(
            ordered, "a parent comes before its child", where="parents", value=parents
        )
        self.parents = tuple(parents)
        for name, value in (
            ("template", template),
            ("regressor", regressor),
            ("shape_directions", shape_directions),
            ("pose_directions", pose_directions),
            ("weights", weights),
        ):
            self.register_buffer(name, value)

    def shaped(self, betas: Tensor) -> tuple[Tensor, Tensor]:
        """Shape coefficients [B, S] -> vertices [B, V, 3] at rest, joints [B, K, 3]."""
        require_shape("betas", betas, None, self.shape_directions.shape[2])
        offsets = torch.einsum("bs,vcs->bvc", betas, self.shape_directions)
        vertices = self.template + offsets  # [B, V, 3]
        return vertices, torch.einsum("kv,bvc->bkc", self.regressor, vertices)

    def forward(
        self, betas: Tensor, rotations: Tensor, translation: Tensor | None = None
    ) -> Body:
        """betas [B, S], rotation matrices [B, K, 3, 3] -> `Body`, moved by [B, 3].

        Each rotation is relative to the parent's frame, the root's to the world.
        """
        require_shape("rotations", rotations, len(betas), len(self.parents), 3, 3)
        vertices, rest = self.shaped(betas)
        vertices = vertices + self.corrections(rotations)
        transforms = self.chain(rotations, rest)  # [B, K, 4, 4]
        joints = transforms[:, :, :3, 3]
        vertices = self.skinned(vertices, rest, transforms)
        if translation is None:
            return Body(vertices, joints, transforms)
        moved = translation[:, None]
        return Body(vertices + moved, joints + moved, transforms)

    def corrections(self, rotations: Tensor) -> Tensor:
        """Pose blend shapes [B, V, 3]: linear in R - I of all joints but the root."""
        unit = torch.eye(3, dtype=rotations.dtype, device=rotations.device)
        feature = (rotations[:, 1:] - unit).flatten(1)  # [B, 9 (K - 1)]
        return torch.einsum("bp,vcp->bvc", feature, self.pose_directions)

    def chain(self, rotations: Tensor, rest: Tensor) -> Tensor:
        """Each joint's frame in the world, [B, K, 4, 4], from the root outwards."""
        return frames_of(rotations, rest, self.parents)

    def skinned(self, vertices: Tensor, rest: Tensor, transforms: Tensor) -> Tensor:
        """Linear blend skinning: each vertex by the weighted mean of its joints."""
        linear = transforms[..., :3, :3]  # [B, K, 3, 3]
        offset = transforms[..., :3, 3] - (linear @ rest[..., None])[..., 0]
        mixed = torch.einsum("vk,bkij->bvij", self.weights, linear)  # [B, V, 3, 3]
        moved = torch.einsum("vk,bki->bvi", self.weights, offset)
        return (mixed @ vertices[..., None])[..., 0] + moved


@register("hmr")
class HMR(ResNet):
    """Images [B, 3, H, W] -> rotations [B, K, 3, 3], shape [B, S], camera [B, 3].

    A regressor looks three times at the pooled features and at its own last answer, as
    in iterative error feedback. `depth` and `width` are the ResNet's, `hidden` the
    width of the two linear layers; joints K and coefficients S are 24 and 10 for SMPL.
    `cells` 1 takes the mean of the features; more keep so many cells of their map.
    The camera is scale and shift (s, x, y) of a weak perspective. The starting answer
    (mean pose and shape) is part of the weights.
    """

    def __init__(
        self,
        depth: int = 50,
        width: int = 64,
        hidden: int = 1024,
        joints: int = 24,
        shapes: int = 10,
        iterations: int = 3,
        cells: int = 1,
    ) -> None:
        super().__init__(depth, width)
        self.cells = cells
        sizes = {"pose": 6 * joints, "shape": shapes, "cam": 3}
        self.iterations = iterations
        self.fc1 = nn.Linear(self.channels * cells + sum(sizes.values()), hidden)
        self.fc2 = nn.Linear(hidden, hidden)
        self.drop = nn.Dropout()
        for name, size in sizes.items():
            setattr(self, f"dec{name}", nn.Linear(hidden, size))
            self.register_buffer(f"init_{name}", torch.zeros(1, size))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        features = super().forward(images)  # [B, C, h, w]
        pooled = features.mean((2, 3)) if self.cells == 1 else features.flatten(1)
        start = (self.init_pose, self.init_shape, self.init_cam)
        pose, shape, camera = (value.expand(len(pooled), -1) for value in start)
        for _ in range(self.iterations):
            x = self.drop(self.fc1(torch.cat([pooled, pose, shape, camera], 1)))
            x = self.drop(self.fc2(x))
            pose, shape = pose + self.decpose(x), shape + self.decshape(x)
            camera = camera + self.deccam(x)
        return six_to_matrix(pose.unflatten(1, (-1, 6))), shape, camera
