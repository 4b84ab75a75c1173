"""Answers to notebook 07's exercises as learners write them."""

import torch

from poselab.checks import check


def test_a_box_by_cases():
    def answer(boxes, size, margin):
        grown = []
        for x, y, w, h in boxes.tolist():
            cx, cy, w, h = x + w / 2, y + h / 2, w * margin, h * margin
            if w / h < size[1] / size[0]:
                w = h * size[1] / size[0]
            else:
                h = w * size[0] / size[1]
            grown.append([cx - w / 2, cy - h / 2, w, h])
        return torch.tensor(grown)

    assert check("top_down.grow", answer)


def test_back_by_an_inverse_matrix():
    def answer(points, boxes, size):
        found = []
        for p, (x, y, w, h) in zip(points, boxes.tolist(), strict=True):
            a, b = size[1] / w, size[0] / h
            there = torch.tensor(
                [[a, 0, (0.5 - x) * a - 0.5], [0, b, (0.5 - y) * b - 0.5], [0, 0, 1]]
            )
            ones = torch.cat([p, torch.ones(len(p), 1)], 1)
            found.append((ones @ there.inverse().T)[:, :2])
        return torch.stack(found)

    assert check("top_down.back", answer)


def test_overlap_pair_by_pair():
    def answer(a, b):
        table = torch.zeros(len(a), len(b))
        for i, (x, y, w, h) in enumerate(a.tolist()):
            for j, (u, v, p, q) in enumerate(b.tolist()):
                wide = max(0.0, min(x + w, u + p) - max(x, u))
                high = max(0.0, min(y + h, v + q) - max(y, v))
                table[i, j] = wide * high / (w * h + p * q - wide * high)
        return table

    assert check("top_down.overlap", answer)


def test_suppression_with_a_mask_that_shrinks():
    def answer(boxes, scores, threshold):
        side = boxes[:, 2:] - boxes[:, :2]
        alive, kept, scores = torch.ones(len(boxes)).bool(), [], scores.clone()
        while alive.any():
            i = int(torch.where(alive, scores, -1.0).argmax())
            kept.append(i)
            low = torch.maximum(boxes[i, :2], boxes[:, :2])
            high = torch.minimum(boxes[i, 2:], boxes[:, 2:])
            inter = (high - low).clamp(min=0).prod(1)
            iou = inter / (side[i].prod() + side.prod(1) - inter)
            alive &= iou <= threshold
            alive[i] = False
        return torch.tensor(kept)

    assert check("top_down.nms", answer)


def test_reading_by_weights_of_all_cells():
    def answer(level, points):
        _, h, w = level.shape
        column = (1 - (torch.arange(w) - points[:, :1]).abs()).clamp(min=0)  # [N, w]
        row = (1 - (torch.arange(h) - points[:, 1:]).abs()).clamp(min=0)
        return torch.einsum("chw,nh,nw->nc", level, row, column)

    assert check("top_down.read", answer)


def test_the_shape_of_the_values():
    def answer(level, points):
        x, y = points.long().unbind(1)
        return level[:, y, x]  # [C, N] instead of [N, C]

    result = check("top_down.read", answer)
    assert result.diagnosis == "structure"
    assert "other order" in result.message
