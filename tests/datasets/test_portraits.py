"""The photograph that everybody has, with our own annotation."""

from pycocotools.coco import COCO

from poselab import datasets
from poselab.datasets.portraits import ANNOTATION


def test_the_portrait_is_a_sample_with_seven_labelled_joints():
    sample = datasets.portrait()
    assert sample.image.shape == (3, 600, 512)
    assert (sample.visibility == 2).sum() == 7
    assert sample.areas.item() == sample.masks.sum().item()


def test_left_is_her_own_left():
    points = datasets.portrait().keypoints[0]
    for left, right in datasets.portrait().skeleton.flip_pairs[:3]:
        assert points[left, 0] > points[right, 0]  # she faces the camera


def test_pycocotools_reads_the_annotation():
    annotations = COCO(str(ANNOTATION))
    (record,) = annotations.loadAnns(annotations.getAnnIds())
    assert annotations.annToMask(record).sum() == record["area"]
