"""The scripts for data sets that a learner has to ask for: what they check and make."""

import json
import re

import numpy as np
import pytest
import torch
from scipy.io import savemat

from poselab.datasets import H36m, MpiInf3dhp, PoseTrack
from poselab.errors import PoselabError
from poselab.skeleton import (
    COCO_17,
    H36M_17,
    MPI_INF_3DHP_17,
    MPII_16,
    POSETRACK_17,
    convert,
)
from tests.data_scripts import tools

posetrack = tools.script("prepare_posetrack")
h36m = tools.script("prepare_h36m")
mpi = tools.script("prepare_mpi_inf_3dhp")


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(json.dumps(content))


# ---- PoseTrack18

FRAMES = [f"images/val/00{n}/{f:06d}.jpg" for n in (1, 2) for f in range(3)]


def video(number):
    """Three frames of which the first is not labelled, one person in the others."""
    start = 10_000 * number
    points = [
        n
        for j in range(17)
        for n in ((20 + j, 5 + 2 * j, 1) if j not in (3, 4) else (0, 0, 0))
    ]
    return {
        "images": [
            {
                "id": start + f,
                "frame_id": start + f,
                "vid_id": f"00{number}",
                "file_name": f"images/val/00{number}/{f:06d}.jpg",
                "is_labeled": f > 0,
                "nframes": 3,
                "ignore_regions_x": [[2, 12, 12], [1]],
                "ignore_regions_y": [[30, 30, 90], [1]],
            }
            for f in range(3)
        ],
        "annotations": [
            {
                "id": 7,
                "image_id": start + 1,
                "track_id": 5,
                "keypoints": points,
                "bbox": [15, 2, 30, 60],
                "bbox_head": [20, 2, 30, 40],
                "category_id": 1,
                "scores": [],
            },
            {
                "id": 8,
                "image_id": start + 2,
                "track_id": 5,
                "keypoints": points,
                "category_id": 1,
            },
            {
                "id": 9,
                "image_id": start + 2,
                "track_id": 6,
                "keypoints": [0] * 51,
                "category_id": 1,
            },
            {"id": 10, "image_id": start, "track_id": 5, "keypoints": points},
        ],
        "categories": [{"id": 1, "name": "person"}],
    }


@pytest.fixture
def tracks(tmp_path):
    for place, name in enumerate(FRAMES):
        write(tmp_path / name, tools.jpeg(place))
    for number in (1, 2):
        write(tmp_path / "annotations" / "val" / f"00{number}.json", video(number))
    return tmp_path


def test_posetrack(tracks, capsys):
    assert posetrack.main([str(tracks)]) == 0
    assert "2 videos, 4 labelled frames, 4 poses" in capsys.readouterr().out
    data = PoseTrack(tracks / "posetrack18_val.json", tracks)
    assert {k: len(v) for k, v in data.videos.items()} == {"001": 2, "002": 2}
    first, second = data.clip("002")
    assert first.track_ids.tolist() == second.track_ids.tolist() == [5]
    wanted = [2, 2, 2, 0, 0] + [2] * 12
    assert first.visibility[0].tolist() == wanted
    assert first.keypoints[0, 5].tolist() == [25, 15]
    assert first.boxes.tolist() == [[15, 2, 30, 46]], "clipped to the image"
    assert second.boxes.tolist() == [[20, 5, 17, 33]], "around the joints"
    clip = data.videos["002"]
    assert data.head_sizes(clip[0]).tolist() == pytest.approx([30])  # 0.6 x 50
    assert data.head_sizes(clip[1]).isnan().tolist() == [True]
    assert first.ignore[35, 11]
    assert not first.ignore[10, 40]
    points, flags = convert(first.keypoints, first.visibility, data.skeleton, MPII_16)
    assert flags[0, MPII_16.index("upper_neck")] == 2
    assert points[0, MPII_16.index("upper_neck")].tolist() == [21, 7]
    assert flags[0, MPII_16.index("pelvis")] == 2
    before = (tracks / "posetrack18_val.json").read_bytes()
    assert posetrack.main([str(tracks)]) == 0
    assert (tracks / "posetrack18_val.json").read_bytes() == before


