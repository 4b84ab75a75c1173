"""The explorer pattern: one picture, redrawn in place, without a kernel."""

import asyncio
import base64
import io
import sys
import threading
import types

import numpy as np
import pytest
from PIL import Image

from poselab.course.run import forget_session
from poselab.errors import ArgumentError, PoselabError
from poselab.explore import stage
from poselab.explore.base import Explorer
from poselab.explore.controls import slider, trial_values
from poselab.explore.pictures import Chart, beside, png
from tests.support.demo import Dot


def test_a_control_changes_the_picture_and_the_live_caption():
    dot = Dot()
    before = dot.image_bytes
    dot.controls["x"].value = 80
    assert dot.image_bytes != before
    assert dot.live_caption == "A red dot of size 5.0 px at 80."
    assert "at 80" in dot._text.value


def test_set_moves_several_controls_draws_once_and_returns_the_explorer():
    dot = Dot()
    drawn = dot.drawings
    assert dot.set(x=10, size=3.5, colour="blue", box=True) is dot
    assert dot.drawings == drawn + 1
    assert dot.values == {
        "x": 10,
        "size": 3.5,
        "colour": "blue",
        "box": True,
        "fault": False,
    }


def test_first_values_can_be_given():
    assert Dot(x=7, colour="green").caption == "A green dot of size 5.0 px at 7."


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"y": 3}, "x, size, colour, box, fault"),
        ({"x": 101}, "a whole number from 0 to 100"),
        ({"x": 3.5}, "a whole number"),
        ({"x": True}, "a whole number"),
        ({"size": float("nan")}, "a number from 2 to 12"),
        ({"size": "5"}, "a number from 2 to 12"),
        ({"colour": "sky"}, "'red', 'green', 'blue'"),
        ({"box": 1}, "True or False"),
    ],
)
def test_a_wrong_value_is_named_and_moves_nothing(values, said):
    dot = Dot()
    before, drawn = dot.values, dot.drawings
    with pytest.raises(ArgumentError) as caught:
        dot.set(**{"x": 20, **values})
    assert said in str(caught.value)
    assert list(values)[0] in str(caught.value)
    assert len(str(caught.value)) < 600
    assert dot.values == before
    assert dot.drawings == drawn


def test_sweep_tries_ends_and_middle_and_comes_back():
    dot = Dot(x=30)
    assert dot.sweep() == {"x": 3, "size": 3, "colour": 3, "box": 2, "fault": 2}
    assert dot.values["x"] == 30


def test_trial_values_are_on_the_slider_s_steps():
    assert trial_values(slider("a", 0, 9, 0, 3)) == [0, 3, 9]
    assert trial_values(slider("b", -1.0, 1.0, 0.0, 0.1))[1] == pytest.approx(0)


def test_an_error_is_shown_to_the_learner_and_raised_by_set_sweep_and_bytes():
    dot = Dot(box=True)
    dot.controls["fault"].value = True  # as a click would: no exception in the kernel
    assert "ZeroDivisionError" in dot._alarm.value
    assert "&lt;b&gt;" in dot._alarm.value
    with pytest.raises(ZeroDivisionError):
        _ = dot.image_bytes
    dot.controls["fault"].value = False
    assert dot._alarm.value == ""
    assert dot.image_bytes
    with pytest.raises(ZeroDivisionError):
        dot.set(fault=True)
    dot.set(fault=False)
    with pytest.raises(ZeroDivisionError):
        dot.sweep()
    assert dot.values["fault"] is False


def test_an_error_in_the_first_drawing_reaches_the_caller():
    with pytest.raises(ZeroDivisionError):
        Dot(box=True, fault=True)


def test_events_that_queue_up_are_drawn_together():
    dot = Dot()

    async def drag():
        drawn = dot.drawings
        for x in range(60):  # a queue that is worked off without a pause
            dot.controls["x"].value = x
        await asyncio.sleep(0.1)
        return dot.drawings - drawn

    assert asyncio.run(drag()) <= 5
    assert dot.live_caption.endswith("at 59.")


def test_a_waiting_drawing_is_done_when_someone_asks_for_the_picture():
    dot = Dot()

    async def ask():
        for x in (1, 2, 99):
            dot.controls["x"].value = x
        return dot.live_caption

    assert asyncio.run(ask()).endswith("at 99.")


