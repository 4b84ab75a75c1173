"""The explorers of notebook 14: maps and where they are read, twins, filters."""

import pytest
import torch

from poselab import zoo
from poselab.codecs.space import LocationMapCodec, root_joint
from poselab.datasets import SyntheticPeople
from poselab.explore.lifting import TwinExplorer
from poselab.explore.vnect import FilterExplorer, LocationMapExplorer
from poselab.geometry import project
from poselab.skeleton import COCO_17


@pytest.fixture(scope="module")
def samples():
    return SyntheticPeople(seed=5, split="test").batch(3)


@pytest.fixture(scope="module")
def maps(samples):
    return LocationMapExplorer(zoo.load("vnect_tiny"), LocationMapCodec(), samples)


def test_every_control_of_the_maps_changes_the_picture(maps):
    seen = maps.set(off=5).sweep()
    maps.reset()
    assert all(count > 1 for count in seen.values()), seen
    assert "read 0 px from the peaks" in maps.caption


def test_read_at_the_peak_it_is_the_codec_s_answer(maps, samples):
    codec = LocationMapCodec()
    with torch.no_grad():
        poses = codec.decode(maps.network(samples.image[:1]))
    joints, points = maps.read(0, 0.0)
    # Asked by one thread and by several, the last digits of float32 differ, and where
    # a heatmap is flat, as a fresh network's are, DARK's step enlarges them.
    torch.testing.assert_close(joints, poses.joints_3d[0, 0], rtol=1e-3, atol=0.05)
    torch.testing.assert_close(points, poses.keypoints[0, 0], rtol=0, atol=0.01)
    _, far = maps.read(0, 10.0)
    gap = (far - points).norm(dim=-1)
    torch.testing.assert_close(gap, torch.full_like(gap, 10.0))


def test_a_twin_has_the_same_pixels(samples):
    twins = TwinExplorer(samples)
    seen = twins.sweep()
    assert all(count > 1 for count in seen.values()), seen
    assert "Largest difference of their pixels: 0.00 px" in twins.caption
    for size, limb in ((0.7, "nothing"), (1.0, "left forearm"), (1.4, "both forearms")):
        mine, other = twins.pair(1, size, limb)
        k = samples.intrinsics[1]
        torch.testing.assert_close(
            project(mine, k), project(other, k), rtol=0, atol=0.01
        )
    assert twins._still().width > twins._image.width


def test_a_view_that_was_turned_stays_turned(samples):
    twins = TwinExplorer(samples)
    if twins.canvas is None:
        pytest.skip("anywidget is missing")
    twins.canvas.view = {**twins.canvas.view, "yaw": 33.0}
    twins.set(size=0.8)
    assert twins.canvas.view["yaw"] == 33.0
    assert twins.canvas.shapes


def test_without_anywidget_sliders_turn_the_view(samples, monkeypatch):
    monkeypatch.setattr("poselab.explore.lifting.Scene3d", None)
    twins = TwinExplorer(samples)
    assert {"yaw", "pitch"} <= set(twins.controls)
    assert all(count > 1 for count in twins.sweep().values())


def test_the_filter_follows_its_controls():
    clip = SyntheticPeople((64, 48), seed=1).clip(40, activity="walking", fps=30)
    track = clip.joints_3d[:, 0] - root_joint(clip.joints_3d[:, 0])
    explorer = FilterExplorer(track, COCO_17)
    seen = explorer.sweep()
    assert all(count > 1 for count in seen.values()), seen
    tracks = explorer.filtered(15, 20, 1.0, 0.0)
    torch.testing.assert_close(tracks["one cut-off"], tracks["One-Euro"])
    assert "lag" in explorer.caption
