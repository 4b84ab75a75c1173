"""All metrics of one picture: the same numbers as each metric by itself."""

import time

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from poselab.bench.metrics import crowd
from poselab.errors import PoselabError
from poselab.metrics import NAMES, coco_ap, everything, oks, pck, pckh, pcp, pcpm, pdj
from poselab.records import Poses
from poselab.skeleton import COCO_17, CROWDPOSE_14, MPII_16
from tests.support.samples import make_sample


def case(seed: int, noise: float, skeleton=COCO_17):
    sample = make_sample(seed, 3, (160, 140), skeleton)
    g = torch.Generator().manual_seed(seed)
    pred = sample.keypoints + noise * torch.randn(sample.keypoints.shape, generator=g)
    return sample, pred, torch.rand(3, generator=g)


def all_of(sample, pred, scores=None, **changes):
    arguments = (
        dict(
            boxes=sample.boxes,
            areas=sample.areas,
            scores=scores,
            skeleton=sample.skeleton,
        )
        | changes
    )
    return everything(pred, sample.keypoints, sample.visibility, **arguments)


@given(st.integers(0, 200), st.floats(0, 40))
def test_equals_each_metric(seed, noise):
    sample, pred, scores = case(seed, noise)
    found = all_of(sample, pred, scores)
    args = pred, sample.keypoints, sample.visibility
    boxes = sample.boxes
    wanted = {
        "PCP": pcp(*args),
        "PCP loose": pcp(*args, "loose"),
        "PCPm": pcpm(*args),
        "PCK@0.1": pck(*args, thresholds=(0.1,), boxes=boxes),
        "PCK@0.2": pck(*args, thresholds=(0.2,), boxes=boxes),
        "PDJ@0.2": pdj(*args),
        "PDJ diagonal@0.2": pdj(*args, diameter="diagonal", boxes=boxes),
        "OKS": oks(*args, sample.areas).diagonal().mean(),
    }
    for name, value in wanted.items():
        assert found[name] == pytest.approx(value.item(), abs=1e-6, nan_ok=True), name
    poses = Poses(pred, (sample.visibility > 0).float() + 0.1, person_scores=scores)
    ours = [found[name] for name in NAMES]
    assert ours == pytest.approx(list(coco_ap(sample, poses).values()), abs=1e-9)
    assert list(found) == [*wanted, *NAMES]
    values = np.array([v for v in found.values() if v != -1 and not np.isnan(v)])
    assert ((values >= 0) & (values <= 1 + 1e-12)).all()


def test_perfect_is_perfect():
    sample, _, _ = case(1, 0)
    found = all_of(sample, sample.keypoints)
    perfect = [v for v in found.values() if v != -1 and not np.isnan(v)]
    assert perfect == pytest.approx([1.0] * len(perfect), abs=1e-6)


def test_what_the_skeleton_does_not_have_is_absent():
    mpii, pred, _ = case(2, 3, MPII_16)
    found = all_of(mpii, pred)
    wanted = pckh(pred, mpii.keypoints, mpii.visibility).item()
    assert found["PCKh@0.5"] == pytest.approx(wanted, nan_ok=True)
    assert not {"OKS", "AP"} & set(found)
    crowd_pose, pred, _ = case(2, 3, CROWDPOSE_14)
    assert {"OKS", "AP"} <= set(all_of(crowd_pose, pred))


def test_it_is_fast_enough_to_drag():
    sample, pred, _ = case(3, 3)
    times = []
    for _ in range(60):
        pred[0, 9] += 0.3
        start = time.thread_time()
        all_of(sample, pred)
        times.append(time.thread_time() - start)
    assert min(times) < 5e-3


def test_the_bench_has_what_it_says():
    truth, found = crowd(3, 4, 5)
    assert (len(truth["images"]), len(truth["annotations"]), len(found)) == (3, 12, 15)
    assert 0 < coco_ap(truth, found)["AP50"] < 1


def test_bad_arguments_are_named():
    sample, pred, scores = case(4, 3)
    lost = pred + torch.nan
    cases = [
        ("pred, scores.*finite", dict(pred=lost)),
        ("scores.*shape", dict(scores=scores[:2])),
        ("boxes.*shape", dict(boxes=sample.boxes[:2])),
        ("areas.*shape", dict(areas=sample.areas[:2])),
        ("areas.*not negative", dict(areas=-sample.areas)),
        ("pred.*shape", dict(pred=pred[:2])),
    ]
    for message, change in cases:
        with pytest.raises(PoselabError, match=message):
            all_of(sample, **dict(pred=pred) | change)
    with pytest.raises(PoselabError, match=r"\[P, J, 2\]"):
        everything(pred[0], sample.keypoints[0], sample.visibility[0], None, None)
