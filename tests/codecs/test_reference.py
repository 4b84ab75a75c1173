"""The decoder of a public CPN, number by number."""

import numpy as np
import pytest
import torch

from poselab.codecs import decode_cpn_reference, gaussian_heatmaps
from tests.support.golden import FOLDER


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_equals_the_reference(dtype):
    arrays = np.load(FOLDER / "alg_cpn_decode.npz")
    maps = torch.from_numpy(arrays["heatmap_q"].astype("float32") * np.float32(2**-12))
    boxes = torch.from_numpy(arrays["box"])
    points, scores = decode_cpn_reference(maps.to(dtype), boxes.to(dtype))
    torch.testing.assert_close(
        points.double(), torch.from_numpy(arrays["keypoints"]), rtol=0, atol=1e-3
    )
    torch.testing.assert_close(
        scores.double(), torch.from_numpy(arrays["score"]), rtol=0, atol=1e-6
    )


def test_a_clean_bump_is_read_to_half_a_cell():
    draws = torch.Generator().manual_seed(0)
    cells = torch.rand(4, 17, 2, generator=draws) * torch.tensor([40.0, 56.0]) + 4
    box = torch.tensor([[0.0, 0.0, 192.0, 256.0]]).expand(4, 4)
    points, _ = decode_cpn_reference(gaussian_heatmaps(cells, (64, 48), 2.0), box)
    edges = 4 * cells + 2  # counted from the edge of the first pixel
    assert (points - edges).abs().max() < 4 * 0.6


def test_a_peak_in_the_corner_stays_in_the_map():
    maps = gaussian_heatmaps(torch.tensor([[[-1.0, 70.0]]]), (64, 48), 2.0)
    box = torch.tensor([[10.0, 20.0, 58.0, 84.0]])
    points, _ = decode_cpn_reference(maps, box)
    x, y = points[0, 0].tolist()
    assert 10.5 <= x < 13
    assert 82 < y <= 83.5
