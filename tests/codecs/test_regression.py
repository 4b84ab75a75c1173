"""Coordinates relative to boxes, the masked loss, the cascade's displacements."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from poselab.codecs import (
    DisplacementCodec,
    RegressionCodec,
    denormalise,
    masked_l2,
    normalise,
    pose_diameter,
)
from poselab.codecs.regression import masked_l1
from poselab.errors import ArgumentError, ShapeError
from poselab.geometry import box_of_image
from poselab.skeleton import COCO_17
from tests.support.samples import with_people
from tests.support.sources import Dots

pixels = st.floats(-500, 500, width=32)
sides = st.floats(1, 500, width=32)


def batch(n=6, seed=0, size=(64, 48)):
    return Dots(size).batch(n, torch.Generator().manual_seed(seed))


@given(pixels, pixels, pixels, pixels, sides, sides)
def test_normalise_round_trip(x, y, left, top, width, height):
    points = torch.tensor([[x, y]], dtype=torch.float64)
    box = torch.tensor([left, top, width, height], dtype=torch.float64)
    again = denormalise(normalise(points, box), box)
    torch.testing.assert_close(again, points, atol=1e-9, rtol=0)


def test_normalise_uses_width_for_x_and_height_for_y():
    box = torch.tensor([10.0, 20.0, 40.0, 80.0])
    centre = torch.tensor([29.5, 59.5])
    points = torch.stack([centre, centre + torch.tensor([20.0, 40.0])])
    wanted = torch.tensor([[0.0, 0.0], [0.5, 0.5]])
    torch.testing.assert_close(normalise(points, box), wanted)


def test_image_corners_are_the_outer_pixel_edges():
    edges = torch.tensor([[-0.5, -0.5], [95.5, 127.5]])
    got = normalise(edges, box_of_image((128, 96)))
    torch.testing.assert_close(got, torch.tensor([[-0.5, -0.5], [0.5, 0.5]]))


def test_normalise_needs_one_box_per_set_of_points():
    with pytest.raises(ShapeError, match="points"):
        normalise(torch.zeros(4, 2), torch.zeros(4, 4))
    with pytest.raises(ShapeError, match="expected shape"):
        normalise(torch.zeros(4, 3), torch.zeros(4))


def test_masked_l2_by_hand():
    target = torch.zeros(1, 3, 2)
    prediction = torch.tensor([[[3.0, 4.0], [1.0, 0.0], [100.0, 100.0]]])
    flags = torch.tensor([[2, 1, 0]])
    assert masked_l2(prediction, target, flags) == (25 + 1) / 2


def test_masked_l1_by_hand():
    target = torch.zeros(1, 3, 2)
    prediction = torch.tensor([[[3.0, -4.0], [1.0, 0.0], [100.0, 100.0]]])
    flags = torch.tensor([[2, 1, 0]])
    assert masked_l1(prediction, target, flags) == (7 + 1) / 2


def test_the_criterion_of_a_regression_is_named():
    target, flags = torch.zeros(1, 1, 2), torch.ones(1, 1)
    targets = {"target": target, "visibility": flags}
    for name, loss in (("l2", 9.0), ("l1", 3.0)):
        codec = RegressionCodec(criterion=name)
        assert codec.loss(torch.tensor([[[3.0, 0.0]]]), targets) == loss
    with pytest.raises(ArgumentError, match="criterion.*'huber'.*Known: l2, l1"):
        RegressionCodec(criterion="huber")


def test_masked_l2_ignores_what_unlabelled_joints_hold():
    target = torch.full((1, 2, 2), torch.nan)
    prediction = torch.rand(1, 2, 2, requires_grad=True)
    loss = masked_l2(prediction, target, torch.zeros(1, 2))
    loss.backward()
    assert loss == 0
    assert prediction.grad.abs().sum() == 0


def test_pose_diameter():
    points = torch.zeros(2, 17, 2)
    points[:, COCO_17.index("left_shoulder")] = torch.tensor([30.0, 40.0])
    assert pose_diameter(points).tolist() == [50, 50]
    assert pose_diameter(points * 0).tolist() == [8, 8]
    flags = torch.full((2, 17), 2)
    flags[1, COCO_17.index("right_hip")] = 0
    boxes = torch.tensor([[0.0, 0, 30, 100]] * 2)
    assert pose_diameter(points, flags, boxes).tolist() == pytest.approx([50, 30])


@pytest.mark.parametrize("unit", [False, True])
def test_regression_round_trip(unit):
    codec, sample = RegressionCodec((64, 48), unit), batch()
    _, targets = codec.encode(sample)
    poses = codec.decode(targets["target"])
    torch.testing.assert_close(poses.keypoints, sample.keypoints, atol=1e-4, rtol=0)
    assert poses.scores.shape == (6, 1, 17)
    assert codec.loss(targets["target"], targets) == 0


def test_unit_targets_are_fractions_of_the_input():
    sample = batch()
    target = RegressionCodec((64, 48), unit=True).encode(sample)[1]["target"]
    wanted = sample.keypoints[:, 0] / torch.tensor([48.0, 64.0])
    torch.testing.assert_close(target, wanted, atol=1e-6, rtol=0)


def test_one_sample_or_a_batch():
    sample = batch()
    _, one = RegressionCodec((64, 48)).encode(sample[0])
    torch.testing.assert_close(
        one["target"][0], normalise(sample.keypoints[0, 0], box_of_image((64, 48)))
    )


def test_errors_say_what_to_do():
    codec, sample = RegressionCodec((64, 48)), batch()
    with pytest.raises(ShapeError, match="64, 48"):
        codec.encode(batch(size=(32, 32)))
    with pytest.raises(ArgumentError, match="people = 2.*Crop"):
        codec.encode(with_people(sample, 2))


def displacements(sigma=1.0, spread=0.1):
    mean = torch.linspace(-0.1, 0.1, 34).view(17, 2)
    return DisplacementCodec(mean, torch.full((17, 2), spread), sigma, crop=16)


def test_displacement_targets_lead_back_to_the_joint():
    sample, codec = batch(), displacements(1.5)
    (crops,), targets = codec.encode(sample, torch.Generator().manual_seed(0))
    assert crops.shape == (6, 17, 3, 16, 16)
    poses = codec.decode(targets["target"], targets["boxes"])
    torch.testing.assert_close(poses.keypoints, sample.keypoints, atol=1e-3, rtol=0)
    assert codec.loss(targets["target"], targets) == 0


def test_displacements_have_the_gaussians_mean_and_spread():
    codec, sample = displacements(2.0), batch(400)
    _, targets = codec.encode(sample, torch.Generator().manual_seed(0))
    drawn = -targets["target"] * codec.sigma  # delta in units of diam
    torch.testing.assert_close(drawn.mean(0), codec.mean, atol=0.02, rtol=0)
    torch.testing.assert_close(drawn.std(0), codec.std, atol=0.02, rtol=0)


def test_same_generator_same_draws():
    codec, sample = displacements(), batch()
    draws = (torch.Generator().manual_seed(3) for _ in "ab")
    ((a,), _), ((b,), _) = (codec.encode(sample, draw) for draw in draws)
    assert torch.equal(a, b)
    with pytest.raises(ArgumentError, match="generator"):
        codec.encode(sample, None)


def test_gaussian_estimated_from_errors():
    sample = batch(300)
    generator = torch.Generator().manual_seed(0)
    diam = pose_diameter(
        sample.keypoints[:, 0], sample.visibility[:, 0], sample.boxes[:, 0]
    )[:, None, None]
    error = 0.2 + 0.3 * torch.randn(300, 17, 2, generator=generator)
    codec = DisplacementCodec.from_errors(sample.keypoints[:, 0] + error * diam, sample)
    torch.testing.assert_close(codec.mean, torch.full((17, 2), 0.2), atol=0.08, rtol=0)
    torch.testing.assert_close(codec.std, torch.full((17, 2), 0.3), atol=0.05, rtol=0)


def test_unlabelled_joints_do_not_enter_the_gaussian():
    sample = batch(50)
    flags = sample.visibility.clone()
    flags[:25] = 0
    truth = sample.keypoints[:, 0]
    predicted = torch.where(flags[:, 0, :, None] > 0, truth, torch.nan)
    codec = DisplacementCodec.from_errors(predicted, sample.replace(visibility=flags))
    assert codec.mean.abs().max() == codec.std.abs().max() == 0
    with pytest.raises(ArgumentError, match="nose"):
        DisplacementCodec.from_errors(truth, sample.replace(visibility=flags * 0))
