"""A flip, a crop or a rotation moves everything in a sample together."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from poselab import geometry
from poselab.datasets import augment, crop, crop_people, flip, rotate
from poselab.datasets.transforms import inside
from poselab.errors import PoselabError
from poselab.records import Sample
from tests.support.samples import make_sample

SEEDS = st.integers(0, 1000)
PEOPLE = st.integers(0, 3)


def assert_equal(a: Sample, b: Sample, tolerance: float = 0.0) -> None:
    assert set(a.tensors()) == set(b.tensors())
    for name, value in a.tensors().items():
        torch.testing.assert_close(
            value, b.tensors()[name], rtol=0, atol=tolerance, msg=name
        )


def assert_projects(sample: Sample) -> None:
    """The contract of the camera: the 3D joints still fall on the keypoints."""
    seen = geometry.project(sample.joints_3d, sample.intrinsics[..., None, :, :])
    torch.testing.assert_close(seen, sample.keypoints, rtol=0, atol=2e-3)


def assert_from_masks(sample: Sample) -> None:
    assert torch.equal(sample.boxes, geometry.box_of_mask(sample.masks))
    assert torch.equal(sample.areas, sample.masks.flatten(-2).sum(-1).float())
    labelled = sample.visibility > 0
    assert inside(sample.keypoints, sample.size)[labelled].all()


@given(SEEDS, PEOPLE)
@settings(max_examples=25, deadline=None)
def test_flipping_twice_changes_nothing(seed, people):
    sample = make_sample(seed, people)
    assert_equal(flip(flip(sample)), sample, 1e-4)
    assert torch.equal(flip(flip(sample)).image, sample.image)


def test_flip_swaps_sides_and_mirrors_pixels():
    sample = make_sample(3)
    other = flip(sample)
    width, skeleton = sample.size[1], sample.skeleton
    left, right = skeleton.index("left_wrist"), skeleton.index("right_wrist")
    mirrored = width - 1 - sample.keypoints[:, left, 0]
    assert torch.equal(other.keypoints[:, right, 0], mirrored)
    assert torch.equal(other.visibility[:, right], sample.visibility[:, left])
    assert torch.equal(other.image[:, :, 0], sample.image[:, :, -1])
    assert_from_masks(other)
    assert_projects(other)


def test_flip_of_some_in_a_batch():
    batch = Sample.stack([make_sample(i) for i in range(3)])
    some = flip(batch, torch.tensor([True, False, True]))
    assert_equal(some[1], batch[1])
    assert_equal(some[2], flip(batch[2]))


@given(
    SEEDS,
    PEOPLE,
    st.integers(-8, 20),
    st.integers(-8, 20),
    st.integers(4, 40),
    st.integers(4, 40),
)
@settings(max_examples=40, deadline=None)
def test_crop_of_whole_pixels_is_a_slice(seed, people, x, y, w, h):
    sample = make_sample(seed, people)
    part = crop(sample, torch.tensor([float(x), float(y), float(w), float(h)]), (h, w))
    height, width = sample.size
    canvas = torch.zeros(3, height + 120, width + 120)
    canvas[:, 60 : 60 + height, 60 : 60 + width] = sample.image
    wanted = canvas[:, 60 + y : 60 + y + h, 60 + x : 60 + x + w]
    torch.testing.assert_close(part.image, wanted, rtol=0, atol=1e-4)
    shift = torch.tensor([float(x), float(y)])
    torch.testing.assert_close(part.keypoints, sample.keypoints - shift)
    assert_from_masks(part)
    assert_projects(part)
    rows = slice(max(0, y), max(0, y + h)), slice(max(0, x), max(0, x + w))
    assert part.masks.sum() == sample.masks[:, *rows].sum()


def test_crop_of_the_whole_picture_is_the_identity():
    sample = make_sample(1)
    assert_equal(
        crop(sample, geometry.box_of_image(sample.size), sample.size), sample, 1e-4
    )


def marked(size=(61, 47)) -> Sample:
    """A sample whose joints each sit on a bright spot and whose mask is a disc."""
    y, x = torch.meshgrid(torch.arange(size[0]), torch.arange(size[1]), indexing="ij")
    sample = make_sample(5, 1, size)
    g = torch.Generator().manual_seed(5)
    points = 14 + torch.rand(1, 17, 2, generator=g) * torch.tensor([18.0, 32.0])
    spot = ((x - points[0, 0, 0]) ** 2 + (y - points[0, 0, 1]) ** 2) / 8
    disc = (x - points[0, 1, 0]) ** 2 + (y - points[0, 1, 1]) ** 2 < 36
    joints = geometry.back_project(points, sample.joints_3d[..., 2], sample.intrinsics)
    return sample.replace(
        image=torch.exp(-spot).expand(3, *size).contiguous(),
        keypoints=points,
        visibility=torch.full((1, 17), 2),
        masks=disc[None],
        joints_3d=joints,
        hidden_by=torch.zeros(1, 17, dtype=torch.int8),
    )


def centroid(weights: torch.Tensor) -> torch.Tensor:
    h, w = weights.shape
    x = (weights.sum(0) * torch.arange(w)).sum() / weights.sum()
    y = (weights.sum(1) * torch.arange(h)).sum() / weights.sum()
    return torch.stack([x, y])


@pytest.mark.parametrize(
    "change",
    [
        lambda s: rotate(s, 25.0),
        lambda s: rotate(s, -40.0),
        lambda s: crop(s, torch.tensor([6.0, 4.5, 34.0, 52.0]), (90, 70)),
        lambda s: crop(s, torch.tensor([-9.0, -7.0, 70.0, 80.0]), (50, 45)),
        lambda s: flip(rotate(s, 15.0)),
    ],
    ids=["rotate", "rotate back", "enlarge", "shrink", "rotate and flip"],
)
def test_pixels_points_and_masks_move_together(change):
    moved = change(marked())
    order = list(moved.skeleton.flip_index)
    gap = (centroid(moved.image[0]) - moved.keypoints[0, 0]).norm()
    assert gap < 0.2, "the bright spot left its joint"
    joints = moved.keypoints[0]
    near = (centroid(moved.masks[0].float()) - joints).norm(dim=-1)
    assert near[[1, order[1]]].min() < 0.6, "the mask left its joint"
    assert_projects(moved)
    assert_from_masks(moved)


@given(SEEDS, st.floats(-180, 180))
@settings(max_examples=25, deadline=None)
def test_rotation_keeps_the_projection_and_distances(seed, degrees):
    sample = make_sample(seed)
    turned = rotate(sample, degrees)
    assert_projects(turned)
    assert_from_masks(turned)
    before = (sample.keypoints[:, 0] - sample.keypoints[:, 5]).norm(dim=-1)
    after = (turned.keypoints[:, 0] - turned.keypoints[:, 5]).norm(dim=-1)
    torch.testing.assert_close(before, after, rtol=1e-4, atol=1e-3)


def test_rotation_is_clockwise_on_the_screen():
    sample = make_sample(2, 1, (31, 31))
    keypoints = torch.full((1, 17, 2), 15.0)
    keypoints[..., 1] = 5.0  # above the centre
    turned = rotate(sample.replace(keypoints=keypoints), 90.0)
    torch.testing.assert_close(turned.keypoints[0, 0], torch.tensor([25.0, 15.0]))


def test_a_joint_that_leaves_is_no_longer_labelled():
    sample = marked().replace(masks=None)  # the mask is small, the box is not
    part = crop(sample, torch.tensor([0.0, 0.0, 23.0, 61.0]), (61, 23))
    gone = sample.keypoints[0, :, 0] >= 22.5
    assert gone.any()
    assert not gone.all()
    assert torch.equal(part.visibility[0] == 0, gone)
    assert torch.equal(part.hidden_by[0] == 4, gone)


def test_boxes_without_masks_follow_the_corners():
    sample = make_sample(4, 2).replace(masks=None)
    part = crop(sample, torch.tensor([0.0, 0.0, 15.0, 40.0]), (80, 30))
    assert torch.allclose(part.boxes[0], sample.boxes[0] * 2, atol=1e-3)
    assert torch.allclose(part.areas[0], sample.areas[0] * 4, rtol=1e-4)
    assert part.boxes[1].max() <= 80
    off = crop(sample, torch.tensor([-50.0, 0.0, 40.0, 40.0]), (40, 40))
    assert (off.boxes == 0).all()
    assert (off.areas == 0).all()


@pytest.mark.parametrize("known", ["masks", "boxes"])
def test_who_is_outside_the_crop_is_absent(known):
    sample = make_sample(4, 2)
    sample = sample if known == "masks" else sample.replace(masks=None)
    part = crop(sample, torch.tensor([0.0, 0.0, 14.0, 40.0]), (40, 14))
    assert part.present.tolist() == [True, False]
    assert part.track_ids.tolist() == [0, -1]
    assert (part.visibility[1] == 0).all()
    batch = crop(sample.batched(), torch.tensor([[0.0, 0.0, 14.0, 40.0]]), (40, 14))
    assert len(batch[0].present) == 1


def test_shrinking_averages():
    stripes = torch.zeros(3, 80, 80)
    stripes[..., ::2] = 1
    sample = make_sample(1, 1, (80, 80)).replace(image=stripes)
    small = crop(sample, geometry.box_of_image((80, 80)), (16, 16)).image
    assert (small - 0.5).abs().max() < 0.15


def test_depth_and_person_id_outside_the_picture():
    sample = make_sample(1)
    part = crop(sample, torch.tensor([-10.0, -10.0, 30.0, 30.0]), (30, 30))
    assert (part.person_id[:10] == -1).all()
    assert torch.isinf(part.depth[:10]).all()
    assert torch.equal(part.person_id[10:, 10:], sample.person_id[:20, :20])
    assert torch.equal(part.depth[10:, 10:], sample.depth[:20, :20])


def test_stacked_equals_one_by_one():
    samples = [make_sample(i) for i in range(3)]
    batch = Sample.stack(samples)
    boxes = torch.tensor([[0.0, 0, 20, 30], [4.0, 3, 25, 30], [-3.0, 2, 30, 41]])
    together = crop(batch, boxes, (32, 24))
    for i, sample in enumerate(samples):
        alone = crop(sample, boxes[i], (32, 24))
        assert_equal(together[i], alone.replace(image_id=together[i].image_id), 1e-5)


def test_crop_people_one_each_and_back():
    sample = make_sample(6, 3, (60, 80))
    crops, matrix = crop_people(sample, (64, 48))
    assert crops.image.shape == (3, 3, 64, 48)
    assert crops.keypoints.shape == (3, 1, 17, 2)
    back = geometry.apply_affine(crops.keypoints[:, 0], geometry.invert_affine(matrix))
    torch.testing.assert_close(back, sample.keypoints, rtol=0, atol=1e-3)
    assert (crops.person_id == 0).any((1, 2)).all()
    assert_from_masks(crops)


def test_crop_people_of_a_detector_and_of_nobody():
    sample = make_sample(6, 2, (60, 80))
    crops, _ = crop_people(sample, (64, 48), boxes=torch.tensor([[3.0, 4, 20, 30]]))
    assert (crops.visibility == 0).all()
    assert len(crops) == 1
    empty, matrix = crop_people(make_sample(6, 0), (64, 48))
    assert len(empty) == 0
    assert matrix.shape == (0, 2, 3)


def test_augment_is_reproducible_and_moves_all():
    batch = Sample.stack([make_sample(i) for i in range(4)])
    one = augment(batch, torch.Generator().manual_seed(3))
    two = augment(batch, torch.Generator().manual_seed(3))
    other = augment(batch, torch.Generator().manual_seed(4))
    assert_equal(one, two)
    assert not torch.equal(one.image, other.image)
    assert_projects(one)
    assert_from_masks(one)


@pytest.mark.parametrize("box", [[0.0, 0, 0, 5], [0.0, 0, float("nan"), 5]])
def test_a_box_without_area_is_refused(box):
    with pytest.raises(PoselabError, match="width and height"):
        crop(make_sample(), torch.tensor(box), (8, 8))
