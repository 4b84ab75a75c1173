"""The explorer of notebook 04: what it shows is what the stages say."""

import math

import pytest
import torch

from poselab.datasets import SyntheticPeople
from poselab.draw.overlay import covered
from poselab.errors import ArgumentError
from poselab.explore.cpm import PoseMachineExplorer
from poselab.models import DeepPose, build


@pytest.fixture(scope="module")
def samples():
    return SyntheticPeople(seed=5, split="test").batch(3)


@pytest.fixture(scope="module")
def network():
    return build("cpm_tiny", seed=0, width=8).eval()


@pytest.fixture
def explorer(network, samples):
    return PoseMachineExplorer(network, samples)


def test_every_control_changes_the_picture(explorer):
    seen = explorer.set(side=30, x=50, y=60).sweep()
    assert all(count > 1 for count in seen.values()), seen


def test_the_maps_are_the_networks(explorer, network, samples):
    image = covered(samples.image[1], 40, 70, 20)
    with torch.no_grad():
        outputs = network(image[None])
    answer = explorer.answer(1, 40, 70, 20)
    assert len(answer.maps) == 3
    for output, maps, joints in zip(outputs, answer.maps, answer.joints, strict=True):
        torch.testing.assert_close(maps, explorer.codec.heatmaps(output)[0])
        wanted = explorer.codec.decode(output).keypoints[0, 0]
        torch.testing.assert_close(joints, wanted)


def logits(explorer, answer):
    with torch.no_grad():
        return [stage[0] for stage in explorer.network(answer.image[None])]


@pytest.mark.parametrize(("y", "reached"), [(100, 0), (70, 1)])
def test_a_square_reaches_the_stages_whose_window_it_touches(explorer, y, reached):
    """Cell (12, 2) lies at y = 9.5 px; the stages see 22, 46 and 70 px below it."""
    before, after = explorer.answer(0), explorer.answer(0, 48, y, 10)
    change = [
        float((a - b).abs().amax(0)[2, 12])
        for a, b in zip(logits(explorer, before), logits(explorer, after), strict=True)
    ]
    assert change[:2] == [0, 0]
    assert (change[2] > 0) == reached


def test_windows_lie_around_the_highest_cell(explorer):
    map = torch.zeros(32, 24)
    map[12, 10] = 1.0
    boxes = [explorer.window(map, stage) for stage in (1, 2, 3)]
    assert [float(box[2]) for box in boxes] == [45, 93, 141]
    for box in boxes:
        assert (box[:2] + box[2:] / 2 - 0.5).tolist() == [41.5, 49.5]


def test_errors_are_distances(explorer, samples):
    place = 9  # left wrist
    for index in range(3):
        errors = explorer.errors("left_wrist", image=index, x=0, y=0, side=0)
        if samples.visibility[index, 0, place] == 0:
            assert all(map(math.isnan, errors))
            continue
        truth = samples.keypoints[index, 0, place]
        for error, joints in zip(errors, explorer.answer(index).joints, strict=True):
            assert error == pytest.approx(float((joints[place] - truth).norm()))


def test_the_caption_has_the_numbers(explorer):
    explorer.set(image=1, joint="nose", x=30, y=20, side=12, stage=2)
    text = explorer.live_caption
    for part in ("Image 1", "12 px at (30, 20)", "Nose", "stage 2", "93 px"):
        assert part in text
    assert "no square" in explorer.set(side=0).live_caption


def test_forward_passes_are_remembered(explorer):
    explorer.set(x=20, y=30, side=0)
    done = explorer._answer.cache_info().misses
    explorer.set(joint="nose", stage=1, pose=False, window=False, x=60)
    assert explorer._answer.cache_info().misses == done


def test_a_square_is_cut_at_the_border():
    image = torch.zeros(3, 20, 10)
    assert covered(image, 0, 0, 6).sum() == 3 * 9 * 0.5
    assert covered(image, 5, 10, 4).sum() == 3 * 16 * 0.5
    assert torch.equal(covered(image, 5, 5, 0), image)
    assert image.sum() == 0


def test_six_stages_fit(samples):
    wide = PoseMachineExplorer(build("cpm_tiny", stages=6, width=4), samples)
    narrow = PoseMachineExplorer(build("cpm_tiny", stages=1, width=4), samples)
    assert len(wide.answer(0).maps) == 6
    assert "1 to 1" in narrow.caption


def test_wrong_arguments_are_refused(network, samples):
    with pytest.raises(ArgumentError, match="needs a CPM"):
        PoseMachineExplorer(DeepPose(), samples)
    with pytest.raises(ArgumentError, match="one person per image"):
        PoseMachineExplorer(network, samples[0])