def test_posetrack_not_there(tmp_path, capsys):
    assert posetrack.main([str(tmp_path)]) == 1
    error = capsys.readouterr().err
    assert "annotations/val: there is no such folder" in error
    assert "--help" in error


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda v: v["images"][1].pop("file_name"), "file_name"),
        (lambda v: v["images"][1].update(file_name="none.jpg"), r"none\.jpg.*no such"),
        (
            lambda v: v["annotations"][0].update(keypoints=[1]),
            "keypoints.*instead of 51",
        ),
        (lambda v: v["annotations"][0].pop("track_id"), "track_id"),
        (lambda v: v.pop("annotations"), "annotations"),
        (
            lambda v: v["images"][1].update(ignore_regions_x=[["a"] * 3]),
            "ignore_regions_x",
        ),
        (
            lambda v: v["images"][1].update(ignore_regions_y=[[1, 2]] * 2),
            "ignore_regions",
        ),
        (lambda v: v["images"][1].update(ignore_regions_y=5), "ignore_regions_x"),
        (
            lambda v: v["images"][1].update(ignore_regions_x=[[np.nan, 12, 12], [1]]),
            "002.json.*ignore_regions_x",
        ),
        (lambda v: v["annotations"][0].update(bbox=[9, 9, -3, 2]), "002.json.*bbox"),
        (lambda v: v["annotations"][0].update(bbox_head=[9, 9]), "002.json.*bbox_head"),
    ],
)
def test_posetrack_broken(tracks, capsys, change, said):
    broken = video(2)
    change(broken)
    write(tracks / "annotations" / "val" / "002.json", broken)
    assert posetrack.main([str(tracks)]) == 1
    assert re.search(f"error: .*{said}", capsys.readouterr().err)
    assert not (tracks / "posetrack18_val.json").exists()


def test_a_video_without_images_is_left_out(tracks, capsys):
    for name in FRAMES[3:]:
        (tracks / name).unlink()
    (tracks / FRAMES[3]).parent.rmdir()
    assert posetrack.main([str(tracks)]) == 0
    said = capsys.readouterr().out
    assert "1 videos, 2 labelled frames, 2 poses" in said
    assert "skipped: 002.json has no images" in said


NAMES = ["head_bottom" if n == "upper_neck" else n for n in POSETRACK_17.joints]
KIND = {"id": 1, "name": "person", "keypoints": NAMES}


def test_a_published_file_is_read_as_it_is(tracks):
    file = tracks / "annotations" / "val" / "002.json"
    write(file, {**video(2), "categories": [KIND]})
    data = PoseTrack(file, tracks)
    assert posetrack.main([str(tracks)]) == 0
    merged = PoseTrack(tracks / "posetrack18_val.json", tracks)
    assert list(data.videos) == ["002"]
    for one, two in zip(data.clip("002"), merged.clip("002"), strict=True):
        for name in ("image", "keypoints", "visibility", "boxes", "areas", "track_ids"):
            assert torch.equal(getattr(one, name), getattr(two, name)), name
        assert torch.equal(one.ignore, two.ignore)
    assert data.head_sizes(0).tolist() == pytest.approx([30])


def test_a_merged_file_of_others_is_read(tracks):
    """With the published names of joints, sizes and areas."""
    assert posetrack.main([str(tracks)]) == 0
    content = json.loads((tracks / "posetrack18_val.json").read_text())
    write(tracks / "other.json", {**content, "categories": [KIND]})
    data = PoseTrack(tracks / "other.json", tracks)
    assert {k: len(v) for k, v in data.videos.items()} == {"001": 2, "002": 2}
    other = [{**KIND, "keypoints": NAMES[::-1]}]
    write(tracks / "other.json", {**content, "categories": other})
    with pytest.raises(PoselabError, match="another order"):
        PoseTrack(tracks / "other.json", tracks)


# ---- Human3.6M

TURN = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])  # z up -> y down


def h36m_world(frame):
    """Joints [17, 3] mm in a world whose z points up."""
    stream = np.random.default_rng(frame)
    return stream.normal(0, 300, (17, 3)) + [10 * frame, 0, 1000]


@pytest.fixture
def human(tmp_path):
    annotations = tmp_path / "annotations"
    images = []
    for frame in range(12):
        name = f"s_01_act_02_subact_01_ca_01/s_01_{frame + 1:06d}.jpg"
        write(tmp_path / "images" / name, tools.jpeg(frame, (100, 100)))
        images.append(
            {
                "id": frame,
                "file_name": name,
                "width": 100,
                "height": 100,
                "subject": 1,
                "action_idx": 2,
                "subaction_idx": 1,
                "cam_idx": 1,
                "frame_idx": frame,
            }
        )
    camera = {
        "1": {
            "R": TURN.tolist(),
            "t": [0, 1000, 5000],
            "f": [110, 120],
            "c": [49.5, 50.5],
        }
    }
    joints = {"2": {"1": {str(f): h36m_world(f).tolist() for f in range(12)}}}
    write(annotations / "Human36M_subject1_data.json", {"images": images})
    write(annotations / "Human36M_subject1_camera.json", camera)
    write(annotations / "Human36M_subject1_joint_3d.json", joints)
    return tmp_path


