"""Fetch a file over HTTP: whole or not at all, carrying on where it was cut.

Only the standard library is used. What has come is kept in a hidden file beside the
target, with a note of which version on the server it belongs to; the target appears by
one rename, after its length and checksum were found right.
"""

from __future__ import annotations

import time
from pathlib import Path

from poselab.errors import require
from poselab.system.disk import lock
from poselab.system.promise import Promise
from poselab.system.transfer import CHUNK, Cut, Transfer

RETRIES, TIMEOUT, WAIT = 5, 30.0, 1.0
LONGEST_WAIT = 60.0  # seconds, also where a server demands more


def download(
    url: str,
    path: str | Path,
    sha256: str | None = None,
    size: int | None = None,
    progress: bool = True,
    *,
    md5: str | None = None,
    retries: int = RETRIES,
    timeout: float = TIMEOUT,
    wait: float = WAIT,
) -> Path:
    """The file at `url` as `path`, fetched unless it is there and right; the path.

    `sha256` (or `md5`) may be only the first digits, `size` is in bytes; what is given
    must hold. A broken connection or a busy server is tried again `retries` times in a
    row, after `wait`, 2 `wait`, 4 `wait`, ... seconds; what had come is kept, also
    after Ctrl-C, and the next call carries on from there if the server can and its file
    is still the same. Two processes that want the same file fetch it once.

    Raises `DownloadError`, which names the address and what is left on the disk.
    """
    target = Path(path)
    require(
        url.startswith(("http://", "https://")),
        "only http and https addresses",
        where="url",
        value=url,
    )
    wanted = Promise(size, "md5" if md5 else "sha256", (md5 or sha256 or "").lower())
    transfer = Transfer(url, target, wanted, progress, timeout)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with lock(target.with_name(f".{target.name}")):
            if not wanted.holds_for(target):
                _persist(transfer, retries, wait)
    except OSError as problem:
        raise transfer.disk_error(problem) from problem
    return target


def _persist(transfer: Transfer, retries: int, wait: float) -> None:
    """Attempts until one succeeds; only those that brought nothing new are counted."""
    failures, most = 0, transfer.kept
    while True:
        try:
            return transfer.attempt()
        except Cut as cut:
            grown = transfer.kept >= most + CHUNK
            failures, most = 0 if grown else failures + 1, max(most, transfer.kept)
            if failures > retries or (cut.hopeless and not transfer.reached):
                raise transfer.error(str(cut), "Try it again later.") from cut
            pause = max(cut.after, wait * 2 ** max(0, failures - 1))
            time.sleep(min(pause, LONGEST_WAIT))
