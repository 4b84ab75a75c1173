"""The notebooks' tools: run them, clean them, time them, and move them to a fork.

    python -m poselab.course notebooks [01 02]      make notebooks [NB="01 02"]
    python -m poselab.course claims [01 02]         what they claim, with the evidence
    python -m poselab.course headers                after a change of their form
    python -m poselab.course repo URL               make repo URL=...
    python -m poselab.course picture                make picture
    python -m poselab.course links                  part of make lint

What is saved depends on the source alone: no dates, no widget state, no machine's
paths, cell ids that follow the text. So a difference in a notebook is a change of it.
"""

from poselab.course.files import CourseError

BUDGET = 60  # seconds that a notebook may take on two quiet cores, as its header says
# How many times as long it may take beside other programs on the same two cores: of
# notebooks 02 and 07 a reader measured 92 s for 33 and 56 s for 19.
BUSY = 3
PATIENCE = (
    600  # seconds after which a cell counts as hanging, on however slow a machine
)
GIGABYTES = 1.5  # of memory that a notebook's kernel may take
MEGABYTES = 1.5  # that a saved notebook may have

WIDGET = "application/vnd.jupyter.widget-"  # how the mime types begin that are live

__all__ = [
    "BUDGET",
    "BUSY",
    "GIGABYTES",
    "MEGABYTES",
    "PATIENCE",
    "WIDGET",
    "CourseError",
]
