"""The explorers of notebook 06: what they show is what the network computes."""

import pytest
import torch
import torch.nn.functional as F

from poselab.codecs import HeatmapCodec
from poselab.datasets import SyntheticPeople
from poselab.errors import ArgumentError, ShapeError
from poselab.explore.hourglass import HourglassExplorer, SkipExplorer, cut, observe
from poselab.models import HeatmapNet, build


@pytest.fixture(scope="module")
def samples():
    return SyntheticPeople(seed=5, split="test").batch(3)


@pytest.fixture
def net():
    return build("hourglass", 1, joints=17, width=16, depth=3, stem=(8, 16)).eval()


@pytest.fixture
def inside(net, samples):
    return HourglassExplorer(net, samples)


@pytest.fixture
def scissors(net, samples):
    return SkipExplorer(net, samples)


def test_every_control_changes_the_picture(inside, scissors):
    for explorer in (inside, scissors):
        seen = explorer.sweep()
        assert all(count > 1 for count in seen.values()), seen


def test_looks_are_the_features_of_the_network(net, samples):
    outputs, inside = observe(net, samples.image[0])
    assert [len(stack) for stack in inside] == [4, 4]  # three levels and the bottom
    with torch.no_grad():
        wanted = net(samples.image[:1])
        x = net.pre(samples.image[:1])
        first = net.hgs[0][0]
        torch.testing.assert_close(inside[0][0].down, x[0])
        torch.testing.assert_close(inside[0][0].branch, first.up1(x)[0])
        torch.testing.assert_close(inside[0][0].up, first(x)[0])
        low = first.low1(F.max_pool2d(x, 2))
        torch.testing.assert_close(inside[0][1].down, low[0])
    assert all(map(torch.equal, outputs, wanted))
    assert [look.up.shape[-2:] for look in inside[1]] == [
        (32, 24),
        (16, 12),
        (8, 6),
        (4, 3),
    ]
    assert inside[0][-1].branch is None
    assert not any(m._forward_hooks for m in net.modules())


def test_what_leaves_a_level_is_branch_plus_rest(net, samples):
    _, inside = observe(net, samples.image[1])
    with torch.no_grad(), cut(net, (0,)):
        _, without = observe(net, samples.image[1])
    top, alone = inside[0][0], without[0][0]
    torch.testing.assert_close(top.up, top.branch + alone.up)
    assert alone.branch is None


def test_a_cut_ends_with_its_block(net, samples):
    with torch.no_grad():
        whole = net(samples.image)[-1]
        with pytest.raises(ShapeError), cut(net, (0, 2)):
            net(samples.image[..., 1:])
        with cut(net, (0, 2)):
            flags = [level.skip for level in net.hgs[1][0].levels()]
        assert flags == [False, True, False]
        assert torch.equal(net(samples.image)[-1], whole)


def test_the_cut_network_is_shown(scissors, net, samples):
    codec = HeatmapCodec(samples.size, criterion="cross_entropy")
    with torch.no_grad(), cut(net, (1,)):
        output = net(samples.image[2:3])[0]
    seen = scissors.looker.seen(2, (1,))
    torch.testing.assert_close(seen.joints[0], codec.decode(output).keypoints[0, 0])
    scissors.set(image=2, stack=0, cut_0=False, cut_1=True)
    assert "Skips cut: 16x12" in scissors.live_caption
    scissors.set(cut_1=False)
    assert "Skips cut: none" in scissors.live_caption
    left, right = scissors.live_caption.split("Whole: ")[1].split("; cut: ")
    assert right == left + "."


def test_joints_that_are_found_are_counted(inside, samples):
    seen = inside.looker.seen(0)
    right = seen._replace(joints=[samples.keypoints[0, 0]] * 2)
    known = int((samples.visibility[0] > 0).sum())
    assert inside.looker.found(0, right, 1) == (known, known, known)
    side = float(samples.boxes[0, 0, 2:].max())
    off = right._replace(
        joints=[samples.keypoints[0, 0] + torch.tensor([0.1, 0]) * side] * 2
    )
    assert inside.looker.found(0, off, 1) == (0, known, known)


def test_forward_passes_are_remembered(inside):
    done = inside.looker.seen.cache_info().misses
    inside.set(joint="nose", stack=0, level=2)
    assert inside.looker.seen.cache_info().misses == done


def test_other_networks_are_refused(samples):
    with pytest.raises(ArgumentError, match="needs a StackedHourglass"):
        HourglassExplorer(HeatmapNet(), samples)
    with pytest.raises(ArgumentError, match="one person per image"):
        SkipExplorer(build("hourglass", joints=17), samples[0])
