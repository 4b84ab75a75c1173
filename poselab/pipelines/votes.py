"""Several networks for one person, and the median of their answers.

Networks that learned from the same drawn people make different mistakes on photographs,
because they are built differently. Where most of them agree, the median is with the
majority; how many agree says how far it can be trusted (Breiman, "Bagging Predictors",
Machine Learning 24, 1996, on averages of predictors; the median forgives a few that are
far off).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from poselab.errors import require
from poselab.geometry import box_of_image
from poselab.pipelines.single import SinglePerson
from poselab.records import Poses

NEAR = 0.1  # of the longer side of a box: so near is an agreement


class Votes(SinglePerson):
    """Asks each of `members` about the same boxes; a joint is where their median is.

    The score of a joint is the share of members within a tenth of the box's longer side
    of it, that of a person the mean over the joints. Raises `ArgumentError` without
    members or for members with different joints.
    """

    def __init__(self, members: Sequence[SinglePerson]) -> None:
        require(
            len(members) > 0,
            "somebody has to vote",
            where="Votes",
            field="members",
            value=list(members),
        )
        first, skeletons = members[0], {m.codec.skeleton.name for m in members}
        require(
            len(skeletons) == 1,
            "have different joints",
            where="Votes",
            field="members",
            value=sorted(skeletons),
        )
        super().__init__(
            first.net,
            first.codec,
            margin=first.margin,
            flip=first.flip,
            normalise=first.normalise,
        )
        self.members = tuple(members)

    def image(self, image: Tensor, flip: bool | None = None) -> Poses:
        """The one person of an image [3, H, W], whom it frames."""
        box = box_of_image((image.shape[-2], image.shape[-1])).to(image)[None]
        return self._merged([member.image(image, flip) for member in self.members], box)

    @torch.no_grad()
    def poses(self, image: Tensor, boxes: Tensor, flip: bool | None = None) -> Poses:
        """One pose for each box [N, 4] (xywh px), in their order.

        `flip` replaces that of the members for this call.
        """
        if not len(boxes):
            return Poses.empty(len(self.codec.skeleton), boxes.device)
        found = [member.poses(image, boxes, flip) for member in self.members]
        return self._merged(found, boxes)

    def _merged(self, found: list[Poses], boxes: Tensor) -> Poses:
        """The answers of all members about N boxes [N, 4] -> N poses."""
        points, scores = median_of(torch.stack([p.keypoints for p in found]), boxes)
        return Poses(points, scores, boxes=boxes, person_scores=scores.mean(-1))


def median_of(points: Tensor, boxes: Tensor) -> tuple[Tensor, Tensor]:
    """Answers [M, N, J, 2] px of M members, boxes [N, 4] xywh -> their median, scores.

    The median of x and of y by themselves, [N, J, 2] (of an even number, the mean of
    the two in the middle); the scores [N, J] are shares of members that are near it.
    """
    middle = points.quantile(0.5, dim=0)
    reach = NEAR * boxes[:, 2:].amax(1)  # [N]
    near = (points - middle).norm(dim=-1) <= reach[:, None]  # [M, N, J]
    return middle, near.to(points).mean(0)
