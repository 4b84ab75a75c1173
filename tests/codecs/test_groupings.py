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


# --- all limbs at once ---------------------------------------------------------------


@pytest.mark.parametrize(("points", "above"), [(10, 0.8), (10, 0.6), (3, 0.2), (2, 0)])
@pytest.mark.parametrize("optimal", [False, True])
def test_all_limbs_at_once_are_the_limbs_one_by_one(points, above, optimal):
    """Also where noise leaves many candidates, and a limb may miss many samples."""
    scene = next(s for s in ABOUT["scenes"] if s["tag"] == "f")
    heat, fields = maps(OPENPOSE, "f_heatmap_q", -12), maps(OPENPOSE, "f_paf_q", -12)
    noise = torch.randn(fields.shape, generator=torch.Generator().manual_seed(0))
    size = tuple(scene["image_hw"])
    both = enlarged.enlarging(tuple(heat.shape[1:]), 1, size, size)
    large = enlarged.Enlarged((fields + 0.2 * noise)[CHANNELS], *both)
    rules = replace(
        part_affinity_group.PYTHON, points=points, above=above, optimal=optimal
    )
    tops = enlarged.Enlarged(heat[:-1], *both)
    peaks = part_affinity_group.find_peaks(tops, tops.blurred(3.0), rules)
    found, limb = part_affinity_group.score_all(large, peaks, LIMBS, rules)
    taken = part_affinity_group.match_all(found, limb, LIMBS, rules)
    for k, pair in enumerate(LIMBS):
        field = large.channels(slice(2 * k, 2 * k + 2))
        alone = part_affinity_group.score_limbs(field, peaks, pair, rules)
        for mine, theirs in zip(found, alone, strict=True):
            np.testing.assert_allclose(mine[limb == k], theirs, atol=1e-6)
        matched = part_affinity_group.match_limbs(alone, optimal)
        np.testing.assert_array_equal(taken[k].first, matched.first)
        np.testing.assert_array_equal(taken[k].second, matched.second)


def test_enlarged_maps_read_at_pixels_are_the_whole_maps():
    both = enlarged.enlarging((9, 13), 4, (33, 50), (40, 64))
    values = torch.randn(3, 9, 13, generator=torch.Generator().manual_seed(0))
    large = enlarged.Enlarged(values, *both)
    whole = both[0].float() @ values @ both[1].float().T
    torch.testing.assert_close(large.whole(), whole)
    y, x = (grid.ravel()[:150] for grid in np.mgrid[:40, :64])
    few = np.stack([x, y], 1)
    np.testing.assert_allclose(large.at(few), whole[:, y, x], atol=1e-6)
    np.testing.assert_allclose(large.channels([2, 0]).at(few)[1], whole[0, y, x], 1e-4)


def test_peaks_on_the_border_have_zeros_beyond_it():
    maps = torch.full((2, 4, 5), -1.0)
    maps[0, 0, 0], maps[1, 3, 4], maps[1, 1, 2] = 2.0, -0.5, -0.4
    both = enlarged.enlarging((4, 5), 1, (4, 5), (4, 5))
    rules = part_affinity_group.Grouping(peak_threshold=-0.9)
    peaks = part_affinity_group.find_peaks(enlarged.Enlarged(maps, *both), maps, rules)
    assert peaks.part.tolist() == [0, 1]
    assert peaks.xy.tolist() == [[0, 0], [2, 1]]  # beside the corner lies more: 0
    np.testing.assert_allclose(peaks.scores, [2.0, -0.4])


def test_equal_first_tags_are_one_person_as_in_the_released_code():
    """Whoever begins with a tag that is known joins, and what was matched is gone."""
    row = [1.0, 1.0, 0.9]
    peaks = [np.empty((0, 4), np.float32) for _ in range(17)]
    peaks[0] = np.array([[*row, 5.0], [2.0, 1.0, 0.8, 5.0]], np.float32)
    peaks[1] = np.array([[*row, 5.4]], np.float32)
    found = tag_group.match_tags(peaks)
    assert len(found) == 1
    assert found[0, 0].tolist() == pytest.approx([2.0, 1.0, 0.8, 5.0])
    assert found[0, 1, 3] == np.float32(5.4)