def test_h36m(human, capsys):
    assert h36m.main([str(human)]) == 0
    assert "3 frames: H36m(" in capsys.readouterr().out
    data = H36m(human / "h36m_subject1.npz", human / "images")
    assert len(data) == len(list(data)) == 3
    sample = data[1]  # frame 5
    assert sample.skeleton is H36M_17
    wanted = h36m_world(5) @ TURN.T + [0, 1000, 5000]
    torch.testing.assert_close(
        sample.joints_3d[0].double(), torch.tensor(wanted), atol=1e-2, rtol=1e-5
    )
    seen = sample.joints_3d[0] @ sample.intrinsics.T
    torch.testing.assert_close(
        sample.keypoints[0], seen[:, :2] / seen[:, 2:], atol=1e-3, rtol=1e-4
    )
    x, y, w, h = sample.boxes[0].tolist()
    inside = sample.visibility[0] == 2
    points = sample.keypoints[0][inside] + 0.5
    assert inside.sum() > 12
    assert (points >= torch.tensor([x, y])).all()
    assert (points <= torch.tensor([x + w, y + h])).all()
    assert data[-1].image_id == 2
    flags = convert(sample.keypoints, sample.visibility, H36M_17, COCO_17)[1]
    assert flags[0, COCO_17.index("left_wrist")] == sample.visibility[0, 13]


def test_h36m_takes_the_frames_that_are_there(human, capsys):
    for path in sorted((human / "images").rglob("*.jpg"))[:6]:
        path.unlink()
    assert h36m.main([str(human), "--every", "1", "--subjects", "1"]) == 0
    said = capsys.readouterr().out
    assert "6 frames" in said
    assert "note: 6 images are not there, the first is s_01" in said
    for path in (human / "images").rglob("*.jpg"):
        path.unlink()
    (human / "h36m_subject1.npz").unlink()
    assert h36m.main([str(human)]) == 1
    assert "none of the images is there" in capsys.readouterr().err
    assert not (human / "h36m_subject1.npz").exists()


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("data", lambda d: d["images"][0].pop("cam_idx")),
        ("camera", lambda d: d["1"].pop("f")),
        ("camera", lambda d: d["1"].update(R=[[1, 2, 3]])),
        ("camera", lambda d: d["1"].update(R=[1, "x"])),
        ("joint_3d", lambda d: d["2"]["1"].pop("5")),
        ("joint_3d", lambda d: d["2"]["1"].update({"5": [[1, 2]] * 17})),
        ("joint_3d", lambda d: d.update({"2": 3})),
    ],
)
def test_h36m_broken(human, capsys, part, change):
    path = human / "annotations" / f"Human36M_subject1_{part}.json"
    content = json.loads(path.read_text())
    change(content)
    write(path, content)
    assert h36m.main([str(human)]) == 1
    assert path.name in capsys.readouterr().err
    assert not (human / "h36m_subject1.npz").exists()


def test_h36m_not_there(tmp_path, capsys):
    (tmp_path / "annotations").mkdir()
    (tmp_path / "images").mkdir()
    assert h36m.main([str(tmp_path)]) == 1
    assert "Human36M_subject1_data.json" in capsys.readouterr().err
    assert h36m.main([str(tmp_path), "--every", "0"]) == 1


# ---- MPI-INF-3DHP

K = np.array([[150.0, 0, 52], [0, 140, 47], [0, 0, 1]])


def mat(frames=11, noise=0.0):
    """annot2 and annot3 of all cameras, as MATLAB cells [14, 1] of [N, 28 * axes]."""
    stream = np.random.default_rng(0)
    cells = {"annot2": np.empty((14, 1), object), "annot3": np.empty((14, 1), object)}
    for camera in range(14):
        points = stream.normal(0, 250, (frames, 28, 3)) + [0, 0, 3000 + camera]
        seen = points @ K.T
        pixels = seen[..., :2] / seen[..., 2:] + noise * stream.normal(0, 1, 2)
        pixels += noise * stream.normal(0, 1, pixels.shape)
        cells["annot2"][camera, 0] = pixels.reshape(frames, -1)
        cells["annot3"][camera, 0] = points.reshape(frames, -1)
    return cells


@pytest.fixture
def studio(tmp_path):
    sequence = tmp_path / "S1" / "Seq1"
    sequence.mkdir(parents=True)
    savemat(sequence / "annot.mat", mat())
    for camera in (0, 2):
        for frame in range(11):  # 10.jpg must not come before 9.jpg
            write(
                sequence / "imageSequence" / f"video_{camera}" / f"{frame}.jpg",
                tools.jpeg(100 * camera + frame, (100, 100)),
            )
    return tmp_path


