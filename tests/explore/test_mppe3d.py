"""The explorers of notebook 15: one person's depth, and a crowd in space."""

import pytest
import torch

from poselab.codecs.space import RootCodec, VolumeCodec, root_joint
from poselab.datasets import SyntheticPeople
from poselab.explore.mppe3d import CrowdSpaceExplorer, DepthExplorer
from poselab.models import build
from poselab.pipelines.three_d import PeopleInSpace

SMALL = {"depth": 10, "width": 8, "filters": 8}


@pytest.fixture(scope="module")
def system():
    root = build("rootnet", seed=0, **SMALL)
    torch.nn.init.constant_(root.root.depth_layer.bias, 1.0)  # gamma near 1
    root.codec = RootCodec()
    pose = build("posenet3d", seed=0, **SMALL, joints=17, cells=32)
    pose.codec = VolumeCodec()
    return PeopleInSpace(root, pose)


def test_every_control_of_the_depth_changes_the_picture(system):
    explorer = DepthExplorer(system)
    seen = explorer.sweep()
    assert all(count > 1 for count in seen.values()), seen
    assert "the right gamma is" in explorer.caption
    tight = explorer.set(distance=3.0, focal=500)
    assert "cut off by the picture" in tight.live_caption


def test_children_and_crouching_people_have_small_boxes(system):
    explorer = DepthExplorer(system)

    def gamma(**values):
        args = {"distance": 5.0, "focal": 300, "crouch": 0.0, "child": 0.0, "yaw": 0}
        true, k, _ = explorer.depths(explorer.scene(**{**args, **values}))
        return true / k

    assert gamma() == pytest.approx(1, abs=0.06)
    assert gamma(crouch=1.0) < 0.8
    assert gamma(child=1.0) < 0.7
    assert gamma(distance=7.0) == pytest.approx(1, abs=0.06)


def test_a_crowd_with_depths_from_everywhere(system):
    crowd = SyntheticPeople((192, 256), people=3, seed=2, split="test").batch(2)
    explorer = CrowdSpaceExplorer(system, crowd)
    seen = explorer.sweep()
    assert all(count > 1 for count in seen.values()), seen
    truth, found = explorer.placed(0, "the truth", 1.0)
    gap = root_joint(found)[:, 0, 2] - root_joint(truth)[:, 0, 2]
    assert gap.abs().max() < 400  # the root's depth is right; the hips' middle is near
    _, same = explorer.placed(0, "one depth for all", 1.0)
    assert len(same) == len(found)
