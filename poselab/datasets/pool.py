"""A pool of rendered samples, kept on disk so that the next notebook starts at once.

A pool is one safetensors file: images as bytes, the truth as it is. Its name is a hash
of everything that decides its content (the maker's arguments, the number of samples,
the fields, the source code that draws). Reading maps the file into memory; writing goes
to a temporary file that is renamed when complete, under a lock, so two notebooks that
start at once make one pool between them. Old pools go when the directory grows too
large.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import sys
import warnings
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from poselab.datasets.cache import evict, touch
from poselab.datasets.sources import Source
from poselab.errors import ArgumentError, require
from poselab.records import Sample
from poselab.skeleton import Skeleton, by_name
from poselab.system.disk import cache_dir, lock, replace_file, wanted_dir
from poselab.system.distributed import Team
from poselab.system.progress import progress_bar
from poselab.system.source_files import digest, imported_files

VERSION = 2
CHUNK = 64
FIELDS = (
    "image",
    "keypoints",
    "visibility",
    "boxes",
    "areas",
    "joints_3d",
    "intrinsics",
    "track_ids",
    "hidden_by",
    "present",
)
_SMALL = {"visibility": torch.uint8, "person_id": torch.int8}
_FULL = {"visibility": torch.int64, "person_id": torch.int16}


class Maker(Protocol):
    """Anything that draws samples, such as `SyntheticPeople`.

    `arguments` is a JSON-able dictionary that decides, with the generator, what
    `batch(n, generator)` returns: a stacked `Sample` of n.
    """

    arguments: dict[str, Any]

    def batch(self, n: int, generator: torch.Generator | None = None) -> Sample: ...


class Pool(Source):
    """`n` samples of `maker`, drawn once and then read from disk.

    `pool[i]` is a `Sample`, `pool.samples(indices)` a stacked one, `pool.batches` an
    infinite shuffled iterator for training. `fields` says what is kept; add "masks",
    "person_id" or "depth" where they are needed (they are as large as the images).
    `chunk` samples are drawn at a time, which decides what they are. Images are kept
    with 8 bits a channel. Raises `ArgumentError` for an empty pool; a directory that
    cannot be written costs a warning and a temporary one is used.
    """

    def __init__(
        self,
        maker: Maker,
        n: int,
        fields: Sequence[str] = FIELDS,
        directory: str | Path | None = None,
        progress: bool = False,
        chunk: int = CHUNK,
    ) -> None:
        require(
            isinstance(n, int) and n > 0,
            "a pool needs at least one sample",
            where="Pool",
            field="n",
            value=n,
        )
        self.maker, self.n = maker, n
        self.fields = tuple(dict.fromkeys([*fields, "present"]))
        self._progress, self._chunk = progress, chunk
        self.key = _key(maker, n, self.fields, chunk)
        self.path = _place(f"{self.key}.safetensors", directory)
        self._data, self._skeleton = self._open_or_make()

    def __len__(self) -> int:
        return self.n

    @property
    def content(self) -> dict[str, Tensor]:
        """The fields as they are kept, images as bytes; `unpack` makes them usable."""
        return dict(self._data)

    @property
    def skeleton(self) -> Skeleton:
        """Whose joints the samples have."""
        return self._skeleton

    def __getitem__(self, index: int) -> Sample:
        if not -self.n <= index < self.n:
            raise IndexError(f"sample {index} of a pool of {self.n}")
        return self.samples([index % self.n])[0]

    def samples(self, indices: Sequence[int] | Tensor) -> Sample:
        """The samples at these places, stacked."""
        index = torch.as_tensor(indices, dtype=torch.int64)
        data = {name: unpack(name, v[index]) for name, v in self._data.items()}
        return Sample(**data, skeleton=self._skeleton)

    def batches(
        self, batch_size: int, seed: int = 0, device: torch.device | str | None = None
    ) -> Iterator[Sample]:
        """Stacked samples without end, in a new random order each time round.

        A round's last samples that do not fill a batch are left for a later round.
        """
        generator = torch.Generator().manual_seed(seed)
        order = shuffled(self.n, batch_size, generator)
        return (self._on(device, index) for index in order)

    def stream(
        self, batch_size: int, seed: int = 0, team: Team | None = None, start: int = 0
    ) -> Iterator[Sample]:
        """From batch `start` on, the part of each batch that is this process's."""
        generator = torch.Generator().manual_seed(seed)
        part = (team or Team()).part(batch_size)
        order = shuffled(self.n, batch_size, generator)
        for index in itertools.islice(order, start, None):
            yield self._on(None, index[part])

    def _on(self, device, index: Tensor) -> Sample:
        # Bytes travel to the device, not floats: a quarter of the traffic.
        data = {k: v[index].to(device or "cpu") for k, v in self._data.items()}
        data = {k: unpack(k, v) for k, v in data.items()}
        return Sample(**data, skeleton=self._skeleton)

    def _open_or_make(self):
        found = _read(self.path, self.key, self.n)
        if found is None:
            with lock(self.path):
                found = _read(self.path, self.key, self.n) or self._make()
        touch(self.path)
        return found

    def _make(self):
        data, skeleton = _draw(
            self.maker, self.n, self.fields, self._progress, self._chunk
        )
        meta = {"key": self.key, "skeleton": skeleton.name}
        try:
            with replace_file(self.path) as temporary:
                save_file(data, temporary, metadata=meta)
        except (OSError, SafetensorError) as problem:
            warnings.warn(
                f"the pool of {self.n} samples is kept in memory only, because "
                f"{self.path} could not be written: {problem}",
                stacklevel=4,
            )
            return data, skeleton
        evict(self.path.parent, keep=self.path)
        return _read(self.path, self.key, self.n) or (data, skeleton)


