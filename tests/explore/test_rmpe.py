"""The explorers of notebook 09: wrong boxes, people found twice, crowds."""

import io

import pytest
import torch
from PIL import Image

from poselab.codecs import HeatmapCodec
from poselab.datasets import SyntheticPeople
from poselab.errors import ArgumentError
from poselab.explore import BoxNoiseExplorer, CrowdExplorer, SuppressionExplorer
from poselab.explore.occnet import _near, fate
from poselab.explore.rmpe import looked_at
from poselab.explore.suppression import found_twice, suppressed
from poselab.geometry import crop_matrix, expand_box
from poselab.models import build
from poselab.models.rmpe import Localisation, SymmetricTransformer
from poselab.pipelines import TopDown
from poselab.records import Detections, Poses

CODEC = HeatmapCodec((128, 96), criterion="cross_entropy")


@pytest.fixture(scope="module")
def scene():
    maker = SyntheticPeople((96, 128), 2, split="test")
    return maker.scene(x=[-400, 400], z=[0, 0], distance=4000.0, seed=1)


def network():
    net = build("heatmap_net").eval()
    net.codec = CODEC
    return net


def transformer(net):
    whole = SymmetricTransformer(net, Localisation(4), frozen=True).eval()
    torch.nn.init.normal_(whole.localisation.answer.weight, 0, 0.1)
    whole.codec = CODEC
    return whole


def test_every_control_of_the_wrong_box_changes_the_picture():
    crowd, net = SyntheticPeople((96, 128), (2, 3), seed=5).batch(3), network()
    explorer = BoxNoiseExplorer(net, transformer(net), crowd)
    seen = explorer.sweep()
    assert all(count > 1 for count in seen.values()), seen
    assert "the network alone" in explorer.caption
    assert "+0.25 of its width" in explorer.caption
    with pytest.raises(ArgumentError, match="SymmetricTransformer"):
        BoxNoiseExplorer(net, net, crowd)
    for other in ("simple_baseline_tiny", torch.nn.Identity()):
        with pytest.raises(ArgumentError, match="network.*the explorer needs a"):
            BoxNoiseExplorer(other, transformer(net), crowd)


def test_what_the_identity_looks_at_is_the_crop():
    box = torch.tensor([[20.0, 10.0, 30.0, 50.0]])
    grown = expand_box(box, (128, 96), 1.25)
    same = torch.tensor([[[1.0, 0, 0], [0, 1, 0]]])
    seen = looked_at(same, crop_matrix(grown, (128, 96)), (128, 96))
    torch.testing.assert_close(seen, grown, atol=1e-3, rtol=0)
    half = torch.tensor([[[0.5, 0, 0.5], [0, 0.5, 0.5]]])  # the lower right quarter
    seen = looked_at(half, crop_matrix(grown, (128, 96)), (128, 96))
    corner, side = grown[:, :2] + grown[:, 2:] / 2, grown[:, 2:] / 2
    torch.testing.assert_close(seen, torch.cat([corner, side], 1), atol=1e-3, rtol=0)


def test_every_control_of_the_suppressions_changes_the_picture():
    seen = SuppressionExplorer().sweep()
    assert all(count > 1 for count in seen.values()), seen


def test_the_first_candidate_is_right_and_the_others_are_doubles(scene):
    poses, owner = found_twice(scene, 3.0, 0.2)
    assert owner.tolist() == [0, 1] * 3
    assert torch.equal(poses.keypoints[:2], scene.keypoints)
    assert torch.equal(poses.boxes[:2], scene.boxes)
    off = (poses.keypoints[2:] - scene.keypoints[owner[2:]]).std()
    assert off == pytest.approx(3.0, rel=0.2)
    assert (poses.scores[:-2] > poses.scores[2:]).all()


def test_exact_doubles_go_by_every_suppression_of_poses(scene):
    kept = suppressed(found_twice(scene, 0.0, 0.0)[0])
    hard = {name: index.tolist() for name, index in kept.items()}
    assert hard["box NMS"] == hard["OKS-NMS"] == hard["pose NMS"] == [0, 1]
    assert hard["soft OKS-NMS"] == [0, 1]


def test_nobody_and_one(scene):
    nobody = scene.people(torch.zeros(2, dtype=torch.bool))
    poses, owner = found_twice(nobody, 1.0, 0.1)
    assert len(owner) == 0
    assert all(len(index) == 0 for index in suppressed(poses).values())
    alone, owner = found_twice(scene.people(torch.tensor([True, False])), 1.0, 0.0)
    assert owner.tolist() == [0, 0, 0]
    assert suppressed(alone)["pose NMS"].tolist() == [0]


class Finder:
    """True boxes, but not of the last person."""

    def __init__(self, boxes):
        self.boxes = boxes

    def detect(self, image, **_):
        n = len(self.boxes)
        return Detections(self.boxes, torch.ones(n), torch.ones(n).long())


def test_every_control_of_the_crowd_changes_the_picture():
    finder = Finder(torch.tensor([[100.0, 80.0, 40.0, 90.0], [200.0, 80.0, 40, 90]]))
    explorer = CrowdExplorer(TopDown(finder, build("heatmap_net").eval(), CODEC))
    seen = explorer.sweep()
    assert all(count > 1 for count in seen.values()), seen
    assert "crowd index" in explorer.caption
    with pytest.raises(ArgumentError, match="TopDown"):
        CrowdExplorer(finder)


def test_a_cross_is_where_a_joint_is_missed():
    finder = Finder(torch.tensor([[100.0, 80.0, 40.0, 90.0]]))
    explorer = CrowdExplorer(TopDown(finder, build("heatmap_net").eval(), CODEC))
    sample, poses = explorer.answer(**explorer.values)
    near = _near(sample, poses)
    known = sample.present[:, None] & (sample.visibility > 0)
    missed = (known & ~near).nonzero()
    assert len(missed) > 20  # an untrained network
    picture = Image.open(io.BytesIO(explorer.image_bytes)).convert("RGB")
    inks = {2: (204, 0, 0), 1: (255, 225, 0)}
    hits = 0
    for person, joint in missed.tolist():
        x, y = (2 * sample.keypoints[person, joint] + 0.5).round().long().tolist()
        there = picture.getpixel((x, y))
        wanted = inks[int(sample.visibility[person, joint])]
        hits += max(abs(a - b) for a, b in zip(there, wanted, strict=True)) < 70
    assert hits > 0.6 * len(missed)  # others lie on one another
    assert not _near(sample, Poses.empty(17)).any()


def test_what_became_of_whom(scene):
    sure = torch.ones(2, 17)
    truth = Poses(scene.keypoints, sure, boxes=scene.boxes, person_scores=sure[:, 0])
    assert fate(scene, truth)["found"] == [0, 1]
    first = truth.people(torch.tensor([True, False]))
    assert fate(scene, first)["without a box"] == [1]
    off = first.replace(keypoints=first.keypoints + 60)
    assert fate(scene, off) == {"found": [], "without a box": [1], "badly posed": [0]}
    assert fate(scene, Poses.empty(17))["without a box"] == [0, 1]
