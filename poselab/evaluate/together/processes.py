"""Starts the learners, waits for them, and packs up what they have written."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from poselab.evaluate.together.rules import Rules
from poselab.system.disk import replace_file

LOOK = 1.0  # seconds between two looks at the processes
PACK = 20.0  # seconds between two packings
LEARNER = "poselab.evaluate.together.learner"


@dataclass
class Pupil:
    """A network's process, and the file that it writes its lines to."""

    name: str
    process: subprocess.Popen
    log: Path

    @property
    def state(self) -> str:
        """ "learning", "done", or how it ended."""
        code = self.process.poll()
        return {None: "learning", 0: "done"}.get(code, f"failed ({code})")


def train_together(names: Sequence[str], rules: Rules, packed: Path) -> dict[str, str]:
    """Train the networks `names` by `rules`; how each of them ended.

    Each has a folder of its own in `rules.out`, with weights, card and a log; all of it
    is packed into `packed` (tar) now and then, and in the end.
    """
    out = Path(rules.out)
    out.mkdir(parents=True, exist_ok=True)
    rules.write(out / "rules.json")
    pupils = [_start(name, out) for name in names]
    last = time.monotonic()
    try:
        while _learning(pupils) and time.monotonic() < rules.deadline:
            time.sleep(LOOK)
            if time.monotonic() - last > PACK:
                last = time.monotonic()
                pack(out, packed)
    finally:
        for pupil in _learning(pupils):
            pupil.process.kill()
            pupil.process.wait()
        pack(out, packed)
    return {pupil.name: pupil.state for pupil in pupils}


def _start(name: str, out: Path, module: str = LEARNER) -> Pupil:
    log = out / f"{name}.log"
    rules = str(out / "rules.json")
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
    with log.open("w") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", module, name, rules],
            stdout=file,
            stderr=subprocess.STDOUT,
            env=environment,
        )
    return Pupil(name, process, log)


def _learning(pupils: list[Pupil]) -> list[Pupil]:
    return [pupil for pupil in pupils if pupil.process.poll() is None]


def pack(folder: Path, packed: Path) -> None:
    """One tar of all weights, cards and logs, replaced in one go."""
    with replace_file(packed) as part, tarfile.open(part, "w") as tar:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.name.startswith("."):
                tar.add(path, path.relative_to(folder))


def summary(names: Sequence[str], rules: Rules, ends: dict[str, str]) -> str:
    """A line for each network: how it ended and the last line of its log."""
    lines = []
    for name in names:
        log = Path(rules.out) / f"{name}.log"
        text = log.read_text(encoding="utf-8").strip().splitlines() or ["(silent)"]
        lines.append(f"{name}: {ends[name]}: {text[-1][:200]}")
    return "\n".join(lines)
