"""The explorers of notebook 11, and the scenes and groupings behind them."""

import numpy as np
import pytest
import torch

from poselab import codecs, explore, models
from poselab.codecs.tag_group import match_tags, top_peaks
from poselab.errors import ArgumentError, ShapeError
from poselab.explore.tag_scene import match_places


@pytest.fixture(scope="module")
def codec():
    return codecs.build("tag", sigma=1.25)


@pytest.fixture(scope="module")
def tags(codec):
    net = models.build("associative_embedding_tiny", stacks=1, width=8)
    return explore.TagsExplorer(codec, net)


@pytest.fixture(scope="module")
def learning():
    return explore.LearningExplorer(steps=40)


@pytest.mark.parametrize("name", ["tags", "learning"])
def test_every_control_changes_the_picture(name, request):
    explorer = request.getfixturevalue(name)
    seen = explorer.sweep()
    assert seen.keys() == explorer.controls.keys()
    assert min(seen.values()) > 1, seen


def test_true_maps_give_the_people_back(codec):
    scene = explore.people_in_a_row(700, 2)
    output = explore.tagged_output(codec, scene, explore.tags_of_people(scene))
    found = codec.decode(output)[0]
    far = (found.keypoints[:, None] - scene.keypoints).norm(dim=-1)
    known = scene.visibility > 0
    assert len(found.keypoints) == 4
    assert (far * known).sum(-1).amin(0).max() < 17 * 0.5


def test_a_fine_codec_gets_both_resolutions():
    scene = explore.people_in_a_row(700, 2)
    fine = codecs.build("fine_tag", sigma=1.25)
    output = explore.tagged_output(fine, scene, explore.tags_of_people(scene))
    assert [list(x.shape) for x in output] == [[1, 34, 48, 64], [1, 17, 96, 128]]
    assert len(fine.decode(output)[0].keypoints) == 4


def test_tags_of_another_shape_are_refused(codec):
    scene = explore.people_in_a_row(700, 2)
    with pytest.raises(ShapeError, match="tags"):
        explore.tagged_output(codec, scene, torch.zeros(1, 3, 17))


def test_both_groupings_are_right_for_people_who_are_apart(codec):
    scene = explore.people_in_a_row(800, 1)
    output = explore.tagged_output(codec, scene, explore.tags_of_people(scene))
    maps = {name: values[0] for name, values in codec.read(output).items()}
    peaks = top_peaks(maps["heatmaps"], maps["tags"])
    for match in (match_tags, match_places):
        people = match(peaks, codec.rules)
        assert explore.right_share(people, scene, 4) > 0.97
        people[[0, 1], 9] = people[[1, 0], 9]  # two left wrists exchanged
        found = (people[..., 2] > 0).sum()
        wrong = 1 - explore.right_share(people, scene, 4)
        assert wrong == pytest.approx(2 / found, abs=0.03)


def test_nobody_is_right_where_nobody_is_found():
    scene = explore.people_in_a_row(800, 1)
    assert explore.right_share(np.zeros((0, 17, 4)), scene, 4) == 0
    assert len(match_places([np.zeros((0, 4))] * 17, codecs.build("tag").rules)) == 0


def test_tags_come_apart_only_with_both_losses():
    both, pull, push = (
        explore.learned_tags(pull=a, push=b)[-1] for a, b in ((1, 1), (1, 0), (0, 1))
    )
    spread = [(t - t.mean(1, keepdim=True)).abs().mean() for t in (both, pull, push)]
    gap = [t.mean(1).sort().values.diff().min() for t in (both, pull, push)]
    assert spread[0] < 0.2 * gap[0]
    assert gap[1] < 0.2 < gap[0]
    assert spread[2] > 0.5 * spread[1]
    start = explore.learned_tags(start=0.0)
    assert torch.equal(start[-1], start[0])  # equal tags: the push has no slope


def test_a_wrong_codec_is_refused():
    with pytest.raises(ArgumentError, match="TagCodec"):
        explore.TagsExplorer(codecs.build("heatmap"))
