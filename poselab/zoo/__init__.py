"""Trained networks by name: small ones that come with the package, large ones' weights.

`load("deeppose_tiny")` is a bundled network in eval mode, `load("hrnet_w32_coco")` one
of paper size whose released weights are fetched once; `names()` and `released()` list
them. A loaded network knows its `codec`, its `normalise`, its `card` and its `name`.
`top_down` joins a detector and a pose network; `scoreboard()` and `table()` are the
course's results, written by `python -m poselab.evaluate`.
"""

from poselab.zoo.board import scoreboard, table
from poselab.zoo.cards import FOLDER, card, names
from poselab.zoo.loading import load, released
from poselab.zoo.systems import everybody, top_down

__all__ = [
    "FOLDER",
    "card",
    "everybody",
    "load",
    "names",
    "released",
    "scoreboard",
    "table",
    "top_down",
]
