"""Kind 6: clips in which people come and go, and frames in which nobody is."""

import json
import math

import pytest
import torch
from PIL import Image

from poselab.datasets import Coco, PoseTrack
from poselab.datasets.posetrack import merge
from poselab.errors import ArgumentError
from poselab.metrics import track_scores
from poselab.records import Poses, Sample
from poselab.skeleton import POSETRACK_17
from tests.support.annotation_files import category, person, read

HIDDEN = (3, 4)  # the ears, which PoseTrack never labels


def someone(number: int, video: int, frame: int, track: int) -> dict:
    points = [
        n
        for j in range(17)
        for n in ((0, 0, 0) if j in HIDDEN else (20 + j + 30 * track, 20 + 2 * j, 1))
    ]
    return {
        "id": number,
        "image_id": 1000 * video + frame,
        "track_id": track,
        "keypoints": points,
        "bbox": [20 + 30 * track, 20, 20, 40],
        "bbox_head": [20 + 30 * track, 20, 8, 10],
    }


def video(folder, number: int, who, frames: int = 4):
    """A published file of one video; `who` are (frame, track)."""
    images = [
        {
            "id": 1000 * number + i,
            "file_name": f"images/v{number}/{i:06d}.png",
            "vid_id": f"v{number}",
            "is_labeled": True,
        }
        for i in range(frames)
    ]
    for image in images:
        (folder / image["file_name"]).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (100, 120)).save(folder / image["file_name"])
    people = [someone(i, number, *place) for i, place in enumerate(who)]
    (folder / f"v{number}.json").write_text(
        json.dumps({"images": images, "annotations": people})
    )
    return folder / f"v{number}.json"


def clip_of(folder, who, others=()):
    """The frames of v1, beside a v2, and the head sizes of each frame."""
    files = [video(folder, 1, who), video(folder, 2, others)]
    (folder / "merged.json").write_text(json.dumps(merge(files, folder)))
    data = PoseTrack(folder / "merged.json", folder)
    return data.clip("v1"), [data.head_sizes(i) for i in data.videos["v1"]]


def predicted(frames: list[Sample]) -> list[Poses]:
    return [
        Poses(s.keypoints, (s.visibility > 0).float(), track_ids=s.track_ids)
        for s in frames
    ]


WHO = {
    "two in all frames": [(f, t) for f in range(4) for t in (0, 1)],
    "one comes later": [(0, 0), (1, 0), (1, 1), (2, 0), (2, 1), (3, 0)],
    "one leaves": [(0, 0), (0, 1), (1, 0), (2, 0), (3, 0)],
    "one comes back": [(0, 0), (0, 1), (1, 0), (2, 0), (2, 1), (3, 0)],
    "nobody in frame 1": [(0, 0), (2, 0), (3, 0)],
    "nobody at first": [(2, 0), (2, 1), (3, 1)],
    "nobody at last": [(0, 0), (1, 0)],
    "others follow": [(0, 0), (1, 1), (2, 0), (3, 1)],
}


@pytest.mark.parametrize("case", WHO)
@pytest.mark.parametrize("stacked", [False, True])
def test_a_clip_has_mota_1_with_itself(tmp_path, case, stacked):
    frames, heads = clip_of(tmp_path, WHO[case], [(0, 0)])
    counts = [sum(f == frame for f, _ in WHO[case]) for frame in range(4)]
    assert [len(s.keypoints) for s in frames] == counts
    assert [s.track_ids.tolist() for s in frames] == [
        [t for f, t in WHO[case] if f == frame] for frame in range(4)
    ]
    truth, found = frames, predicted(frames)
    if stacked:
        truth, found = Sample.stack(truth), Poses.stack(found)
        assert truth.track_ids[~truth.present].tolist() == [-1] * (
            4 * max(counts) - sum(counts)
        )
    scores = track_scores(truth, found, heads, drop_last_frame=False)
    assert scores.total["mota"] == 1
    assert scores.total["objects"] == 15 * len(WHO[case])
    assert scores.total["misses"] == scores.total["switches"] == 0
    assert scores.mota[list(HIDDEN)].isnan().all()


def test_who_is_missed_and_who_is_not_there(tmp_path):
    frames, heads = clip_of(tmp_path, WHO["one comes later"])
    found = predicted(frames)
    found[1] = found[1].people([0])
    scores = track_scores(frames, found, heads, drop_last_frame=False)
    assert scores.total["misses"] == 15
    assert scores.total["mota"] == pytest.approx(1 - 1 / 6)
    found = predicted(frames)
    found[0] = found[1]  # somebody is seen a frame too early
    scores = track_scores(frames, found, heads, drop_last_frame=False)
    assert scores.total["false_alarms"] == 15


@pytest.mark.parametrize("merged", [False, True])
def test_frames_are_put_in_order(tmp_path, merged):
    file = video(tmp_path, 1, [(f, 0) for f in range(4)])
    data = json.loads(file.read_text())
    data["images"] = [data["images"][i] for i in (2, 0, 3, 1)]
    if not merged:
        data["categories"] = [category(keypoints=list(POSETRACK_17.joints))]
    file.write_text(json.dumps(data))
    if merged:
        file.write_text(json.dumps(merge([file], tmp_path)))
    clip = PoseTrack(file, tmp_path).clip("v1")
    assert [frame.image_id for frame in clip] == [1000, 1001, 1002, 1003]


def test_somebody_without_joints_has_a_place_in_the_clip(tmp_path):
    file = video(tmp_path, 1, [(0, 0), (1, 0), (2, 0)])
    data = json.loads(file.read_text())
    data["annotations"][1]["keypoints"] = []
    file.write_text(json.dumps(data))
    (tmp_path / "m.json").write_text(json.dumps(merge([file], tmp_path)))
    data = PoseTrack(tmp_path / "m.json", tmp_path)
    frames = data.clip("v1")
    assert [len(s.keypoints) for s in frames] == [1, 1, 1, 0]
    assert (frames[1].visibility == 0).all()
    heads = [data.head_sizes(i) for i in data.videos["v1"]]
    scores = track_scores(frames, predicted(frames), heads, drop_last_frame=False)
    assert scores.total["mota"] == 1


def test_somebody_without_a_head_is_named(tmp_path):
    frames, heads = clip_of(tmp_path, WHO["one leaves"])
    heads[0] = heads[0] * math.nan
    with pytest.raises(ArgumentError, match=r"head_sizes\[0, 0\] = nan.*median"):
        track_scores(frames, predicted(frames), heads)


def test_a_clip_of_nobody(tmp_path):
    frames, heads = clip_of(tmp_path, [], [(0, 0)])
    assert all(s.track_ids.tolist() == [] for s in frames)
    assert all(len(h) == 0 for h in heads)
    found = predicted(frames)
    scores = track_scores(frames, found, heads, drop_last_frame=False)
    assert math.isnan(scores.total["mota"])
    assert scores.total["false_alarms"] == 0


def test_files_without_tracks_have_none(tmp_path):
    coco = read(tmp_path, [person()], images=2)
    assert [s.track_ids for s in coco] == [None, None]
    coco = read(tmp_path, [person(track_id=4)], [category()], images=2)
    assert [s.track_ids.tolist() for s in coco] == [[4], []]
    assert isinstance(coco, Coco)
    assert Sample.stack(list(coco)).track_ids.tolist() == [[4], [-1]]
    some = read(tmp_path, [person(track_id=4), person(2)], images=1)
    assert some[0].track_ids is None
    assert torch.equal(some[0].present, torch.tensor([True, True]))
