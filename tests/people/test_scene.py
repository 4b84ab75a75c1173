"""Scenes and their truth."""

import pytest
import torch

from poselab.geometry import box_of_mask
from poselab.people.body import person as body
from poselab.people.body.inverse_kinematics import centre_of_mass
from poselab.people.raster.surfaces import chunk
from poselab.people.scene import edit, sampling
from poselab.people.scene.backdrop import BACKGROUNDS, sample_backdrop
from poselab.people.scene.scenes import draw, part
from poselab.people.scene.truth import OBJECT, OTHER, OUTSIDE, SELF
from poselab.skeleton import COCO_17, H36M_17, MPII_16
from poselab.system.threads import threads

SIZE = (128, 96)


def framed(n: int, seed: int = 0, **options):
    return sampling.framed(n, torch.Generator().manual_seed(seed), SIZE, **options)


@pytest.fixture(scope="module")
def single():
    return draw(framed(48), SIZE)


@pytest.fixture(scope="module")
def crowd():
    g = torch.Generator().manual_seed(1)
    return draw(sampling.crowd(12, (2, 6), g, (144, 192)), (144, 192))


@pytest.mark.parametrize("name", ["single", "crowd"])
def test_projecting_joints_gives_keypoints(name, request):
    s = request.getfixturevalue(name)
    k = s.intrinsics[:, None, None].double()
    p = (k @ s.joints_3d.double()[..., None])[..., 0]
    uv = p[..., :2] / p[..., 2:].clamp(min=1)
    assert (uv - s.keypoints)[s.present].abs().max() < 1e-3


@pytest.mark.parametrize("name", ["single", "crowd"])
def test_boxes_areas_and_masks_are_of_one_piece(name, request):
    s = request.getfixturevalue(name)
    assert torch.equal(s.boxes, box_of_mask(s.masks))
    assert torch.equal(s.areas, s.masks.sum((-1, -2)).float())
    owner = s.masks.int().argmax(1)
    owner[~s.masks.any(1)] = -1
    assert torch.equal(owner, s.person_id.long())
    assert torch.isfinite(s.depth[s.person_id >= 0]).all()


@pytest.mark.parametrize("name", ["single", "crowd"])
def test_visible_joints_are_on_their_person(name, request):
    """Where a joint is visible, the surface there is its own, or behind it.

    Joints on the surface (nose, eyes, ears) may round to a pixel beside the outline.
    """
    s = request.getfixturevalue(name)
    i, p, j = (s.visibility == 2).nonzero(as_tuple=True)
    u, v = s.keypoints[i, p, j].round().long().unbind(-1)
    owner, surface = s.person_id[i, v, u], s.depth[i, v, u]
    own = owner == p
    assert own.float().mean() > 0.94
    beside = torch.nn.functional.max_pool2d(s.masks.float(), 3, 1, 1)[i, p, v, u]
    assert (beside > 0).all()
    face = j < 5
    assert own[~face].all()
    before = s.joints_3d[i, p, j, 2] - surface
    assert (before[~own] < 40).all()
    assert (before[own] < 0.1 * 2200).all()


@pytest.mark.parametrize("name", ["single", "crowd"])
def test_hidden_joints_have_something_before_them(name, request):
    s = request.getfixturevalue(name)
    hidden = (s.hidden_by > 0) & (s.hidden_by < OUTSIDE) & (s.areas > 0)[..., None]
    i, p, j = hidden.nonzero(as_tuple=True)
    u, v = s.keypoints[i, p, j].round().long().unbind(-1)
    owner, why = s.person_id[i, v, u], s.hidden_by[i, p, j]
    assert (s.joints_3d[i, p, j, 2] > s.depth[i, v, u]).all()
    assert torch.equal(owner == p, why == SELF)
    assert torch.equal((owner >= 0) & (owner != p), why == OTHER)
    assert torch.equal(owner < 0, why == OBJECT)
    assert (s.visibility[i, p, j] == 1).all()


def test_joints_outside_the_image_are_not_labelled(single, crowd):
    for s in (single, crowd):
        u, v = s.keypoints.unbind(-1)
        h, w = s.size
        u, v = u.round(), v.round()
        outside = (u < 0) | (u >= w) | (v < 0) | (v >= h)
        assert (s.visibility[outside] == 0).all()
        labelled = s.visibility[~outside & (s.areas > 0)[..., None]]
        assert (labelled > 0).all()


