"""The explorers in a real JupyterLab in a real Chromium: drag, key, see pixels change.

Screenshots go to the folder that pytest names (`--basetemp`). `make bench-explorers`
prints the latencies that are measured here.
"""

import ast
import json
import re

import pytest

from tests.browser import lab, latency

REASON = lab.missing()
pytestmark = [
    pytest.mark.skipif(bool(REASON), reason=str(REASON)),
    pytest.mark.timeout(600),
]

_ANNOTATOR = "from poselab.explore.welcome import Annotator\nnote = Annotator()\nnote"
_AT = len(latency.CELLS) - 2  # the annotator's cell: before READY and the last cell


@pytest.fixture(scope="module")
def shots(tmp_path_factory):
    return tmp_path_factory.mktemp("screenshots")


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lab")
    cells = [*latency.CELLS[:_AT], _ANNOTATOR, *latency.CELLS[_AT:]]
    (folder / "work").mkdir()
    (folder / "work" / "try.ipynb").write_text(json.dumps(lab.notebook(cells)))
    with lab.jupyterlab(folder) as address, lab.browser() as page:
        lab.open_and_run(page, address, "try.ipynb")
        yield page


def see(page, number, shots, name):
    """The cell, when its explorer is on the screen, and a screenshot of the window."""
    cell = lab.cell(page, number)
    cell.locator(".widget-hslider").first.wait_for()
    page.wait_for_timeout(300)
    page.screenshot(path=shots / f"{name}.png")
    return cell


def pixels(cell):
    """The address of the picture's bytes: a new one each time they change."""
    return cell.locator("img").last.get_attribute("src")


def python(page, source):
    return ast.literal_eval(lab.run_last_cell(page, f"print({source})"))


def test_no_cell_failed(page):
    cells = page.evaluate(
        "() => window.jupyterapp.shell.currentWidget.content.model.sharedModel"
        ".toJSON().cells.map((c) => c.outputs || [])"
    )
    wrong = [o["evalue"] for c in cells for o in c if o["output_type"] == "error"]
    assert wrong == []


@pytest.mark.parametrize("name", ["person maker", "cascade"])
def test_dragging_a_slider_changes_pixels_and_python(page, shots, name):
    number, label = latency.PLACES[name]
    cell = see(page, number, shots, name.replace(" ", "-"))
    before = pixels(cell)
    handle = latency.slider_handle(page, cell, label)
    explorer, control = {"person maker": ("maker", "yaw"), "cascade": ("stages", "dx")}[
        name
    ]
    value = python(page, f"{explorer}.controls['{control}'].value")
    lab.cell(page, number)
    handle.scroll_into_view_if_needed()
    page.wait_for_timeout(500)
    box = handle.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    for step in range(1, 13):
        page.mouse.move(x + 3 * step, y)
    page.mouse.up()
    page.wait_for_timeout(1000)
    assert pixels(cell) != before
    assert python(page, f"{explorer}.controls['{control}'].value") > value
    caption = python(page, f"[{explorer}.live_caption]")[0]
    assert caption in cell.text_content()


def test_dragging_a_joint_reaches_python(page, shots):
    cell = see(page, _AT, shots, "annotator")
    canvas = cell.locator("canvas")
    canvas.scroll_into_view_if_needed()
    frame = canvas.bounding_box()
    scale = frame["width"] / 512
    x, y = python(page, "note.points[1]")
    canvas.scroll_into_view_if_needed()
    frame = canvas.bounding_box()
    before = canvas.screenshot()

    def at(px, py):
        return frame["x"] + (px + 0.5) * scale, frame["y"] + (py + 0.5) * scale

    page.mouse.move(*at(x, y))
    page.mouse.down()
    page.mouse.move(*at(x + 20, y - 10), steps=5)
    assert canvas.screenshot() != before  # drawn before Python has a say
    page.mouse.up()
    page.wait_for_timeout(500)
    page.screenshot(path=shots / "annotator-dragged.png")
    new = python(page, "note.points[1]")
    assert new == pytest.approx([x + 20, y - 10], abs=1.5)
    assert python(page, "note.record()['keypoints'][3:5]") == new
    assert f"({new[0]:.0f}, {new[1]:.0f})" in cell.text_content()


def test_keys_move_hide_and_leave(page, shots):
    cell = lab.cell(page, _AT)
    canvas = cell.locator("canvas")
    canvas.focus()
    page.wait_for_timeout(200)
    selected = python(page, "note.canvas.selected")
    x, y = python(page, f"note.points[{selected}]")
    canvas.focus()
    for key in ("ArrowRight", "ArrowRight", "Shift+ArrowDown", "v"):
        page.keyboard.press(key)
    page.wait_for_timeout(500)
    assert python(page, f"note.points[{selected}]") == pytest.approx([x + 2, y + 10])
    assert python(page, f"note.visibility[{selected}]") == 1
    canvas.focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Delete")
    page.wait_for_timeout(500)
    assert python(page, "note.canvas.selected") == selected + 1
    assert python(page, f"note.visibility[{selected + 1}]") == 0
    canvas.focus()
    for _ in range(20):  # Tab must not be a trap
        page.keyboard.press("Tab")
    assert not canvas.evaluate("(c) => c === document.activeElement")
    page.wait_for_timeout(500)
    page.screenshot(path=shots / "annotator-keys.png")
    assert python(page, "note.canvas.selected") == 16


def test_a_slider_moves_the_joint_on_the_canvas(page):
    cell = lab.cell(page, _AT)
    canvas = cell.locator("canvas")
    before = canvas.screenshot()
    lab.run_last_cell(page, "note.set(joint='nose', x=200); print(1)")
    page.wait_for_timeout(500)
    assert canvas.screenshot() != before
    assert re.search(r"nose \(200, \d+\)", cell.text_content())


def test_every_move_of_a_drag_gives_new_pixels(page, capsys):
    """`drag` waits for them after each move; the milliseconds are printed, not judged.

    `make bench-explorers` measures them on a quiet machine.
    """
    measured = latency.measure(page, moves=12)
    with capsys.disabled():
        print("\n" + latency.table(measured))
    assert set(measured) == set(latency.PLACES)
