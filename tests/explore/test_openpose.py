"""The explorers of notebook 10: fields, integrals, and whose limb is whose."""

import numpy as np
import pytest
import torch

from poselab import codecs, explore, models
from poselab.errors import ArgumentError
from poselab.skeleton import OPENPOSE_18, convert


@pytest.fixture(scope="module")
def codec():
    rules = {"blur": 0.0, "above": 0.6}
    return codecs.build("part_affinity", sigma=1.25, rules=rules)


@pytest.fixture(scope="module")
def field(codec):
    net = models.build("openpose_tiny", seed=0, width=8, trunk=8)
    return explore.FieldExplorer(codec, net)


@pytest.fixture(scope="module")
def assembly(codec):
    return explore.AssemblyExplorer(codec)


def test_every_control_changes_the_picture(field, assembly):
    for explorer in (field, assembly):
        seen = explorer.sweep()
        assert seen.keys() == explorer.controls.keys()
        assert min(seen.values()) > 1, seen


def test_the_same_people_stand_further_apart():
    near, far = (explore.people_in_a_row(d, 3, 3) for d in (200.0, 600.0))
    middles = [s.boxes[:, 0] + s.boxes[:, 2] / 2 for s in (near, far)]
    gaps = [middle.diff() for middle in middles]
    assert (gaps[1] > gaps[0] + 15).all()
    torch.testing.assert_close(near.boxes[:, 3], far.boxes[:, 3], atol=2.0, rtol=0)


def test_a_peak_is_the_nearest_persons(field):
    scene = field.scene(400, 1)
    points, flags = convert(
        scene.keypoints, scene.visibility, scene.skeleton, OPENPOSE_18
    )
    peaks = field.peaks(field.maps(400, 1, 0.0, 0.0)[1])
    owner = explore.whose_joints(peaks, points, flags > 0)
    own = points.numpy()[owner, peaks.part]
    assert np.linalg.norm(own - peaks.xy, axis=1).max() < 4  # a heatmap cell
    absent = flags > 0
    absent[owner[0]] = False
    assert explore.whose_joints(peaks, points, absent)[0] != owner[0]


def test_on_the_true_field_everybody_gets_their_own_limb(field):
    field.reset()
    *_, taken = field.read(**field.set(distance=600).values)
    assert len(taken.first) == 4
    assert "4 are taken (framed), 4 of them are one person's" in field.live_caption
    noisy = field.set(noise=1.0, threshold=0.6).live_caption
    assert "4 pass the samples" not in noisy


def test_a_high_threshold_refuses_all_noise_only_some(field):
    field.reset()
    pairs = [
        len(field.read(**field.set(threshold=t).values)[2].first) for t in (0.0, 0.9)
    ]
    assert pairs[0] > pairs[1]


def test_fields_keep_apart_whom_distances_mix(assembly):
    assembly.reset()
    peaks, rules = assembly.connections(250, 0, 0.0, 0.0)
    points, there = assembly.truth(250, 0)
    owner = explore.whose_joints(peaks, points, there)
    wrong = {
        name: sum(int((owner[c.first] != owner[c.second]).sum()) for c in limbs)
        for name, limbs in rules.items()
    }
    assert wrong["fields"] == 0 < wrong["nearest first"]
    assert f"{wrong['nearest first']} limbs between two" in assembly.live_caption


def test_missing_joints_are_missing(assembly):
    all_of_them, fewer = (
        len(assembly.connections(300, 2, missing, 0.0)[0].part) for missing in (0, 0.5)
    )
    assert fewer < 0.7 * all_of_them
    assert "0 people" in assembly.set(step=0).live_caption


def test_another_codec_is_refused():
    with pytest.raises(ArgumentError, match="PartAffinityCodec"):
        explore.FieldExplorer(codecs.build("heatmap"))
