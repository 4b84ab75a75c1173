"""A network for crops of people, asked about every person of a COCO data set."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from poselab.datasets import Coco, to_results
from poselab.metrics import coco_ap
from poselab.pipelines import SinglePerson
from poselab.recipes import Recipe
from poselab.system import distributed


def coco_scores(
    net: nn.Module, recipe: Recipe, coco: Coco, device: str = "cpu"
) -> dict[str, float]:
    """COCO's numbers with the flip test and the true boxes, as papers' ablations do."""
    return coco_ap(coco, coco_results(net, recipe, coco, device))


@torch.no_grad()
def coco_results(
    net: nn.Module, recipe: Recipe, coco: Coco, device: str = "cpu"
) -> list[dict[str, Any]]:
    """The network's answer to every person of `coco`, given the true boxes, as COCO's
    records; a team of processes shares the images, and each gets all records."""
    team = distributed.team()
    codec, normalise = recipe.reader(), recipe.normalise
    single = SinglePerson(net.eval(), codec, flip=True, normalise=normalise)
    found, own = [], range(team.rank, len(coco), team.size)
    for crops in coco.crops(recipe.size, recipe.data.margin, which=own):
        images = crops.sample.image.to(device)
        poses = single.read(images, crops.matrix.to(device)).to("cpu")
        found += to_results(poses, crops.image_id, coco.annotations.category_id)
    return [record for part in distributed.gather(found) for record in part]
