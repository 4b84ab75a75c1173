"""The training loop, its schedules, and trainings of more than one network or loss.

`python -m poselab.train deeppose_tiny` trains the bundled weights again. Under
`torchrun --nproc-per-node N -m poselab.train ...` N processes do it together.
"""

from poselab.train.base import Plan, Trainer, of_stage, scored_as, train_single
from poselab.train.cascade import train_cascade
from poselab.train.coarse_to_fine import train_coarse_to_fine
from poselab.train.feedback import mean_pose, train_feedback
from poselab.train.history import History
from poselab.train.loop import fit
from poselab.train.run import FIRST_MARK
from poselab.train.schedules import SCHEDULES, Schedule, learning_rate
from poselab.train.symmetric import train_symmetric

__all__ = [
    "FIRST_MARK",
    "History",
    "Plan",
    "SCHEDULES",
    "Schedule",
    "Trainer",
    "fit",
    "learning_rate",
    "mean_pose",
    "of_stage",
    "scored_as",
    "train_cascade",
    "train_coarse_to_fine",
    "train_feedback",
    "train_single",
    "train_symmetric",
]
