"""What the small networks for whole scenes have in common, so they can be compared.

They see the same crowds and the same number of them, and three of the four have the
same trunk (`poselab.models.trunk`).
"""

from __future__ import annotations

from poselab.recipes.data import Drawn
from poselab.train import Schedule

# (H, W) px: crowds of 384x512 at half of their size. People are 20 to 150 px high.
SIZE = (192, 256)
STRIDE = 4  # px: hands and faces of small people lie a few pixels apart
JOINTS = 17

# Two to eight people, as in the evaluation of crowds. Turned a little, zoomed and moved
# as far as most people stay in the picture; the mirror image half of the time. With the
# person of each pixel, from which PersonLab learns masks.
CROWDS = Drawn(
    pool=8192,
    people=(2, 8),
    variation={"degrees": 10.0, "zoom": 0.2, "shift": 0.05},
    held_out=64,
    person_id=True,
)

# 81,920 pictures, each crowd ten times: the same for all networks for whole scenes. A
# GPU needs two or three minutes.
LEARNS = Schedule(2560, 32, 3e-3, average=0.998)

# Width of the bumps and limbs, in heatmap pixels: 5 px of the picture, since at 192x256
# the joints of two people are often closer than the papers' 7 to 8 px.
SIGMA = 1.25

# Most of every target is 0, and a network that answers 0 everywhere has a small loss.
# Weighing bumps and limbs six-fold lets a short training leave that answer soon.
FOREGROUND = 5.0
