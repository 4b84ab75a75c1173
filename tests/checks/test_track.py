"""Answers to notebook 13's exercises as learners write them."""

import torch

from poselab.boxes import iou_xyxy
from poselab.checks import check
from poselab.geometry import xywh_to_xyxy
from poselab.pipelines.linking import assign, pose_costs


def test_tubes_frame_by_frame():
    def answer(tubes, others):
        frames = tubes.shape[1]
        total = torch.zeros(len(tubes), len(others))
        for t in range(frames):
            for i, a in enumerate(tubes[:, t]):
                for j, b in enumerate(others[:, t]):
                    w = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
                    h = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
                    shared = max(w, 0) * max(h, 0)
                    union = a[2] * a[3] + b[2] * b[3] - shared
                    total[i, j] += shared / union if union > 0 else 0
        return total / frames

    assert check("track.tube_overlap", answer)


def test_tubes_by_the_package_s_boxes():
    def answer(tubes, others):
        pairs = zip(tubes.unbind(1), others.unbind(1), strict=True)
        each = [iou_xyxy(xywh_to_xyxy(a), xywh_to_xyxy(b)) for a, b in pairs]
        return torch.stack(each).nan_to_num(0).mean(0)

    assert check("track.tube_overlap", answer)


def test_tubes_without_a_word_about_nobody():
    def answer(tubes, others):
        a, b = tubes[:, None], others[None]
        low = torch.maximum(a[..., :2], b[..., :2])
        high = torch.minimum(a[..., :2] + a[..., 2:], b[..., :2] + b[..., 2:])
        shared = (high - low).clamp(min=0).prod(-1)
        return (shared / (a[..., 2:].prod(-1) + b[..., 2:].prod(-1) - shared)).mean(-1)

    result = check("track.tube_overlap", answer)
    assert not result
    assert "nan" in str(result)


def test_the_package_s_pose_cost():
    def answer(before, now, heads, seen_before, seen_now):
        return pose_costs(before, now, heads, seen_before, seen_now)

    def loops(before, now, heads, seen_before, seen_now):
        costs = torch.ones(len(before), len(now))
        for a in range(len(before)):
            for b in range(len(now)):
                both = seen_before[a] & seen_now[b]
                if both.any():
                    far = (before[a] - now[b]).norm(dim=-1)[both] > heads[a] / 2
                    costs[a, b] = far.float().mean()
        return costs

    assert check("track.pose_cost", answer)
    assert check("track.pose_cost", loops)


def test_identities_by_the_package():
    def answer(costs, there, gate):
        ids, count = torch.full(there.shape, -1), 0
        for t in range(len(there)):
            now = there[t].nonzero()[:, 0]
            names = torch.full((len(now),), -1)
            if t:
                before = there[t - 1].nonzero()[:, 0]
                match = assign(costs[t - 1][before][:, now], "greedy", gate)
                old = match >= 0
                names[old] = ids[t - 1][before][match[old]]
            new = names < 0
            names[new] = torch.arange(count, count + int(new.sum()))
            count += int(new.sum())
            ids[t, now] = names
        return ids

    assert check("track.identities", answer)
    assert not check("track.identities", lambda *given: answer(*given).float())


def test_joints_by_interpolation():
    import numpy as np

    def answer(points, seen):
        out, frames = points.clone(), np.arange(len(points))
        for j in range(points.shape[1]):
            known = seen[:, j].numpy()
            if known.any():
                for axis in (0, 1):
                    values = points[:, j, axis].numpy()
                    filled = np.interp(frames, frames[known], values[known])
                    out[:, j, axis] = torch.from_numpy(filled)
        return out

    def crashes_on_the_unseen(points, seen):
        out = points.clone()
        for j in range(points.shape[1]):
            known = seen[:, j].nonzero()[:, 0]
            out[: known[0], j] = points[known[0], j]
        return out

    assert check("track.fill", answer)
    assert "stopped" in str(check("track.fill", crashes_on_the_unseen))
