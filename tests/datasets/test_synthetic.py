"""SyntheticPeople: seeds, splits, arguments, clips, evaluation sets."""

import itertools

import pytest
import torch

from poselab.datasets import SyntheticPeople, evaluation, synthetic
from poselab.errors import ArgumentError
from poselab.people.body.motion import ACTIVITIES
from poselab.people.scene.things import OCCLUDERS
from poselab.people.scene.truth import OBJECT
from poselab.skeleton import COCO_17, MPII_16

SMALL = (64, 48)


def test_a_batch_has_every_field():
    s = SyntheticPeople(seed=1).batch(3)
    shapes = {k: tuple(v.shape) for k, v in s.tensors().items()}
    assert shapes == {
        "image": (3, 3, 128, 96),
        "keypoints": (3, 1, 17, 2),
        "visibility": (3, 1, 17),
        "boxes": (3, 1, 4),
        "areas": (3, 1),
        "masks": (3, 1, 128, 96),
        "joints_3d": (3, 1, 17, 3),
        "intrinsics": (3, 3, 3),
        "track_ids": (3, 1),
        "person_id": (3, 128, 96),
        "depth": (3, 128, 96),
        "hidden_by": (3, 1, 17),
        "present": (3, 1),
    }
    assert s.image.dtype == torch.float32
    assert s.person_id.dtype == torch.int16
    assert s.visibility.dtype == torch.int64


def test_the_same_seed_gives_the_same_pixels():
    a, b = (SyntheticPeople(SMALL, seed=5) for _ in range(2))
    for _ in range(2):
        first, second = a.batch(4), b.batch(4)
        for name, value in first.tensors().items():
            assert torch.equal(value, getattr(second, name)), name


def test_the_stream_goes_on_and_seeds_and_splits_differ():
    maker = SyntheticPeople(SMALL, seed=5)
    first = maker.batch(2).image
    others = [
        maker,
        SyntheticPeople(SMALL, seed=6),
        SyntheticPeople(SMALL, seed=5, split="test"),
    ]
    for other in others:
        assert (other.batch(2).image - first).abs().mean() > 0.01


def test_splits_have_disjoint_seeds():
    low = SyntheticPeople(seed=(1 << 31) - 1).generator().initial_seed()
    high = SyntheticPeople(seed=0, split="test").generator().initial_seed()
    assert low < high


def test_splits_share_neither_motion_nor_pose():
    """Whatever a seed decides besides the stream differs between the splits too."""
    train, test = (SyntheticPeople(SMALL, people=2, split=s) for s in ("train", "test"))

    def arms(sample):
        joints = sample.joints_3d[..., [5, 7, 9], :]  # shoulder, elbow, wrist
        a, b = joints.diff(dim=-2).unbind(-2)
        return torch.cosine_similarity(a, b, dim=-1)  # the same for every body

    for draw in (
        lambda m: m.clip(1, seed=5, activity="walking"),
        lambda m: m.scene(seed=5, activity="walking"),
    ):
        assert (arms(draw(train)) - arms(draw(test))).abs().min() > 1e-3


def test_the_global_generator_is_left_alone():
    torch.manual_seed(3)
    state = torch.random.get_rng_state()
    SyntheticPeople(SMALL).batch(2)
    SyntheticPeople(SMALL).scene(activity="walking", child=0.5, occluder="plant")
    assert torch.equal(state, torch.random.get_rng_state())


def test_batches_go_on_for_ever():
    maker = SyntheticPeople(SMALL)
    images = [b.image for b in itertools.islice(maker.batches(2, seed=1), 3)]
    assert not torch.equal(images[0], images[1])
    assert not torch.equal(images[1], images[2])


def test_a_range_of_people():
    s = SyntheticPeople((96, 128), people=(1, 4), seed=2).batch(16)
    count = s.present.sum(1)
    assert torch.equal(s.present, s.track_ids >= 0)
    assert s.keypoints.shape[1] == 4
    assert set(count.tolist()) == {1, 2, 3, 4}


def test_people_of_a_crowd_have_room():
    maker = SyntheticPeople((96, 128), people=5, seed=3)
    scene = maker.scenes(8, maker.generator())
    place = scene.pose.position.view(8, 5, 2)
    gap = torch.cdist(place, place) + 1e4 * torch.eye(5)
    assert gap.min() > 300


