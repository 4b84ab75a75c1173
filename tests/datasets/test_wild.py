"""Random textures, prints and cameras: other pixels, the same truth, by seed."""

import pytest
import torch

from poselab.datasets import SyntheticPeople, photometric, wild
from poselab.datasets.textures import dead_leaves, smooth_noise, textures
from poselab.datasets.wild import Taken, WildCrops, WildPeople, cut

SIZE = (96, 128)


@pytest.fixture(autouse=True)
def _few_textures(monkeypatch):
    monkeypatch.setitem(wild.BANK, "cpu", 16)
    monkeypatch.setattr(wild, "BANK_SIZE", (48, 64))


def draws(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("make", [dead_leaves, textures])
def test_textures_are_pictures_and_follow_from_the_seed(make):
    first = make(4, (40, 56), draws())
    assert first.shape == (4, 3, 40, 56)
    assert first.min() >= 0
    assert first.max() <= 1
    assert torch.equal(first, make(4, (40, 56), draws()))
    assert not torch.equal(first, make(4, (40, 56), draws(1)))
    assert (first[0] - first[1]).abs().mean() > 0.05  # each is another


def test_noise_has_all_scales_and_falls_with_frequency():
    noise = smooth_noise(8, (64, 64), draws())
    power = torch.fft.rfft2(noise.mean(1)).abs().square().mean(0)
    low, middle, high = (
        power[0, 1:3].mean(),
        power[0, 6:10].mean(),
        power[0, 20:].mean(),
    )
    assert low > middle > high > 0


def test_only_what_is_switched_on_changes_and_the_truth_never_does():
    plain = SyntheticPeople(SIZE, (2, 3), seed=4).batch(3)
    nobody = (plain.person_id < 0)[:, None].expand_as(plain.image)
    off = {"backgrounds": False, "prints": False, "light": False}
    for switch, where in (("backgrounds", nobody), ("prints", ~nobody)):
        other = WildPeople(SIZE, (2, 3), seed=4, **{**off, switch: True}).batch(3)
        assert torch.equal(other.keypoints, plain.keypoints)
        assert torch.equal(other.person_id, plain.person_id)
        changed = (other.image - plain.image).abs() > 1e-6
        assert changed[where].float().mean() > 0.2
        assert not changed[~where].any()
    same = WildPeople(SIZE, (2, 3), seed=4, **off).batch(3)
    assert torch.equal(same.image, plain.image)


def test_the_same_seed_gives_the_same_wild_people():
    first, again = (WildPeople(SIZE, 2, seed=1).batch(2) for _ in range(2))
    assert torch.equal(first.image, again.image)


def test_switches_are_part_of_what_a_pool_is_called():
    one, other = WildPeople(SIZE, 1), WildPeople(SIZE, 1, prints=False)
    assert one.arguments != other.arguments


def test_crops_of_wild_people():
    crops = WildCrops((64, 48), people=(2, 3), scene=SIZE, seed=2).batch(5)
    assert crops.image.shape == (5, 3, 64, 48)
    assert ((crops.visibility > 0).sum(-1) >= 3).all()


CHANGES = (
    photometric.colours,
    photometric.blur,
    photometric.coarse,
    photometric.noise,
    photometric.jpeg,
    photometric.as_taken,
)


@pytest.mark.parametrize("change", CHANGES, ids=lambda f: f.__name__)
@pytest.mark.parametrize("size", [(48, 64), (37, 41)])
def test_a_camera_changes_pictures_within_their_range(change, size):
    images = textures(12, size, draws(3))
    before = images.clone()
    after = change(images, draws())
    assert after.shape == images.shape
    assert after.isfinite().all()
    assert after.min() >= 0
    assert after.max() <= 1
    assert torch.equal(images, before)  # nothing in place
    assert (after - images).abs().amax((1, 2, 3)).gt(1e-3).sum() >= 2
    assert torch.equal(after, change(images, draws()))


def test_blur_keeps_flat_pictures_and_their_borders():
    flat = torch.full((6, 3, 20, 24), 0.4)
    torch.testing.assert_close(photometric.blur(flat, draws()), flat)


def test_jpeg_without_rounding_is_the_picture(monkeypatch):
    images = textures(2, (40, 48), draws())
    monkeypatch.setattr(photometric, "_draw", lambda x, g, *s: x.new_ones(2, 1, 1, 1))
    assert (photometric.jpeg(images, None) - images).abs().max() < 1e-5


def test_erasing_covers_a_part_and_leaves_the_rest():
    images, patches = torch.zeros(40, 3, 32, 32), torch.ones(40, 3, 32, 32)
    covered = photometric.erase(images, patches, draws(), chance=1.0)
    share = covered.mean((1, 2, 3))
    assert (share > 0).float().mean() > 0.9
    assert share.max() < 0.3
    assert photometric.erase(images, patches, draws(), chance=0.0).sum() == 0


def test_pieces_of_textures_differ():
    bank = textures(16, (48, 64), draws())
    pieces = cut(bank, 6, (30, 40), draws())
    assert pieces.shape == (6, 3, 30, 40)
    assert len({round(float(p.mean()), 4) for p in pieces}) > 4


def test_taken_pictures_keep_their_truth():
    people = SyntheticPeople((64, 48), seed=3)
    plain = next(people.batches(4, 5))
    taken = next(Taken(people).batches(4, 5))
    assert torch.equal(taken.image, next(Taken(people).batches(4, 5)).image)
    assert torch.equal(taken.keypoints, plain.keypoints)
    assert (taken.image - plain.image).abs().mean() > 0.01
