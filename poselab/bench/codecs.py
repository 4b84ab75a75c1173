"""`python -m poselab.bench codecs`: reading, drawing and grouping against loops."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from poselab.bench.timing import interleaved

BATCH = 64
CROWDS = {8: ((192, 256), 5), 30: ((384, 512), 3)}  # people: size and seed


def numpy_draw_loop(points: np.ndarray, size: tuple[int, int], stride: int, sigma):
    """`draw_targets` of single people [B, J, 2] px, a joint at a time."""
    x, y = np.meshgrid(*(np.arange(n, dtype=np.float32) for n in size[::-1]))
    maps = np.zeros((*points.shape[:2], *size), np.float32)
    for place in np.ndindex(points.shape[:2]):
        u, v = (points[place] - (stride - 1) / 2) / stride
        maps[place] = np.exp(((x - u) ** 2 + (y - v) ** 2) / (-2 * sigma**2))
    return maps


def dark_loop(maps: np.ndarray, stride: int, kernel: np.ndarray):
    """DARK as its paper tells it, as a loop over joints: blur, log, one Newton step."""
    (h, w), half = maps.shape[2:], len(kernel) // 2
    points = np.zeros((*maps.shape[:2], 2), np.float32)
    for place in np.ndindex(maps.shape[:2]):
        y, x = divmod(int(maps[place].argmax()), w)
        blurred = np.pad(maps[place], half)
        blurred = sum(k * blurred[i : i + h] for i, k in enumerate(kernel))
        blurred = sum(k * blurred[:, i : i + w] for i, k in enumerate(kernel))
        cell = np.array([x, y], np.float32)
        if 1 < x < w - 2 and 1 < y < h - 2:
            near = np.log(np.maximum(blurred[y - 2 : y + 3, x - 2 : x + 3], 1e-10))
            gx, gy = (near[2, 3] - near[2, 1]) / 2, (near[3, 2] - near[1, 2]) / 2
            xx = (near[2, 4] - 2 * near[2, 2] + near[2, 0]) / 4
            yy = (near[4, 2] - 2 * near[2, 2] + near[0, 2]) / 4
            xy = (near[1, 1] + near[3, 3] - near[1, 3] - near[3, 1]) / 4
            step = np.array([xy * gy - yy * gx, xy * gx - xx * gy])
            cell += step / (xx * yy - xy**2)
        points[place] = stride * cell + (stride - 1) / 2
    return points


def codecs(repeats: int) -> dict[str, float]:
    """Heat maps of 64 people, 17 joints and 64x48 cells against loops over joints.

    "draw loop" calls `gaussian_heatmaps` for one joint after the other; "draw NumPy"
    and "DARK loop" are NumPy. `decode_dark` blurs only the 15x15 cells that its answer
    depends on, the loop the whole map.
    """
    from poselab.codecs import decode_dark, draw_targets, gaussian_heatmaps
    from poselab.codecs.heatmap_decode import gaussian_kernel, pixels_to_cells

    stride, size, sigma = 4, (64, 48), 2.0
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    generator = torch.Generator().manual_seed(0)
    extent = torch.tensor([size[1] - 20.0, size[0] - 20.0]) * stride  # no borders
    points = torch.rand(BATCH, 1, 17, 2, generator=generator) * extent + 10 * stride
    array, kernel = points[:, 0].numpy(), gaussian_kernel(11).float().numpy()
    points, seen = points.to(device), torch.ones(BATCH, 1, 17, device=device)
    maps = draw_targets(points, seen, size, stride, sigma)
    drawn = maps.cpu().numpy()

    def draw_loop() -> None:
        out = torch.zeros_like(maps)
        for b, j in np.ndindex(maps.shape[:2]):
            cell = pixels_to_cells(points[b, 0, j], stride)
            out[b, j] = gaussian_heatmaps(cell, size, sigma)

    jobs = {
        "draw": lambda: draw_targets(points, seen, size, stride, sigma),
        "draw loop": draw_loop,
        "draw NumPy": lambda: numpy_draw_loop(array, size, stride, sigma),
        "DARK": lambda: decode_dark(maps, stride)[0],
        "DARK loop": lambda: dark_loop(drawn, stride, kernel),
    }
    assert np.allclose(jobs["draw NumPy"](), drawn, atol=1e-5)
    assert np.allclose(jobs["DARK loop"](), jobs["DARK"]().cpu(), atol=1e-2)
    times = interleaved(jobs, repeats)
    pairs = [("draw loop", "draw"), ("draw NumPy", "draw"), ("DARK loop", "DARK")]
    ratios = {f"{a} / {b}": times[a] / times[b] for a, b in pairs}
    found = times | ratios
    for people in CROWDS:
        found |= {f"{k}, {people}": v for k, v in groupings(repeats, people).items()}
    return found


def groupings(repeats: int, people: int) -> dict[str, float]:
    """Perfect maps of one crowd grouped to people, by the package and by loops.

    Offsets only of few people: their loop over all cells is slow whoever is there.
    """
    import poselab.bench.plain.groupings as plain
    from poselab import codecs
    from poselab.codecs import offset_decode, part_affinity_group, tag_group
    from poselab.codecs.enlarged import Enlarged, enlarging
    from poselab.codecs.part_affinity import TREE
    from poselab.datasets import SyntheticPeople

    size, seed = CROWDS[people]
    crowd = SyntheticPeople(size=size, people=people, seed=seed).batch(1)
    both = enlarging((size[0] // 4, size[1] // 4), 4, size, size)
    fields = codecs.build("part_affinity", size=size)
    goal = fields.encode(crowd)[1]
    maps, heat, limbs = goal["fields"][0], goal["heatmaps"][0, :-1], fields.parts.limbs
    tags = codecs.build("tag", size=size)
    tops, numbers = tagged(tags.encode(crowd)[1])
    offset = codecs.build("offset", size=size, masks=False)
    answer = offset_decode.Answer.of(*answered(offset, offset.encode(crowd)[1]))

    def by_fields() -> part_affinity_group.People:
        large = Enlarged(maps, *both), Enlarged(heat, *both)
        return part_affinity_group.group(*large, limbs, TREE, fields.rules)[1]

    jobs = {
        "fields": by_fields,
        "fields loop": lambda: plain.fields_loop(
            maps, heat, limbs, TREE, size, fields.rules
        ),
        "tags": lambda: tag_group.group(tops, numbers[..., None], tags.rules)[0],
        "tags loop": lambda: plain.tags_loop(tops, numbers, tags.rules),
        "offsets": lambda: offset_decode.decode_people(
            answer, replace(offset.rules, min_score=0.0)
        )[0],
        "offsets loop": lambda: plain.offsets_loop(answer, offset.rules),
    }
    names = ["fields", "tags", "offsets"]
    if people > offset.rules.max_people:
        names.remove("offsets")
    members = [
        {j: m for j, m in enumerate(row) if m >= 0}
        for row in by_fields().members.tolist()
    ]
    assert members == jobs["fields loop"]()
    for name in names[1:]:
        assert np.allclose(jobs[name](), jobs[f"{name} loop"](), atol=1e-4)
    pairs = [(f"{name} loop", name) for name in names]
    times = interleaved({n: jobs[n] for pair in pairs for n in pair}, repeats)
    return times | {f"{a} / {b}": times[a] / times[b] for a, b in pairs}


def tagged(targets: dict) -> tuple[torch.Tensor, torch.Tensor]:
    """Heatmaps [J, h, w] of one image, and tags that tell its people apart."""
    heat, cells, there = (targets[k][0] for k in ("heatmaps", "cells", "there"))
    tags = torch.zeros_like(heat).flatten(1)
    for p, j in there.nonzero().tolist():
        tags[j, cells[p, j]] = 2 * p + 0.01 * j
    return heat, tags.view_as(heat)


def answered(codec, targets: dict) -> list[torch.Tensor]:
    """What a perfect network answers about one image, vectors in px."""
    names = ("short", "forward", "backward")
    fields = [targets[name][0] * codec.unit for name in names]
    return [targets["heatmaps"][0], *fields]
