"""HMR for our mannequin (Kanazawa et al. 2018, 1712.06584)."""

from __future__ import annotations

from poselab.recipes.bodies import Bodies
from poselab.recipes.continued import Continued
from poselab.recipes.shared import SIZE, UPRIGHT
from poselab.recipes.simple_baseline import TINY as BASELINES
from poselab.train import Schedule

CHAPTER = "17"

# The paper's trunk begins with ImageNet's weights; this one with those of a network
# that finds joints in 2D, or half an hour of a CPU would not do.
START = "simple_baseline_tiny"
TRUNK = ("conv1.", "bn1.", "layer1.", "layer2.", "layer3.", "layer4.")
SMALL = {name: BASELINES[START].arguments[name] for name in ("depth", "width")}

TINY = {
    "hmr_tiny": Continued(
        about="angles and shape of a mannequin, and a camera, from a picture",
        model="hmr_mannequin",
        # All 4x3 cells of the trunk's output: their mean would lose where a hand is.
        arguments={**SMALL, "hidden": 160, "cells": 12, "dropout": 0.1},
        codec={"name": "body", "size": SIZE},
        data=Bodies(pool=6144, variation=UPRIGHT.variation, held_out=16),
        # Half of the pictures of the other networks in 3D. The trunk has seen 262,144
        # before.
        stages=(Schedule(1024, 64, 1e-3, average=0.98),),
        task="space",
        start=START,
        renamed=tuple((name, name) for name in TRUNK),
    )
}
