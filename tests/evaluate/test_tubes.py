"""A joint that is hidden for a while: which network can find it, and which cannot."""

import pytest
import torch
from torch import nn

from poselab.codecs import TubeCodec
from poselab.codecs.heatmap import gaussian_heatmaps
from poselab.codecs.heatmap_decode import pixels_to_cells
from poselab.evaluate import tubes
from poselab.evaluate.tasks import JUDGES

CODEC = TubeCodec(criterion="mse")


class Reader(nn.Module):
    """Knows all tubes, and a joint where no grey square lies; else the corner.

    `beside` is how many frames to each side it may ask where a square lies.
    """

    def __init__(self, beside):
        super().__init__()
        self.beside = beside
        self.anything = nn.Parameter(torch.zeros(1))
        self.known = tubes.tubes_of(3, (128, 96), 2)

    def forward(self, clips):
        return torch.stack([self.one(clip.transpose(0, 1)) for clip in clips], 0)

    def one(self, images):
        gap = [(t.image - images).abs().mean() for t in self.known]
        tube = self.known[min(range(len(gap)), key=lambda i: float(gap[i]))]
        points = tube.keypoints[:, 0]
        same = (tube.image - images).abs().amax(1) < 1e-6  # [T, h, w]
        out = torch.zeros(17, 3, 32, 24)
        for j in range(17):
            near = range(max(0, 1 - self.beside), min(3, 2 + self.beside))
            seen = any(self.clear(same[t], points[t, j]) for t in near)
            place = points[1, j] if seen else torch.zeros(2)
            out[j, 1] = gaussian_heatmaps(pixels_to_cells(place, 4), (32, 24), 1.5)
        return out

    def clear(self, same, point):
        x, y = point.round().int().tolist()
        inside = 0 <= x < 96 and 0 <= y < 128
        return inside and bool(same[y, x])


@pytest.fixture(scope="module")
def scores():
    return [tubes.score_tubes(Reader(n), CODEC, clips=2) for n in (0, 1)]


def test_who_looks_aside_finds_what_is_covered_for_a_while(scores):
    alone, aside = scores
    assert alone["not covered"] == aside["not covered"] == 1.0
    assert alone["covered, 1 frame"] < 0.1
    assert aside["covered, 1 frame"] == aside["covered, 2 frames"] == 1.0
    for name in ("covered, all", "covered, frozen"):
        assert aside[name] < 0.5, "time has nothing to show"
    assert alone["PCK@0.1"] >= alone["PCK@0.05"] > 0.9


def test_the_square_follows_the_joint():
    tube, joint = next(iter(tubes.cases(3, (128, 96), 2)))
    images = tubes.covered(tube, joint, 1, 2)
    assert torch.equal(images[0], tube.image[0])
    for t in (1, 2):
        x, y = tube.keypoints[t, 0, joint].round().int().tolist()
        assert images[t, :, y, x].tolist() == [0.5] * 3


def test_it_is_a_task():
    assert "tubes" in JUDGES
