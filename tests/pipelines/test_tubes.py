"""A network for clips as an estimator: its tubes, answers, memory, and a tracker."""

import pytest
import torch
from torch import nn

from poselab import codecs, zoo
from poselab.datasets import SyntheticPeople
from poselab.datasets.tubes import follow
from poselab.errors import ArgumentError, ShapeError
from poselab.models.inflate import inflate
from poselab.pipelines import SinglePerson, SingleTube, TopDown, TubePoses
from poselab.pipelines.track import Tracker
from poselab.records import Detections

FRAMES = 3
REACH = 7  # frames: as many layers as `heatmap_tiny` has that are wide in time


def tube_codec(frames=FRAMES):
    """For `heatmap_tiny`, inflated."""
    return codecs.TubeCodec(
        (128, 96), frames, sigma=1.5, criterion="cross_entropy", decoder="dark"
    )


class Known:
    """A detector that knows: the boxes of each frame [P, 4], frame after frame."""

    def __init__(self, boxes):
        self.boxes, self.asked = list(boxes), 0

    def detect(self, image, **thresholds):
        boxes = self.boxes[self.asked % len(self.boxes)]
        self.asked += 1
        n = len(boxes)
        return Detections(boxes, torch.linspace(0.9, 0.5, n), torch.ones(n).long())


class Ends(nn.Module):
    """A network for clips, asked about a clip that stands still before and after.

    Each end is repeated as far as kernels reach, so that no zeros come near.
    """

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, clips):
        first, last = (
            x.expand(-1, -1, REACH, -1, -1) for x in (clips[:, :, :1], clips[:, :, -1:])
        )
        return self.net(torch.cat([first, clips, last], 2))[:, :, REACH:-REACH]


class Listening(nn.Module):
    """Keeps the clips that it is asked about."""

    def forward(self, clips):
        self.clips = clips
        return torch.zeros(len(clips), 17, clips.shape[2], 32, 24)


@pytest.fixture(scope="module")
def clip():
    sample = SyntheticPeople((192, 256), (3, 3), split="test").clip(6, seed=1003)
    assert bool(sample.present.all())
    steps = sample.boxes[1:] - sample.boxes[:-1]
    assert int((steps.abs().amax((0, 2)) > 5).sum()) == 2  # walk, and one stands
    return sample


@pytest.fixture(scope="module")
def flat():
    return zoo.load("heatmap_tiny")


def farthest(found, other):
    """The largest distance of two systems' joints, px."""
    return float((found.keypoints - other.keypoints).abs().max())


@pytest.mark.parametrize("flip", [False, True])
def test_inflated_at_the_centre_it_is_the_system_for_pictures(clip, flat, flip):
    wide = inflate(flat, FRAMES, "centre")
    system = TubePoses(Known(clip.boxes), wide, tube_codec(), flip=flip)
    plain = TopDown(Known(clip.boxes), flat, flat.codec, flip=flip)
    for image in clip.image:
        found, other = system(image), plain(image)
        assert found.count == other.count > 0
        assert farthest(found, other) < 1e-4
        for field in ("scores", "boxes", "person_scores"):
            ours, theirs = getattr(found, field), getattr(other, field)
            assert torch.allclose(ours, theirs, atol=1e-5), field
    whole = TubePoses(Known(clip.boxes), wide, tube_codec(), flip=flip)(clip.image)
    assert farthest(whole, plain(clip.image)) < 1e-4


def test_boxes_and_framed_people_are_taken_as_the_system_for_pictures_takes_them(
    clip, flat
):
    wide = inflate(flat, FRAMES, "centre")
    system = TubePoses(Known([]), wide, tube_codec())
    for frame in clip:
        found = system.poses(frame.image, frame.boxes)
        other = SinglePerson(flat, flat.codec).poses(frame.image, frame.boxes)
        assert farthest(found, other) < 1e-4
        assert torch.equal(found.boxes, frame.boxes)
    one = follow(clip, 0, (160, 120)).image
    framed = SingleTube(wide, tube_codec())(one)
    assert farthest(framed, SinglePerson(flat, flat.codec)(one)) < 1e-4


def test_inflated_by_the_mean_only_a_still_clip_is_the_same(clip, flat):
    wide = inflate(flat, FRAMES, "mean")
    boxes = clip.boxes[0]
    plain = SinglePerson(flat, flat.codec)

    def gap(net, frames, moves):
        system = TubePoses(Known([]), net, tube_codec())
        for image, own in zip(frames, moves, strict=True):
            found = system.poses(image, own)
        return farthest(found, plain.poses(image, own))

    still, stays = [clip.image[0]] * 4, [boxes] * 4
    assert gap(Ends(wide), still, stays) < 1e-4
    assert gap(Ends(wide), clip.image, clip.boxes) > 1
    # The newest frame is an end: zeros beyond it are a part of an untrained mean.
    assert gap(wide, still, stays) > 1


def test_tubes_are_cut_as_those_that_the_network_learned_from(clip):
    net = Listening()
    system = TubePoses(Known([]), net, tube_codec())
    order = torch.tensor([2, 0, 1])  # a detector may name people in any order
    for t, frame in enumerate(clip):
        boxes = frame.boxes[order] if t % 2 else frame.boxes
        system.poses(frame.image, boxes)
        who = order.tolist() if t % 2 else [0, 1, 2]
        last = [max(0, t - 2), max(0, t - 1), t]  # before the first: the first again
        for row, person in enumerate(who):
            cut = follow(clip[torch.tensor(last)], person).image
            seen = net.clips[row].transpose(0, 1)
            assert torch.allclose(seen, cut, atol=1e-5)


