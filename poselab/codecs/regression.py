"""Joints as coordinates: what DeepPose learns, and how its answer is read.

Toshev & Szegedy, "DeepPose: Human Pose Estimation via Deep Neural Networks", CVPR 2014
(1312.4659). `RegressionCodec` is the first stage (section 3.1: coordinates relative to
a box), `DisplacementCodec` a later stage of the cascade (section 3.2: how far the joint
is from the centre of a small crop around the previous estimate).
"""

from __future__ import annotations

import torch
from torch import Tensor

from poselab.codecs.base import Codec, Inputs, Targets, require_generator
from poselab.errors import (
    ArgumentError,
    ShapeError,
    require,
    require_known,
    require_shape,
)
from poselab.geometry import box_centre, box_of_image, crop_boxes
from poselab.records import Poses, Sample
from poselab.skeleton import COCO_17, Skeleton

# --- the paper's formulas ------------------------------------------------------------


def normalise(points: Tensor, boxes: Tensor) -> Tensor:
    """Pixels -> coordinates relative to a box, about [-0.5, 0.5] inside it (eq. 1).

    points [..., J, 2] px, boxes [..., 4] xywh px -> [..., J, 2]: the box centre is
    subtracted, then x is divided by the width and y by the height.
    """
    _check_pair(points, boxes)
    return (points - box_centre(boxes)[..., None, :]) / boxes[..., None, 2:]


def denormalise(values: Tensor, boxes: Tensor) -> Tensor:
    """The inverse of `normalise`: [..., J, 2] relative to boxes [..., 4] -> px."""
    _check_pair(values, boxes)
    return values * boxes[..., None, 2:] + box_centre(boxes)[..., None, :]


def masked_l2(prediction: Tensor, target: Tensor, visibility: Tensor) -> Tensor:
    """The L2 loss over labelled joints only (section 3.1).

    prediction, target [..., J, 2]; visibility [..., J], 0 where a joint is not
    labelled (COCO's flags or bool) -> scalar: squared distances summed over the
    labelled joints, divided by their number. The paper's sum is this times that number,
    which would tie the learning rate to how many joints a batch happens to have. Zero
    if no joint is labelled; what stands in an unlabelled joint never matters, not even
    NaN.
    """
    require_shape("target", target, *prediction.shape)
    require_shape("visibility", visibility, *prediction.shape[:-1])
    labelled = visibility > 0
    difference = torch.where(labelled[..., None], prediction - target, 0.0)
    return difference.square().sum() / labelled.sum().clamp(min=1)


def masked_l1(prediction: Tensor, target: Tensor, visibility: Tensor) -> Tensor:
    """As `masked_l2`, with absolute differences: the loss that soft-argmax has, too.

    prediction, target [..., J, 2]; visibility [..., J] -> scalar. What it costs grows
    with the distance and not with its square, so its best answer under doubt is a
    median and not a mean (1711.08229, section 2.1, trains coordinates with it).
    """
    require_shape("target", target, *prediction.shape)
    require_shape("visibility", visibility, *prediction.shape[:-1])
    labelled = visibility > 0
    difference = torch.where(labelled[..., None], prediction - target, 0.0)
    return difference.abs().sum() / labelled.sum().clamp(min=1)


CRITERIA = {"l2": masked_l2, "l1": masked_l1}


def pose_diameter(
    points: Tensor,
    visibility: Tensor | None = None,
    boxes: Tensor | None = None,
    skeleton: Skeleton = COCO_17,
    smallest: float = 8.0,
) -> Tensor:
    """diam(y): left shoulder to right hip, the torso's size (section 3.2).

    points [..., J, 2] px -> [...] px. With `visibility` [..., J] and `boxes` [..., 4],
    0.3 of the longer box side stands in where one of the two joints is not labelled.
    Never below `smallest`, so that a wrong guess (or a torso seen from above) cannot
    shrink the next crop to nothing.
    """
    ends = [skeleton.index("left_shoulder"), skeleton.index("right_hip")]
    a, b = points[..., ends, :].unbind(-2)
    length = torch.linalg.vector_norm(a - b, dim=-1)
    if visibility is not None and boxes is not None:
        known = (visibility[..., ends] > 0).all(-1)
        length = torch.where(known, length, 0.3 * boxes[..., 2:].amax(-1))
    return length.clamp(min=smallest)


def joint_boxes(points: Tensor, side: Tensor) -> Tensor:
    """Square xywh boxes around joints: points [B, J, 2], side [B] px -> [B, J, 4]."""
    sides = side[:, None, None].expand_as(points)  # [B, J, 2]
    return torch.cat([points + 0.5 - sides / 2, sides], -1)


def _check_pair(points: Tensor, boxes: Tensor) -> None:
    require_shape("points", points, "...", None, 2)
    require_shape("boxes", boxes, "...", 4)
    if boxes.dim() > points.dim() - 1:
        raise ShapeError(
            "points need one dimension more than boxes",
            where="points",
            field="shape",
            value=[list(points.shape), list(boxes.shape)],
            fix="Add one with points[..., None, :].",
        )


