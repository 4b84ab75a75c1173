"""Corrections along a fixed path: what iterative error feedback learns.

Carreira, Agrawal, Fragkiadaki & Malik, "Human Pose Estimation with Iterative Error
Feedback", CVPR 2016 (1507.06550). A pose starts at y_0, and each step moves every joint
towards the truth y by at most a bound L:

    e(y, y_t) = min(L, |u|) u / |u|  with u = y - y_t,    y_{t+1} = y_t + e(y, y_t)

The path y_0, y_1, ... that follows is fixed before anything is learnt; a network is
shown the image with the pose y_t drawn into it and learns e(y, y_t).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from poselab.codecs.base import Codec, Inputs, Targets, require_generator
from poselab.codecs.heatmap import gaussian_heatmaps
from poselab.codecs.regression import masked_l2, single_person
from poselab.errors import require, require_shape
from poselab.records import Poses, Sample


def bounded(vectors: Tensor, bound: float) -> Tensor:
    """Vectors [..., 2], none longer than `bound`; the direction stays.

    The length is bounded, not each axis: cutting x and y by themselves would turn the
    vector towards a diagonal.
    """
    require_shape("vectors", vectors, "...", 2)
    require(
        bound > 0,
        "a step needs a length",
        where="bound",
        value=bound,
        fix="math.inf bounds nothing.",
    )
    if math.isinf(bound):
        return vectors
    length = torch.linalg.vector_norm(vectors, dim=-1, keepdim=True)
    return vectors * (bound / length.clamp(min=bound))


def fixed_path(start: Tensor, truth: Tensor, bound: float, steps: int) -> list[Tensor]:
    """The poses y_0, ..., y_steps from `start` to `truth`, each [..., J, 2] px.

    Every step moves each joint by `bound` px straight towards its truth, the last one
    by what is left; who has arrived stays.
    """
    require_shape("truth", truth, "...", None, 2)
    path = [start.expand_as(truth)]
    for _ in range(steps):
        path.append(path[-1] + bounded(truth - path[-1], bound))
    return path


def on_path(start: Tensor, truth: Tensor, bound: float, steps: Tensor) -> Tensor:
    """The pose y_t at once: `steps` [B] is the t of each of [B, J, 2] px.

    A straight path in equal steps is one step of t times the length.
    """
    vectors = truth - start
    length = torch.linalg.vector_norm(vectors, dim=-1, keepdim=True)
    reach = bound * steps[:, None, None].to(vectors)  # [B, 1, 1] px
    return start + vectors * (reach / length.clamp(min=1e-9)).clamp(max=1)


def with_pose(images: Tensor, points: Tensor, sigma: float) -> Tensor:
    """x_t = I (+) g(y_t): images [B, C, H, W], joints [B, J, 2] px -> [B, C + J, H, W].

    g draws a Gaussian of height 1 and width `sigma` px for each joint, at full size.
    """
    require_shape("points", points, len(images), None, 2)
    heatmaps = gaussian_heatmaps(
        points, (images.shape[2], images.shape[3]), sigma
    )  # [B, J, H, W]
    return torch.cat([images, heatmaps.to(images)], 1)


class IefCodec(Codec):
    """What f learns: from a pose on the fixed path, the next bounded step.

    `start` [J, 2] px is y_0, `bound` L in px, `sigma` the width of the drawn joints in
    px. Each image is shown at a step drawn from 0, ..., `steps` - 1; training with
    `steps` = 1, then 2, ... is the paper's fixed path consolidation.

    `spread` px moves the start of every training path at random: all joints together
    and each by itself, normally distributed. With a `spread` of 0, as in the paper, y_t
    lies exactly between y_0 and the truth, so the drawn pose alone betrays where to go;
    a network that learns to read that off trusts its own first mistake at test time.
    With `whole`, the target is the whole residual y - y_t, for comparison.
    """

    def __init__(
        self,
        start: Tensor,
        bound: float = 7.0,
        sigma: float = 8.0,
        steps: int = 4,
        spread: float = 6.0,
        whole: bool = False,
    ) -> None:
        require_shape("start", start, None, 2)
        require(steps >= 1, "at least one step is needed", where="steps", value=steps)
        require(
            0 < bound < math.inf, "a step needs a length", where="bound", value=bound
        )
        self.start, self.bound, self.sigma = start, float(bound), float(sigma)
        self.steps, self.spread, self.whole = steps, float(spread), whole

    def points(self, sample: Sample, generator: torch.Generator) -> Tensor:
        """A pose y_t on the path of each image, at a random step; [B, J, 2] px.

        An unlabelled joint has no path: it stays where it starts.
        """
        truth, known = sample.keypoints[:, 0], sample.visibility[:, 0, :, None] > 0
        noise = self.spread * torch.randn(
            len(truth), truth.shape[1] + 1, 2, generator=generator
        ).to(truth)
        start = self.start.to(truth) + noise[:, 1:] + noise[:, :1]  # [B, J, 2]
        steps = torch.randint(self.steps, (len(truth),), generator=generator)
        reached = on_path(start, truth, self.bound, steps.to(truth.device))
        return torch.where(known, reached, start)

    def encode(
        self, sample: Sample, generator: torch.Generator | None = None
    ) -> tuple[Inputs, Targets]:
        """(images with poses [B, 3 + J, H, W],); "target" [B, J, 2] in bounds.

        Also "visibility" [B, J] and "points" [B, J, 2] px, the poses drawn.
        """
        sample = single_person(sample)
        generator = require_generator(generator, "the steps")
        points = self.points(sample, generator)
        residual = (sample.keypoints[:, 0] - points) / self.bound  # [B, J, 2]
        target = residual if self.whole else bounded(residual, 1.0)
        visibility = sample.visibility[:, 0]
        drawn = with_pose(sample.image, points, self.sigma)
        return (drawn,), {"target": target, "visibility": visibility, "points": points}

    def loss(self, output: Tensor, targets: Targets) -> Tensor:
        """`masked_l2` of the corrections [B, J, 2]."""
        return masked_l2(output, targets["target"], targets["visibility"])

    def decode(self, output: Tensor, points: Tensor | None = None) -> Poses:
        """Corrections [B, J, 2], in bounds, of poses -> stacked `Poses` of one person.

        The poses are `points` [B, J, 2] px, or else y_0, the start of all.
        """
        points = self.start.to(output) if points is None else points
        moved = points + self.bound * output
        return Poses(moved[:, None], torch.ones_like(moved[..., 0])[:, None])
