"""Clips: one scene as many, in which time passes and people move."""

from __future__ import annotations

import torch

from poselab.errors import require
from poselab.people.body import motion
from poselab.people.body.kinematics import BodyPose
from poselab.people.body.motion import ACTIVITIES
from poselab.people.scene import sampling
from poselab.people.scene.edit import one_per_person
from poselab.people.scene.scenes import NOISE_BANK, Scene

FPS = 25.0
# Cycles per second of each activity in a clip.
PACE = {
    "standing": 0.15,
    "walking": 0.9,
    "running": 1.35,
    "sitting": 0.2,
    "crouching": 0.25,
    "waving": 0.7,
    "random": 0.2,
}


def animate(
    scene: Scene, frames: int, seed: int, activity=None, fps: float = FPS
) -> Scene:
    """One scene as `frames` scenes in which time passes and people move.

    `activity` is one word for everybody or one per person (None: drawn from `seed`);
    `fps` frames pass in a second. Raises `ArgumentError` for an unknown activity.
    """
    people = scene.people
    g = torch.Generator(device=scene.grain.device).manual_seed(seed + 17)
    style = motion.sample_style(people, g)
    start = torch.rand(people, generator=g, device=g.device)
    names = _activities(people, g, activity)
    require(
        set(names) <= set(PACE),
        "no such activity",
        where="clip",
        field="activity",
        value=activity,
        fix=f"Known: {', '.join(PACE)}.",
    )
    pace = torch.tensor([PACE[n] for n in names]).to(start)
    pace = pace * sampling.uniform(people, 0.85, 1.15, g)
    time = torch.arange(frames, device=g.device) / fps  # [T]
    cycles = time[:, None] * pace  # [T, P]
    strides = [motion.stride(n, style[i : i + 1]) for i, n in enumerate(names)]
    stride = torch.cat(strides) * scene.shape.height
    yaw = scene.pose.turn[:, 0]
    ahead = torch.stack([yaw.sin(), yaw.cos()], -1)
    travel = cycles - cycles.mean(0)  # [T, P]
    where = scene.pose.position + (travel * stride)[..., None] * ahead  # [T, P, 2]
    pose = motion.cycle(
        names * frames, ((start + cycles) % 1).flatten(), style.repeat(frames, 1)
    )
    pose = pose.at(where.flatten(0, 1), yaw.repeat(frames))
    return repeated(scene, frames, pose, g)


def _activities(people: int, g: torch.Generator, activity) -> list[str]:
    """What the people of a clip do: the given activity, or mostly walking."""
    if activity is not None:
        return one_per_person(activity, people)
    weights = torch.tensor([1.0, 6.0, 3.0, 0.5, 0.5, 2.0], device=g.device)
    index = torch.multinomial(weights, people, True, generator=g)
    return [ACTIVITIES[i] for i in index.tolist()]


def repeated(scene: Scene, frames: int, pose: BodyPose, g: torch.Generator) -> Scene:
    """A scene of P people as `frames` scenes, with their poses frame by frame."""
    device = scene.grain.device
    still = torch.zeros(frames, dtype=torch.int64, device=device)
    owners = torch.arange(scene.people, device=device).repeat(frames)
    things = scene.things.each(lambda v: v.repeat(frames, *[1] * (v.dim() - 1)))
    things.image = torch.arange(frames, device=device).repeat_interleave(
        len(scene.things)
    )
    begin = torch.randint(NOISE_BANK, (frames,), generator=g, device=device)
    return Scene(
        scene.shape[owners],
        scene.clothes[owners],
        pose,
        scene.count[still],
        scene.camera[still],
        scene.light[still],
        scene.backdrop[still],
        things,
        scene.grain[still],
        begin,
    )
