"""`python -m poselab.bench top_down`: RoIAlign and NMS against loops over boxes."""

from __future__ import annotations

import numpy as np
import torch

from poselab.bench.timing import interleaved


def nms_loop(boxes: np.ndarray, scores: np.ndarray, threshold: float) -> list[int]:
    """Greedy suppression box by box, as it is told."""
    left, kept = np.argsort(-scores, kind="stable").tolist(), []
    while left:
        best = left.pop(0)
        kept.append(best)
        staying = []
        for i in left:
            low = np.maximum(boxes[best, :2], boxes[i, :2])
            high = np.minimum(boxes[best, 2:], boxes[i, 2:])
            inter = np.maximum(high - low, 0).prod()
            areas = (boxes[[best, i], 2:] - boxes[[best, i], :2]).prod(1).sum()
            if inter <= threshold * (areas - inter):
                staying.append(i)
        left = staying
    return kept


def roi_align_loop(level: np.ndarray, boxes: np.ndarray, stride: int, bins: int = 7):
    """RoIAlign of a map [C, h, w] as a loop over boxes, bins and points."""
    (_, h, w), out = level.shape, np.zeros((len(boxes), len(level), bins, bins), "f4")
    for k, (x0, y0, x1, y1) in enumerate(boxes / stride):
        bh, bw = max(y1 - y0, 1.0) / bins, max(x1 - x0, 1.0) / bins
        for i, j, m, n in np.ndindex(bins, bins, 2, 2):
            y = min(max(y0 + (i + (m + 0.5) / 2) * bh, 0.0), h - 1.0)
            x = min(max(x0 + (j + (n + 0.5) / 2) * bw, 0.0), w - 1.0)
            r, c = int(y), int(x)
            down, right = min(r + 1, h - 1), min(c + 1, w - 1)
            upper = (1 - x + c) * level[:, r, c] + (x - c) * level[:, r, right]
            lower = (1 - x + c) * level[:, down, c] + (x - c) * level[:, down, right]
            out[k, :, i, j] += ((1 - y + r) * upper + (y - r) * lower) / 4
    return out


def top_down(repeats: int) -> dict[str, float]:
    """RoIAlign and NMS of 200 boxes, all at once against box by box in NumPy."""
    from poselab.boxes import nms
    from poselab.models.rcnn import roi_align

    g, n = torch.Generator().manual_seed(0), 200
    corner = torch.rand(n, 2, generator=g) * torch.tensor([200.0, 130.0])
    side = 20 + 36 * torch.rand(n, 2, generator=g)
    boxes, scores = torch.cat([corner, corner + side], 1), torch.rand(n, generator=g)
    level, zero = torch.randn(1, 48, 24, 32, generator=g), torch.zeros(n).long()
    array, plain, values = (t.numpy() for t in (level[0], boxes, scores))
    jobs = {
        "RoIAlign": lambda: roi_align([level], boxes, zero, zero, (8,)),
        "RoIAlign loop": lambda: roi_align_loop(array, plain, 8),
        "NMS": lambda: nms(boxes, scores, 0.5),
        "NMS loop": lambda: nms_loop(plain, values, 0.5),
    }
    assert np.allclose(jobs["RoIAlign loop"](), jobs["RoIAlign"](), atol=1e-4)
    assert jobs["NMS loop"]() == jobs["NMS"]().tolist()
    times = interleaved(jobs, repeats)
    pairs = [("RoIAlign loop", "RoIAlign"), ("NMS loop", "NMS")]
    return times | {f"{a} / {b}": times[a] / times[b] for a, b in pairs}