def test_mpi_inf_3dhp(studio, capsys):
    assert mpi.main([str(studio)]) == 0
    assert "6 frames: MpiInf3dhp(" in capsys.readouterr().out
    data = MpiInf3dhp(studio / "mpi_inf_3dhp_S1_Seq1.npz", studio)
    names = data.arrays["file_name"].tolist()
    assert names[:3] == [f"S1/Seq1/imageSequence/video_0/{f}.jpg" for f in (0, 5, 10)]
    sample, cells = data[4], mat()  # camera 2, frame 5
    assert sample.skeleton is MPI_INF_3DHP_17
    points = cells["annot3"][2, 0].reshape(11, 28, 3)[5]
    pixels = cells["annot2"][2, 0].reshape(11, 28, 2)[5]
    for name, place in {
        "head_top": 7,
        "left_wrist": 11,
        "right_knee": 24,
        "pelvis": 4,
    }.items():
        joint = MPI_INF_3DHP_17.index(name)
        assert sample.joints_3d[0, joint].tolist() == pytest.approx(points[place])
        assert sample.keypoints[0, joint].tolist() == pytest.approx(pixels[place])
    np.testing.assert_allclose(sample.intrinsics, K, atol=1e-2)


def test_mpi_inf_3dhp_takes_cameras_and_frames(studio, capsys):
    assert mpi.main([str(studio), "--cameras", "2", "--every", "1"]) == 0
    assert "11 frames" in capsys.readouterr().out
    assert mpi.main([str(studio), "--cameras", "1"]) == 1
    assert "0 images for 11 annotated frames" in capsys.readouterr().err


def test_a_short_video_is_taken_as_far_as_it_goes(studio, capsys):
    (studio / "S1/Seq1/imageSequence/video_2/10.jpg").unlink()
    assert mpi.main([str(studio), "--every", "1"]) == 0
    said = capsys.readouterr().out
    assert "10 images for 11 annotated frames" in said
    assert "21 frames of 1 of 1 sequences" in said
    data = MpiInf3dhp(studio / "mpi_inf_3dhp_S1_Seq1.npz", studio)
    assert len(data) == len(list(data)) == 21
    assert data.arrays["file_name"][-1].endswith("video_2/9.jpg")
    wanted = mat()["annot3"][2, 0].reshape(11, 28, 3)[9, 7]
    assert data[-1].joints_3d[0, 0].tolist() == pytest.approx(wanted)


def test_a_video_with_a_gap_is_left_out(studio, capsys):
    (studio / "S1/Seq1/imageSequence/video_2/4.jpg").unlink()
    assert mpi.main([str(studio), "--every", "1"]) == 0
    assert "skipped" in (said := capsys.readouterr().out)
    assert "a gap in their numbers" in said
    assert len(MpiInf3dhp(studio / "mpi_inf_3dhp_S1_Seq1.npz", studio)) == 11


def test_a_broken_sequence_does_not_stop_the_others(studio, capsys):
    broken = studio / "S2" / "Seq1"
    broken.mkdir(parents=True)
    (broken / "annot.mat").write_bytes(b"MATLAB 7.3 is HDF5")
    empty = studio / "S3" / "Seq2"
    empty.mkdir(parents=True)
    savemat(empty / "annot.mat", mat())
    assert mpi.main([str(studio)]) == 0
    said = capsys.readouterr().out
    assert "6 frames of 1 of 3 sequences" in said
    assert "S2/Seq1/annot.mat" in said
    assert "S3/Seq2 has no images" in said


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"MATLAB 7.3 is HDF5", "cannot be read"),
        ({"annot2": np.zeros((14, 1))}, "cannot be read"),
        ({**mat(), "annot3": mat(10)["annot3"]}, "same frames"),
        (mat(noise=20.0), "do not fit one camera"),
    ],
)
def test_mpi_inf_3dhp_broken(studio, capsys, content, said):
    path = studio / "S1" / "Seq1" / "annot.mat"
    path.write_bytes(content) if isinstance(content, bytes) else savemat(path, content)
    assert mpi.main([str(studio)]) == 1
    error = capsys.readouterr().err
    assert "annot.mat" in error
    assert said in error
    assert not list(studio.glob("*.npz"))


def test_mpi_inf_3dhp_not_there(tmp_path, capsys):
    assert mpi.main([str(tmp_path)]) == 1
    assert "no sequence with annot.mat" in capsys.readouterr().err
