"""One file on its way over HTTP: what is known of it, a request, and what has come."""

from __future__ import annotations

import contextlib
import errno
import http.client
import json
import os
import shutil
import socket
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from poselab.errors import DownloadError
from poselab.system.disk import replace_file
from poselab.system.progress import progress_bar
from poselab.system.promise import Promise

CHUNK = 1 << 18  # bytes read at once
SPARE = 64 << 20  # bytes of the disk that a download leaves free
_TRY_AGAIN = {408, 425, 429, 500, 502, 503, 504}
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_HOPELESS = (
    socket.gaierror,
    ConnectionRefusedError,
    ssl.SSLCertVerificationError,
    http.client.InvalidURL,
)


class Cut(Exception):
    """This attempt failed; another may succeed. `after`: seconds to wait first."""

    def __init__(self, problem: str, hopeless: bool = False, after: float = 0) -> None:
        super().__init__(problem)
        self.hopeless, self.after = hopeless, after


class _NoBar(contextlib.AbstractContextManager):
    """A progress bar that shows nothing."""

    def update(self, count: int) -> None:
        """Nothing to show."""

    def __exit__(self, *problem: Any) -> None:
        return None


class Transfer:
    """One file on its way: the part that has come, and the note about it."""

    def __init__(
        self, url: str, target: Path, wanted: Promise, progress: bool, timeout: float
    ) -> None:
        self.url, self.target, self.wanted = url, target, wanted
        self.progress, self.timeout, self.reached = progress, timeout, False
        self.part = target.with_name(f".{target.name}.part")
        self.note = target.with_name(f".{target.name}.part.json")

    @property
    def kept(self) -> int:
        """Bytes that have come so far."""
        try:
            return self.part.stat().st_size
        except OSError:
            return 0

    def attempt(self) -> None:
        """One request; raises `Cut` where another may help."""
        note = self._read_note()
        start = self.kept if note else 0
        if start and start == note["length"]:  # all came before, but no rename
            found = self.wanted.digest(self.part)
        else:
            with self._open(start, note) as response:
                begin, length = self._agree(response, start, note)
                found = self._receive(response, begin, length)
        if not self.wanted.fits(found):
            self._forget()
            if start:  # two halves that do not belong together: once more, whole
                raise Cut("what was continued has another checksum")
            self._fail_checksum(found)
        os.replace(self.part, self.target)
        self.note.unlink(missing_ok=True)

    def _read_note(self) -> dict[str, Any]:
        """What the kept part belongs to; {} where it is of no use."""
        try:
            note = json.loads(self.note.read_text(encoding="utf-8"))
            length = note["length"]
            # A checksum at the end shows halves that do not belong together, too.
            certain = bool(note["validator"] or self.wanted.digits)
            usable = certain and note["url"] == self.url
        except (OSError, ValueError, KeyError, TypeError):
            return {}
        return note if usable and (length is None or self.kept <= length) else {}

    def _open(self, start: int, note: dict[str, Any]):
        headers = {"User-Agent": "poselab", "Accept-Encoding": "identity"}
        if start:
            headers["Range"] = f"bytes={start}-"
            if note["validator"]:
                headers["If-Range"] = note["validator"]
        request = urllib.request.Request(self.url, headers=headers)
        try:
            response = urllib.request.urlopen(request, timeout=self.timeout)
        except urllib.error.HTTPError as problem:
            with problem:
                self._refuse(problem)
        except (OSError, http.client.HTTPException) as problem:
            reason = getattr(problem, "reason", problem)
            hopeless = isinstance(reason, _HOPELESS)
            raise Cut(f"the server cannot be reached ({reason})", hopeless) from None
        self.reached = True
        return response

    def _refuse(self, answer: urllib.error.HTTPError) -> None:
        """Raise for an HTTP error: for good, for now, or only for carrying on."""
        self.reached = True
        answered = f"the server answers {answer.code} {answer.reason}"
        if answer.code == 416:  # its file is now shorter than our part
            self._forget()
            raise Cut(answered)
        if answer.code in _TRY_AGAIN:
            asked = answer.headers.get("Retry-After", "")
            raise Cut(answered, after=float(asked) if asked.isdigit() else 0.0)
        raise self.error(answered, "Check the address; files move.")

    def _agree(self, response, start: int, note: dict) -> tuple[int, int | None]:
        """Where this answer begins and how long the file is, both checked."""
        validator = _validator(response.headers)
        if response.status == 206:
            begin, length = _range(response.headers)
        else:
            begin, length = 0, _length(response.headers)
        if length is not None and self.wanted.size not in (None, length):
            self._fail_length(length, self.wanted.size)
        if response.status == 206:
            validator, length = validator or note["validator"], length or note["length"]
            wanted = start, note["validator"], note["length"] or length
            if wanted != (begin, validator, length):
                self._forget()
                raise Cut("the server sends another part than the one requested")
        length = self.wanted.size if length is None else length
        if length is None and not (self.wanted.digits or response.chunked):
            raise self.error(
                "the server gives no length of the file", "Give its size or its sha256."
            )
        self._check_space(length, begin)
        self._write_note(validator, length)
        return begin, length

    def _write_note(self, validator: str, length: int | None) -> None:
        note = {"url": self.url, "validator": validator, "length": length}
        with replace_file(self.note) as draft:
            draft.write_text(json.dumps(note), encoding="utf-8")

    def _check_space(self, length: int | None, start: int) -> None:
        free = shutil.disk_usage(self.target.parent).free + self.kept - start
        needed = (length or 0) - start + SPARE
        if needed > free:
            raise self.error(
                f"needs {needed / 1e6:.0f} MB in {self.target.parent}, where "
                f"{free / 1e6:.0f} MB are free",
                "Make room or choose another folder.",
            )

    def bar(self, start: int, length: int | None) -> Any:
        """A progress bar, or something as quiet that is none.

        Even a disabled bar of tqdm takes a lock, which Ctrl-C in the main thread can
        leave held: downloads in other threads would then wait for ever.
        """
        if not self.progress:
            return _NoBar()
        return progress_bar(
            total=length,
            initial=start,
            unit="B",
            unit_scale=True,
            desc=self.target.name,
        )

    def _receive(self, response, start: int, length: int | None) -> str:
        """Append what comes to the part, whose checksum is returned.

        Raises `Cut` where it ends too early.
        """
        digest = self.wanted.start(self.part if start else None)
        mode = "r+b" if start else "wb"
        with self.bar(start, length) as bar, open(self.part, mode) as file:
            file.seek(start)
            while chunk := _read(response):
                file.write(chunk)
                digest.update(chunk)
                bar.update(len(chunk))
            file.flush()
            os.fsync(file.fileno())
            got = file.tell()
        if length is not None and got < length:
            raise Cut(f"the connection ended after {got:,} of {length:,} bytes")
        if length is not None and got > length:
            self._fail_length(got, length)
        return digest.hexdigest()

    def _fail_length(self, found: int, wanted: int | None) -> None:
        self._forget()
        raise self.error(
            f"is {found:,} bytes long, not {wanted:,} as it should be",
            "The file has changed or the address gives something else.",
        )

    def _fail_checksum(self, found: str) -> None:
        name = self.wanted.algorithm
        raise self.error(
            f"has the {name} {found[:16]}..., not {self.wanted.digits[:16]}...",
            "The file has changed, or something on the way changed it.",
        )

    def _forget(self) -> None:
        self.part.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)

    def error(self, problem: str, fix: str) -> DownloadError:
        """The error to raise, with what is left on the disk."""
        left = "Nothing is left on the disk."
        if self.kept and self._read_note():
            left = f"{self.kept:,} bytes wait in {self.part} for the next try."
        elif self.kept:
            left = f"{self.part} is left, which the next try begins anew."
        return DownloadError(problem, where=self.url, fix=f"{fix} {left}")

    def disk_error(self, problem: OSError) -> DownloadError:
        """The error for a file that cannot be written."""
        if problem.errno in _FULL:
            fix = "Make room or choose another folder."
            return self.error(f"the disk of {self.target.parent} is full", fix)
        failed = f"{problem.filename or self.target} cannot be written"
        return self.error(
            f"{failed} ({problem.strerror or problem})", "Choose another folder."
        )


def _read(response) -> bytes:
    try:
        return response.read1(CHUNK)  # what is there; does not wait for more
    except (OSError, http.client.HTTPException) as problem:
        kind = "is silent" if isinstance(problem, TimeoutError) else "was cut"
        raise Cut(f"the connection {kind} ({problem})") from None


def _validator(headers) -> str:
    """What differs between versions of the file; "" where the server gives nothing."""
    etag = headers.get("ETag", "")
    return headers.get("Last-Modified", "") if etag[:2] in ("", "W/") else etag


def _length(headers) -> int | None:
    text = headers.get("Content-Length", "")
    return int(text) if text.isdigit() else None


def _range(headers) -> tuple[int, int | None]:
    """Begin and whole length of `Content-Range: bytes 100-199/200`."""
    text = headers.get("Content-Range", "").removeprefix("bytes ")
    places, _, whole = text.partition("/")
    begin = places.partition("-")[0]
    return (
        int(begin) if begin.isdigit() else -1,
        int(whole) if whole.isdigit() else None,
    )
