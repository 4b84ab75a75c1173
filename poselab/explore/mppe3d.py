"""The explorers of notebook 15: how far off a box says that a person is, and a crowd
seen from above."""

from __future__ import annotations

from typing import Any

import torch
from PIL import Image
from torch import Tensor

from poselab.codecs.space import root_joint
from poselab.datasets import SyntheticPeople
from poselab.draw import BOX, PREDICTION, TRUTH, paint_box, to_pil
from poselab.draw.overlay import legend, titled
from poselab.draw.scene3d import BIRD, View, frustum, paint_scene3d, person
from poselab.explore.base import Explorer
from poselab.explore.controls import choice, image_slider, slider
from poselab.explore.inputs import crowds, expect, remembered
from poselab.explore.pictures import beside
from poselab.explore.scene3d import Scene3d
from poselab.geometry import expand_box
from poselab.pipelines.three_d import PeopleInSpace
from poselab.records import Sample

__all__ = ["CrowdSpaceExplorer", "DepthExplorer"]

_SIZE = (192, 256)
_BOX = "#777777"  # what the box alone says
_SOURCES = ("RootNet", "k of the box", "the truth", "one depth for all")


class DepthExplorer(Explorer):
    """One drawn person before a camera: the box, k, RootNet's depth, and the truth.

    `system` is a `PeopleInSpace`. The picture from above shows the person where it
    stands, where k puts it and where RootNet does: as large as it would have to be
    there for the same pixels.
    """

    def __init__(self, system: PeopleInSpace, *, width: int = 900, **values: Any):
        self.system = expect(system, PeopleInSpace, "system")
        self.people = SyntheticPeople(_SIZE, seed=0, split="test")
        controls = {
            "distance": slider("distance (m)", 3.0, 9.0, 5.0, 0.5),
            "focal": slider("focal length (px)", 150, 500, 300, 25),
            "crouch": slider("crouch", 0.0, 1.0, 0.0, 0.1),
            "child": slider("child", 0.0, 1.0, 0.0, 0.1),
            "yaw": slider("turned (degrees)", 0, 180, 0, 15),
            "up": slider("view, up", 0, 90, 60, 5),
        }
        groups = {
            "Camera": ("distance", "focal"),
            "Person": ("crouch", "child", "yaw"),
            "View": ("up",),
        }
        super().__init__(
            self._paint, controls, groups=groups, values=values, width=width
        )

    @remembered
    def scene(self, distance, focal, crouch, child, yaw) -> Sample:
        return self.people.scene(
            seed=3,
            crouch=crouch,
            child=child,
            height=1750.0 * (1 - 0.385 * child),
            yaw=float(yaw),
            distance=1000 * distance,
            focal_length=float(focal),
        )

    def depths(self, sample: Sample) -> tuple[float, float, float]:
        """True depth of the root, k, and RootNet's depth, in mm."""
        boxes, camera = sample.boxes, sample.intrinsics
        root = float(root_joint(sample.joints_3d)[0, 0, 2])
        k = float(self.system.k(boxes, camera)[0])
        return root, k, float(self.system(sample.image, boxes, camera).roots[0, 2])

    def _paint(self, distance, focal, crouch, child, yaw, up):
        sample = self.scene(distance, focal, crouch, child, yaw)
        true, k, found = self.depths(sample)
        picture = paint_box(to_pil(sample.image, 2), sample.boxes, 2, colour=BOX)
        grown = expand_box(sample.boxes, self.system.size, self.system.margin)
        picture = paint_box(picture, grown, 2, colour=_BOX)
        joints = sample.joints_3d[0]
        reach = max(10.0, 1.1 * max(true, k, found) / 1000)  # m, all three in view
        shapes = [{**frustum(sample.intrinsics, _SIZE, reach), "colour": "#AAAAAA"}]
        for depth, ink in ((k, _BOX), (found, PREDICTION), (true, TRUTH)):
            shapes += person(joints * (depth / true), colour=ink, width=4.0)
        view = View(-90, up, 0.9 * reach, (0.0, 0.0, 0.5 * reach))
        space = paint_scene3d(shapes, view, (384, 400))
        sheet = beside(
            titled(picture, "the picture", 20), titled(space, "in space", 20)
        )
        marks = {
            "truth": TRUTH,
            "k": _BOX,
            "RootNet": PREDICTION,
            "tight box": (BOX, "box"),
            "processed box": (_BOX, "box"),
        }
        cut = " The box is cut off by the picture." if self._cut(sample) else ""
        caption = (
            f"The root is {true / 1000:.2f} m away. k = {k / 1000:.2f} m, so the right "
            f"gamma is {true / k:.2f}; RootNet's is {found / k:.2f}, and its depth "
            f"{found / 1000:.2f} m.{cut}"
        )
        return legend(sheet, marks), caption

    def _cut(self, sample: Sample) -> bool:
        x, y, w, h = sample.boxes[0].tolist()
        return min(x, y) <= 0 or x + w >= _SIZE[1] or y + h >= _SIZE[0]


