"""Detectors: equal to the released ones part by part, and their pieces alone."""

import json

import numpy as np
import pytest
import torch

from poselab.codecs.anchors import decode_boxes, encode_boxes, grid_anchors
from poselab.errors import ShapeError
from poselab.models.normalise import IMAGENET
from poselab.models.rcnn import (
    decode_keypoints,
    fasterrcnn,
    keypointrcnn,
    level_of,
    maskrcnn,
    paste_masks,
    roi_align,
)
from tests.support import golden

BUILDERS = {
    "fasterrcnn": fasterrcnn,
    "maskrcnn": maskrcnn,
    "keypointrcnn": keypointrcnn,
}
OPS = golden.FOLDER / "alg_torchvision_ops"
WEIGHTS = {"coder_decoded_w1": (1.0,) * 4, "coder_decoded_w10": (10.0, 10.0, 5.0, 5.0)}


@pytest.fixture(scope="module")
def ops():
    return {k: torch.from_numpy(v) for k, v in np.load(f"{OPS}.npz").items()}


@pytest.mark.parametrize("name", WEIGHTS)
def test_decoding_boxes(ops, name):
    deltas = ops["coder_deltas"].view(-1, 2, 4)
    decoded = decode_boxes(deltas, ops["coder_boxes"][:, None], WEIGHTS[name])
    torch.testing.assert_close(decoded, ops[name], atol=1e-4, rtol=1e-6)


def test_encoding_boxes(ops):
    weights = WEIGHTS["coder_decoded_w10"]
    encoded = encode_boxes(ops["coder_gt"], ops["coder_boxes"], weights)
    torch.testing.assert_close(encoded, ops["coder_encoded_w10"], atol=1e-4, rtol=1e-6)


def test_anchors(ops):
    maps = [(32, 40), (16, 20), (8, 10), (4, 5), (2, 3)]
    levels = grid_anchors((128, 160), maps, (32, 64, 128, 256, 512))
    assert [len(a) for a in levels] == ops["anchor_level_count"].tolist()
    torch.testing.assert_close(torch.cat(levels), ops["anchors"], atol=1e-4, rtol=0)


def test_keypoints_of_boxes(ops):
    scale = json.loads(OPS.with_suffix(".json").read_text())["arrays"]["kp_heatmap_q"]
    assert "2**-10" in scale["what"]
    logits = ops["kp_heatmap_q"].float() * 2**-10
    points, scores = decode_keypoints(logits, ops["kp_boxes"])
    torch.testing.assert_close(points, ops["kp_xyv"][..., :2], atol=1e-4, rtol=0)
    torch.testing.assert_close(scores, ops["kp_scores"], atol=1e-4, rtol=0)


def test_masks_pasted_into_the_image(ops):
    pasted = paste_masks(ops["mask_prob"][:, 0], ops["mask_boxes"], (64, 80))
    torch.testing.assert_close(pasted, ops["mask_pasted"][:, 0], atol=1e-4, rtol=0)


def test_level_of_a_box(ops):
    assert torch.equal(level_of(ops["level_boxes"]), ops["level"])


def plain_roi_align(level, box, stride, bins, samples=2):
    """One box of one map [C, h, w], as the paper tells it: loops over bins, points."""
    (_, h, w), (x0, y0, x1, y1) = level.shape, (box / stride).tolist()
    size = max(x1 - x0, 1.0) / bins, max(y1 - y0, 1.0) / bins
    out = level.new_zeros(len(level), bins, bins)
    for i, j, m, n in np.ndindex(bins, bins, samples, samples):
        y = y0 + (i + (m + 0.5) / samples) * size[1]
        x = x0 + (j + (n + 0.5) / samples) * size[0]
        if not (-1 <= y <= h and -1 <= x <= w):
            continue
        y, x = min(max(y, 0.0), h - 1), min(max(x, 0.0), w - 1)
        r, c = int(y), int(x)
        below, right = min(r + 1, h - 1), min(c + 1, w - 1)
        out[:, i, j] += (r + 1 - y) * (
            (c + 1 - x) * level[:, r, c] + (x - c) * level[:, r, right]
        )
        out[:, i, j] += (y - r) * (
            (c + 1 - x) * level[:, below, c] + (x - c) * level[:, below, right]
        )
    return out / samples**2


def random_boxes(n, extent, generator):
    corner = torch.rand(n, 2, generator=generator) * extent - extent / 8
    side = torch.rand(n, 2, generator=generator).square() * extent
    return torch.cat([corner, corner + side], 1)


def test_roi_align_is_its_definition():
    """Boxes inside, across the border and outside, tiny and large, on two images."""
    g = torch.Generator().manual_seed(0)
    levels = [torch.randn(2, 3, n, n + 2, generator=g).double() for n in (16, 8, 4)]
    boxes = random_boxes(40, 70.0, g).double()
    image, level = torch.arange(40) % 2, torch.arange(40) % 3
    strides = (4, 8, 16)
    got = roi_align(levels, boxes, image, level, strides, output_size=5)
    rows = zip(boxes, image.tolist(), level.tolist(), strict=True)
    wanted = [plain_roi_align(levels[n][i], b, strides[n], 5) for b, i, n in rows]
    torch.testing.assert_close(got, torch.stack(wanted), atol=1e-10, rtol=0)


