"""Neck, shoulders, chest, belly, pelvis and skirt."""

from __future__ import annotations

from poselab.people.body.clothes import BOTTOMS
from poselab.people.body.parts import Parts


def add_torso(p: Parts) -> None:
    """Trunk and neck; the shirt hangs over the trousers' waistband."""
    d = p.clothes
    shirt = d.shirt, d.shirt2, d.shirt_pattern
    bottom = d.bottoms, d.bottoms2, d.bottom_pattern
    _trunk(p, shirt)
    _hips(p, shirt, bottom)
    _shoulders(p, shirt)
    _neck(p)
    _skirt(p, bottom)


def _trunk(p: Parts, shirt: tuple) -> None:
    u, s = p.unit, p.shape
    wide = (s.girth + s.shoulders) / 2
    belly = s.girth + 0.12 * s.child + (s.girth - 1).clamp(min=0) * 0.8
    axes = (0.090 * u * wide, 0.150 * u, 0.064 * u * s.girth)
    p.ellipsoid("torso", "chest", (0.0, 0.026 * u, 0.0), axes, shirt)
    axes = (0.079 * u * belly, 0.130 * u, 0.060 * u * belly)
    p.ellipsoid("torso", "waist", (0.0, 0.025 * u, 0.002 * u), axes, shirt)


def _hips(p: Parts, shirt: tuple, bottom: tuple) -> None:
    """The hem of the shirt and the seat of the trousers."""
    u, hips = p.unit, (p.shape.girth + p.shape.hips) / 2
    axes = (0.088 * u * hips, 0.085 * u, 0.066 * u * hips)
    p.ellipsoid("pelvis", "pelvis", (0.0, 0.045 * u, 0.0), axes, shirt)
    axes = (0.092 * u * hips, 0.068 * u, 0.068 * u * hips)
    p.ellipsoid("pelvis", "pelvis", (0.0, -0.004 * u, -0.003 * u), axes, bottom)


def _shoulders(p: Parts, shirt: tuple) -> None:
    """A broad upper chest and slopes from the neck to the arms."""
    u, girth = p.unit, 0.5 + 0.5 * p.shape.girth
    axes = (0.095 * u * p.shape.shoulders, 0.070 * u, 0.049 * u * girth)
    p.ellipsoid("torso", "chest", (0.0, 0.082 * u, -0.002 * u), axes, shirt)
    nape = p.at("neck", (0.0, 0.006 * u, -0.003 * u))
    thin, thick = 0.024 * u, 0.0285 * u * girth
    for shoulder in p.frames.pair("shoulder").unbind(1):
        p.capsule("torso", nape, shoulder, thin, thick, shirt)


def _neck(p: Parts) -> None:
    u, s = p.unit, p.shape
    base = p.at("neck", (0.0, -0.004 * u, 0.0))
    top = p.at("head", (0.0, 0.012 * u, 0.002 * u))
    thick = 0.031 * u * (0.6 + 0.4 * s.girth) * (1 - 0.1 * s.child)
    p.capsule("neck", base, top, thick * 1.08, thick, p.plain(p.clothes.skin))


def _skirt(p: Parts, bottom: tuple) -> None:
    """The middle of a skirt, between the thighs; nothing for trousers."""
    u = p.unit
    left, right = p.frames.pair("knee").unbind(1)
    knees = (left + right) / 2
    top = p.at("pelvis", (0.0, 0.0, 0.0))
    end = top + (knees - top) * 0.72
    on = (p.clothes.bottom == BOTTOMS.index("skirt")).to(u)
    p.capsule("pelvis", top, end, 0.065 * u * on, 0.054 * u * on, bottom)
