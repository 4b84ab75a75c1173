"""The explorers of notebook 16: what they show is what the metrics say."""

import io

import pytest
import torch
from PIL import Image

from poselab import datasets, metrics
from poselab.errors import ArgumentError
from poselab.explore.canvas import JointCanvas
from poselab.explore.metrics import MetricLab, PrecisionRecall, TrackingErrors
from poselab.explore.metrics_ap import MAPS
from poselab.explore.metrics_tracks import Planted, plant
from poselab.records import Poses
from poselab.skeleton import COCO_17, MPII_16

needs_canvas = pytest.mark.skipif(JointCanvas is None, reason="anywidget is missing")
NONE = {"misses": 0, "alarms": 0, "switches": 0, "jitter": 0.0, "drop": False}


def noise(points, size, seed=0):
    draws = torch.Generator().manual_seed(seed)
    return points + size * torch.randn(points.shape, generator=draws)


# --- MetricLab -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def people():
    return datasets.evaluation("single", 6)


@pytest.fixture
def lab(people):
    return MetricLab(people, noise(people.keypoints[:, 0], 3.0))


def test_every_control_changes_the_picture(lab):
    seen = lab.sweep()
    assert all(count > 1 for count in seen.values()), seen


def test_a_reset_brings_the_network_s_answer_back(lab):
    before = [list(point) for point in lab.points]
    lab.set(joint="left_hip", x=3.0, y=4.0).set(alpha=0.3)
    assert lab.points != before
    lab.reset()
    assert lab.points == before
    assert lab.values["alpha"] == 0.1


def test_the_numbers_are_those_of_the_package(lab, people):
    answer = lab.answer()
    pred = torch.tensor(lab.points)
    given = (pred[None], people.keypoints[0], people.visibility[0])
    oks = metrics.oks(*given, people.areas[0])
    assert answer.oks == pytest.approx(float(oks[0, 0]), abs=1e-6)
    pck = metrics.pck(*given, "box", [0.1], boxes=people.boxes[0])
    assert answer.pck == pytest.approx(float(pck[0]))
    assert answer.ap == pytest.approx(answer.numbers["AP"])


def test_the_truth_as_the_answer_is_perfect(people):
    lab = MetricLab(people, people.keypoints[:, 0].clone())
    inside = people.visibility[0, 0] > 0
    assert float(lab.answer().error[inside].max()) < 0.1  # the canvas has a grid
    assert lab.answer().pck == lab.answer().ap == 1


def test_sliders_drag_the_selected_joint(lab):
    before = lab.answer().oks
    lab.set(joint="left_knee", x=0.0, y=0.0)
    knee = COCO_17.index("left_knee")
    assert lab.points[knee] == [0.0, 0.0]
    assert lab.answer().oks < before
    others = [p for j, p in enumerate(lab.points) if j != knee]
    assert [0.0, 0.0] not in others
    assert "left knee" in lab.live_caption


@needs_canvas
def test_the_canvas_drags_a_joint_and_everything_follows(lab):
    picture, before = lab.image_bytes, lab.answer().oks
    points = [list(p) for p in lab.canvas.points]
    points[9] = [1, 2]  # a browser sends whole numbers without their point
    lab.canvas.edit = {
        "number": 1,
        "points": points,
        "visibility": [2] * 17,
        "selected": 9,
    }
    assert lab.values["joint"] == "left_wrist"
    assert (lab.values["x"], lab.values["y"]) == (1.0, 2.0)
    assert lab.answer().oks < before
    assert lab.image_bytes != picture


@needs_canvas
def test_a_predicted_joint_cannot_be_hidden_or_taken_away(lab):
    points = [list(p) for p in lab.canvas.points]
    lab.canvas.edit = {
        "number": 1,
        "points": points,
        "selected": 3,
        "visibility": [2, 1, 0] + [2] * 14,
    }
    assert lab.canvas.visibility == [2] * 17
    assert lab.values["joint"] == "left_ear"


def test_without_the_canvas_the_picture_shows_all(people, monkeypatch):
    monkeypatch.setattr("poselab.explore.metrics.JointCanvas", None)
    lab = MetricLab(people, noise(people.keypoints[:, 0], 3.0))
    before = lab.image_bytes
    wide = Image.open(io.BytesIO(before)).width
    lab.set(joint="right_wrist", x=10.0, y=90.0)
    assert wide > 800
    assert lab.image_bytes != before


