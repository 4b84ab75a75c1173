"""The view in three dimensions: where points land, what hides what, what is behind."""

import numpy as np
import pytest
import torch

from poselab.datasets import SyntheticPeople
from poselab.draw.scene3d import (
    FIELD,
    View,
    frustum,
    ground,
    mesh,
    paint_scene3d,
    person,
    segments,
)
from poselab.errors import ShapeError
from poselab.geometry import project

SIZE = (200, 300)


def test_the_target_is_in_the_middle_from_everywhere():
    for yaw in (-120, 0, 35):
        for pitch in (-10, 20, 90):
            view = View(yaw, pitch, 5.0, (0.3, -0.2, 4.0))
            ((x, y, depth),) = view.project([view.target], SIZE)
            assert (x, y, depth) == pytest.approx((150, 100, 5))


def test_a_view_from_above_shows_the_ground_and_what_is_far_higher_up():
    view = View(0, 20, 5.0, (0, 0, 4))
    near, far = view.project([[0, 1.0, 3], [0, 1.0, 6]], SIZE)
    assert far[1] < near[1]  # farther along the ground is higher in the picture
    assert far[2] > near[2]
    left, right = View(0, 90, 5.0).project([[-1, 0, 4], [1, 0, 4]], SIZE)
    assert left[0] < right[0]  # nothing is mirrored in the bird's view


def test_seen_from_the_camera_it_is_the_camera_s_picture():
    points = torch.tensor([[0.5, 0.2, 3.0], [-1, 0.4, 6], [0.1, -0.9, 2]])
    focal = FIELD * SIZE[0]
    intrinsics = torch.tensor([[focal, 0, 150], [0, focal, 100], [0, 0, 1.0]])
    view = View(0, 0, 4.0, (0, 0, 4.0))  # the eye is at the camera
    found = view.project(points, SIZE)[:, :2]
    np.testing.assert_allclose(found, project(points, intrinsics), atol=1e-4)


def test_what_is_behind_the_eye_is_not_drawn():
    behind = segments([[0, 0, -9], [1, 0, -9]], [(0, 1)], "#000000", radius=4)
    picture = np.asarray(paint_scene3d([behind], View(0, 0, 4), SIZE))
    assert (picture == 255).all()


def test_a_person_has_the_colours_of_the_sides_and_one_if_asked():
    joints = SyntheticPeople((128, 96), seed=1).batch(1).joints_3d[0, 0]
    sides = {shape["colour"] for shape in person(joints)}
    assert sides == {"#E69F00", "#0072B2", "#000000"}
    assert {shape["colour"] for shape in person(joints, colour="#CC0000")} == {
        "#CC0000"
    }
    view = View(target=tuple((joints.mean(0) / 1000).tolist()), distance=3)
    picture = np.asarray(paint_scene3d(person(joints), view, SIZE))
    assert (picture < 200).any(-1).sum() > 100
    with pytest.raises(ShapeError, match="joints"):
        person(joints[:5])


def test_the_near_triangle_hides_the_far_one():
    corners = [[-1, 1, 0], [-1, -1, 0], [1, -1, 0], [1, 1, 0]]
    faces = [(2, 1, 0), (3, 2, 0)]

    def square(depth, colour):
        return mesh(np.asarray(corners) + [0, 0, depth], faces, colour)

    far, near = square(5.0, "#FF0000"), square(3.0, "#0000FF")
    both = mesh(
        np.concatenate([far["points"], near["points"]]),
        [*faces, *((a + 4, b + 4, c + 4) for a, b, c in faces)],
    )
    shades = np.concatenate([far["shade"], near["shade"]])
    np.testing.assert_array_equal(both["shade"], shades)
    picture = paint_scene3d([far, near], View(0, 0, 4, (0, 0, 4)), SIZE)
    red, _, blue = picture.getpixel((150, 100))
    assert blue > red
    back = mesh(near["points"], [f[::-1] for f in faces])  # seen from inside
    empty = np.asarray(paint_scene3d([back], View(0, 0, 4, (0, 0, 4)), SIZE))
    assert (empty == 255).all()


def test_a_face_is_marked_if_all_its_corners_are():
    corners = [[-1, 1, 4], [-1, -1, 4], [1, -1, 4], [1, 1, 4]]
    faces = [(2, 1, 0), (3, 2, 0)]
    shape = mesh(corners, faces, "#808080", marked=[1, 1, 1, 0], mark="#FF0000")
    assert shape["marked"].tolist() == [True, False]
    picture = paint_scene3d([shape], View(0, 0, 4, (0, 0, 4)), SIZE)
    (red, green, _), plain = picture.getpixel((130, 70)), picture.getpixel((170, 130))
    assert red > 100 > green  # the upper left one
    assert len(set(plain)) == 1


def test_ground_and_frustum_are_lines_in_metres():
    grid = ground(1.5, 0, 4, half=2)
    assert {point[1] for point in grid["points"]} == {1.5}
    assert len(grid["lines"]) == 10
    intrinsics = torch.tensor([[100.0, 0, 49.5], [0, 100, 49.5], [0, 0, 1]])
    points = np.asarray(frustum(intrinsics, (100, 100), 2.0)["points"])
    np.testing.assert_allclose(points[1:, :2].max(0), [1, 1], atol=1e-6)
    assert set(points[1:, 2]) == {2.0}