def test_scene_obeys_its_arguments():
    maker = SyntheticPeople(seed=4)
    tall, short = (
        maker.scene(height=h, activity="standing", distance=4000.0, yaw=0.0)
        for h in (1900.0, 1200.0)
    )
    assert tall.boxes[0, 3] > 1.3 * short.boxes[0, 3]
    near = maker.scene(height=1900.0, activity="standing", distance=3500.0, yaw=0.0)
    assert near.boxes[0, 3] > tall.boxes[0, 3]
    wide = maker.scene(distance=4000.0, focal_length=100.0)
    assert wide.intrinsics[0, 0] == 100.0
    assert maker.scene(size=(96, 96)).image.shape == (3, 96, 96)


def test_yaw_turns_to_the_persons_own_left():
    """At yaw 0 the left shoulder is on the viewer's right; at 180 the other way."""
    maker = SyntheticPeople(seed=4)
    left, right = COCO_17.index("left_shoulder"), COCO_17.index("right_shoulder")
    x = [maker.scene(activity="standing", yaw=y).keypoints[0, :, 0] for y in (0, 180)]
    assert x[0][left] > x[0][right] + 5
    assert x[1][left] < x[1][right] - 5
    nose = [maker.scene(activity="standing", yaw=y).joints_3d[0, 0] for y in (0, 90)]
    ears = [
        maker.scene(activity="standing", yaw=y).joints_3d[0, 3:5].mean(0)
        for y in (0, 90)
    ]
    assert (nose[0] - ears[0])[2] < -50
    assert (nose[1] - ears[1])[0] > 50


def test_crouching_lowers_the_head():
    maker = SyntheticPeople(seed=4)
    rows = [
        maker.scene(crouch=c, distance=4000.0, yaw=20.0).keypoints[0, 0, 1]
        for c in (0.0, 0.5, 1.0)
    ]
    assert rows[0] < rows[1] < rows[2]


def test_clothes_colour_the_person():
    options = dict(yaw=0, activity="standing", distance=3000.0, background="studio")
    clothes = {"shirt": "#ff0000", "shirt_pattern": 0}
    s = SyntheticPeople(seed=4).scene(**options, clothes=clothes)
    u, v = s.keypoints[0, [5, 6, 11, 12]].mean(0).round().long()
    r, g, b = s.image[:, v - 6, u]
    assert r > 2 * g
    assert r > 2 * b


@pytest.mark.parametrize("occluder", OCCLUDERS)
def test_occluders_hide_what_is_behind_them(occluder):
    maker = SyntheticPeople(seed=8)
    options = dict(yaw=0, activity="standing", distance=4e3, occluder_at=(0.0, 700.0))
    free, hidden = (maker.scene(occluder=o, **options) for o in (None, occluder))
    assert not (free.hidden_by == OBJECT).any()
    assert (hidden.hidden_by == OBJECT).any()
    assert hidden.areas[0] < free.areas[0]
    torch.testing.assert_close(hidden.keypoints, free.keypoints)


@pytest.mark.parametrize("activity", ACTIVITIES)
def test_every_activity_can_be_asked_for(activity):
    s = SyntheticPeople(SMALL, seed=2).scene(activity=activity, phase=0.25)
    assert (s.visibility > 0).all()


def test_a_property_for_each_of_several_people():
    maker = SyntheticPeople((96, 128), people=2, seed=3)
    activity = ["standing", "waving"]
    s = maker.scene(
        x=[-500.0, 500.0],
        z=[0.0, 0.0],
        distance=4000.0,
        activity=activity,
        height=[1800.0, 1200.0],
    )
    assert s.keypoints[0, :, 0].mean() < s.keypoints[1, :, 0].mean()
    assert s.boxes[0, 3] > s.boxes[1, 3]


@pytest.mark.parametrize(
    "options",
    [
        {"occluder": "car"},
        {"height": -3},
        {"height": float("nan")},
        {"activity": "flying"},
        {"clothes": {"shirt": "red"}},
        {"yaw": [1.0, 2.0]},
        {"child": 1.5},
        {"distance": "far"},
        {"background": "moon"},
        {"pitch": 90},
        {"clothes": {"hat": "#112233"}},
        {"clothes": {"shirt": (0.5, 0.25)}},
        {"clothes": {"shirt": "#1122334"}},
        {"clothes": {"sleeves": 9}},
        {"x": "left"},
        {"yaw": float("inf")},
        {"phase": float("nan")},
        {"occluder_at": (300.0,)},
        {"activity": ["walking", "running"]},
    ],
)
def test_scene_names_what_is_wrong(options):
    with pytest.raises(ArgumentError) as error:
        SyntheticPeople(SMALL).scene(**options)
    assert len(str(error.value)) < 600
    value = next(iter(options.values()))
    value = next(iter(value.values())) if isinstance(value, dict) else value
    value = value[0] if isinstance(value, list) else value
    assert str(value) in str(error.value)