def test_all_causes_of_hiding_occur(single, crowd):
    causes = torch.cat([single.hidden_by.flatten(), crowd.hidden_by.flatten()])
    assert set(causes.tolist()) == set(range(5))


def test_people_who_are_not_there_have_no_labels(crowd):
    gone = ~crowd.present
    assert gone.any()
    assert torch.equal(gone, crowd.areas == 0)
    assert (crowd.visibility[gone] == 0).all()
    assert (crowd.boxes[gone] == 0).all()
    assert (crowd.track_ids[gone] == -1).all()


def test_framed_people_fill_the_image(single):
    whole = (single.hidden_by != OUTSIDE).all(-1)[:, 0]
    free = whole & (single.hidden_by != OBJECT).all(-1)[:, 0]
    box = single.boxes[free, 0]
    fill = torch.maximum(box[:, 3] / SIZE[0], box[:, 2] / SIZE[1])
    assert fill.min() > 0.5
    assert fill.median() > 0.65
    assert single.image.shape == (48, 3, *SIZE)
    assert single.image.is_contiguous()


def test_faces_of_people_turned_away_are_hidden():
    scene = framed(12, 3, activity="standing", occluded=0.0)
    scene.pose = scene.pose.at(scene.pose.position, torch.full((12,), torch.pi))
    away = draw(scene, SIZE)
    nose = away.hidden_by[:, 0, COCO_17.index("nose")]
    assert (nose == SELF).float().mean() > 0.9
    scene.pose = scene.pose.at(scene.pose.position, torch.zeros(12))
    nose = draw(scene, SIZE).hidden_by[:, 0, COCO_17.index("nose")]
    assert (nose == 0).float().mean() > 0.9


def test_people_crouch_over_their_feet():
    """Half-way down, too: angles between two balanced poses would not be balanced."""
    scene = edit.set_pose(framed(24), 0, None, "standing", None, 0.5)
    frames = body.forward(scene.shape, scene.pose)
    ends = [
        0.6 * frames.point(f"{s}_ankle") + 0.4 * frames.point(f"{s}_toe")
        for s in ("left", "right")
    ]
    off = (centre_of_mass(frames) - torch.stack(ends).mean(0))[:, [0, 2]].norm(dim=-1)
    assert off.mean() < 30  # mm


def test_windows_and_full_frames_give_the_same_picture():
    scene = framed(3, 7)
    tight, full = draw(scene, SIZE), draw(scene, SIZE, window="full")
    assert (tight.person_id != full.person_id).float().mean() < 1e-4
    assert (tight.image - full.image).abs().mean() < 2e-4
    assert torch.equal(tight.visibility, full.visibility)


def test_a_part_of_a_batch_is_the_same_pictures():
    g = torch.Generator().manual_seed(9)
    scene = sampling.crowd(4, (2, 3), g, SIZE)
    whole, some = draw(scene, SIZE), draw(part(scene, [2, 0]), SIZE)
    torch.testing.assert_close(some.image, whole.image[[2, 0]], atol=1e-3, rtol=0)
    assert torch.equal(some.person_id, whole.person_id[[2, 0]])


def test_threads_draw_the_same_pictures_in_larger_pieces():
    scene, found = framed(24), {}
    for count in (1, 2):
        with threads(count):
            found[count] = draw(scene, SIZE).image, chunk(scene.grain)
    (one, piece), (two, larger) = found[1], found[2]
    assert one.equal(two)
    assert larger == 2 * piece


@pytest.mark.parametrize("skeleton", [MPII_16, H36M_17])
def test_every_skeleton_can_be_asked_for(skeleton):
    s = draw(framed(4), SIZE, skeleton)
    assert s.keypoints.shape == (4, 1, len(skeleton), 2)
    assert s.skeleton is skeleton
    assert (s.visibility == 2).float().mean() > 0.4


@pytest.mark.parametrize("kind", BACKGROUNDS)
def test_backdrops_are_pictures_that_vary(kind):
    g = torch.Generator().manual_seed(2)
    scene = framed(6, 4, background=kind)
    assert (sample_backdrop(5, g, kind).kind == BACKGROUNDS.index(kind)).all()
    image = draw(scene, SIZE).image
    assert image.min() >= 0
    assert image.max() <= 1
    assert image.mean((1, 2, 3)).std() > 0.02
