"""A web server on this computer that can fail in every way that one on the net does.

with Server({"/a.bin": File(b"...", cuts=[100])}) as server:
    download(server.url("/a.bin"), ...)
    assert server.requests == [("/a.bin", None), ("/a.bin", "bytes=100-")]
"""

from __future__ import annotations

import hashlib
import re
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class File:
    """What is at an address, and how the server misbehaves there.

    `cuts`: for each request in turn, the number of bytes of its body after which the
    connection ends (then no more cuts). `statuses`: answers of the first requests.
    `length`: a Content-Length that is not the body's. `pause`: seconds after each
    `slice` bytes. `ranges`: whether parts can be asked for. `etag`: None for none.
    `weak_range`: parts are sent even where If-Range does not fit.
    """

    body: bytes
    cuts: list[int] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    length: int | None | str = "true"
    pause: float = 0.0
    slice: int = 1 << 14
    ranges: bool = True
    etag: str | None = "own"
    modified: str | None = None
    retry_after: str | None = None
    chunked: bool = False
    weak_range: bool = False

    @property
    def tag(self) -> str | None:
        if self.etag == "own":
            return f'"{hashlib.sha256(self.body).hexdigest()[:16]}"'
        return self.etag


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        asked = self.headers.get("Range")
        self.server.requests.append((self.path, asked))
        file = self.server.files.get(self.path)
        if file is None:
            return self.refuse(404)
        if file.statuses and (status := file.statuses.pop(0)) != 200:
            return self.refuse(status, file.retry_after)
        start = self.begin(file, asked)
        if start >= len(file.body) > 0:
            return self.refuse(416)
        self.answer(file, start)

    def begin(self, file, asked):
        """The first byte to send: 0 unless a part was asked for and can be given."""
        match = re.fullmatch(r"bytes=(\d+)-", asked or "")
        condition = self.headers.get("If-Range")
        same = condition in (None, file.tag, file.modified) or file.weak_range
        return int(match[1]) if match and file.ranges and same else 0

    def refuse(self, status, retry_after=None):
        self.send_response(status)
        if retry_after:
            self.send_header("Retry-After", retry_after)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def answer(self, file, start):
        body = file.body[start:]
        self.send_response(206 if start else 200)
        if start:
            whole = len(file.body)
            self.send_header("Content-Range", f"bytes {start}-{whole - 1}/{whole}")
        for name, value in (("ETag", file.tag), ("Last-Modified", file.modified)):
            if value:
                self.send_header(name, value)
        self.length(file, len(body))
        self.end_headers()
        cut = file.cuts.pop(0) if file.cuts else None
        self.send(file, body[:cut])
        self.close_connection = True

    def length(self, file, true):
        if file.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        elif file.length is not None:
            length = true if file.length == "true" else file.length
            self.send_header("Content-Length", str(length))

    def send(self, file, body):
        whole = len(body) == len(file.body)
        for begin in range(0, len(body), file.slice):
            piece = body[begin : begin + file.slice]
            self.wfile.write(
                b"%x\r\n%b\r\n" % (len(piece), piece) if file.chunked else piece
            )
            time.sleep(file.pause)
        if file.chunked and whole:
            self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *args):
        """Say nothing: the tests look at `requests`."""


class Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """A client that hangs up is part of the tests."""


class Server:
    """Serves `files` (address -> `File`) on a free port while the block lasts."""

    def __init__(self, files: dict[str, File]) -> None:
        self.http = Quiet(("127.0.0.1", 0), Handler)
        self.files = self.http.files = files
        self.requests = self.http.requests = []

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.http.server_port}{path}"

    def __enter__(self) -> Server:
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.01,))
        self.thread.start()
        return self

    def __exit__(self, *_) -> None:
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()
