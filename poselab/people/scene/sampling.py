"""Drawing scenes at random: one framed person, a crowd, a clip."""

from __future__ import annotations

import torch
from torch import Tensor

from poselab.people.body import motion
from poselab.people.body import person as body
from poselab.people.raster.camera import Camera, frame
from poselab.people.raster.light import sample_light
from poselab.people.scene.backdrop import sample_backdrop
from poselab.people.scene.scenes import NOISE_BANK, Scene, extents
from poselab.people.scene.things import Things, sample_things


def uniform(n: int, low: float, high: float, generator: torch.Generator) -> Tensor:
    """[n] numbers between low and high."""
    u = torch.rand(n, generator=generator, device=generator.device)
    return low + (high - low) * u


def sample_scenes(
    n: int,
    people: int,
    generator: torch.Generator,
    activity=None,
    background=None,
    posed: bool = True,
) -> Scene:
    """`n` scenes of `people` people at the origin before cameras that see them.

    The caller places people, things and cameras; without `posed` also their poses.
    """
    g = generator
    total = n * people
    shape = body.sample_shape(total, g)
    clothes = body.sample_clothes(total, g)
    pose = motion.sample_pose(total, g, activity, posed)
    pose = pose.at(pose.position, _yaw(total, g))
    one = torch.ones(n, device=g.device)
    camera = Camera(
        150 * one,
        150 * one,
        0 * one,
        0 * one,
        0 * one,
        1400 * one,
        uniform(n, 2600, 7500, g),
    )
    image = torch.arange(n, device=g.device)
    return Scene(
        shape,
        clothes,
        pose,
        torch.full_like(image, people),
        camera,
        sample_light(n, g),
        sample_backdrop(n, g, background),
        sample_things(image, g, 0.0),
        uniform(n, 0.004, 0.022, g),
        torch.randint(NOISE_BANK, (n,), generator=g, device=g.device),
    )


def _yaw(n: int, generator: torch.Generator) -> Tensor:
    """Most people face the camera, some look anywhere."""
    u = torch.rand(n, 2, generator=generator, device=generator.device)
    around = (u[:, 1] - 0.5) * torch.pi * 2
    return torch.where(u[:, 0] < 0.55, around * 0.35, around)


def framed(
    n: int,
    generator: torch.Generator,
    size: tuple[int, int],
    activity=None,
    background=None,
    occluded: float = 0.3,
    posed: bool = True,
) -> Scene:
    """`n` scenes of one person that fills the image as a top-down crop does.

    The box is 55 to 95 % of the image high where its width allows, jittered so that
    some people are cut off; a share `occluded` stands behind a thing. Without `posed`
    the caller poses and frames the person.
    """
    g, (height, width) = generator, size
    scene = sample_scenes(n, 1, g, activity, background, posed)
    camera = scene.camera
    camera.height = uniform(n, 500, 2300, g)
    middle = scene.shape.height * 0.52
    camera.pitch = torch.atan((camera.height - middle) / camera.distance)
    tall = height * uniform(n, 0.58, 0.93, g)
    wide = width * uniform(n, 0.66, 0.92, g)
    shift = torch.stack([uniform(n, -0.09, 0.09, g), uniform(n, -0.06, 0.06, g)], -1)
    far = (torch.rand(n, 1, generator=g, device=g.device) < 0.12).float() * 2.2 + 1
    centre = (0.5 + shift * far) * tall.new_tensor([width, height])
    box = torch.stack([wide, tall], -1)
    scene = _zoomed(scene, torch.cat([centre - box / 2, box], -1))
    return scene.replace(things=_things_in_front(scene, g, occluded))


def _zoomed(scene: Scene, box: Tensor) -> Scene:
    """The scene with its camera zoomed so that the people fill `box` [S, 4] px."""
    points = scene.camera.from_world(extents(scene))
    return scene.replace(camera=frame(scene.camera, points, box))


