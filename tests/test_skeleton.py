"""Skeletons: names, sides, pairs, and joints made from others."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from poselab.errors import PoselabError
from poselab.skeleton import (
    COCO_17,
    CROWDPOSE_14,
    H36M_17,
    MPI_INF_3DHP_17,
    MPII_16,
    POSETRACK_17,
    SKELETONS,
    Skeleton,
    by_name,
    convert,
)

ALL = pytest.mark.parametrize(
    "skeleton",
    [*SKELETONS.values(), POSETRACK_17, MPI_INF_3DHP_17],
    ids=lambda s: s.name,
)


@ALL
def test_flip_is_its_own_inverse(skeleton):
    flip = skeleton.flip_index
    assert [flip[j] for j in flip] == list(range(len(skeleton)))
    for joint, partner in enumerate(flip):
        names = {skeleton.joints[joint], skeleton.joints[partner]}
        bare = {n.removeprefix("left_").removeprefix("right_") for n in names}
        assert len(bare) == 1
    for left, right in skeleton.flip_pairs:
        assert skeleton.sides[left] == "left"
        assert skeleton.sides[right] == "right"
    middle = skeleton.sides.count("middle")
    assert 2 * len(skeleton.flip_pairs) + middle == len(skeleton)


@ALL
def test_limbs_connect_every_joint(skeleton):
    assert len(set(skeleton.joints)) == len(skeleton)
    reached, edges = {0}, {frozenset(limb) for limb in skeleton.limbs}
    assert len(edges) == len(skeleton.limbs)
    for _ in skeleton.joints:
        reached |= {j for edge in edges if edge & reached for j in edge}
    assert reached == set(range(len(skeleton)))
    mirrored = {frozenset(skeleton.flip_index[j] for j in edge) for edge in edges}
    assert mirrored == edges, "a limb lacks its mirror image"


def test_sizes_order_and_sigmas():
    assert [len(s) for s in SKELETONS.values()] == [17, 16, 14, 17]
    assert COCO_17.joints[:3] == ("nose", "left_eye", "right_eye")
    assert COCO_17.joints[-1] == "right_ankle"
    assert MPII_16.joints[0] == "right_ankle"
    assert MPII_16.joints[6:10] == ("pelvis", "thorax", "upper_neck", "head_top")
    for skeleton in (COCO_17, CROWDPOSE_14):
        assert len(skeleton.sigmas) == len(skeleton)
        flipped = [skeleton.sigmas[j] for j in skeleton.flip_index]
        assert flipped == list(skeleton.sigmas)
    assert COCO_17.colours[COCO_17.index("left_eye")] == "#E69F00"


def test_coco_sigmas_are_those_of_pycocotools():
    from pycocotools.cocoeval import Params

    theirs = Params("keypoints").kpt_oks_sigmas.tolist()
    assert list(COCO_17.sigmas) == pytest.approx(theirs)


def test_unknown_names_are_answered_with_the_known_ones():
    with pytest.raises(PoselabError, match="left_wrist"):
        COCO_17.index("left_paw")
    with pytest.raises(PoselabError, match="coco-17, mpii-16"):
        by_name("coco")
    assert by_name("h36m-17") is H36M_17


def pose(seed: int, skeleton: Skeleton):
    g = torch.Generator().manual_seed(seed)
    flags = torch.randint(0, 3, (2, len(skeleton)), generator=g)
    return torch.rand(2, len(skeleton), 2, generator=g) * 100, flags


@given(st.integers(0, 200))
def test_neck_is_the_mean_of_labelled_shoulders(seed):
    points, flags = pose(seed, COCO_17)
    got, seen = convert(points, flags, COCO_17, CROWDPOSE_14)
    shoulders = [COCO_17.index("left_shoulder"), COCO_17.index("right_shoulder")]
    neck = CROWDPOSE_14.index("neck")
    assert torch.equal(seen[:, neck], flags[:, shoulders].amin(-1))
    labelled = seen[:, neck] > 0
    mean = points[:, shoulders].mean(1)
    torch.testing.assert_close(got[:, neck][labelled], mean[labelled])
    assert (got[:, neck][~labelled] == 0).all()
    assert (seen[:, CROWDPOSE_14.index("head_top")] == 0).all()
    wrist = points[:, COCO_17.index("left_wrist")]
    wrist = wrist * (flags[:, COCO_17.index("left_wrist")] > 0)[:, None]
    assert torch.equal(got[:, CROWDPOSE_14.index("left_wrist")], wrist)


@ALL
def test_converting_to_itself_keeps_what_is_labelled(skeleton):
    points, flags = pose(0, skeleton)
    got, seen = convert(points, flags, skeleton, skeleton)
    assert torch.equal(got[flags > 0], points[flags > 0])
    assert (got[flags == 0] == 0).all()
    assert torch.equal(seen, flags)


@given(
    st.sampled_from(list(SKELETONS.values())),
    st.sampled_from(list(SKELETONS.values())),
    st.integers(0, 50),
)
def test_flipping_commutes_with_converting(source, target, seed):
    points, flags = pose(seed, source)

    def flip(points, flags, skeleton):
        order = list(skeleton.flip_index)
        mirror = torch.tensor([-1.0, 1.0])
        return points[:, order] * mirror, flags[:, order]

    one = convert(*flip(points, flags, source), source, target)
    two = flip(*convert(points, flags, source, target), target)
    torch.testing.assert_close(one[0], two[0])
    assert torch.equal(one[1], two[1])


def test_wrong_shapes_are_named():
    with pytest.raises(PoselabError, match="keypoints"):
        convert(torch.zeros(1, 16, 2), torch.zeros(1, 16), COCO_17, MPII_16)
