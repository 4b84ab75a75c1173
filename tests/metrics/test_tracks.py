"""MOTA, MOTP and their counts: the evaluator's numbers, cases by hand, invariants."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from poselab.errors import PoselabError
from poselab.metrics import Tracks, track_scores
from poselab.metrics.tracks import assign
from poselab.records import Poses, Sample
from tests.support.golden import FOLDER
from tests.support.samples import make_sample


def golden_tracks():
    """The clips of alg_poseval_frames.json as arrays, frames one after the other."""
    arrays = np.load(FOLDER / "alg_poseval_tracks.npz")
    ends = np.cumsum(arrays["frames"])[:-1]
    cut = {name: np.split(arrays[name], ends) for name in arrays if name != "frames"}
    truth = [
        Tracks(*clip)
        for clip in zip(
            cut["truth_keypoints"],
            cut["truth_visibility"],
            cut["truth_ids"],
            cut["head_sizes"],
            strict=True,
        )
    ]
    found = [
        Tracks(*clip)
        for clip in zip(
            cut["found_keypoints"],
            cut["found_visibility"],
            cut["found_ids"],
            strict=True,
        )
    ]
    return truth, found


NAMES = {"mota": "mota", "motp": "motp", "precision": "pre", "recall": "rec"}


@pytest.mark.parametrize("name", NAMES)
def test_equals_the_evaluator_of_posetrack(name):
    golden = np.load(FOLDER / "alg_poseval.npz")
    scores = track_scores(*golden_tracks(), motp="evaluator")
    found = [*getattr(scores, name).tolist(), scores.total[name]]
    wanted = golden[NAMES[name]] / 100
    assert found == pytest.approx(wanted.tolist(), abs=1e-9)
    each = np.stack([getattr(s, name) for s in scores.sequences])
    wanted = golden["seq_" + NAMES[name]][:, :-1] / 100
    np.testing.assert_allclose(each, wanted, rtol=0, atol=1e-9)


def test_the_peculiarities_of_the_evaluator_are_arguments():
    truth, found = golden_tracks()
    plain, evaluator = (
        track_scores(truth, found, motp=m) for m in ("matches", "evaluator")
    )
    assert torch.equal(plain.mota, evaluator.mota)
    assert plain.total["motp"] > evaluator.total["motp"] + 0.1
    whole = track_scores(truth, found, drop_last_frame=False)
    assert whole.total["objects"] > plain.total["objects"]
    assert [len(e.taken) for e in whole.events] == [len(t.track_ids) for t in truth]
    assert [len(e.taken) + 1 for e in plain.events] == [len(t.track_ids) for t in truth]


def clip(places, ids=None, there=None):
    """One joint, people at x = places [F, P]; heads of 10 px."""
    x = torch.tensor(places, dtype=torch.float64)
    points = torch.stack([x, 0 * x], -1)[:, :, None]  # [F, P, 1, 2]
    names = torch.arange(x.shape[1]).expand(x.shape) if ids is None else ids
    seen = torch.ones(*x.shape, 1) if there is None else torch.tensor(there)[..., None]
    return Tracks(points, seen, torch.as_tensor(names), 10 + 0 * x)


def scored(truth: Tracks, found: Tracks, **arguments):
    return track_scores(truth, found, drop_last_frame=False, **arguments)


def test_misses_alarms_and_switches_by_hand():
    truth = clip([[0, 100]] * 4)
    found = clip(
        [[0, 104], [0, 150], [1, 100], [0, 100]], [[7, 8], [7, 8], [7, 8], [8, 7]]
    )
    scores = scored(truth, found)
    event = scores.events[0]
    assert event.taken[..., 0].tolist() == [[0, 1], [0, -1], [0, 1], [0, 1]]
    assert event.miss.nonzero().tolist() == [[1, 1, 0]]
    assert event.false_alarm.nonzero().tolist() == [[1, 1, 0]]
    assert event.switch.nonzero().tolist() == [[3, 0, 0], [3, 1, 0]]
    assert scores.total["mota"] == pytest.approx(1 - (1 + 1 + 2) / 8)
    assert scores.total["motp"] == pytest.approx(1 - (0.4 + 0.1) / 7)
    assert (scores.precision, scores.recall) == (7 / 8, 7 / 8)


def test_who_was_matched_stays_matched_though_another_is_nearer():
    truth = clip([[0], [0]])
    found = clip([[1, 90], [4, 0]])
    kept = scored(truth, found)
    assert kept.events[0].taken.flatten().tolist() == [0, 0]
    assert kept.total["switches"] == 0
    gone = scored(truth, clip([[1, 90], [6, 0]]))  # now too far
    assert gone.events[0].taken.flatten().tolist() == [0, 1]
    assert gone.total["switches"] == 1


def test_a_match_is_forgotten_after_a_frame_but_its_identity_is_not():
    truth = clip([[0], [0], [0]], there=[[1], [0], [1]])
    found = clip([[1, 90], [90, 90], [4, 0]])
    scores = scored(truth, found)
    assert scores.events[0].taken.flatten().tolist() == [0, -1, 1]
    assert scores.total["switches"] == 1


def test_as_many_pairs_as_possible_then_the_nearest():
    truth, found = clip([[0, 4]]), clip([[4, 9]])
    assert scored(truth, found).events[0].taken.flatten().tolist() == [0, 1]
    inf = np.inf
    assert assign(np.array([[0.0, 0.5], [0.5, inf]])) == [(0, 1), (1, 0)]
    assert assign(np.array([[1.0, 2.0], [5.0, 1.0]])) == [(0, 0), (1, 1)]
    assert assign(np.full((2, 3), inf)) == []
    assert assign(np.zeros((0, 3))) == []


def test_mota_can_be_negative_and_nan_where_nobody_is():
    truth, crowd = clip([[0]]), clip([[50, 60, 70]])
    assert scored(truth, crowd).total["mota"] == pytest.approx(1 - (1 + 3) / 1)
    nobody = clip([[0]], there=[[0]])
    assert scored(nobody, crowd).mota.isnan().all()
    assert np.isnan(scored(nobody, crowd).total["motp"])


def walk(seed: int, frames: int = 6, people: int = 3, joints: int = 4):
    g = torch.Generator().manual_seed(seed)
    start = 60 * torch.rand(1, people, 1, 2, generator=g)
    points = start + 5 * torch.randn(frames, people, joints, 2, generator=g).cumsum(0)
    seen = torch.randint(0, 3, points.shape[:-1], generator=g)
    ids = torch.arange(people).expand(frames, people)
    truth = Tracks(points, seen, ids, torch.full(ids.shape, 12.0))
    near = points + 3 * torch.randn(points.shape, generator=g)
    kept = torch.rand(seen.shape, generator=g) < 0.8
    swapped = torch.where(torch.rand(frames, 1, generator=g) < 0.3, ids.flip(1), ids)
    return truth, Tracks(near, kept, swapped)


@given(st.integers(0, 10_000))
def test_invariants(seed):
    truth, found = walk(seed)
    scores = scored(truth, found)
    assert torch.equal(scores.misses + scores.detections, scores.objects)
    predicted = (found.visibility > 0).sum((0, 1))
    assert torch.equal(scores.false_alarms + scores.detections, predicted)
    assert (scores.mota.nan_to_num(0) <= 1).all()
    for name in ("motp", "precision", "recall"):
        value = getattr(scores, name).nan_to_num(0.5)
        assert ((value >= 0) & (value <= 1)).all()
    perfect = scored(
        truth, Tracks(truth.keypoints, truth.visibility, truth.track_ids + 40)
    )
    assert perfect.mota.nan_to_num(1).eq(1).all()
    assert perfect.motp.nan_to_num(1).eq(1).all()


@given(st.integers(0, 10_000))
def test_names_places_and_unlabelled_joints_never_matter(seed):
    truth, found = walk(seed)
    scores = scored(truth, found)
    hidden = (truth.visibility == 0)[..., None]
    wild = torch.where(hidden, torch.nan, truth.keypoints)
    others = (
        (truth, Tracks(found.keypoints, found.visibility, 90 - found.track_ids)),
        (Tracks(wild, truth.visibility, truth.track_ids + 5, truth.head_sizes), found),
        (
            truth,
            Tracks(
                *(
                    x.flip(1)
                    for x in (found.keypoints, found.visibility, found.track_ids)
                )
            ),
        ),
    )
    for pair in others:
        again = scored(*pair)
        assert torch.equal(again.misses, scores.misses)
        assert torch.equal(again.switches, scores.switches)
        assert torch.allclose(again.distances, scores.distances)
    nearer = scored(truth, found, threshold=0.2)
    assert (nearer.detections <= scores.detections).all()


def test_tracks_of_records():
    frames = Sample.stack([make_sample(i, 2) for i in range(3)])
    truth = Tracks.of(frames, head_sizes=torch.full((3, 2), 9.0))
    poses = Poses(
        frames.keypoints, (frames.visibility > 0).float(), track_ids=frames.track_ids
    )
    scores = scored(truth, Tracks.of(poses))
    assert scores.total["mota"] == 1
    with pytest.raises(PoselabError, match="track_ids"):
        Tracks.of(poses.replace(track_ids=None))
    with pytest.raises(PoselabError, match="stacked"):
        Tracks.of(make_sample(0))


def test_bad_arguments_are_named():
    truth, found = walk(0)
    fields = dict(
        keypoints=truth.keypoints,
        visibility=truth.visibility,
        track_ids=truth.track_ids,
        head_sizes=truth.head_sizes,
    )
    lost = truth.keypoints + torch.where(truth.visibility > 1, torch.nan, 0)[..., None]
    cases = [
        ("head_sizes.*needed", dict(head_sizes=None)),
        (r"head_sizes\[.*must be positive", dict(head_sizes=truth.head_sizes * 0)),
        ("head_sizes.*shape", dict(head_sizes=truth.head_sizes[:, :1])),
        ("keypoints.*no finite", dict(keypoints=lost)),
        ("keypoints.*shape", dict(keypoints=truth.keypoints[..., :1])),
        ("visibility.*shape", dict(visibility=truth.visibility[:, :1])),
        (r"track_ids\[0\].*one identity", dict(track_ids=truth.track_ids * 0)),
    ]
    for message, change in cases:
        with pytest.raises(PoselabError, match=message):
            track_scores(Tracks(**fields | change), found)
    with pytest.raises(PoselabError, match="expected 1 clips"):
        track_scores(truth, [found, found])
    with pytest.raises(PoselabError, match="expected 6 frames and 4 joints"):
        track_scores(truth, walk(0, frames=5)[1])
    with pytest.raises(PoselabError, match="numbers of joints"):
        track_scores([truth, walk(0, joints=3)[0]], [found, walk(0, joints=3)[1]])
    with pytest.raises(PoselabError, match="unknown MOTP"):
        track_scores(truth, found, motp="poseval")