def test_roi_align_reads_a_ramp_exactly():
    """On a plane, the mean of a bin is the plane at the bin's centre."""
    y, x = torch.meshgrid(torch.arange(20.0), torch.arange(30.0), indexing="ij")
    plane = (3 * x + 7 * y)[None, None]
    box = torch.tensor([[16.0, 8.0, 72.0, 64.0]])  # 2 cells of stride 4 a bin
    zero = torch.zeros(1, dtype=torch.int64)
    got = roi_align([plane], box, zero, zero, (4,), output_size=7)[0, 0]
    cell = torch.arange(7) * 2 + 1.0
    torch.testing.assert_close(got, 3 * (4 + cell)[None] + 7 * (2 + cell)[:, None])


def test_roi_align_sends_gradients_to_the_cells_it_read():
    level = torch.zeros(1, 2, 8, 8, requires_grad=True)
    box, zero = torch.tensor([[8.0, 8.0, 16.0, 16.0]]), torch.tensor([0])
    roi_align([level], box, zero, zero, (4,), output_size=2).sum().backward()
    assert level.grad[0, 0, 2:4, 2:4].abs().min() > 0
    assert level.grad[0, 0, 5:].abs().max() == 0
    assert level.grad.sum() == pytest.approx(2 * 4)  # weights of a bin sum to 1


def test_no_boxes_no_features():
    empty = torch.zeros(0, dtype=torch.int64)
    got = roi_align([torch.rand(1, 3, 8, 8)], torch.zeros(0, 4), empty, empty, (4,))
    assert got.shape == (0, 3, 7, 7)


SMALL = dict(depth=18, width=16)


@pytest.mark.parametrize("size", [(96, 128), (45, 77)])
@pytest.mark.parametrize("build", [fasterrcnn, maskrcnn, keypointrcnn])
def test_detects_on_an_image_of_any_size(build, size):
    torch.manual_seed(0)
    net = build(**SMALL).eval()
    net.side = (64, 100)
    # An untrained network is sure of nothing.
    found = net.detect(torch.rand(3, *size), score_threshold=0.0)
    n = len(found.scores)
    assert 0 < n <= 100
    assert found.boxes.shape == (n, 4)
    assert (found.boxes[:, :2] >= 0).all()
    edge = found.boxes[:, :2] + found.boxes[:, 2:]
    assert (edge <= torch.tensor([size[1], size[0]]) + 1e-3).all()
    assert (found.scores.diff() <= 0).all()
    if build is maskrcnn:
        assert found.masks.shape == (n, *size)
    if build is keypointrcnn:
        assert found.keypoints.shape == (n, 17, 2)
        assert found.keypoint_scores.shape == (n, 17)


def test_the_image_is_resized_as_the_detector_was_trained():
    net = fasterrcnn(**SMALL)
    image = torch.zeros(3, 480, 640)
    prepared, size = net.prepare(image)
    assert size == (800, 1066)
    assert prepared.shape == (1, 3, 800, 1088)
    mean, std = (torch.tensor(v) for v in (IMAGENET.mean, IMAGENET.std))
    torch.testing.assert_close(prepared[0, :, 5, 5], -mean / std)
    assert prepared[..., 1066:].abs().max() == 0
    assert net.prepare(torch.zeros(3, 200, 800))[1] == (333, 1333)


def test_nothing_found_is_an_empty_answer():
    torch.manual_seed(0)
    net = keypointrcnn(**SMALL).eval()
    net.side = (64, 100)
    found = net.detect(torch.rand(3, 64, 64), score_threshold=1.0)
    assert found.boxes.shape == (0, 4)
    assert found.keypoints.shape == (0, 17, 2)


def test_gradients_reach_every_part():
    torch.manual_seed(0)
    net = fasterrcnn(depth=18, width=8)
    out = net(torch.rand(2, 3, 64, 64))
    parts = ("objectness", "anchor_deltas", "logits", "deltas")
    sum(out[name].square().mean() for name in parts).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in net.parameters())


def test_a_batch_is_not_an_image():
    with pytest.raises(ShapeError, match="image"):
        fasterrcnn(**SMALL).detect(torch.rand(1, 3, 64, 64))


def test_thresholds_of_one_call_leave_the_network_as_it_was():
    torch.manual_seed(0)
    net = fasterrcnn(**SMALL).eval()
    net.side, image = (64, 100), torch.rand(3, 64, 64)
    before = (net.score_threshold, net.iou_threshold, net.max_detections)
    all_of_them = {"score_threshold": 0.0, "max_detections": 100_000}
    every = net.detect(image, **all_of_them, iou_threshold=1.0)
    apart = net.detect(image, **all_of_them, iou_threshold=0.1)
    few = net.detect(image, score_threshold=0.0, iou_threshold=1.0, max_detections=3)
    sure = net.detect(image, score_threshold=0.01)
    assert torch.equal(few.boxes, every.boxes[:3])
    assert 0 < len(apart.scores) < len(every.scores)
    assert (sure.scores > 0.01).all()
    assert (net.score_threshold, net.iou_threshold, net.max_detections) == before
