"""What crowds do to a network: wrong boxes, hidden joints, and the crowd index."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from poselab.datasets.box_errors import Errors, UniformErrors
from poselab.evaluate.predictions import predict
from poselab.metrics import coco_ap, crowding_of, oks, pck
from poselab.pipelines import BottomUp, SinglePerson
from poselab.recipes.rmpe import PROPOSALS
from poselab.records import Poses, Sample

NEAR = 0.1  # of the longer side of the true box: a joint so near is found
SMALLEST = 1 / 6  # of the scene's height: smaller people are left out
NOISE = (0.0, 0.3)
SEED = 9

Scores = dict[str, float]


def found_share(
    net: nn.Module, codec: Any, crowd: Sample, errors: Errors, seed: int = SEED
) -> float:
    """The share of labelled joints that `net` finds in boxes with `errors`.

    Of people in stacked scenes who are tall enough. A joint outside the wrong box is
    not found; near means a tenth of the true box (PCK@0.1). The draws are the same for
    each network, and for errors of one kind the same but for their size.
    """
    draws, single = torch.Generator().manual_seed(seed), SinglePerson(net, codec)
    device = next(net.parameters()).device
    right, total = 0, 0
    for one in crowd:
        boxes = errors.draw(one.boxes, draws)
        tall = one.boxes[:, 3] >= SMALLEST * one.size[0]
        found = single.poses(one.image.to(device), boxes[tall]).keypoints.cpu()
        far = (found - one.keypoints[tall]).norm(dim=-1)
        known = one.visibility[tall] > 0
        limit = NEAR * one.boxes[tall, 2:].amax(1, keepdim=True)
        right += int(((far <= limit) & known).sum())
        total += int(known.sum())
    return right / max(1, total)


def score_moved(net: nn.Module, codec: Any, crowd: Sample) -> Scores:
    """`found_share` for boxes off by up to each of `NOISE`, and as a detector's are."""
    scores = {
        f"off by {noise:g}": found_share(net, codec, crowd, UniformErrors(noise))
        for noise in NOISE
    }
    scores["proposals"] = found_share(net, codec, crowd, PROPOSALS)
    return {name: round(value, 4) for name, value in scores.items()}


def score_hidden(net: nn.Module, codec: Any, sample: Sample) -> Scores:
    """PCK@0.1 of visible and of hidden joints, one person per image."""
    images = sample.image.to(next(net.parameters()).device)
    return _by_flag(predict(net, images, codec=codec)[-1].cpu().float(), sample)


def _by_flag(points: Tensor, sample: Sample) -> Scores:
    """PCK@0.1 of points [N, J, 2] px, visible and hidden joints apart."""
    flags, boxes = sample.visibility[:, 0], sample.boxes[:, 0]
    truth = sample.keypoints[:, 0]
    return {
        name: round(float(pck(points, truth, own, "box", [NEAR], boxes=boxes)[0]), 4)
        for name, own in (
            ("visible", torch.where(flags == 2, flags, 0)),
            ("hidden", torch.where(flags == 1, flags, 0)),
        )
    }


@torch.no_grad()
def score_heads(net: nn.Module, codec: Any, sample: Sample) -> Scores:
    """What two heads are worth: `score_hidden`, and the same with the right head.

    "right head" reads each joint from the head that its true flag names, which nobody
    could do in use: what the choice by the higher peak costs. "flags" is how well that
    choice tells hidden from visible joints: the mean of the shares of either kind that
    are told right (0.5: not at all).
    """
    device, flags = next(net.parameters()).device, sample.visibility[:, 0]
    outputs = [net(images.to(device)) for images in sample.image.split(64)]
    heads = tuple(torch.cat(head).cpu() for head in zip(*outputs, strict=True))
    told = codec.hidden_wins(heads)  # [N, J]
    recall = [(told == hide)[flags == 2 - hide].float().mean() for hide in (0, 1)]
    scores = _by_flag(codec.decode(heads).keypoints[:, 0], sample)
    right = _by_flag(codec.decode(heads, flags == 1).keypoints[:, 0], sample)
    right = {f"{name}, right head": value for name, value in right.items()}
    return {**scores, **right, "flags": round(float(sum(recall)) / 2, 4)}


def thirds(values: Tensor) -> list[Tensor]:
    """Indices of the lowest, the middle and the highest third of values [N]."""
    return list(values.argsort(stable=True).tensor_split(3))


def ap_by_crowding(crowd: Sample, found: Sequence[Poses]) -> list[tuple[float, float]]:
    """(Mean crowd index, AP) of the easy, the medium and the hard third of scenes.

    `crowd` is stacked, `found` one `Poses` for each scene.
    """
    crowding = crowding_of(crowd)
    return [
        (
            float(crowding[part].mean()),
            float(coco_ap(crowd[part], [found[i] for i in part.tolist()])["AP"]),
        )
        for part in thirds(crowding)
    ]


def score_heights(system: BottomUp, crowd: Sample) -> Scores:
    """AP, and the mean OKS of the best match of people by thirds of their height."""
    device = next(system.net.parameters()).device
    found = [system(image.to(device)) for image in crowd.image]
    values = torch.cat([_best(p, one) for p, one in zip(found, crowd, strict=True)])
    heights = torch.cat([one.boxes[:, 3] for one in crowd])
    edges = heights.quantile(torch.tensor([1 / 3, 2 / 3]))
    third = torch.bucketize(heights, edges)
    scores = coco_ap(crowd, found)
    kept = {name: round(scores[name], 4) for name in ("AP", "AP50")}
    for i, name in enumerate(("small", "middle", "tall")):
        own = values[(third == i) & values.isfinite()]
        kept[name] = round(float(own.mean()), 4)
    return kept


def _best(found: Poses, one: Sample) -> Tensor:
    """The OKS [P] of each person's best match; 0 where nobody was found."""
    table = oks(found.keypoints.cpu(), one.keypoints, one.visibility, one.areas)
    return table.amax(0) if len(table) else torch.zeros(len(one.boxes))
