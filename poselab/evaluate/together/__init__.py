"""Many networks trained at the same time on one GPU, by the same rules.

Each recipe gets a process of its own (`learner`), so that one that fails harms none of
the others; `train_together` starts them, waits until the deadline, and packs up what
they have written. `Rules` is what is the same for all.
"""

from poselab.evaluate.together.processes import train_together
from poselab.evaluate.together.rules import Rules, budgeted

__all__ = ["Rules", "budgeted", "train_together"]
