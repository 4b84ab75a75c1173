"""Exercises of notebook 09 about RMPE (Fang et al. 2017, 1612.00137): joints back out
of the centred crop, and several answers made one."""

from __future__ import annotations

import torch
from torch import Tensor

from poselab.checks.base import Case, Chapter
from poselab.checks.cases import signed, uniform

chapter = Chapter("rmpe", "09_rmpe_occnet")


# --- 1. back from the centred crop ---------------------------------------------------


def _back_cases() -> list[Case]:
    def theta(seed: int, people: int) -> Tensor:
        scale = torch.diag_embed(uniform(seed, people, 2, low=0.5, high=1.6))
        return torch.cat([scale, 0.4 * signed(seed + 1, people, 2, 1)], 2)

    def points(seed: int, people: int, joints: int) -> Tensor:
        return uniform(seed, people, joints, 2) * torch.tensor([90.0, 120.0])

    same = torch.tensor([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]])
    turned = torch.tensor([[[0.8, -0.5, 0.1], [0.3, 0.9, -0.2]]])
    return [
        Case("one person, 3 joints", points(1, 1, 3), theta(2, 1), (128, 96)),
        Case("four people", points(4, 4, 17), theta(5, 4), (128, 96)),
        Case("a wide crop", points(7, 2, 5), theta(8, 2), (96, 192)),
        Case("nothing was moved", points(10, 1, 4), same, (128, 96)),
        Case("scaled and turned", points(12, 1, 5), turned, (128, 96)),
        Case("nobody", torch.zeros(0, 17, 2), torch.zeros(0, 2, 3), (128, 96)),
    ]


def _moved(points: Tensor, theta: Tensor) -> Tensor:
    return points @ theta[:, :, :2].transpose(1, 2) + theta[:, None, :, 2]


def _back(points: Tensor, theta: Tensor, size: tuple[int, int]) -> Tensor:
    side = points.new_tensor([size[1], size[0]])
    unit = 2 * (points + 0.5) / side - 1
    return (_moved(unit, theta) + 1) / 2 * side - 0.5


back = chapter.exercise(
    "back",
    cases=_back_cases,
    solution=_back,
    returns=("the points",),
    praise="No heatmap has to be resampled for that, and nothing is lost.",
)


@back.wrong(
    "You go from the crop to the centred crop. theta already leads from the new "
    "picture to the old one (as sampling grids do), and the joints go the same way."
)
def inverse_taken(points, theta, size):
    linear = torch.linalg.inv(theta[:, :, :2])
    other = torch.cat([linear, -linear @ theta[:, :, 2:]], 2)
    return _back(points, other, size)


@back.wrong(
    "Half a pixel is missing: -1 and 1 are the outer edges of the border pixels, whose "
    "centres are at 0 and W - 1. Add 0.5 before you divide, subtract it at the end."
)
def no_half_pixel(points, theta, size):
    side = points.new_tensor([size[1], size[0]])
    return (_moved(2 * points / side - 1, theta) + 1) / 2 * side


@back.wrong(
    "Height and width have changed places: points are (x, y), `size` is (H, W)."
)
def height_first(points, theta, size):
    return _back(points, theta, (size[1], size[0]))


@back.wrong(
    "You divide by W - 1 and H - 1: then -1 and 1 are the centres of the border "
    "pixels. Here they are the outer edges of the picture (`align_corners=False`)."
)
def corners_aligned(points, theta, size):
    side = points.new_tensor([size[1] - 1, size[0] - 1])
    return (_moved(2 * points / side - 1, theta) + 1) / 2 * side


@back.wrong(
    "You use theta on pixels. Its shift is in half widths and heights of the crop: "
    "bring the points to [-1, 1] first, and back to pixels afterwards."
)
def in_pixels(points, theta, size):
    return _moved(points, theta)


@back.wrong(
    "Only scaled, not shifted: the last column of theta says where the middle of the "
    "new picture is in the old one."
)
def no_shift(points, theta, size):
    return _back(points, torch.cat([theta[:, :, :2], 0 * theta[:, :, 2:]], 2), size)


@back.wrong(
    "Shifted first, scaled afterwards. theta is x' = A x + t: the shift is not scaled."
)
def shift_first(points, theta, size):
    shift = theta[:, :, :2] @ theta[:, :, 2:]
    return _back(points, torch.cat([theta[:, :, :2], shift], 2), size)


@back.wrong(
    "Points stand in rows here, so theta's 2 x 2 part has to be transposed: "
    "`unit @ theta[:, :, :2].transpose(1, 2)`. Where theta only scales, both agree."
)
def not_transposed(points, theta, size):
    other = torch.cat([theta[:, :, :2].transpose(1, 2), theta[:, :, 2:]], 2)
    return _back(points, other, size)


@back.wrong(
    "You bring the points to 0 to 1. theta is made for coordinates from -1 to 1, so "
    "its shift is in halves of the picture: 2 * (points + 0.5) / side - 1."
)
def from_zero_to_one(points, theta, size):
    side = points.new_tensor([size[1], size[0]])
    return _moved((points + 0.5) / side, theta) * side - 0.5


# --- 2. one pose out of several ------------------------------------------------------


