"""The contract of codecs, carried by one small codec of each awkward kind.

Later chapters have networks with several inputs, heads and stages, fields that change
their sign in a mirror, tags that must not be averaged, and as many people as there are.
Each kind learns with `fit` and goes through `flip_test` here, which know nothing of it.
"""

from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from poselab.codecs import Codec, HeatmapCodec, PointsCodec, RegressionCodec
from poselab.codecs.base import mean_of
from poselab.codecs.heatmap_decode import cells_to_pixels, local_maxima
from poselab.codecs.regression import mirror_points
from poselab.datasets import flip
from poselab.errors import ArgumentError
from poselab.geometry import box_centre, box_of_image
from poselab.pipelines import flip_test
from poselab.records import Poses, Sample
from poselab.skeleton import COCO_17
from poselab.train import fit
from tests.support.samples import make_sample
from tests.support.sources import Dots

SIZE = (64, 48)
JOINTS = len(COCO_17)
PAIRS = ((5, 7), (6, 8), (5, 6))  # left arm, right arm, shoulders
MIRRORED = (1, 0, 2)  # which limb each one is in a mirror image


def conv(channels, inputs=3):
    """A network of stride 4."""
    return nn.Sequential(
        nn.Conv2d(inputs, 16, 3, stride=4, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, channels, 1),
    )


def learns(net, codec, steps=30):
    torch.manual_seed(0)
    plan = {"steps": steps, "batch_size": 8, "lr": 1e-2}
    history = fit(net, codec, Dots(SIZE), **plan, progress=False)
    assert sum(history.loss[-5:]) < 0.9 * sum(history.loss[:5])
    return net


def samples(n=3):
    return Dots(SIZE).batch(n, torch.Generator().manual_seed(1))


# --- two inputs ----------------------------------------------------------------------


class DistanceCodec(Codec):
    """How far away somebody is, from an image and a number k: a root's depth."""

    size = SIZE

    def encode(self, sample, generator=None):
        k = 1 / sample.areas[:, 0].sqrt()  # [B]
        return (sample.image, k), {"distance": 300 * k}

    def loss(self, output, targets):
        return (output - targets["distance"]).square().mean()

    def mirror(self, output):
        return output  # nothing in it has a side

    def decode(self, output):
        """Somebody in the middle of each image, so far away (mm)."""
        points = box_centre(box_of_image(self.size)).expand(len(output), 1, 1, 2)
        roots = nn.functional.pad(output[:, None, None], (2, 0))  # [B, 1, 3]
        return Poses(points, torch.ones(len(output), 1, 1), roots=roots)


class DistanceNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = conv(1)

    def forward(self, images, k):
        return 100 * self.layers(images).mean((1, 2, 3)) * k


@pytest.mark.slow
def test_an_image_and_a_number_go_in():
    codec = DistanceCodec()
    net = learns(DistanceNet(), codec)
    inputs, _ = codec.encode(samples())
    found = flip_test(net, inputs, codec)
    turned = net(inputs[0].flip(-1), inputs[1])
    torch.testing.assert_close(found, (net(*inputs) + turned) / 2)
    assert torch.equal(codec.decode(found).roots[:, 0, 2], found)


class NextPoseCodec(PointsCodec):
    """The joints, from a drawing of the pose and the frame before: both have sides."""

    def encode(self, sample, generator=None):
        (frame,), targets = super().encode(sample)
        (_, drawn) = HeatmapCodec(self.size, stride=1).encode(sample)
        return (drawn["heatmaps"], frame), targets

    def mirror_inputs(self, inputs):
        drawn, frame = inputs
        return drawn[:, list(self.skeleton.flip_index)].flip(-1), frame.flip(-1)


class CentreNet(nn.Module):
    """The mean place of each drawn joint, and a bit of the frame that does nothing."""

    def forward(self, drawn, frame):
        y, x = (torch.arange(n).to(drawn) for n in drawn.shape[-2:])
        share = drawn / drawn.sum((-2, -1), keepdim=True).clamp(min=1e-6)
        place = torch.stack(
            [(share.sum(-2) * x).sum(-1), (share.sum(-1) * y).sum(-1)], -1
        )
        return place + 0 * frame.mean()


def test_a_pose_and_the_frame_before_go_in():
    codec, sample = NextPoseCodec(SIZE), samples()
    inputs, targets = codec.encode(sample)
    found = flip_test(CentreNet(), inputs, codec)
    seen = targets["visibility"] > 0
    torch.testing.assert_close(found, CentreNet()(*inputs), atol=1e-3, rtol=0)
    assert (found - targets["target"])[seen].abs().max() < 2.5  # cut off at the border


