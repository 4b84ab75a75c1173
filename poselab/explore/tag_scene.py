"""What the explorers of notebook 11 look at: true maps with tags, and two groupings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from poselab.codecs.heatmap_decode import pixels_to_cells
from poselab.codecs.tag import FineTagCodec, TagCodec, tag_losses
from poselab.codecs.tag_group import TagGrouping
from poselab.errors import require_shape
from poselab.records import Sample

__all__ = ["learned_tags", "right_share", "tagged_output", "tags_of_people"]


def tags_of_people(
    sample: Sample, gap: float = 2.0, noise: float = 0.0, seed: int = 0
) -> Tensor:
    """Tags [B, P, J]: 0, `gap`, 2 `gap`, ... for the people of an image.

    `noise` is the standard deviation of what is added to each joint's tag.
    """
    flags = sample.batched().visibility  # [B, P, J]
    draws = torch.Generator().manual_seed(seed)
    person = torch.arange(flags.shape[1])[:, None].float()
    return gap * person + noise * torch.randn(flags.shape, generator=draws)


def tagged_output(
    codec: TagCodec, sample: Sample, tags: Tensor
) -> Tensor | tuple[Tensor, Tensor]:
    """What a network would answer whose heatmaps are true: [B, 2 J, h, w].

    Each cell of a joint's tag map has the tag [B, P, J] of the person whose joint is
    nearest. A `FineTagCodec` gets a tuple with the fine heatmaps. Raises `ShapeError`.
    """
    sample = sample.batched()
    require_shape("tags", tags, *sample.visibility.shape)
    _, targets = codec.encode(sample)
    h, w = codec.heatmap_size
    cells = pixels_to_cells(sample.keypoints, codec.stride)  # [B, P, J, 2]
    maps = []
    for places, there, values in zip(cells, targets["there"], tags, strict=True):
        index = _nearest(places, there, (h, w)).flatten(1)  # [J, h w]
        maps.append(values.T.gather(1, index).unflatten(1, (h, w)))
    coarse = torch.cat([targets["heatmaps"], torch.stack(maps)], 1)
    return (coarse, targets["fine"]) if isinstance(codec, FineTagCodec) else coarse


def _nearest(places: Tensor, there: Tensor, size: tuple[int, int]) -> Tensor:
    """For each joint and cell the person whose joint is nearest, [J, h, w].

    places [P, J, 2] in cells, there [P, J] bool; person 0 where a joint is nobody's.
    """
    y, x = (torch.arange(n) for n in size)
    dx, dy = places[..., :1] - x, places[..., 1:] - y
    far = (dx.square()[..., None, :] + dy.square()[..., None]).sqrt()  # [P, J, h, w]
    far.masked_fill_(~there[..., None, None], torch.inf)
    best, owner = far[0], torch.zeros_like(far[0], dtype=torch.int64)
    for person in range(1, len(far)):
        owner[far[person] < best] = person
        best = torch.minimum(best, far[person])
    return owner


def match_places(
    peaks: list[np.ndarray], rules: TagGrouping, reach: float = 12.0
) -> np.ndarray:
    """The control: people [P, J, 3 + T] as of `match_tags`, by place instead of tag.

    A peak goes to the person who has the nearest joint so far, by the best sum; one
    that is more than `reach` cells from everybody begins somebody new.
    """
    people: list[np.ndarray] = []
    for joint in rules.order:
        rows = peaks[joint]
        known = people[: rules.max_people]
        pairs = _nearest_people(rows, known, reach)
        for i, row in enumerate(rows):
            if i not in pairs:
                people.append(np.zeros((len(peaks), peaks[0].shape[1]), row.dtype))
                pairs[i] = len(people) - 1
            people[pairs[i]][joint] = row
    return np.array(people).reshape(-1, len(peaks), peaks[0].shape[1])


def _nearest_people(rows: np.ndarray, known: list, reach: float) -> dict[int, int]:
    """Row -> person, one to one, by the distance to a person's nearest joint."""
    if not (len(rows) and known):
        return {}
    far = np.empty((len(rows), len(known)))
    for j, person in enumerate(known):
        own = person[person[:, 2] > 0, :2]
        far[:, j] = np.linalg.norm(rows[:, None, :2] - own, axis=-1).min(1)
    pairs = zip(*linear_sum_assignment(far), strict=True)
    return {int(i): int(j) for i, j in pairs if far[i, j] <= reach}


def owners_of(people: np.ndarray, sample: Sample, stride: int) -> np.ndarray:
    """Whose joint stands in each place of people [N, J, 3 + T]: [N, J], -1 for none.

    The one of a single `sample` whose labelled joint is nearest.
    """
    cells = pixels_to_cells(sample.keypoints, stride).numpy()  # [P, J, 2]
    far = np.linalg.norm(people[:, None, :, :2] - cells, axis=-1)  # [N, P, J]
    far[:, (sample.visibility == 0).numpy()] = np.inf
    return np.where(people[..., 2] > 0, far.argmin(1), -1)


def own_person(owner: np.ndarray, count: int) -> np.ndarray:
    """Of owners [N, J] which of `count` people each group is, one to one; -1: none."""
    votes = (owner[..., None] == np.arange(count)).sum(1)  # [N, P]
    mine = np.full(len(owner), -1)
    groups, people = linear_sum_assignment(-votes)
    mine[groups] = people
    return mine


def right_share(people: np.ndarray, sample: Sample, stride: int) -> float:
    """The share of found joints [N, J, 3 + T] that are in the group of their person.

    Groups and people of a single `sample` are matched one to one, as well as they can
    be; joints of a second group of the same person are wrong, too.
    """
    owner = owners_of(people, sample, stride)
    mine = own_person(owner, len(sample.keypoints))
    found = owner >= 0
    return float((found & (owner == mine[:, None])).sum() / max(1, found.sum()))


def learned_tags(
    people: int = 4,
    pull: float = 1.0,
    push: float = 1.0,
    start: float = 0.1,
    seed: int = 0,
    steps: int = 150,
    joints: int = 6,
) -> Tensor:
    """Tags of one picture while Adam minimises `tag_loss`: [steps + 1, P, J].

    They begin as noise of standard deviation `start`; `pull` and `push` are weights.
    """
    return tags_of_weights(people, ((pull, push),), start, seed, steps, joints)[0]


@torch.enable_grad()  # also for explorers, which draw without gradients
def tags_of_weights(
    people: int,
    weights: Sequence[tuple[float, float]],
    start: float,
    seed: int,
    steps: int,
    joints: int = 6,
) -> Tensor:
    """`learned_tags` for several (pull, push) at once, [W, steps + 1, P, J]."""
    draws = torch.Generator().manual_seed(seed)
    tags = start * torch.randn(1, people, joints, generator=draws)
    tags = tags.repeat(len(weights), 1, 1).requires_grad_()
    pull, push = torch.tensor(weights).unbind(1)
    there = torch.ones_like(tags, dtype=torch.bool)
    descent, kept = torch.optim.Adam([tags], lr=0.05), [tags.detach().clone()]
    for _ in range(steps):
        together, apart = tag_losses(tags, there)
        descent.zero_grad()
        (pull * together + push * apart).sum().backward()
        descent.step()
        kept.append(tags.detach().clone())
    return torch.stack(kept, 1)
