"""People of a COCO file one by one, varied, and the same however they are divided."""

import itertools

import pytest
import torch

from poselab import geometry
from poselab.datasets import Coco, CocoPeople, Variation, save_coco
from poselab.datasets.coco.layout import open_coco
from poselab.datasets.images import to_pil
from poselab.errors import AnnotationError, ArgumentError, ImageError
from poselab.system.distributed import Team
from tests.support.samples import make_sample

SIZE = (64, 48)
STILL = Variation(flip_chance=0, zoom=0, turn_chance=0, half_chance=0)


@pytest.fixture(scope="module")
def coco(tmp_path_factory):
    folder = tmp_path_factory.mktemp("coco")
    samples = [make_sample(i, people=2, size=(80, 90)) for i in range(6)]
    save_coco(samples, folder / "annotations.json", folder / "images")
    return open_coco(f"coco:{folder}", "train2017")


def seeded(seed=3):
    return torch.Generator().manual_seed(seed)


def test_everybody_with_a_labelled_joint_is_there(coco):
    people = CocoPeople(coco, SIZE)
    assert len(people) == 12
    one = people[3]
    assert one.image.shape == (1, 3, *SIZE)
    assert one.keypoints.shape == (1, 1, 17, 2)
    assert (one.visibility > 0).any()


def test_without_variation_a_batch_is_the_plain_crops(coco):
    people = CocoPeople(coco, SIZE, variation=STILL)
    batch = next(people.batches(12))
    plain = {round(float(people[i].image.sum()), 1) for i in range(12)}
    assert {round(float(image.sum()), 1) for image in batch.image} == plain


def test_the_joints_move_with_the_pixels(coco):
    """Whatever was drawn, a bright pixel at a joint is found at the moved joint."""
    people = CocoPeople(coco, SIZE, variation=Variation(half_chance=0))
    whole = people._whole(0)
    for seed in range(8):
        matrix = people._matrix(whole, seeded(seed))
        moved = geometry.apply_affine(whole.keypoints[:, 0], matrix)
        varied = people._finish(whole, matrix, torch.Generator().manual_seed(0))
        mirrored = moved[:, list(whole.skeleton.flip_index)]
        mirrored = torch.stack([SIZE[1] - 1 - mirrored[..., 0], mirrored[..., 1]], -1)
        gap = [(varied.keypoints[:, 0] - p).abs().max() for p in (moved, mirrored)]
        assert min(gap) < 1e-3
        assert varied.image.shape == (1, 3, *SIZE)


def test_the_same_people_for_any_team_threads_and_start(coco):
    def batches(team=None, start=0, threads=2, count=4):
        people = CocoPeople(coco, SIZE, threads=threads)
        stream = people.stream(4, 0, team, start)
        return list(itertools.islice(stream, count))

    whole = batches()
    for rank in range(2):
        for a, b in zip(batches(Team(rank, 2), threads=1), whole, strict=True):
            assert torch.equal(a.image, b.image[2 * rank : 2 * rank + 2])
    assert torch.equal(batches(start=2, count=1)[0].image, whole[2].image)
    assert not torch.equal(whole[0].image, whole[3].image)  # the second round varies


def test_half_bodies(coco):
    always = CocoPeople(coco, SIZE, variation=Variation(half_chance=1, half_joints=4))
    whole = always._whole(0)
    boxes = {tuple(always._half(whole, seeded(i))[0].tolist()) for i in range(20)}
    seen = whole.visibility[0, 0] > 0
    wanted = set()
    for half in (seen & always._lower, seen & ~always._lower):
        points = whole.keypoints[0, 0][half]
        wanted.add(
            (*points.mean(0).tolist(), *(points.amax(0) - points.amin(0)).tolist())
        )
    found = {(x + w / 2 - 0.5, y + h / 2 - 0.5, w, h) for x, y, w, h in boxes}
    assert sorted(found) == [pytest.approx(box, abs=1e-3) for box in sorted(wanted)]


def test_a_half_body_has_its_own_margin(coco):
    """1.5 instead of the margin and not on top of it, as in HRNet's code."""
    how = Variation(flip_chance=0, zoom=0, turn_chance=0, half_chance=1, half_joints=4)
    people = CocoPeople(coco, SIZE, margin=3.0, variation=how)
    whole = people._whole(0)
    box = geometry.expand_box(people._half(whole, seeded()), SIZE, 1.5)
    torch.testing.assert_close(
        people._matrix(whole, seeded()), geometry.crop_matrix(box, SIZE)
    )


def test_half_bodies_of_few_joints(coco):
    whole = CocoPeople(coco, SIZE)._whole(0)
    count = int((whole.visibility > 0).sum())
    for limit, some in ((count - 1, True), (count, False)):  # more than that many
        how = Variation(half_chance=1, half_joints=limit)
        box = CocoPeople(coco, SIZE, variation=how)._half(whole, seeded())
        assert (box is not None) == some
    lonely = whole.replace(visibility=whole.visibility * CocoPeople(coco, SIZE)._lower)
    how = Variation(half_chance=1, half_joints=2)
    people = CocoPeople(coco, SIZE, variation=how)
    boxes = {tuple(people._half(lonely, seeded(i))[0].tolist()) for i in range(8)}
    assert len(boxes) == 1  # the other half has too few joints to be drawn


def test_nobody_to_learn_from(tmp_path):
    sample = make_sample(0, people=1)
    sample = sample.replace(visibility=torch.zeros_like(sample.visibility))
    save_coco([sample], tmp_path / "annotations.json", tmp_path / "images")
    data = Coco(tmp_path / "annotations.json", tmp_path / "images")
    with pytest.raises(ArgumentError, match=r"annotations.json.*labelled joint"):
        CocoPeople(data, SIZE)


def test_a_damaged_image_is_named_when_its_turn_comes(tmp_path):
    save_coco([make_sample(0)], tmp_path / "annotations.json", tmp_path / "images")
    people = CocoPeople(open_coco(f"coco:{tmp_path}", "val2017"), SIZE)
    (image,) = (tmp_path / "images").iterdir()
    image.write_bytes(b"no image")
    with pytest.raises(ImageError, match=image.name):
        next(people.batches(2))
    to_pil(torch.zeros(3, 20, 30)).save(image)
    with pytest.raises(AnnotationError, match=rf"{image.name} has 30 x 20 pixels"):
        next(people.batches(2))


def test_the_layout_of_coco_itself(tmp_path):
    annotations = tmp_path / "annotations" / "person_keypoints_val2017.json"
    annotations.parent.mkdir()
    save_coco([make_sample(0)], annotations, tmp_path / "val2017")
    assert len(open_coco(f"coco:{tmp_path}", "val2017")) == 1
    assert len(open_coco(f"coco:{tmp_path}:val2017", "train2017")) == 1
    with pytest.raises(ArgumentError, match="no such split.*There are val2017"):
        open_coco(f"coco:{tmp_path}", "train2017")
    with pytest.raises(ArgumentError, match="data = 'mpii:x'.*coco:FOLDER"):
        open_coco("mpii:x", "train2017")