def shuffled(n: int, batch_size: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Places [batch_size] in a row of n, without end, in a new order each round.

    Those of a round's end that do not fill a batch are left for a later round. Raises
    `ArgumentError` if a batch is larger than a round.
    """
    require(
        0 < batch_size <= n,
        f"must be between 1 and {n}",
        where="batches",
        field="batch_size",
        value=batch_size,
    )
    return _rounds(n, batch_size, generator)


def _rounds(n: int, batch_size: int, generator: torch.Generator) -> Iterator[Tensor]:
    while True:
        order = torch.randperm(n, generator=generator)
        for index in order.split(batch_size):
            if len(index) == batch_size:
                yield index


def _place(name: str, directory: str | Path | None) -> Path:
    """Where the file is or will be; one in a read-only directory is as good."""
    ready = wanted_dir(directory) / name
    return ready if ready.is_file() else cache_dir(directory) / name


def _key(maker: Maker, n: int, fields: tuple[str, ...], chunk: int) -> str:
    """A name for the content: it changes with anything that changes the samples."""
    content = {
        "version": VERSION,
        "maker": f"{type(maker).__module__}.{type(maker).__qualname__}",
        "arguments": maker.arguments,
        # A GPU draws the same people, but rounds in another order.
        "device": torch.device(getattr(maker, "device", None) or "cpu").type,
        "n": n,
        "chunk": chunk,
        "fields": fields,
        "source": _source_digest(type(maker)),
    }
    try:
        text = json.dumps(content, sort_keys=True, default=str)
    except (TypeError, ValueError) as problem:
        raise ArgumentError(
            f"must be a dictionary that JSON can hold ({problem})",
            where=type(maker).__name__,
            field="arguments",
            value=maker.arguments,
        ) from problem
    name = hashlib.sha256(text.encode()).hexdigest()[:24]
    return f"{type(maker).__name__}-{n}-{name}"


@cache
def _source_digest(kind: type) -> str:
    """A hash of the code that draws: the maker's modules and all that they import.

    A changed renderer must not be answered with yesterday's pictures. How pools are
    kept is no drawing: what changes about it shows in `VERSION`.
    """
    package, here = Path(__file__).parents[1], Path(__file__)
    modules = [sys.modules.get(base.__module__) for base in kind.__mro__[:-1]]
    named = [getattr(module, "__file__", None) for module in modules]
    # A class written in a notebook has no file: then all data sets count.
    files = [Path(name or here.with_name("__init__.py")) for name in named]
    return digest(imported_files(files, package, without=[here]), package)


def _draw(maker: Maker, n: int, fields: Sequence[str], progress: bool, chunk: int):
    """Draw n samples, `chunk` at a time: name -> packed tensor, and the skeleton."""
    parts: dict[str, list[Tensor]] = {}
    own = getattr(maker, "generator", None)  # a new one: the key names no other state
    generator = own() if own else torch.Generator().manual_seed(0)
    bar = progress_bar(
        total=n, desc="drawing people", disable=not progress, leave=False
    )
    for start in range(0, n, chunk):
        batch = maker.batch(min(chunk, n - start), generator)
        for name, value in batch.tensors().items():
            if name in fields:
                parts.setdefault(name, []).append(_pack(name, value).cpu())
        bar.update(min(chunk, n - start))
    bar.close()
    missing = [name for name in fields[:5] if name not in parts]
    require(
        not missing,
        "the maker does not give these fields of a Sample",
        where="Pool",
        field="fields",
        value=missing,
    )
    return {k: torch.cat(v).contiguous() for k, v in parts.items()}, batch.skeleton


def _pack(name: str, value: Tensor) -> Tensor:
    if name == "image":
        return (value * 255).round().clamp(0, 255).byte()
    return value.to(_SMALL.get(name, value.dtype))


def unpack(name: str, value: Tensor) -> Tensor:
    """A field as a pool keeps it -> as a `Sample` has it."""
    if name == "image":
        return value.float().div_(255)  # in place: half the memory for many images
    return value.to(_FULL.get(name, value.dtype))


def _read(path: Path, key: str, n: int):
    """The tensors of a pool file, mapped into memory; None if missing or damaged."""
    try:
        with safe_open(str(path), framework="pt") as file:
            meta = file.metadata() or {}
            data = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except FileNotFoundError:
        return None
    except (OSError, SafetensorError) as problem:
        warnings.warn(f"{path} is damaged ({problem}) and is drawn again", stacklevel=5)
        return None
    if meta.get("key") != key or any(len(v) != n for v in data.values()):
        return None
    return data, by_name(meta["skeleton"])
