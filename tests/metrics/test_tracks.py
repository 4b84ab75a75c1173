"""MOTA, MOTP and their counts: the evaluator's numbers, cases by hand, invariants."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from poselab.datasets import SyntheticPeople
from poselab.errors import PoselabError
from poselab.metrics import head_segments, track_scores
from poselab.metrics.track_matching import assign
from poselab.records import Poses, Sample
from poselab.skeleton import MPII_16
from tests.support.golden import FOLDER
from tests.support.samples import found_frames, make_sample, true_frames


def golden_tracks():
    """The clips of alg_poseval_frames.json as arrays, frames one after the other."""
    arrays = np.load(FOLDER / "alg_poseval_tracks.npz")
    ends = np.cumsum(arrays["frames"])[:-1]
    cut = {name: np.split(arrays[name], ends) for name in arrays if name != "frames"}
    truth, found = (
        [make(*clip) for clip in zip(*(cut[name] for name in names), strict=True)]
        for make, names in (
            (true_frames, ("truth_keypoints", "truth_visibility", "truth_ids")),
            (found_frames, ("found_keypoints", "found_visibility", "found_ids")),
        )
    )
    return truth, found, cut["head_sizes"]


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
    truth, found, heads = golden_tracks()
    plain, evaluator = (
        track_scores(truth, found, heads, motp=m) for m in ("matches", "evaluator")
    )
    assert torch.equal(plain.mota, evaluator.mota)
    assert plain.total["motp"] > evaluator.total["motp"] + 0.1
    whole = track_scores(truth, found, heads, drop_last_frame=False)
    assert whole.total["objects"] > plain.total["objects"]
    assert [len(e.taken) for e in whole.events] == [len(t.track_ids) for t in truth]
    assert [len(e.taken) + 1 for e in plain.events] == [len(t.track_ids) for t in truth]


HEAD = 10.0  # px


def places(x, ids=None, there=None):
    """Joints [F, P, 1, 2] at x [F, P], whether they are there, and identities."""
    x = torch.tensor(x, dtype=torch.float64)
    points = torch.stack([x, 0 * x], -1)[:, :, None]  # [F, P, 1, 2]
    names = torch.arange(x.shape[1]).expand(x.shape) if ids is None else ids
    seen = torch.ones(*x.shape, 1) if there is None else torch.tensor(there)[..., None]
    return points, seen, torch.as_tensor(names)


def true(x, there=None) -> Sample:
    """One joint each, people at places x [F, P]."""
    return true_frames(*places(x, there=there))


def found_at(x, ids=None) -> Poses:
    return found_frames(*places(x, ids))


def scored(truth: Sample, found: Poses, heads=None, **arguments):
    heads = torch.full(truth.present.shape, HEAD) if heads is None else heads
    return track_scores(truth, found, heads, drop_last_frame=False, **arguments)


def test_misses_alarms_and_switches_by_hand():
    truth = true([[0, 100]] * 4)
    found = found_at(
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
    truth = true([[0], [0]])
    kept = scored(truth, found_at([[1, 90], [4, 0]]))
    assert kept.events[0].taken.flatten().tolist() == [0, 0]
    assert kept.total["switches"] == 0
    gone = scored(truth, found_at([[1, 90], [6, 0]]))  # now too far
    assert gone.events[0].taken.flatten().tolist() == [0, 1]
    assert gone.total["switches"] == 1


def test_a_match_is_forgotten_after_a_frame_but_its_identity_is_not():
    truth = true([[0], [0], [0]], there=[[1], [0], [1]])
    scores = scored(truth, found_at([[1, 90], [90, 90], [4, 0]]))
    assert scores.events[0].taken.flatten().tolist() == [0, -1, 1]
    assert scores.total["switches"] == 1


def test_as_many_pairs_as_possible_then_the_nearest():
    truth, found = true([[0, 4]]), found_at([[4, 9]])
    assert scored(truth, found).events[0].taken.flatten().tolist() == [0, 1]
    inf = np.inf
    assert assign(np.array([[0.0, 0.5], [0.5, inf]])) == [(0, 1), (1, 0)]
    assert assign(np.array([[1.0, 2.0], [5.0, 1.0]])) == [(0, 0), (1, 1)]
    assert assign(np.full((2, 3), inf)) == []
    assert assign(np.zeros((0, 3))) == []


def test_mota_can_be_negative_and_nan_where_nobody_is():
    truth, crowd = true([[0]]), found_at([[50, 60, 70]])
    assert scored(truth, crowd).total["mota"] == pytest.approx(1 - (1 + 3) / 1)
    nobody = true([[0]], there=[[0]])
    assert scored(nobody, crowd).mota.isnan().all()
    assert np.isnan(scored(nobody, crowd).total["motp"])


def walk(seed: int, frames: int = 6, people: int = 3, joints: int = 4):
    g = torch.Generator().manual_seed(seed)
    start = 60 * torch.rand(1, people, 1, 2, generator=g)
    points = start + 5 * torch.randn(frames, people, joints, 2, generator=g).cumsum(0)
    seen = torch.randint(0, 3, points.shape[:-1], generator=g)
    ids = torch.arange(people).expand(frames, people)
    truth = true_frames(points, seen, ids)
    near = points + 3 * torch.randn(points.shape, generator=g)
    kept = torch.rand(seen.shape, generator=g) < 0.8
    swapped = torch.where(torch.rand(frames, 1, generator=g) < 0.3, ids.flip(1), ids)
    return truth, found_frames(near, kept.float(), swapped)


@given(st.integers(0, 10_000))
def test_invariants(seed):
    truth, found = walk(seed)
    scores = scored(truth, found)
    assert torch.equal(scores.misses + scores.detections, scores.objects)
    predicted = (found.scores > 0).sum((0, 1))
    assert torch.equal(scores.false_alarms + scores.detections, predicted)
    assert (scores.mota.nan_to_num(0) <= 1).all()
    for name in ("motp", "precision", "recall"):
        value = getattr(scores, name).nan_to_num(0.5)
        assert ((value >= 0) & (value <= 1)).all()
    same = found_frames(truth.keypoints, truth.visibility, truth.track_ids + 40)
    perfect = scored(truth, same)
    assert perfect.mota.nan_to_num(1).eq(1).all()
    assert perfect.motp.nan_to_num(1).eq(1).all()


@given(st.integers(0, 10_000))
def test_names_places_and_unlabelled_joints_never_matter(seed):
    truth, found = walk(seed)
    scores = scored(truth, found)
    hidden = (truth.visibility == 0)[..., None]
    wild = torch.where(hidden, torch.nan, truth.keypoints)
    mirrored = {name: value.flip(1) for name, value in found.tensors().items()}
    others = (
        (truth, found.replace(track_ids=90 - found.track_ids)),
        (truth.replace(keypoints=wild, track_ids=truth.track_ids + 5), found),
        (truth, found.replace(**mirrored)),
    )
    for pair in others:
        again = scored(*pair)
        assert torch.equal(again.misses, scores.misses)
        assert torch.equal(again.switches, scores.switches)
        assert torch.allclose(again.distances, scores.distances)
    nearer = scored(truth, found, threshold=0.2)
    assert (nearer.detections <= scores.detections).all()


# --- records -------------------------------------------------------------------------


def perfect(clip: Sample) -> Poses:
    """The truth as an answer, under other names."""
    return Poses(
        clip.keypoints,
        (clip.visibility > 0).float(),
        track_ids=clip.track_ids + 7,
        present=clip.present,
    )


@pytest.mark.parametrize("seed", [1002, 1003, 1004])
def test_clips_with_rows_of_nobody(seed):
    """Two people where up to four could be, one of whom is away for two frames."""
    maker = SyntheticPeople(
        (96, 128), people=(2, 4), seed=seed, skeleton=MPII_16, split="test"
    )
    clip = maker.clip(6, seed=seed)
    assert clip.present.sum(1).tolist() == [2] * 6
    away = clip.present.clone()
    away[2:4, 0] = False
    clip = clip.replace(present=away)
    assert (clip.track_ids[~clip.present] == -1).all()
    found = perfect(clip)
    whole = track_scores(clip, found, drop_last_frame=False)
    assert int(whole.objects.sum()) == int((clip.visibility > 0).sum()) > 0
    assert whole.total["mota"] == whole.total["motp"] == 1
    listed = track_scores(list(clip), list(found), drop_last_frame=False)
    for name in ("mota", "misses", "objects"):
        assert torch.equal(getattr(listed, name), getattr(whole, name)), name


def test_a_padded_row_is_nobody():
    """Three frames of 2, 3 and 0 people: two rows more than anybody needs."""
    frames = [make_sample(i, n, skeleton=MPII_16) for i, n in enumerate((2, 3, 0))]
    found = [perfect(frame) for frame in frames[:2]] + [Poses.empty(16)]
    scores = track_scores(frames, found, drop_last_frame=False)
    assert scores.total["mota"] == 1
    stacked = Sample.stack(frames), Poses.stack(found)
    assert track_scores(*stacked, drop_last_frame=False).total == scores.total


def test_head_sizes_frame_by_frame_and_clip_by_clip():
    frames = [make_sample(i, 2 + i) for i in range(3)]
    found = [perfect(frame) for frame in frames]
    sizes = [torch.full((2 + i,), 9.0) for i in range(3)]
    one = track_scores(frames, found, sizes).total
    assert one["mota"] == 1
    two = track_scores([frames, frames], [found, found], [sizes, sizes]).total
    assert two["objects"] == 2 * one["objects"]
    with pytest.raises(PoselabError, match="coco-17 has no head"):
        track_scores(frames, found)
    with pytest.raises(PoselabError, match="those of 2 clips"):
        track_scores([frames, frames], [found, found], [sizes])


def test_head_segments_by_hand():
    clip = Sample.stack([make_sample(0, 2, skeleton=MPII_16)])
    top, neck = (MPII_16.index(name) for name in ("head_top", "upper_neck"))
    gap = clip.keypoints[:, :, top] - clip.keypoints[:, :, neck]
    assert torch.equal(head_segments(clip), gap.norm(dim=-1).clamp(min=1))


def test_bad_arguments_are_named():
    truth, found = walk(0)
    heads = torch.full(truth.present.shape, HEAD)
    lost = truth.keypoints + torch.where(truth.visibility > 1, torch.nan, 0)[..., None]
    same = truth.track_ids * 0
    nameless = truth.track_ids.clone()
    nameless[1, 2] = -1
    cases = [
        (r"head_sizes\[.*must be positive", {}, heads * 0),
        ("head_sizes.*shape", {}, heads[:, :1]),
        ("keypoints.*no finite", dict(keypoints=lost), heads),
        (r"track_ids\[0\].*one identity", dict(track_ids=same), heads),
        (r"track_ids\[1\].*no identity", dict(track_ids=nameless), heads),
        ("truth.*with track_ids", dict(track_ids=None), heads),
    ]
    for message, change, sizes in cases:
        with pytest.raises(PoselabError, match=message):
            track_scores(truth.replace(**change), found, sizes)
    with pytest.raises(PoselabError, match="found.*with track_ids, a Poses"):
        track_scores(truth, found[0], heads)
    with pytest.raises(PoselabError, match="found.*expected frames"):
        track_scores(truth, truth, heads)
    with pytest.raises(PoselabError, match="expected 1 clips"):
        track_scores(truth, [found, found], heads)
    with pytest.raises(PoselabError, match="expected 6 frames and 4 joints"):
        track_scores(truth, walk(0, frames=5)[1], heads)
    few = walk(0, joints=3)
    with pytest.raises(PoselabError, match="numbers of joints"):
        track_scores([truth, few[0]], [found, few[1]], [heads, heads])
    with pytest.raises(PoselabError, match="unknown MOTP"):
        track_scores(truth, found, heads, motp="poseval")
