"""A notebook that was used: run, save, shut down, open again, in a real browser.

What is looked for is what a learner would see: the pictures, the words that say how to
get the sliders back, and no error.
"""

import json

import pytest

from poselab.explore.stage import HINT
from tests.browser import lab

REASON = lab.missing()
pytestmark = [
    pytest.mark.skipif(bool(REASON), reason=str(REASON)),
    pytest.mark.timeout(600),
]

_CELLS = [
    "from tests.support.demo import Dot\ndot = Dot()\ndot",
    "from poselab.explore import Annotator\nAnnotator(width=200)",
    "import torch\n"
    "from poselab.codecs import RegressionCodec\n"
    "from poselab.datasets import SyntheticPeople\n"
    "from poselab.models import DeepPose\n"
    "from poselab.train import fit\n"
    "net, codec = DeepPose(), RegressionCodec((128, 96))\n"
    "history = fit(net, codec, SyntheticPeople(), steps=2, batch_size=2)",
    "print('READY')",
    "",
]
_CLOSE = """async () => {
  const panel = window.jupyterapp.shell.currentWidget;
  await window.jupyterapp.commands.execute('docmanager:save');
  await panel.sessionContext.shutdown();
}"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("lab")


@pytest.fixture(scope="module")
def shots(tmp_path_factory):
    return tmp_path_factory.mktemp("screenshots")


@pytest.fixture(scope="module")
def page(folder):
    (folder / "work").mkdir()
    (folder / "work" / "try.ipynb").write_text(json.dumps(lab.notebook(_CELLS)))
    with lab.jupyterlab(folder) as address, lab.browser() as page:
        page.address = address
        lab.open_and_run(page, address, "try.ipynb")
        page.wait_for_selector(".poselab-explorer .widget-hslider")
        yield page


def saved(folder):
    return json.loads((folder / "work" / "try.ipynb").read_text())


def test_while_the_kernel_runs_there_are_sliders_and_one_picture(page, shots):
    lab.cell(page, 0)
    page.wait_for_timeout(500)
    page.screenshot(path=shots / "live.png")
    cell = lab.cell(page, 0)
    assert cell.locator(".poselab-explorer .widget-hslider").count() == 2
    assert cell.locator("img").filter(visible=True).count() == 1
    assert not cell.get_by_text(HINT).is_visible()
    handle = cell.locator(".noUi-handle").first
    assert handle.get_attribute("aria-label") == "x"


def test_an_arrow_key_moves_a_slider_and_not_the_notebook(page):
    cell = lab.cell(page, 0)
    before = cell.locator("img").last.get_attribute("src")
    handle = cell.locator(".noUi-handle").nth(1)
    handle.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(800)
    assert cell.locator("img").last.get_attribute("src") != before
    assert "of size 5.5 px" in cell.inner_text()
    assert handle.evaluate("(h) => h === document.activeElement")


def test_nothing_that_dies_with_the_kernel_is_saved(page, folder):
    page.evaluate(_CLOSE)
    page.wait_for_timeout(500)
    notebook = saved(folder)
    assert "widgets" not in notebook["metadata"]
    outputs = [o for cell in notebook["cells"] for o in cell.get("outputs", [])]
    assert not [m for o in outputs for m in o.get("data", {}) if "widget" in m]
    pictures = [o for o in outputs if "image/png" in o.get("data", {})]
    assert len(pictures) == 2
    training = notebook["cells"][2]["outputs"]
    assert not any(o["data"] for o in training), "its progress is not kept"


def test_without_a_kernel_the_picture_and_the_way_back_are_shown_again(page, shots):
    cell = lab.cell(page, 0)
    cell.locator(".poselab-explorer").wait_for(state="detached", timeout=30_000)
    page.screenshot(path=shots / "shut-down.png")
    assert cell.locator(".poselab-explorer").count() == 0
    assert cell.get_by_text(HINT).is_visible()
    assert cell.locator("img").filter(visible=True).count() == 1


def test_opened_again_it_shows_the_pictures_and_no_error(page, shots):
    page.goto(page.address.format(name="try.ipynb"), wait_until="domcontentloaded")
    page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=90_000)
    page.wait_for_timeout(5000)  # as long as a widget takes to be missed
    for number in (0, 1):
        cell = lab.cell(page, number)
        page.wait_for_timeout(300)
        page.screenshot(path=shots / f"again-{number}.png")
        assert cell.get_by_text(HINT).is_visible()
        assert cell.locator(".jp-OutputArea img").filter(visible=True).count() == 1
    text = page.locator(".jp-Notebook").inner_text()
    assert "Error" not in text
    assert "model not found" not in text