def test_two_threads_never_leave_a_stale_picture():
    dot = Dot()
    threads = [
        threading.Thread(target=lambda k=k: [dot.set(x=x) for x in range(k, 100, 4)])
        for k in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert dot.live_caption.endswith(f"at {dot.values['x']}.")


def displayed(explorer, monkeypatch):
    """What displaying the explorer hands to the notebook: (data, metadata) each."""
    display = pytest.importorskip("IPython.display")
    shown = []
    monkeypatch.setattr(
        display, "display", lambda data, raw, metadata: shown.append((data, metadata))
    )
    explorer._ipython_display_()
    return shown


def test_the_outputs_are_a_picture_and_its_caption_and_never_a_view(monkeypatch):
    dot = Dot(x=5)
    first = displayed(dot, monkeypatch)
    (picture, words), (line, _) = displayed(dot.set(x=90), monkeypatch)
    assert picture == first[0][0]  # the first state, whatever happened since
    assert picture["text/plain"] == dot.caption == "A red dot of size 5.0 px at 5."
    assert words["image/png"]["alt"] == dot.caption
    image = Image.open(io.BytesIO(base64.b64decode(picture["image/png"])))
    assert (image.format, image.size) == ("PNG", (120, 60))
    assert dot.caption in line["text/html"]
    assert stage.HINT in line["text/html"]
    for data in (picture, line):
        assert not [mime for mime in data if "widget" in mime]


def test_the_line_waits_for_the_stage_of_this_very_display(monkeypatch):
    dot = Dot()
    tokens = [displayed(dot, monkeypatch)[1][0]["text/html"] for _ in range(2)]
    assert tokens[0] != tokens[1]
    for line, live in zip(tokens, dot._stages, strict=True):
        assert live.child == dot.widget.model_id
        assert f'class="{live.token}"' in line
        assert forget_session(line) == forget_session(tokens[0])
        assert live.token not in forget_session(line)


@pytest.mark.parametrize("frame", ["colab", "vscode"])
def test_where_outputs_have_frames_of_their_own_the_widget_is_one(monkeypatch, frame):
    shell = types.SimpleNamespace(user_ns={"__vsc_ipynb_file__": "a.ipynb"})
    if frame == "colab":
        monkeypatch.setitem(sys.modules, "google.colab", types.ModuleType("colab"))
    else:
        monkeypatch.setattr(sys.modules["IPython"], "get_ipython", lambda: shell)
    dot = Dot()
    ((data, words),) = displayed(dot, monkeypatch)
    live = data["application/vnd.jupyter.widget-view+json"]
    assert live["model_id"] == dot.widget.model_id
    assert data["image/png"]
    assert words["image/png"]["alt"] == dot.caption


def test_reset_puts_every_control_back_and_draws_once():
    dot = Dot(x=30, colour="blue").set(x=70, size=9.0, box=True)
    drawn = dot.drawings
    dot._reset.click()
    assert dot.values["x"] == 30
    assert (dot.values["size"], dot.values["colour"]) == (5.0, "blue")
    assert dot.drawings == drawn + 1
    assert dot.reset() is dot


class Rooms(Explorer):
    """`guest` goes up to the number of guests in a room."""

    GUESTS = (3, 1, 7)

    def __init__(self, **values):
        controls = {
            "room": slider("room", 0, 2, 0),
            "guest": slider("guest", 0, 9, 0, help="who is looked at"),
        }
        bounds = {"guest": lambda room, **_: self.GUESTS[room] - 1}
        super().__init__(self.paint, controls, bounds=bounds, values=values)

    def paint(self, room, guest):
        assert guest < self.GUESTS[room]
        return Image.new("RGB", (8, 8), (20 * room, 20 * guest, 0)), f"{room}, {guest}."


def test_a_slider_is_bounded_by_what_the_picture_holds():
    rooms = Rooms()
    assert rooms.controls["guest"].max == 2
    rooms.set(room=2, guest=6)
    rooms.controls["room"].value = 1  # as a hand would
    assert rooms.values == {"room": 1, "guest": 0}
    assert rooms.controls["guest"].disabled  # there is nothing to choose
    assert rooms.controls["guest"].max > rooms.controls["guest"].min
    assert rooms.sweep()["guest"] == 1
    assert rooms.live_caption == "1, 0."
    assert not rooms.set(room=2).controls["guest"].disabled
    before = rooms.values
    with pytest.raises(ArgumentError, match="a whole number from 0 to 2"):
        rooms.set(room=0, guest=3)
    assert rooms.values == before
    assert Rooms(room=2, guest=5).values["guest"] == 5
    assert Rooms().sweep() == {"room": 3, "guest": 3}


def test_controls_say_what_they_do_and_no_label_is_cut():
    rooms = Rooms()
    tip = "tooltip" if rooms.controls["guest"].has_trait("tooltip") else None
    assert getattr(rooms.controls["guest"], tip or "description_tooltip") == (
        "who is looked at"
    )
    dot = Dot()
    for control in dot.controls.values():
        assert getattr(control, tip or "description_tooltip")
    assert dot.controls["box"].layout.width == "auto"
    long = slider("a label of twenty chr", 0, 5, 1)
    Explorer(lambda a: (Image.new("RGB", (4, 4)), "x"), {"a": long})
    assert float(long.style.description_width.removesuffix("em")) > 10


def test_digits_that_a_browser_adds_to_a_float_draw_nothing_again():
    dot = Dot(size=5.5)
    drawn = dot.drawings
    dot.controls["size"].value = 5.500000000000001
    assert dot.values["size"] == 5.5
    assert dot.drawings == drawn


def test_every_slider_tells_about_every_step_of_a_drag():
    dot = Dot()
    assert dot.controls["x"].continuous_update
    assert dot.controls["size"].continuous_update


def test_a_still_is_small_enough_for_a_notebook():
    big = Image.effect_noise((1500, 1000), 60).convert("RGB")
    assert len(png(big)) < 500_000
    assert Image.open(io.BytesIO(png(big))).width <= 720


def test_pictures_beside_each_other_keep_their_size():
    row = beside(Image.new("RGB", (10, 20)), Image.new("RGB", (30, 5)), gap=4)
    assert row.size == (44, 20)
    assert row.getpixel((12, 0)) == (255, 255, 255)


def test_a_chart_is_kept_and_follows_its_artists():
    chart = Chart(200, 120)
    (line,) = chart.axes.plot([0, 1], [0, 1])
    first = chart.image()
    line.set_ydata([1, 0])
    second = chart.image()
    assert first.size == second.size == (200, 120)
    assert first.tobytes() != second.tobytes()


def test_a_kept_chart_looks_as_if_all_of_it_were_drawn_anew():
    chart = Chart(200, 120)
    axes, first = chart.axes, chart.axes.bar([0, 1], [0.5, 0.2])[0]
    (line,) = axes.plot([0, 1], [0, 1], label="a line")
    axes.set(title="above", xlim=(-1, 2))
    axes.legend()
    changes = (
        (lambda: line.set_ydata([1, 0]), False),
        (lambda: axes.title.set_text("changed"), False),
        (lambda: first.set_height(0.9), True),  # the ticks lie over bars
        (lambda: axes.set_xlim(-2, 3), True),
    )
    for change, ticks in changes:
        chart.image()
        change()
        assert chart.figure.stale == ticks
        assert chart.image().tobytes() == _drawn_anew(chart).tobytes()


def _drawn_anew(chart: Chart) -> Image.Image:
    for artist in chart.axes.get_children():
        artist.set_animated(False)
    chart.figure.canvas.draw()
    return Image.fromarray(np.asarray(chart.figure.canvas.buffer_rgba())).convert("RGB")


def test_a_control_that_would_do_nothing_is_grey():
    controls = {"side": slider("side", 0, 9, 0), "x": slider("x", 0, 9, 5)}

    def draw(side, x):
        return Image.new("RGB", (10 + side, 10 + x)), "a square"

    square = Explorer(draw, controls, needs={"x": "side"})
    assert controls["x"].disabled
    square.set(side=3)
    assert not controls["x"].disabled
    controls["side"].value = 0
    assert controls["x"].disabled
    assert controls["x"].value == 5, "its place is kept"


def test_errors_are_poselab_errors():
    with pytest.raises(PoselabError):
        Dot().set(nothing=1)
