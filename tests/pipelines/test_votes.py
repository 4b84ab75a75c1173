"""Several networks vote: the median, and how many are near it."""

import pytest
import torch

from poselab import zoo
from poselab.codecs import HeatmapCodec
from poselab.datasets import evaluation
from poselab.errors import ArgumentError
from poselab.pipelines import SinglePerson, Votes
from poselab.pipelines.votes import median_of
from poselab.records import Poses
from poselab.skeleton import MPII_16

BOXES = torch.tensor([[0.0, 0.0, 40.0, 100.0], [10.0, 0.0, 200.0, 50.0]])


def answers(*offsets):
    """[M, 2, 17, 2] px: the same pose, moved by each of `offsets`."""
    pose = torch.arange(68.0).view(2, 17, 2)
    return torch.stack([pose + torch.tensor(offset) for offset in offsets])


def test_the_median_forgives_one_that_is_far_off():
    far = answers([0.0, 0.0], [1.0, 1.0], [2.0, 2.0], [500.0, -500.0], [1.0, 1.0])
    points, scores = median_of(far, BOXES)
    torch.testing.assert_close(points, answers([1.0, 1.0])[0])
    torch.testing.assert_close(scores, torch.full((2, 17), 0.8))
    mean_error = (far.mean(0) - points).norm(dim=-1)
    assert mean_error.min() > 50


def test_near_is_a_tenth_of_the_longer_side():
    points = answers([0.0, 0.0], [0.0, 0.0], [12.0, 0.0])
    _, scores = median_of(points, BOXES)
    torch.testing.assert_close(scores[0], torch.full((17,), 2 / 3))  # 100 px high
    torch.testing.assert_close(scores[1], torch.ones(17))  # 200 px wide


class Fixed(SinglePerson):
    """A member that answers one place for everything."""

    def __init__(self, place, skeleton=None):
        codec = HeatmapCodec(size=(128, 96))
        if skeleton is not None:
            codec.skeleton = skeleton
        super().__init__(torch.nn.Identity(), codec)
        self.place, self.flips = place, []

    def poses(self, image, boxes, flip=None):
        self.flips.append(flip)
        points = torch.full((len(boxes), 17, 2), self.place)
        return Poses(points, torch.ones(len(boxes), 17), boxes=boxes)


def test_members_are_asked_about_the_same_boxes():
    members = [Fixed(float(n)) for n in (1, 2, 9)]
    poses = Votes(members).poses(torch.rand(3, 60, 60), BOXES, flip=False)
    assert (poses.keypoints == 2).all()
    assert torch.equal(poses.boxes, BOXES)
    torch.testing.assert_close(poses.person_scores, torch.ones(2))
    assert all(m.flips == [False] for m in members)
    nobody = Votes(members).poses(torch.rand(3, 60, 60), torch.zeros(0, 4))
    assert nobody.keypoints.shape == (0, 17, 2)


def test_who_may_vote():
    with pytest.raises(ArgumentError, match="members.*somebody has to vote"):
        Votes([])
    with pytest.raises(ArgumentError, match="different joints"):
        Votes([Fixed(1.0), Fixed(1.0, MPII_16)])


def test_one_vote_is_the_network_and_several_are_no_worse_than_their_mean():
    truth = evaluation("single", 24)
    nets = [zoo.load(n) for n in ("heatmap_tiny", "cpm_tiny", "simple_baseline_tiny")]
    members = [SinglePerson(net, net.codec) for net in nets]

    def right(estimator):
        found = [estimator.image(image).keypoints for image in truth.image]
        gap = (torch.stack(found) - truth.keypoints).norm(dim=-1)
        near = gap <= 0.05 * truth.boxes[..., 2:].amax(-1, keepdim=True)
        return float(near[truth.visibility > 0].float().mean())

    alone = [right(member) for member in members]
    assert right(Votes(members[:1])) == pytest.approx(alone[0])
    assert right(Votes(members)) > sum(alone) / 3
