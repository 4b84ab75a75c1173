"""Maps go there and back, cameras project and back-project, boxes mean their edges."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from poselab import geometry as geo
from poselab.errors import PoselabError

FLOAT = st.floats(-200, 200)
LENGTH = st.floats(0.5, 300)
BOXES = st.tuples(FLOAT, FLOAT, LENGTH, LENGTH).map(
    lambda box: torch.tensor(box, dtype=torch.float64)
)
SIZES = st.tuples(st.integers(1, 300), st.integers(1, 300))


def points(seed: int, n: int = 20, dims: int = 2) -> torch.Tensor:
    g = torch.Generator().manual_seed(seed)
    return torch.randn(n, dims, generator=g, dtype=torch.float64) * 100


@given(BOXES)
def test_box_formats_round_trip(box):
    torch.testing.assert_close(geo.xyxy_to_xywh(geo.xywh_to_xyxy(box)), box)


@given(BOXES, SIZES, st.integers(0, 99))
def test_crop_there_and_back(box, size, seed):
    matrix = geo.crop_matrix(box, size)
    there = geo.apply_affine(points(seed), matrix)
    back = geo.apply_affine(there, geo.invert_affine(matrix))
    torch.testing.assert_close(back, points(seed), rtol=0, atol=1e-6)


@given(BOXES, SIZES)
def test_a_crop_maps_the_box_to_the_whole_picture(box, size):
    x, y, w, h = box
    corners = torch.stack([torch.stack([x, y]), torch.stack([x + w, y + h])]) - 0.5
    moved = geo.apply_affine(corners, geo.crop_matrix(box, size))
    wanted = torch.tensor([[-0.5, -0.5], [size[1] - 0.5, size[0] - 0.5]]).double()
    torch.testing.assert_close(moved, wanted, rtol=0, atol=1e-6)
    centre = geo.apply_affine(geo.box_centre(box)[None], geo.crop_matrix(box, size))
    torch.testing.assert_close(centre[0], wanted.mean(0), rtol=0, atol=1e-6)


def test_the_crop_of_the_whole_picture_is_the_identity():
    matrix = geo.crop_matrix(geo.box_of_image((40, 30)), (40, 30))
    assert torch.equal(matrix, torch.eye(3)[:2])


@given(st.floats(-360, 360), st.floats(-360, 360), st.integers(0, 99))
def test_rotations_add_and_keep_distances(first, second, seed):
    centre = points(seed, 1)[0]
    turn = [geo.rotation_matrix(a, centre) for a in (first, second, first + second)]
    p = points(seed + 1)
    twice = geo.apply_affine(p, geo.compose(turn[1], turn[0]))
    torch.testing.assert_close(twice, geo.apply_affine(p, turn[2]), rtol=0, atol=1e-6)
    torch.testing.assert_close((twice - centre).norm(dim=-1), (p - centre).norm(dim=-1))


@given(BOXES, BOXES, SIZES, st.integers(0, 99))
def test_compose_is_one_after_the_other(a, b, size, seed):
    first, second = geo.crop_matrix(a, size), geo.crop_matrix(b, size)
    p = points(seed)
    steps = geo.apply_affine(geo.apply_affine(p, first), second)
    at_once = geo.apply_affine(p, geo.compose(second, first))
    torch.testing.assert_close(at_once, steps, rtol=1e-9, atol=1e-6)


@given(st.integers(0, 99), st.integers(5, 30), st.integers(5, 30))
@settings(deadline=None)
def test_warp_by_the_identity_and_by_a_shift(seed, h, w):
    g = torch.Generator().manual_seed(seed)
    image = torch.rand(2, 3, h, w, generator=g)
    same = torch.eye(3)[:2].expand(2, 2, 3)
    torch.testing.assert_close(geo.warp(image, same, (h, w)), image, rtol=0, atol=1e-4)
    shift = same.clone()
    shift[:, 0, 2] = 2.0  # to the right
    moved = geo.warp(image, shift, (h, w), mode="nearest")
    assert torch.equal(moved[..., 2:], image[..., :-2])
    assert (moved[..., :2] == 0).all()


@given(st.integers(0, 99), st.floats(100, 2000), st.floats(100, 2000))
def test_project_and_back(seed, fx, fy):
    k = geo.intrinsics_matrix(fx, fy, 47.5, 63.5)
    p = points(seed, dims=3) + torch.tensor([0.0, 0.0, 3000.0])
    pixels = geo.project(p, k)
    back = geo.back_project(pixels, p[:, 2], k)
    torch.testing.assert_close(back, p, rtol=0, atol=1e-6)
    straight = geo.project(torch.tensor([[0.0, 0.0, 5.0]]).double(), k)
    assert straight[0].tolist() == pytest.approx([47.5, 63.5])


@given(st.integers(0, 99), st.floats(0.2, 5))
def test_rigid_align_undoes_a_similarity(seed, scale):
    fixed = points(seed, 17, 3)
    q, _ = torch.linalg.qr(points(seed + 1, 3, 3))
    q = q * torch.det(q).sign()  # a rotation, not a mirror
    moving = scale * fixed @ q.T + points(seed + 2, 1, 3)
    aligned = geo.rigid_align(moving, fixed)
    torch.testing.assert_close(aligned, fixed, rtol=0, atol=1e-6)


def test_all_crops_of_an_image_at_once_are_those_one_by_one():
    images = torch.rand(2, 3, 30, 40)
    boxes = torch.tensor([[3.0, 2.0, 12.0, 16.0], [-4.0, 20.0, 9.0, 12.0]])
    boxes = torch.stack([boxes, boxes + 1])  # [S, N, 4]
    maps = geo.crop_matrix(boxes, (16, 12))
    maps = geo.compose(maps, geo.rotation_matrix(9.0, boxes[..., :2]))
    crops = geo.warp_crops(images, maps, (16, 12))
    one_by_one = [geo.warp(images, maps[:, n], (16, 12)) for n in range(2)]
    torch.testing.assert_close(crops, torch.stack(one_by_one, 1), rtol=0, atol=1e-5)


def test_boxes_are_cut_out_as_they_are_and_not_averaged():
    images = torch.rand(3, 3, 64, 48, generator=torch.Generator().manual_seed(0))
    boxes = torch.tensor([[3.2, 4.0, 9.0, 20.0], [30.0, 40.5, 31.5, 31.5]])
    boxes = boxes + torch.arange(3.0)[:, None, None]  # [3, 2, 4]
    got = geo.crop_boxes(images, boxes, (16, 12))
    assert got.shape == (3, 2, 3, 16, 12)
    for i in range(2):
        wanted = geo.warp(images, geo.crop_matrix(boxes[:, i], (16, 12)), (16, 12))
        torch.testing.assert_close(got[:, i], wanted, atol=1e-5, rtol=1e-4)
    whole = geo.crop_boxes(images, torch.tensor([[[4.0, 6.0, 8.0, 8.0]]] * 3), (8, 8))
    torch.testing.assert_close(whole[:, 0], images[:, :, 6:14, 4:12])
    few = geo.crop_boxes(images[:1], geo.box_of_image((64, 48))[None, None], (16, 12))
    pixel = images[:1, :, 1::4, 1::4] + images[:1, :, 2::4, 2::4]  # the middle four
    pixel = pixel + images[:1, :, 1::4, 2::4] + images[:1, :, 2::4, 1::4]
    torch.testing.assert_close(few[:, 0], pixel / 4, atol=1e-5, rtol=1e-4)


def test_a_crop_that_shrinks_averages_and_another_beside_it_does_not():
    fine = torch.arange(64).remainder(2).expand(1, 1, 64, 64).float()  # stripes
    boxes = torch.tensor([[[0.0, 0.0, 64.0, 64.0], [8.0, 8.0, 16.0, 16.0]]])
    crops = geo.warp_crops(fine, geo.crop_matrix(boxes, (16, 16)), (16, 16))
    torch.testing.assert_close(crops[0, 0], torch.full((1, 16, 16), 0.5))
    torch.testing.assert_close(crops[0, 1], fine[0, :, 8:24, 8:24])


def test_the_inverse_of_a_map_and_how_much_it_grows():
    maps = geo.compose(
        geo.rotation_matrix(torch.tensor([10.0, 200.0]), points(1, 2, 2)),
        geo.crop_matrix(torch.tensor([[3.0, 4.0, 5.0, 60.0]] * 2).double(), (20, 30)),
    )
    full = torch.linalg.inv(geo.homogeneous(maps))[:, :2]
    torch.testing.assert_close(geo.invert_affine(maps), full)
    torch.testing.assert_close(geo.growth(maps), torch.full((2,), 2.0).double())


def test_rigid_align_does_not_mirror_and_keeps_scale_when_told():
    fixed = points(3, 17, 3)
    mirrored = fixed * torch.tensor([-1.0, 1.0, 1.0])
    error = (geo.rigid_align(mirrored, fixed) - fixed).norm(dim=-1).mean()
    assert error > 10
    double = geo.rigid_align(2 * fixed, fixed, scale=False)
    spread = (double - double.mean(0)).norm() / (fixed - fixed.mean(0)).norm()
    assert spread.item() == pytest.approx(2)
    stacked = geo.rigid_align(
        torch.stack([mirrored, 2 * fixed]), torch.stack([fixed, fixed])
    )
    torch.testing.assert_close(stacked[1], fixed, rtol=0, atol=1e-6)


def test_boxes_of_masks_and_overlap():
    masks = torch.zeros(3, 9, 11, dtype=torch.bool)
    masks[0, 2:5, 4:10] = True
    masks[1, 8, 10] = True
    boxes = geo.box_of_mask(masks)
    assert boxes.tolist() == [[4, 2, 6, 3], [10, 8, 1, 1], [0, 0, 0, 0]]
    other = torch.tensor([[4.0, 2.0, 3.0, 3.0], [20.0, 20.0, 2.0, 2.0]])
    overlap = geo.box_iou(boxes[:1], other)
    assert overlap.tolist() == [[pytest.approx(0.5), 0.0]]


@given(BOXES, BOXES)
def test_overlap_is_symmetric_and_one_with_itself(a, b):
    one, two = geo.box_iou(a[None], b[None]), geo.box_iou(b[None], a[None])
    torch.testing.assert_close(one, two)
    assert 0 <= one <= 1 + 1e-9
    assert geo.box_iou(a[None], a[None]).item() == pytest.approx(1)


@given(BOXES, SIZES, st.floats(1, 2))
def test_expanded_boxes_have_the_aspect_and_hold_the_box(box, size, margin):
    grown = geo.expand_box(box, size, margin)
    assert (grown[2] / grown[3]).item() == pytest.approx(size[1] / size[0])
    torch.testing.assert_close(geo.box_centre(grown), geo.box_centre(box))
    assert (grown[2:] >= box[2:] * margin - 1e-6).all()
    assert (grown[2:] / (box[2:] * margin)).min().item() == pytest.approx(1)


@given(BOXES, SIZES)
def test_clipped_boxes_lie_in_the_picture(box, size):
    x0, y0, x1, y1 = geo.xywh_to_xyxy(geo.clip_box(box, size)).tolist()
    assert 0 <= x0 <= x1 <= size[1] + 1e-9
    assert 0 <= y0 <= y1 <= size[0] + 1e-9


@pytest.mark.parametrize("box", [[0, 0, 0, 4], [0, 0, 4, -1], [0, 0, float("nan"), 4]])
def test_a_box_without_area_is_refused(box):
    with pytest.raises(PoselabError, match="positive width and height"):
        geo.crop_matrix(torch.tensor(box).float(), (8, 8))


def test_wrong_shapes_are_named():
    with pytest.raises(PoselabError, match="boxes"):
        geo.xywh_to_xyxy(torch.zeros(3))
    with pytest.raises(PoselabError, match="points"):
        geo.project(torch.zeros(4, 2), torch.eye(3))
    with pytest.raises(PoselabError, match="moving"):
        geo.rigid_align(torch.zeros(5, 3), torch.zeros(6, 3))
