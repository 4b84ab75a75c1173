"""Two heads for visible and hidden joints, and the codec behind a transformer."""

import pytest
import torch

from poselab.codecs.hidden import HIDDEN_WEIGHT, OTHERS, HiddenCodec
from poselab.codecs.symmetric import CentreCodec, SymmetricCodec, perfect_theta
from poselab.datasets import SyntheticPeople, flip
from poselab.errors import ArgumentError
from poselab.models import build
from poselab.models.rmpe import SymmetricTransformer

SIZE = (128, 96)


@pytest.fixture(scope="module")
def people():
    sample = SyntheticPeople(SIZE, seed=6, occluded=1.0).batch(12)
    assert (sample.visibility == 1).any()
    assert (sample.visibility == 2).any()
    return sample


def test_each_joint_is_drawn_into_the_head_of_its_flag(people):
    _, targets = HiddenCodec(SIZE).encode(people)
    flags = people.visibility[:, 0]
    for name, flag in (("heatmaps", 2), ("hidden", 1)):
        drawn = targets[name].flatten(2).amax(-1) > 0.3
        assert torch.equal(drawn, flags == flag)
    assert torch.equal(targets["weight"].flatten(1) > 0, flags > 0)


def test_the_loss_weighs_the_heads(people):
    codec = HiddenCodec(SIZE, other="empty")
    _, targets = codec.encode(people)
    right = (targets["heatmaps"], targets["hidden"])
    assert codec.loss(right, targets) == 0
    empty = torch.zeros_like(right[0])
    no_visible = codec.loss((empty, right[1]), targets)
    no_hidden = codec.loss((right[0], empty), targets)
    squares = [head.square().sum() for head in right]
    wanted = HIDDEN_WEIGHT * squares[1] / squares[0]
    assert (no_hidden / no_visible).item() == pytest.approx(wanted.item(), rel=1e-3)


def test_what_a_head_learns_of_the_other_one_s_joints(people):
    seen = (people.visibility[:, 0] == 2)[..., None, None]
    losses = {}
    for other in OTHERS:
        codec = HiddenCodec(SIZE, other=other)
        _, targets = codec.encode(people)
        right = (targets["heatmaps"], targets["hidden"])
        noise = torch.where(seen, right[1], 0.7)  # what the hidden head must not see
        spoilt = torch.where(seen, 0.7, noise)
        losses[other] = codec.loss((right[0], spoilt), targets).item()
    assert losses["nothing"] < losses["empty"]
    own = HiddenCodec(SIZE)
    _, targets = own.encode(people)
    right = torch.where(seen, 0.7, targets["hidden"])
    assert own.loss((targets["heatmaps"], right), targets) == 0


def test_the_loss_is_divided_by_all_labelled_joints(people):
    codec = HiddenCodec(SIZE)
    _, targets = codec.encode(people)
    zeros = torch.zeros_like(targets["hidden"])
    sums = [(targets[n] ** 2).sum() for n in ("heatmaps", "hidden")]
    cells = (people.visibility > 0).sum() * zeros[0, 0].numel()
    wanted = 100 * (sums[0] + 1.5 * sums[1]) / cells
    found = codec.loss((zeros, zeros), targets)
    assert found.item() == pytest.approx(wanted.item(), rel=1e-3)


def test_cross_entropy_of_own_joints(people):
    codec = HiddenCodec(SIZE, criterion="cross_entropy")
    _, targets = codec.encode(people)
    seen = (people.visibility[:, 0] == 2)[..., None, None]
    sure = [1e3 * (targets[n] - 1) for n in ("heatmaps", "hidden")]
    spoilt = torch.where(seen, torch.randn_like(sure[1]), sure[1])
    assert codec.loss((sure[0], spoilt), targets) == codec.loss(tuple(sure), targets)
    right = codec.decode(tuple(sure), people.visibility[:, 0] == 1).keypoints
    known = people.visibility > 0
    assert (right - people.keypoints)[known].norm(dim=-1).max() < 3
    with pytest.raises(ArgumentError, match="empty"):
        HiddenCodec(SIZE, criterion="cross_entropy", other="empty")
    with pytest.raises(ArgumentError, match="everything"):
        HiddenCodec(SIZE, other="everything")


