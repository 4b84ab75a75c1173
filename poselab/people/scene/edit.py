"""A drawn scene, changed: every property of people, camera and things as an argument.

Angles are in degrees here and lengths in millimetres; None leaves a property as it was
drawn. A property of people is one number for everybody, or one per person.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from math import isfinite
from typing import Any

import torch
from torch import Tensor

from poselab.errors import ArgumentError, require
from poselab.people.body import motion
from poselab.people.body.person import BodyPose
from poselab.people.body.shape import sample_shape
from poselab.people.raster.camera import Camera
from poselab.people.scene.backdrop import BACKGROUNDS, sample_backdrop
from poselab.people.scene.scenes import Scene
from poselab.people.scene.things import OCCLUDERS, sample_things

PerPerson = float | Sequence[float] | None
RANGES = {
    "height": (500, 2300),
    "child": (0, 1),
    "crouch": (0, 1),
    "distance": (800, 50000),
    "focal_length": (10, 1e5),
    "pitch": (-80, 80),
    "camera_height": (50, 20000),
    "occluder_size": (0.2, 4),
}


def check_ranges(**values: Any) -> None:
    """Raise `ArgumentError` for a property that is outside its range."""
    for name, value in values.items():
        low, high = RANGES[name]
        for v in value if isinstance(value, list | tuple) else [value]:
            good = v is None or (isinstance(v, int | float) and low <= v <= high)
            require(
                good,
                f"must be a number from {low:g} to {high:g}",
                where="scene",
                field=name,
                value=v,
            )


def per_person(value: PerPerson, old: Tensor) -> Tensor:
    """`old` [N] where value is None, else one number for all or one per person."""
    if value is None:
        return old
    wanted = f"needs one finite number, or a list of {len(old)}"
    try:
        new = torch.as_tensor(value, dtype=old.dtype, device=old.device)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ArgumentError(wanted, where="scene", value=value) from error
    fits = new.dim() == 0 or new.shape == old.shape
    require(fits and bool(new.isfinite().all()), wanted, where="scene", value=value)
    return new.expand_as(old).clone()


def set_pose(
    scene: Scene,
    seed: int,
    pose: BodyPose | None,
    activity: str | Sequence[str] | None,
    phase: PerPerson,
    crouch: PerPerson,
) -> Scene:
    """The scene with people in another pose, where they stand.

    `pose` is one for each of the N people; without it, `activity` at `phase` (0 to 1 of
    its cycle) and `crouch` (0 to 1) decide, and what is None is drawn from `seed`.
    """
    old = scene.pose
    if pose is None and activity is None and phase is None and crouch is None:
        return scene
    n, device = len(old), old.angles.device
    if pose is None:
        wanted = (hashable(value) for value in (activity, phase, crouch))
        new = _moving(n, seed, device, *wanted)
    else:
        require(
            len(pose) == n,
            f"needs a pose for each of {n}",
            where="scene",
            field="pose",
            value=len(pose),
        )
        style, drawn, _ = _styles(n, seed, device)
        deep = motion.cycle("crouching", torch.zeros_like(drawn), style)
        new = (
            pose if crouch is None else _between(pose, deep, per_person(crouch, drawn))
        )
    return scene.replace(pose=new.at(old.position, old.turn[:, 0]))


def hashable(value: Any) -> Any:
    """A property of people as a key: one value, or a tuple of one for each person."""
    if isinstance(value, str) or not hasattr(value, "__len__"):
        return value
    return tuple(value.tolist() if isinstance(value, Tensor) else value)


def _styles(n: int, seed: int, device: torch.device):
    """How people move, [N, STYLE], and when, [N]; and the stream, to draw more from."""
    g = torch.Generator(device=device).manual_seed(seed + 7)
    style = motion.sample_style(n, g)
    return style, torch.rand(n, generator=g, device=device), g


# Explorers move one property at a time, and a pose takes as long as its picture. Nobody
# writes into what is kept.
@lru_cache(maxsize=64)
def _moving(n: int, seed: int, device, activity, phase, crouch) -> BodyPose:
    """What `n` people do, where None is drawn from `seed`."""
    style, drawn, g = _styles(n, seed, device)
    names = motion.activities(n, g) if crouch is None else ["standing"] * n
    if activity is not None:
        names = one_per_person(activity, n)
    low = None if crouch is None else per_person(crouch, drawn)
    return motion.cycle(names, per_person(phase, drawn), style, low)


def one_per_person(activity: str | Sequence[str], n: int) -> list[str]:
    """One activity for all of `n` people, or one for each."""
    names = [activity] * n if isinstance(activity, str) else list(activity)
    require(
        len(names) == n,
        f"needs one word, or a list of {n}",
        where="scene",
        field="activity",
        value=activity,
    )
    return names


def _between(a: BodyPose, b: BodyPose, share: Tensor) -> BodyPose:
    """From pose a (share 0) to pose b (share 1), angle by angle."""
    w = share[:, None]
    return a.replace(
        angles=torch.lerp(a.angles, b.angles, w[..., None]),
        turn=torch.lerp(a.turn, b.turn, w),
        lift=torch.lerp(a.lift, b.lift, share),
    )


def set_bodies(
    scene: Scene, seed: int, height: PerPerson, child: PerPerson, clothes: dict | None
):
    """The scene with other bodies and clothes."""
    shape = scene.shape
    if child is not None:
        # A given age also decides the stature, unless that is given as well.
        g = torch.Generator(device=shape.height.device).manual_seed(seed + 11)
        age = per_person(child, shape.child)
        young = sample_shape(len(shape), g, children=0.0)
        stature = young.height * (1 - 0.385 * age)
        shape = young.replace(child=age, height=stature)
    require(
        clothes is None or isinstance(clothes, Mapping),
        "must be a dictionary",
        where="scene",
        field="clothes",
        value=clothes,
        fix='Write {"shirt": "#cc3344"}.',
    )
    shape = shape.replace(height=per_person(height, shape.height))
    return scene.replace(shape=shape, clothes=scene.clothes.replace(**(clothes or {})))


def move_people(scene: Scene, x: PerPerson, z: PerPerson, yaw: PerPerson) -> Scene:
    """The scene with people elsewhere (mm) or turned (degrees to their own left)."""
    old = scene.pose
    where = torch.stack(
        [per_person(x, old.position[:, 0]), per_person(z, old.position[:, 1])], -1
    )
    turn = old.turn[:, 0] if yaw is None else per_person(yaw, old.lift) * torch.pi / 180
    return scene.replace(pose=old.at(where, turn))


def set_camera(
    scene: Scene,
    size: tuple[int, int],
    distance: float | None,
    focal_length: float | None,
    camera_height: float | None,
    pitch: float | None,
) -> Scene:
    """The scene before a camera of its own: upright on the middle of the people.

    Without any of the four numbers the camera stays as it was drawn. Those that are
    left out take a plain value: 4 m, 1.6 image heights, 1.3 m, and whatever pitch looks
    at the people's waists.
    """
    if distance is focal_length is camera_height is pitch is None:
        return scene
    one = torch.ones_like(scene.camera.fx)
    away, high = one * (distance or 4000.0), one * (camera_height or 1300.0)
    focal = one * (focal_length or 1.6 * size[0])
    middle = scene.shape.height.view(len(one), -1).mean(1) * 0.5
    down = torch.atan((high - middle) / away)
    down = down if pitch is None else one * pitch * torch.pi / 180
    cx, cy = one * (size[1] - 1) / 2, one * (size[0] - 1) / 2
    camera = Camera(focal, focal.clone(), cx, cy, down, high, away)
    return scene.replace(camera=camera)


def set_surroundings(
    scene: Scene,
    seed: int,
    occluder: str | None,
    at: tuple[float, float],
    occluder_size: float,
    background: str | None,
) -> Scene:
    """The scene with one thing at (x, z) mm, or none, and with another background."""
    device = scene.grain.device
    g = torch.Generator(device=device).manual_seed(seed + 13)
    things = sample_things(torch.zeros(1, dtype=torch.int64, device=device), g, 1.0)
    known("occluder", occluder, OCCLUDERS)
    known("background", background, BACKGROUNDS)
    pair = isinstance(at, tuple | list) and len(at) == 2
    require(
        pair and all(isinstance(v, int | float) and isfinite(v) for v in at),
        "must be two finite numbers, (x, z) in mm",
        where="scene",
        field="occluder_at",
        value=at,
    )
    kind = -1 if occluder is None else OCCLUDERS.index(occluder)
    things.kind = torch.full_like(things.kind, kind)
    things.x, things.z = things.x + at[0], things.z + at[1]
    things.size = torch.full_like(things.size, occluder_size)
    scene = scene.replace(things=things)
    if background is None:
        return scene
    return scene.replace(backdrop=sample_backdrop(1, g, background))


def known(
    field: str, value: str | None, words: Sequence[str], where: str = "scene"
) -> None:
    """Raise `ArgumentError` unless value is None or one of the words."""
    if value is not None and value not in words:
        raise ArgumentError(
            "not known",
            where=where,
            field=field,
            value=value,
            fix=f"Known: {', '.join(words)}.",
        )
