"""Answers to notebook 16's exercises as learners write them."""

import math

import numpy as np
import pytest
import torch

from poselab import metrics
from poselab.checks import check
from poselab.checks.metrics import SIGMAS, _ring_cases, ring
from poselab.checks.metrics_time import _mota_cases, mota
from tests.support.samples import found_frames, true_frames


def test_rings_by_loops():
    def answer(area, sigmas, part):
        rows = torch.zeros(len(area), len(sigmas))
        for n, a in enumerate(area.tolist()):
            for j, sigma in enumerate(sigmas.tolist()):
                rows[n, j] = math.sqrt(-2 * a * (2 * sigma) ** 2 * math.log(part))
        return rows

    assert check("metrics.ring", answer)


def test_rings_with_numpy():
    def answer(area, sigmas, part):
        variance = np.outer(area.numpy(), (2 * sigmas.numpy()) ** 2)
        return np.sqrt(2 * variance * np.log(1 / part)).astype(np.float32)

    assert check("metrics.ring", answer)


@pytest.mark.parametrize(
    ("answer", "diagnosis"),
    [
        (
            lambda area, sigmas, part: (
                -8 * area[:, None] * sigmas**2 * math.log(part)
            ).abs(),
            "root_forgotten",
        ),
        (
            lambda area, sigmas, part: (
                -2 * torch.outer(area, sigmas**2) * math.log(part)
            ).sqrt(),
            "sigma_for_k",
        ),
        (
            lambda area, sigmas, part: (
                -8 * torch.outer(area**2, sigmas**2) * math.log(part)
            ).sqrt(),
            "area_for_side",
        ),
        (
            lambda area, sigmas, part: (
                8 * torch.outer(area, sigmas**2) * math.log(part)
            ).sqrt(),
            "sign_forgotten",
        ),
        (
            lambda area, sigmas, part: (
                -8 * torch.outer(area, sigmas**2) * math.log10(part)
            ).sqrt(),
            "base_ten",
        ),
        (
            lambda area, sigmas, part: (
                -8 * torch.outer(sigmas**2, area) * math.log(part)
            ).sqrt(),
            "joints_in_rows",
        ),
    ],
)
def test_rings_of_people_who_did_not_see_the_bank(answer, diagnosis):
    assert check("metrics.ring", answer).diagnosis == diagnosis


def test_the_ring_is_the_packages():
    for case in _ring_cases():
        area, sigmas, part = case.arguments()
        if len(sigmas) == len(SIGMAS):
            theirs = metrics.oks_radius(area, part)
            assert torch.allclose(ring.solution(area, sigmas, part), theirs)


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