@needs_canvas
def test_another_person_starts_from_the_networks_answer(lab, people):
    background = bytes(lab.canvas.image)
    lab.set(joint="nose", x=3.0)
    lab.set(person=2)
    expected = noise(people.keypoints[:, 0], 3.0)[2].clamp(min=0)
    assert torch.allclose(torch.tensor(lab.points), expected, atol=0.06)
    assert lab.canvas.points == lab.points
    assert bytes(lab.canvas.image) != background


def test_misread_constants_change_oks_as_they_should(lab):
    right = lab.answer().oks
    assert lab.answer(k=1.0).oks < right
    assert lab.answer(scale="root").oks < 0.5 * right
    assert lab.answer(scale="box").oks > right  # a box is larger than its person


def test_the_disc_and_the_rings_have_the_right_size(lab, people):
    answer = lab.answer(alpha=0.2, reference="diagonal")
    assert float(answer.disc) == pytest.approx(
        0.2 * float(people.boxes[0, 0, 2:].norm()), rel=1e-5
    )
    nose, hip = answer.ring[0], answer.ring[COCO_17.index("left_hip")]
    assert float(hip / nose) == pytest.approx(0.107 / 0.026, rel=1e-4)


def test_unlabelled_joints_never_matter(people):
    flags = people.visibility.clone()
    flags[0, 0, 5] = 0
    lab = MetricLab(people.replace(visibility=flags), people.keypoints[:, 0].clone())
    before = lab.answer()
    lab.set(joint="left_shoulder", x=0.0, y=0.0)
    assert lab.answer().oks == before.oks
    assert lab.answer().correct == before.correct


def test_what_notebook_16_says_of_its_person():
    truth = datasets.evaluation("single")
    points, flags = truth.keypoints[:, 0], truth.visibility[:, 0]
    person = int(((flags == 2).all(1) * truth.areas[:, 0]).argmax())
    lab = MetricLab(truth, points.clone(), person=person)
    disc, rings = float(lab.answer().disc), lab.answer().ring
    eye, hip, wrist = (COCO_17.index(f"left_{n}") for n in ("eye", "hip", "wrist"))
    assert disc == pytest.approx(11.1, abs=0.05)
    assert rings[[eye, hip]].tolist() == pytest.approx([2.8, 12.0], abs=0.05)
    part = 0.5 ** ((disc / rings) ** 2)  # at the edge of the disc
    assert part[eye] < 0.005
    assert part[hip] == pytest.approx(0.55, abs=0.03)
    assert part[wrist] == pytest.approx(0.17, abs=0.01)


def test_wrong_arguments(people):
    with pytest.raises(ArgumentError, match="one pose per image"):
        MetricLab(people, torch.zeros(2, 17, 2))
    with pytest.raises(ArgumentError, match="stacked"):
        MetricLab(people[0], torch.zeros(1, 17, 2))


# --- PrecisionRecall -----------------------------------------------------------------


@pytest.fixture(scope="module")
def crowd():
    return datasets.evaluation("crowd", 12, (192, 256))


@pytest.fixture(scope="module")
def found(crowd):
    """The truth with growing errors, surer where it is better, and false alarms."""
    answers = []
    for n, scene in enumerate(crowd):
        there = (scene.visibility > 0).any(1)
        points = torch.cat([scene.keypoints[there], scene.keypoints[:1] + 30.0])
        size = torch.linspace(0.2, 4.0, len(points))[:, None, None]
        points = points + size * noise(torch.zeros_like(points), 1.0, n)
        score = 0.9 - 0.15 * size[:, 0, 0] - 0.02 * n
        answers.append(Poses(points, torch.ones(points.shape[:2]), person_scores=score))
    return answers


@pytest.fixture(scope="module")
def curve(crowd, found):
    return PrecisionRecall(crowd, found)


def test_every_control_changes_the_curve(curve):
    seen = curve.sweep()
    assert all(count > 1 for count in seen.values()), seen


@pytest.mark.parametrize("threshold", [0.5, 0.75, 0.95])
def test_the_area_is_the_packages_ap(curve, crowd, found, threshold):
    area = metrics.coco_curves(crowd, found).detections(threshold=threshold).ap
    assert curve.ranking(threshold, 0.0, "same", "set").ap == pytest.approx(area)


def test_maps_that_keep_the_order_keep_ap(curve):
    areas = {how: curve.ranking(0.75, 0.0, how, "set").ap for _, how in MAPS}
    kept = [areas[how] for how in ("squared", "small", "log")]
    assert kept == pytest.approx([areas["same"]] * 3, abs=1e-12)
    assert areas["reversed"] < areas["same"] - 0.05


def test_noise_and_a_ranking_per_image_cost_ap(curve):
    good = curve.ranking(0.75, 0.0, "same", "set").ap
    assert curve.ranking(0.75, 1.0, "same", "set").ap < good
    assert curve.ranking(0.75, 0.0, "same", "image").ap < good


