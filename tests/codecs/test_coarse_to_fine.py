"""Fine maps in crops: what is drawn, and that reading it leads back to the joint."""

import pytest
import torch

from poselab.codecs import CropHeatmapCodec, place_in_boxes
from poselab.errors import ArgumentError, ShapeError
from tests.support.sources import Dots


def batch(n=4):
    return Dots().batch(n, torch.Generator().manual_seed(0))


def test_encode_then_decode_returns_the_joints():
    codec, sample = CropHeatmapCodec(24, noise=2.0), batch()
    (crops,), targets = codec.encode(sample, torch.Generator().manual_seed(0))
    assert crops.shape == (4, 17, 3, 24, 24)
    assert targets["heatmaps"].shape == (4, 17, 24, 24)
    poses = codec.decode(targets["heatmaps"], targets["boxes"])
    torch.testing.assert_close(poses.keypoints, sample.keypoints, atol=1e-3, rtol=0)
    assert codec.loss(targets["heatmaps"], targets) == 0


def test_the_crop_shows_what_the_map_marks():
    """The dot of a joint is brightest where its map is, up to its neighbours' dots."""
    codec, sample = CropHeatmapCodec(16, sigma=2.0, noise=1.5), batch()
    sample.image = sample.image * 0
    points = sample.keypoints[:, 0].round()
    sample.keypoints = points[:, None]
    seen = sample.visibility[:, 0] > 0
    for b, j in seen.nonzero():
        x, y = points[b, j].long()
        sample.image[b, :, y, x] = 1.0
    (crops,), targets = codec.encode(sample, torch.Generator().manual_seed(1))
    shown = (crops[:, :, 0] * targets["heatmaps"]).amax((2, 3))
    assert (shown[seen] > 0.2).all()


def test_noise_moves_the_crop_and_not_the_joint():
    sample = batch(200)
    _, targets = CropHeatmapCodec(24, noise=3.0).encode(
        sample, torch.Generator().manual_seed(0)
    )
    centre = targets["boxes"][..., :2] + 12 - 0.5
    moved = centre - sample.keypoints[:, 0]
    assert moved.std() == pytest.approx(3.0, rel=0.05)
    assert moved.mean() == pytest.approx(0.0, abs=0.1)


def test_unlabelled_joints_do_not_count():
    codec, sample = CropHeatmapCodec(), batch()
    sample.visibility[:, :, 3] = 0
    _, targets = codec.encode(sample, torch.Generator().manual_seed(0))
    assert targets["weight"][:, 3].sum() == 0
    wrong = targets["heatmaps"].clone()
    wrong[:, 3] += 1
    assert codec.loss(wrong, targets) == 0


def test_places_are_those_of_the_box():
    maps = torch.zeros(1, 1, 8, 8)
    maps[0, 0, 0, 7] = 1.0  # the upper right pixel of a crop of 4 px magnified by 2
    points, scores = place_in_boxes(maps, torch.tensor([[[10.0, 20.0, 4.0, 4.0]]]))
    assert points[0, 0, 0] == pytest.approx(13.25, abs=0.5)
    assert points[0, 0, 1] == pytest.approx(19.75, abs=0.5)
    assert scores.item() == 1


def test_errors():
    with pytest.raises(ArgumentError, match="generator"):
        CropHeatmapCodec().encode(batch(), None)
    with pytest.raises(ArgumentError, match="crop = 2"):
        CropHeatmapCodec(2)
    with pytest.raises(ShapeError, match="output"):
        CropHeatmapCodec(24).decode(torch.zeros(1, 17, 9, 9), torch.zeros(1, 17, 4))
