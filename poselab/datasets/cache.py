"""The cache directory: where it is, who may write in it, what is thrown away.

`POSELAB_CACHE` names the directory, else the user's cache directory is used.
`POSELAB_CACHE_GB` bounds its size (2 unless set).
"""

from __future__ import annotations

import contextlib
import getpass
import os
import sys
import tempfile
import time
import uuid
import warnings
from collections.abc import Iterator
from pathlib import Path

from poselab.errors import CacheError

DEFAULT_GB = 2.0
_STALE_SECONDS = 24 * 3600


def cache_dir(directory: str | Path | None = None) -> Path:
    """The directory for pools, created if missing.

    `directory` wins over `POSELAB_CACHE`, which wins over the user's cache directory.
    One that cannot be written gives a warning and a temporary directory instead.
    """
    wanted = wanted_dir(directory)
    problem = _unwritable(wanted)
    if problem is None:
        return wanted
    fallback = Path(tempfile.gettempdir()) / f"poselab-{_user()}"
    warnings.warn(
        f"the cache directory {wanted} cannot be written ({problem}); {fallback} is "
        "used instead. Set POSELAB_CACHE to a directory of yours.", stacklevel=3,
    )  # fmt: skip
    second = _unwritable(fallback)
    if second is not None:
        raise CacheError(
            f"no directory can be written ({second})", where="POSELAB_CACHE",
            value=str(wanted), fix="Set it to a directory that you may write.",
        )  # fmt: skip
    return fallback


def wanted_dir(directory: str | Path | None = None) -> Path:
    """The directory that the user asked for, whether or not it can be written."""
    wanted = directory or os.environ.get("POSELAB_CACHE") or _user_cache()
    return Path(wanted).expanduser()


def _user_cache() -> Path:
    home = Path.home()
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "poselab"
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local"
        return Path(base) / "poselab"
    return Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache") / "poselab"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container's user without a name
        return str(os.getuid() if hasattr(os, "getuid") else "user")


def _unwritable(directory: Path) -> OSError | None:
    """Why nothing can be written there, or None; tried, since modes tell too little."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            return None
    except OSError as problem:
        return problem


@contextlib.contextmanager
def lock(path: Path) -> Iterator[None]:
    """Hold `path`.lock against other processes; it is freed when the holder dies.

    Where the file system has no locks, nothing is held: two processes then draw the
    same pool, and the second rename wins, which does no harm.
    """
    with contextlib.ExitStack() as stack:
        try:
            file = stack.enter_context(open(f"{path}.lock", "a+b"))
            _acquire(file)
        except OSError:
            stack.close()
        yield


def _acquire(file) -> None:
    if sys.platform == "win32":
        import msvcrt

        file.seek(0)
        while True:
            try:
                return msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
            except OSError as problem:
                if problem.errno != 36:  # EDEADLOCK: 10 s passed; wait on
                    raise
    import fcntl

    fcntl.flock(file, fcntl.LOCK_EX)


@contextlib.contextmanager
def replace_file(path: Path) -> Iterator[Path]:
    """A temporary path to write to, which becomes `path` when all went well.

    Nothing half-written is ever seen at `path`. Raises what the writer raises.
    """
    temporary = path.with_name(f".{path.name[:40]}.{uuid.uuid4().hex[:12]}.tmp")
    try:
        temporary.touch(exist_ok=False)
        yield temporary
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def touch(path: Path) -> None:
    """Mark a file as used now, which is what eviction goes by."""
    with contextlib.suppress(OSError):
        os.utime(path)


def limit_bytes() -> int:
    """The size that the cache may have; raises `CacheError` for a bad setting."""
    text = os.environ.get("POSELAB_CACHE_GB", str(DEFAULT_GB))
    try:
        return int(float(text) * 1e9)
    except (ValueError, OverflowError) as problem:
        raise CacheError(
            "is not a number of gigabytes", where="POSELAB_CACHE_GB", value=text,
            fix="Set it to a number such as 2, or unset it.",
        ) from problem  # fmt: skip


def evict(directory: Path, keep: Path, limit: int | None = None) -> list[Path]:
    """Delete the longest unused pools until `limit` bytes are left; what went.

    `keep` is never deleted. Temporary files of processes that died go after a day. A
    pool that is open elsewhere stays readable there (on Windows it is not deleted).
    """
    limit = limit_bytes() if limit is None else limit
    gone = [p for p in directory.glob(".*.tmp") if _age(p) > _STALE_SECONDS]
    pools = sorted(directory.glob("*.safetensors"), key=_age)  # newest first
    total = _size(keep)
    for path in (p for p in pools if p != keep):
        total += _size(path)
        if total > limit:
            gone.append(path)
    return [path for path in gone if _delete(path)]


def _delete(path: Path) -> bool:
    try:
        path.unlink()
    except OSError:
        return False
    return True


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except OSError:
        return 0.0


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
