"""Answers to notebook 16's exercises as learners write them."""

import numpy as np
import torch

from poselab import metrics
from poselab.checks import check
from poselab.checks.metrics import _oks_cases, _pck_cases, _pckh_cases, oks, pck, pckh
from poselab.checks.metrics_space_time import _mota_cases, _mpjpe_cases, mota, mpjpe
from tests.support.samples import found_frames, true_frames


def test_pck_by_a_loop_over_people():
    def answer(pred, truth, visibility, boxes, alpha):
        right = total = 0
        for p, t, v, box in zip(pred, truth, visibility, boxes, strict=True):
            for j in range(len(p)):
                if v[j] > 0:
                    total += 1
                    right += torch.dist(p[j], t[j]) <= alpha * max(box[2], box[3])
        return right / total

    assert check("metrics.pck", answer)


def test_pck_of_visible_joints_is_told():
    def answer(pred, truth, visibility, boxes, alpha):
        near = (
            torch.linalg.norm(pred - truth, dim=2)
            <= alpha * boxes[:, 2:].max(dim=1, keepdim=True).values
        )
        return near[visibility == 2].float().mean()

    assert check("metrics.pck", answer).diagnosis == "visible_only"


def test_pckh_with_the_mask_set_in_place_on_the_argument_is_told():
    def answer(pred, truth, visibility, boxes, heads):
        visibility[:, 6:8] = 0
        near = (pred - truth).norm(dim=2) <= 0.3 * heads[:, 2:].norm(dim=1)[:, None]
        return near[visibility > 0].float().mean()

    assert check("metrics.pckh", answer).diagnosis == "mutates"


def test_oks_with_numpy():
    def answer(pred, truth, visibility, area, sigmas):
        d2 = ((pred - truth).numpy() ** 2).sum(1)
        e = d2 / (2 * sigmas.numpy()) ** 2 / area.item() / 2
        return np.exp(-e)[visibility.numpy() > 0].sum() / (visibility > 0).sum().item()

    assert check("metrics.oks", answer)


def test_oks_with_s_for_its_square_in_other_words_is_told():
    def answer(pred, truth, visibility, area, sigmas):
        s, k = area.sqrt(), 2 * sigmas
        each = torch.exp(-(pred - truth).pow(2).sum(1) / (2 * s * k.pow(2)))
        return each[visibility > 0].mean()

    assert check("metrics.oks", answer).diagnosis == "scale_for_area"


def test_average_precision_by_a_loop():
    def answer(scores, correct, image, people):
        rows = sorted(zip(scores.tolist(), correct.tolist(), strict=True), reverse=True)
        points, found = [], 0
        for n, (_, right) in enumerate(rows, 1):
            found += right
            points.append((found / people, found / n))
        best = [
            max((p for r, p in points if r >= step - 1e-12), default=0.0)
            for step in np.linspace(0, 1, 101)
        ]
        return float(np.mean(best))

    assert check("metrics.average_precision", answer)


def test_a_results_file_by_a_loop():
    def answer(keypoints, scores, present, image_ids):
        ids, rows, means = [], [], []
        for i, name in enumerate(image_ids.tolist()):
            for p in range(keypoints.shape[1]):
                if present[i, p]:
                    ids.append(name)
                    row = torch.column_stack([keypoints[i, p], scores[i, p]])
                    rows.append(row.reshape(-1))
                    means.append(scores[i, p].mean())
        return torch.tensor(ids), torch.stack(rows), torch.stack(means)

    assert check("metrics.results", answer)


def test_mpjpe_by_the_pythagorean_theorem():
    def answer(pred, truth, root):
        d = (pred - pred[:, root : root + 1]) - (truth - truth[:, root : root + 1])
        return torch.sqrt(d[..., 0] ** 2 + d[..., 1] ** 2 + d[..., 2] ** 2).mean()

    assert check("metrics.mpjpe", answer)


def test_mota_by_a_loop_over_frames():
    def answer(tracks, alarms):
        last, errors, people = {}, int(alarms.sum()), 0
        for frame in tracks.tolist():
            for person, track in enumerate(frame):
                people += track >= 0
                errors += track == 0
                if track > 0:
                    errors += last.get(person, track) != track
                    last[person] = track
        return 1 - errors / people

    assert check("metrics.mota", answer)


def test_the_solutions_are_the_packages_metrics():
    for case in _pck_cases():
        pred, truth, flags, boxes, alpha = case.arguments()
        value = metrics.pck(pred, truth, flags, "box", [alpha], boxes=boxes)[0]
        assert float(pck.solution(*case.arguments())) == float(value)
    for case in _pckh_cases():
        pred, truth, flags, _, heads = case.arguments()
        table = metrics.pckh_mpii(pred, truth, flags, heads)
        assert abs(float(pckh.solution(*case.arguments())) - table["Mean"]) < 1e-6
    for case in _oks_cases():
        pred, truth, flags, area, _ = case.arguments()
        each = metrics.oks_per_joint(pred, truth, flags, area)
        assert abs(float(oks.solution(*case.arguments()) - each.nanmean())) < 1e-6
    for case in _mpjpe_cases():
        pred, truth, root = case.arguments()
        value = metrics.mpjpe(pred, truth, root=root)
        assert abs(float(mpjpe.solution(pred, truth, root) - value)) < 1e-3


def test_motas_solution_is_the_packages_on_one_joint_each():
    for case in _mota_cases():
        tracks, alarms = case.arguments()
        frames, people = tracks.shape
        place = 100.0 * torch.arange(people)[None, :, None, None]
        place = place.expand(frames, people, 1, 2)
        ids = torch.where(tracks >= 0, torch.arange(people), -1)
        truth = true_frames(place, torch.ones(frames, people, 1), ids)
        slots = int(alarms.max()) if len(alarms) else 0
        false = torch.arange(slots).expand(frames, slots)  # far from everybody
        points = torch.cat(
            [place, -100.0 * (1 + false)[..., None, None].expand(frames, slots, 1, 2)],
            1,
        )
        false = torch.where(false < alarms[:, None], 900 + false, -1)
        names = torch.cat([torch.where(tracks > 0, tracks, -1), false], 1)
        found = found_frames(points, torch.ones(*names.shape, 1), names)
        heads = torch.ones(frames, people)
        scores = metrics.track_scores(truth, found, heads, drop_last_frame=False)
        assert abs(float(mota.solution(tracks, alarms)) - scores.total["mota"]) < 1e-6