def single_person(sample: Sample) -> Sample:
    """A stacked sample with one person per image, or an `ArgumentError`."""
    if not sample.is_stacked:
        sample = Sample.stack([sample])
    people = sample.keypoints.shape[1]
    require(
        people == 1,
        "this codec takes one person per image",
        where="sample",
        field="people",
        value=people,
        fix="Crop every person first (poselab.datasets).",
    )
    return sample


def one_person(points: Tensor, scores: Tensor, size: tuple[int, int]) -> Poses:
    """One person in each image: joints [B, J, 2] px, scores [B, J] -> stacked `Poses`.

    `size` is the (H, W) of the images, whose whole is the box of the person; the score
    of the person is the mean of the joints'.
    """
    boxes = box_of_image(size).to(points).expand(len(points), 1, 4)
    return Poses(
        points[:, None],
        scores[:, None],
        boxes=boxes,
        person_scores=scores.mean(-1, keepdim=True),
    )


def mirror_points(points: Tensor, width: int, skeleton: Skeleton) -> Tensor:
    """Joints [..., J, 2] px of an image `width` px wide -> of its mirror image.

    x becomes width - 1 - x, and left and right joints change places.
    """
    x, y = points[..., list(skeleton.flip_index), :].unbind(-1)
    return torch.stack([width - 1 - x, y], -1)


# --- the codecs ----------------------------------------------------------------------


class RegressionCodec(Codec, name="regression"):
    """Joints as coordinates of the whole input image (DeepPose stage 1).

    `size` is the (H, W) of the network's input. Targets are relative to the image
    centre, in [-0.5, 0.5] for a joint inside; with `unit=True` they are x / W, y / H,
    in [0, 1], the convention of later heads such as `DeepPoseResNet`. `skeleton` has
    the pairs of joints that change places in a mirror. `criterion` is "l2", as in the
    paper, or "l1".
    """

    def __init__(
        self,
        size: tuple[int, int] = (128, 96),
        unit: bool = False,
        skeleton: Skeleton = COCO_17,
        criterion: str = "l2",
    ) -> None:
        require_known("criterion", criterion, CRITERIA)
        self.size, self.unit = (int(size[0]), int(size[1])), unit
        self.skeleton, self.criterion = skeleton, criterion

    def _boxes(self, like: Tensor) -> Tensor:
        box = box_of_image(self.size).to(like)
        if self.unit:  # the box whose centre is the first pixel's: p / (W, H)
            box[:2] = 0.5 - box[2:] / 2
        return box.expand(len(like), 4)

    def encode(self, sample: Sample, generator=None) -> tuple[Inputs, Targets]:
        """(images [B, 3, H, W],); "target" [B, J, 2], "visibility" [B, J].

        `sample` holds one person per image, framed by the image. Nothing is drawn, so
        `generator` is not used.
        """
        sample = single_person(sample)
        require_shape("image", sample.image, None, 3, *self.size)
        points = sample.keypoints[:, 0]  # [B, J, 2]
        target = normalise(points, self._boxes(points))
        visibility = sample.visibility[:, 0]
        return (sample.image,), {"target": target, "visibility": visibility}

    def loss(self, output: Tensor, targets: Targets) -> Tensor:
        """The criterion for the output [B, J, 2] against the targets."""
        criterion = CRITERIA[self.criterion]
        return criterion(output, targets["target"], targets["visibility"])

    def mirror(self, output: Tensor) -> Tensor:
        """Joints [B, J, 2] of mirror images as those of the images."""
        boxes = self._boxes(output)
        points = mirror_points(denormalise(output, boxes), self.size[1], self.skeleton)
        return normalise(points, boxes)

    def decode(self, output: Tensor) -> Poses:
        """Output [B, J, 2] -> stacked `Poses` with one person each, px of the input.

        A regressor has no idea how sure it is: all scores are 1.
        """
        require_shape("output", output, None, None, 2)
        points = denormalise(output, self._boxes(output))
        return one_person(points, torch.ones_like(points[..., 0]), self.size)


class PointsCodec(Codec, name="points"):
    """For networks that answer in pixels themselves, after one stage or several.

    `size` is the (H, W) of the input, `skeleton` has the pairs of joints that change
    places in a mirror. A cascade, iterative feedback and a coarse net with a second
    look are of this kind: each of their stages is [B, J, 2] px.
    """

    def __init__(
        self, size: tuple[int, int] = (128, 96), skeleton: Skeleton = COCO_17
    ) -> None:
        self.size, self.skeleton = (int(size[0]), int(size[1])), skeleton

    def encode(self, sample: Sample, generator=None) -> tuple[Inputs, Targets]:
        """(images [B, 3, H, W],); "target" [B, J, 2] px, "visibility" [B, J]."""
        sample = single_person(sample)
        require_shape("image", sample.image, None, 3, *self.size)
        points, visibility = sample.keypoints[:, 0], sample.visibility[:, 0]
        return (sample.image,), {"target": points, "visibility": visibility}

    def loss(self, output: Tensor | list[Tensor], targets: Targets) -> Tensor:
        """`masked_l2` in px^2, added over the stages."""
        goal, known = targets["target"], targets["visibility"]
        parts = [masked_l2(points, goal, known) for points in self.stages(output)]
        return torch.stack(parts).sum()

    def mirror(self, output: Tensor) -> Tensor:
        """Joints [B, J, 2] px of mirror images as those of the images."""
        return mirror_points(output, self.size[1], self.skeleton)

    def decode(self, output: Tensor) -> Poses:
        """Joints [B, J, 2] px -> stacked `Poses` with one person each; scores are 1."""
        require_shape("output", output, None, None, 2)
        return one_person(output, torch.ones_like(output[..., 0]), self.size)


