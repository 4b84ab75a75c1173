"""People in the camera's frame: crops with their cameras, k, and bad input."""

import pytest
import torch

from poselab.codecs.space import RootCodec, VolumeCodec, root_joint
from poselab.datasets import SyntheticPeople
from poselab.errors import ArgumentError, PoselabError
from poselab.geometry import project
from poselab.models import build
from poselab.pipelines.three_d import PeopleInSpace, focal_guess

SMALL = {"depth": 10, "width": 8, "filters": 8}


@pytest.fixture(scope="module")
def system():
    root = build("rootnet", seed=0, **SMALL)
    root.codec = RootCodec()
    pose = build("posenet3d", seed=0, **SMALL, joints=17, cells=32)
    pose.codec = VolumeCodec()
    return PeopleInSpace(root, pose)


@pytest.fixture(scope="module")
def crowd():
    return SyntheticPeople((192, 256), people=3, seed=2, split="test").scene()


def test_everybody_gets_joints_that_project_to_their_pixels(system, crowd):
    boxes = crowd.boxes[crowd.present]
    poses = system(crowd.image, boxes, crowd.intrinsics)
    assert poses.joints_3d.shape == (len(boxes), 17, 3)
    assert poses.roots.shape == (len(boxes), 3)
    pixels = project(poses.joints_3d, crowd.intrinsics)
    torch.testing.assert_close(pixels, poses.keypoints, rtol=0, atol=0.05)


def test_the_crops_camera_sees_the_joints_where_the_crop_has_them(system, crowd):
    boxes = crowd.boxes[crowd.present]
    matrix, cameras = system.crops(boxes, crowd.intrinsics)
    joints = crowd.joints_3d[crowd.present]
    there = project(joints, crowd.intrinsics)
    ones = torch.ones_like(there[..., :1])
    moved = torch.cat([there, ones], -1) @ matrix.transpose(1, 2)
    torch.testing.assert_close(project(joints, cameras), moved, rtol=0, atol=0.01)


def test_k_is_right_for_an_adult_and_grows_with_the_focal_length(system):
    people = SyntheticPeople((192, 256), seed=0, split="test")
    adult = people.scene(
        activity="standing",
        phase=0.0,
        height=1750.0,
        child=0.0,
        yaw=0.0,
        distance=5000.0,
        seed=3,
    )
    k = system.k(adult.boxes, adult.intrinsics)
    depth = root_joint(adult.joints_3d)[0, 0, 2]
    assert float(k[0] / depth) == pytest.approx(1.0, abs=0.06)
    twice = adult.intrinsics.clone()
    twice[[0, 1], [0, 1]] *= 2
    torch.testing.assert_close(system.k(adult.boxes, twice), 2 * k)


def test_nobody_and_bad_input(system, crowd):
    image, camera = crowd.image, crowd.intrinsics
    assert len(system(image, torch.zeros(0, 4), camera).keypoints) == 0
    with pytest.raises(ArgumentError, match="positive width"):
        system(image, torch.tensor([[1.0, 1, 0, 5]]), camera)
    flat = camera.clone()
    flat[0, 0] = 0
    with pytest.raises(ArgumentError, match="focal_guess"):
        system(image, crowd.boxes, flat)
    with pytest.raises(PoselabError, match="image"):
        system(image[None], crowd.boxes, camera)
    pose = build("posenet3d", **SMALL, joints=17, cells=32)
    pose.codec = VolumeCodec((64, 64))
    with pytest.raises(ArgumentError, match="one size"):
        PeopleInSpace(system.root_net, pose)


def test_a_guessed_camera_sees_its_angle():
    camera = focal_guess((480, 640), 90.0)
    torch.testing.assert_close(camera[0, 0], torch.tensor(320.0))
    assert camera[0, 2] == 319.5
    assert camera[1, 2] == 239.5
    with pytest.raises(ArgumentError, match="degrees"):
        focal_guess((480, 640), 180.0)
