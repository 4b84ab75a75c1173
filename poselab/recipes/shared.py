"""What the small recipes have in common, so that their networks can be compared."""

from __future__ import annotations

from typing import Any

from poselab.recipes.data import Drawn

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


def framed(pool: int) -> Drawn:
    """Pictures of one framed person each, mirrored at random and shifted a little."""
    return Drawn(pool=pool, variation=FRAMED_SHIFT)


# For networks behind a detector: half of each batch is framed people, half is people
# cut out of crowds with boxes as wrong as a detector's. Turned and zoomed, since its
# boxes are never right.
BEHIND_A_DETECTOR = Drawn(
    pool=4000, crops=4000, variation={"degrees": 15.0, "zoom": 0.1, "shift": 0.05}
)

# What all networks for one person learn from when they are compared: as above, with
# more of everything.
MIXTURE = Drawn(pool=8192, crops=8192, variation=BEHIND_A_DETECTOR.variation)
