"""How the network of the toy chapter is trained."""

from __future__ import annotations

from poselab.recipes.base import Recipe
from poselab.recipes.data import Drawn
from poselab.train import Schedule

CHAPTER = "19"

TINY = {
    "toy_tiny": Recipe(
        about="one convolution, on a few single drawn people",
        model="toy",
        arguments={},
        codec={"name": "heatmap", "size": (128, 96), "stride": 4, "criterion": "mse"},
        data=Drawn(pool=8, held_out=4),  # nothing is to be learned here
        stages=(Schedule(steps=2, batch_size=4, lr=1e-3),),  # a second
    )
}
