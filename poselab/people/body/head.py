"""Head: skull, jaw, face, ears, hair, and the joints that lie on its surface."""

from __future__ import annotations

import torch
from torch import Tensor

from poselab.people.body.clothes import HAIR_STYLES
from poselab.people.body.kinematics import Frames
from poselab.people.body.parts import Parts

# In head heights, in the frame of the head bone (its origin is between the ears,
# 0.12 above the chin).
NOSE, EYE, EAR = (0.0, 0.32, 0.475), (0.135, 0.42, 0.385), (0.325, 0.37, -0.02)
CROWN = (0.0, 0.88, -0.02)
FACE, FACE_AXES = (0.0, 0.385, 0.03), (0.31, 0.505, 0.375)
SKULL, SKULL_AXES = (0.0, 0.52, -0.05), (0.315, 0.36, 0.37)


def face_points(m: dict[str, Tensor], frames: Frames) -> dict[str, Tensor]:
    """Nose, eyes, ears, top of the head and of the neck, each [N, 3] mm."""
    h = m["head"]

    def at(x: float, y: float, z: float) -> Tensor:
        return frames.point("head", x * h, y * h, z * h)

    points = {"nose": at(*NOSE), "head_top": at(*CROWN)}
    for side, sign in (("left_", 1), ("right_", -1)):
        points[side + "eye"] = at(sign * EYE[0], *EYE[1:])
        points[side + "ear"] = at(sign * EAR[0], *EAR[1:])
    points["upper_neck"] = frames.point("head")
    return points


def _oval(p: Parts, name: str, centre: tuple, axes: tuple, look: tuple, on=1.0, tilt=0):
    """An ellipsoid in head heights; where `on` [N] is 0 it is not drawn."""
    h = p.m["head"]
    turn = None
    if tilt:
        angle = torch.tensor(float(tilt))
        c, s = angle.cos(), angle.sin()
        turn = torch.tensor([[1, 0, 0], [0, c, -s], [0, s, c]]).to(h)
    p.ellipsoid(
        name,
        "head",
        tuple(v * h for v in centre),
        tuple(v * h * on for v in axes),
        look,
        turn,
    )


def add_head(p: Parts) -> None:
    """Skull, jaw, face and hair."""
    skin = p.plain(p.clothes.skin)
    _oval(p, "head", FACE, FACE_AXES, skin, tilt=-0.21)  # the chin ahead
    _oval(p, "head", SKULL, SKULL_AXES, skin)
    _face(p, skin)
    _hair(p)


def _face(p: Parts, skin: tuple) -> None:
    h, d = p.m["head"], p.clothes
    white, iris = p.plain(torch.full_like(d.skin, 0.95)), p.plain(d.iris)
    brow = p.plain(0.55 * d.hair + 0.25 * d.skin)
    lips = p.plain(d.skin * torch.tensor([0.78, 0.48, 0.48]).to(d.skin))
    shade = p.plain(d.skin * 0.93)
    _oval(p, "nose", (0.0, 0.335, 0.41), (0.05, 0.095, 0.07), shade, tilt=-0.35)
    for side, x in (("left_", 1), ("right_", -1)):
        _oval(p, side + "eye", (x * 0.135, 0.42, 0.335), (0.068, 0.042, 0.045), white)
        _oval(p, side + "eye", (x * 0.13, 0.42, 0.362), (0.03, 0.033, 0.03), iris)
        _oval(p, side + "ear", (x * 0.305, 0.37, -0.02), (0.035, 0.10, 0.06), shade)
        inner, outer = (
            (x * 0.07 * h, 0.52 * h, 0.36 * h),
            (x * 0.2 * h, 0.515 * h, 0.296 * h),
        )
        p.capsule(
            "head", p.at("head", inner), p.at("head", outer), 0.02 * h, 0.014 * h, brow
        )
    left, right = (0.085 * h, 0.115 * h, 0.382 * h), (-0.085 * h, 0.115 * h, 0.382 * h)
    p.capsule(
        "head", p.at("head", left), p.at("head", right), 0.026 * h, 0.026 * h, lips
    )


def _hair(p: Parts) -> None:
    """Every style has the same parts; those that a person lacks have no size."""
    d = p.clothes
    style = {s: (d.hair_style == i).to(d.skin) for i, s in enumerate(HAIR_STYLES)}
    hair = p.plain(d.hair)
    haired = 1 - style["bald"]
    _oval(p, "hair", (0.0, 0.605, -0.07), (0.35, 0.325, 0.39), hair, haired)
    _oval(p, "hair", (0.0, 0.38, -0.19), (0.325, 0.34, 0.26), hair, haired)
    _oval(p, "hair", (0.0, 0.06, -0.14), (0.37, 0.50, 0.23), hair, style["long"])
    _oval(p, "hair", (0.0, 0.72, -0.40), (0.17, 0.17, 0.17), hair, style["bun"])
    cap = p.plain(d.cap)
    _oval(p, "hair", (0.0, 0.62, -0.05), (0.36, 0.315, 0.415), cap, style["cap"])
    _oval(p, "hair", (0.0, 0.60, 0.42), (0.26, 0.03, 0.26), cap, style["cap"])
