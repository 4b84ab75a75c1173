"""Volumes, location maps, roots, lifting: what is written is read; bad input."""

import pytest
import torch

from poselab.codecs.lifting import LiftingCodec, relative_points
from poselab.codecs.space import (
    LocationMapCodec,
    RootCodec,
    VolumeCodec,
    depth_of_box,
    place_in_camera,
    root_joint,
    truth_3d,
)
from poselab.datasets import SyntheticPeople, flip
from poselab.errors import ArgumentError
from poselab.metrics import mpjpe
from poselab.models.lifting import Lifting

SIZE = (128, 96)


@pytest.fixture(scope="module")
def people():
    return SyntheticPeople(SIZE, seed=3).batch(12)


def inside(sample, margin=16.0):
    """Whether each joint is so far inside that a soft-argmax is not cut; [B, J]."""
    points = sample.keypoints[:, 0]
    low, high = points - margin, points + margin
    side = points.new_tensor([SIZE[1] - 1, SIZE[0] - 1])
    return ((low > 0) & (high < side)).all(-1)


def volume_of(cells, codec):
    """Logits whose softmax is a narrow Gaussian around cells [B, J, 3]."""
    sizes = (SIZE[1] // 4, SIZE[0] // 4, codec.cells)
    lines = [
        -0.5 * (torch.arange(n) - cells[..., i, None]).square()
        for i, n in enumerate(sizes)
    ]
    x, y, z = lines
    return x[:, :, None, None] + y[:, :, None, :, None] + z[..., None, None]


def test_a_volume_is_read_where_it_was_written(people):
    codec = VolumeCodec(SIZE)
    _, targets = codec.encode(people)
    poses = codec.decode(volume_of(targets["cells"], codec))
    sure = inside(people)
    gap = (poses.keypoints - people.keypoints)[:, 0].norm(dim=-1)
    assert gap[sure].max() < 0.05  # px
    _, joints, root = truth_3d(people)
    depth = (poses.joints_3d - root_joint(poses.joints_3d))[:, 0, :, 2]
    wanted = (joints - root)[..., 2]
    # Our root is the mean of the hips, which the reading finds as it finds all joints.
    assert (depth - wanted)[sure].abs().max() < 1.0  # mm


def test_the_volume_s_loss_is_zero_for_the_truth_and_has_a_gradient(people):
    codec = VolumeCodec(SIZE)
    _, targets = codec.encode(people)
    targets["visibility"] = torch.where(inside(people), targets["visibility"], 0)
    logits = volume_of(targets["cells"], codec)
    assert codec.loss(logits, targets) < 0.01
    worse = volume_of(targets["cells"] + 1, codec).requires_grad_()
    loss = codec.loss(worse, targets)
    assert loss.item() == pytest.approx(1.0, abs=0.05)  # one cell on each axis
    loss.backward()
    assert worse.grad.abs().sum() > 0


def test_location_maps_return_what_was_written(people):
    codec = LocationMapCodec(SIZE)
    _, targets = codec.encode(people)
    logits = (targets["heatmaps"].clamp(min=1e-8)).log()
    metres = targets["metres"].movedim(-1, 1)[..., None, None]  # [B, 3, J, 1, 1]
    flat = metres.expand(-1, -1, -1, *codec.heatmap_size).flatten(1, 2)
    poses = codec.decode(torch.cat([logits, flat], 1))
    assert (poses.joints_3d[:, 0] / 1000 - targets["metres"]).abs().max() < 1e-4
    sure = inside(people)
    assert (poses.keypoints - people.keypoints)[:, 0].norm(dim=-1)[sure].max() < 0.1


def test_location_maps_count_near_their_joint_only(people):
    codec = LocationMapCodec(SIZE)
    _, targets = codec.encode(people)
    logits = targets["heatmaps"].clamp(min=1e-8).log()
    metres = targets["metres"].movedim(-1, 1)[..., None, None]
    right = metres.expand(-1, -1, -1, *codec.heatmap_size)
    near = targets["heatmaps"][:, None] > 0
    far_off = torch.where(near, right, right + 5.0)
    close_by = torch.where(near, right + 0.5, right)
    losses = [
        codec.loss(torch.cat([logits, maps.flatten(1, 2)], 1), targets)
        for maps in (right, far_off, close_by)
    ]
    assert losses[1] == pytest.approx(losses[0].item(), abs=1e-4)
    assert losses[2] > losses[0] + 1


@pytest.mark.parametrize("codec", [VolumeCodec(SIZE), LocationMapCodec(SIZE)])
def test_the_answer_to_a_mirrored_picture(codec, people):
    """What a perfect network says of the mirrored picture, brought back."""
    mirrored = flip(people)
    outputs = []
    for sample in (people, mirrored):
        _, targets = codec.encode(sample)
        if isinstance(codec, VolumeCodec):
            outputs.append(volume_of(targets["cells"], codec))
        else:
            metres = targets["metres"].movedim(-1, 1)[..., None, None]
            flat = metres.expand(-1, -1, -1, *codec.heatmap_size).flatten(1, 2)
            logits = targets["heatmaps"].clamp(min=1e-8).log()
            outputs.append(torch.cat([logits, flat], 1))
    back = codec.mirror(outputs[1])
    known = people.visibility[:, 0] > 0
    first, again = codec.decode(outputs[0]), codec.decode(back)
    sure = known & inside(people)
    for name, most in (("keypoints", 0.1), ("joints_3d", 1.0)):
        gap = (getattr(first, name) - getattr(again, name))[:, 0].norm(dim=-1)
        assert gap[sure].max() < most, name


def test_k_is_exact_for_who_fills_the_assumed_area():
    """A flat square of 2 m x 2 m at 5 m whose picture is the whole crop."""
    focal, depth = 300.0, 5000.0
    side = focal * 2000 / depth  # px
    intrinsics = torch.tensor([[[focal, 0, 50], [0, focal, 50], [0, 0, 1.0]]])
    assert depth_of_box(intrinsics, (side, side)).item() == pytest.approx(depth)
    # Half the size in the picture: twice as far. A rotation changes nothing.
    assert depth_of_box(intrinsics, (side / 2, side / 2)).item() == pytest.approx(
        2 * depth
    )
    turn = torch.tensor([[0.8, -0.6, 3], [0.6, 0.8, 1], [0, 0, 1.0]])
    turned = depth_of_box(turn @ intrinsics, (side, side))
    assert turned.item() == pytest.approx(depth, rel=1e-5)


def test_back_projection_returns_the_person(people):
    _, joints, root = truth_3d(people)
    depths = (joints - root)[..., 2]
    found = place_in_camera(
        people.keypoints[:, 0], depths, people.intrinsics, root[:, 0]
    )
    known = people.visibility[:, 0] > 0
    assert (found - joints)[known].norm(dim=-1).max() < 1.0  # mm


def test_a_root_behind_the_camera():
    with pytest.raises(ArgumentError, match="behind the camera"):
        place_in_camera(
            torch.zeros(3, 2), torch.zeros(3), torch.eye(3), torch.tensor([0, 0, -1.0])
        )


def test_the_root_s_codec(people):
    codec = RootCodec(SIZE)
    (image, k), targets = codec.encode(people)
    assert k.shape == (12, 1)
    _, _, root = truth_3d(people)
    cells = torch.arange(SIZE[1] // 4), torch.arange(SIZE[0] // 4)
    x, y = (
        -0.5 * (line - targets["cells"][..., i, None]).square()
        for i, line in enumerate(cells)
    )
    output = (x[:, :, None] + y[..., None], targets["depth"])
    assert codec.loss(output, targets) < 0.02
    poses = codec.decode(output, people.intrinsics)
    assert (poses.roots - root).norm(dim=-1).max() < 20  # mm
    assert codec.decode(output).roots is None
    worse = codec.loss((output[0], 1.1 * targets["depth"]), targets)
    assert worse > codec.loss(output, targets) + 0.5


def test_lifting_sees_the_pose_and_neither_place_nor_size():
    points = torch.rand(4, 17, 2) * 50
    moved = 3.0 * points + torch.tensor([7.0, -20.0])
    torch.testing.assert_close(relative_points(points), relative_points(moved))
    known = torch.ones(4, 17, dtype=torch.bool)
    known[:, 3] = False
    other = points.clone()
    other[:, 3] = 1e6  # where an unknown joint is, nobody asks
    torch.testing.assert_close(
        relative_points(points, known), relative_points(other, known)
    )
    assert relative_points(torch.zeros(1, 17, 2)).isfinite().all()


def test_lifting_codec(people):
    codec = LiftingCodec(SIZE)
    (points,), targets = codec.encode(people)
    poses = codec.decode(targets["metres"])
    _, joints, _ = truth_3d(people)
    assert mpjpe(poses.joints_3d[:, 0], joints, root="pelvis") < 1e-2  # mm
    assert codec.loss(targets["metres"], targets) == 0
    net = Lifting(width=32).eval()
    twice = codec.mirror(net(*codec.mirror_inputs(codec.mirror_inputs((points,)))))
    torch.testing.assert_close(codec.mirror(twice), net(points))
    (noisy,), _ = LiftingCodec(SIZE, noise=2.0).encode(
        people, torch.Generator().manual_seed(0)
    )
    assert (noisy - points).abs().max() > 0.01


def test_people_without_depth_are_refused(people):
    flat = people.replace(joints_3d=None)
    for codec in (VolumeCodec(SIZE), LocationMapCodec(SIZE), RootCodec(SIZE)):
        with pytest.raises(ArgumentError, match="joints_3d"):
            codec.encode(flat)
