"""How well networks do and what they cost; `python -m poselab.evaluate` scores all."""

from poselab.evaluate.cost import count_macs, milliseconds, parameters
from poselab.evaluate.predictions import predict
from poselab.evaluate.tasks import pck_scores

__all__ = ["count_macs", "milliseconds", "parameters", "pck_scores", "predict"]