class DisplacementCodec(Codec):
    """How far a joint is from where the previous stage saw it (DeepPose stage s > 1).

    A training crop is centred on the true joint moved by a vector drawn from N(mean,
    std) of the previous stage's errors, per joint and axis, and has the side sigma *
    diam(y); the target is the way back, in units of that side (section 3.2). `mean` and
    `std` [J, 2] are in units of diam(y), so they fit people of any size. `skeleton` is
    that of the people.
    """

    def __init__(
        self,
        mean: Tensor,
        std: Tensor,
        sigma: float = 1.0,
        crop: int = 24,
        skeleton: Skeleton = COCO_17,
    ) -> None:
        require_shape("mean", mean, len(skeleton), 2)
        require_shape("std", std, len(skeleton), 2)
        require(sigma > 0, "a crop needs a size", where="sigma", value=sigma)
        self.mean, self.std, self.sigma = mean, std, float(sigma)
        self.crop, self.skeleton = int(crop), skeleton
        self.size = (self.crop, self.crop)

    @classmethod
    def from_errors(
        cls, predicted: Tensor, sample: Sample, sigma: float = 1.0, crop: int = 24
    ) -> DisplacementCodec:
        """The codec whose Gaussian has the mean and variance of observed errors.

        predicted [B, J, 2] px: the previous stage's answers for `sample`. Raises
        `ArgumentError` if a joint is labelled in fewer than two of the samples.
        """
        sample = single_person(sample)
        errors = predicted.detach() - sample.keypoints[:, 0]
        errors = errors / _diameter(sample)[:, None, None]  # [B, J, 2]
        weight = (sample.visibility[:, 0] > 0).to(errors)[..., None]
        count = weight.sum(0)  # [J, 1]
        if (count < 2).any():
            joint = sample.skeleton.joints[int(count[:, 0].argmin())]
            raise ArgumentError(
                "labelled too rarely to estimate errors from",
                where="sample",
                field=joint,
                value=int(count.min()),
                fix="Give a few hundred samples.",
            )
        errors = torch.where(weight > 0, errors, 0.0)
        mean = errors.sum(0) / count
        spread = ((errors - mean).square() * weight).sum(0) / count
        return cls(mean, spread.sqrt(), sigma, crop, sample.skeleton)

    def encode(
        self, sample: Sample, generator: torch.Generator | None = None
    ) -> tuple[Inputs, Targets]:
        """(crops [B, J, 3, crop, crop],); "target" [B, J, 2], "visibility" [B, J]."""
        sample = single_person(sample)
        generator = require_generator(generator, "the displacements")
        truth, diam = sample.keypoints[:, 0], _diameter(sample)
        noise = torch.randn(truth.shape, generator=generator, device=generator.device)
        delta = self.mean.to(truth) + self.std.to(truth) * noise.to(truth)
        centre = truth + delta * diam[:, None, None]  # where stage s - 1 could see it
        boxes = joint_boxes(centre, self.sigma * diam)
        target = normalise(truth[:, :, None], boxes)[:, :, 0]  # = -delta / sigma
        crops = crop_boxes(sample.image, boxes, self.size)
        visibility = sample.visibility[:, 0]
        return (crops,), {"target": target, "visibility": visibility, "boxes": boxes}

    def loss(self, output: Tensor, targets: Targets) -> Tensor:
        """`masked_l2` of the displacements [B, J, 2]."""
        return masked_l2(output, targets["target"], targets["visibility"])

    def decode(self, output: Tensor, boxes: Tensor | None = None) -> Poses:
        """Displacements [B, J, 2] -> stacked `Poses` of one person.

        Each joint is in px of its own crop; given the `boxes` [B, J, 4] of the crops,
        all are in px of the image.
        """
        whole = box_of_image(self.size).to(output).expand(*output.shape[:2], 4)
        boxes = whole if boxes is None else boxes
        points = denormalise(output[:, :, None], boxes)[:, :, 0]
        return Poses(points[:, None], torch.ones_like(points[..., 0])[:, None])


def _diameter(sample: Sample) -> Tensor:
    """diam(y) of the single person of each stacked image; [B] px."""
    return pose_diameter(
        sample.keypoints[:, 0],
        sample.visibility[:, 0],
        sample.boxes[:, 0],
        sample.skeleton,
    )
