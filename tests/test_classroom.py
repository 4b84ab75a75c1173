"""A class of fifty: one shared cache, a course that nobody may write, Binder."""

import multiprocessing
import os
import stat
import subprocess
import sys
from pathlib import Path

import torch

from poselab.datasets import Pool
from tests.support.sources import Dots

ROOT = Path(__file__).parents[1]
LEARNERS = 50


class Maker(Dots):
    """Dots as a pool's maker."""

    @property
    def arguments(self):
        """What decides the pictures."""
        return {"size": self.size}

    def batch(self, n, generator=None):
        return super().batch(n, generator or torch.Generator().manual_seed(0))


def _learner(folder, start, results):
    os.environ["POSELAB_CACHE"] = str(folder)
    torch.set_num_threads(1)
    start.wait(120)
    pools = [Pool(Maker(size), 40) for size in ((32, 24), (24, 32))]
    results.put([pool.samples(range(40)).image.double().sum().item() for pool in pools])


def test_fifty_kernels_share_one_cache(tmp_path):
    # Children of a process that has imported torch once: fifty imports take minutes.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["torch", "poselab.datasets", "tests.support.sources"]
    )
    start, results = context.Barrier(LEARNERS), context.Queue()
    args = (tmp_path / "shared", start, results)
    learners = [context.Process(target=_learner, args=args) for _ in range(LEARNERS)]
    for learner in learners:
        learner.start()
    found = [results.get(timeout=120) for _ in learners]
    for learner in learners:
        learner.join(60)
        assert learner.exitcode == 0
    assert all(sums == found[0] for sums in found)
    assert len(list((tmp_path / "shared").glob("*.safetensors"))) == 2
    assert not list((tmp_path / "shared").glob("*.tmp"))


def test_a_read_only_course_runs(tmp_path):
    """The teacher's folder cannot be written: the caches go to the learner's own."""
    course, home = tmp_path / "course", tmp_path / "home"
    course.mkdir()
    home.mkdir()
    course.chmod(stat.S_IRUSR | stat.S_IXUSR)
    script = (
        "from poselab.datasets import SyntheticPeople as S; "
        "print(S(size=(64, 48)).pool(4).path)"
    )
    hidden = {"POSELAB_CACHE", "XDG_CACHE_HOME"}
    env = {k: v for k, v in os.environ.items() if k not in hidden}
    path = os.pathsep.join([str(ROOT), env.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        cwd=course,
        text=True,
        capture_output=True,
        env={**env, "HOME": str(home), "PYTHONPATH": path},
    )
    assert done.returncode == 0, done.stderr
    assert home in Path(done.stdout.strip()).parents
    assert not list(course.iterdir())


def test_binder_finds_what_it_needs():
    """repo2docker reads environment.yml in the root, and installs the repository."""
    lines = (ROOT / "environment.yml").read_text().splitlines()
    assert {"name: poselab", "dependencies:", "  - pip:"} <= set(lines)
    assert "      - --editable ." in lines
    assert not (ROOT / "Dockerfile").exists()  # it would win over environment.yml
    assert not (ROOT / "binder").exists()
    assert not (ROOT / ".binder").exists()
