"""How well networks do and what they cost; `python -m poselab.evaluate` scores all.

`claims("06")` is the table behind a notebook's claims (see `evaluate.ablations`).
"""

from poselab.evaluate.ablations import claims
from poselab.evaluate.cost import count_macs, milliseconds, parameters
from poselab.evaluate.predictions import predict
from poselab.evaluate.tasks import pck_scores

__all__ = [
    "claims",
    "count_macs",
    "milliseconds",
    "parameters",
    "pck_scores",
    "predict",
]
