"""The references' numbers: from maps to people, four ways."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from poselab.codecs import enlarged, offset_decode, part_affinity_group, tag_group
from tests.support import golden


def arrays(name):
    """The arrays of an algorithm's case, and its description."""
    text = (golden.FOLDER / f"alg_{name}.json").read_text()
    return np.load(golden.FOLDER / f"alg_{name}.npz"), json.loads(text)


def maps(file, name, exponent):
    return torch.from_numpy(file[name]).float() * 2.0**exponent


# --- OpenPose ------------------------------------------------------------------------

OPENPOSE, ABOUT = arrays("openpose_decode")
LIMBS = tuple((a - 1, b - 1) for a, b in ABOUT["constants"]["limbs_1based"])
CHANNELS = [c for pair in ABOUT["constants"]["paf_channel_of_limb"] for c in pair]


def group_openpose(scene, dtype, rules=part_affinity_group.PYTHON):
    tag, size = scene["tag"], tuple(scene["image_hw"])
    heat = maps(OPENPOSE, f"{tag}_heatmap_q", -12).to(dtype)
    fields = maps(OPENPOSE, f"{tag}_paf_q", -12).to(dtype)
    scale = scene["scale_search"][0] * scene["boxsize"] / size[0]
    scaled = tuple(round(scale * n) for n in size)
    both = enlarged.enlarging(tuple(heat.shape[1:]), scene["stride"], scaled, size)
    return part_affinity_group.group(
        enlarged.Enlarged(fields[CHANNELS], *both),
        enlarged.Enlarged(heat[:-1], *both),
        LIMBS,
        17,
        rules,
    )


def in_order(rows):
    return rows[np.lexsort(rows[:, :18].T)]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("scene", ABOUT["scenes"], ids=lambda scene: scene["tag"])
def test_openpose_equals_the_reference(scene, dtype):
    peaks, people = group_openpose(scene, dtype)
    wanted = OPENPOSE[f"{scene['tag']}_candidate"]
    np.testing.assert_array_equal(peaks.xy, wanted[:, :2])
    np.testing.assert_array_equal(np.arange(len(peaks.xy)), wanted[:, 3])
    np.testing.assert_allclose(peaks.scores, wanted[:, 2], atol=1e-5)
    rows = np.column_stack([people.members, people.totals, people.counts])
    subset = OPENPOSE[f"{scene['tag']}_subset"]
    np.testing.assert_allclose(in_order(rows), in_order(subset), atol=1e-4)


def test_the_constants_of_the_cpp_program_find_more():
    scene = next(s for s in ABOUT["scenes"] if s["tag"] == "f")
    python = group_openpose(scene, torch.float32)
    cpp = group_openpose(scene, torch.float32, part_affinity_group.CPP)
    assert len(cpp[0].xy) > len(python[0].xy)  # lower peaks count
    assert not np.array_equal(cpp[1].members, python[1].members)


# --- tags ----------------------------------------------------------------------------


def test_associative_embedding_equals_the_reference():
    file, about = arrays("pose_ae_group")
    for scene in about["scenes"]:
        tag = scene["tag"]
        heat, tags = maps(file, f"{tag}_det_q", -12), maps(file, f"{tag}_tag_q", -10)
        for adjusted in (0, 1):
            found, _ = tag_group.group(
                heat, tags, tag_group.AE, bool(adjusted), filled=False
            )
            wanted = file[f"{tag}_adjust{adjusted}"]
            np.testing.assert_array_equal(found[..., :2], wanted[..., :2])
            np.testing.assert_allclose(found, wanted, atol=1e-5)


HIGHER, ABOUT_HIGHER = arrays("higherhrnet_group")


@pytest.mark.parametrize("filled", [0, 1])
@pytest.mark.parametrize("adjusted", [0, 1])
@pytest.mark.parametrize("tag", "abcde")
def test_higherhrnet_equals_the_reference(tag, adjusted, filled):
    heat, tags = maps(HIGHER, f"{tag}_det_q", -12), maps(HIGHER, f"{tag}_tag_q", -10)
    found, scores = tag_group.group(
        heat, tags, tag_group.HIGHER, bool(adjusted), bool(filled)
    )
    name = f"{tag}_adjust{adjusted}_refine{filled}"
    np.testing.assert_array_equal(found[..., :2], HIGHER[name][..., :2])
    np.testing.assert_allclose(found, HIGHER[name], atol=1e-5)
    np.testing.assert_allclose(scores, HIGHER[f"{name}_scores"], atol=1e-5)


def test_the_two_distances_of_tags_differ():
    a, b = np.zeros((1, 2)), np.array([[3.0, 4.0]])
    assert tag_group.tag_distance(a, b, mean_square=False) == 5
    assert tag_group.tag_distance(a, b, mean_square=True) == np.sqrt(12.5)


# --- PersonLab -----------------------------------------------------------------------

PERSONLAB, ABOUT_PERSONLAB = arrays("personlab_decode")


def personlab_answer(tag):
    names = {"heatmap": -14, "offset": -5, "fwd": -5, "bwd": -5}
    parts = [maps(PERSONLAB, f"{tag}_{name}_q", e) for name, e in names.items()]
    return offset_decode.Answer.of(*parts)


@pytest.mark.parametrize("tag", "abcd")
def test_personlab_equals_the_reference(tag):
    places, scores, totals = offset_decode.decode_people(personlab_answer(tag))
    count = len(totals)
    wanted = PERSONLAB[f"{tag}_pose_scores"]
    np.testing.assert_allclose(totals, wanted[:count], atol=1e-5)
    assert not wanted[count:].any()
    np.testing.assert_allclose(
        scores, PERSONLAB[f"{tag}_keypoint_scores"][:count], atol=1e-5
    )
    np.testing.assert_allclose(
        places, PERSONLAB[f"{tag}_keypoint_coords"][:count], atol=1e-3
    )


def test_refinement_is_what_brings_a_followed_joint_into_its_place():
    truth = PERSONLAB["c_truth_xy"][..., ::-1]
    errors = []
    for refine in (0, 1, 2):
        rules = replace(offset_decode.POSENET, centred=True, refine=refine)
        places, *_ = offset_decode.decode_people(personlab_answer("c"), rules)
        apart = np.linalg.norm(places[:, None] - truth[None], axis=-1)
        errors.append(apart.mean(-1).min(0).mean())
    assert max(errors[1:]) < errors[0]
