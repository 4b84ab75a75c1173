"""Where samples come from, and what may be done to them before a codec sees them."""

from poselab.datasets.clips import read_clip, save_gif
from poselab.datasets.coco.export import save_coco
from poselab.datasets.coco.people import CocoPeople, Variation
from poselab.datasets.coco.reader import Coco, Crops
from poselab.datasets.crowdpose import CrowdPose
from poselab.datasets.images import read_image
from poselab.datasets.jta import Jta
from poselab.datasets.mocap import H36m, MpiInf3dhp
from poselab.datasets.mpii import Mpii
from poselab.datasets.person_crops import PersonCrops
from poselab.datasets.pictures import as_image
from poselab.datasets.placed import PlacedPeople
from poselab.datasets.pool import Pool
from poselab.datasets.portraits import portrait
from poselab.datasets.posetrack import PoseTrack
from poselab.datasets.resident import Resident
from poselab.datasets.sets import evaluation
from poselab.datasets.synthetic import SyntheticPeople
from poselab.datasets.transforms import (
    augment,
    crop,
    crop_people,
    flip,
    rotate,
    transform,
)
from poselab.records.coco import to_coco, to_results
from poselab.records.posetrack import to_posetrack

__all__ = [
    "Coco",
    "CocoPeople",
    "Crops",
    "CrowdPose",
    "H36m",
    "Jta",
    "MpiInf3dhp",
    "Mpii",
    "PersonCrops",
    "PlacedPeople",
    "Pool",
    "PoseTrack",
    "Resident",
    "SyntheticPeople",
    "Variation",
    "as_image",
    "augment",
    "crop",
    "crop_people",
    "evaluation",
    "flip",
    "portrait",
    "read_clip",
    "read_image",
    "rotate",
    "save_coco",
    "save_gif",
    "to_coco",
    "to_posetrack",
    "to_results",
    "transform",
]
