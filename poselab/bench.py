"""Measurements that the course quotes: `python -m poselab.bench NAME`.

Each compares alternatives in one run, repetition by repetition in turn, and prints
medians: what else the machine does then weighs on all of them alike.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch

from poselab.bench_metrics import metrics
from poselab.bench_official import official
from poselab.bench_scale import scale

BATCH, SIZE = 64, (128, 96)


def interleaved(
    jobs: dict[str, Callable[[], object]], repeats: int
) -> dict[str, float]:
    """Median seconds of each job; every repetition runs all of them in turn."""
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(repeats + 1):
        for name, job in jobs.items():
            start = time.perf_counter()
            job()
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            times[name].append(time.perf_counter() - start)
    # The first repetition warms up.
    return {name: statistics.median(values[1:]) for name, values in times.items()}


def training_step(device: torch.device) -> Callable[[], object]:
    """One step of the tiny DeepPose: encode, forward, backward, Adam."""
    from poselab.codecs.regression import RegressionCodec
    from poselab.datasets import SyntheticPeople
    from poselab.models.deeppose import DeepPose

    sample = SyntheticPeople(size=SIZE, seed=1, device=device).batch(BATCH)
    torch_state = torch.random.get_rng_state()
    model, codec = DeepPose(17, SIZE).to(device), RegressionCodec(SIZE)
    torch.random.set_rng_state(torch_state)
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)

    def step() -> None:
        encoded = codec.encode(sample)
        loss = codec.loss(model(encoded["input"]), encoded)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()

    return step


def render(repeats: int) -> dict[str, float]:
    """Drawing a batch against training on it, and windows against full frames.

    "tight" and "full" draw the same scenes to the same pixels; "full" in slices of
    4 images, since it visits 200 times as many (primitive, pixel) pairs.
    """
    from poselab.datasets import SyntheticPeople
    from poselab.people.scene.scenes import draw, part

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    maker = SyntheticPeople(size=SIZE, device=device)
    scene = maker.scenes(BATCH, maker.generator())
    slices = [part(scene, range(i, i + 4)) for i in range(0, BATCH, 4)]
    times = interleaved(
        {
            "batch": lambda: maker.batch(BATCH),
            "step": training_step(device),
            "tight": lambda: draw(scene, SIZE),
            "full": lambda: [draw(s, SIZE, window="full") for s in slices[:4]],
        },
        repeats,
    )
    times["full"] *= len(slices) / 4
    ratios = {
        "render / step": times["batch"] / times["step"],
        "full / tight": times["full"] / times["tight"],
    }
    return times | ratios


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

    "draw loop" calls `gaussian_maps` for one joint after the other; "draw NumPy" and
    "DARK loop" are NumPy. `decode_dark` blurs only the 15x15 cells that its answer
    depends on, the loop the whole map.
    """
    from poselab.codecs import decode_dark, draw_targets, gaussian_maps
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
            out[b, j] = gaussian_maps(cell, size, sigma)

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
    return times | {f"{a} / {b}": times[a] / times[b] for a, b in pairs}


def nms_loop(boxes: np.ndarray, scores: np.ndarray, threshold: float) -> list[int]:
    """Greedy suppression box by box, as it is told."""
    left, kept = np.argsort(-scores, kind="stable").tolist(), []
    while left:
        best = left.pop(0)
        kept.append(best)
        staying = []
        for i in left:
            low = np.maximum(boxes[best, :2], boxes[i, :2])
            high = np.minimum(boxes[best, 2:], boxes[i, 2:])
            inter = np.maximum(high - low, 0).prod()
            areas = (boxes[[best, i], 2:] - boxes[[best, i], :2]).prod(1).sum()
            if inter <= threshold * (areas - inter):
                staying.append(i)
        left = staying
    return kept


def roi_align_loop(level: np.ndarray, boxes: np.ndarray, stride: int, bins: int = 7):
    """RoIAlign of a map [C, h, w] as a loop over boxes, bins and points."""
    (_, h, w), out = level.shape, np.zeros((len(boxes), len(level), bins, bins), "f4")
    for k, (x0, y0, x1, y1) in enumerate(boxes / stride):
        bh, bw = max(y1 - y0, 1.0) / bins, max(x1 - x0, 1.0) / bins
        for i, j, m, n in np.ndindex(bins, bins, 2, 2):
            y = min(max(y0 + (i + (m + 0.5) / 2) * bh, 0.0), h - 1.0)
            x = min(max(x0 + (j + (n + 0.5) / 2) * bw, 0.0), w - 1.0)
            r, c = int(y), int(x)
            down, right = min(r + 1, h - 1), min(c + 1, w - 1)
            upper = (1 - x + c) * level[:, r, c] + (x - c) * level[:, r, right]
            lower = (1 - x + c) * level[:, down, c] + (x - c) * level[:, down, right]
            out[k, :, i, j] += ((1 - y + r) * upper + (y - r) * lower) / 4
    return out


def top_down(repeats: int) -> dict[str, float]:
    """RoIAlign and NMS of 200 boxes, all at once against box by box in NumPy."""
    from poselab.codecs.boxes import nms
    from poselab.models.rcnn import roi_align

    g, n = torch.Generator().manual_seed(0), 200
    corner = torch.rand(n, 2, generator=g) * torch.tensor([200.0, 130.0])
    side = 20 + 36 * torch.rand(n, 2, generator=g)
    boxes, scores = torch.cat([corner, corner + side], 1), torch.rand(n, generator=g)
    level, zero = torch.randn(1, 48, 24, 32, generator=g), torch.zeros(n).long()
    array, plain, values = (t.numpy() for t in (level[0], boxes, scores))
    jobs = {
        "RoIAlign": lambda: roi_align([level], boxes, zero, zero, (8,)),
        "RoIAlign loop": lambda: roi_align_loop(array, plain, 8),
        "NMS": lambda: nms(boxes, scores, 0.5),
        "NMS loop": lambda: nms_loop(plain, values, 0.5),
    }
    assert np.allclose(jobs["RoIAlign loop"](), jobs["RoIAlign"](), atol=1e-4)
    assert jobs["NMS loop"]() == jobs["NMS"]().tolist()
    times = interleaved(jobs, repeats)
    pairs = [("RoIAlign loop", "RoIAlign"), ("NMS loop", "NMS")]
    return times | {f"{a} / {b}": times[a] / times[b] for a, b in pairs}


BENCHES: dict[str, Callable[[int], dict[str, float]]] = {
    "render": render,
    "codecs": codecs,
    "official": official,
    "metrics": metrics,
    "scale": scale,
    "top_down": top_down,
}


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="poselab.bench", description=__doc__)
    parser.add_argument("name", choices=sorted(BENCHES))
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args(arguments)
    print(f"{torch.get_num_threads()} threads, medians of {options.repeats}")
    for name, value in BENCHES[options.name](options.repeats).items():
        unit = "" if "/" in name else " s"
        print(f"{name:24s} {value:8.3f}{unit}")


if __name__ == "__main__":
    main()
