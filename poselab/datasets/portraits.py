"""One real photograph that every installation has, with our own annotation of it."""

from __future__ import annotations

from pathlib import Path

from poselab.datasets.coco.reader import Coco
from poselab.records import Sample

ANNOTATION = Path(__file__).with_name("grace_hopper.json")


def portrait() -> Sample:
    """Rear Admiral Grace Hopper, 512 px wide, 600 high: from the waist up, P = 1.

    The photograph is the US Navy's, in the public domain, and comes with Matplotlib;
    the annotation (seven labelled joints, an outline) is poselab's.
    """
    from matplotlib.cbook import get_sample_data

    photo = Path(str(get_sample_data("grace_hopper.jpg", asfileobj=False)))
    return Coco(ANNOTATION, photo.parent)[0]
