"""Converted files: read back equal, and what is wrong with one is said."""

import numpy as np
import pytest
import torch
from PIL import Image

from poselab.datasets import H36m, mocap
from poselab.errors import AnnotationError, ImageError
from poselab.skeleton import H36M_17, MPI_INF_3DHP_17


def arrays(frames=3, joints=17):
    stream = np.random.default_rng(0)
    return {
        "file_name": np.array([f"{f}.png" for f in range(frames)]),
        "keypoints": stream.uniform(0, 60, (frames, joints, 2)).astype("float32"),
        "joints_3d": stream.normal(0, 500, (frames, joints, 3)).astype("float32"),
        "intrinsics": stream.normal(0, 1, (frames, 3, 3)).astype("float32"),
        "boxes": stream.uniform(0, 30, (frames, 4)).astype("float32"),
    }


@pytest.fixture
def folder(tmp_path):
    for frame in range(3):
        Image.fromarray(np.full((64, 80, 3), frame, np.uint8)).save(
            tmp_path / f"{frame}.png"
        )
    return tmp_path


def test_what_was_written_is_read(folder):
    given = arrays()
    mocap.save(folder / "a.npz", given, H36M_17)
    data = H36m(folder / "a.npz", folder)
    assert len(data) == 3
    for place, sample in enumerate(data):
        assert sample.image.max() == pytest.approx(place / 255)
        for name in ("keypoints", "joints_3d", "boxes"):
            wanted = torch.from_numpy(given[name][place])[None]
            assert torch.equal(getattr(sample, name), wanted)
        np.testing.assert_array_equal(sample.intrinsics, given["intrinsics"][place])
        assert sample.areas[0] == sample.boxes[0, 2] * sample.boxes[0, 3]
    with pytest.raises(IndexError):
        data[3]
    (folder / "1.png").unlink()
    with pytest.raises(ImageError, match=r"1\.png"):
        data[1]


def test_joints_outside_the_image_are_not_labelled(folder):
    given = arrays()
    given["keypoints"][0, :4] = [[-0.5, 0], [79.5, 63.5], [-0.6, 0], [0, 63.6]]
    mocap.save(folder / "a.npz", given, H36M_17)
    sample = H36m(folder / "a.npz", folder)[0]
    assert sample.visibility[0, :5].tolist() == [2, 2, 0, 0, 2]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda a: a.pop("boxes"), "boxes"),
        (lambda a: a.update(keypoints=a["keypoints"][:2]), r"keypoints = \[2, 17, 2\]"),
        (lambda a: a.update(joints_3d=a["joints_3d"][:, :16]), "joints_3d"),
        (lambda a: a.update(boxes=a["boxes"].astype(int)), "boxes"),
        (lambda a: a["keypoints"].__setitem__((0, 0, 0), np.nan), "keypoints.*finite"),
        (lambda a: a.update(file_name=np.arange(3)), "file_name"),
        (lambda a: a.update(file_name=np.array(list("abc"), object)), "cannot be read"),
    ],
)
def test_bad_arrays(folder, change, said):
    given = arrays()
    change(given)
    mocap.save(folder / "a.npz", given, H36M_17)
    with pytest.raises(AnnotationError, match=rf"a\.npz.*{said}"):
        H36m(folder / "a.npz", folder)


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04", b"\x93NUMPY", b"text"])
def test_bad_files(folder, content):
    if content is not None:
        (folder / "a.npz").write_bytes(content)
    with pytest.raises(AnnotationError, match=r"a\.npz.*cannot be read"):
        H36m(folder / "a.npz", folder)


def test_a_file_damaged_within(folder):
    mocap.save(folder / "a.npz", arrays(), H36M_17)
    content = bytearray((folder / "a.npz").read_bytes())
    for place in range(60, len(content) - 400, 17):
        content[place] ^= 0xFF
    (folder / "a.npz").write_bytes(content)
    with pytest.raises(AnnotationError, match=r"a\.npz.*cannot be read"):
        H36m(folder / "a.npz", folder)


def test_another_skeleton(folder):
    mocap.save(folder / "a.npz", arrays(), MPI_INF_3DHP_17)
    with pytest.raises(AnnotationError, match="skeleton = 'mpi-inf-3dhp-17'.*h36m-17"):
        H36m(folder / "a.npz", folder)
