"""The body codec: projection, losses that are 0 for the truth, decoding."""

import pytest
import torch

from poselab.codecs import build
from poselab.codecs.body import BodyCodec
from poselab.codecs.space import root_joint
from poselab.errors import ArgumentError
from poselab.models.mannequin_hmr import coco_joints
from poselab.recipes.bodies import BodyPeople

SIZE = (64, 48)


@pytest.fixture(scope="module")
def people():
    maker = BodyPeople(SIZE, seed=3)
    return maker.batch(3, maker.generator())


def perfect(sample, codec):
    """The output of a network that knows: the camera is fitted to the points."""
    joints = coco_joints(sample.rotations[:, 0], sample.betas[:, 0])
    _, targets = codec.encode(sample)
    flat = (joints - root_joint(joints))[..., :2]
    one, two = flat.flatten(1), targets["points"].flatten(1)
    scale = (one - one.mean(1, keepdim=True)).square().sum(1).rsqrt()
    scale = scale * (two - two.mean(1, keepdim=True)).norm(dim=1)
    shift = targets["points"].mean(1) - scale[:, None] * flat.mean(1)
    camera = torch.cat([scale[:, None], shift], 1)
    return {
        "rotations": sample.rotations[:, 0],
        "betas": sample.betas[:, 0],
        "camera": camera,
        "joints": joints,
    }


def test_the_truth_costs_next_to_nothing(people):
    codec = build("body", size=SIZE)
    (images,), targets = codec.encode(people)
    assert torch.equal(images, people.image)
    output = perfect(people, codec)
    loss = codec.loss(output, targets)
    for name in ("rotations", "betas", "joints", "camera"):
        wrong = {**output, name: output[name].roll(1, 0)}
        assert codec.loss(wrong, targets) > loss + 0.02, name
    assert loss < 0.6  # a perspective is no weak perspective


def test_decoding_gives_pixels_and_mm(people):
    codec = BodyCodec(SIZE)
    poses = codec.decode(perfect(people, codec))
    off = (poses.keypoints - people.keypoints)[:, 0].norm(dim=-1)
    assert off.mean() < 2.5
    truth = people.joints_3d[:, 0] - root_joint(people.joints_3d[:, 0])
    assert (poses.joints_3d[:, 0] - truth).norm(dim=-1).mean() < 6
    assert (poses.scores == 1).all()


def test_a_sample_without_a_body_can_be_asked(people):
    plain = people.replace(rotations=None, betas=None)
    (images,), targets = BodyCodec(SIZE).encode(plain)
    assert images.shape == (3, 3, *SIZE)
    assert "betas" not in targets
    with pytest.raises(ArgumentError, match="joints_3d"):
        BodyCodec(SIZE).encode(people.replace(joints_3d=None))