def reframed(scene: Scene, size: tuple[int, int]) -> Scene:
    """The people in the middle of the picture, 84 % of its height or of its width."""
    box = torch.tensor([size[1], size[0], size[1], size[0]])
    box = box * torch.tensor([0.08, 0.08, 0.84, 0.84])
    return _zoomed(scene, box.to(scene.grain).expand(len(scene.count), 4))


def _things_in_front(scene: Scene, g: torch.Generator, share: float) -> Things:
    """One thing between camera and person in some scenes, one behind in some."""
    n = len(scene.count)
    image = torch.arange(n, device=g.device)
    near, back = sample_things(image, g, share), sample_things(image, g, 0.35)
    offset = uniform(n, 60, 480, g) * (uniform(n, -1, 1, g).sign())
    near.z = uniform(n, 550, 900, g)
    near.x = offset * (1 - near.z / scene.camera.distance)
    near.size = near.size * (scene.shape.height / 1750).clamp(max=1)
    back.z = -uniform(n, 700, 2200, g)
    back.x = uniform(n, 350, 1300, g) * (uniform(n, -1, 1, g).sign())
    return Things.cat([near, back])


def crowd(
    n: int,
    people: tuple[int, int],
    generator: torch.Generator,
    size: tuple[int, int],
    activity=None,
    background=None,
    posed: bool = True,
) -> Scene:
    """`n` scenes with between people[0] and people[1] people on a common ground.

    Without `posed` the caller poses them.
    """
    g, (height, width) = generator, size
    low, high = people
    scene = sample_scenes(n, high, g, activity, background, posed)
    scene.count = torch.randint(low, high + 1, (n,), generator=g, device=g.device)
    camera = scene.camera
    camera.distance = uniform(n, 4000, 6500, g)
    camera.height = uniform(n, 1200, 2800, g)
    camera.pitch = torch.atan((camera.height - 800) / camera.distance)
    focal = uniform(n, 1.05, 1.5, g) * max(height, width)
    camera.fx, camera.fy = focal, focal.clone()
    camera.cx = torch.full_like(focal, (width - 1) / 2)
    camera.cy = torch.full_like(focal, (height - 1) / 2)
    position = _positions(scene, g, width)
    scene.pose = scene.pose.at(position.flatten(0, 1), scene.pose.turn[:, 0])
    scene.things = _things_around(scene, position, g, width)
    return scene


def _positions(scene: Scene, g: torch.Generator, width: int) -> Tensor:
    """Where people stand, [S, P, 2] mm: in view, at least an arm's breadth apart."""
    s, p, camera = len(scene.count), scene.people, scene.camera
    u = torch.rand(s, p, 2, generator=g, device=g.device)
    tight = uniform(s, 0.45, 1.0, g)[:, None]
    z = (u[..., 0] - 0.5) * 3200
    depth = camera.distance[:, None] - z
    half = 0.5 * width / camera.fx[:, None] * depth
    x = (u[..., 1] * 2 - 1) * half * 0.92 * tight
    position = torch.stack([x, z], -1)  # [S, P, 2]
    for _ in range(8):  # push apart who stands too close
        gap = position[:, :, None] - position[:, None]
        distance = gap.norm(dim=-1).clamp(min=1.0)
        push = (520 - distance).clamp(min=0) / distance / 2
        position = position + (gap * push[..., None]).sum(2) * 0.6
    return position


def _things_around(scene: Scene, position: Tensor, g: torch.Generator, width: int):
    """Up to two things among the people, none where a person stands."""
    n = len(scene.count)
    image = torch.arange(n, device=g.device).repeat(2)
    things = sample_things(image, g, 0.4)
    things.z = uniform(2 * n, -2500, 1500, g)
    depth = scene.camera.distance.repeat(2) - things.z
    half = 0.5 * width / scene.camera.fx.repeat(2) * depth
    things.x = uniform(2 * n, -0.9, 0.9, g) * half
    at = torch.stack([things.x, things.z], -1)[:, None]
    taken = (position.repeat(2, 1, 1) - at).norm(dim=-1).amin(-1) < 750
    things.kind = torch.where(taken, -1, things.kind)
    return things
