"""The browser's view in three dimensions is the picture that Pillow paints."""

import numpy as np
import pytest

from poselab.draw.scene3d import View, mesh, paint_scene3d, segments
from poselab.explore.scene3d import Scene3d
from poselab.models.mannequin import mannequin
from tests.browser import bare, lab

REASON = lab.missing()
pytestmark = [
    pytest.mark.skipif(bool(REASON or Scene3d is None), reason=str(REASON)),
    pytest.mark.timeout(300),
]
SIZE = (320, 400)
VIEW = View(-30, 10, 2.2, (0.0, 0.0, 0.0))


@pytest.fixture(scope="module")
def page():
    with lab.browser() as page:
        yield page


@pytest.fixture(scope="module")
def shapes():
    body, faces = mannequin(2, people=20)
    skin, joints = body.template.numpy(), (body.regressor @ body.template).numpy()
    bones = [(p, k) for k, p in enumerate(body.parents) if p >= 0]
    marked = skin[:, 0] > 0.3  # the left arm
    inside = segments(joints, bones, "#222222", radius=3.0)
    return [mesh(skin, faces.numpy(), marked=marked), inside]


def scene(shapes):
    return Scene3d.of(shapes, VIEW, width=SIZE[1], aspect=SIZE[0] / SIZE[1])


def test_the_mesh_in_the_browser_is_the_painted_one(page, shapes):
    bare.show(page, scene(shapes))
    found = bare.shot(page)
    painted = np.asarray(paint_scene3d(shapes, VIEW, SIZE), dtype=int)
    assert found.shape == painted.shape
    inked = (painted < 250).any(-1)
    off = np.abs(found - painted).max(-1)
    assert inked.mean() > 0.05
    assert off[inked].mean() < 12  # of 255; edges are smoothed in another way
    assert np.median(off[inked]) <= 4
    pink = (painted[..., 2] - painted[..., 1]) > 20
    assert pink.sum() > 300
    assert ((found[..., 2] - found[..., 1]) > 20)[pink].mean() > 0.9


def test_turned_and_changed_without_a_kernel(page, shapes):
    bare.show(page, scene(shapes))
    before = bare.shot(page)
    page.evaluate("() => document.querySelector('canvas').focus()")
    page.keyboard.press("ArrowRight")
    page.evaluate("() => window.change({})")
    turned = bare.shot(page)
    view = View(VIEW.yaw + 5, VIEW.pitch, VIEW.distance, VIEW.target)
    painted = np.asarray(paint_scene3d(shapes, view, SIZE), dtype=int)
    inked = (painted < 250).any(-1)
    gaps = [np.abs(one - painted).max(-1)[inked].mean() for one in (turned, before)]
    assert gaps[0] < 12 < gaps[1]
    other = scene([{**shapes[0], "points": shapes[0]["points"] * 0.5}])
    state = bare.plain({"vertices": other.vertices, "shapes": []})
    page.evaluate("(parts) => window.change(parts)", state)
    small = bare.shot(page)
    assert (small < 250).any(-1).sum() < 0.5 * (turned < 250).any(-1).sum()


def test_a_scene_without_a_mesh_has_lines_alone(page, shapes):
    bare.show(page, scene(shapes[1:]))
    painted = np.asarray(paint_scene3d(shapes[1:], VIEW, SIZE), dtype=int)
    found = bare.shot(page)
    assert 0.7 < (found < 128).any(-1).sum() / (painted < 128).any(-1).sum() < 1.4