@pytest.mark.parametrize("before", [[], [0]])  # nobody, and somebody elsewhere
def test_who_was_not_there_is_cut_at_the_same_place(clip, before):
    net = Listening()
    system = TubePoses(Known([]), net, tube_codec())
    system.poses(clip.image[0], clip.boxes[0, :1])
    system.poses(clip.image[3], clip.boxes[3, before])
    system.poses(clip.image[5], clip.boxes[5, 2:])
    there = clip[torch.tensor([0, 3, 5])]
    cut = follow(there.replace(boxes=clip.boxes[5].expand(3, 3, 4)), 2).image
    assert torch.allclose(net.clips[0].transpose(0, 1), cut, atol=1e-5)


def test_a_tracker_gives_the_tracks_of_the_system_for_pictures(clip, flat):
    wide = inflate(flat, FRAMES, "centre")
    tracks = [
        Tracker(system, person_score=0.1)(clip.image)
        for system in (
            TubePoses(Known(clip.boxes), wide, tube_codec()),
            TopDown(Known(clip.boxes), flat, flat.codec),
        )
    ]
    for ours, theirs in zip(*tracks, strict=True):
        assert torch.equal(ours.track_ids, theirs.track_ids)
        assert farthest(ours, theirs) < 1e-4
    assert tracks[0][-1].track_ids.sort().values.tolist() == [0, 1, 2]


@pytest.mark.parametrize("how", ["tracker", "clip", "reset", "size"])
def test_nothing_is_left_of_the_last_clip(clip, how):
    net = Listening()
    system = TubePoses(Known(clip.boxes[:1]), net, tube_codec())
    image = clip.image[0]
    if how == "tracker":
        tracker = Tracker(system)
        tracker(1 - clip.image[1:3])
        tracker(image[None])
    elif how == "clip":
        system(1 - clip.image[1:3])
        system(image)
    elif how == "reset":
        system(1 - image)
        system.reset()
        system(image)
    else:
        system(torch.ones(3, 200, 256))
        system(image)
    alone = SinglePerson(nn.Identity(), tube_codec()).crops(image, clip.boxes[0])[0]
    for t in range(FRAMES):
        assert torch.allclose(net.clips[:, :, t], alone)
    system(1 - image)
    assert torch.allclose(net.clips[:, :, 1], alone)  # and it remembers
    assert not torch.allclose(net.clips[:, :, 2], alone)


def test_a_reader_may_use_its_memory_again(clip):
    net = Listening()
    system = TubePoses(Known(clip.boxes[:1]), net, tube_codec())
    buffer = clip.image[0].clone()
    system(buffer)
    before = net.clips[:, :, -1].clone()
    buffer.copy_(clip.image[5])
    system(buffer)
    assert torch.allclose(net.clips[:, :, 1], before)


def test_nobody_and_one_frame_only(clip, flat):
    net = inflate(flat, FRAMES, "centre")
    boxes = [clip.boxes[0], torch.zeros(0, 4), clip.boxes[2]]
    tracks = Tracker(TubePoses(Known(boxes), net, tube_codec()))(clip.image[:3])
    assert [p.count for p in tracks] == [3, 0, 3]
    empty = TubePoses(Known([torch.zeros(0, 4)]), net, tube_codec())
    assert empty(clip.image[0]).count == 0
    one = TubePoses(Known(clip.boxes), net, tube_codec())(clip.image[:1])
    assert one.keypoints.shape == (1, 3, 17, 2)


def test_networks_and_codecs_that_take_no_clips(clip, flat):
    with pytest.raises(ArgumentError, match="codec = 'HeatmapCodec': takes no clips"):
        TubePoses(Known(clip.boxes), flat, flat.codec)
    known = {"detector": Known(clip.boxes), "codec": tube_codec()}
    for flip in (False, True):
        system = TubePoses(net=flat, **known, flip=flip)
        with pytest.raises(ArgumentError, match="'HeatmapNet'.*no clips of 3 frames"):
            system(clip.image[0])
    for answer in (torch.zeros(3, 17, 32, 24), torch.zeros(3, 17, 2, 32, 24), None):
        system = TubePoses(net=lambda clips, a=answer: a, **known)
        with pytest.raises(ArgumentError, match="takes no clips of 3 frames"):
            system(clip.image[0])


def test_an_error_inside_a_network_for_clips_stays_what_it_is(clip):
    net = nn.Conv3d(4, 17, 3)  # for pictures of four channels
    with pytest.raises(RuntimeError, match="channels"):
        TubePoses(Known(clip.boxes), net, tube_codec())(clip.image[0])


def test_bad_detectors_and_frames(clip, flat):
    net = inflate(flat, FRAMES, "centre")
    with pytest.raises(ArgumentError, match="TubePoses: detector.*has a method detect"):
        TubePoses(clip.boxes, net, tube_codec())
    system = TubePoses(Known(clip.boxes), net, tube_codec())
    for bad in (None, clip.image.numpy(), torch.zeros(96, 128), torch.zeros(3, 0, 5)):
        with pytest.raises(ShapeError, match="TubePoses: image.*expected an image"):
            system(bad)
    with pytest.raises(ArgumentError, match="numbers from 0 to 1"):
        system((255 * clip.image[0]).byte())
    with pytest.raises(ShapeError, match="image"):
        system.poses(None, clip.boxes[0])
    with pytest.raises(ShapeError, match="boxes"):
        system.poses(clip.image[0], torch.zeros(3, 5))
    with pytest.raises(ArgumentError, match="positive width"):
        system.poses(clip.image[0], torch.zeros(1, 4))
    assert (
        farthest(
            system.poses(clip.image[0], clip.boxes[0]),
            SinglePerson(flat, flat.codec).poses(clip.image[0], clip.boxes[0]),
        )
        < 1e-4
    )