# --- two heads, several stages, a field that changes its sign ------------------------


class FieldCodec(Codec):
    """Heatmaps and, for each limb, the direction that it has: a list of stages."""

    def __init__(self, size):
        self.size, self.heatmaps = size, HeatmapCodec(size)

    def encode(self, sample, generator=None):
        inputs, targets = self.heatmaps.encode(sample)
        start, end = (sample.keypoints[:, :, list(i)] for i in zip(*PAIRS, strict=True))
        unit = nn.functional.normalize(end - start, dim=-1).sum(1)  # [B, L, 2]
        ends = targets["heatmaps"][:, torch.tensor(PAIRS)]  # [B, L, 2, h, w]
        near = ends.amax(2, keepdim=True)
        return inputs, {**targets, "fields": unit[..., None, None] * near}

    def loss(self, output, targets):
        parts = [
            self.heatmaps.loss(stage["heatmaps"], targets)
            + (stage["fields"] - targets["fields"]).square().mean()
            for stage in self.stages(output)
        ]
        return torch.stack(parts).sum()

    def mirror(self, output):
        fields = output["fields"][:, list(MIRRORED)].flip(-1).clone()
        fields[:, :, 0] *= -1
        swapped = fields[:, 2:] * -1  # from the right shoulder to the left one now
        fields = torch.cat([fields[:, :2], swapped], 1)
        return {"heatmaps": self.heatmaps.mirror(output["heatmaps"]), "fields": fields}

    def decode(self, output):
        return self.heatmaps.decode(output["heatmaps"])


class StagedNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.parts = nn.ModuleList(conv(JOINTS + 2 * len(PAIRS)) for _ in range(2))

    def forward(self, images):
        return [self.split(part(images)) for part in self.parts]

    def split(self, output):
        fields = output[:, JOINTS:].unflatten(1, (len(PAIRS), 2))
        return {"heatmaps": output[:, :JOINTS], "fields": fields}


@pytest.mark.slow
def test_two_heads_and_two_stages_learn_and_are_mirrored():
    codec, sample = FieldCodec(SIZE), samples()
    net = learns(StagedNet(), codec)
    inputs, _ = codec.encode(sample)
    found = flip_test(net, inputs, codec)
    last, turned = net(*inputs)[-1], net(inputs[0].flip(-1))[-1]
    wanted = (last["fields"] + codec.mirror(turned)["fields"]) / 2
    torch.testing.assert_close(found["fields"], wanted)
    assert codec.decode(found).keypoints.shape == (3, 1, JOINTS, 2)


def test_the_truth_of_a_mirror_image_mirrored_is_the_truth():
    """Sides, columns and signs: without any of the three this fails."""
    codec, sample = FieldCodec(SIZE), samples()
    _, targets = codec.encode(sample)
    _, turned = codec.encode(flip(sample))
    back = codec.mirror(turned)
    torch.testing.assert_close(back["fields"], targets["fields"], atol=1e-5, rtol=0)
    torch.testing.assert_close(back["heatmaps"], targets["heatmaps"], atol=1e-4, rtol=0)


# --- tags, and as many people as there are -------------------------------------------


class Tagged(NamedTuple):
    """What the network answers."""

    heatmaps: Tensor  # [B, J, h, w]
    tags: Tensor  # [B, J, h, w], or with both answers of a flip test [..., 2]


class TagCodec(Codec):
    """Peaks of heatmaps, told apart by a tag. Tags of two runs have no common scale."""

    def __init__(self, size):
        self.size, self.heatmaps = size, HeatmapCodec(size, sigma=1.0)

    def encode(self, sample, generator=None):
        return self.heatmaps.encode(sample)

    def loss(self, output, targets):
        pull = (output.tags - output.tags.mean()).square().mean()
        return self.heatmaps.loss(output.heatmaps, targets) + pull

    def mirror(self, output):
        return Tagged(*(self.heatmaps.mirror(part) for part in output))

    def merge(self, output, mirrored):
        """Heatmaps are averaged; of tags both are kept."""
        tags = torch.stack([output.tags, mirrored.tags], -1)
        return Tagged(mean_of(output.heatmaps, mirrored.heatmaps), tags)

    def decode(self, output):
        return Poses.stack([self._one(*parts) for parts in zip(*output, strict=True)])

    def _one(self, heatmaps, tags):
        """The people of one image: peaks of joint 0 with their tags, rounded."""
        joint, y, x = local_maxima(heatmaps, 0.5).nonzero().unbind(1)
        own = tags[joint, y, x][:, None].flatten(1)  # [N, 1 or 2]
        people = own.round().unique(dim=0)
        points = heatmaps.new_zeros(len(people), JOINTS, 2)
        scores = heatmaps.new_zeros(len(people), JOINTS)
        for i, person in enumerate(people):
            mine = (own.round() == person).all(1)
            cells = torch.stack([x, y], 1)[mine].to(heatmaps)
            points[i, joint[mine]] = cells_to_pixels(cells, 4)
            scores[i, joint[mine]] = heatmaps[joint, y, x][mine]
        return Poses(points, scores)


class TagNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = conv(2 * JOINTS)

    def forward(self, images):
        return Tagged(*self.layers(images).chunk(2, 1))


def crowded():
    """Three images with 2, 0 and 1 people: everybody has a tag and all joints."""
    heatmaps = torch.zeros(3, JOINTS, 16, 12)
    tags = torch.zeros(3, JOINTS, 16, 12)
    for image, person, cell in ((0, 1, 2), (0, 2, 8), (2, 3, 5)):
        heatmaps[image, torch.arange(JOINTS), torch.arange(JOINTS) % 13 + 1, cell] = 1
        tags[image, :, :, cell] = 10 * person
    return Tagged(heatmaps, tags)


@pytest.mark.slow
def test_tags_learn_and_are_not_averaged():
    codec = TagCodec(SIZE)
    net = learns(TagNet(), codec)
    inputs, _ = codec.encode(samples())
    found = flip_test(net, inputs, codec)
    plain, turned = net(*inputs), codec.mirror(net(inputs[0].flip(-1)))
    assert found.tags.shape == (3, JOINTS, 16, 12, 2)
    torch.testing.assert_close(found.tags[..., 0], plain.tags)
    torch.testing.assert_close(found.tags[..., 1], turned.tags)
    torch.testing.assert_close(found.heatmaps, (plain.heatmaps + turned.heatmaps) / 2)


@pytest.mark.parametrize("merged", [False, True])
def test_as_many_people_as_there_are(merged):
    codec, output = TagCodec(SIZE), crowded()
    if merged:  # the mirror's tags are on another scale, and both tell people apart
        other = Tagged(output.heatmaps, 100 - output.tags)
        output = codec.merge(output, other)
    poses = codec.decode(output)
    assert poses.keypoints.shape == (3, 2, JOINTS, 2)
    assert poses.present.sum(1).tolist() == [2, 0, 1]
    xs = [p.keypoints[:, :, 0].unique().tolist() for p in poses]
    assert xs == [[9.5, 33.5], [], [21.5]]


# --- the defaults --------------------------------------------------------------------


def test_a_codec_without_a_mirror_says_so():
    class Plain(DistanceCodec):
        mirror = Codec.mirror

    with pytest.raises(ArgumentError, match="Plain: mirror.*flip test"):
        flip_test(DistanceNet(), Plain().encode(samples())[0], Plain())


def test_the_mean_of_two_outputs_keeps_their_structure():
    one, two = torch.zeros(2), torch.full((2,), 4.0)
    found = mean_of({"a": (one, Tagged(one, two))}, {"a": (two, Tagged(two, two))})
    assert isinstance(found["a"], tuple)
    assert isinstance(found["a"][1], Tagged)
    assert found["a"][0].tolist() == found["a"][1].heatmaps.tolist() == [2, 2]
    assert found["a"][1].tags.tolist() == [4, 4]


@pytest.mark.parametrize(
    "codec",
    [RegressionCodec(SIZE), RegressionCodec(SIZE, unit=True), PointsCodec(SIZE)],
)
def test_joints_as_numbers_in_a_mirror(codec):
    sample = Sample.stack([make_sample(i, 1, SIZE) for i in range(4)])
    _, targets = codec.encode(sample)
    _, turned = codec.encode(flip(sample))
    back = codec.mirror(turned["target"])
    torch.testing.assert_close(back, targets["target"], atol=1e-4, rtol=0)
    points = codec.decode(back).keypoints
    torch.testing.assert_close(points, sample.keypoints, atol=1e-3, rtol=0)


def test_points_of_several_stages():
    codec, sample = PointsCodec(SIZE), samples()
    _, targets = codec.encode(sample)
    truth = targets["target"]
    assert codec.loss([truth, truth], targets) == 0
    assert codec.loss([truth + 1, truth], targets) == pytest.approx(2)
    stages = codec.stages([truth, truth + 1])
    assert [len(codec.decode(stage)) for stage in stages] == [3, 3]
    back = mirror_points(mirror_points(truth, 48, COCO_17), 48, COCO_17)
    torch.testing.assert_close(back, truth)
