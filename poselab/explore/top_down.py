"""The explorers of notebook 07: boxes, neighbours, and which boxes stay."""

from __future__ import annotations

import torch
from PIL import Image
from torch import Tensor

from poselab.boxes import nms
from poselab.datasets import SyntheticPeople
from poselab.draw import BOX, PREDICTION, SERIES, TRUTH, paint_box, paint_pose, to_pil
from poselab.draw.overlay import legend, ringed, titled
from poselab.evaluate.lost import boxes_left, every_box, first_losses, poses_left
from poselab.explore.base import Explorer
from poselab.explore.controls import choice, image_slider, slider, toggle
from poselab.explore.inputs import crowds, expect, neighbours, remembered
from poselab.explore.pictures import beside
from poselab.explore.top_down_counts import (
    count_hits,
    everybody,
    lost_in_words,
    owners,
    read_box,
    stolen_joints,
)
from poselab.geometry import expand_box, xywh_to_xyxy
from poselab.metrics import oks
from poselab.models.rcnn import RCNN
from poselab.pipelines import TopDown
from poselab.records import Detections, Poses, Sample

__all__ = ["BoxExplorer", "NeighbourExplorer", "NmsExplorer"]

_WIDE = 512  # px, a scene as it is shown
_GREY = "#9A9A9A"
_EVERYONE = (SERIES[1], SERIES[0])  # a colour for each of two people


