"""The explorers of notebook 00."""

from poselab.explore.annotator import Annotator
from poselab.explore.person import PersonMaker

__all__ = ["Annotator", "PersonMaker"]
