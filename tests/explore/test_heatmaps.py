"""HeatmapLab: what it shows is what the codecs do."""

import pytest

from poselab.errors import ArgumentError
from poselab.explore import heatmaps
from poselab.explore.heatmaps import HeatmapLab


@pytest.fixture(scope="module")
def lab():
    return HeatmapLab()


def error(lab, **values):
    alone = {"second": False, "x": 20.6}
    return lab.reading(**alone, **values).error


def test_every_control_changes_the_picture(lab):
    lab.set(noise=0.1)  # without it there is nothing to draw
    seen = lab.sweep()
    lab.set(noise=0.0)
    assert all(count > 1 for count in seen.values()), seen


def test_the_ladder_of_decoders(lab):
    ladder = [error(lab, decoder=d) for d in ("argmax", "quarter", "dark")]
    assert ladder[0] > ladder[1] > ladder[2]
    assert ladder[2] < 0.01
    off = error(lab, decoder="quarter_reference") - ladder[1]
    assert off > 1, "the missing (s - 1) / 2 shows"


def test_on_rounded_centres_no_decoder_helps(lab):
    ladder = [error(lab, decoder=d, quantise=True) for d in ("argmax", "dark")]
    assert ladder[0] == pytest.approx(ladder[1], abs=0.02)
    assert ladder[0] > 0.5


def test_max_keeps_two_peaks_where_sum_has_one(lab):
    two = {"second": True, "distance": 14.0, "x": 21.0}
    assert lab.reading(**two, merge="max").peaks == 2
    summed = lab.reading(**two, merge="sum")
    assert summed.peaks == 1
    assert summed.error > 4


def test_soft_argmax_answers_between_two_people(lab):
    found = lab.reading(decoder="soft_argmax", x=15.5, distance=32.0, second=True)
    assert found.answer[0] == pytest.approx(31.5, abs=0.5)


def test_caption_has_the_numbers(lab):
    seen = lab.reading(stride=8)
    lab.set(stride=8)
    assert f"the nearest joint is {seen.error:.2f} px away" in lab.live_caption
    assert "8x8 cells of 8 px" in lab.live_caption
    lab.set(stride=4)


def test_first_values_and_wrong_ones():
    assert HeatmapLab(stride=2, noise=0.2).values["stride"] == 2
    with pytest.raises(ArgumentError, match="stride"):
        HeatmapLab(stride=3)


def test_all_decoders_are_drawn_and_the_legend_has_their_errors(lab, monkeypatch):
    """The large cross is one of them; the words are those of the readings."""
    words = {}
    monkeypatch.setattr(
        heatmaps, "legend", lambda picture, entries, _: words.update(entries) or picture
    )
    lab.set(second=False, x=20.6, decoder="dark")
    keys = [key for _, key in heatmaps.DECODERS]
    off = [f"{error(lab, decoder=key):.2f}" for key in keys]
    assert [text.rsplit(" ", 1)[-1] for text in list(words)[1:]] == off
    assert len({ink for ink, _ in words.values()}) == len(keys) + 1
    lab.set(second=True)


def test_a_joint_moves_down_and_up_and_noise_is_drawn_again(lab):
    seen = lab.reading(second=False, x=21.3, y=12.3)
    assert seen.truth.tolist() == [[pytest.approx(21.3), pytest.approx(12.3)]]
    assert lab.reading(second=False, x=21.3, y=12.3, decoder="dark").error < 0.01
    noisy = [lab.reading(noise=0.1, draw=n).map for n in (1, 2, 1)]
    assert noisy[0].equal(noisy[2])
    assert not noisy[0].equal(noisy[1])
