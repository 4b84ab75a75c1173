"""The README's picture shows the explorer as it is."""

import math

import pytest
from PIL import Image, ImageColor, ImageSequence

from poselab.course.__main__ import PICTURE
from poselab.course.files import find_root
from poselab.course.picture import PANEL, VIEWS, draw_frame, make_palette
from poselab.draw.styles import LEFT, RIGHT
from poselab.explore.welcome import PersonMaker


@pytest.fixture(scope="module")
def maker():
    return PersonMaker(activity="walking", seed=7)


def panels(frame):
    return [
        frame.crop((column * PANEL[0], 0, (column + 1) * PANEL[0], PANEL[1])).tobytes()
        for column in range(len(VIEWS))
    ]


def test_the_views_differ_and_follow_the_turn(maker):
    front, side = panels(draw_frame(maker, 0.0)), panels(draw_frame(maker, 0.25))
    assert len({*front, *side}) == 2 * len(VIEWS)


def test_a_frame_draws_the_same_twice(maker):
    assert draw_frame(maker, 0.4).tobytes() == draw_frame(maker, 0.4).tobytes()


def test_the_sides_keep_their_colours_in_few_colours(maker):
    palette = make_palette([draw_frame(maker, 0.1)]).getpalette()
    colours = list(zip(*(palette[channel::3] for channel in range(3)), strict=True))
    for side in (LEFT, RIGHT):
        wanted = ImageColor.getrgb(side)
        assert min(math.dist(colour, wanted) for colour in colours) <= 20, side


def test_the_saved_picture_is_a_light_animation():
    path = find_root() / PICTURE
    assert path.stat().st_size < 1.5e6
    with Image.open(path) as picture:
        shades = {
            frame.convert("RGB").tobytes() for frame in ImageSequence.Iterator(picture)
        }
        assert picture.info["loop"] == 0
    assert len(shades) > 20
