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
_POINT_NAMES = ("nose", "head_top", "left_eye", "right_eye", "left_ear", "right_ear")
_POINTS = torch.tensor(
    [NOSE, CROWN, *((s * p[0], *p[1:]) for p in (EYE, EAR) for s in (1, -1))]
)


def _tilted(angle: float) -> Tensor:
    """Axes turned about the line through both ears, [3, 3]."""
    c, s = torch.tensor(angle).cos(), torch.tensor(angle).sin()
    return torch.tensor([[1, 0, 0], [0, c, -s], [0, s, c]])


_CHIN, _TIP = _tilted(-0.21), _tilted(-0.35)  # the chin ahead; of the nose


def face_points(m: dict[str, Tensor], frames: Frames) -> dict[str, Tensor]:
    """Nose, eyes, ears, top of the head and of the neck, each [N, 3] mm."""
    h = m["head"]
    points = frames.points("head", _POINTS.to(h) * h[:, None, None]).unbind(1)
    found = dict(zip(_POINT_NAMES, points, strict=True))
    return found | {"upper_neck": frames.point("head")}


def add_head(p: Parts) -> None:
    """Skull, jaw, face and hair."""
    d, one = p.clothes, torch.ones_like(p.m["head"])
    style = {s: (d.hair_style == i).to(d.skin) for i, s in enumerate(HAIR_STYLES)}
    on = {"always": one, "haired": 1 - style["bald"], **style}
    looks = _looks(p)
    p.ovals(
        [name for name, *_ in _OVALS],
        "head",
        _CENTRES.to(one) * p.m["head"][:, None, None],
        _AXES.to(one)
        * p.m["head"][:, None, None]
        * torch.stack([on[when] for *_, when in _OVALS], 1)[..., None],
        [looks[look] for _, _, _, look, _ in _OVALS],
        {0: _CHIN, 2: _TIP},
    )
    _lines(p, looks)


def _looks(p: Parts) -> dict[str, tuple]:
    d = p.clothes
    return {
        "skin": p.plain(d.skin),
        "white": p.plain(torch.full_like(d.skin, 0.95)),
        "iris": p.plain(d.iris),
        "shade": p.plain(d.skin * 0.93),
        "brow": p.plain(0.55 * d.hair + 0.25 * d.skin),
        "lips": p.plain(d.skin * _LIPS.to(d.skin)),
        "hair": p.plain(d.hair),
        "cap": p.plain(d.cap),
    }


def _lines(p: Parts, looks: dict[str, tuple]) -> None:
    """Brows and lips: from the one point to the other."""
    h = p.m["head"]
    points = p.frames.points("head", _ENDS.to(h) * h[:, None, None]).unbind(1)
    for i, (first, last, look) in enumerate(_LINES):
        p.capsule("head", *points[2 * i : 2 * i + 2], first * h, last * h, looks[look])


# Segment, centre, axes, look, who has it: those who lack it have it in no size.
_OVALS = [
    ("head", FACE, FACE_AXES, "skin", "always"),
    ("head", SKULL, SKULL_AXES, "skin", "always"),
    ("nose", (0.0, 0.335, 0.41), (0.05, 0.095, 0.07), "shade", "always"),
]
for _side, _x in (("left_", 1), ("right_", -1)):
    _OVALS += [
        (_side + name, (_x * centre[0], *centre[1:]), axes, look, "always")
        for name, centre, axes, look in (
            ("eye", (0.135, 0.42, 0.335), (0.068, 0.042, 0.045), "white"),
            ("eye", (0.13, 0.42, 0.362), (0.03, 0.033, 0.03), "iris"),
            ("ear", (0.305, 0.37, -0.02), (0.035, 0.10, 0.06), "shade"),
        )
    ]
_OVALS += [
    ("hair", (0.0, 0.605, -0.07), (0.35, 0.325, 0.39), "hair", "haired"),
    ("hair", (0.0, 0.38, -0.19), (0.325, 0.34, 0.26), "hair", "haired"),
    ("hair", (0.0, 0.06, -0.14), (0.37, 0.50, 0.23), "hair", "long"),
    ("hair", (0.0, 0.72, -0.40), (0.17, 0.17, 0.17), "hair", "bun"),
    ("hair", (0.0, 0.62, -0.05), (0.36, 0.315, 0.415), "cap", "cap"),
    ("hair", (0.0, 0.60, 0.42), (0.26, 0.03, 0.26), "cap", "cap"),
]
_CENTRES = torch.tensor([row[1] for row in _OVALS])
_AXES = torch.tensor([row[2] for row in _OVALS])
_LINES = [(0.02, 0.014, "brow"), (0.02, 0.014, "brow"), (0.026, 0.026, "lips")]
_ENDS = torch.tensor(
    [
        *((0.07, 0.52, 0.36), (0.2, 0.515, 0.296)),
        *((-0.07, 0.52, 0.36), (-0.2, 0.515, 0.296)),
        *((0.085, 0.115, 0.382), (-0.085, 0.115, 0.382)),
    ]
)
_LIPS = torch.tensor([0.78, 0.48, 0.48])
