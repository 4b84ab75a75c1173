"""The fixed evaluation sets, the same for every network and every notebook."""

from __future__ import annotations

from typing import Any, NamedTuple

from poselab.datasets.person_crops import PersonCrops
from poselab.datasets.pool import Pool
from poselab.datasets.synthetic import SyntheticPeople
from poselab.errors import require
from poselab.people.scene.edit import known
from poselab.records import Sample

FRAMES = 16  # of a clip


class _Set(NamedTuple):
    """What draws a set (of the test split), how many there are, `chunk` at a time.

    A set whose drawing takes long is kept on disk (`cached`).
    """

    maker: type
    arguments: dict[str, Any]
    count: int
    chunk: int
    cached: bool = False


_FULL = (384, 512)
_SETS = {
    "single": _Set(SyntheticPeople, dict(size=(128, 96), people=1, seed=1), 512, 50),
    "crops": _Set(PersonCrops, dict(size=(128, 96), seed=3), 512, 64, cached=True),
    "crowd": _Set(
        SyntheticPeople, dict(size=_FULL, people=(2, 8), seed=2), 200, 50, cached=True
    ),
    "clips": _Set(
        SyntheticPeople, dict(size=(192, 256), people=(2, 4), seed=1000), 20, 1
    ),
}


def evaluation(
    name: str, n: int | None = None, size: tuple[int, int] | None = None
) -> Sample | list[Sample]:
    """The fixed evaluation set `name`, or its first `n` samples, drawn on the CPU.

    - "single": 512 framed people, 128x96.
    - "crops": 512 people cut out of crowds, 128x96, in boxes as a detector finds them.
    - "crowd": 200 scenes of 2 to 8 people, 384x512. Without masks, depth and ids, which
      would be larger than the pictures.
    - "clips": a list of 20 stacked clips of 16 frames, 192x256.

    `size` (H, W) is another resolution of the same scenes: (192, 256) is how a network
    for whole scenes sees the crowds (with masks, depth and ids), (192, 144) is what a
    network with a larger input sees of single people. Raises `ArgumentError`.
    """
    known("name", name, tuple(_SETS), "evaluation")
    found = _SETS[name]
    require(
        n is None or (isinstance(n, int) and 1 <= n <= found.count),
        f"must be a whole number from 1 to {found.count}",
        where="evaluation",
        field="n",
        value=n,
    )
    count, own = n or found.count, found.arguments["size"]
    changed = {"size": tuple(size or own)}
    maker = found.maker(**{**found.arguments, **changed}, split="test")
    if name == "clips":
        return [maker.clip(FRAMES, seed=maker.seed + i) for i in range(count)]
    reduced = name == "crowd" and changed["size"] != own
    if found.cached and count > found.chunk and not reduced:
        return Pool(maker, found.count, chunk=found.chunk).samples(range(count))
    return _drawn(maker, count, found.chunk, found.cached and not reduced)


def _drawn(maker: Any, count: int, chunk: int, lean: bool) -> Sample:
    """The first `count` samples, `chunk` at a time, so that `count` changes nothing."""
    parts = [maker.batch(chunk)[: count - i] for i in range(0, count, chunk)]
    if lean:
        bulky = dict.fromkeys(("masks", "depth", "person_id"))
        parts = [part.replace(**bulky) for part in parts]
    return Sample.cat(parts)
