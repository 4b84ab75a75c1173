"""How maps are read: the references' numbers, the stated resolution everywhere."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from poselab.codecs import (
    blur_heatmaps,
    blur_of,
    decode_argmax,
    decode_dark,
    decode_dark_reference,
    decode_hourglass_reference,
    decode_quarter,
    decode_quarter_reference,
    decode_soft_argmax,
    flip_heatmaps,
    gaussian_heatmaps,
    local_maxima,
    peaks,
    pixels_to_cells,
)
from poselab.codecs.heatmap_decode import gaussian_kernel
from poselab.errors import ArgumentError, ShapeError
from poselab.skeleton import COCO_17
from tests.support.golden import FOLDER, to_image


def golden(name, what="decode"):
    arrays = np.load(FOLDER / f"alg_{name}_{what}.npz")
    maps = arrays["heatmap_q"].astype("float32") * np.float32(2**-12)
    return torch.from_numpy(maps), {k: torch.from_numpy(arrays[k]) for k in arrays}


def worst(a, b):
    return (a - b).abs().max().item()


# --- equal to the references ---------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_quarter_equals_the_reference(dtype):
    maps, wanted = golden("quarter")
    cells, scores = decode_quarter_reference(maps.to(dtype))
    assert worst(cells, wanted["cells"]) < 1e-4
    assert worst(scores, wanted["maxvals"][..., 0]) == 0
    pixels = to_image(cells, wanted["center"], wanted["scale"], (64, 48))
    assert worst(pixels, wanted["preds"]) < 1e-4


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_dark_equals_the_reference(dtype):
    maps, wanted = golden("dark")
    cells, scores = decode_dark_reference(maps.to(dtype))
    assert worst(cells, wanted["cells"]) < 1e-4
    assert worst(scores, wanted["maxvals"][..., 0]) == 0
    assert worst(blur_heatmaps(maps)[0, 0], wanted["blurred_0_0"]) < 1e-6
    centre = torch.tensor([[96.0, 128.0]]).expand(4, 2)
    scale = torch.tensor([[192.0, 256.0]]).expand(4, 2) / 200
    pixels = to_image(cells, centre, scale, (64, 48), unbiased=True)
    assert worst(pixels, wanted["preds_x4"]) < 1e-4


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_hourglass_equals_the_reference(dtype):
    maps, wanted = golden("hourglass", "parse")
    cells, scores = decode_hourglass_reference(maps.to(dtype))
    assert (wanted["adjusted"][..., 2] > 0).all()  # else its place is arbitrary
    assert torch.equal(cells.float(), wanted["adjusted"][..., :2])
    assert torch.equal(scores.float(), wanted["adjusted"][..., 2])
    assert torch.equal(peaks(maps)[0].float(), wanted["raw"][..., :2])


def test_the_hourglass_takes_ties_to_the_left_and_up():
    level = torch.zeros(1, 5, 7)
    level[0, 2, 3] = 1.0  # all four neighbours are equal
    points, _ = decode_hourglass_reference(level, 4)
    assert points.tolist() == [[4 * 3.25, 4 * 2.25]]
    assert decode_quarter(level, 4)[0].tolist() == [[13.5, 9.5]]
    corner = torch.zeros(1, 5, 7)
    corner[0, 0, 6] = 1.0  # beyond the border lies the same value, which is larger
    assert decode_hourglass_reference(corner)[0].tolist() == [[6.75, 0.25]]


def test_the_border_rules_matter():
    """The comparison would notice the rule of each axis by itself."""
    maps, wanted = golden("quarter")
    own, _ = decode_quarter(maps)
    differ = (own - wanted["cells"]).abs().amax(-1)
    positive = wanted["maxvals"][..., 0] > 0
    assert (differ[positive] > 0.2).any()
    assert (differ < 1e-4).float().mean() > 0.8


def test_the_first_of_several_highest_cells():
    maps = torch.zeros(2, 4, 5)
    maps[0, 1, 3] = maps[0, 1, 4] = maps[0, 2, 0] = 1.0
    cells, scores = peaks(maps)
    assert cells.tolist() == [[3, 1], [0, 0]]
    assert scores.tolist() == [1, 0]


def test_a_map_without_a_positive_value():
    maps = -torch.rand(3, 9, 8, generator=torch.Generator().manual_seed(0)) - 0.1
    for decode in (
        decode_quarter_reference,
        decode_dark_reference,
        decode_hourglass_reference,
    ):
        points, scores = decode(maps, 4)
        assert points.abs().sum() == 0
        assert (scores < 0).all()
    assert decode_argmax(maps)[0].abs().sum() > 0  # it may as well hold logits


def test_in_the_middle_dark_is_the_references():
    maps, _ = golden("dark")
    reference, _ = decode_dark_reference(maps)
    own, _ = decode_dark(maps)
    cells, scores = peaks(maps)
    last = torch.tensor([47, 63])
    inner = ((cells >= 7) & (cells <= last - 7)).all(-1) & (scores > 0)
    assert inner.sum() > 20
    assert worst(own[inner], reference[inner]) < 1e-4


def test_reading_s_times_u_is_off_by_half_a_cell_less_half_a_pixel():
    maps, _ = golden("quarter")
    one, two = (decode_quarter_reference(maps, stride)[0] for stride in (1, 4))
    assert torch.equal(two, 4 * one)
    interior = gaussian_heatmaps(torch.tensor([[20.2, 30.1]]), (64, 48), 2.0)
    gap = decode_quarter(interior, 4)[0] - decode_quarter_reference(interior, 4)[0]
    assert gap.tolist() == [[1.5, 1.5]]


# --- the stated resolution -----------------------------------------------------------


@st.composite
def drawn(draw):
    """Maps of joints anywhere on the image, borders included."""
    stride = draw(st.sampled_from([1, 2, 4, 8]))
    sigma = draw(st.floats(0.7, 4))
    h, w = draw(st.integers(5, 40)), draw(st.integers(5, 40))
    size = torch.tensor([w * stride, h * stride])
    g = torch.Generator().manual_seed(draw(st.integers(0, 10_000)))
    points = torch.rand(3, 5, 2, generator=g) * size - 0.5  # [3, 5, 2] px
    points[0, 0] = -0.5
    points[0, 1] = size - 0.5 - 1e-3
    points[0, 2, 0] = 0.0
    cells = pixels_to_cells(points, stride)
    return gaussian_heatmaps(cells, (h, w), sigma), points, stride, sigma


@given(drawn())
def test_argmax_is_within_half_a_cell(case):
    maps, points, stride, _ = case
    error = (decode_argmax(maps, stride)[0] - points).abs()
    assert error.max() <= 0.5 * stride + 1e-3


@given(drawn())
def test_quarter_is_within_a_quarter_cell_but_on_borders(case):
    maps, points, stride, _ = case
    found, _ = decode_quarter(maps, stride)
    error = (found - points).abs()
    cells, _ = peaks(maps)
    last = torch.tensor([maps.shape[-1] - 1, maps.shape[-2] - 1])
    inner = (cells > 0) & (cells < last)
    assert (error[inner] <= 0.25 * stride + 1e-2).all()
    assert error.max() <= 0.5 * stride + 1e-2


@given(drawn())
@settings(max_examples=200)
def test_dark_is_within_a_twentieth_of_a_cell_everywhere(case):
    maps, points, stride, sigma = case
    for blur in (0, blur_of(sigma), 11):
        error = (decode_dark(maps, stride, blur)[0] - points).abs() / stride
        assert error.max() <= (0.005 if sigma >= 1.5 else 0.05)


@given(drawn())
def test_soft_argmax_is_exact_away_from_borders_and_pulled_inwards_near_them(case):
    maps, points, stride, sigma = case
    found, _ = decode_soft_argmax(maps.double().clamp(min=1e-300).log(), stride)
    error = (found - points) / stride  # in cells
    cells = pixels_to_cells(points, stride)
    last = torch.tensor([maps.shape[-1] - 1, maps.shape[-2] - 1])
    room = torch.minimum(cells, last - cells)  # [3, 5, 2]
    far = room > 4 * sigma
    assert (error[far].abs() < 0.02).all()
    assert (error.abs() < 0.8 * sigma + 0.3).all()
    low = (cells < sigma) & (last - cells > 3 * sigma)
    assert (error[low] > 0).all()  # towards the middle


@given(drawn(), st.sampled_from([decode_argmax, decode_quarter, decode_dark]))
def test_adding_maps_above_changes_no_other_maps_answer(case, decode):
    """Leading shape is free: [3, 5, h, w], [15, h, w] and [h, w] agree."""
    maps, _, stride, _ = case
    points, scores = decode(maps, stride)
    flat, flat_scores = decode(maps.flatten(0, 1), stride)
    one, one_score = decode(maps[1, 2], stride)
    torch.testing.assert_close(flat.view_as(points), points, atol=1e-3, rtol=0)
    torch.testing.assert_close(one, points[1, 2], atol=1e-3, rtol=0)
    assert torch.equal(flat_scores.view_as(scores), scores)
    assert one_score == scores[1, 2]


def test_the_ladder_of_decoders():
    """argmax > quarter > DARK > DARK without its blur, on exact centres."""
    g = torch.Generator().manual_seed(0)
    cells = 20 + 20 * torch.rand(500, 2, generator=g)
    maps = gaussian_heatmaps(cells, (64, 64), 2.0)
    error = {
        "argmax": worst_mean(decode_argmax(maps), cells),
        "quarter": worst_mean(decode_quarter(maps), cells),
        "dark": worst_mean(decode_dark(maps), cells),
        "exact": worst_mean(decode_dark(maps, blur=0), cells),
    }
    assert error["argmax"] > 1.8 * error["quarter"]
    assert error["quarter"] > 100 * error["dark"]
    assert error["dark"] > 10 * error["exact"]


def worst_mean(decoded, truth):
    return (decoded[0] - truth).norm(dim=-1).mean().item()


# --- noise, odd maps -----------------------------------------------------------------


@given(st.integers(0, 200), st.integers(3, 14), st.integers(3, 14))
def test_any_map_has_an_answer_within_a_cell_of_its_peak(seed, h, w):
    g = torch.Generator().manual_seed(seed)
    maps = torch.randn(8, h, w, generator=g)
    cells, _ = peaks(maps)
    for decode in (decode_quarter, decode_dark):
        points, _ = decode(maps)
        assert torch.isfinite(points).all()
        assert (points - cells).abs().max() <= 1


def test_dark_needs_three_cells_and_an_odd_blur():
    with pytest.raises(ArgumentError, match="3 x 3"):
        decode_dark(torch.zeros(1, 2, 9))
    with pytest.raises(ArgumentError, match="blur = 4"):
        decode_dark(torch.rand(1, 30, 30), blur=4)
    with pytest.raises(ShapeError, match="maps"):
        decode_argmax(torch.zeros(5))


def test_soft_argmax_sharpens_with_beta_and_has_gradients():
    maps = gaussian_heatmaps(torch.tensor([5.0, 9.0]), (32, 32), 2.0).requires_grad_()
    soft = decode_soft_argmax(maps)[0]  # a background of equal logits weighs most
    sharp = decode_soft_argmax(maps, beta=50.0)[0]
    assert (soft - 15.5).abs().max() < 2.5
    torch.testing.assert_close(sharp, torch.tensor([5.0, 9.0]), atol=0.01, rtol=0)
    sharp.sum().backward()
    assert maps.grad.abs().sum() > 0


@given(st.floats(0.7, 4))
def test_the_blur_has_about_the_targets_sigma(sigma):
    half = (blur_of(sigma) - 1) // 2
    assert 0.3 * (half - 1) + 0.8 == pytest.approx(sigma, abs=0.151)
    assert gaussian_kernel(blur_of(sigma)).sum() == pytest.approx(1)


def test_the_papers_blur():
    assert blur_of(2.0) == 11
    kernel = gaussian_kernel(11)
    ratio = kernel[5] / kernel[7]
    assert ratio == pytest.approx(np.exp(2**2 / (2 * 2.0**2)))


# --- flips and several peaks ---------------------------------------------------------


def test_flipped_maps_swap_sides_and_columns():
    g = torch.Generator().manual_seed(0)
    maps = torch.rand(2, 17, 6, 5, generator=g)
    back = flip_heatmaps(maps, COCO_17.flip_index)
    left, right = COCO_17.index("left_wrist"), COCO_17.index("right_wrist")
    assert torch.equal(back[:, left], maps[:, right].flip(-1))
    assert torch.equal(flip_heatmaps(back, COCO_17.flip_index), maps)
    moved = flip_heatmaps(maps, COCO_17.flip_index, shift=1)
    assert torch.equal(moved[..., 1:], back[..., :-1])
    assert torch.equal(moved[..., 0], back[..., 0])


@pytest.mark.parametrize("stride", [2, 4, 8])
def test_the_one_cell_shift_belongs_to_the_other_convention(stride):
    """With cells at s u, the mirror image is (s - 1) / s of a cell off."""
    x, width = 37.3, 96
    cells = torch.tensor([[x / stride, 6.0]])
    mirror = torch.tensor([[(width - 1 - x) / stride, 6.0]])
    size = (12, width // stride)
    maps = gaussian_heatmaps(cells, size, 1.5)[None]
    back = flip_heatmaps(gaussian_heatmaps(mirror, size, 1.5)[None], [0])
    shifted = flip_heatmaps(gaussian_heatmaps(mirror, size, 1.5)[None], [0], shift=1)
    gap = (decode_dark(maps, 1, 0)[0] - decode_dark(back, 1, 0)[0])[0, 0, 0]
    assert gap == pytest.approx((stride - 1) / stride, abs=1e-3)
    left = (decode_dark(maps, 1, 0)[0] - decode_dark(shifted, 1, 0)[0])[0, 0, 0]
    assert abs(left) == pytest.approx(1 / stride, abs=1e-3)


def test_local_maxima():
    two = gaussian_heatmaps(torch.tensor([[4.0, 4.0], [15.0, 9.0]]), (16, 20), 1.5)
    found = local_maxima(two.amax(0)).nonzero()
    assert found.tolist() == [[4, 4], [9, 15]]
    assert local_maxima(two * 0).sum() == 0
