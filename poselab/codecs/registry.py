"""Codecs by name, as recipes and cards hold them.

Each file names its own: `class HeatmapCodec(Codec, name="heatmap")` is all it takes.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module
from pathlib import Path
from typing import Any

from poselab.codecs.base import NAMED, Codec
from poselab.errors import require_known
from poselab.skeleton import by_name


def names() -> list[str]:
    """The names of all codecs, sorted."""
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        import_module(f"poselab.codecs.{module.name}")
    return sorted(NAMED)


def build(name: str, **options: Any) -> Codec:
    """The codec `name` with its options, the arguments of its class.

    A skeleton may be given by its name or `description`. Raises `ArgumentError` for an
    unknown name.
    """
    require_known("name", name, names())
    if isinstance(options.get("skeleton"), str | dict):
        options["skeleton"] = by_name(options["skeleton"])
    return NAMED[name](**options)