def _zoom(image: Tensor) -> int:
    """How much larger a picture [3, H, W] is shown."""
    return max(1, _WIDE // image.shape[-1])


def _top_down(system: TopDown) -> TopDown:
    fix = "Make one: TopDown(detector, network, codec)."
    return expect(system, TopDown, "system", fix)


class BoxExplorer(Explorer):
    """Move and scale the box of a person; the joints are read from what is in it.

    `system` is a `TopDown`, of which only the pose network works here: the box starts
    as the truth. `right`, `down` move it in shares of its own size, `scale` grows both
    sides and `stretch` the width alone. With `squeeze` the crop is the box itself,
    pressed into the network's shape, instead of the box grown to its aspect ratio.
    Left the picture with the box (thin: what is cut out), right the crop; grey is the
    truth.
    """

    def __init__(
        self, system: TopDown, samples: Sample, *, width: int = 860, **values
    ) -> None:
        self.system = _top_down(system)
        self.samples = crowds(samples)
        most = max(map(self.count, range(len(samples))))
        controls = {
            "image": image_slider(samples),
            "person": slider("person", 0, max(1, most - 1), 0, help="largest first"),
            "right": slider("to the right", -0.5, 0.5, 0.0, 0.02),
            "down": slider("down", -0.5, 0.5, 0.0, 0.02),
            "scale": slider("scale", 0.5, 2.0, 1.0, 0.05),
            "stretch": slider("stretch", 0.5, 2.0, 1.0, 0.05),
            "squeeze": toggle("squeeze", False),
            "flip": toggle("flip test", False),
        }
        groups = {
            "Who": ("image", "person"),
            "Box": ("right", "down", "scale", "stretch"),
            "Crop": ("squeeze", "flip"),
        }
        bounds = {"person": lambda image, **_: self.count(image) - 1}
        super().__init__(
            self._paint,
            controls,
            groups=groups,
            values=values,
            bounds=bounds,
            width=width,
        )

    def count(self, image: int) -> int:
        """How many people an image holds."""
        return int(self.samples.present[image].sum())

    def truth(self, image: int, person: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Box [4], joints [J, 2], visibility [J], area; the largest person is 0."""
        sample = self.samples[image]
        i = everybody(sample)[person]
        joints, flags = sample.keypoints[i], sample.visibility[i]
        return sample.boxes[i], joints, flags, sample.areas[i]

    @remembered
    def answer(self, image, person, right, down, scale, stretch, squeeze, flip):
        box, *_ = self.truth(image, person)
        side = box[2:] * scale * box.new_tensor([stretch, 1.0])
        shift = box[2:] * box.new_tensor([right, down])
        moved = torch.cat([box[:2] + box[2:] / 2 + shift - side / 2, side])
        single = self.system.single
        shape = None if squeeze else single.codec.size
        grown = expand_box(moved, shape, single.margin)
        picture = self.samples.image[image]
        return moved, grown, *read_box(single, picture, grown, flip)

    def _paint(self, image, person, **change) -> tuple[Image.Image, str]:
        moved, grown, crop, points = self.answer(image, person, **change)
        _, joints, flags, area = self.truth(image, person)
        zoom, skeleton = _zoom(self.samples.image), self.samples.skeleton
        picture = to_pil(self.samples.image[image], zoom)
        picture = paint_box(picture, grown, zoom, colour="#CCCCCC")
        picture = paint_box(picture, moved, zoom, colour=BOX)
        picture = paint_pose(picture, joints, flags, skeleton, zoom, colour=_GREY)
        picture = paint_pose(picture, points, None, skeleton, zoom)
        error = (points - joints).norm(dim=-1)[flags > 0]
        size = float(area.sqrt())
        value = float(oks(points[None], joints[None], flags[None], area[None])[0, 0])
        shown = to_pil(crop, 384 // crop.shape[1])
        marks = {"the truth": _GREY, "the box": (BOX, "box")}
        marks |= {"what is cut out": ("#CCCCCC", "box")}
        how = "squeezed" if change["squeeze"] else "grown to the network's shape"
        caption = (
            f"Image {image}, person {person}: box moved by {change['right']:+.2f} of "
            f"its width and {change['down']:+.2f} of its height, scaled by "
            f"{change['scale']:.2f}, width times {change['stretch']:.2f}, {how}. Mean "
            f"error of the {len(error)} labelled joints {error.mean():.1f} px (the "
            f"person measures {size:.0f} px), OKS {value:.2f}."
        )
        views = titled(picture, "the picture", 20), titled(shown, "the crop", 20)
        return legend(beside(*views), marks), caption


class NeighbourExplorer(Explorer):
    """Two people come closer: boxes, joints, and whose limbs they are.

    `system` finds them in a scene that is drawn anew: `distance` mm apart sideways,
    `depth` mm one behind the other. `iou_threshold` is that of the detector's
    suppression: too low and the person behind is gone, too high and one person is two.
    """

    def __init__(self, system: TopDown, *, width: int = 640, **values) -> None:
        self.system = _top_down(system)
        self.maker = SyntheticPeople(size=(384, 512), people=2, split="test")
        controls = {
            "distance": slider("distance (mm)", 0, 1600, 250, 50),
            "depth": slider("behind (mm)", 0, 1500, 400, 50),
            "iou_threshold": slider("NMS threshold", 0.1, 0.9, 0.65, 0.05),
            "score_threshold": slider("box score", 0.05, 0.9, 0.5, 0.05),
            "seed": slider("who", 0, 9, 0),
            "boxes": choice("boxes", ("detected", "true")),
        }
        groups = {"People": ("distance", "depth", "seed")}
        groups |= {"Detector": ("boxes", "iou_threshold", "score_threshold")}
        super().__init__(
            self._paint, controls, groups=groups, values=values, width=width
        )

    @remembered
    def scene(self, distance: float, depth: float, seed: int) -> Sample:
        return neighbours(self.maker, distance, depth, seed, away=4600.0, focal=600.0)

    @remembered
    def every(self, distance: float, depth: float, seed: int) -> Detections:
        """What the detector finds: no threshold asks for it again."""
        return every_box(self.system, self.scene(distance, depth, seed).image)

    @remembered
    def posed(self, distance, depth, seed, kept: tuple[int, ...]) -> Poses:
        """The poses of some of these boxes."""
        image = self.scene(distance, depth, seed).image
        boxes = self.every(distance, depth, seed).people(torch.tensor(kept).long())
        return poses_left(self.system, image, boxes)

    def left(self, distance, depth, iou_threshold, score_threshold, seed):
        """Boxes [N, 4] above the score, those that NMS keeps, and poses."""
        every = self.every(distance, depth, seed)
        sure, kept = boxes_left(every, score_threshold, iou_threshold)
        poses = self.posed(distance, depth, seed, tuple(kept.tolist()))
        return every.boxes[sure], every.boxes[kept], poses

    @remembered
    def answer(self, distance, depth, iou_threshold, score_threshold, seed, boxes):
        sample = self.scene(distance, depth, seed)
        if boxes == "true":
            return sample, self.system.poses(sample.image, sample.boxes)
        left = self.left(distance, depth, iou_threshold, score_threshold, seed)
        return sample, left[-1]

    def pair(self, **values) -> tuple[Sample, Poses]:
        """Truth and answer for these values (the others: as they are now)."""
        return self.answer(**{**self.values, **values})

    def stolen(self, **values) -> tuple[int, int]:
        """`stolen_joints` of these values (the others: as they are now)."""
        sample, poses = self.pair(**values)
        return stolen_joints(sample, poses.keypoints, poses.boxes)[:2]

    def _paint(self, **values) -> tuple[Image.Image, str]:
        sample, poses = self.answer(**values)
        zoom, skeleton = _zoom(sample.image), sample.skeleton
        truth = sample.keypoints, sample.visibility, skeleton
        picture = to_pil(sample.image, zoom)
        picture = paint_pose(picture, *truth, zoom, colour=_GREY)
        for person, pose, box in zip(
            owners(sample, poses.boxes), poses.keypoints, poses.boxes, strict=True
        ):
            colour = _EVERYONE[person]
            picture = paint_box(picture, box, zoom, colour=colour)
            picture = paint_pose(picture, pose, None, skeleton, zoom, colour=colour)
        stolen, known, rings = stolen_joints(sample, poses.keypoints, poses.boxes)
        picture = ringed(picture, rings, zoom, PREDICTION)
        found = len(poses.keypoints)
        caption = (
            f"Two people {values['distance']} mm apart, one {values['depth']} mm "
            f"behind: {found} {'pose' if found == 1 else 'poses'} from "
            f"{values['boxes']} boxes (NMS threshold {values['iou_threshold']:.2f}, "
            f"scores above {values['score_threshold']:.2f}). {stolen} of {known} "
            "joints are nearer to the same joint of the other person."
        )
        if values["boxes"] == "detected":
            caption += lost_in_words(self.lost(**values))
        marks = {"left person": _EVERYONE[0], "right person": _EVERYONE[1]}
        marks |= {"the truth": _GREY, "nearer to the other": (PREDICTION, "ring")}
        return legend(picture, marks), caption

    def lost(self, distance, depth, iou_threshold, score_threshold, seed, boxes):
        """Which step loses each of the two people (see `first_losses`)."""
        *left, poses = self.left(distance, depth, iou_threshold, score_threshold, seed)
        people = self.scene(distance, depth, seed).boxes
        return first_losses(people, [*left, poses.known("boxes")])


class NmsExplorer(Explorer):
    """What the detector says before suppression, and which boxes stay.

    `detector` is an `RCNN`. Thin: boxes that a better one removes; thick: those that
    stay; green: the truth. `iou_threshold` is the IoU above which a box goes,
    `score_threshold` the least score that is looked at.
    """

    def __init__(
        self, detector, samples: Sample, *, width: int = 640, **values
    ) -> None:
        fix = "zoo.load('rcnn_tiny') is one; a TopDown has one, `system.detector`."
        self.detector = expect(detector, RCNN, "detector", fix)
        self.samples = crowds(samples)
        controls = {
            "image": image_slider(samples),
            "iou_threshold": slider("NMS threshold", 0.05, 0.95, 0.5, 0.05),
            "score_threshold": slider("box score", 0.05, 0.95, 0.3, 0.05),
            "truth": toggle("true boxes", True),
        }
        super().__init__(self._paint, controls, values=values, width=width)

    @remembered
    def found(self, image: int):
        image = self.samples.image[image]
        return self.detector.detect(image, iou_threshold=1.0, max_detections=300)

    def kept(self, image: int, iou_threshold: float, score_threshold: float):
        """Boxes [N, 4] xywh that stay, and those that go."""
        found = self.found(image)
        sure = found.scores > score_threshold
        boxes, scores = found.boxes[sure], found.scores[sure]
        stays = nms(xywh_to_xyxy(boxes), scores, iou_threshold)
        gone = torch.ones(len(boxes), dtype=torch.bool)
        gone[stays] = False
        return boxes[stays], boxes[gone]

    def _paint(
        self, image, iou_threshold, score_threshold, truth
    ) -> tuple[Image.Image, str]:
        kept, gone = self.kept(image, iou_threshold, score_threshold)
        sample = self.samples[image]
        true = sample.boxes[everybody(sample)]
        zoom = _zoom(sample.image)
        picture = to_pil(sample.image, zoom)
        picture = paint_box(picture, gone, zoom, colour="#CCCCCC")
        picture = paint_box(picture, kept, zoom, colour=PREDICTION, width=3)
        if truth:  # on top, or many boxes hide it
            picture = paint_box(picture, true, zoom, colour=TRUTH, width=2)
        hits, twice = count_hits(kept, true)
        caption = (
            f"Image {image}, {len(true)} people: {len(kept) + len(gone)} boxes with a "
            f"score above {score_threshold:.2f}; at threshold {iou_threshold:.2f} "
            f"{len(gone)} go and {len(kept)} stay. {hits} people have a box (overlap "
            f"above 0.5), {twice} have more than one."
        )
        marks = {"stays": (PREDICTION, "box"), "goes": ("#CCCCCC", "box")}
        marks |= {"the truth": (TRUTH, "box")} if truth else {}
        return legend(picture, marks), caption
