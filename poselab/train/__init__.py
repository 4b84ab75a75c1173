"""The training loop, its schedules, and trainings of more than one network or loss.

`python -m poselab.train deeppose_tiny` trains the bundled weights again. Under
`torchrun --nproc-per-node N -m poselab.train ...` N processes do it together.
"""

from poselab.train.cascade import train_cascade
from poselab.train.coarse_to_fine import train_coarse_to_fine
from poselab.train.feedback import train_feedback
from poselab.train.loop import History, Source, fit, of_stage
from poselab.train.schedules import SCHEDULES, learning_rate

__all__ = [
    "SCHEDULES",
    "History",
    "Source",
    "fit",
    "learning_rate",
    "of_stage",
    "train_cascade",
    "train_coarse_to_fine",
    "train_feedback",
]
