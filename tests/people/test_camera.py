"""The camera: frames, projection, horizon, and the zoom that frames a person."""

import math

import pytest
import torch

from poselab.geometry import project
from poselab.people.raster.camera import Camera, frame


def camera(pitch: float = 0.0, height: float = 1500.0, n: int = 1) -> Camera:
    values = (120.0, 130.0, 47.5, 63.5, pitch, height, 4000.0)
    return Camera(*(torch.full((n,), v) for v in values))


def test_a_level_camera_sees_the_axis_point_at_the_principal_point():
    c = camera()
    point = torch.tensor([[[0.0, 1500.0, 0.0]]])
    seen = c.from_world(point)
    torch.testing.assert_close(seen, torch.tensor([[[0.0, 0.0, 4000.0]]]))
    torch.testing.assert_close(c.project(seen), torch.tensor([[[47.5, 63.5]]]))


def test_x_goes_right_up_goes_up_and_nearer_is_larger():
    c = camera(0.2)
    points = [[100.0, 1000, 0], [0, 1100, 0], [0, 1000, 500], [0, 1000, 0]]
    seen = c.from_world(torch.tensor([points]))
    right, up, near, base = c.project(seen)[0]
    assert right[0] > base[0]
    assert up[1] < base[1]
    assert seen[0, 2, 2] < seen[0, 3, 2]


def test_the_rotation_is_a_rotation():
    r = camera(0.4).rotation[0]
    torch.testing.assert_close(r @ r.T, torch.eye(3))
    assert torch.det(r) == pytest.approx(1.0, abs=1e-6)


def test_project_equals_the_geometry_module():
    c = camera(0.3, n=4)
    points = torch.randn(4, 9, 3, generator=torch.Generator().manual_seed(0)) * 500
    seen = c.from_world(points)
    torch.testing.assert_close(c.project(seen), project(seen, c.intrinsics))


def test_the_far_ground_meets_the_horizon():
    c = camera(0.15)
    far = c.from_world(torch.tensor([[[0.0, 0.0, -1e7]]]))
    assert c.project(far)[0, 0, 1].item() == pytest.approx(c.horizon.item(), abs=0.05)


def test_ground_depth_agrees_with_a_projected_ground_point():
    c = camera(0.25)
    seen = c.from_world(torch.tensor([[[300.0, 0.0, 600.0]]]))
    row = c.project(seen)[..., 1]
    depth, along = c.ground(row)
    assert depth.item() == pytest.approx(seen[0, 0, 2].item(), rel=1e-4)
    assert along.item() == pytest.approx(3400.0, rel=1e-4)


def test_above_the_horizon_there_is_no_ground():
    depth, _ = camera(0.1).ground(torch.tensor([[-500.0]]))
    assert math.isinf(depth.item())


def test_frame_fills_the_box_without_changing_the_view():
    c = camera(0.2, n=3)
    points = torch.randn(3, 12, 3, generator=torch.Generator().manual_seed(1)) * 300
    seen = c.from_world(points)
    box = torch.tensor([[10.0, 20.0, 60.0, 90.0]]).expand(3, 4)
    zoomed = frame(c, seen, box)
    uv = zoomed.project(seen)
    low, high = uv.amin(1), uv.amax(1)
    filled = (high - low) / box[:, 2:]
    torch.testing.assert_close(filled.amax(1), torch.ones(3), atol=1e-3, rtol=0)
    middle = box[:, :2] + box[:, 2:] / 2 - 0.5
    torch.testing.assert_close((low + high) / 2, middle, atol=1e-2, rtol=0)
    assert (zoomed.pitch == c.pitch).all()
