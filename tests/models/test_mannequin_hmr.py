"""HMR for the mannequin: the drawn people are in it, mirrored too, and it learns."""

import pytest
import torch

from poselab.codecs.body import BodyCodec
from poselab.codecs.space import root_joint
from poselab.datasets import SyntheticPeople, flip
from poselab.errors import ArgumentError
from poselab.models import build
from poselab.models.mannequin import JOINTS
from poselab.models.mannequin_hmr import _rest_joints, coco_joints, common
from poselab.recipes.bodies import Bodies, BodyPeople

SIZE = (64, 48)


@pytest.fixture(scope="module")
def people():
    maker = BodyPeople(SIZE, seed=1, split="test")
    return maker.batch(12, maker.generator())


def test_the_pictures_are_those_of_synthetic_people(people):
    plain = SyntheticPeople(SIZE, 1, 1, split="test")
    assert torch.equal(plain.batch(12).image, people.image)


@pytest.mark.parametrize("mirrored", [False, True])
def test_rotations_and_betas_give_the_drawn_joints(people, mirrored):
    sample = flip(people) if mirrored else people
    joints = 1000 * coco_joints(sample.rotations[:, 0], sample.betas[:, 0])
    truth = sample.joints_3d[:, 0]
    gap = (joints - root_joint(joints)) - (truth - root_joint(truth))
    assert gap.norm(dim=-1).mean() < 4  # mm
    mean = 1000 * coco_joints(sample.rotations[:, 0], 0 * sample.betas[:, 0])
    other = (mean - root_joint(mean)) - (truth - root_joint(truth))
    assert other.norm(dim=-1).mean() > 20, "the shape matters"


def test_joints_are_those_of_the_mesh(people):
    """Limbs are the body model's joints; the nose lies on its head's skin."""
    body = common()
    pair = (people.betas[:, 0].double(), people.rotations[:, 0].double())
    made = body(*pair)
    joints = coco_joints(pair[1], pair[0])
    for place, name in ((5, "left_shoulder"), (10, "right_wrist"), (16, "right_ankle")):
        bone = made.joints[:, JOINTS.index(name)]
        assert (joints[:, place] - bone).abs().max() < 1e-9
    nearest = (made.vertices - joints[:, :1]).norm(dim=-1).amin(1)
    assert nearest.max() < 0.03


def test_the_bones_are_added_up_in_full_precision(people):
    """Also where the network runs in half, and is the first to ask for them."""
    _rest_joints.cache_clear()
    net = build("hmr_mannequin", width=4, hidden=32, cells=4).train()
    with torch.autocast("cpu", torch.bfloat16):
        found = net(people.image)
    assert found["joints"].dtype == torch.float32
    again = coco_joints(found["rotations"], found["betas"])
    assert torch.equal(found["joints"], again)
    found["joints"].sum().backward()
    assert net.conv1.weight.grad.abs().sum() > 0


def test_it_begins_as_somebody_who_stands_and_learns(people):
    net = build("hmr_mannequin", width=4, hidden=32, cells=4).train()
    codec = BodyCodec(SIZE)
    inputs, targets = codec.encode(people)
    first = net(*inputs)
    ankle, nose = (first["joints"][:, k, 1].mean() for k in (15, 0))
    assert ankle - nose > 0.9  # m, y down
    optimiser = torch.optim.AdamW(net.parameters(), 3e-3)
    losses = []
    for _ in range(40):
        loss = codec.loss(net(*inputs), targets)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.6 * losses[0], losses
    assert all(p.grad is not None for p in net.parameters())


def test_bodies_are_drawn_on_a_cpu(tmp_path, monkeypatch):
    monkeypatch.setenv("POSELAB_CACHE", str(tmp_path))
    people = Bodies(pool=4, held_out=2, variation={"degrees": 0.0, "zoom": 0.1})
    data, others = people.open(SIZE, seed=0)
    batch = next(data.batches(4))
    assert batch.rotations.shape == (4, 1, 21, 3, 3)
    assert batch.betas.shape == (4, 1, 6)
    assert len(others) == 2
    with pytest.raises(ArgumentError, match="GPU"):
        people.resident(SIZE, 0, "cuda")
