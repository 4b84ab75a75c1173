"""poselab: a course on human pose estimation that people run rather than read.

Importing the package costs nothing: each part is imported by name where it is used
(`from poselab.datasets import SyntheticPeople`). `setup` prepares a notebook.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from poselab.checks import Progress
    from poselab.records import Poses

__version__ = "0.1.0"
__all__ = ["__version__", "estimate", "progress", "setup"]

# torch's idle threads wait by spinning. Where a browser, a server or other kernels
# want the same two cores, that makes small operations several times slower than one
# thread would be; threads that sleep at once cost a quarter on a quiet machine. A short
# spin avoids both. The settings are read when torch is loaded, so poselab comes first.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

# Figures that can be read from the last row of a lecture hall, at 1000 pixels across.
FIGURES: dict[str, Any] = {
    "figure.figsize": (10.0, 4.5),
    "figure.dpi": 100,
    "savefig.dpi": 100,
    "font.size": 14,
    "axes.titlesize": 15,
    "axes.labelsize": 14,
    "legend.fontsize": 12,
    "lines.linewidth": 2.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "image.interpolation": "nearest",
    "figure.constrained_layout.use": True,
}


def setup(seed: int = 0) -> torch.device:
    """Prepare a notebook and return the device to compute on.

    A GPU is used where there is one. `seed` makes a cell that draws from torch's,
    NumPy's or Python's own generator repeatable; the package itself never does that,
    it takes a `torch.Generator` wherever it draws. An assert of a cell that fails
    without a word says from then on that a changed number may break it. Raises
    `ArgumentError` where `seed` is not a whole number from 0 to 2**32 - 1.
    """
    import torch

    from poselab.system.asserts import explain_errors

    _seed_everything(seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    _prepare_figures()
    _allow_widgets_on_colab()
    explain_errors()
    print(f"poselab {__version__} on {device.type}")
    return device


def estimate(
    picture: Any,
    detector: str | None = None,
    pose: str | Sequence[str] | None = None,
    **options: Any,
) -> Poses:
    """Everybody in a photograph: `Poses`, surest first, with nothing to download.

    `picture` is the path of a file, a Pillow image, a NumPy array [H, W, 3] of bytes or
    a tensor [3, H, W] in [0, 1]. Nothing leaves the computer. By default the networks
    are bundled ones (`poselab.zoo.systems.PHOTOGRAPHS`): a detector, and several
    networks that vote on the joints (`poselab.pipelines.Votes`). All have seen drawn
    people only; notebook 00 shows what they find and what not. `detector` and `pose`
    name others, several for `pose` vote: `pose="hrnet_w32_coco"` and
    `detector="keypointrcnn_r50_fpn"` are large networks that learned from photographs,
    whose weights are fetched once. For drawn people `poselab.zoo.top_down()` is better.

    Whose box has a score of at most 0.5 is left out (`score_threshold`; with 0.05
    nearly nobody is); this and other `options` go to `poselab.zoo.top_down`. Raises
    `ArgumentError` for what is no picture, `ImageError` for a file that cannot be read.
    """
    from poselab.zoo.systems import PHOTOGRAPHS, everybody

    detector = PHOTOGRAPHS[0] if detector is None else detector
    pose = PHOTOGRAPHS[1] if pose is None else pose
    return everybody(picture, detector, pose, **options)


def __getattr__(name: str) -> Any:
    """The parts of the package, imported when they are first used: `poselab.zoo`."""
    from importlib import import_module

    try:
        return import_module(f"{__name__}.{name}")
    except ModuleNotFoundError as problem:
        if problem.name != f"{__name__}.{name}":
            raise
        raise AttributeError(f"poselab has no part called {name}") from problem


def _seed_everything(seed: int) -> None:
    import random

    import numpy as np
    import torch

    from poselab.errors import require

    whole = isinstance(seed, int) and not isinstance(seed, bool)
    require(
        whole and 0 <= seed < 2**32,
        "is not a whole number from 0 to 2**32 - 1",
        where="setup",
        field="seed",
        value=seed,
        fix="Use seed=0.",
    )
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def _prepare_figures() -> None:
    """Lecture-size figures, shown as PNG where the front end is a notebook."""
    import sys

    import matplotlib

    matplotlib.rcParams.update(FIGURES)
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell is not None and hasattr(shell, "kernel"):
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        set_matplotlib_formats("png")


def _allow_widgets_on_colab() -> None:
    """Colab shows only its own widgets until it is asked for others (anywidget)."""
    try:
        from google.colab import output
    except ImportError:
        return
    output.enable_custom_widget_manager()


def progress() -> Progress:
    """Which exercises of the course you have solved, notebook by notebook.

    `check` notes right answers in your cache folder (POSELAB_CACHE, or the user's) and
    nowhere else; delete progress.json there to begin again.
    """
    from poselab import checks

    return checks.progress()
