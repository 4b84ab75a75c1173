"""Archives of others: everything whole, nothing outside, nothing half."""

import io
import os
import tarfile
import zipfile
from types import SimpleNamespace

import pytest

from poselab.errors import ArchiveError
from poselab.system import archive as module
from poselab.system.archive import extract, extracted

FILES = {"images/a.jpg": b"a" * 1000, "images/b.jpg": b"b" * 2000, "notes.txt": b"n"}


def make_zip(path, files=FILES, mode=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", mode) as file:
        file.mkdir("empty")
        for name, body in files.items():
            file.writestr(name, body)
    return path


def make_tar(path, files=FILES, links=()):
    with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as file:
        for name, body in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(body)
            file.addfile(info, io.BytesIO(body))
        for name, target, kind in links:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, target
            file.addfile(info)
    return path


def make(kind, folder, files=FILES):
    maker = make_zip if kind == "zip" else make_tar
    return maker(folder / f"data.{kind}", files)


KINDS = pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])


def contents(folder):
    """Name -> bytes of all files below the folder, notes left out."""
    files = [p for p in folder.rglob("*") if p.is_file() and p.name[0] != "."]
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in files}


@KINDS
def test_everything_comes_out_and_is_noted(kind, tmp_path):
    out = tmp_path / "out"
    archive = make(kind, tmp_path)
    assert extracted(out, archive.name) is None
    found = extract(archive, out, progress=False)
    assert found == {name: len(body) for name, body in FILES.items()}
    assert contents(out) == FILES
    assert extracted(out, archive.name) == found
    (out / "images" / "a.jpg").unlink()
    assert extracted(out, archive.name) is None


@KINDS
def test_names_are_changed_and_files_left_out(kind, tmp_path):
    def place(name):
        return name.replace("images", "pictures/val") if "images" in name else None

    extract(make(kind, tmp_path), tmp_path / "out", place, progress=False)
    assert set(contents(tmp_path / "out")) == {
        "pictures/val/a.jpg",
        "pictures/val/b.jpg",
    }


@KINDS
def test_what_is_there_is_left_and_what_is_cut_is_mended(kind, tmp_path):
    out = tmp_path / "out"
    archive = make(kind, tmp_path)
    extract(archive, out, progress=False)
    os.utime(out / "images" / "b.jpg", (10, 10))
    (out / "images" / "a.jpg").write_bytes(b"cut")
    extract(archive, out, progress=False)
    assert contents(out) == FILES
    assert (out / "images" / "b.jpg").stat().st_mtime == 10


EVIL = ["../evil", "images/../../evil", "/evil", "C:\\evil", "..\\evil", "C:evil"]


@KINDS
@pytest.mark.parametrize("name", EVIL)
def test_names_that_lead_out_are_refused(kind, name, tmp_path):
    archive = make(kind, tmp_path, {"good": b"1", name: b"evil"})
    with pytest.raises(ArchiveError, match="outside the folder.*not trusted"):
        extract(archive, tmp_path / "deep" / "out", progress=False)
    assert not [p for p in tmp_path.rglob("*") if "evil" in p.name]
    assert extracted(tmp_path / "deep" / "out", archive.name) is None
    assert contents(tmp_path / "deep" / "out") == {}


def test_a_place_that_leads_out_is_refused(tmp_path):
    with pytest.raises(ArchiveError, match="outside"):
        extract(
            make_zip(tmp_path / "a.zip"),
            tmp_path / "out",
            "../{}".format,
            progress=False,
        )


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_links_are_refused(kind, tmp_path):
    archive = make_tar(tmp_path / "a.tar", FILES, [("link", "/etc/passwd", kind)])
    with pytest.raises(ArchiveError, match="link or a device"):
        extract(archive, tmp_path / "out", progress=False)
    assert contents(tmp_path / "out") == {}


@pytest.mark.parametrize(
    ("kind", "damage"),
    [
        (kind, damage)
        for kind in ("zip", "tar", "tar.gz")
        for damage in ("cut", "flip", "empty", "text")
        if (kind, damage) != ("tar", "flip")  # a plain tar has no checksum
    ],
)
def test_damage_is_found_and_nothing_half_is_left(kind, damage, tmp_path):
    body = os.urandom(300_000)
    archive = make(kind, tmp_path, {"a": b"1" * 500, "big": body})
    content = bytearray(archive.read_bytes())
    content[150_000] ^= 255
    content = {
        "cut": content[:200_000],
        "flip": content,
        "empty": b"",
        "text": b"<html>",
    }[damage]
    archive.write_bytes(content)
    with pytest.raises(ArchiveError, match=r"data\..*fetch it again"):
        extract(archive, tmp_path / "out", progress=False)
    assert contents(tmp_path / "out").keys() <= {"a"}
    assert extracted(tmp_path / "out", archive.name) is None


def test_a_missing_archive(tmp_path):
    with pytest.raises(ArchiveError, match="none.zip: there is no such file"):
        extract(tmp_path / "none.zip", tmp_path / "out", progress=False)


def test_a_full_disk_is_seen_before(tmp_path, monkeypatch):
    usage = SimpleNamespace(free=1000)
    monkeypatch.setattr(module.shutil, "disk_usage", lambda path: usage)
    with pytest.raises(ArchiveError, match="needs 67 MB.*0 MB are free.*Nothing was"):
        extract(make_zip(tmp_path / "a.zip"), tmp_path / "out", progress=False)
    assert contents(tmp_path / "out") == {}


@KINDS
def test_a_disk_that_fills_up_on_the_way(kind, tmp_path, monkeypatch):
    archive = make(kind, tmp_path)

    def copy(source, file, length):
        if "b" in source.read(1).decode():
            file.write(b"half")
            raise OSError(28, "No space left on device")
        file.write(b"a" * 1000)

    with monkeypatch.context() as patch:
        patch.setattr(module.shutil, "copyfileobj", copy)
        with pytest.raises(ArchiveError, match="No space left.*Make room"):
            extract(archive, tmp_path / "out", progress=False)
    assert contents(tmp_path / "out") == {"images/a.jpg": FILES["images/a.jpg"]}
    extract(archive, tmp_path / "out", progress=False)
    assert contents(tmp_path / "out") == FILES
