"""Global pose normalisation: whose size, whose place, whose proportions."""

import pytest
import torch

from poselab.errors import ArgumentError
from poselab.explore.edn import staged
from poselab.pipelines.retarget import feet, retarget, stance
from poselab.skeleton import COCO_17


def directions(keypoints):
    a, b = torch.tensor(COCO_17.limbs).T
    limbs = keypoints[:, b] - keypoints[:, a]
    return limbs / limbs.norm(dim=-1, keepdim=True)


@pytest.fixture(scope="module")
def films():
    return staged(1.9, 4.0)[0], staged(1.3, 6.0)[0]


def test_a_dance_for_its_own_body_stays(films):
    own = stance(films[0])
    torch.testing.assert_close(retarget(films[0], own, own), films[0])


def test_it_lands_where_the_target_would_dance(films):
    source, target = films
    answer = retarget(source, stance(source), stance(target))
    assert (feet(answer) - feet(target)).abs().max() < 5
    off = (answer - target).norm(dim=-1).mean()
    assert off < 0.2 * (source - target).norm(dim=-1).mean()
    torch.testing.assert_close(
        directions(answer), directions(source), atol=1e-3, rtol=0
    )


def test_who_stands_still_has_one_scale():
    still, other = staged(depth=0.0)[0], staged(1.2, 6.0)[0]
    own = stance(still)
    assert own.near - own.far < 1
    answer = retarget(still, own, stance(other))
    scale = (answer[:, 0] - answer[:, 15]).norm(dim=-1) / (
        still[:, 0] - still[:, 15]
    ).norm(dim=-1)
    assert scale.max() - scale.min() < 1e-4


def test_bad_films():
    with pytest.raises(ArgumentError, match="frame"):
        stance(torch.zeros(0, 17, 2))
    upside_down = -staged()[0]
    with pytest.raises(ArgumentError, match="nose"):
        stance(upside_down)
