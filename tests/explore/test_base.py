"""The explorer pattern: one picture, redrawn in place, without a kernel."""

import asyncio
import base64
import io
import threading

import pytest
from PIL import Image

from poselab.errors import ArgumentError, PoselabError
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


def test_mime_bundle_is_live_and_has_the_first_state_as_picture_and_text():
    dot = Dot(x=5)
    first = dot._repr_mimebundle_()
    data, metadata = dot.set(x=90)._repr_mimebundle_()
    live = data["application/vnd.jupyter.widget-view+json"]
    assert live["model_id"] == dot.widget.model_id
    assert data["text/plain"] == dot.caption == "A red dot of size 5.0 px at 5."
    assert metadata["image/png"]["alt"] == dot.caption
    assert data["image/png"] == first[0]["image/png"]
    picture = Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
    assert (picture.format, picture.size) == ("PNG", (120, 60))


def test_ipython_shows_the_bundle():
    core = pytest.importorskip("IPython.core.formatters")
    data, metadata = core.DisplayFormatter().format(Dot())
    assert {"text/plain", "image/png"} < set(data)
    assert "application/vnd.jupyter.widget-view+json" in data
    assert metadata["image/png"]["alt"].startswith("A red dot")


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


def test_errors_are_poselab_errors():
    with pytest.raises(PoselabError):
        Dot().set(nothing=1)
