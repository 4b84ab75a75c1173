"""The explorers of notebook 00."""

from poselab.explore.annotator import Annotator
from poselab.explore.person import PersonMaker
from poselab.explore.photo import Photo

__all__ = ["Annotator", "PersonMaker", "Photo"]
