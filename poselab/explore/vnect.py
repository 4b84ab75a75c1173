"""The explorers of notebook 14 about VNect: location maps and where they are read, and
the filter that follows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from poselab.codecs.heatmap_decode import cells_to_pixels, pixels_to_cells
from poselab.codecs.space import LocationMapCodec, root_joint
from poselab.draw import PREDICTION, TRUTH, style, to_pil
from poselab.draw.overlay import crossed, heated, legend, ringed, titled
from poselab.draw.scene3d import View, paint_scene3d, person
from poselab.errors import require_shape
from poselab.explore.base import Explorer
from poselab.explore.controls import choice, image_slider, joint_menu, slider
from poselab.explore.inputs import device_of, expect, fitting, remembered, single_people
from poselab.explore.pictures import Chart, beside
from poselab.metrics import mpjpe
from poselab.pipelines.smoothing import lag_of, low_pass, one_euro
from poselab.records import Sample
from poselab.skeleton import Skeleton

__all__ = ["FilterExplorer", "LocationMapExplorer"]

_MAPS = (("heatmap", -1), ("X (right)", 0), ("Y (down)", 1), ("Z (away)", 2))
_REACH = 0.8  # m from the root that the colours of a location map cover
_LOW, _HIGH = np.array([0, 114, 178]), np.array([213, 94, 0])  # blue, vermilion


def location_colours(image: Tensor, location: Tensor, scale: int) -> Image.Image:
    """An image [3, H, W] in grey under a location map [h, w] in metres.

    Blue is below 0, white 0, orange above, full at 0.8 m.
    """
    height, width = (n * scale for n in image.shape[-2:])
    wide = F.interpolate(location[None, None], (height, width), mode="nearest")[0, 0]
    share = (wide / _REACH).clamp(-1, 1)[..., None].numpy()
    ink = np.where(share < 0, _LOW, _HIGH)
    colour = 255 + np.abs(share) * (ink - 255)
    grey = np.asarray(to_pil(image, scale).convert("L"), np.float32)[..., None]
    return Image.fromarray((0.35 * grey + 0.65 * colour).astype(np.uint8))


class LocationMapExplorer(Explorer):
    """One map of a joint, where it is read, and the pose that comes out of it.

    `network` gives what `codec`, a `LocationMapCodec`, reads; `samples` is a stacked
    `Sample` with one person per image and joints_3d. Every joint is read `off` px from
    the peak of its heatmap, in directions drawn once: noise in the 2D estimate.
    """

    def __init__(
        self,
        network: nn.Module,
        codec: LocationMapCodec,
        samples: Sample,
        *,
        width: int = 900,
        **values: Any,
    ) -> None:
        fix = "Give zoo.load('vnect_tiny') and its codec."
        self.codec = expect(codec, LocationMapCodec, "codec", fix)
        self.network = fitting(network, codec, fix)
        self.samples, self.skeleton = single_people(samples), samples.skeleton
        draws = torch.Generator().manual_seed(0)
        turns = 2 * math.pi * torch.rand(len(self.skeleton), generator=draws)
        self.ways = torch.stack([turns.cos(), turns.sin()], -1)  # [J, 2]
        controls = {
            "image": image_slider(samples),
            "joint": joint_menu(self.skeleton),
            "map": choice("map", _MAPS, 2, help="which of the joint's four maps"),
            "off": slider("read off by (px)", 0, 40, 0, 1),
            "yaw": slider("view, around", -180, 180, -60, 5),
            "pitch": slider("view, up", -20, 90, 10, 5),
        }
        groups = {
            "Maps": ("image", "joint", "map"),
            "Reading": ("off",),
            "View": ("yaw", "pitch"),
        }
        super().__init__(
            self._paint, controls, groups=groups, values=values, width=width
        )

    @remembered
    def answer(self, image: int) -> tuple[Tensor, Tensor, Tensor]:
        """Heatmaps [J, h, w], location maps [3, J, h, w] m, peaks [J, 2] in cells."""
        picture = self.samples.image[image : image + 1].to(device_of(self.network))
        output = self.network(picture).cpu()
        logits, location = self.codec.parts(output.float())
        share = logits.flatten(2).softmax(-1).unflatten(-1, logits.shape[-2:])
        points = self.codec.decode(output).keypoints[0, 0]
        return share[0], location[0], pixels_to_cells(points, self.codec.stride)

    def read(self, image: int, off: float) -> tuple[Tensor, Tensor]:
        """Joints [J, 3] mm relative to the root, and where they are read, [J, 2] px."""
        _, location, peaks = self.answer(image)
        cells = peaks + off / self.codec.stride * self.ways
        joints = self.codec.read(location[None], cells[None])[0]
        return joints, cells_to_pixels(cells, self.codec.stride)

    def _paint(self, image, joint, map, off, yaw, pitch) -> tuple[Image.Image, str]:
        sample, j, scale = self.samples[image], self.skeleton.index(joint), 3
        share, location, peaks = self.answer(image)
        found, points = self.read(image, off)
        if map < 0:
            panel = heated(sample.image, share[j], scale)
        else:
            panel = location_colours(sample.image, location[map, j], scale)
        peak = cells_to_pixels(peaks[j], self.codec.stride)
        panel = ringed(panel, sample.keypoints[0, j], scale, TRUTH)
        panel = ringed(panel, peak, scale, "#F0E442", 5)
        panel = crossed(panel, points[j], scale, PREDICTION, 7)
        truth = sample.joints_3d[0] - root_joint(sample.joints_3d[0])
        mine = found - root_joint(found)
        shapes = [
            *person(truth, self.skeleton, TRUTH, width=4.0),
            *person(mine, self.skeleton, PREDICTION, width=4.0),
        ]
        view = View(yaw, pitch, 2.1, (0.0, 0.0, 0.0))
        space = paint_scene3d(shapes, view, (384, 440))
        name = joint.replace("_", " ")
        label = dict((value, text) for text, value in _MAPS)[map]
        sheet = beside(
            titled(panel, f"{name}: {label}", 20), titled(space, "in space", 20)
        )
        marks = {
            "truth": (TRUTH, "ring"),
            "peak of the heatmap": ("#F0E442", "ring"),
            "where it is read, and the pose": (PREDICTION, "cross"),
            "map: below 0": "#0072B2",
            "above 0": "#D55E00",
        }
        error = mpjpe(found, sample.joints_3d[0], skeleton=self.skeleton)
        own = (mine[j] - truth[j]).norm()
        caption = (
            f"Image {image}, {name}, {label}; all joints are read {off:g} px from the "
            f"peaks. {name}: read ({_three(mine[j])}) mm, truth "
            f"({_three(truth[j])}) mm, error {own:.0f} mm. MPJPE of the whole pose "
            f"{error:.0f} mm."
        )
        return legend(sheet, marks), caption


def _three(point: Tensor) -> str:
    return ", ".join(f"{value:.0f}" for value in point.tolist())


class FilterExplorer(Explorer):
    """A noisy coordinate over time, a One-Euro filter, and a plain low-pass beside it.

    `track` [T, J, 3] mm is the truth of one person's moving joints, `fps` its frame
    rate. `cutoff` is the lowest cut-off in Hz of both filters, `beta` how much the
    speed raises it, in Hz per m/s (0: they are the same).
    """

    def __init__(
        self, track: Tensor, skeleton, fps: float = 30.0, *, width: int = 820, **values
    ) -> None:
        expect(skeleton, Skeleton, "skeleton", "Such as poselab.skeleton.COCO_17.")
        require_shape("track", track, None, len(skeleton), 3)
        self.track, self.skeleton, self.fps = track.cpu(), skeleton, float(fps)
        draws = torch.Generator().manual_seed(0)
        self.noise = torch.randn(track.shape, generator=draws)
        controls = {
            "joint": joint_menu(skeleton, "left_ankle"),
            "axis": choice("coordinate", (("x", 0), ("y", 1), ("z", 2)), 0),
            "noise": slider("noise (mm)", 0, 60, 20, 5),
            "cutoff": slider("lowest cut-off (Hz)", 0.2, 8.0, 1.0, 0.2),
            "beta": slider("beta (Hz per m/s)", 0.0, 20.0, 4.0, 0.5),
        }
        time = np.arange(len(track)) / self.fps
        with style():
            self._chart = Chart(760, 420)
            axes = self._chart.axes
            names = ("measured", "truth", "one cut-off", "One-Euro")
            looks = (
                {"color": "#BBBBBB", "lw": 1.5},
                {"color": TRUTH, "lw": 4},
                {"color": "#0072B2", "lw": 2},
                {"color": "#D55E00", "lw": 2.5},
            )
            self._lines = {
                name: axes.plot(time, 0 * time, label=name, **look)[0]
                for name, look in zip(names, looks, strict=True)
            }
            axes.set_xlabel("time (s)")
            axes.set_ylabel("mm from the root")
            axes.set_xlim(0, time[-1])
            legend = axes.legend(
                loc="lower center", bbox_to_anchor=(0.5, 1), ncols=4, fontsize=13
            )
            legend.set_zorder(1)  # kept with the ticks: nothing lies under it
        super().__init__(self._paint, controls, values=values, width=width)

    def filtered(
        self, joint: int, noise: float, cutoff: float, beta: float
    ) -> dict[str, Tensor]:
        """A joint [T, 3] as measured, in truth, with one cut-off, and by One-Euro."""
        truth = self.track[:, joint]
        seen = truth + noise * self.noise[:, joint]
        return {
            "measured": seen,
            "truth": truth,
            "one cut-off": low_pass(seen, self.fps, cutoff),
            "One-Euro": one_euro(seen, self.fps, cutoff, beta / 1000),
        }

    def _paint(self, joint, axis, noise, cutoff, beta) -> tuple[Image.Image, str]:
        tracks = self.filtered(self.skeleton.index(joint), noise, cutoff, beta)
        for name, line in self._lines.items():
            line.set_ydata(tracks[name][:, axis].numpy())
        own = tracks["truth"][:, axis]
        low, high = float(own.min()), float(own.max())
        room = max(80.0, 0.35 * (high - low))
        if self._chart.axes.get_ylim() != (low - room, high + room):
            self._chart.axes.set_ylim(low - room, high + room)
        words = "; ".join(
            f"{name}: {_judged(tracks['truth'], tracks[name], self.fps)}"
            for name in ("measured", "one cut-off", "One-Euro")
        )
        caption = (
            f"{joint.replace('_', ' ')}, noise of {noise:g} mm, lowest cut-off "
            f"{cutoff:g} Hz, beta {beta:g} Hz per m/s. {words}. (Shaking: the mean "
            "change of velocity from frame to frame.)"
        )
        return self._chart.image(), caption


def _judged(truth: Tensor, track: Tensor, fps: float) -> str:
    error = (track - truth).norm(dim=-1).mean()
    shake = (track[2:] - 2 * track[1:-1] + track[:-2]).norm(dim=-1).mean()
    lag = lag_of(truth, track, fps)
    return f"error {error:.0f} mm, shaking {shake:.0f} mm, lag {lag:.0f} ms"
