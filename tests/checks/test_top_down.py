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
        return torch.stack(found) if found else points

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


def test_the_best_poses_with_a_mask_that_shrinks():
    def answer(alike, box_scores, joint_scores, oks_threshold):
        sure = joint_scores > 0.2
        mean = (joint_scores * sure).sum(1) / sure.sum(1).clamp(min=1)
        scores, kept = box_scores * mean, []
        alive = torch.ones(len(scores), dtype=torch.bool)
        while alive.any():
            i = int(torch.where(alive, scores, -1.0).argmax())
            kept.append(i)
            alive &= alike[i] <= oks_threshold
            alive[i] = False
        return torch.tensor(kept, dtype=torch.long)

    assert check("top_down.best", answer)
    assert not check("top_down.best", lambda *given: torch.zeros(0).long())


def test_a_border_mistake_is_not_said_to_be_inside():
    def answer(level, points):
        x, y = points.long().unbind(1)
        u, v = (points - points.floor()).unbind(1)
        upper = (1 - u) * level[:, y, x] + u * level[:, y, x + 1]
        lower = (1 - u) * level[:, y + 1, x] + u * level[:, y + 1, x + 1]
        return ((1 - v) * upper + v * lower).T

    assert (
        "the case “on the last row and column”"
        in check("top_down.read", answer).message
    )


def test_x_and_y_exchanged_is_not_taken_for_the_border():
    def answer(level, points):
        x, y = points.long().unbind(1)
        right, below = (x + 1).clamp(max=6), (y + 1).clamp(max=4)
        u, v = (points - points.floor()).unbind(1)
        upper = (1 - u) * level[:, x, y] + u * level[:, right, y]
        lower = (1 - u) * level[:, x, below] + u * level[:, right, below]
        return ((1 - v) * upper + v * lower).T

    result = check("top_down.read", answer)
    assert result.status == "wrong"
    assert "away from the last row and column" in result.message


def test_a_loop_over_points_is_right_and_told():
    def answer(level, points):
        found = []
        for x, y in points.tolist():
            left, top = int(x), int(y)
            right = min(left + 1, level.shape[2] - 1)
            below = min(top + 1, level.shape[1] - 1)
            u, v = x - left, y - top
            upper = (1 - u) * level[:, top, left] + u * level[:, top, right]
            lower = (1 - u) * level[:, below, left] + u * level[:, below, right]
            found.append((1 - v) * upper + v * lower)
        return torch.stack(found) if found else torch.zeros(0, len(level))

    result = check("top_down.read", answer)
    assert result
    assert "the task asks for none" in result.message


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
