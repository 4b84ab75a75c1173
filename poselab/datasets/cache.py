"""The cache directory's size: what is thrown away when it has grown too large.

`POSELAB_CACHE_GB` bounds it (2 unless set); where it is, `poselab.system.disk` says.
"""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

from poselab.errors import CacheError

DEFAULT_GB = 2.0
_STALE_SECONDS = 24 * 3600


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
            "is not a number of gigabytes",
            where="POSELAB_CACHE_GB",
            value=text,
            fix="Set it to a number such as 2, or unset it.",
        ) from problem


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
