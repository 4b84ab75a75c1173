"""The loss of the last stage alone."""

import torch

from poselab import codecs
from poselab.codecs import HeatmapCodec, LastStageCodec
from tests.support.sources import Dots

SIZE = (64, 48)


def test_only_the_last_stage_gets_a_gradient():
    codec = codecs.build("last_stage", size=SIZE, criterion="cross_entropy")
    assert isinstance(codec, LastStageCodec)
    _, targets = codec.encode(Dots(SIZE).batch(3, torch.Generator().manual_seed(0)))
    shape = targets["heatmaps"].shape
    stages = [torch.randn(shape).requires_grad_() for _ in range(3)]
    loss = codec.loss(stages, targets)
    loss.backward()
    assert [x.grad is None for x in stages] == [True, True, False]
    alone = HeatmapCodec(SIZE, criterion="cross_entropy").loss(stages[-1], targets)
    assert loss.item() == alone.item() == codec.loss(stages[-1], targets).item()
