"""People that poselab draws itself, as an endless data set with the full truth."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import torch

from poselab.datasets.sources import SEEDS, Source
from poselab.errors import require
from poselab.people.body.kinematics import BodyPose
from poselab.people.body.motion import ACTIVITIES
from poselab.people.scene import clip, edit, sampling
from poselab.people.scene.backdrop import BACKGROUNDS
from poselab.people.scene.edit import known
from poselab.people.scene.scenes import Scene, draw, part
from poselab.records import Sample
from poselab.skeleton import COCO_17, Skeleton
from poselab.system.memory import keep_freed

SPLITS = ("train", "test")
PIXELS = 1 << 22, 1 << 26  # drawn at once on a CPU and elsewhere: a matter of memory


def _demand(good: bool, problem: str, **field: Any) -> None:
    name, value = next(iter(field.items()))
    require(good, problem, where="SyntheticPeople", field=name, value=value)


def _size(size: Any) -> tuple[int, int]:
    pair = isinstance(size, tuple | list) and len(size) == 2
    good = pair and all(isinstance(n, int) and 8 <= n <= 4096 for n in size)
    _demand(good, "must be (height, width) of 8 to 4096 pixels", size=size)
    return tuple(size)


def _people(people: Any) -> tuple[int, int]:
    pair = (people, people) if isinstance(people, int) else people
    good = isinstance(pair, tuple | list) and len(pair) == 2
    good = good and all(isinstance(n, int) for n in pair) and 1 <= pair[0] <= pair[1]
    _demand(good, "must be a number from 1 or a range (low, high)", people=people)
    return tuple(pair)


def _device(device: Any) -> torch.device:
    try:
        found = torch.device(device or "cpu")
    except (RuntimeError, TypeError):
        found = None
    _demand(found is not None, 'must be "cpu", "cuda" or the like', device=device)
    there = found.type != "cuda" or torch.cuda.is_available()
    _demand(there, "this machine has no such GPU", device=device)
    return found


def _seed(seed: Any) -> int:
    good = isinstance(seed, int) and 0 <= seed < SEEDS
    _demand(good, f"must be a whole number from 0 to {SEEDS - 1}", seed=seed)
    return seed


class SyntheticPeople(Source):
    """Drawn people: stacked `Sample`s with every field, without end.

    `people` is the number per image, or (low, high); one person is framed as a top-down
    crop, several share a ground. `seed` and `split` decide everything; splits never
    share a stream. On another `device` the same people are drawn there; with
    `cast_there` they are also thought up there, which is faster, and other people.
    """

    def __init__(
        self,
        size: tuple[int, int] = (128, 96),
        people: int | tuple[int, int] = 1,
        seed: int = 0,
        device: torch.device | str | None = None,
        skeleton: Skeleton = COCO_17,
        split: str = "train",
        activity: str | None = None,
        occluded: float = 0.3,
        background: str | None = None,
        cast_there: bool = False,
    ) -> None:
        _demand(0 <= occluded <= 1, "must be from 0 to 1", occluded=occluded)
        for field, value, words in (
            ("split", split, SPLITS),
            ("background", background, BACKGROUNDS),
            ("activity", activity, (*ACTIVITIES, "random")),
        ):
            known(field, value, words, "SyntheticPeople")
        self.size, self.people, self.seed = _size(size), _people(people), _seed(seed)
        _demand(
            isinstance(skeleton, Skeleton),
            "must be a Skeleton, such as COCO_17",
            skeleton=skeleton,
        )
        self.device, self.skeleton, self.split = _device(device), skeleton, split
        self.activity, self.occluded = activity, occluded
        self.background, self.cast_there = background, bool(cast_there)
        self._generator = self.generator()

    @property
    def arguments(self) -> dict[str, Any]:
        """What decides the samples, for the key of a pool."""
        names = (
            "size",
            "people",
            "seed",
            "split",
            "activity",
            "occluded",
            "background",
            "cast_there",
        )
        return {n: getattr(self, n) for n in names} | {"skeleton": self.skeleton.name}

    def generator(self, seed: int | None = None) -> torch.Generator:
        """A new generator at the start of the stream of `seed` (default: its own)."""
        place = self.device if self.cast_there else "cpu"
        return torch.Generator(place).manual_seed(self._number(seed))

    # Seeds go from 0 to SEEDS; the splits' ranges follow one another.
    def _number(self, seed: int | None) -> int:
        """What all randomness of `seed` starts from, other numbers in each split."""
        return self._seed(seed) + SEEDS * SPLITS.index(self.split)

    def batch(self, n: int, generator: torch.Generator | None = None) -> Sample:
        """`n` new samples, stacked; without a generator the stream goes on."""
        require(
            isinstance(n, int) and n >= 1,
            "must be a whole number from 1",
            where="batch",
            field="n",
            value=n,
        )
        return self._draw(self.scenes(n, generator or self._generator), self.size)

    def scenes(self, n: int, generator: torch.Generator) -> Scene:
        """What `batch` draws, before it is drawn."""
        if self.people == (1, 1):
            return sampling.framed(
                n, generator, self.size, self.activity, self.background, self.occluded
            )
        return sampling.crowd(
            n, self.people, generator, self.size, self.activity, self.background
        )

    def scene(
        self,
        *,
        pose: BodyPose | None = None,
        activity=None,
        phase=None,
        crouch=None,
        yaw=None,
        height=None,
        child=None,
        clothes: dict | None = None,
        x=None,
        z=None,
        distance: float | None = None,
        focal_length: float | None = None,
        camera_height: float | None = None,
        pitch: float | None = None,
        occluder: str | None = None,
        occluder_at: tuple[float, float] = (300.0, 700.0),
        occluder_size: float = 1.0,
        background: str | None = None,
        size: tuple[int, int] | None = None,
        seed: int | None = None,
    ) -> Sample:
        """One picture to order; what is left out is drawn from `seed`.

        Of people (a number for all or a list of one per person): `activity`, `phase`
        0..1 of its cycle, or a `pose`; `crouch` 0..1; `yaw` degrees to the own left (0
        faces the camera); `height` mm; `child` 0..1; `x`, `z` mm. `clothes` are changes
        to a `Clothes`, such as {"shirt": "#cc3344", "sleeves": "long"}. Of the camera:
        `distance`, `camera_height` mm, `focal_length` px, `pitch` degrees down; without
        any of them one person is framed as in `batch`. `occluder` is one of OCCLUDERS,
        standing at (x, z) mm (z towards the camera). Who cannot be seen keeps a row
        with `present` False. Raises `ArgumentError`.
        """
        size, number = _size(size or self.size), self._number(seed)
        edit.check_ranges(
            height=height,
            child=child,
            crouch=crouch,
            distance=distance,
            focal_length=focal_length,
            camera_height=camera_height,
            pitch=pitch,
            occluder_size=occluder_size,
        )
        posed = pose is activity is phase is crouch is None  # else anew, below
        scene = self._one(seed, size, posed)
        scene = edit.set_bodies(scene, number, height, child, clothes)
        scene = edit.set_pose(scene, number, pose, activity, phase, crouch)
        scene = edit.move_people(scene, x, z, yaw)
        if self.people == (1, 1):
            scene = sampling.reframed(scene, size)
        scene = edit.set_camera(
            scene, size, distance, focal_length, camera_height, pitch
        )
        scene = edit.set_surroundings(
            scene, number, occluder, occluder_at, occluder_size, background
        )
        return self._draw(scene, size).single()  # rows as ordered, seen or not

    def clip(
        self,
        frames: int = 16,
        *,
        activity=None,
        fps: float = clip.FPS,
        size: tuple[int, int] | None = None,
        seed: int | None = None,
    ) -> Sample:
        """`frames` pictures of people who move, stacked; track_ids stay the same.

        The camera stands still; `activity` is one word for all or one per person.
        """
        whole = isinstance(frames, int) and frames >= 1
        require(
            whole,
            "must be a whole number from 1",
            where="clip",
            field="frames",
            value=frames,
        )
        size, g = _size(size or self.size), self.generator(seed)
        scene = sampling.crowd(1, self.people, g, size, None, self.background)
        scene = clip.animate(
            scene, frames, self._number(seed), activity or self.activity, fps
        )
        return self._draw(scene, size)

    def _draw(self, scene: Scene, size: tuple[int, int]) -> Sample:
        """The pictures of scenes: a part of them at a time where they are many."""
        keep_freed()
        scene, s = scene.to(self.device), len(scene.count)
        most = max(1, PIXELS[self.device.type != "cpu"] // (size[0] * size[1]))
        if s <= most:
            return draw(scene, size, self.skeleton)
        parts = [
            draw(part(scene, range(i, min(i + most, s))), size, self.skeleton)
            for i in range(0, s, most)
        ]
        return Sample.cat(parts)

    def _seed(self, seed: int | None) -> int:
        return self.seed if seed is None else _seed(seed)

    def _one(self, seed: int | None, size: tuple[int, int], posed: bool) -> Scene:
        device = self.device if self.cast_there else torch.device("cpu")
        number, words = self._number(seed), (self.activity, self.background)
        return _cast(number, device, size, self.people, *words, posed)

    def batches(self, batch_size: int, seed: int | None = None) -> Iterator[Sample]:
        """New stacked samples without end: the stream of `seed` (default: its own)."""
        generator = self.generator(seed)
        while True:
            yield self.batch(batch_size, generator)

    def pool(self, n: int, **options):
        """`n` samples, drawn once and kept on disk: see `poselab.datasets.Pool`."""
        from poselab.datasets.pool import Pool

        return Pool(self, n, **options)


@lru_cache(maxsize=64)
def _cast(number: int, device: torch.device, size, people, activity, background, posed):
    """The scene that `scene` changes, which nobody writes into."""
    g = torch.Generator(device).manual_seed(number)
    if people == (1, 1):
        return sampling.framed(1, g, size, activity, background, 0.0, posed)
    return sampling.crowd(1, people, g, size, activity, background, posed)
