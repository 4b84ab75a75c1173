"""Filters: what they let through, what they take away, and how late they are."""

import math

import pytest
import torch

from poselab.errors import ArgumentError, ShapeError
from poselab.pipelines.smoothing import lag_of, low_pass, one_euro, smoothing_factor


def test_the_factor_is_that_of_the_paper():
    # alpha = 1 / (1 + tau / T), tau = 1 / (2 pi cutoff), T = 1 / fps
    for cutoff, fps in ((0.8, 30.0), (1.7, 60.0), (20.0, 25.0)):
        tau, period = 1 / (2 * math.pi * cutoff), 1 / fps
        assert smoothing_factor(cutoff, fps) == pytest.approx(1 / (1 + tau / period))


def test_frame_by_frame_as_the_algorithm_is_told():
    track = torch.randn(20, 3, 2, generator=torch.Generator().manual_seed(0))
    track = track.double()
    found = one_euro(track, 30.0, 0.8, 0.4, 1.0)
    for j in range(3):
        for k in range(2):
            smooth, speed, before = track[0, j, k].item(), 0.0, track[0, j, k].item()
            for t in range(1, 20):
                now = track[t, j, k].item()
                a = smoothing_factor(1.0, 30.0)
                speed = a * (now - before) * 30 + (1 - a) * speed
                b = smoothing_factor(0.8 + 0.4 * abs(speed), 30.0)
                smooth, before = b * now + (1 - b) * smooth, now
                assert found[t, j, k].item() == pytest.approx(smooth, abs=1e-12)


def test_what_stands_still_stays_and_the_future_does_not_count():
    still = torch.full((10, 4), 7.0)
    assert torch.equal(one_euro(still, 30.0, 0.5, 0.1), still)
    track = torch.arange(12.0)[:, None]
    other = track.clone()
    other[8:] += 100
    assert torch.equal(
        one_euro(track, 30.0, 1.0, 0.2)[:8], one_euro(other, 30.0, 1.0, 0.2)[:8]
    )
    assert len(one_euro(track[:0], 30.0, 1.0, 0.2)) == 0


def test_beta_has_a_unit():
    metres = torch.linspace(0, 2, 40)[:, None].double()
    same = one_euro(1000 * metres, 30.0, 0.8, 0.0004) / 1000
    torch.testing.assert_close(one_euro(metres, 30.0, 0.8, 0.4), same)


def test_without_beta_it_is_a_plain_low_pass_and_with_it_less_late():
    ramp = torch.linspace(0, 3000, 60)[:, None]
    plain, fast = low_pass(ramp, 30.0, 1.0), one_euro(ramp, 30.0, 1.0, 0.004)
    assert torch.equal(plain, one_euro(ramp, 30.0, 1.0, 0.0))
    assert (ramp - plain)[-1] > 2 * (ramp - fast)[-1]


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"fps": 0.0}, "fps"),
        ({"min_cutoff": 0.0}, "min_cutoff"),
        ({"beta": -1.0}, "beta"),
        ({"track": torch.tensor([0.0, torch.nan])}, r"track\[1\]"),
    ],
)
def test_bad_input(values, field):
    good = {"track": torch.zeros(3), "fps": 30.0, "min_cutoff": 1.0, "beta": 0.1}
    with pytest.raises(ArgumentError, match=field):
        one_euro(**{**good, **values})


def test_the_lag_is_found():
    time = torch.arange(60) / 30
    wave = torch.stack([time.sin(), (3 * time).cos()], 1)
    late = torch.cat([wave[:1].expand(3, -1), wave[:-3]])
    assert lag_of(wave, late, 30.0) == pytest.approx(100.0)
    assert lag_of(wave, wave, 30.0) == 0
    with pytest.raises(ShapeError, match="track"):
        lag_of(wave, late[:5], 30.0)
