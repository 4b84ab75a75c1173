"""Small samples made by hand, for tests that need no renderer."""

from __future__ import annotations

import torch

from poselab import geometry
from poselab.records import Poses, Sample
from poselab.skeleton import COCO_17, Skeleton


def make_sample(
    seed: int = 0,
    people: int = 2,
    size: tuple[int, int] = (40, 30),
    skeleton: Skeleton = COCO_17,
) -> Sample:
    """A picture of noise with ellipses for people, consistent in every field."""
    g = torch.Generator().manual_seed(seed)
    h, w = size
    image = torch.randint(0, 256, (3, h, w), generator=g).float() / 255
    camera = geometry.intrinsics_matrix(60.0, 61.0, (w - 1) / 2, (h - 1) / 2).float()
    pixels = torch.rand(people, len(skeleton), 2, generator=g) * torch.tensor([w, h])
    pixels = pixels * 1.2 - 0.1 * torch.tensor([w, h])  # some are outside
    depth = 2000 + 1000 * torch.rand(people, len(skeleton), generator=g)
    joints = geometry.back_project(pixels, depth, camera)
    points = geometry.project(joints, camera)
    inside = ((points >= -0.5) & (points < torch.tensor([w, h]) - 0.5)).all(-1)
    seen = torch.randint(1, 3, inside.shape, generator=g)
    masks = ellipses(people, size, g)
    return Sample(
        image=image,
        keypoints=points,
        visibility=torch.where(inside, seen, 0),
        boxes=geometry.box_of_mask(masks),
        areas=masks.flatten(1).sum(1).float(),
        skeleton=skeleton,
        masks=masks,
        joints_3d=joints,
        intrinsics=camera,
        track_ids=torch.arange(people),
        person_id=_front(masks),
        depth=torch.where(
            masks.any(0) if people else torch.zeros(size) > 0,
            torch.tensor(2500.0),
            torch.tensor(torch.inf),
        ),
        hidden_by=torch.where(inside, 0, 4).to(torch.int8),
        image_id=seed + 7,
    )


def ellipses(people: int, size: tuple[int, int], g: torch.Generator) -> torch.Tensor:
    """One ellipse per person, not overlapping in columns; [P, H, W] bool."""
    h, w = size
    y, x = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
    found = [torch.zeros(0, h, w, dtype=torch.bool)]
    for person in range(people):
        cx = (person + 0.5) * w / people
        cy = h / 2 + torch.rand((), generator=g) * h / 8
        inside = ((x - cx) / (w / people / 2.5)) ** 2 + ((y - cy) / (h / 3)) ** 2 < 1
        found.append(inside[None])
    return torch.cat(found)


def _front(masks: torch.Tensor) -> torch.Tensor:
    owner = torch.full(masks.shape[1:], -1, dtype=torch.int16)
    for person, mask in enumerate(masks):
        owner[mask] = person
    return owner


def with_people(batch: Sample, people: int) -> Sample:
    """The stacked sample with its first person as often as `people` says."""
    return Sample.stack([one.people([0] * people) for one in batch])


def true_frames(keypoints, visibility, track_ids) -> Sample:
    """Frames of truth without pictures, from [F, P, J, 2], [F, P, J] and [F, P].

    The id -1 is nobody.
    """
    keypoints, visibility, ids = map(
        torch.as_tensor, (keypoints, visibility, track_ids)
    )
    names = tuple(f"joint {j}" for j in range(keypoints.shape[2]))
    return Sample(
        image=torch.zeros(len(keypoints), 3, 1, 1),
        keypoints=keypoints,
        visibility=visibility,
        boxes=torch.zeros(*ids.shape, 4),
        areas=torch.zeros(ids.shape),
        skeleton=Skeleton("joints", names, ()),
        track_ids=ids,
        present=ids >= 0,
    )


def found_frames(keypoints, scores, track_ids) -> Poses:
    """Frames of predictions, from [F, P, J, 2], [F, P, J] and [F, P]; -1 is nobody."""
    keypoints, scores, ids = map(torch.as_tensor, (keypoints, scores, track_ids))
    return Poses(keypoints, scores, track_ids=ids, present=ids >= 0)