def _merge_cases() -> list[Case]:
    def poses(seed: int, count: int, joints: int, spread: float) -> Tensor:
        base = 60 * uniform(seed, 1, joints, 2)
        return base + spread * signed(seed + 1, count, joints, 2)

    one, sure = poses(30, 1, 5, 0.0), uniform(31, 1, 5, low=0.2)
    far = torch.stack([torch.zeros(3, 2), torch.full((3, 2), 40.0)])
    edge = torch.tensor([[[0.0, 0.0]], [[3.0, 4.0]], [[6.0, 0.0]]])
    equal = torch.tensor([[0.5], [0.25], [0.25]])
    return [
        Case(
            "three poses, 6 px", poses(20, 3, 4, 5.0), uniform(22, 3, 4, low=0.1), 6.0
        ),
        Case("five, 3 px", poses(24, 5, 17, 3.0), uniform(26, 5, 17, low=0.1), 3.0),
        Case("alone", one, sure, 5.0),
        Case("nothing is near", far, uniform(33, 2, 3, low=0.1), 10.0),
        Case("exactly 5 px away", edge, equal, 5.0),
    ]


def _weights(poses: Tensor, scores: Tensor, radius: float) -> Tensor:
    near = (poses - poses[0]).norm(dim=-1) <= radius  # [N, J]
    weight = torch.where(near, scores, 0.0)
    return weight / weight.sum(0)


def _merge(poses: Tensor, scores: Tensor, radius: float) -> Tensor:
    return (_weights(poses, scores, radius)[..., None] * poses).sum(0)


merge = chapter.exercise(
    "merge",
    cases=_merge_cases,
    solution=_merge,
    returns=("the pose",),
    praise="A joint that only one pose has right is not spoilt by the others.",
)


@merge.wrong(
    "You average all poses, whatever their scores. Each joint is weighted by its score."
)
def plain_mean(poses, scores, radius):
    near = ((poses - poses[0]).norm(dim=-1) <= radius).to(poses)
    return ((near / near.sum(0))[..., None] * poses).sum(0)


@merge.wrong(
    "The radius does nothing: joints far from those of the first pose take part. One "
    "of them (of a neighbour, of the other side) is enough to pull the mean away."
)
def no_radius(poses, scores, radius):
    return _merge(poses, scores, float("inf"))


@merge.wrong(
    "You give back the best pose as it is. Where others are near, they take part."
)
def best_alone(poses, scores, radius):
    return poses[0].clone()


@merge.wrong(
    "You choose whole poses by their mean distance. Each joint is chosen by itself: "
    "a pose may have a good wrist and an ankle somewhere else."
)
def whole_poses(poses, scores, radius):
    near = (poses - poses[0]).norm(dim=-1).mean(1, keepdim=True) <= radius
    weight = torch.where(near, scores, 0.0)
    return ((weight / weight.sum(0))[..., None] * poses).sum(0)


@merge.wrong(
    "A pose has one weight for all its joints, its mean score. The weights are those "
    "of the joints."
)
def one_weight(poses, scores, radius):
    return _merge(poses, scores.mean(1, keepdim=True).expand_as(scores), radius)


@merge.wrong(
    "The weights do not add up to 1: divide by the sum of those that take part, joint "
    "by joint, not by the sum of all scores."
)
def wrong_sum(poses, scores, radius):
    near = (poses - poses[0]).norm(dim=-1) <= radius
    weight = torch.where(near, scores, 0.0) / scores.sum(0)
    return (weight[..., None] * poses).sum(0)


@merge.wrong("Joints at exactly the radius are left out. Within means at most: `<=`.")
def border_left_out(poses, scores, radius):
    near = (poses - poses[0]).norm(dim=-1) < radius
    near[0] = True
    weight = torch.where(near, scores, 0.0)
    return ((weight / weight.sum(0))[..., None] * poses).sum(0)


@merge.wrong(
    "You divide by the number of joints that take part. A weighted mean is divided by "
    "the sum of their weights."
)
def number_for_weights(poses, scores, radius):
    near = (poses - poses[0]).norm(dim=-1) <= radius
    weight = torch.where(near, scores, 0.0) / near.sum(0)
    return (weight[..., None] * poses).sum(0)


@merge.wrong(
    "You compare the *square* of the distance with the radius: of px and px^2. Take "
    "the root, or square the radius."
)
def squared_distance(poses, scores, radius):
    near = (poses - poses[0]).square().sum(-1) <= radius
    weight = torch.where(near, scores, 0.0)
    return ((weight / weight.sum(0))[..., None] * poses).sum(0)


@merge.wrong(
    "`poses[0]` itself takes no part. Its joints are at a distance of 0, so they count."
)
def first_left_out(poses, scores, radius):
    near = (poses - poses[0]).norm(dim=-1) <= radius
    near[0] = False
    weight = torch.where(near, scores, 0.0)
    return ((weight / weight.sum(0))[..., None] * poses).sum(0)


@merge.wrong(
    "You compare x and y apart with the radius: that is a square around the joint. "
    "The radius is a distance, of x and y together."
)
def square_for_circle(poses, scores, radius):
    near = ((poses - poses[0]).abs() <= radius).all(-1)
    weight = torch.where(near, scores, 0.0)
    return ((weight / weight.sum(0))[..., None] * poses).sum(0)
