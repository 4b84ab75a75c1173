"""Files that appear whole or not at all, locks, and the cache directory.

`POSELAB_CACHE` names the directory, else the user's cache directory is used.
"""

from __future__ import annotations

import contextlib
import errno
import getpass
import os
import platform
import re
import shutil
import sys
import tempfile
import uuid
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from poselab.errors import ArgumentError, CacheError


def cache_dir(directory: str | Path | None = None) -> Path:
    """The directory for pools and downloads, created if missing.

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
        "used instead. Set POSELAB_CACHE to a directory of yours.",
        stacklevel=3,
    )
    second = _unwritable(fallback)
    if second is not None:
        raise CacheError(
            f"no directory can be written ({second})",
            where="POSELAB_CACHE",
            value=str(wanted),
            fix="Set it to a directory that you may write.",
        )
    return fallback


def wanted_dir(directory: str | Path | None = None) -> Path:
    """The directory to use, whether or not it can be written."""
    wanted = directory or os.environ.get("POSELAB_CACHE") or _user_cache()
    return user_path(wanted)


def user_path(path: str | Path) -> Path:
    """`path` with a leading ~ as the home directory; as it is where there is none."""
    try:
        return Path(path).expanduser()
    except RuntimeError:  # no HOME and no such user
        return Path(path)


def _user_cache() -> Path:
    """The user's cache directory; "~/..." for a user without a home."""
    home = user_path("~")
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "poselab"
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local"
        return Path(base) / "poselab"
    return Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache") / "poselab"


def _user() -> str:
    try:
        return getpass.getuser()
    except (
        KeyError,
        OSError,
        ImportError,
        AttributeError,
    ):  # a container's user without a name
        return str(os.getuid() if hasattr(os, "getuid") else "user")


def _unwritable(directory: Path) -> OSError | None:
    """Why nothing can be written there, or None; tried, since modes are not enough."""
    if directory.parts[:1] and directory.parts[0].startswith("~"):
        return OSError("this user has no home directory")
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            return None
    except OSError as problem:
        return problem


@contextlib.contextmanager
def lock(path: Path) -> Iterator[None]:
    """Hold `path`.lock against other processes; it is freed when its process ends.

    Where the file system has no locks, nothing is held: two processes then make the
    same file, and the second rename wins, which does no harm.
    """
    name = Path(f"{path}.lock")
    with contextlib.ExitStack() as stack:
        try:
            while not _hold(stack.enter_context(open(name, "a+b")), name):
                stack.close()
            if sys.platform != "win32":  # where an open file cannot be deleted
                stack.callback(name.unlink, missing_ok=True)
        except OSError:
            stack.close()
        yield


def _hold(file, name: Path) -> bool:
    """Wait for the lock; False where its last holder deleted the file meanwhile."""
    _acquire(file)
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(name))
    except FileNotFoundError:
        return False


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

    Nothing half-written is ever seen at `path`. What killed processes left in the
    folder goes first. Raises what the writer raises.
    """
    path = Path(path)
    remove_leftovers(path.parent)
    temporary = path.with_name(f".{path.name[:40]}.{_mark()}{uuid.uuid4().hex[:8]}.tmp")
    try:
        temporary.touch(exist_ok=False)
        yield temporary
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


_LEFTOVER = re.compile(r"\..*\.([0-9a-f]{4})-(\d+)-[0-9a-f]{8}\.tmp")
_looked_through: set[Path] = set()


def _mark() -> str:
    """This machine and process, as they stand in the name of a temporary file."""
    return f"{_machine()}-{os.getpid()}-"


def _machine() -> str:
    return f"{zlib.crc32(platform.node().encode()) & 0xFFFF:04x}"


def remove_leftovers(folder: Path) -> list[Path]:
    """Delete temporary files whose process is dead; what went. Once for each folder.

    Those of other machines, which may share the disk, stay.
    """
    folder = folder.resolve()
    if folder in _looked_through:
        return []
    _looked_through.add(folder)
    gone = []
    for path in folder.glob(".*.tmp"):
        match = _LEFTOVER.fullmatch(path.name)
        if match and match[1] == _machine() and not _is_alive(int(match[2])):
            with contextlib.suppress(OSError):
                path.unlink()
                gone.append(path)
    return gone


def _is_alive(process: int) -> bool:
    """Whether there is a process of this number; on Windows nobody is asked."""
    if sys.platform == "win32":  # where signal 0 is Ctrl-C
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's
        return True
    return True


def require_folder(folder: str | Path, where: str, room: int = 0) -> Path:
    """A folder that can be written, made if missing, with `room` bytes free.

    Found out by doing it: a file of that size is reserved and removed. Raises
    `ArgumentError` in one line, before hours of work.
    """
    folder = user_path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            _reserve(file, room)
        return folder
    except (FileExistsError, NotADirectoryError) as problem:
        said = "there is a file where a folder belongs"
        fix = "Choose another folder."
        raise ArgumentError(said, where=where, value=str(folder), fix=fix) from problem
    except OSError as problem:
        needed = f" with the {room / 1e6:.0f} MB that are needed" if room else ""
        raise ArgumentError(
            f"cannot be written{needed} ({problem.strerror or problem})",
            where=where,
            value=str(folder),
            fix="Make room, or choose another folder.",
        ) from problem


def _reserve(file: IO[bytes], room: int) -> None:
    """Take `room` bytes of the disk; an OSError where there are not so many."""
    if room and hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file.fileno(), 0, room)
    elif room:
        free = shutil.disk_usage(file.name if isinstance(file.name, str) else ".").free
        if free < room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
