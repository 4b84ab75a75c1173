"""Explorers: turn a knob, see what a method does; one file per notebook.

`from poselab import explore; explore.PersonMaker()`. An explorer is loaded when it is
first asked for, so that none waits for the packages of the others.
"""

from __future__ import annotations

import importlib

_HOMES = {
    "Explorer": "base",
    "JointCanvas": "canvas",
    "Annotator": "welcome",
    "PersonMaker": "welcome",
    "CascadeExplorer": "deeppose",
    "HeatmapLab": "heatmaps",
    "HourglassExplorer": "hourglass",
    "SkipExplorer": "hourglass",
    "PoseMachineExplorer": "cpm",
    "FeedbackExplorer": "ief",
    "PyramidExplorer": "tompson",
    "SpatialExplorer": "tompson",
    "BoxExplorer": "top_down",
    "NeighbourExplorer": "top_down",
    "NmsExplorer": "top_down",
    "MapsExplorer": "cpn",
    "OhkmExplorer": "cpn",
    "BranchExplorer": "hrnet",
    "MetricLab": "metrics",
    "PrecisionRecall": "metrics",
    "crowd_answers": "metrics_ap",
    "TrackingErrors": "metrics",
}
__all__ = list(_HOMES)


def __getattr__(name: str):
    if name not in _HOMES:
        raise AttributeError(f"poselab.explore has no {name!r}; it has {__all__}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
