"""Windows of scenes: people as photographers frame them."""

import pytest
import torch

from poselab import geometry
from poselab.datasets import SyntheticPeople
from poselab.datasets.windows import Windows
from poselab.errors import ArgumentError

SCENE, SIZE = (96, 128), (64, 80)
PEOPLE = SyntheticPeople(SCENE, (1, 4), seed=3)


def windows(**options):
    return Windows(PEOPLE, SIZE, **options)


def test_a_window_shows_a_part_of_the_scene_and_its_people():
    found = next(windows().batches(12, 5))
    assert found.size == SIZE
    height, width = SIZE
    edge = torch.tensor([width, height, width, height])
    corners = geometry.xywh_to_xyxy(found.boxes)[found.present]
    assert (corners >= 0).all()
    assert (corners <= edge).all()
    assert found.present.any(1).float().mean() > 0.6
    again = next(windows().batches(12, 5))
    assert torch.equal(found.image, again.image)


def test_the_whole_scene_is_only_resized_and_mirrored():
    scenes = PEOPLE.batch(8, PEOPLE.generator()).replace(masks=None)  # as in a pool
    found = windows(smallest=1.0).cut(scenes, torch.Generator().manual_seed(0))
    assert torch.equal(found.present, scenes.present)
    scale = torch.tensor([SIZE[1] / SCENE[1], SIZE[0] / SCENE[0]])
    sides = scenes.boxes[..., 2:] * scale
    close = (found.boxes[..., 2:] - sides).abs() < 1e-3
    assert close[scenes.present].all()


def test_windows_go_from_near_to_far():
    scenes = PEOPLE.batch(24, PEOPLE.generator())
    generator = torch.Generator().manual_seed(1)
    wide = windows(smallest=1.0).cut(scenes, generator)
    near = windows(smallest=0.3).cut(scenes, generator)
    tall = [w.boxes[..., 3][w.present].max() for w in (wide, near)]
    assert tall[1] > 1.05 * tall[0]
    assert (near.image - wide.image).abs().mean() > 0.02


def test_who_hardly_shows_is_not_labelled():
    scenes = PEOPLE.batch(24, PEOPLE.generator())
    counts = []
    for visible in (0.01, 0.5, 1.0):
        generator = torch.Generator().manual_seed(2)
        found = windows(visible=visible).cut(scenes, generator)
        counts.append(int(found.present.sum()))
    assert counts[0] > counts[1] > counts[2]


def test_whose_nose_is_there_is_labelled():
    scenes = PEOPLE.batch(24, PEOPLE.generator())
    found = {}
    for faces in (False, True):
        generator = torch.Generator().manual_seed(4)
        options = {"smallest": 0.2, "aim": (0.0, 0.2), "faces": faces}
        found[faces] = windows(**options).cut(scenes, generator)
    more = found[True].present & ~found[False].present
    assert more.any()
    assert not (found[False].present & ~found[True].present).any()
    nose = found[True].keypoints[..., 0, :][more]
    assert (nose >= 0).all()
    assert (nose < torch.tensor([SIZE[1], SIZE[0]])).all()


def test_windows_are_aimed_at_a_part_of_the_body():
    scenes = PEOPLE.batch(48, PEOPLE.generator())
    seen = {}
    for part, aim in (("head", (0.0, 0.1)), ("feet", (0.9, 1.0))):
        generator = torch.Generator().manual_seed(4)
        found = windows(smallest=0.2, aim=aim).cut(scenes, generator)
        joints = found.keypoints[scenes.present]  # [P, J, 2] px
        inside = (joints >= 0) & (joints < torch.tensor([SIZE[1], SIZE[0]]))
        seen[part] = inside.all(-1)[:, [0, 15]].float().mean(0)  # nose, left ankle
    assert seen["head"][0] > 1.2 * seen["feet"][0]
    assert seen["feet"][1] > 1.2 * seen["head"][1]


@pytest.mark.parametrize(
    "aim", [(-0.1, 0.5), (0.6, 0.5), (0.5, 1.1), (0.5,), 0.5, ("a", "b"), (0, 1, 2)]
)
def test_a_part_that_is_none_is_refused(aim):
    with pytest.raises(ArgumentError, match="aim = "):
        windows(aim=aim)


@pytest.mark.parametrize("field", ["smallest", "visible"])
@pytest.mark.parametrize("value", [0, 1.1])
def test_shares_outside_are_refused(field, value):
    with pytest.raises(ArgumentError, match=f"{field} = {value}"):
        windows(**{field: value})