def test_a_picture_in_which_nothing_is_labelled(people):
    nobody = people.replace(visibility=torch.zeros_like(people.visibility))
    for options in ({}, {"other": "empty"}, {"criterion": "cross_entropy"}):
        codec = HiddenCodec(SIZE, **options)
        _, targets = codec.encode(nobody)
        heads = torch.randn(2, *targets["heatmaps"].shape)
        assert codec.loss((heads[0], heads[1]), targets) == 0


def test_reading_takes_the_head_with_the_higher_peak(people):
    codec = HiddenCodec(SIZE)
    _, targets = codec.encode(people)
    found = codec.decode((targets["heatmaps"], targets["hidden"]))
    known = people.visibility[:, 0] > 0
    assert (found.keypoints - people.keypoints)[:, 0][known].norm(dim=-1).max() < 0.5
    alone = codec.decode((targets["heatmaps"], torch.zeros_like(targets["hidden"])))
    hidden = people.visibility[:, 0] == 1
    assert (alone.keypoints - people.keypoints)[:, 0][hidden].norm(dim=-1).median() > 5


def test_both_heads_come_back_from_the_mirror(people):
    codec = HiddenCodec(SIZE)
    _, targets = codec.encode(people)
    _, mirrored = codec.encode(flip(people))
    back = codec.mirror((mirrored["heatmaps"], mirrored["hidden"]))
    for mine, name in zip(back, ("heatmaps", "hidden"), strict=True):
        assert (mine - targets[name]).abs().max() < 1e-3
    merged = codec.merge(back, (targets["heatmaps"], targets["hidden"]))
    assert (merged[1] - targets["hidden"]).abs().max() < 1e-3


def test_the_centred_target_is_the_pose_in_a_perfect_crop(people):
    codec = SymmetricCodec(SIZE)
    _, targets = codec.encode(people)
    known = people.visibility[:, 0] > 0
    maps = torch.where(known[..., None, None], targets["centred"], 0)
    rows = maps.sum((1, 3)) @ torch.arange(32.0) / maps.sum((1, 2, 3))
    assert (rows - 15.5).abs().max() < 8  # people are in the middle
    peaks = targets["centred"].flatten(2).amax(-1)[known]
    assert (peaks > 0.3).float().mean() > 0.97  # and nearly nobody is cut


def test_a_transformer_learns_from_both_answers(people):
    net = SymmetricTransformer(build("heatmap_net"))
    codec = SymmetricCodec(SIZE, criterion="cross_entropy")
    inputs, targets = codec.encode(people)
    pair = net.train()(*inputs)
    both, one = codec.loss(pair, targets), codec.loss(pair[0], targets)
    assert both > one
    both.backward()
    assert net.localisation.answer.weight.grad.abs().sum() > 0
    poses = codec.decode(net.eval()(*inputs))
    assert poses.keypoints.shape == people.keypoints.shape


def test_without_a_split_both_heads_learn_everything(people):
    _, targets = HiddenCodec(SIZE, other="same").encode(people)
    drawn = targets["heatmaps"].flatten(2).amax(-1) > 0.3
    assert torch.equal(drawn, people.visibility[:, 0] > 0)
    assert torch.equal(targets["heatmaps"], targets["hidden"])


def test_the_perfect_transformer_shows_the_box():
    middle = torch.tensor([[12.0, 16.0, 72.0, 96.0]])  # 3 to 4, as the crop is
    theta = perfect_theta(middle, SIZE, margin=1.0)
    torch.testing.assert_close(theta, torch.tensor([[[0.75, 0, 0], [0, 0.75, 0]]]))
    right = middle + torch.tensor([24.0, 0, 0, 0])  # half of half the width
    assert perfect_theta(right, SIZE)[0, :, 2].tolist() == [0.5, 0.0]


def test_a_centred_person_needs_no_transformer(people):
    codec = CentreCodec(SIZE)
    (images,), targets = codec.encode(people)
    assert images.shape[-2:] == SIZE
    assert codec.loss(targets["theta"], targets) == 0
    assert codec.loss(targets["theta"] + 0.1, targets) == pytest.approx(0.6, rel=1e-3)
    assert not codec.decode(targets["theta"]).present.any()
