"""The small network for clips: shapes, gradients, and where it begins."""

from dataclasses import replace

import torch

from poselab import zoo
from poselab.models import build
from poselab.models.inflate import still_clip
from poselab.models.tubes import INFLATED
from poselab.recipes.track import ABLATIONS

ARMS = dict(ABLATIONS["time"].arms)
ARMS["mean"] = replace(ARMS["3D"], mode="mean")


def test_shapes_and_gradients():
    net = build("tube_net", joints=5)
    out = net(torch.rand(2, 3, 3, 64, 48))
    assert out.shape == (2, 5, 3, 16, 12)
    out.square().mean().backward()
    assert all(p.grad is not None for p in net.parameters())
    times = [block[0].kernel_size[0] for block in net.backbone]
    assert times == [3] * INFLATED + [1] * (len(times) - INFLATED)


@torch.no_grad()
def test_all_arms_begin_as_the_network_for_images():
    images = torch.rand(2, 3, 64, 48)
    wanted = zoo.load("heatmap_tiny")(images)
    for name, arm in ARMS.items():
        net = arm.network(0).eval()
        frames = 41 if arm.mode == "mean" else 3  # zeros reach from both ends
        found = net(still_clip(images, frames))[:, :, frames // 2]
        torch.testing.assert_close(found, wanted, atol=1e-4, rtol=0, msg=name)


@torch.no_grad()
def test_one_slice_looks_at_one_frame_and_the_mean_at_its_neighbours():
    clip = torch.rand(1, 3, 3, 64, 48)
    other = clip.clone()
    other[:, :, 0] = torch.rand(1, 3, 64, 48)
    for name, looks in (("2D", False), ("3D", False), ("mean", True)):
        net = ARMS[name].network(0).eval()  # the centre has its zeros still
        change = (net(clip) - net(other))[:, :, 1].abs().max()
        assert (change > 1e-6) == looks, name


def test_the_arms_differ_in_what_is_asked_about_alone():
    same = ("data", "stages", "task", "start", "near_zero", "normalise", "model")
    contents = [arm.content() for arm in ARMS.values()]
    for key in same:
        assert all(content[key] == contents[0][key] for content in contents), key
    assert ARMS["2D"].arguments["time"] == 1
    assert len({arm.pictures for arm in ARMS.values()}) == 1
