"""Clips of a learner's own: folders, GIFs, videos; what is written can be read."""

import json
import shutil
import sys
from types import ModuleType

import numpy as np
import pytest
import torch
from PIL import Image

from poselab.datasets import PoseTrack, read_clip, save_gif, to_posetrack
from poselab.errors import ArgumentError, ImageError
from poselab.records import Poses

GREYS = (40, 80, 120, 160)


def picture(grey):
    return Image.new("RGB", (24, 16), (grey, grey, grey))


def greys(clip):
    return [round(255 * float(frame.mean())) for frame in clip]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "clip").mkdir()
    for number, grey in zip((1, 2, 10, 11), GREYS, strict=True):
        picture(grey).save(tmp_path / "clip" / f"frame_{number}.png")
    (tmp_path / "clip" / "notes.txt").write_text("no picture")
    return tmp_path / "clip"


def test_a_folder_is_read_in_the_order_of_its_numbers(folder):
    clip = read_clip(folder)
    assert clip.shape == (4, 3, 16, 24)
    assert greys(clip) == list(GREYS)
    assert greys(read_clip(folder, every=2)) == [40, 120]
    assert greys(read_clip(folder, every=2, most=1)) == [40]


def test_a_gif_is_written_and_read_again(tmp_path):
    path = save_gif([picture(grey) for grey in GREYS], tmp_path / "a.gif", fps=5)
    assert greys(read_clip(path)) == pytest.approx(GREYS, abs=2)
    assert greys(read_clip(path, every=3)) == pytest.approx([40, 160], abs=2)
    with Image.open(path) as file:
        assert (file.n_frames, file.info["duration"]) == (4, 200)
    one = save_gif([torch.zeros(3, 8, 8)], tmp_path / "one.gif")
    assert read_clip(one).shape == (1, 3, 8, 8)


def test_a_video_by_opencv(tmp_path, monkeypatch):
    frames = [np.full((16, 24, 3), (grey, 0, 0), np.uint8) for grey in GREYS]

    class Film:
        def __init__(self, path):
            self.left = list(frames)

        def read(self):
            return (True, self.left.pop(0)) if self.left else (False, None)

        def release(self):
            self.left = []

    fake = ModuleType("cv2")
    fake.VideoCapture = Film
    monkeypatch.setitem(sys.modules, "cv2", fake)
    (tmp_path / "a.mp4").write_bytes(b"film")
    clip = read_clip(tmp_path / "a.mp4", every=2)
    assert (255 * clip[:, :, 0, 0]).round().tolist() == [[0, 0, 40], [0, 0, 120]]


@pytest.mark.parametrize("works", [True, False])
def test_a_video_by_ffmpeg(tmp_path, monkeypatch, folder, works):
    monkeypatch.setitem(sys.modules, "cv2", None)
    program = tmp_path / "ffmpeg"
    copy = "\n".join(
        f'cp "{folder}/frame_{n}.png" "$(dirname "$last")/00000{i}.png"'
        for i, n in enumerate((1, 2, 10, 11), 1)
    )
    body = copy if works else "echo broken film >&2; exit 1"
    program.write_text(f"#!/bin/sh\nfor last; do :; done\n{body}\n")
    program.chmod(0o755)
    monkeypatch.setattr(shutil, "which", lambda name: str(program))
    (tmp_path / "a.mp4").write_bytes(b"film")
    if works:
        assert greys(read_clip(tmp_path / "a.mp4", every=2)) == [40, 120]
    else:
        with pytest.raises(ImageError, match="broken film"):
            read_clip(tmp_path / "a.mp4")


def test_what_cannot_be_read_is_named(tmp_path, folder, monkeypatch):
    with pytest.raises(ImageError, match="is not there"):
        read_clip(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ImageError, match="holds no pictures"):
        read_clip(tmp_path / "empty")
    Image.new("RGB", (8, 8)).save(folder / "frame_12.png")
    with pytest.raises(ImageError, match="different sizes"):
        read_clip(folder)
    monkeypatch.setitem(sys.modules, "cv2", None)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    (tmp_path / "a.mp4").write_bytes(b"film")
    with pytest.raises(ImageError, match="opencv-python or ffmpeg"):
        read_clip(tmp_path / "a.mp4")
    with pytest.raises(ArgumentError, match="every"):
        read_clip(folder, every=0)
    with pytest.raises(ArgumentError, match="pictures"):
        save_gif([], tmp_path / "none.gif")


def tracked(ids=(3, 5)):
    points = torch.arange(2 * 17 * 2).view(2, 17, 2).float() % 15
    scores = torch.full((2, 17), 0.5)
    scores[1, 9] = 0.0
    return Poses(points, scores, track_ids=torch.tensor(ids))


def test_posetrack_s_file_is_read_back(tmp_path):
    nobody = Poses.empty(17).replace(track_ids=torch.zeros(0, dtype=torch.int64))
    content = to_posetrack([tracked(), nobody, tracked((5, 3))], size=(16, 24))
    (tmp_path / "clip").mkdir()
    for image in content["images"]:
        picture(90).save(tmp_path / image["file_name"])
    file = tmp_path / "clip.json"
    file.write_text(json.dumps(content))
    frames = PoseTrack(file, tmp_path).clip("clip")
    assert [f.track_ids.tolist() for f in frames] == [[3, 5], [], [5, 3]]
    names = frames[0].skeleton.joints
    wrist, hip = names.index("left_wrist"), names.index("left_hip")
    torch.testing.assert_close(frames[0].keypoints[:, hip], tracked().keypoints[:, 11])
    assert frames[0].visibility[:, wrist].tolist() == [2, 0]
    assert frames[0].visibility[:, names.index("head_top")].tolist() == [0, 0]


def test_identities_are_needed_and_stand_once():
    with pytest.raises(ArgumentError, match="has no identities"):
        to_posetrack([tracked().replace(track_ids=None)])
    with pytest.raises(ArgumentError, match="two people"):
        to_posetrack([tracked((3, 3))])
