"""Neck, shoulders, chest, belly, pelvis and skirt."""

from __future__ import annotations


from poselab.people.dress import BOTTOMS
from poselab.people.flesh import Parts


def add_torso(p: Parts) -> None:
    """Trunk and neck; the shirt hangs over the trousers' waistband."""
    u, m, s, d = p.unit, p.m, p.shape, p.dress
    shirt = d.shirt, d.shirt2, d.shirt_pattern
    bottom = d.bottoms, d.bottoms2, d.bottom_pattern
    wide = (s.girth + s.shoulders) / 2
    hips = (s.girth + s.hips) / 2
    belly = s.girth + 0.12 * s.child + (s.girth - 1).clamp(min=0) * 0.8
    p.ellipsoid("torso", "chest", (0.0, 0.062 * u, 0.004 * u),
                (0.088 * u * wide, 0.105 * u, 0.062 * u * s.girth), shirt)
    p.ellipsoid("torso", "waist", (0.0, 0.045 * u, 0.006 * u),
                (0.073 * u * belly, 0.100 * u, 0.057 * u * belly), shirt)
    p.ellipsoid("pelvis", "pelvis", (0.0, 0.035 * u, 0.002 * u),
                (0.086 * u * hips, 0.052 * u, 0.061 * u * hips), shirt)
    p.ellipsoid("pelvis", "pelvis", (0.0, 0.002 * u, -0.003 * u),
                (0.090 * u * hips, 0.066 * u, 0.066 * u * hips), bottom)
    _shoulders(p, shirt)
    neck = p.at("neck", (0.0, -0.004 * u, 0.0))
    head = p.at("head", (0.0, 0.012 * u, 0.002 * u))
    thick = 0.031 * u * (0.6 + 0.4 * s.girth) * (1 - 0.1 * s.child)
    p.capsule("neck", neck, head, thick * 1.08, thick, p.plain(d.skin))
    _skirt(p, bottom)


def _shoulders(p: Parts, shirt: tuple) -> None:
    """A yoke across the shoulders and slopes up to the neck."""
    u, m = p.unit, p.m
    left, right = p.frames.point("left_shoulder"), p.frames.point("right_shoulder")
    radius = 0.036 * u * (0.5 + 0.5 * p.shape.girth)
    inward = (right - left) * 0.06
    p.capsule("torso", left + inward, right - inward, radius, radius, shirt)
    nape = p.at("neck", (0.0, -0.012 * u, -0.002 * u))
    for shoulder in (left + inward, right - inward):
        p.capsule("torso", nape, shoulder, 0.034 * u, radius * 0.92, shirt)


def _skirt(p: Parts, bottom: tuple) -> None:
    """The middle of a skirt, between the thighs; nothing for trousers."""
    u = p.unit
    knees = (p.frames.point("left_knee") + p.frames.point("right_knee")) / 2
    top = p.at("pelvis", (0.0, 0.0, 0.0))
    end = top + (knees - top) * 0.8
    on = (p.dress.bottom == BOTTOMS.index("skirt")).to(u)
    p.capsule("pelvis", top, end, 0.062 * u * on, 0.075 * u * on, bottom)
