"""OKS and AP are those of pycocotools."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from poselab.errors import PoselabError
from poselab.metrics import ap_by_area, coco_ap, oks, oks_per_joint, oks_radius
from poselab.metrics.ap.keypoints import NAMES
from poselab.records import Poses, Sample
from poselab.skeleton import COCO_17, CROWDPOSE_14, MPII_16
from tests.support.golden import FOLDER
from tests.support.samples import make_sample


def golden(name: str):
    return json.loads((FOLDER / f"alg_coco_ap_{name}.json").read_text())


def triples(records: list[dict]) -> torch.Tensor:
    return torch.tensor([r["keypoints"] for r in records], dtype=torch.float64).reshape(
        -1, 17, 3
    )


def test_ap_equals_the_reference():
    stats = np.load(FOLDER / "alg_coco_ap.npz")["stats"]
    found = coco_ap(golden("gt"), golden("dt"))
    assert list(found) == list(NAMES)
    assert list(found.values()) == pytest.approx(stats.tolist(), abs=1e-9)


def test_oks_equals_the_reference():
    arrays = np.load(FOLDER / "alg_coco_ap.npz")
    truth, found = golden("gt")["annotations"], golden("dt")
    values = torch.from_numpy(arrays["oks_values"])
    shapes = arrays["oks_shape"].tolist()
    blocks = values.split([n * q for n, q in shapes])
    cases = zip(arrays["oks_image_id"], shapes, blocks, strict=True)
    for image, (n, q), block in cases:
        people = [a for a in truth if a["image_id"] == image]
        answers = [d for d in found if d["image_id"] == image]
        answers = sorted(answers, key=lambda d: -d["score"])[:20]
        points = triples(people)
        got = oks(
            triples(answers)[..., :2],
            points[..., :2],
            points[..., 2],
            torch.tensor([a["area"] for a in people], dtype=torch.float64),
            boxes=torch.tensor([a["bbox"] for a in people], dtype=torch.float64),
        )
        torch.testing.assert_close(got, block.reshape(n, q), rtol=0, atol=1e-9)


def answer(sample: Sample, noise: float = 0.0, seed: int = 0) -> Poses:
    g = torch.Generator().manual_seed(seed)
    shift = noise * torch.randn(sample.keypoints.shape, generator=g)
    scores = torch.rand(len(sample.keypoints), generator=g)
    return Poses(
        sample.keypoints + shift, (sample.visibility > 0).float(), person_scores=scores
    )


@given(st.integers(0, 300), st.floats(0, 30))
@settings(max_examples=25, deadline=None)
def test_oks_invariants(seed, noise):
    sample = make_sample(seed, 3, (60, 50))
    pred = answer(sample, noise, seed).keypoints
    args = sample.keypoints, sample.visibility, sample.areas
    value = oks(pred, *args)
    assert value.shape == (3, 3)
    assert ((value >= 0) & (value <= 1)).all()
    has = (sample.visibility > 0).any(-1)
    assert torch.equal(oks(sample.keypoints, *args).diagonal(), has.float())
    twice = oks(pred * 2, args[0] * 2, args[1], args[2] * 4)
    torch.testing.assert_close(twice, value, rtol=1e-4, atol=1e-5)
    wild = torch.where((sample.visibility[1] > 0)[:, None], pred, 1e6)
    torch.testing.assert_close(oks(wild, *args)[:, 1], value[:, 1])


def test_oks_of_one_joint_by_hand():
    truth = torch.zeros(1, 17, 2)
    flags = torch.zeros(1, 17)
    flags[0, 5] = 2
    pred = truth.clone()
    pred[0, 5, 0] = 2 * COCO_17.sigmas[5] * 100.0  # d = k s
    value = oks(pred, truth, flags, torch.tensor([100.0**2]))
    assert value.item() == pytest.approx(np.exp(-0.5), abs=1e-5)


def test_ap_depends_on_the_order_of_scores_only():
    samples = [make_sample(i, 3, (160, 140)) for i in range(5)]
    answers = [answer(s, 6.0, i) for i, s in enumerate(samples)]
    one = coco_ap(samples, answers)
    assert 0 < one["AP"] < 1
    squashed = [p.replace(person_scores=p.person_scores**3 - 5) for p in answers]
    assert coco_ap(samples, squashed) == one
    assert coco_ap(Sample.stack(samples), Poses.stack(answers)) == one
    by_id = {s.image_id: p for s, p in zip(samples, answers, strict=True)}
    assert coco_ap(samples, by_id) == one
    worse = coco_ap(samples, [answer(s, 14.0, i) for i, s in enumerate(samples)])
    assert worse["AP"] < one["AP"]


def test_no_answer_and_nobody_there(capsys):
    sample = make_sample(0, 2, (160, 140))
    nothing = answer(make_sample(0, 0))
    assert coco_ap([sample], [nothing])["AP"] == 0
    assert coco_ap([make_sample(0, 0)], [nothing])["AP"] == -1
    assert capsys.readouterr().out == ""


def test_other_skeletons_and_bad_arguments():
    crowd = make_sample(0, 2, (160, 140), CROWDPOSE_14)
    assert coco_ap(crowd, answer(crowd))["AP"] == 1.0
    mpii = make_sample(0, 2, skeleton=MPII_16)
    with pytest.raises(PoselabError, match="no OKS sigmas"):
        coco_ap(mpii, answer(mpii))
    with pytest.raises(PoselabError, match="one Poses for each"):
        coco_ap([crowd], [answer(crowd)] * 2)
    with pytest.raises(PoselabError, match="no such image"):
        coco_ap([crowd], {99: answer(crowd)})
    with pytest.raises(PoselabError, match="expected samples"):
        coco_ap([3], [])
    with pytest.raises(PoselabError, match="shape"):
        oks(
            torch.zeros(1, 5, 2),
            torch.zeros(1, 17, 2),
            torch.zeros(1, 17),
            torch.zeros(1),
        )
    good = torch.zeros(1, 17, 2), torch.zeros(1, 17, 2), torch.ones(1, 17)
    for area, message in ((-1.0, "not negative"), (torch.nan, "must be finite")):
        with pytest.raises(PoselabError, match=message):
            oks(*good, torch.tensor([area]))
    with pytest.raises(PoselabError, match="areas.*shape"):
        oks(*good, torch.ones(2))
    with pytest.raises(PoselabError, match="boxes.*shape"):
        oks(*good, torch.ones(1), boxes=torch.ones(1, 2))
    with pytest.raises(PoselabError, match="no finite position"):
        oks(good[0], good[1] + torch.nan, good[2], torch.ones(1))
    with pytest.raises(PoselabError, match="level"):
        oks_radius(torch.ones(1), level=0.0)
    with pytest.raises(PoselabError, match="shape"):
        oks_per_joint(*(x[:, :16] for x in good), torch.ones(1))


@given(st.integers(0, 300), st.floats(0, 30))
@settings(max_examples=25, deadline=None)
def test_joints_make_the_oks(seed, noise):
    sample = make_sample(seed, 3, (60, 50))
    pred = answer(sample, noise, seed).keypoints
    args = sample.keypoints, sample.visibility, sample.areas
    each = oks_per_joint(pred, *args)
    assert torch.equal(each.isnan(), sample.visibility == 0)
    known = (sample.visibility > 0).any(-1)
    mean = each.nanmean(-1)[known]
    torch.testing.assert_close(mean, oks(pred, *args).diagonal()[known])
    arrays = oks(pred.numpy(), *(x.numpy() for x in args))
    assert torch.equal(arrays, oks(pred, *args))


@given(st.floats(1, 1e5), st.floats(0.01, 0.99), st.sampled_from([1.0, 2.0]))
def test_the_ring_is_where_the_joint_has_its_level(area, level, factor):
    areas = torch.tensor([area], dtype=torch.float64)
    truth = torch.zeros(1, 17, 2, dtype=torch.float64)
    radius = oks_radius(areas, level, sigma_factor=factor)
    truth_and_more = truth, torch.ones(1, 17), areas
    pred = torch.stack([radius, torch.zeros_like(radius)], -1)
    each = oks_per_joint(pred, *truth_and_more, sigma_factor=factor)
    assert each.flatten().tolist() == pytest.approx([level] * 17)


def test_the_two_misreadings():
    truth = torch.zeros(1, 17, 2)
    pred, area, seen = truth + 3, torch.tensor([80.0**2]), torch.ones(1, 17)
    right = oks(pred, truth, seen, area).item()
    assert right > 0.5
    assert oks(pred, truth, seen, area, sigma_factor=1.0).item() < right - 0.1
    assert oks(pred, truth, seen, area.sqrt()).item() < 0.05  # s taken for s^2


def test_a_lost_joint_is_not_similar_and_area_0_forgives_nothing():
    truth, seen = torch.zeros(1, 17, 2), torch.ones(1, 17)
    pred = truth.clone()
    pred[0, 4] = torch.nan
    assert oks(pred, truth, seen, torch.ones(1)).item() == pytest.approx(16 / 17)
    pred[0, 4] = torch.tensor([torch.inf, 0.0])
    assert oks(pred, truth, seen, torch.zeros(1)).item() == pytest.approx(16 / 17)


def test_people_of_other_sizes_neither_gain_nor_lose():
    """Between COCO's own edges the numbers are COCO's; nobody of a size is -1."""
    pair = golden("gt"), golden("dt")
    whole, edges = coco_ap(*pair), (32.0**2, 96.0**2, 1e10)
    parts = ap_by_area(*pair, edges)
    assert parts == pytest.approx([whole["APm"], whole["APl"]], abs=1e-12)
    assert ap_by_area(*pair, (0.0, 1e-3)) == [-1.0]
