"""The pool of rendered samples: drawn once, read often, whoever asks at once."""

import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import time
import warnings
from itertools import islice
from pathlib import Path

import pytest
import torch

from poselab.datasets import Pool, SyntheticPeople, cache, pool
from poselab.errors import PoselabError
from poselab.records import Sample
from poselab.system import disk
from poselab.system.source_files import digest, imported_files
from tests.support.samples import make_sample


class Maker:
    """Draws samples by hand and writes down each call to `log`, if any."""

    def __init__(self, seed=0, log=None, slow=0.0, **more):
        self.arguments = {"seed": seed, **more}
        self.log, self.slow = log, slow

    def generator(self):
        return torch.Generator().manual_seed(self.arguments["seed"])

    def batch(self, n, generator=None):
        if self.log:
            with open(self.log, "a") as file:
                file.write(f"{os.getpid()} {n}\n")
        time.sleep(self.slow)
        seeds = torch.randint(0, 10**6, (n,), generator=generator).tolist()
        return Sample.stack([make_sample(seed, 1, (12, 10)) for seed in seeds])


@pytest.fixture(autouse=True)
def cache_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("POSELAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("POSELAB_CACHE_GB", raising=False)
    return tmp_path / "cache"


def assert_equal(a: Sample, b: Sample) -> None:
    for name in pool.FIELDS:
        assert torch.equal(getattr(a, name), getattr(b, name)), name


def test_what_is_read_is_what_was_drawn(cache_folder):
    maker = Maker()
    small = Pool(maker, 10)
    drawn = maker.batch(10, maker.generator())
    got = small.samples(range(10))
    for name in pool.FIELDS:
        wanted = getattr(drawn, name)
        torch.testing.assert_close(getattr(got, name), wanted, rtol=0, atol=1e-6)
        assert getattr(got, name).dtype == wanted.dtype
    assert got.skeleton is drawn.skeleton
    assert got.masks is None
    assert len(small) == 10
    assert_equal(small[-1], got[9])
    with pytest.raises(IndexError):
        small[10]
    assert [p.suffix for p in cache_folder.iterdir() if p.suffix != ".lock"] == [
        ".safetensors"
    ]


def test_the_second_pool_draws_nothing(tmp_path):
    log = tmp_path / "log"
    first = Pool(Maker(log=log), 130)
    calls = log.read_text()
    assert len(calls.splitlines()) == 3
    again = Pool(Maker(log=log), 130)
    assert log.read_text() == calls
    assert_equal(first.samples([0, 129]), again.samples([0, 129]))


def test_more_fields_on_request():
    kept = Pool(Maker(), 3, fields=(*pool.FIELDS, "masks", "person_id", "depth"))
    maker = Maker()
    drawn = maker.batch(3, maker.generator())
    got = kept.samples([0, 1, 2])
    assert torch.equal(got.masks, drawn.masks)
    assert torch.equal(got.person_id, drawn.person_id)
    assert got.person_id.dtype == torch.int16
    assert torch.equal(got.depth, drawn.depth)


@pytest.mark.parametrize(
    "other",
    [
        lambda m: Pool(Maker(seed=1), 5),
        lambda m: Pool(Maker(split="test"), 5),
        lambda m: Pool(Maker(), 6),
        lambda m: (
            m.setattr(Maker, "device", "cuda:1", raising=False),
            Pool(Maker(), 5),
        )[1],
        lambda m: Pool(Maker(), 5, fields=pool.FIELDS[:5]),
        lambda m: (m.setattr(pool, "VERSION", 99), Pool(Maker(), 5))[1],
    ],
    ids=["seed", "argument", "number", "device", "fields", "version"],
)
def test_whatever_changes_the_content_changes_the_key(other, monkeypatch):
    assert Pool(Maker(), 5).path != other(monkeypatch).path


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The package once more, with files that may be changed."""
    package = tmp_path_factory.mktemp("copy") / "poselab"
    own = Path(pool.__file__).parents[1]
    ignored = shutil.ignore_patterns("__pycache__", "*.safetensors")
    return shutil.copytree(own, package, ignore=ignored)


KEY = """
from poselab.datasets import pool, PersonCrops
print(pool._key(PersonCrops(), 5, pool.FIELDS, 8))
"""


def key_in(package):
    """The key of a pool of crops, as a new process with this package makes it."""
    env = {**os.environ, "PYTHONPATH": str(package.parent)}
    command = [sys.executable, "-c", KEY]
    return subprocess.check_output(command, env=env, cwd=package.parent, text=True)


def test_the_key_of_crops_follows_the_code_that_makes_them(copy):
    """transforms.py crops, synthetic.py draws; figures and pools do neither."""
    before = key_in(copy)
    for name in ("draw/figures.py", "datasets/mpii.py", "datasets/pool.py"):
        (copy / name).open("a").write("\n# a change\n")
    assert key_in(copy) == before
    transforms = copy / "datasets/transforms.py"
    transforms.open("a").write("\n# a change\n")
    assert key_in(copy) != before


@pytest.mark.parametrize(
    "name",
    [
        "datasets/person_crops.py",
        "datasets/synthetic.py",
        "datasets/transforms.py",
        "geometry.py",
        "records/base.py",
        "skeleton.py",
        "people/raster/shading.py",
    ],
)
def test_what_makes_a_crop_is_in_its_key(copy, name):
    files = imported_files([copy / "datasets/person_crops.py"], copy)
    before = digest(files, copy)
    (copy / name).open("a").write("\n# another change\n")
    assert digest(files, copy) != before


def test_a_maker_that_inherits_is_drawn_by_both_modules():
    class Own(SyntheticPeople):
        """Without a file of its own in the package."""

    plain, own = map(pool._source_digest, (SyntheticPeople, Own))
    assert plain != own


@pytest.mark.parametrize("damage", ["cut", "empty", "noise"])
def test_a_torn_file_is_drawn_again(damage):
    first = Pool(Maker(), 5)
    whole = first.samples(range(5))
    content = first.path.read_bytes()
    torn = {"cut": content[:-50], "empty": b"", "noise": b"?" * len(content)}[damage]
    first.path.write_bytes(torn)
    with pytest.warns(UserWarning, match="is damaged"):
        again = Pool(Maker(), 5)
    assert_equal(again.samples(range(5)), whole)
    assert first.path.stat().st_size == len(content)


def test_a_file_of_other_content_is_not_believed():
    first = Pool(Maker(), 5)
    other = Pool(Maker(seed=1), 5)
    os.replace(other.path, first.path)
    again = Pool(Maker(), 5)
    maker = Maker()
    wanted = maker.batch(5, maker.generator())
    assert torch.equal(again.samples(range(5)).keypoints, wanted.keypoints)


def test_a_maker_that_fails_leaves_nothing(cache_folder):
    class Broken(Maker):
        def batch(self, n, generator=None):
            raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        Pool(Broken(), 5)
    assert not list(cache_folder.glob("*.safetensors"))
    assert not list(cache_folder.glob(".*"))


def _draw_in_process(folder, log, start, results):
    os.environ["POSELAB_CACHE"] = str(folder)
    torch.set_num_threads(1)
    start.wait()
    mine = Pool(Maker(log=log, slow=0.2), 70)
    results.put(mine.samples(range(70)).keypoints.sum().item())


def test_processes_that_start_at_once_draw_once(tmp_path):
    context = multiprocessing.get_context("spawn")
    start, results = context.Barrier(3), context.Queue()
    log = tmp_path / "log"
    args = (tmp_path / "shared", log, start, results)
    workers = [context.Process(target=_draw_in_process, args=args) for _ in range(3)]
    for worker in workers:
        worker.start()
    sums = {results.get(timeout=120) for _ in workers}
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    assert len(sums) == 1
    assert len(log.read_text().splitlines()) == 2, "two chunks, drawn by one process"
    assert len(list((tmp_path / "shared").glob("*.safetensors"))) == 1


def _hold_lock(path, held):
    with disk.lock(path):
        held.set()
        time.sleep(600)


def test_a_killed_holder_frees_the_lock(tmp_path):
    context = multiprocessing.get_context("spawn")
    held = context.Event()
    worker = context.Process(target=_hold_lock, args=(tmp_path / "a", held))
    worker.start()
    assert held.wait(60)
    worker.kill()
    worker.join(30)
    with disk.lock(tmp_path / "a"):  # waits for ever where a lock outlives its holder
        assert not worker.is_alive()


def test_old_pools_go_when_there_is_too_much(monkeypatch, cache_folder):
    one = Pool(Maker(seed=1), 40)
    size = one.path.stat().st_size
    monkeypatch.setenv("POSELAB_CACHE_GB", str(2.5 * size / 1e9))
    two = Pool(Maker(seed=2), 40)
    os.utime(one.path, (10, 10))
    os.utime(two.path, (20, 20))
    Pool(Maker(seed=1), 40)  # used now, so `two` is the older one
    stale = cache_folder / ".x.tmp"
    stale.write_bytes(b"left behind")
    os.utime(stale, (10, 10))
    three = Pool(Maker(seed=3), 40)
    assert not two.path.exists()
    assert not stale.exists()
    assert one.path.exists()
    assert three.path.exists()
    two.samples([0, 39])  # an open pool stays readable
    monkeypatch.setenv("POSELAB_CACHE_GB", "0")
    assert Pool(Maker(seed=4), 40).path.exists()
    assert not three.path.exists()
    monkeypatch.setenv("POSELAB_CACHE_GB", "much")
    with pytest.raises(PoselabError, match="POSELAB_CACHE_GB"):
        cache.limit_bytes()


def test_a_directory_that_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("POSELAB_CACHE", str(tmp_path / "file" / "cache"))
    monkeypatch.setattr(disk.tempfile, "gettempdir", lambda: str(tmp_path / "temp"))
    with pytest.warns(UserWarning, match="cannot be written.*Set POSELAB_CACHE"):
        made = Pool(Maker(), 3)
    assert (tmp_path / "temp") in made.path.parents
    monkeypatch.setattr(disk.tempfile, "gettempdir", lambda: str(tmp_path / "file"))
    with (
        pytest.warns(UserWarning, match="cannot be written"),
        pytest.raises(PoselabError, match="POSELAB_CACHE"),
    ):
        Pool(Maker(), 3)


def test_a_read_only_pool_is_read_without_a_word(cache_folder, monkeypatch):
    made = Pool(Maker(), 3)

    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(disk.tempfile, "TemporaryFile", refuse)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_equal(Pool(Maker(), 3)[1], made[1])


def test_a_full_disk_keeps_the_pool_in_memory(monkeypatch, cache_folder):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pool, "save_file", full)
    with pytest.warns(UserWarning, match="kept in memory only"):
        made = Pool(Maker(), 3)
    assert made.samples([0, 1, 2]).image.shape == (3, 3, 12, 10)
    assert not list(cache_folder.glob("*.safetensors"))


def test_batches_are_shuffled_complete_and_reproducible():
    small = Pool(Maker(), 10)
    everyone = small.samples(range(10)).track_ids
    assert len(everyone) == 10

    def order(seed):
        batches = small.batches(4, seed)
        return [b.keypoints[:, 0, 0, 0].tolist() for b in islice(batches, 6)]

    assert order(1) == order(1)
    assert order(1) != order(2)
    first_round = sum(order(1)[:2], [])
    assert len(set(first_round)) == 8
    batch = next(small.batches(10))
    assert batch.image.dtype == torch.float32
    assert batch.image.max() <= 1
    with pytest.raises(PoselabError, match="between 1 and 10"):
        small.batches(11)


def test_a_pool_that_exists_is_opened_and_not_drawn(tmp_path):
    log = tmp_path / "log"
    big = Pool(Maker(log=log), 64, fields=pool.FIELDS)
    drawn = log.read_text()
    again = Pool(Maker(log=log), 64, fields=pool.FIELDS)
    assert log.read_text() == drawn
    assert torch.equal(again.samples([3]).image, big.samples([3]).image)


def test_bad_arguments():
    for n in (0, -3, 2.5):
        with pytest.raises(PoselabError, match="at least one sample"):
            Pool(Maker(), n)
    with pytest.raises(PoselabError, match="a Sample"):
        Pool(Maker(), 3, fields=("image", "keypoints", "nothing"))
    odd = Maker()
    odd.arguments = {(1, 2): 3}
    with pytest.raises(PoselabError, match="arguments"):
        Pool(odd, 3)
    assert json.dumps(Maker().arguments)
