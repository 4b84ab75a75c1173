"""CPN: the reference's numbers at every level, names, stages, gradients."""

import pytest
import torch

from poselab.errors import ArgumentError
from poselab.models import build
from poselab.models.cpn import resize


@pytest.fixture(scope="module")
def tiny():
    return build("cpn", depth=10, joints=5, width=8, filters=8)


@torch.no_grad()
@pytest.mark.parametrize("size", [(128, 96), (64, 64), (72, 40)])
def test_every_stage_has_the_size_of_the_answer(tiny, size):
    found = tiny.eval()(torch.rand(2, 3, *size))
    assert len(found) == tiny.stages == 5
    assert {tuple(x.shape) for x in found} == {(2, 5, size[0] // 4, size[1] // 4)}


def test_depth_101_and_joints():
    with torch.device("meta"):
        net = build("cpn", depth=101, joints=16)
        assert net(torch.rand(1, 3, 384, 288))[-1].shape == (1, 16, 96, 72)


@torch.no_grad()
def test_truncated_shares_the_weights(tiny):
    images = torch.rand(1, 3, 64, 64)
    whole = tiny.eval()(images)
    counts = []
    for n in range(1, 6):
        part = tiny.truncated(n)
        assert part.stages == n
        found = part(images)
        assert len(found) == n
        assert torch.equal(found[-1], whole[n - 1])
        counts.append(sum(p.numel() for p in part.parameters()))
    assert counts == sorted(set(counts))
    assert tiny.stages == 5
    with pytest.raises(ArgumentError, match="stages = 6"):
        tiny.truncated(6)


def test_gradients_reach_every_parameter(tiny):
    tiny.train()
    sum(x.square().sum() for x in tiny(torch.rand(4, 3, 64, 64))).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in tiny.parameters())


def test_resize_keeps_the_corners():
    x = torch.rand(1, 2, 3, 4)
    large = resize(x, (9, 13))
    torch.testing.assert_close(large[..., ::8, ::12], x[..., ::2, ::3])
    assert resize(x, (3, 4)) is x
