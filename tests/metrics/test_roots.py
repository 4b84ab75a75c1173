"""MRPE and AP of roots: worked by hand, and what a ranking may not change."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from poselab.errors import PoselabError
from poselab.metrics import mrpe, mrpe_axes, root_ap

A = torch.tensor([[0.0, 0, 4000], [300, 0, 4000]])  # two people side by side
B = torch.tensor([[0.0, 0, 6000]])
NOBODY = torch.zeros(0, 3)


def test_mrpe():
    truth = torch.tensor([[0.0, 0, 3000], [10, 0, 4000], [0, 0, 0]])
    pred = truth + torch.tensor([[3.0, 0, 4], [0, 0, -8], [1e9, 0, 0]])
    seen = torch.tensor([2, 1, 0])
    assert mrpe(pred, truth, seen).item() == pytest.approx(6.5)
    assert mrpe_axes(pred, truth, seen).tolist() == pytest.approx([1.5, 0, 6])
    assert mrpe(pred, truth, seen * 0).isnan()


def test_ap_by_hand():
    """Ranked: right, wrong, right, never the third: (1 + 2/3 + 0) / 3."""
    found = [torch.tensor([[0.0, 0, 4100], [0, 0, 9000]]), B + 50]
    scores = [torch.tensor([0.9, 0.8]), torch.tensor([0.7])]
    assert root_ap([A, B], found, scores) == pytest.approx((1 + 2 / 3) / 3)
    # The released program's area begins at the second answer.
    ap = root_ap([A, B], found, scores, released=True)
    assert ap == pytest.approx(2 / 3 / 3)


def test_an_answer_takes_the_nearest_root_that_is_free():
    found, scores = [torch.tensor([[10.0, 0, 4000], [20, 0, 4000]])], [[0.9, 0.8]]
    wide = root_ap([A], found, scores, threshold=300)
    assert wide == pytest.approx(1.0)  # the second answer takes the neighbour
    theirs = root_ap([A], found, scores, threshold=300, released=True)
    assert theirs == 0.0  # it looks at the nearest alone, which is taken


def test_the_threshold_itself_counts():
    at = [B + torch.tensor([250.0, 0, 0])]
    assert root_ap([B], at, [[0.5]]) == 1.0
    assert root_ap([B, B], at * 2, [[0.5], [0.4]], released=True) == 0.0
    assert root_ap([B], at, [[0.5]], threshold=249.0) == 0.0


@given(st.integers(0, 1000))
def test_only_the_order_of_scores_counts(seed):
    g = torch.Generator().manual_seed(seed)
    truth = [2000 * torch.rand(n, 3, generator=g) for n in (3, 0, 5)]
    found = [2000 * torch.rand(n, 3, generator=g) for n in (4, 2, 5)]
    scores = [torch.rand(len(x), generator=g) for x in found]
    ap = root_ap(truth, found, scores, threshold=400.0)
    assert 0 <= ap <= 1
    assert root_ap(truth, found, [s.exp() for s in scores], threshold=400.0) == ap
    perfect = root_ap(truth, truth, [torch.ones(len(x)) for x in truth])
    assert perfect == 1.0


def test_nobody_and_false_alarms():
    assert math.isnan(root_ap([NOBODY], [B], [[0.5]]))
    assert root_ap([B], [NOBODY], [torch.zeros(0)]) == 0.0
    # A sure answer where nobody is costs; the released program leaves it out.
    pair = [B, NOBODY], [B, B], [[0.5], [0.9]]
    assert root_ap(*pair) == 0.5
    twice = [B, B, NOBODY], [B, B, B], [[0.5], [0.4], [0.9]]
    assert root_ap(*twice, released=True) == 0.5
    assert root_ap(*twice) == pytest.approx((1 / 2 + 2 / 3) / 2)


def test_bad_input_is_named():
    cases = [
        (r"2 pictures", ([A, B], [A], [[1.0, 1]])),
        (r"found\[0\]", ([A], [A[:, :2]], [[1.0, 1]])),
        (r"scores\[0\]", ([A], [A], [[1.0]])),
        (r"no finite", ([A], [A + math.nan], [[1.0, 1]])),
    ]
    for message, arguments in cases:
        with pytest.raises(PoselabError, match=message):
            root_ap(*arguments)
    with pytest.raises(PoselabError, match="threshold"):
        root_ap([A], [A], [[1.0, 1]], threshold=-1.0)
