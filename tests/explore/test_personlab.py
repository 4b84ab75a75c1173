"""The explorers of notebook 12: votes, the tree, and whose a pixel is."""

import numpy as np
import pytest
import torch

from poselab import codecs, explore, models
from poselab.errors import ArgumentError


@pytest.fixture(scope="module")
def codec():
    return codecs.build("offset", rules={"score": 0.1, "nms_radius": 5.0})


@pytest.fixture(scope="module")
def explorers(codec):
    net = models.build("personlab_tiny", seed=0, trunk=8)
    names = ("VotesExplorer", "FollowExplorer", "PixelExplorer")
    return {name: getattr(explore, name)(codec, net) for name in names}


@pytest.mark.parametrize("name", ["VotesExplorer", "FollowExplorer", "PixelExplorer"])
def test_every_control_changes_the_picture(explorers, name):
    seen = explorers[name].sweep()
    assert seen.keys() == explorers[name].controls.keys()
    assert min(seen.values()) > 1, seen


def test_a_perfect_answer_gives_the_people_back(codec):
    scene = explore.people_in_a_row(700, 2)
    found = codec.decode(explore.true_output(codec, scene))[0]
    apart = (found.keypoints[:, None] - scene.keypoints).norm(dim=-1).mean(-1)
    assert len(found.keypoints) == 4
    assert apart.amin(0).max() < 2


def test_votes_of_true_maps_have_their_peaks_at_the_joints(explorers):
    explorer = explorers["VotesExplorer"].reset()
    assert (
        "have 4 peaks, 0.0 px from a true one"
        in explorer.set(distance=700).live_caption
    )
    assert "0.0 px" not in explorer.set(noise=6.0).live_caption


def test_refinement_brings_noisy_steps_back(explorers):
    explorer = explorers["FollowExplorer"].reset()
    values = explorer.set(distance=700, noise=0.1).values
    true = explorer.scene(700, 0).keypoints[0].numpy()
    errors = [
        np.linalg.norm(explorer.followed(times, **values) - true, axis=1).mean()
        for times in (0, 1)
    ]
    assert errors[1] < 0.5 * errors[0]
    assert f"{errors[1]:.1f} px refined once" in explorer.live_caption


def test_a_pixel_is_its_persons(explorers):
    explorer = explorers["PixelExplorer"].reset()
    scene = explorer.scene(300, 0)
    masks = explorer.masks(300, 0, "truth", 0.5)
    y, x = (int(v) for v in torch.nonzero(masks[2] & scene.masks[2])[40])
    assert "belongs to person C" in explorer.set(x=x, y=y, threshold=0.5).live_caption
    assert "belongs to nobody" in explorer.set(x=60, y=20).live_caption
    fewer = explorer.masks(300, 0, "truth", 0.05)
    assert fewer.sum() < masks.sum()


def test_another_codec_is_refused():
    with pytest.raises(ArgumentError, match="OffsetCodec"):
        explore.VotesExplorer(codecs.build("heatmap"))
