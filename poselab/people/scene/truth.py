"""What is true of a rendered picture: joints, visibility, masks, boxes.

A joint is hidden when something lies in front of it, in the depth map, that is not the
body around the joint: the surface of the segments that meet there, no further away than
these are thick. An annotator does the same, who marks a hip under trousers as visible.
A nose in profile may round to a background pixel beside the face: nothing hides it.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from poselab.geometry import box_of_mask
from poselab.people.body.person import JOINT_SEGMENTS
from poselab.people.raster.camera import Camera
from poselab.people.raster.render import Picture
from poselab.records import HIDDEN_BY, Sample
from poselab.skeleton import Skeleton

NOTHING, SELF, OTHER, OBJECT, OUTSIDE = range(len(HIDDEN_BY))
SKIN = 0.012  # of stature: cloth, rounding to a pixel, a surface seen at a slant
# How far the surface may lie in front of a joint, as a fraction of stature.
THICKNESS = {
    "shoulder": 0.060,
    "elbow": 0.040,
    "wrist": 0.035,
    "hip": 0.095,
    "knee": 0.055,
    "ankle": 0.045,
    "eye": 0.016,
    "ear": 0.025,
    "nose": 0.020,
    "head_top": 0.050,
    "upper_neck": 0.060,
    "neck": 0.080,
    "thorax": 0.080,
    "spine": 0.090,
    "pelvis": 0.090,
}


def sample_of(
    picture: Picture,
    camera: Camera,
    joints: Tensor,
    heights: Tensor,
    skeleton: Skeleton,
) -> Sample:
    """The stacked `Sample` of a picture.

    joints [S, P, J, 3] mm in the camera frame, heights [S, P] mm, 0 for nobody. People
    of whom no pixel is to be seen are absent from the picture.
    """
    there = heights > 0
    people = torch.arange(joints.shape[1], device=joints.device)
    masks = picture.person_id[:, None] == people[:, None, None]  # [S, P, H, W]
    areas = masks.sum((-1, -2)).float()
    keypoints = camera.project(joints)
    hidden_by = occlusion(picture, keypoints, joints[..., 2], heights, skeleton)
    visibility = torch.where(hidden_by == NOTHING, 2, 1)
    # Joints outside the image, and of people who are not seen at all, have no label.
    unlabelled = (hidden_by == OUTSIDE) | (areas == 0)[..., None]
    visibility[unlabelled] = 0
    present = there & (areas > 0)
    return Sample(
        image=picture.image,
        keypoints=keypoints * there[..., None, None],
        visibility=visibility,
        boxes=box_of_mask(masks),
        areas=areas,
        skeleton=skeleton,
        masks=masks,
        joints_3d=joints * there[..., None, None],
        intrinsics=camera.intrinsics,
        track_ids=people.expand_as(there) + 1,
        person_id=picture.person_id,
        depth=picture.depth,
        hidden_by=hidden_by,
        present=present,
    )


def occlusion(
    picture: Picture, keypoints: Tensor, z: Tensor, heights: Tensor, skeleton: Skeleton
) -> Tensor:
    """What hides each joint, [S, P, J] int8 as in `HIDDEN_BY`.

    keypoints [S, P, J, 2] px, z [S, P, J] mm, heights [S, P] mm.
    """
    surface, owner, segment, inside = _look_up(picture, keypoints)
    people = torch.arange(z.shape[1], device=z.device)
    own = owner == people[:, None]
    around, thickness = _segments_around(skeleton, picture.segments, z.device)
    joint = torch.arange(len(skeleton), device=z.device).expand_as(segment)
    is_around = own & around[joint, segment]
    slack = torch.where(is_around, thickness, SKIN) * heights[..., None]
    before = z - surface > slack
    cause = torch.where(own, SELF, torch.where(owner >= 0, OTHER, OBJECT))
    hidden_by = torch.where(before, cause, NOTHING)
    return torch.where(inside, hidden_by, OUTSIDE).to(torch.int8)


def _look_up(picture: Picture, keypoints: Tensor) -> tuple[Tensor, ...]:
    """Surface depth, owner and segment at the pixels of joints; whether inside."""
    height, width = picture.depth.shape[-2:]
    pixel = keypoints.clamp(-1e6, 1e6).round().long()
    u, v = pixel.unbind(-1)
    inside = (u >= 0) & (u < width) & (v >= 0) & (v < height)
    index = v.clamp(0, height - 1) * width + u.clamp(0, width - 1)
    flat = index.flatten(1)  # [S, P J]
    maps = (picture.depth, picture.person_id, picture.segment)
    found = [m.flatten(1).gather(1, flat).view_as(index) for m in maps]
    return found[0], found[1].long(), found[2].long(), inside


@lru_cache(maxsize=32)
def _segments_around(skeleton: Skeleton, segments: tuple[str, ...], device):
    """Which segments lie around a joint [J, M + 1], and how thick they are [J].

    The last column, which -1 finds, is for surfaces that have no segment.
    """
    table = [
        [s in JOINT_SEGMENTS[j] for s in segments] + [False] for j in skeleton.joints
    ]
    thickness = [
        THICKNESS.get(j, THICKNESS.get(j.split("_")[-1], SKIN)) for j in skeleton.joints
    ]
    return torch.tensor(table, device=device), torch.tensor(thickness, device=device)
