"""Records: indexed by image and by person, stacked, cut apart, checked when made."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from poselab.errors import ArgumentError, PoselabError, ShapeError
from poselab.records import Detections, Poses, Sample
from poselab.skeleton import COCO_17, MPII_16
from tests.support.samples import make_sample

COUNTS = st.lists(st.integers(0, 4), min_size=1, max_size=5)
SIZE = (12, 10)


def make_poses(seed=0, people=2, joints=5):
    """Poses with every field, all of them random."""
    g = torch.Generator().manual_seed(seed)
    shapes = {"P": people, "J": joints, "C": 7, "H": SIZE[0], "W": SIZE[1]}
    fields = {
        name: torch.rand([shapes.get(n, n) for n in shape], generator=g)
        for name, shape in Poses.SHAPES.items()
    }
    fields["track_ids"] = torch.randperm(people, generator=g)
    return Poses(**fields | {"present": None})


def make_detections(seed=0, people=2):
    g = torch.Generator().manual_seed(seed)
    labels = torch.ones(people, dtype=torch.int64)
    boxes = torch.rand(people, 4, generator=g)
    return Detections(boxes, torch.rand(people, generator=g), labels)


def small_sample(seed=0, people=2):
    return make_sample(seed, people, SIZE)


MAKERS = [small_sample, make_poses, make_detections]


def assert_same(one, other):
    assert one.tensors().keys() == other.tensors().keys()
    for name, value in one.tensors().items():
        assert torch.equal(value, getattr(other, name)), name


def comparable(record):
    """The record with a tensor for an image id, as a stack has it."""
    return record.batched().single()


# --- stacking ------------------------------------------------------------------------


@pytest.mark.parametrize("make", MAKERS)
@given(counts=COUNTS)
def test_a_stack_gives_its_records_back(make, counts):
    records = [make(seed, people) for seed, people in enumerate(counts)]
    batch = type(records[0]).stack(records)
    assert batch.is_stacked
    assert len(batch) == len(counts)
    assert batch.count == sum(counts)
    assert batch.present.sum(1).tolist() == counts
    for one, record in zip(batch, records, strict=True):
        assert not one.is_stacked
        assert_same(one, comparable(record))


@pytest.mark.parametrize("make", MAKERS)
@given(counts=COUNTS, cut=st.integers(0, 5))
def test_cat_equals_one_stack(make, counts, cut):
    records = [make(seed, people) for seed, people in enumerate(counts)]
    kind = type(records[0])
    parts = [part for part in (records[:cut], records[cut:]) if part]
    assert_same(kind.cat([kind.stack(part) for part in parts]), kind.stack(records))


@pytest.mark.parametrize("make", MAKERS)
def test_rows_that_fill_up_hold_nobody(make):
    kind = type(make())
    batch = kind.stack([make(0, 1), make(1, 3), make(2, 0)])
    nobody = ~batch.present
    assert nobody.sum(1).tolist() == [2, 0, 3]
    for name in kind.per_person():
        value = getattr(batch, name)
        if value is not None:
            wanted = -1 if name == "track_ids" else 0
            assert (value[nobody] == wanted).all(), name


def test_fields_that_one_lacks_are_dropped():
    samples = [make_sample(0), make_sample(1).replace(depth=None, image_id=None)]
    for order in (samples, samples[::-1]):
        batch = Sample.stack(order)
        assert batch.depth is None
        assert batch.image_id is None
        assert batch.masks is not None
    cut = [Sample.stack(samples[:1]), Sample.stack(samples[1:])]
    assert Sample.cat(cut).depth is None


def test_indices_of_a_stack():
    samples = [make_sample(i, 2) for i in range(3)]
    batch = Sample.stack(samples)
    assert batch.image.shape == (3, 3, 40, 30)
    assert len(batch[1:]) == 2
    picked = batch[torch.tensor([2, 0])]
    assert torch.equal(picked[0].image, samples[2].image)
    last = (batch[-1], batch[torch.tensor(2)])
    for one in last:
        assert torch.equal(one.image, samples[2].image)
        assert not one.is_stacked
    assert int(batch[1].image_id) == samples[1].image_id


def test_a_stack_of_one_keeps_absent_people():
    one = make_sample(0, 3)
    one = one.replace(present=torch.tensor([True, False, True]))
    assert one.batched().single().present.tolist() == [True, False, True]
    assert one.batched().batched().is_stacked
    with pytest.raises(TypeError, match="2 records"):
        Sample.stack([one, one]).single()


# --- people --------------------------------------------------------------------------


@pytest.mark.parametrize("make", MAKERS)
@given(people=st.integers(0, 5), seed=st.integers(0, 99))
def test_people_are_chosen_in_every_field(make, people, seed):
    record = make(seed, people)
    g = torch.Generator().manual_seed(seed)
    mask = torch.rand(people, generator=g) < 0.5
    chosen = record.people(mask)
    assert_same(chosen, record.people(mask.nonzero()[:, 0]))
    assert chosen.count == int(mask.sum())
    for name in record.per_person():
        value = getattr(record, name)
        if value is not None:
            assert torch.equal(getattr(chosen, name), value[mask]), name
    order = torch.randperm(people, generator=g)
    assert_same(record.people(order).people(order.argsort()), record)


@pytest.mark.parametrize("make", MAKERS)
@given(counts=COUNTS, seed=st.integers(0, 99))
def test_absent_people_never_come_back(make, counts, seed):
    g = torch.Generator().manual_seed(seed)
    records = []
    for i, people in enumerate(counts):
        present = torch.rand(people, generator=g) < 0.5
        records.append(make(i, people).replace(present=present))
    batch = type(records[0]).stack(records)
    for one, record in zip(batch, records, strict=True):
        assert one.present.all()
        assert_same(one, comparable(record.people(record.present)))
    again = type(batch).stack(list(batch))
    assert again.count == batch.count == sum(record.count for record in records)


def test_pixels_name_the_row_of_their_person():
    sample = make_sample(3, 4)
    chosen = sample.people([3, 1])
    for row, mask in enumerate(chosen.masks):
        assert torch.equal(chosen.person_id == row, mask)
    gone = sample.masks[0] | sample.masks[2]
    assert (chosen.person_id[gone] == -1).all()
    assert chosen.person_id.dtype == sample.person_id.dtype
    absent = sample.replace(present=torch.tensor([True, False, True, True]))
    one = absent.batched()[0]
    assert torch.equal(one.person_id == 1, sample.masks[2])


def test_who_is_absent_has_no_label_and_no_identity():
    sample = make_sample(0, 2).replace(present=torch.tensor([False, True]))
    assert sample.track_ids.tolist() == [-1, 1]
    assert (sample.visibility[0] == 0).all()
    assert (sample.visibility[1] > 0).any()
    poses = make_poses(0, 2).replace(present=torch.tensor([True, False]))
    assert poses.track_ids[1] == -1
    assert poses.count == 1


def test_one_person_by_number():
    sample = make_sample(0, 3)
    assert torch.equal(sample.people(2).boxes, sample.boxes[2:])
    with pytest.raises(IndexError):
        sample.people(3)
    with pytest.raises(ShapeError, match=r"which = \[2\]: expected a mask \[3\]"):
        sample.people(torch.tensor([True, False]))
    with pytest.raises(TypeError, match="one image"):
        sample.batched().people([0])


# --- nobody --------------------------------------------------------------------------


def test_empty_records():
    image = torch.rand(3, 8, 6)
    empty = Sample.empty(image, MPII_16), Poses.empty(16), Detections.empty()
    for record in empty:
        assert record.count == 0
        assert record.present.shape == (0,)
        assert record.people([]).count == 0
    assert empty[0].size == (8, 6)
    assert empty[1].keypoints.shape == (0, 16, 2)
    both = Poses.stack([Poses.empty(5), make_poses(0, 2)])
    assert both.present.tolist() == [[False, False], [True, True]]
    assert both[0].person_scores.shape == (0,)
    assert both.roots.shape == (2, 2, 3)  # nobody lacks nothing
    nobody = make_sample(1, 0).replace(track_ids=None, joints_3d=None)
    frames = Sample.stack([nobody, make_sample(0, 2)])
    assert frames.track_ids.tolist() == [[-1, -1], [0, 1]]
    assert Sample.cat([frames, nobody.batched()]).joints_3d.shape == (3, 2, 17, 3)


# --- checks --------------------------------------------------------------------------

BAD = [
    (Sample, dict(image=torch.zeros(40, 30)), "image"),
    (Sample, dict(keypoints=torch.zeros(2, 17, 3)), "keypoints"),
    (Sample, dict(visibility=torch.zeros(3, 17)), "visibility"),
    (Sample, dict(boxes=torch.zeros(2, 5)), "boxes"),
    (Sample, dict(areas=torch.zeros(2, 1)), "areas"),
    (Sample, dict(masks=torch.zeros(2, 40, 31)), "masks"),
    (Sample, dict(joints_3d=torch.zeros(2, 17, 2)), "joints_3d"),
    (Sample, dict(intrinsics=torch.zeros(2, 3)), "intrinsics"),
    (Sample, dict(track_ids=torch.zeros(3)), "track_ids"),
    (Sample, dict(depth=torch.zeros(40, 29)), "depth"),
    (Sample, dict(present=torch.ones(3).bool()), "present"),
    (Sample, dict(present=torch.ones(2)), "present"),
    (Sample, dict(areas=None), "areas"),
    (Poses, dict(keypoints=torch.zeros(2, 5, 3)), "keypoints"),
    (Poses, dict(scores=torch.zeros(2, 4)), "scores"),
    (Poses, dict(person_scores=torch.zeros(1)), "person_scores"),
    (Poses, dict(joints_3d=torch.zeros(2, 5, 2)), "joints_3d"),
    (Poses, dict(roots=torch.zeros(2, 2)), "roots"),
    (Detections, dict(scores=torch.zeros(3)), "scores"),
    (Detections, dict(labels=torch.zeros(2, 1)), "labels"),
]


@pytest.mark.parametrize(("kind", "change", "field"), BAD)
def test_a_wrong_shape_names_its_field(kind, change, field):
    good = {Sample: make_sample(), Poses: make_poses(), Detections: make_detections()}
    with pytest.raises(ShapeError, match=f"^{kind.__name__}: {field} = "):
        good[kind].replace(**change)


def test_a_third_column_is_never_dropped():
    with pytest.raises(ShapeError, match=r"\[2, 17, 3\].*3D joints go into joints_3d"):
        Poses(torch.zeros(2, 17, 3), torch.zeros(2, 17))


def test_the_skeleton_names_every_joint():
    with pytest.raises(ShapeError, match=r"keypoints.*expected shape \[P, 16, 2\]"):
        make_sample(0, skeleton=COCO_17).replace(skeleton=MPII_16)


def test_what_cannot_be_done_says_so():
    one = make_sample(0)
    with pytest.raises(PoselabError, match="crop"):
        Sample.stack([one, make_sample(1, size=(20, 20))])
    with pytest.raises(ArgumentError, match="nothing to stack"):
        Sample.stack([])
    with pytest.raises(TypeError, match="stack it first"):
        len(one)
    with pytest.raises(TypeError, match="indexed"):
        one[0]
    with pytest.raises(IndexError):
        Sample.stack([one])[1]
    with pytest.raises(TypeError, match=r"Sample.stack joins"):
        Sample.cat([one])
    with pytest.raises(TypeError, match=r"Sample.cat joins"):
        Sample.stack([one.batched()])


def test_replace_shares_and_does_not_change():
    one = make_sample(0)
    two = one.replace(areas=one.areas * 2)
    assert two.image is one.image
    assert torch.equal(two.areas, 2 * one.areas)
    moved = one.to("meta")
    assert moved.image.device.type == "meta"
    assert one.image.device.type == "cpu"
    assert moved.skeleton is one.skeleton


def test_a_field_that_must_be_known_is_named_where_it_is_not():
    poses = Poses.empty(17)
    assert poses.known("scores") is poses.scores
    with pytest.raises(ArgumentError, match="Poses: masks = None: is not known"):
        poses.known("masks")
