"""The explorers of notebook 00."""

from poselab.explore.annotator import Annotator

__all__ = ["Annotator"]