class CrowdSpaceExplorer(Explorer):
    """Several people in space: the truth, and the answer with depths from elsewhere.

    `samples` is a stacked `Sample` of scenes with joints_3d and intrinsics; `system` is
    asked with the true boxes. `source` says where the depth of each root is from. Where
    anywidget is there, the view is turned with the mouse or the arrow keys.
    """

    def __init__(
        self, system: PeopleInSpace, samples: Sample, *, width: int = 420, **values: Any
    ) -> None:
        self.system = expect(system, PeopleInSpace, "system")
        self.samples = crowds(samples)
        controls = {
            "image": image_slider(samples),
            "source": choice("depth from", _SOURCES, _SOURCES[0]),
            "focal": slider("focal length x", 0.5, 1.5, 1.0, 0.1),
        }
        self.canvas = None
        if Scene3d is not None:
            shapes, view, _ = self._scene(values.get("image", 0), _SOURCES[0], 1.0)
            label = "People in space, the truth in green. Arrow keys turn the view."
            self.canvas = Scene3d.of(shapes, view, label=label, width=480, aspect=0.8)
        super().__init__(
            self._paint, controls, values=values, width=width, canvas=self.canvas
        )

    @remembered
    def answer(self, image: int, focal: float):
        """Truth [P, J, 3] mm, and the system's `Poses` for a focal length x `focal`."""
        sample = self.samples[image]
        there = sample.present & (sample.boxes[:, 2:] > 4).all(-1)
        camera = sample.intrinsics.clone()
        camera[[0, 1], [0, 1]] *= focal
        poses = self.system(sample.image, sample.boxes[there], camera)
        return sample.joints_3d[there], poses, self.system.k(poses.boxes, camera)

    def placed(self, image: int, source: str, focal: float) -> tuple[Tensor, Tensor]:
        """Truth and answer [P, J, 3] mm; each root keeps its pixel."""
        truth, poses, k = self.answer(image, focal)
        own = poses.roots[:, 2]
        right = root_joint(truth)[:, 0, 2]
        other = {
            "RootNet": own,
            "k of the box": k,
            "the truth": right,
            "one depth for all": torch.full_like(own, float(right.mean())),
        }[source]
        roots = poses.roots * (other / own)[:, None]
        return truth, poses.joints_3d - poses.roots[:, None] + roots[:, None]

    def _scene(self, image: int, source: str, focal: float):
        truth, found = self.placed(image, source, focal)
        sample = self.samples[image]
        both = torch.cat([truth, found])[..., 2]  # a wrong focal length takes them far
        reach = max(float(both.max()), 3000.0) / 1000
        shapes = [
            {**frustum(sample.intrinsics, sample.size, reach), "colour": "#AAAAAA"}
        ]
        for people, ink in ((truth, TRUTH), (found, PREDICTION)):
            for joints in people:
                shapes += person(joints, colour=ink, width=3.0, radius=2.0)
        middle = (0.0, 0.0, reach / 2)
        gap = (root_joint(found) - root_joint(truth))[:, 0].norm(dim=-1)
        return shapes, View(-60, 35, 1.1 * reach, middle), gap

    def _paint(self, image, source, focal) -> tuple[Image.Image, str]:
        shapes, view, gap = self._scene(image, source, focal)
        if self.canvas is not None:
            self.canvas.shapes = shapes
            kept = {k: self.canvas.view[k] for k in ("yaw", "pitch")}
            new = {"distance": view.distance, "target": list(view.target)}
            self.canvas.view = kept | new
        above = self._above(image, source, focal)
        picture = to_pil(self.samples.image[image], 1)
        picture = paint_box(picture, self.answer(image, focal)[1].boxes, 1, colour=BOX)
        height = round(picture.height * 400 / picture.width)
        picture = picture.resize((400, height), Image.Resampling.LANCZOS)
        page = Image.new("RGB", (400, height + 340), "white")
        page.paste(picture, (0, 0))
        page.paste(
            titled(
                paint_scene3d(shapes, above, (310, 400)), "from above (camera below)"
            ),
            (0, height),
        )
        marks = {"truth": TRUTH, f"depth from {source}": PREDICTION}
        marks |= {"box": (BOX, "box")}
        caption = (
            f"Image {image}, {len(gap)} people, depth from {source}, focal length x "
            f"{focal:g}. The roots are off by "
            + ", ".join(f"{g / 1000:.2f}" for g in gap.tolist())
            + f" m; MRPE {gap.mean():.0f} mm."
        )
        return legend(page, marks), caption

    def _above(self, image: int, source: str, focal: float) -> View:
        """Straight down on everybody, without most of the empty room before them."""
        depths = torch.cat(self.placed(image, source, focal))[..., 2] / 1000
        far = 1.14 * max(float(depths.max()), 3.0)  # m, a little behind the last one
        near = min(max(float(depths.min()) - 0.3, 0.0), far / 3)
        middle = (0.0, 0.0, (near + far) / 2)
        return View(**BIRD, distance=0.9 * (far - near), target=middle)

    def _still(self) -> Image.Image:
        values = self.values
        shapes, view, _ = self._scene(
            *(values[n] for n in ("image", "source", "focal"))
        )
        return beside(self._image, paint_scene3d(shapes, view, (420, 520)))
