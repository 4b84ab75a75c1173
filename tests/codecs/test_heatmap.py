"""Heat maps: how targets are drawn and merged, what the losses ask, the codecs."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from poselab.codecs import (
    HeatmapCodec,
    IntegralCodec,
    cells_to_pixels,
    decode_argmax,
    draw_targets,
    flip_heatmaps,
    gaussian_heatmaps,
    local_maxima,
    masked_mse,
    merge_people,
    nearest_cells,
    pixels_to_cells,
    spatial_cross_entropy,
    target_weight,
)
from poselab.datasets import crop, flip
from poselab.errors import ArgumentError, ShapeError
from poselab.records import Sample
from tests.support.samples import make_sample
from tests.support.sources import Dots

strides = st.sampled_from([1, 2, 4, 8])


def batch(n=6, seed=0, size=(64, 48)):
    return Dots(size).batch(n, torch.Generator().manual_seed(seed))


def crowd(seed=0, size=(64, 48), people=3):
    return Sample.stack([make_sample(seed + i, people, size) for i in range(2)])


# --- drawing -------------------------------------------------------------------------


def test_the_bump_by_hand():
    cells = torch.tensor([2.0, 1.0])  # x = 2, y = 1
    got = gaussian_heatmaps(cells, (4, 6), sigma=1.5)
    assert got.shape == (4, 6)
    assert got[1, 2] == 1
    assert got[3, 5] == pytest.approx(math.exp(-(9 + 4) / (2 * 1.5**2)))


def test_a_cell_lies_in_the_middle_of_its_pixels():
    covered = torch.arange(8, 12).float()  # the pixels of cell 2 of stride 4
    assert cells_to_pixels(torch.tensor(2.0), 4) == covered.mean()


@given(strides, st.floats(-100, 600))
def test_cells_and_pixels_round_trip(stride, x):
    points = torch.tensor([x], dtype=torch.float64)
    again = cells_to_pixels(pixels_to_cells(points, stride), stride)
    torch.testing.assert_close(again, points, atol=1e-9, rtol=0)


def test_hidden_joints_are_drawn_and_unlabelled_ones_are_not():
    points = torch.tensor([[[[8.0, 8.0], [8.0, 8.0], [math.nan, 1e9]]]])
    maps = draw_targets(points, torch.tensor([[[2, 1, 0]]]), (8, 8), 2, 1.0)
    assert torch.equal(maps[0, 0], maps[0, 1])
    assert maps[0, 0].max() > 0.8
    assert torch.equal(maps[0, 2], torch.zeros(8, 8))


def test_quantised_centres_have_peaks_of_one_on_cells():
    sample = batch()
    exact, moved = (
        draw_targets(sample.keypoints, sample.visibility, (16, 12), 4, 1.5, quantise=q)
        for q in (False, True)
    )
    labelled = sample.visibility[:, 0] > 0
    assert (moved.amax((2, 3))[labelled] == 1).all()
    assert (exact.amax((2, 3))[labelled] < 1).any()
    assert torch.equal(
        decode_argmax(exact)[0][labelled], decode_argmax(moved)[0][labelled]
    )


def test_nearest_cells_stay_in_the_map():
    cells = torch.tensor([[-0.5, -0.4], [11.49, 15.5], [3.5, 3.49]])
    got = nearest_cells(cells, (16, 12))
    assert got.tolist() == [[0, 0], [11, 15], [4, 3]]


def test_the_maximum_keeps_two_peaks_where_the_sum_makes_one():
    # Two people closer than 2 sigma: the sum of two Gaussians has one peak between.
    cells = torch.tensor([10.0, 13.0])
    points = torch.stack([cells, torch.full((2,), 8.0)], -1)[None, :, None]
    both = gaussian_heatmaps(points, (17, 24), sigma=2.0)  # [1, 2, 1, 17, 24]
    peaks = {
        how: local_maxima(merge_people(both, how), 0.5)[0, 0].nonzero().tolist()
        for how in ("max", "sum")
    }
    assert peaks["max"] == [[8, 10], [8, 13]]
    assert peaks["sum"] in ([[8, 11]], [[8, 12]], [[8, 11], [8, 12]])
    assert merge_people(both, "max").max() == 1
    assert merge_people(both, "sum").max() > 1.4


def test_overwriting_cuts_the_first_person():
    points = torch.tensor([10.0, 12.0])[:, None].expand(2, 2)[None, :, None]
    both = gaussian_heatmaps(points, (24, 24), sigma=2.0)
    got = merge_people(both, "overwrite")[0, 0]
    assert got[12, 12] == 1
    assert got[10, 10] == both[0, 1, 0, 10, 10]  # not the first person's peak
    assert got[3, 3] == both[0, 0, 0, 3, 3]
    for people in (both, both[:, :1]):
        with pytest.raises(ArgumentError, match="Known: max"):
            merge_people(people, "average")


@given(st.integers(0, 50), st.sampled_from(["max", "sum"]))
def test_the_order_of_people_does_not_matter(seed, how):
    sample = crowd(seed)
    order = [2, 0, 1]
    a = draw_targets(sample.keypoints, sample.visibility, (16, 12), merge=how)
    b = draw_targets(
        sample.keypoints[:, order], sample.visibility[:, order], (16, 12), merge=how
    )
    torch.testing.assert_close(a, b)


def test_people_who_are_not_there_change_nothing():
    sample = crowd(people=2)
    more = Sample.stack([sample[0], make_sample(9, 4, (64, 48))])[:1]
    _, one = HeatmapCodec((64, 48)).encode(sample[0])
    _, two = HeatmapCodec((64, 48)).encode(more)
    assert torch.equal(one["heatmaps"], two["heatmaps"])
    assert torch.equal(one["weight"], two["weight"])


def test_an_image_without_people_has_empty_maps():
    _, targets = HeatmapCodec((64, 48)).encode(make_sample(0, 0, (64, 48)))
    assert targets["heatmaps"].shape == (1, 17, 16, 12)
    assert targets["heatmaps"].sum() == targets["weight"].sum() == 0


# --- flips and crops -----------------------------------------------------------------


@given(st.integers(0, 100), strides, st.floats(0.7, 4))
@settings(max_examples=40)
def test_flipping_commutes_with_encoding_and_decoding(seed, stride, sigma):
    sample = crowd(seed)
    codec = HeatmapCodec((64, 48), stride, sigma, decoder="argmax")
    maps = codec.encode(sample)[1]["heatmaps"]
    mirrored = codec.encode(flip(sample))[1]["heatmaps"]
    back = flip_heatmaps(mirrored, sample.skeleton.flip_index)
    torch.testing.assert_close(back, maps, atol=1e-5, rtol=0)
    points, scores = decode_argmax(mirrored, stride)
    there = scores.abs() > 1e-3
    x = points[..., list(sample.skeleton.flip_index), 0]
    clear = there[..., list(sample.skeleton.flip_index)] & _clear(maps)
    wanted = 47 - decode_argmax(maps, stride)[0][..., 0]
    torch.testing.assert_close(x[clear], wanted[clear], atol=1e-3, rtol=0)


def _clear(maps):
    """Where one cell is clearly the highest, so that rounding decides nothing."""
    two = maps.flatten(-2).topk(2).values
    return two[..., 0] - two[..., 1] > 1e-4


@given(st.integers(0, 100), strides, st.floats(0.7, 4))
@settings(max_examples=40)
def test_cropping_commutes_with_encoding_and_decoding(seed, stride, sigma):
    sample = batch(2, seed)
    box = torch.tensor([[8.0, 16.0, 32.0, 40.0]]).expand(2, 4)  # multiples of 8
    part = crop(sample, box, (40, 32))
    whole = HeatmapCodec((64, 48), stride, sigma)
    small = HeatmapCodec((40, 32), stride, sigma)
    a, b = whole.encode(sample)[1]["heatmaps"], small.encode(part)[1]["heatmaps"]
    left, top = 8 // stride, 16 // stride
    window = a[:, :, top : top + 40 // stride, left : left + 32 // stride]
    seen = part.visibility[:, 0] > 0
    torch.testing.assert_close(b[seen], window[seen], atol=1e-5, rtol=0)
    found = small.decode(b).keypoints + box[0, :2]  # px of the whole image
    error = (found - sample.keypoints).abs()[:, 0][seen]
    assert (error < 0.05 * stride + 1e-3).all()


# --- losses --------------------------------------------------------------------------


def test_weights():
    flags = torch.tensor([[[2, 0, 1], [0, 0, 2]]])
    weight = target_weight(flags)
    assert weight.flatten().tolist() == [1, 0, 1]
    ignore = torch.zeros(1, 7, 11, dtype=torch.bool)
    ignore[0, 6, 4] = True  # in the cell of row 1 and column 1
    weight = target_weight(flags, ignore, 4)
    assert weight[0, 0].tolist() == [[1, 1, 1], [1, 0, 1]]
    assert weight[0, 1].sum() == 0


def test_mse_by_hand_and_masked():
    target, output = torch.zeros(1, 2, 2, 2), torch.zeros(1, 2, 2, 2)
    output[0, 0, 0, 0], output[0, 1] = 2.0, math.nan
    weight = torch.tensor([1.0, 0.0]).view(1, 2, 1, 1)
    assert masked_mse(output, target, weight) == 4 / 4
    assert masked_mse(output, target, weight * 0) == 0


def test_cross_entropy_by_hand():
    logits = torch.randn(2, 3, 5, 4, generator=torch.Generator().manual_seed(0))
    target = torch.zeros_like(logits)
    target[..., 2, 1] = 0.7  # all in one cell: the logarithm of its share
    wanted = -logits.flatten(2).log_softmax(-1)[..., 2 * 4 + 1].mean()
    got = spatial_cross_entropy(logits, target, torch.ones(2, 3, 1, 1))
    torch.testing.assert_close(got, wanted)
    flat = spatial_cross_entropy(0 * logits, target, torch.ones(2, 3, 1, 1))
    assert flat == pytest.approx(math.log(20))


@pytest.mark.parametrize("loss", [masked_mse, spatial_cross_entropy])
def test_what_does_not_count_has_no_gradient(loss):
    sample = crowd()
    sample.ignore = torch.zeros(2, 64, 48, dtype=torch.bool)
    sample.ignore[:, :20, 30:] = True
    sample.visibility[:, :, 4] = 0
    _, targets = HeatmapCodec((64, 48)).encode(sample)
    output = torch.randn(
        targets["heatmaps"].shape,
        requires_grad=True,
        generator=torch.Generator().manual_seed(1),
    )
    loss(output, targets["heatmaps"], targets["weight"]).backward()
    assert targets["weight"][:, 0, :5, 8:].sum() == 0
    assert output.grad[targets["weight"] == 0].abs().sum() == 0
    assert output.grad[:, 4].abs().sum() == 0
    assert output.grad[targets["weight"] > 0].abs().sum() > 0


@pytest.mark.parametrize("loss", [masked_mse, spatial_cross_entropy])
def test_nothing_labelled_is_no_loss(loss):
    output = torch.randn(1, 2, 4, 4, generator=torch.Generator().manual_seed(1))
    output.requires_grad_()
    value = loss(output, torch.zeros(1, 2, 4, 4), torch.zeros(1, 2, 1, 1))
    value.backward()
    assert value == 0
    assert output.grad.abs().sum() == 0


def test_zeros_are_a_trap_for_mse_but_not_for_cross_entropy():
    """A bump next to the joint is worse than nothing for MSE: the trap."""
    points = torch.tensor([[[[30.0, 30.0]]]])
    near = points + torch.tensor([20.0, 0.0])
    target, guess = (
        draw_targets(p, torch.ones(1, 1, 1), (16, 16), 4, 1.5) for p in (points, near)
    )
    one = torch.ones(1, 1, 1, 1)
    assert masked_mse(0 * guess, target, one) < 0.7 * masked_mse(guess, target, one)
    wide = draw_targets(near, torch.ones(1, 1, 1), (16, 16), 4, 4.0).log()
    nothing = spatial_cross_entropy(0 * guess, target, one)
    assert spatial_cross_entropy(wide, target, one) < nothing - 0.2


# --- the codecs ----------------------------------------------------------------------


@pytest.mark.parametrize("decoder", ["argmax", "quarter", "dark", "soft_argmax"])
def test_codec_round_trip(decoder):
    sample, codec = batch(), HeatmapCodec((64, 48), decoder=decoder)
    _, targets = codec.encode(sample)
    assert targets["heatmaps"].shape == (6, 17, 16, 12)
    poses = codec.decode(targets["heatmaps"])
    limit = {"argmax": 2.01, "quarter": 1.01, "dark": 0.02, "soft_argmax": 2.5}
    seen = sample.visibility > 0
    seen &= ((sample.keypoints > 2) & (sample.keypoints < torch.tensor([45, 61]))).all(
        -1
    )
    error = (poses.keypoints - sample.keypoints).abs()[seen]
    assert error.max() < limit[decoder]
    assert poses.scores.shape == (6, 1, 17)
    assert ((poses.scores >= 0) & (poses.scores <= 1)).all()
    assert codec.loss(targets["heatmaps"], targets) == 0


def test_logits_become_maps_with_a_peak_near_one():
    sample = batch()
    codec = HeatmapCodec((64, 48), 2, 2.0, criterion="cross_entropy")
    maps = codec.encode(sample)[1]["heatmaps"]
    again = codec.heatmaps(maps.clamp(min=1e-20).log())
    inner = ((sample.keypoints > 12) & (sample.keypoints < 36)).all(-1)[:, 0]
    torch.testing.assert_close(again[inner], maps[inner], atol=0.01, rtol=0)
    poses = codec.decode(maps.clamp(min=1e-20).log())
    error = (poses.keypoints - sample.keypoints)[:, 0][inner]
    assert error.abs().max() < 0.01


def test_integral_codec():
    sample, codec = batch(), IntegralCodec((64, 48), 2)
    _, targets = codec.encode(sample)
    inner = ((sample.keypoints > 12) & (sample.keypoints < 36)).all(-1)[:, 0]
    logits = gaussian_heatmaps(targets["cells"], codec.heatmap_size, 1.5)
    logits = logits.clamp(min=1e-20).log().requires_grad_()
    targets["visibility"] = torch.where(inner, targets["visibility"], 0)
    loss = codec.loss(logits, targets)
    assert loss < 1e-3
    loss.backward()
    assert logits.grad[~inner].abs().sum() == 0
    poses = codec.decode(logits.detach())
    error = (poses.keypoints - sample.keypoints)[:, 0][inner]
    assert error.abs().max() < 0.01


def test_sides_that_are_no_multiple_of_the_stride_round_up():
    codec = HeatmapCodec((50, 35), 8)
    assert codec.heatmap_size == (7, 5)
    sample = batch(size=(50, 35))
    poses = codec.decode(codec.encode(sample)[1]["heatmaps"])
    seen = sample.visibility > 0
    assert (poses.keypoints - sample.keypoints)[seen].abs().max() < 0.05 * 8


def test_errors_say_what_to_do():
    with pytest.raises(ArgumentError, match="Known: mse, cross_entropy"):
        HeatmapCodec(criterion="l2")
    with pytest.raises(ArgumentError, match="decoder = 'taylor'.*dark"):
        HeatmapCodec(decoder="taylor")
    with pytest.raises(ArgumentError, match="sigma"):
        gaussian_heatmaps(torch.zeros(2), (3, 3), 0.0)
    with pytest.raises(ArgumentError, match="stride"):
        HeatmapCodec(stride=0)
    with pytest.raises(ShapeError, match="64, 48"):
        HeatmapCodec((64, 48)).encode(batch(size=(32, 32)))
    with pytest.raises(ArgumentError, match="people = 3"):
        IntegralCodec((64, 48)).encode(crowd())


def test_the_losses_of_stages_are_added():
    codec = HeatmapCodec((32, 24), criterion="mse")
    target = torch.rand(2, 3, 8, 6)
    targets = {"heatmaps": target, "weight": torch.ones(2, 3, 1, 1)}
    stages = [(target + gap).requires_grad_() for gap in (0.5, 0.1)]
    total = codec.loss(stages, targets)
    torch.testing.assert_close(total, torch.tensor(0.25 + 0.01))
    total.backward()
    assert all((stage.grad.abs() > 0).all() for stage in stages)
