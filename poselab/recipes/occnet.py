"""OccNet (Golda et al. 2019, 1907.06922): a head for what is seen, one for the rest."""

from __future__ import annotations

from poselab.datasets.box_errors import UniformErrors
from poselab.recipes.base import Ablation
from poselab.recipes.continued import Boxed, Continued
from poselab.recipes.rmpe import INNER, POOL, TRUNK
from poselab.recipes.shared import SIZE
from poselab.recipes.simple_baseline import TINY as BASELINES
from poselab.train import Schedule

CHAPTER = "09"

# The layers of Simple Baseline's three transposed convolutions, two numbers each (a
# convolution and its norm, then the ReLU), and where they go.
UPS = (("0", "up1.0"), ("1", "up1.1"), ("3", "up2.0"), ("4", "up2.1"))
ENDS = (("6", "0"), ("7", "1"))


def _two_heads(split: bool) -> Continued:
    inner = BASELINES[INNER]
    shared = [(f"deconv_layers.{a}.", f"{b}.") for a, b in UPS]
    ends = [
        (f"deconv_layers.{a}.", f"up3_{head}.{b}.")
        for head in ("visible", "hidden")
        for a, b in ENDS
    ]
    return Continued(
        about="two heads on simple_baseline_tiny",
        model="occnet",
        arguments={"joints": 17, **inner.arguments},
        # Squared error, as in the paper: an empty heatmap is a target here.
        codec={"name": "hidden", "size": SIZE, "sigma": 1.5, "split": split},
        data=Boxed(POOL, errors=UniformErrors(0.1), held_out=16),
        stages=(Schedule(160, 32, 2e-3),),
        task="hidden",
        start=INNER,
        renamed=(*((name, name) for name in TRUNK), *shared, *ends),
    )


ABLATIONS = {
    "heads": Ablation(
        question="Does a head for hidden joints find more of them than equal weights?",
        arms={
            "a head for hidden joints": _two_heads(True),
            "two equal heads": _two_heads(False),
        },
    )
}
