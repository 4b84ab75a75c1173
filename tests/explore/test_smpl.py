"""The explorers of notebook 17: a body of few numbers, and a dance that moves over."""

import pytest
import torch

from poselab.errors import ArgumentError
from poselab.explore.edn import DanceExplorer, staged
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


def test_the_stage_has_one_floor():
    points, space = staged(1.6, 5.0)
    soles = space[:, 15:, 1]  # the ankles, y down, a camera 1.2 m above the floor
    assert (soles < 1200).all()
    assert (soles > 1000).all()
    jumped = staged(1.6, 5.0, jump=0.4)[1]
    assert (space - jumped)[24, :, 1].min() > 380
    torch.testing.assert_close(space[0], jumped[0])
    assert points.shape == (48, 17, 2)
