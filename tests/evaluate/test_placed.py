"""The same people, drawn small and drawn large."""

import torch
from torch import nn

from poselab.codecs import PointsCodec
from poselab.evaluate import placed
from poselab.evaluate.tasks import scorer
from poselab.metrics import pck


class Middle(nn.Module):
    """Every joint in the middle of the picture."""

    def __init__(self):
        super().__init__()
        self.anything = nn.Parameter(torch.zeros(1))

    def forward(self, images):
        height, width = images.shape[-2:]
        return torch.tensor([width / 2, height / 2]).expand(len(images), 17, 2)


def test_each_length_has_its_score(monkeypatch):
    monkeypatch.setattr(placed, "COUNT", 64)
    placed.placed.cache_clear()
    scores = scorer("sides")(Middle(), PointsCodec((160, 144)))
    assert list(scores) == ["48 px", "96 px"]
    large = placed.placed(96, (160, 144))
    assert len(large) == 64
    found = torch.tensor([72.0, 80.0]).expand(64, 1, 17, 2)
    known = large.keypoints, large.visibility
    share = pck(found, *known, "box", (0.2,), boxes=large.boxes)[0]
    assert scores["96 px"] == round(float(share), 4)
    assert scores["48 px"] < scores["96 px"]  # a smaller fifth of the box
    placed.placed.cache_clear()