@pytest.mark.parametrize("n", [0, 2.5, "two"])
def test_numbers_of_pictures_are_whole(n):
    maker = SyntheticPeople(SMALL, people=2)
    for call in (maker.batch, maker.clip, lambda n: evaluation("single", n)):
        with pytest.raises(ArgumentError, match="whole number"):
            call(n)


@pytest.mark.parametrize(
    "options",
    [
        {"people": 0},
        {"people": (3, 2)},
        {"seed": -1},
        {"split": "val"},
        {"size": 64},
        {"size": (0, 4)},
        {"people": "two"},
        {"occluded": 2.0},
        {"activity": "flying"},
        {"background": "moon"},
        {"device": "gpu"},
        {"skeleton": "coco"},
    ],
)
def test_the_maker_names_what_is_wrong(options):
    with pytest.raises(ArgumentError) as error:
        SyntheticPeople(**options)
    assert next(iter(options)) in str(error.value)


def test_a_clip_moves_smoothly_and_keeps_identities():
    clip = SyntheticPeople((96, 128), people=2, seed=3).clip(10, activity="walking")
    assert clip.image.shape == (10, 3, 96, 128)
    assert (clip.track_ids == torch.tensor([1, 2])).all()
    step = (clip.joints_3d[1:] - clip.joints_3d[:-1]).norm(dim=-1)
    assert step.max() < 300  # mm in 40 ms
    assert step.mean() > 5
    assert torch.equal(clip.intrinsics[0], clip.intrinsics[-1])


def test_many_pictures_are_drawn_in_parts_and_are_the_same(monkeypatch):
    whole = SyntheticPeople((48, 64), people=(1, 3), seed=8).batch(5)
    monkeypatch.setattr(synthetic, "PIXELS", (2 * 48 * 64, 0))
    parts = SyntheticPeople((48, 64), people=(1, 3), seed=8).batch(5)
    # Sums in another order round differently; an outline's pixel may show it.
    assert ((parts.image - whole.image).abs() > 1e-3).float().mean() < 1e-3
    assert torch.equal(parts.visibility, whole.visibility)
    torch.testing.assert_close(parts.keypoints, whole.keypoints, rtol=0, atol=1e-4)
    torch.testing.assert_close(parts.boxes, whole.boxes)


def test_other_skeletons_are_the_same_people():
    coco = SyntheticPeople(SMALL, seed=9).batch(4)
    mpii = SyntheticPeople(SMALL, seed=9, skeleton=MPII_16).batch(4)
    assert torch.equal(coco.image, mpii.image)
    name = "left_knee"
    torch.testing.assert_close(
        coco.keypoints[:, :, COCO_17.index(name)],
        mpii.keypoints[:, :, MPII_16.index(name)],
    )


def test_arguments_make_a_key_for_a_pool():
    maker = SyntheticPeople(SMALL, seed=3)
    assert maker.arguments["size"] == SMALL
    assert maker.arguments["skeleton"] == "coco-17"
    assert maker.arguments != SyntheticPeople(SMALL, seed=4).arguments


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_the_same_code_runs_on_a_gpu():
    s, same = (SyntheticPeople(device=d).batch(8) for d in ("cuda", "cpu"))
    assert s.image.is_cuda
    torch.testing.assert_close(s.keypoints.cpu(), same.keypoints, atol=1e-2, rtol=0)


def test_a_scene_moves_to_another_device_whole():
    """Without a GPU the meta device shows what would be left behind."""

    def left(value) -> list[str]:
        if isinstance(value, torch.Tensor):
            return [] if value.is_meta else ["a tensor"]
        return [x for v in getattr(value, "__dict__", {}).values() for x in left(v)]

    maker = SyntheticPeople(SMALL, people=(1, 3))
    scene = maker.scenes(2, maker.generator())
    assert left(scene)
    assert left(scene.to("meta")) == []
