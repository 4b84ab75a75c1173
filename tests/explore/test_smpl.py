"""The explorers of notebook 17: a body of few numbers, and a dance that moves over."""

import numpy as np
import pytest
import torch

from poselab.draw.scene3d import mesh, segments
from poselab.errors import ArgumentError
from poselab.explore.edn import DanceExplorer, staged
from poselab.explore.scene3d import Scene3d
from poselab.explore.smpl import BodyExplorer
from poselab.models.mannequin import JOINTS, mannequin


@pytest.fixture(scope="module")
def body():
    model, faces = mannequin(3, people=30)
    return BodyExplorer(model, faces, JOINTS)


def test_every_control_of_the_body_changes_the_picture(body):
    names = [name for name in body.controls if name != "joint"]
    seen = body.sweep()
    assert all(seen[name] > 1 for name in names), seen
    assert seen["joint"] > 15, seen


def test_without_angles_nothing_moves(body):
    rest, posed, _ = body.bodies("left_elbow", (0.0, 0.0, 0.0), (1.0, 0.0, -1.0))
    torch.testing.assert_close(rest, posed, atol=1e-6, rtol=0)
    assert "moves 0 of" in body.set(x=0, y=0, z=0).live_caption
    body.reset()


def test_the_live_mesh_follows_and_keeps_the_learner_s_view(body):
    if body.canvas is None:
        pytest.skip("anywidget is missing")
    vertices = np.frombuffer(body.canvas.vertices, "<f4").reshape(-1, 3)
    assert len(vertices) == len(body.model.template)
    faces = np.frombuffer(body.canvas.faces, "<u4").reshape(-1, 3)
    np.testing.assert_array_equal(faces, body.faces.numpy())
    body.canvas.view = {**body.canvas.view, "yaw": 33.0}
    body.set(joint="left_wrist", z=40)
    assert body.canvas.view["yaw"] == 33.0
    angles = (0.0, 0.0, np.radians(40))
    _, posed, joints = body.bodies("left_wrist", angles, (0.0, 0.0, 0.0))
    now = np.frombuffer(body.canvas.vertices, "<f4").reshape(-1, 3)
    np.testing.assert_allclose(now, posed.numpy(), atol=1e-6)
    assert 0 < np.frombuffer(body.canvas.marked, "u1").sum() < 0.2 * len(faces)
    assert len(body.canvas.shapes[0]["points"]) == len(joints)
    assert body._still().width > body._image.width
    body.reset()


def test_of_a_mesh_only_what_changes_is_sent(body):
    if Scene3d is None:
        pytest.skip("anywidget is missing")
    sent = []
    live = Scene3d.of(body._now)
    live.observe(lambda change: sent.append(change["name"]), list(live.keys))
    moved = {**body._now[0], "points": body._now[0]["points"] + 0.1}
    live.show([moved, *body._now[1:]])
    assert sent == ["vertices"]
    live.show([segments([[0, 0, 4], [1, 0, 4]], [(0, 1)], "#000000")])
    assert live.vertices == live.faces == live.marked == b""
    one = mesh(np.eye(3), [[0, 1, 2]])
    with pytest.raises(ArgumentError, match="one mesh"):
        live.show([one, one])


def test_without_anywidget_sliders_turn_the_mesh(body, monkeypatch):
    monkeypatch.setattr("poselab.explore.smpl.Scene3d", None)
    still = BodyExplorer(body.model, body.faces, JOINTS)
    assert still.canvas is None
    pictures = {still.set(yaw=a, pitch=b).image_bytes for a in (0, 90) for b in (0, 45)}
    assert len(pictures) == 4
    assert still._still().size == still._image.size


def test_what_is_no_body_is_refused():
    with pytest.raises(ArgumentError, match="BodyModel"):
        BodyExplorer(torch.nn.Linear(1, 1), torch.zeros(1, 3), ("a",))


def test_every_control_of_the_dance_changes_the_picture():
    dance = DanceExplorer()
    seen = dance.sweep()
    assert all(count > 1 for count in seen.values()), seen
    assert "With normalisation" in dance.caption
    assert "Without normalisation" in dance.set(normalise=False).live_caption


def test_normalisation_brings_the_pose_to_the_target():
    dance = DanceExplorer()
    off = {}
    for on in (False, True):
        _, own, answer = dance.poses(2.0, 4.0, 1.2, 7.0, on)
        off[on] = (answer - own).norm(dim=-1).mean()
    assert off[True] < 0.2 * off[False]


def test_the_caption_says_how_low_the_feet_are_over_the_dance():
    dance = DanceExplorer(normalise=False)
    assert "over the dance 38.9 px too low" in dance.caption
    far = dance.set(source=1.6, near=7.0, target=1.3, away=4.0)
    assert "px too high); joints" in far.live_caption


def test_the_stage_has_one_floor():
    points, space = staged(1.6, 5.0)
    soles = space[:, 15:, 1]  # the ankles, y down, a camera 1.2 m above the floor
    assert (soles < 1200).all()
    assert (soles > 1000).all()
    jumped = staged(1.6, 5.0, jump=0.4)[1]
    assert (space - jumped)[24, :, 1].min() > 380
    torch.testing.assert_close(space[0], jumped[0])
    assert points.shape == (48, 17, 2)
