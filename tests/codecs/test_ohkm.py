"""Online hard keypoint mining: which joints count, and what is left of the rest."""

import pytest
import torch

from poselab import codecs
from poselab.codecs import HeatmapCodec, OhkmCodec, hardest, loss_of_joints
from poselab.datasets import SyntheticPeople
from poselab.errors import ArgumentError


@pytest.fixture(scope="module")
def batch():
    sample = SyntheticPeople(size=(64, 48), seed=3).batch(6)
    visibility = sample.visibility.clone()
    visibility[0, 0, :12] = 0  # five labelled joints
    visibility[1] = 0
    return sample.replace(visibility=visibility)


def output(seed=0, joints=17):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(6, joints, 16, 12, generator=generator)


@pytest.mark.parametrize("loss", ["mse", "cross_entropy"])
def test_the_mean_of_all_joints_is_the_plain_loss(batch, loss):
    plain, hard = (
        HeatmapCodec((64, 48), criterion=loss),
        OhkmCodec((64, 48), hard=17, criterion=loss),
    )
    _, targets = plain.encode(batch)
    each, counts = loss_of_joints(
        loss, output(), targets["heatmaps"], targets["weight"]
    )
    torch.testing.assert_close(each[counts].mean(), plain.loss(output(), targets))
    torch.testing.assert_close(
        hard.loss(output(), targets), plain.loss(output(), targets)
    )


def test_the_hardest_of_each_image_by_hand():
    each = torch.tensor([[3.0, 1.0, 9.0, 2.0], [1.0, 8.0, 7.0, 6.0]])
    counts = torch.tensor([[True, True, False, True], [True, False, False, False]])
    chosen = hardest(each, counts, 2)
    assert chosen.tolist() == [[True, False, False, True], [True, False, False, False]]
    assert not hardest(each, torch.zeros_like(counts), 2).any()
    assert hardest(each, torch.ones_like(counts), 99).all()


@pytest.mark.parametrize("loss", ["mse", "cross_entropy"])
def test_only_the_hardest_joints_of_the_last_stage_are_taught(batch, loss):
    codec = OhkmCodec((64, 48), hard=8, criterion=loss)
    _, targets = codec.encode(batch)
    early, last = output(1).requires_grad_(), output(2).requires_grad_()
    codec.loss([early, last], targets).backward()
    taught = [(x.grad.abs().sum((2, 3)) > 0).sum(1).tolist() for x in (early, last)]
    labelled = (batch.visibility[:, 0] > 0).sum(1)
    assert taught[0] == labelled.tolist()
    assert taught[1] == labelled.clamp(max=8).tolist()
    each, counts = loss_of_joints(loss, last, targets["heatmaps"], targets["weight"])
    chosen = last.grad.abs().sum((2, 3)) > 0
    for image in range(2, 6):
        spared = counts[image] & ~chosen[image]
        assert each[image][chosen[image]].min() >= each[image][spared].max()


def test_nobody_labelled_costs_nothing(batch):
    codec = OhkmCodec((64, 48), hard=8)
    nobody = batch.replace(visibility=torch.zeros_like(batch.visibility))
    assert codec.loss([output(1), output(2)], codec.encode(nobody)[1]) == 0


def test_from_a_card():
    codec = codecs.build("ohkm", size=(64, 48), hard=5, criterion="cross_entropy")
    assert (codec.hard, codec.criterion) == (5, "cross_entropy")
    with pytest.raises(ArgumentError, match="hard = 0"):
        OhkmCodec((64, 48), hard=0)
