"""Downloads against a server with faults: what comes, what is said, what is left."""

import contextlib
import hashlib
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

from poselab.errors import ArgumentError, DownloadError
from poselab.system import download as module
from poselab.system import transfer
from poselab.system.download import download
from poselab.system.transfer import CHUNK
from tests.support.server import File, Server

BODY = bytes(i * i % 251 for i in range(3 * CHUNK))
SHA = hashlib.sha256(BODY).hexdigest()
OTHER = bytes(reversed(BODY))
EARLY = CHUNK + 1000  # where a connection is cut


@pytest.fixture
def serve():
    """serve(**options) puts BODY at /a.bin of a running server, which is returned."""
    with contextlib.ExitStack() as stack:

        def start(body=BODY, **options):
            return stack.enter_context(Server({"/a.bin": File(body, **options)}))

        yield start


@pytest.fixture
def fetch(tmp_path):
    """fetch(server, ...) downloads /a.bin without waiting, to tmp_path / a.bin."""

    def run(server, **options):
        options = {"progress": False, "wait": 0.001, "retries": 2} | options
        return download(server.url("/a.bin"), tmp_path / "a.bin", **options)

    return run


def left(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_comes_and_nothing_else_is_left(serve, fetch, tmp_path):
    server = serve()
    assert fetch(server, sha256=SHA, size=len(BODY)).read_bytes() == BODY
    assert left(tmp_path) == ["a.bin"]
    fetch(server, sha256=SHA[:8].upper(), size=len(BODY))
    assert len(server.requests) == 1, "what is there and right is not fetched again"


def test_a_file_that_is_there_but_wrong_is_fetched_again(serve, fetch, tmp_path):
    server = serve()
    (tmp_path / "a.bin").write_bytes(OTHER)
    assert fetch(server, sha256=SHA).read_bytes() == BODY
    (tmp_path / "a.bin").write_bytes(BODY[:-1])
    assert fetch(server, size=len(BODY)).read_bytes() == BODY


def test_a_cut_connection_is_continued(serve, fetch):
    server = serve(cuts=[EARLY, CHUNK])
    assert fetch(server, sha256=SHA).read_bytes() == BODY
    asked = [part for _, part in server.requests]
    assert asked == [None, f"bytes={EARLY}-", f"bytes={EARLY + CHUNK}-"]


def test_the_next_call_carries_on(serve, fetch, tmp_path):
    server = serve(cuts=[EARLY, 0, 0])
    with pytest.raises(DownloadError, match=rf"a\.bin: .*{EARLY:,} bytes wait in"):
        fetch(server, retries=1)
    assert left(tmp_path) == [".a.bin.part", ".a.bin.part.json"]
    assert fetch(server, sha256=SHA).read_bytes() == BODY
    assert server.requests[-1][1] == f"bytes={EARLY}-"
    assert left(tmp_path) == ["a.bin"]


def test_a_whole_part_needs_no_request(serve, fetch, tmp_path):
    """The process died between the last byte and the rename."""
    server = serve()
    (tmp_path / ".a.bin.part").write_bytes(BODY)
    note = {"url": server.url("/a.bin"), "validator": "x", "length": len(BODY)}
    (tmp_path / ".a.bin.part.json").write_text(json.dumps(note))
    assert fetch(server, sha256=SHA).read_bytes() == BODY
    assert server.requests == []


@pytest.mark.parametrize("note", ["", "[]", "{}", '{"url": "x"}', "null"])
def test_a_part_of_unknown_origin_is_not_continued(serve, fetch, tmp_path, note):
    (tmp_path / ".a.bin.part").write_bytes(OTHER[:CHUNK])
    (tmp_path / ".a.bin.part.json").write_text(note)
    server = serve()
    assert fetch(server).read_bytes() == BODY
    assert server.requests == [("/a.bin", None)]


@pytest.mark.parametrize("weak_range", [False, True])
def test_a_file_that_changed_is_not_stitched_together(serve, fetch, weak_range):
    server = serve(OTHER, cuts=[EARLY, 0])
    with pytest.raises(DownloadError):
        fetch(server, retries=0)
    server.files["/a.bin"] = File(BODY, weak_range=weak_range)
    assert fetch(server).read_bytes() == BODY


def test_halves_of_two_versions_without_any_mark_are_found_by_the_checksum(
    serve, fetch
):
    server = serve(OTHER, cuts=[EARLY, 0], etag=None)
    with pytest.raises(DownloadError):
        fetch(server, sha256=SHA, retries=0)
    server.files["/a.bin"] = File(BODY, etag=None)
    assert fetch(server, sha256=SHA).read_bytes() == BODY
    assert [part for _, part in server.requests[-2:]] == [f"bytes={EARLY}-", None]


def test_without_mark_and_checksum_it_begins_anew(serve, fetch):
    server = serve(cuts=[EARLY], etag='W/"weak"')
    assert fetch(server).read_bytes() == BODY
    assert [part for _, part in server.requests] == [None, None]


def test_a_date_is_as_good_as_a_tag(serve, fetch):
    server = serve(cuts=[EARLY], etag=None, modified="Sat, 01 Nov 2025 10:00:00 GMT")
    assert fetch(server).read_bytes() == BODY
    assert server.requests[-1][1] == f"bytes={EARLY}-"


def test_a_server_without_ranges_sends_it_again(serve, fetch):
    server = serve(cuts=[EARLY], ranges=False)
    assert fetch(server, sha256=SHA).read_bytes() == BODY
    assert len(server.requests) == 2


def test_a_server_that_always_cuts_is_given_up(serve, fetch, tmp_path):
    server = serve(cuts=[EARLY] * 9, ranges=False)
    with pytest.raises(DownloadError, match="connection (ended|was cut)"):
        fetch(server)
    assert len(server.requests) == 4, "one that brought something, three that did not"
    assert not (tmp_path / "a.bin").exists()


def test_a_shorter_file_than_the_part(serve, fetch, tmp_path):
    server = serve(BODY[:100])
    (tmp_path / ".a.bin.part").write_bytes(BODY[:200])
    note = {"url": server.url("/a.bin"), "validator": "x", "length": len(BODY)}
    (tmp_path / ".a.bin.part.json").write_text(json.dumps(note))
    server.files["/a.bin"].weak_range = True
    assert fetch(server).read_bytes() == BODY[:100]


def test_wrong_length(serve, fetch, tmp_path):
    with pytest.raises(DownloadError, match=r"786,432 bytes long, not 5 .*Nothing is"):
        fetch(serve(), size=5)
    assert left(tmp_path) == []


def test_a_server_that_promises_more_than_it_sends(serve, fetch, tmp_path):
    server = serve(length=len(BODY) + 10)
    with pytest.raises(DownloadError, match=r"(ended|cut|416)"):
        fetch(server)
    assert "a.bin" not in left(tmp_path)


def test_a_server_that_cannot_make_up_its_mind(serve, fetch, tmp_path):
    """What is continued must belong to a file of the same length."""
    server = serve(length=len(BODY) + 10, cuts=[EARLY])
    with pytest.raises(DownloadError):
        fetch(server)
    assert "a.bin" not in left(tmp_path)


def test_a_server_that_promises_less_than_it_sends(serve, fetch):
    with pytest.raises(DownloadError, match="has the sha256"):
        fetch(serve(length=len(BODY) - 10), sha256=SHA)


@pytest.mark.parametrize("kind", ["sha256", "md5"])
def test_wrong_checksum(serve, fetch, tmp_path, kind):
    server = serve(OTHER)
    wanted = hashlib.new(kind, BODY).hexdigest()
    with pytest.raises(DownloadError, match=f"has the {kind} .*Nothing is left"):
        fetch(server, **{kind: wanted})
    assert left(tmp_path) == []
    assert len(server.requests) == 1
    server.files["/a.bin"].body = BODY
    assert fetch(server, **{kind: wanted}).read_bytes() == BODY


def test_an_unknown_length_needs_a_promise(serve, fetch, tmp_path):
    server = serve(length=None)
    with pytest.raises(DownloadError, match="no length.*Give its size"):
        fetch(server)
    assert left(tmp_path) == []
    assert fetch(server, size=len(BODY)).read_bytes() == BODY
    server.files["/a.bin"].cuts = [EARLY] * 9
    with pytest.raises(DownloadError, match="786,432 bytes long, not 786,433"):
        fetch(server, size=len(BODY) + 1)


def test_chunks_say_themselves_where_the_file_ends(serve, fetch):
    server = serve(chunked=True, cuts=[EARLY])
    assert fetch(server).read_bytes() == BODY
    assert len(server.requests) == 2


def test_404_is_final(serve, fetch, tmp_path):
    server = serve(statuses=[404, 200])
    with pytest.raises(DownloadError, match=r"http://127.*404 Not Found.*Nothing is"):
        fetch(server)
    assert len(server.requests) == 1
    assert left(tmp_path) == []


def test_503_is_tried_again(serve, fetch):
    server = serve(statuses=[503, 429])
    assert fetch(server, sha256=SHA).read_bytes() == BODY
    server = serve(OTHER, statuses=[503] * 9)
    with pytest.raises(DownloadError, match="503 Service Unavailable"):
        fetch(server, sha256=SHA[::-1])
    assert len(server.requests) == 3


def test_waits_grow_and_the_server_s_wish_is_heard(serve, fetch, monkeypatch):
    waits = []
    monkeypatch.setattr(module, "time", SimpleNamespace(sleep=waits.append))
    fetch(serve(statuses=[503] * 4), retries=4, wait=1.0)
    assert waits == [1, 2, 4, 8]
    waits.clear()
    other = hashlib.sha256(OTHER).hexdigest()
    fetch(serve(OTHER, statuses=[503, 503], retry_after="7"), sha256=other, wait=1.0)
    fetch(serve(statuses=[503], retry_after="700"), sha256=SHA, wait=1.0)
    assert waits == [7, 7, 60]


def test_a_slow_server_is_fine_and_a_silent_one_is_not(serve, fetch):
    assert fetch(serve(pause=0.002)).read_bytes() == BODY
    silent = serve(OTHER, pause=2.0)
    with pytest.raises(DownloadError, match="is silent"):
        fetch(silent, timeout=0.1, retries=0, sha256=hashlib.sha256(OTHER).hexdigest())


def test_nobody_there(tmp_path):
    with pytest.raises(DownloadError, match="cannot be reached.*Nothing is left"):
        download("http://192.0.2.1/a", tmp_path / "a", progress=False)
    with pytest.raises(ArgumentError, match="only http"):
        download("file:///etc/passwd", tmp_path / "a")
    assert left(tmp_path) == []


def test_a_full_disk_is_seen_before(serve, fetch, tmp_path, monkeypatch):
    monkeypatch.setattr(
        transfer.shutil, "disk_usage", lambda path: SimpleNamespace(free=50_000_000)
    )
    with pytest.raises(DownloadError, match=r"needs 68 MB in .* 50 MB are free"):
        fetch(serve())
    assert left(tmp_path) == []


LIMITED = """
import resource, sys
from poselab.system.download import download
from poselab.errors import DownloadError
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)
try:
    download(sys.argv[1], sys.argv[2], progress=False)
except DownloadError as problem:
    sys.exit(str(problem))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no such limit there")
def test_a_disk_that_fills_up_on_the_way(serve, tmp_path):
    """The system itself refuses to write more than a file of 300,000 bytes."""
    server = serve()
    command = [
        sys.executable,
        "-c",
        LIMITED,
        server.url("/a.bin"),
        tmp_path / "a.bin",
        "300000",
    ]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 1
    assert "is full. Make room" in run.stderr
    assert "bytes wait in" in run.stderr
    assert left(tmp_path) == [".a.bin.part", ".a.bin.part.json"]
    download(server.url("/a.bin"), tmp_path / "a.bin", sha256=SHA, progress=False)
    assert server.requests[-1][1].startswith("bytes=")


def test_a_folder_that_cannot_be_made(serve, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DownloadError, match="cannot be written.*another folder"):
        download(serve().url("/a.bin"), tmp_path / "file" / "a", progress=False)


SCRIPT = """
import sys
from poselab.system.download import download
download(sys.argv[1], sys.argv[2], progress=False)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT for children there")
def test_ctrl_c_leaves_a_part_that_is_continued(serve, tmp_path):
    server = serve(pause=0.05)
    command = [sys.executable, "-c", SCRIPT, server.url("/a.bin"), tmp_path / "a.bin"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    part = tmp_path / ".a.bin.part"
    for _ in range(3000):
        if part.exists() and part.stat().st_size:
            break
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    assert "KeyboardInterrupt" in process.communicate(timeout=60)[1]
    assert 0 < part.stat().st_size < len(BODY)
    assert not (tmp_path / "a.bin").exists()
    server.files["/a.bin"].pause = 0.0
    download(server.url("/a.bin"), tmp_path / "a.bin", sha256=SHA, progress=False)
    assert server.requests[-1][1].startswith("bytes=")
    assert left(tmp_path) == ["a.bin"]


def _fetch_in_process(url, path, start):
    start.wait()
    download(url, path, progress=False)


def test_two_processes_fetch_it_once(serve, tmp_path):
    server = serve(pause=0.005)
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(2)
    args = (server.url("/a.bin"), tmp_path / "a.bin", start)
    workers = [context.Process(target=_fetch_in_process, args=args) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
        assert worker.exitcode == 0
    assert (tmp_path / "a.bin").read_bytes() == BODY
    assert len(server.requests) == 1
    assert left(tmp_path) == ["a.bin"]


def test_the_bar_counts_bytes(serve, tmp_path, capsys):
    server = serve()
    download(server.url("/a.bin"), tmp_path / "a.bin")
    assert "a.bin: 100%" in capsys.readouterr().err
    os.remove(tmp_path / "a.bin")
    download(server.url("/a.bin"), tmp_path / "a.bin", progress=False)
    assert capsys.readouterr().err == ""
