"""What people wear and how they look: skin, hair, clothes, colours, patterns."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from poselab.errors import ArgumentError, require
from poselab.people.table import Table

HAIR_STYLES = ("short", "long", "bun", "cap", "bald")
SLEEVES = ("none", "short", "long")
BOTTOMS = ("trousers", "shorts", "skirt")

_SKIN = (
    "#fbe0cf #f4cdb3 #ecbc98 #e0a981 #cf9168 #b97a52 #9c623f #7d4c30 #5f3826 #46291d"
)
_HAIR = (
    "#16110f #2b1d15 #3d2718 #593820 #7a5230 #a8763e #d2a860 #8a3a1e #8d8b88 #d8d4cc"
)
_CLOTH = (
    "#f3f1ea #d9d6cd #9aa0a6 #4b5157 #1e2124 #23345c #2f5d9b #5b9bd5 #9cc9e8 #1f6f63 "
    "#3f9e5a #9bc53d #6b4226 #a9744f #d9b382 #f2c230 #f08a24 #d9472b #a81e2f #e86a92 "
    "#f3b3c6 #6f3c8f #a98bd0"
)
_BOTTOM = (
    "#23345c #2c4a7c #486a9c #6d87a8 #1e2124 #33373b #5a5f63 #8a8478 #b9a47c #cdbf9e "
    "#5d4a35 #3c4a36 #7a2230 #e6e2d8"
)
_SHOES = "#f4f2ee #e3ded4 #1b1b1d #3a2a20 #7c4a2a #a02c2c #2a3f73 #3b7a57 #8b8f94"
_IRIS = "#2a1a10 #3a2416 #20304a #2f3f2a"


def _palette(text: str) -> Tensor:
    rows = [
        [int(word[i : i + 2], 16) / 255 for i in (1, 3, 5)] for word in text.split()
    ]
    return torch.tensor(rows)


SKIN, HAIR, CLOTH = _palette(_SKIN), _palette(_HAIR), _palette(_CLOTH)
BOTTOM, SHOES, IRIS = _palette(_BOTTOM), _palette(_SHOES), _palette(_IRIS)


@dataclass
class Clothes(Table):
    """N people's looks. Colours are [N, 3] RGB in [0, 1], the rest [N].

    Colours: skin, hair, iris, shoes, cap; shirt and bottoms, with shirt2 and bottoms2
    for their patterns. hair_style, sleeves and bottom index HAIR_STYLES, SLEEVES and
    BOTTOMS; shirt_pattern and bottom_pattern are those of `primitives` (PLAIN, STRIPES,
    CHECKS, DOTS); pitch is the period of a pattern in mm.
    """

    skin: Tensor
    hair: Tensor
    iris: Tensor
    shirt: Tensor
    shirt2: Tensor
    bottoms: Tensor
    bottoms2: Tensor
    shoes: Tensor
    cap: Tensor
    hair_style: Tensor
    sleeves: Tensor
    bottom: Tensor
    shirt_pattern: Tensor
    bottom_pattern: Tensor
    pitch: Tensor

    def replace(self, **changes) -> Clothes:
        """A copy with some fields changed for all N people.

        Colours may be "#rrggbb" or three numbers, hair_style, sleeves and bottom one of
        their words. Raises `ArgumentError`.
        """
        full = {name: _value(self, name, value) for name, value in changes.items()}
        return super().replace(**full)


def _value(clothes: Clothes, name: str, value) -> Tensor:
    known = [f.name for f in fields(clothes)]
    require(
        name in known,
        "no such field of clothes",
        where="clothes",
        field=name,
        value=value,
        fix=f"Known: {', '.join(known)}.",
    )
    old = getattr(clothes, name)
    words = {"hair_style": HAIR_STYLES, "sleeves": SLEEVES, "bottom": BOTTOMS}.get(name)
    if isinstance(value, str):
        value = _word(name, value, words) if words else _colour(name, value)
    elif words:
        require(
            value in range(len(words)),
            "no such look",
            where="clothes",
            field=name,
            value=value,
            fix=f"Known: {', '.join(words)}.",
        )
    try:
        new = torch.as_tensor(value, dtype=old.dtype, device=old.device)
        return new.expand_as(old).clone()
    except (TypeError, ValueError, RuntimeError) as error:
        takes = "one number" if old.dim() == 1 else 'three numbers or "#rrggbb"'
        raise ArgumentError(
            f"needs {takes}", where="clothes", field=name, value=value
        ) from error


def _word(name: str, value: str, words: tuple[str, ...]) -> int:
    if value not in words:
        raise ArgumentError(
            "no such look", where=name, value=value, fix=f"Known: {', '.join(words)}."
        )
    return words.index(value)


def _colour(name: str, value: str) -> Tensor:
    require(
        re.fullmatch("#[0-9a-fA-F]{6}", value) is not None,
        "not a colour",
        where=name,
        value=value,
        fix='Write it as "#rrggbb".',
    )
    return _palette(value)[0]


def sample_clothes(n: int, generator: torch.Generator) -> Clothes:
    """Draw the looks of `n` people."""
    device = generator.device

    def pick(table: Tensor, jitter: float = 0.04) -> Tensor:
        index = torch.randint(len(table), (n,), generator=generator, device=device)
        noise = torch.randn(n, 3, generator=generator, device=device)
        return (table.to(device)[index] + jitter * noise).clamp(0.02, 0.98)

    def choose(*weights: float) -> Tensor:
        table = torch.tensor(weights, device=device)
        return torch.multinomial(table, n, True, generator=generator)

    skin = pick(SKIN, 0.012)
    shirt, bottoms = _unlike(skin, pick(CLOTH)), _unlike(skin, pick(BOTTOM))
    return Clothes(
        skin=skin,
        hair=pick(HAIR, 0.02),
        iris=pick(IRIS, 0.02),
        shirt=shirt,
        shirt2=_contrast(shirt, pick(CLOTH)),
        bottoms=bottoms,
        bottoms2=_contrast(bottoms, pick(BOTTOM)),
        shoes=pick(SHOES),
        cap=pick(CLOTH),
        hair_style=choose(0.42, 0.24, 0.1, 0.14, 0.1),
        sleeves=choose(0.12, 0.5, 0.38),
        bottom=choose(0.6, 0.24, 0.16),
        shirt_pattern=choose(0.5, 0.26, 0.12, 0.12),
        bottom_pattern=choose(0.92, 0.03, 0.05, 0.0),
        pitch=70 + 60 * torch.rand(n, generator=generator, device=device),
    )


def _unlike(skin: Tensor, cloth: Tensor) -> Tensor:
    """`cloth`, in the opposite colour where one could take it for `skin`, [N, 3]."""
    near = (skin - cloth).abs().mean(-1, keepdim=True) < 0.14
    return torch.where(near, 1 - cloth, cloth)


def _contrast(first: Tensor, second: Tensor) -> Tensor:
    """`second`, made lighter or darker where it is too close to `first`, [N, 3]."""
    light = first.mean(-1, keepdim=True)
    other = torch.where(light > 0.5, first * 0.45, first * 0.35 + 0.6)
    near = (first - second).abs().mean(-1, keepdim=True) < 0.2
    return torch.where(near, other, second)
