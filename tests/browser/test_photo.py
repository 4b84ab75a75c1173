"""The learner's own photograph in a real JupyterLab: upload, camera, drag, save."""

import ast
import json

import pytest
from PIL import Image

from tests.browser import lab

REASON = lab.missing()
pytestmark = [
    pytest.mark.skipif(bool(REASON), reason=str(REASON)),
    pytest.mark.timeout(600),
]

# One network, so that it is quick; the picture of nobody is asked about, too.
_PHOTO = (
    "import poselab\nfrom poselab.explore import Photo\n"
    "photo = Photo(pose='heatmap_tiny')\nphoto"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("lab")


@pytest.fixture(scope="module")
def page(folder):
    (folder / "work").mkdir()
    cells = [_PHOTO, "print('READY')", ""]
    (folder / "work" / "try.ipynb").write_text(json.dumps(lab.notebook(cells)))
    with lab.jupyterlab(folder) as address, lab.browser() as page:
        lab.open_and_run(page, address, "try.ipynb")
        lab.cell(page, 0).get_by_text("Camera", exact=True).wait_for()
        yield page


def python(page, source):
    return ast.literal_eval(lab.run_last_cell(page, f"print({source})"))


def until(page, source, value):
    for _ in range(100):
        if python(page, source) == value:
            return
        page.wait_for_timeout(200)
    raise AssertionError(f"{source} never became {value!r}")


def test_an_upload_is_shown(page, folder):
    picture = folder / "me.png"
    Image.new("RGB", (320, 240), "teal").save(picture)
    with page.expect_file_chooser() as chooser:
        lab.cell(page, 0).get_by_text("Your picture").click()
    chooser.value.set_files(picture)
    until(page, "repr(photo.file_name)", "me.png")
    assert python(page, "photo.image.size") == (320, 240)
    lab.cell(page, 0).get_by_text("never leaves").wait_for()


def test_the_camera_gives_a_picture_and_is_switched_off(page):
    cell = lab.cell(page, 0)
    cell.get_by_text("Camera", exact=True).click()
    cell.locator("video").wait_for(state="visible")
    page.wait_for_function(
        "() => [...document.querySelectorAll('video')].some((v) => v.videoWidth > 0)"
    )
    cell.get_by_text("Take the picture").click()
    until(page, "repr(photo.file_name)", "camera.jpg")
    width, height = python(page, "photo.image.size")
    assert width > height > 100
    cell.get_by_text("Close", exact=True).click()
    cell.locator("video").wait_for(state="hidden")
    until(page, "repr(photo.camera.state)", "closed")


def test_a_joint_is_placed_with_the_mouse_and_saved(page, folder):
    canvas = lab.cell(page, 0).locator("canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 4, box["y"] + box["height"] / 4)
    wide = python(page, "photo.image.size")[0]
    until(page, "photo.flags[photo.canvas.selected].item()", 2)
    x = python(page, "photo.keypoints[photo.canvas.selected][0].item()")
    assert x == pytest.approx(wide / 4, abs=3)
    lab.cell(page, 0).get_by_text("Save", exact=True).click()
    lab.cell(page, 0).get_by_text("Written").wait_for()
    content = json.loads((folder / "work" / "camera_poses.json").read_text())
    assert content["annotations"][0]["num_keypoints"] >= 1
