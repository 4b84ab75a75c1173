"""What is laid over a picture: it lies where the numbers say."""

import numpy as np
import pytest
import torch
from PIL import Image

from poselab.draw import overlay

BLANK = Image.new("RGB", (80, 60), "white")


def _ink(picture, colour):
    """The middle (x, y) of the pixels of one colour."""
    rgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)])
    rows, columns = np.nonzero((np.asarray(picture) == rgb).all(-1))
    return columns.mean(), rows.mean()


@pytest.mark.parametrize("paint", [overlay.ringed, overlay.crossed])
@pytest.mark.parametrize("scale", [1, 2, 2.5])
def test_a_mark_lies_around_its_point_and_the_picture_stays(paint, scale):
    point = torch.tensor([14.0, 10.0])
    marked = paint(BLANK, point, scale, "#009E73")
    wanted = (point + 0.5) * scale - 0.5
    assert _ink(marked, "#009E73") == pytest.approx(wanted.tolist(), abs=0.6)
    assert BLANK.getcolors() == [(80 * 60, (255, 255, 255))]


def test_the_highest_cell_of_a_map_has_its_colour_and_the_rest_is_grey():
    heat = torch.zeros(6, 8)
    heat[2, 5] = 0.3
    seen = np.asarray(overlay.heated(torch.full((3, 24, 32), 0.5), heat, 2), int)
    orange = np.ptp(seen, axis=-1)  # grey has none
    assert np.unravel_index(orange.argmax(), orange.shape)[0] // 8 == 2
    assert np.unravel_index(orange.argmax(), orange.shape)[1] // 8 == 5
    assert (orange[:, :24] == 0).all()


def test_cells_of_a_coloured_map_are_seen():
    picture = np.asarray(overlay.viridis(torch.tensor([[0.0, 1.0]]), (8, 4)))
    assert (picture[:, :4] == picture[0, 0]).all()
    assert (picture[:, 4:] == picture[0, -1]).all()
    assert picture[0, 0].tolist() == [68, 1, 84]  # the dark end of viridis


def test_a_title_that_is_too_long_is_set_smaller_not_cut():
    wide = Image.new("RGB", (600, 10), "white")
    text = "the joint's own map, before anything else"
    for picture in (wide, wide.resize((280, 10))):
        page = overlay.titled(picture, text, 15)
        assert page.size == (picture.width, 34)
        columns = np.nonzero((np.asarray(page.convert("L")) < 128).any(0))[0]
        assert columns.max() < picture.width - 2


def test_letters_grow_with_the_picture_that_a_page_makes_smaller():
    small, large = (Image.new("RGB", (n, 10), "white") for n in (200, 900))
    assert overlay.titled(large, "a").height > overlay.titled(small, "a").height
    assert overlay.readable(200) == 15
    assert overlay.readable(900) * 450 / 900 > 10  # px on a laptop
    two = overlay.titled(small, "one\ntwo", 15)
    assert two.height == overlay.titled(small, "one", 15).height + 18


def test_a_legend_names_every_mark_on_as_many_lines_as_it_needs():
    entries = {
        "truth": ("#009E73", "ring"),
        "answer": ("#CC79A7", "cross"),
        "box": ("#F0E442", "box"),
        "row": ("#0072B2", "line"),
        "left": "#E69F00",
    }
    wide = overlay.legend(Image.new("RGB", (600, 40)), entries)
    narrow = overlay.legend(Image.new("RGB", (150, 40)), entries)
    assert wide.width == 600
    assert narrow.height > wide.height > 40
    for picture in (wide, narrow):
        strip = picture.crop((0, 40, *picture.size))
        for mark in entries.values():
            _ink(strip, mark if isinstance(mark, str) else mark[0])  # nan warns
        colours = {c for _, c in strip.getcolors(100_000)}
        inks = [m if isinstance(m, str) else m[0] for m in entries.values()]
        assert {tuple(bytes.fromhex(ink[1:])) for ink in inks} <= colours


@pytest.mark.parametrize("paint", [overlay.ringed, overlay.crossed])
def test_many_marks_at_once_are_the_same_as_one_after_another(paint):
    points = torch.tensor([[14.0, 10.0], [17.5, 12.0], [60.0, 58.0]])
    marked = BLANK
    for point in points:
        marked = paint(marked, point, 1, "#009E73")
    assert paint(BLANK, points, 1, "#009E73").tobytes() == marked.tobytes()
    assert paint(BLANK, points[:0], 1, "#009E73").tobytes() == BLANK.tobytes()
