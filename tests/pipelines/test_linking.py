"""Linking people of two frames: the golden, costs, gates, bad input."""

import numpy as np
import pytest
import torch

from poselab.errors import ArgumentError
from poselab.pipelines.linking import (
    FAR,
    NEW,
    appearance_costs,
    assign,
    box_costs,
    joint_costs,
    pose_costs,
)
from tests.support import golden

LINKS = np.load(golden.FOLDER / "alg_detect_and_track_link.npz")
CASES = sorted({name.split("_")[0] for name in LINKS.files})


def xywh(name):
    corners = torch.from_numpy(LINKS[name])
    return torch.cat([corners[:, :2], corners[:, 2:] - corners[:, :2]], 1)


@pytest.mark.parametrize("case", CASES)
def test_costs_and_matches_are_those_of_the_released_program(case):
    costs = box_costs(xywh(f"{case}_prev"), xywh(f"{case}_cur"), pixels=True)
    np.testing.assert_allclose(costs, LINKS[f"{case}_cost"], atol=1e-12)
    for method in ("hungarian", "greedy"):
        assert assign(costs, method).tolist() == LINKS[f"{case}_{method}"].tolist()


def test_some_case_tells_hungarian_from_greedy():
    pairs = [(LINKS[f"{c}_hungarian"], LINKS[f"{c}_greedy"]) for c in CASES]
    assert any((a != b).any() for a, b in pairs)


def test_hungarian_never_costs_more():
    draws = torch.Generator().manual_seed(0)
    for rows, columns in ((1, 1), (3, 5), (6, 2), (8, 8)):
        costs = torch.rand(rows, columns, generator=draws)
        totals = []
        for method in ("hungarian", "greedy"):
            found = assign(costs, method)
            met = (found != NEW).nonzero()[:, 0]
            assert len(met) == min(rows, columns)
            totals.append(costs[found[met], met].sum())
        assert totals[0] <= totals[1] + 1e-6


def test_a_gate_keeps_those_apart_who_share_nothing():
    before, now = torch.tensor([[0.0, 0, 10, 10]]), torch.tensor([[90.0, 90, 10, 10]])
    costs = box_costs(before, now)
    assert costs.tolist() == [[1.0]]
    assert assign(costs).tolist() == [0]  # the released program has no gate
    assert assign(costs, gate=0.9).tolist() == [NEW]


def test_pose_costs_count_the_joints_that_both_have():
    before = torch.tensor([[[0.0, 0], [10, 0], [20, 0], [30, 0]]])
    now = before + torch.tensor([[[3.0, 0], [3, 0], [9, 0], [0, 0]]])
    lengths = torch.tensor([10.0])  # half of it: 5 px
    assert pose_costs(before, now, lengths).item() == pytest.approx(1 / 4)
    seen = torch.tensor([[True, True, True, False]])
    costs = pose_costs(before, now, lengths, known_now=seen)
    assert costs.item() == pytest.approx(1 / 3)
    nobody = pose_costs(before, now, lengths, known_before=~seen, known_now=seen)
    assert nobody.item() == 1


def test_joint_costs_are_mean_distances_in_heads_without_an_end():
    before = torch.tensor([[[0.0, 0], [10, 0]]])
    now = torch.stack([before[0] + 20, before[0] + 200])
    costs = joint_costs(before, now, torch.tensor([10.0]))
    torch.testing.assert_close(costs, torch.tensor([[2.0, 20.0]]) * 2**0.5)
    assert pose_costs(before, now, torch.tensor([10.0])).tolist() == [[1, 1]]
    one = torch.tensor([[True, False]])
    seen = torch.tensor([[True, True], [False, True]])
    costs = joint_costs(before, now, torch.tensor([10.0]), one, seen)
    torch.testing.assert_close(costs, torch.tensor([[2 * 2**0.5, FAR]]))


def test_appearance_costs():
    features = torch.eye(3)
    costs = appearance_costs(features, torch.cat([features, -features[:1]]))
    wanted = torch.tensor([[0, 0.5, 0.5, 1], [0.5, 0, 0.5, 0.5], [0.5, 0.5, 0, 0.5]])
    torch.testing.assert_close(costs, wanted)


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0)])
def test_frames_without_people(shape):
    assert assign(torch.zeros(shape)).tolist() == [NEW] * shape[1]
    boxes = [torch.zeros(n, 4) for n in shape]
    assert box_costs(*boxes).shape == shape


def test_bad_arguments():
    with pytest.raises(ArgumentError, match="unknown way to assign"):
        assign(torch.zeros(1, 1), "best")
    with pytest.raises(ArgumentError, match="NaN"):
        assign(torch.full((1, 1), torch.nan))
