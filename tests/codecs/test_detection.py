"""The detection codec: targets of anchors and proposals, losses, selection."""

import pytest
import torch

from poselab.boxes import iou_xyxy
from poselab.codecs import DetectionCodec
from poselab.codecs.anchors import decode_boxes, encode_boxes
from poselab.codecs.detection import BOX_WEIGHTS, select_boxes
from poselab.datasets.sources import Source
from poselab.errors import ShapeError
from poselab.geometry import xywh_to_xyxy
from poselab.models import build
from poselab.records import Sample
from poselab.train import fit
from tests.support.samples import make_sample

SIZE = (96, 128)
CODEC = DetectionCodec(SIZE)


@pytest.fixture(scope="module")
def batch():
    return Sample.stack([make_sample(i, people=1 + i, size=SIZE) for i in range(3)])


def generator():
    return torch.Generator().manual_seed(0)


def people(targets):
    """The boxes of each image's people."""
    rows = zip(targets["boxes_xyxy"], targets["present"], strict=True)
    return [boxes[there] for boxes, there in rows]


def test_anchors_are_those_of_the_network():
    net = build("rcnn_tiny").eval()
    with torch.no_grad():
        output = net(torch.zeros(1, 3, *SIZE))
    assert torch.equal(output["anchors"], CODEC.anchors)


def test_what_anchors_learn(batch):
    _, targets = CODEC.encode(batch, generator())
    assert targets["present"].sum(1).tolist() == [1, 2, 3]
    goals = (people(targets), targets["objectness"], targets["anchor_deltas"])
    for boxes, target, deltas in zip(*goals, strict=True):
        overlap = iou_xyxy(CODEC.anchors, boxes)
        learns = target >= 0
        assert learns.sum() == CODEC.sampled
        assert 1 <= (target == 1).sum() <= CODEC.sampled // 2
        assert (overlap[target == 0] < 0.3).all()
        person = target == 1
        moved = decode_boxes(deltas[person], CODEC.anchors[person])
        assert torch.cdist(moved, boxes).amin(1).max() < 1e-2


def test_every_person_has_an_anchor(batch):
    all_learn = DetectionCodec(SIZE, sampled=10_000)
    _, targets = all_learn.encode(batch, generator())
    for boxes, target in zip(people(targets), targets["objectness"], strict=True):
        overlap = iou_xyxy(CODEC.anchors, boxes)
        assert (target[overlap.argmax(0)] == 1).all()


def answer(targets, codec=CODEC):
    """The output of a network that is right about everything."""
    target = targets["objectness"]
    boxes = people(targets)
    shift = torch.tensor([2.0, -1.0, 3.0, 1.0])
    proposals = torch.cat([torch.cat([b + shift, b + 500]) for b in boxes])
    goal = torch.cat([torch.cat([b, b + 500]) for b in boxes])
    person = torch.cat([torch.arange(2).repeat_interleave(len(b)) == 0 for b in boxes])
    near = iou_xyxy(proposals, goal).diagonal() >= 0.5
    person = person & near
    logits = 20.0 * torch.stack([~person, person], 1)
    deltas = encode_boxes(goal, proposals, BOX_WEIGHTS)
    image = torch.repeat_interleave(
        torch.arange(len(boxes)), torch.tensor([2 * len(b) for b in boxes])
    )
    return {
        "objectness": 20 * (2 * target - 1),
        "anchor_deltas": targets["anchor_deltas"],
        "proposals": proposals,
        "image": image,
        "logits": logits,
        "deltas": deltas[:, None].expand(-1, 2, 4),
    }


def test_the_right_answer_costs_nothing(batch):
    _, targets = CODEC.encode(batch, generator())
    assert CODEC.loss(answer(targets), targets) < 1e-4


@pytest.mark.parametrize("what", ["objectness", "anchor_deltas", "logits", "deltas"])
def test_each_answer_counts(batch, what):
    _, targets = CODEC.encode(batch, generator())
    output = answer(targets)
    output[what] = output[what] + 0.5 if "deltas" in what else -output[what]
    assert CODEC.loss(output, targets) > 0.01


def test_decoding_gives_the_people_back(batch):
    _, targets = CODEC.encode(batch, generator())
    found = CODEC.decode(answer(targets))
    assert found.present.sum(1).tolist() == [1, 2, 3]
    for one, boxes in zip(found, people(targets), strict=True):
        assert torch.cdist(xywh_to_xyxy(one.boxes), boxes).amin(1).max() < 1e-2
        assert (one.scores > 0.99).all()
        assert (one.labels == 1).all()


def test_the_codec_chooses_what_is_kept(batch):
    _, targets = CODEC.encode(batch, generator())
    output = answer(targets)
    assert DetectionCodec(SIZE, max_detections=1).decode(output).count == 3
    assert DetectionCodec(SIZE, score_threshold=1.0).decode(output).count == 0


def test_selection_keeps_classes_apart_and_counts():
    proposals = torch.tensor([[10.0, 10.0, 50.0, 50.0]] * 3)
    deltas = torch.zeros(3, 3, 4)
    logits = torch.tensor([[0.0, 5.0, 0.0], [0.0, 4.0, 0.0], [0.0, 0.0, 3.0]])
    boxes, scores, labels = select_boxes(proposals, logits, deltas, (60, 60), 0.3)
    assert labels.tolist() == [1, 2]
    assert scores[0] == pytest.approx(logits[0].softmax(0)[1].item())
    assert torch.equal(boxes, proposals[:2])
    few = select_boxes(proposals, logits, deltas, (60, 60), 0.3, max_detections=1)
    assert len(few[0]) == 1


def test_people_without_a_box_are_not_learnt(batch):
    hidden = batch.replace(boxes=torch.zeros_like(batch.boxes))
    _, targets = CODEC.encode(hidden, generator())
    assert (targets["objectness"] < 1).all()
    net = build("rcnn_tiny")
    assert torch.isfinite(CODEC.loss(net(batch.image), targets))


@pytest.mark.slow
def test_a_tiny_detector_learns_one_picture():
    """Sixty steps on one picture: its people are found."""
    torch.manual_seed(0)
    sample = make_sample(3, people=2, size=SIZE)

    class Same(Source):
        def batches(self, batch_size, seed=0):
            while True:
                yield Sample.stack([sample] * batch_size)

    net = build("rcnn_tiny")
    history = fit(net, CODEC, Same(), steps=60, batch_size=2, lr=2e-3, progress=False)
    assert history.loss[-1] < 0.5 * history.loss[0]
    found = net.detect(sample.image)
    overlap = iou_xyxy(xywh_to_xyxy(found.boxes), xywh_to_xyxy(sample.boxes))
    assert (overlap.amax(0) > 0.7).all()
    assert found.scores[0] > 0.8


def test_wrong_size(batch):
    with pytest.raises(ShapeError, match="image"):
        DetectionCodec((64, 64)).encode(batch)


def test_which_anchors_learn_is_drawn_at_random(batch):
    """More nobodies than may learn: another draw leaves others out."""
    few = DetectionCodec(SIZE, sampled=8)
    one, other = (
        few.encode(batch, torch.Generator().manual_seed(i))[1]["objectness"]
        for i in (0, 1)
    )
    assert ((one >= 0).sum(1) == 8).all()
    assert ((one == 1).sum(1) <= 4).all()
    assert not torch.equal(one, other)
