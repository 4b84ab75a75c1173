"""Crowds without pictures, and outputs of a network that has learnt them exactly."""

from __future__ import annotations

import torch

from poselab.codecs.heatmap_decode import pixels_to_cells
from poselab.records import Sample

# COCO's joints of somebody who stands, in a box of 24 x 48 px.
STANDING = torch.tensor(
    [
        *([12.0, 6.0], [14.0, 4.0], [10.0, 4.0], [17.0, 6.0], [7.0, 6.0]),
        *([18.0, 14.0], [6.0, 14.0], [21.0, 21.0], [3.0, 21.0], [22.0, 28.0]),
        *([2.0, 28.0], [16.0, 28.0], [8.0, 28.0], [17.0, 37.0], [7.0, 37.0]),
        *([17.0, 46.0], [7.0, 46.0]),
    ]
)


def crowd(
    people: int, size: tuple[int, int], seed: int = 0, larger: float = 1.6
) -> Sample:
    """So many people on a grid, each a little different: a stacked sample of one image.

    No joint is closer than 8 px to the same joint of somebody else, nor to the border.
    """
    g = torch.Generator().manual_seed(seed)
    columns = max(1, int((people * size[1] / size[0] * 1.7) ** 0.5 + 0.999))
    rows = -(-people // columns)
    spots = torch.tensor([[i % columns, i // columns] for i in range(people)]).float()
    cell = torch.tensor([size[1] / columns, size[0] / rows])
    scale = min(larger, float(((cell - 8) / cell.new_tensor([26, 52])).min()))
    points = STANDING + 3 * torch.rand(people, 17, 2, generator=g) - 1.5
    points = points * scale + spots[:, None] * cell + 4
    points = points.reshape(people, 17, 2)
    low, high = points.amin(1), points.amax(1)
    boxes = torch.cat([low, high - low + 1], 1)
    who = torch.full(size, -1)
    for i, (x, y, w, h) in enumerate(boxes.round().int().tolist()):
        who[max(y, 0) : y + h, max(x, 0) : x + w] = i
    return Sample(
        image=torch.zeros(1, 3, *size),
        keypoints=points[None],
        visibility=torch.full((1, people, 17), 2),
        boxes=boxes[None],
        areas=boxes[None, :, 2:].prod(-1),
        person_id=who[None],
    )


def perfect_fields(codec, sample):
    """What `PartAffinityCodec` asks for, as an output."""
    _, targets = codec.encode(sample)
    return targets["fields"], targets["heatmaps"]


def perfect_tags(codec, sample):
    """What `TagCodec` asks for: the heatmaps, and a number for each person."""
    _, targets = codec.encode(sample)
    return torch.cat([targets["heatmaps"], nearest_person(codec, sample)], 1)


def perfect_fine_tags(codec, sample):
    """What `FineTagCodec` asks for."""
    _, targets = codec.encode(sample)
    coarse = torch.cat([targets["heatmaps"], nearest_person(codec, sample)], 1)
    return coarse, targets["fine"]


def nearest_person(codec, sample):
    """3 times the index of the person whose joint is nearest: [B, J, h, w]."""
    h, w = codec.heatmap_size
    y, x = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
    cells = pixels_to_cells(sample.keypoints, codec.stride)
    dx, dy = cells[..., 0, None, None] - x, cells[..., 1, None, None] - y
    apart = dx.square() + dy.square()
    there = (sample.visibility > 0)[..., None, None]
    apart = torch.where(there, apart, torch.inf)
    if not apart.shape[1]:
        return torch.zeros(len(cells), 17, h, w)
    return 3.0 * apart.argmin(1)


def perfect_offsets(codec, sample):
    """What `OffsetCodec` asks for, heatmaps as logits."""
    _, targets = codec.encode(sample)
    names = ("short", "forward", "backward", "far")
    output = {k: targets[k] for k in names if k in targets}
    logits = ("heatmaps", "people") if codec.masks else ("heatmaps",)
    return output | {k: 20 * (2 * targets[k] - 1) for k in logits}