def test_detections_come_one_by_one(curve):
    ranking = curve.ranking(0.5, 0.0, "same", "set")
    last = len(ranking.score)
    curve.set(taken=last)
    assert f"After {last} of {last} detections {ranking.right.sum()} of" in (
        curve.live_caption
    )
    curve.set(taken=1)
    assert "precision 1.000" in curve.live_caption


def test_a_scene_of_any_size_is_painted_at_one_height(crowd, found):
    large = datasets.evaluation("crowd", 2, (384, 512))
    wide = [p.replace(keypoints=2 * p.keypoints + 0.5) for p in found[:2]]
    pictures = (
        PrecisionRecall(crowd[:2], found[:2]).image_bytes,
        PrecisionRecall(large, wide).image_bytes,
    )
    one, other = (Image.open(io.BytesIO(picture)) for picture in pictures)
    assert one.size == other.size


def test_one_poses_per_image_is_needed(crowd, found):
    with pytest.raises(ArgumentError, match="per image"):
        PrecisionRecall(crowd, found[:2])


# --- TrackingErrors ------------------------------------------------------------------


@pytest.fixture(scope="module")
def clip():
    maker = datasets.SyntheticPeople(
        size=(192, 256), people=(2, 4), seed=1000, skeleton=MPII_16, split="test"
    )
    return maker.clip(10, seed=1000)


@pytest.fixture(scope="module")
def tracks(clip):
    return TrackingErrors(clip, frame=4)


def test_every_control_changes_the_clip(tracks):
    seen = tracks.sweep()
    assert all(count > 1 for count in seen.values()), seen


def test_without_planted_errors_everything_is_perfect(tracks):
    total = tracks.scores(**NONE).total
    assert total["mota"] == total["motp"] == 1
    assert total["misses"] == total["false_alarms"] == total["switches"] == 0


@pytest.mark.parametrize(
    ("planted", "counted", "joints"),
    [
        ("misses", "misses", 16),
        ("alarms", "false_alarms", 16),
        ("switches", "switches", 32),
    ],
)
def test_each_planted_error_is_counted_as_its_kind(tracks, planted, counted, joints):
    total = tracks.scores(**{**NONE, planted: 1}).total
    counts = {name: total[name] for name in ("misses", "false_alarms", "switches")}
    assert counts.pop(counted) == joints
    assert set(counts.values()) == {0}
    assert total["mota"] == pytest.approx(1 - joints / total["objects"])


def test_more_errors_keep_those_before(clip):
    few, many = (plant(clip, Planted(misses=n)).track_ids for n in (2, 5))
    assert bool((many[few < 0] < 0).all())
    assert int((many < 0).sum() - (few < 0).sum()) == 3


def test_jitter_is_seen_by_motp_and_hardly_by_mota(tracks):
    total = tracks.scores(**{**NONE, "jitter": 0.5}).total
    assert total["motp"] < 0.97
    assert total["mota"] > 0.97


def test_planting_leaves_the_truth_alone(clip):
    before = {name: value.clone() for name, value in clip.tensors().items()}
    plant(clip, Planted(5, 5, 3, 2.0))
    for name, value in clip.tensors().items():
        assert torch.equal(value, before[name]), name


def test_a_single_picture_is_refused(clip):
    with pytest.raises(ArgumentError, match="track_ids"):
        TrackingErrors(clip[0])


def test_what_notebook_16_says_of_its_clip():
    maker = datasets.SyntheticPeople(
        size=(192, 256), people=(2, 4), seed=1000, skeleton=MPII_16, split="test"
    )
    lab = TrackingErrors(maker.clip(16, seed=1000))
    none = {**NONE, "drop": True}

    def total(**errors):
        return lab.scores(**{**none, **errors}).total

    counts = ("misses", "false_alarms", "switches")
    alone = [total(**{n: 1}) for n in ("misses", "alarms", "switches")]
    assert [t[n] for t, n in zip(alone, counts, strict=True)] == [16, 16, 32]
    motas = [t["mota"] for t in alone]
    assert motas == pytest.approx([0.978, 0.978, 0.956], abs=0.001)
    assert total(jitter=1.0)["mota"] == 1
    assert total(jitter=1.0)["motp"] == pytest.approx(0.9, abs=0.01)
    assert total(jitter=2.0)["mota"] < 1
    assert total(jitter=6.0)["mota"] < 0
    assert total(misses=20)["misses"] == 304
    assert total(misses=20, drop=False)["misses"] == 320
