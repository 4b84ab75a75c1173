"""What the small recipes have in common, so that their networks can be compared."""

from __future__ import annotations

from typing import Any

from poselab.recipes.data import Drawn, Upright
from poselab.train import Schedule

SIZE = (128, 96)  # (H, W) px: a quarter of the papers' 256x192, learned in minutes

# Heatmaps, and which of their pixels is it?
WHICH_PIXEL: dict[str, Any] = {
    "name": "heatmap",
    "size": SIZE,
    "stride": 4,  # 32x24 pixels, the papers' ratio of 64x48 to 256x192
    "sigma": 1.5,  # heatmap pixels, 6 px of the picture; 2, 8 px, in the papers
    "criterion": "cross_entropy",  # zeros are no way out, so a short training is enough
    "decoder": "dark",  # below a heatmap pixel, from the shape of the peak
}

# People are framed already: mirrored, and moved by up to 5 % of the side, 3000 pictures
# become more than can be learned by heart.
FRAMED_SHIFT = {"degrees": 0.0, "zoom": 0.0, "shift": 0.05}


# For ablations: trainings of a CPU minute or less, in which every picture is seen once.
SHORT = Schedule(60, 16, 4e-3)
SHORT_DATA = Drawn(pool=960, held_out=16)


def framed(pool: int) -> Drawn:
    """Pictures of one framed person each, mirrored at random and shifted a little."""
    return Drawn(pool=pool, variation=FRAMED_SHIFT)


# For networks behind a detector: half of each batch is framed people, half is people
# cut out of crowds with boxes as wrong as a detector's. Turned and zoomed, since its
# boxes are never right.
BEHIND_A_DETECTOR = Drawn(
    pool=4000, crops=4000, variation={"degrees": 15.0, "zoom": 0.1, "shift": 0.05}
)

# What networks for one person learn from when they are compared, and how much: the same
# people, the same variation, the same number of pictures. A GPU needs a minute or two
PICTURES = 1 << 18  # 262,144: 6 times each of the people drawn
BATCH = 128  # a GPU takes as long for fewer; more would leave too few steps
AVERAGE = 0.998  # of the weights, over about the last 500 steps
MIXTURE = Drawn(
    pool=20480, crops=20480, variation=BEHIND_A_DETECTOR.variation, held_out=1024
)

# The same people for networks that answer in 3D, never turned: in a turned picture the
# axes of the joints are no longer those of the camera.
UPRIGHT = Upright(
    pool=20480,
    crops=20480,
    variation={**MIXTURE.variation, "degrees": 0.0},
    held_out=1024,
)


def budget(lr: float, *shares: int, pictures: int = PICTURES) -> tuple[Schedule, ...]:
    """The schedules of `pictures`, divided among stages in proportion to `shares`.

    `lr` is the best of 2e-3, 4e-3 and 8e-3 after 16,384 pictures, on held-out people,
    where the recipe says nothing else.
    """
    whole = sum(shares or (1,))
    return tuple(
        Schedule(
            max(1, round(pictures * share / whole / BATCH)), BATCH, lr, average=AVERAGE
        )
        for share in shares or (1,)
    )
