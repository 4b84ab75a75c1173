"""A batch of scenes: who stands where, seen by which camera, and their truth.

`Scene` holds everything that decides a picture; `draw` makes a stacked `Sample` of it.
How scenes are drawn at random is in `sampling`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from poselab.people.body import person as body
from poselab.people.body.kinematics import Frames
from poselab.people.body.person import BodyPose, Clothes, Shape
from poselab.people.body.shape import measures
from poselab.people.raster.camera import Camera
from poselab.people.raster.light import Light
from poselab.people.raster.primitive_batch import NOBODY, Group
from poselab.people.raster.render import render
from poselab.people.scene.backdrop import Backdrop, contact_shadow, surroundings
from poselab.people.scene.things import Things
from poselab.people.scene.things import groups as furniture
from poselab.people.scene.truth import sample_of
from poselab.records import Sample
from poselab.skeleton import COCO_17, MPII_16, Skeleton

NOISE_BANK = 1 << 21


@dataclass
class Scene:
    """S scenes with places for P people each; N = S P people, image by image.

    shape, clothes, pose: N people in the world; count [S] how many of the P are there;
    camera, light, backdrop: S; things: whatever else stands there; grain [S] the noise
    of the sensor; grain_at [S] where in the bank of noise it starts.
    """

    shape: Shape
    clothes: Clothes
    pose: BodyPose
    count: Tensor
    camera: Camera
    light: Light
    backdrop: Backdrop
    things: Things
    grain: Tensor
    grain_at: Tensor

    @property
    def people(self) -> int:
        """P, the number of places."""
        return len(self.shape) // len(self.count)

    def replace(self, **changes: Any) -> Scene:
        """A copy with some parts changed."""
        return replace(self, **changes)

    def to(self, device: torch.device | str) -> Scene:
        """The same scenes on another device.

        Everything random about a picture is in its scene, and scenes are made on the
        CPU: so a seed means the same people on every device.
        """
        return Scene(*(getattr(self, f.name).to(device) for f in fields(self)))


def draw(
    scene: Scene,
    size: tuple[int, int],
    skeleton: Skeleton = COCO_17,
    window: str = "tight",
) -> Sample:
    """Render scenes as a stacked `Sample` with all its fields."""
    s, p = len(scene.count), scene.people
    there = torch.arange(p, device=scene.count.device) < scene.count[:, None]  # [S, P]
    m = measures(scene.shape)
    frames = body.forward(scene.shape, scene.pose, m)
    groups, rectangles = _groups(scene, frames, m, there.flatten())
    backdrop, factor = surroundings(scene.backdrop, scene.camera, size)
    factor = _shadows(scene, there, frames, size).mul_(factor)
    backdrop = (backdrop * factor[:, None]).clamp_(0.02, 0.98)
    picture = render(
        groups, scene.camera, size, backdrop, scene.light, rectangles, window
    )
    _add_grain(picture.image, scene.grain, scene.grain_at)
    joints = body.joints(scene.shape, scene.pose, skeleton, frames, m)
    heights = scene.shape.height.view(s, p) * there
    seen = scene.camera.from_world(joints.view(s, p, -1, 3))
    return sample_of(picture, scene.camera, seen, heights, skeleton)


def part(scene: Scene, images: Sequence[int]) -> Scene:
    """Some of the scenes of a batch, in the given order."""
    device = scene.count.device
    index = torch.as_tensor(list(images), device=device)
    places = torch.arange(scene.people, device=device)
    owners = (index[:, None] * scene.people + places).flatten()
    at, thing = (scene.things.image == index[:, None]).nonzero(as_tuple=True)

    things = scene.things[thing].replace(image=at)
    return Scene(
        scene.shape[owners],
        scene.clothes[owners],
        scene.pose[owners],
        scene.count[index],
        scene.camera[index],
        scene.light[index],
        scene.backdrop[index],
        things,
        scene.grain[index],
        scene.grain_at[index],
    )


def _groups(scene: Scene, frames: Frames, m: dict[str, Tensor], there: Tensor):
    """Everything that is drawn: the people who are there, their stools, the things."""
    index = torch.arange(len(there), device=there.device)[there]
    image, person = index // scene.people, index % scene.people
    shape, clothes, pose = scene.shape, scene.clothes, scene.pose
    if len(index) < len(there):
        shape, clothes, pose = shape[index], clothes[index], pose[index]
        frames, m = frames[index], measures(shape)
    groups = [Group(*body.primitives(shape, clothes, pose, frames, m), image, person)]
    if (pose.seat > 0).any():
        nobody = torch.full_like(person, NOBODY)
        groups.append(Group(*body.stool(shape, pose, frames, m), image, nobody))
    if not (scene.things.kind >= 0).any():
        return groups, None
    things, rectangles = furniture(scene.things)
    return [*groups, things], rectangles


def extents(scene: Scene) -> Tensor:
    """World points [S, M, 3] mm that reach as far as each scene's people do."""
    s = len(scene.count)
    sided = [
        side + n
        for n in ("wrist", "ankle", "knee", "elbow")
        for side in ("left_", "right_")
    ]
    names = (*sided, "head_top", "pelvis")
    joints = body.joints(scene.shape, scene.pose, MPII_16)
    points = joints[:, [MPII_16.index(n) for n in names]]
    soles = points[:, 2:4].clone()
    soles[..., 1] -= 70.0
    return torch.cat([points, soles], 1).view(s, -1, 3)


def _shadows(scene: Scene, there: Tensor, frames, size: tuple[int, int]) -> Tensor:
    """Under each foot, under the body, and under the things."""
    s = len(scene.count)
    names = ("left_ankle", "right_ankle", "pelvis")
    feet = torch.stack([frames.point(name) for name in names], 1)  # [N, 3, 3]
    scale = scene.shape.height / 1700
    base = torch.tensor([170.0, 170.0, 330.0]).to(feet)
    # A foot in the air casts a wider, weaker shadow; here: a smaller one.
    low = (1.2 - feet[..., 1] / (700 * scale[:, None])).clamp(0.0, 1.0)
    low[:, 2] = 1.0
    sizes = base * scale[:, None] * low * there.flatten()[:, None]
    spots, wide = feet.view(s, -1, 3).clone(), sizes.view(s, -1)
    spots[..., 1] = 0.0
    return contact_shadow(spots, scene.camera, size, wide)


@lru_cache(maxsize=4)
def _noise_bank(device: str) -> Tensor:
    """Normal noise that every picture takes a stretch of; drawing it anew is slow."""
    generator = torch.Generator().manual_seed(20260101)
    return torch.randn(NOISE_BANK, generator=generator).to(device)


def _add_grain(images: Tensor, grain: Tensor, start: Tensor) -> None:
    """Sensor noise of deviation `grain` [S] on images [S, 3, H, W], in place."""
    bank = _noise_bank(str(images.device))
    windows = bank.unfold(0, images[0].numel(), 1)
    noise = windows.index_select(0, start % len(windows)).view_as(images)
    images.addcmul_(noise, grain[:, None, None, None]).clamp_(0, 1)
