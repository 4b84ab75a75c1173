"""Poses as pictures."""

import torch

from poselab.codecs.painted import AT_ONCE, pose_pictures


def test_many_poses_are_drawn_as_each_alone():
    draws = torch.Generator().manual_seed(0)
    points = 48 * torch.rand(AT_ONCE + 2, 17, 2, generator=draws)
    together = pose_pictures(points, (32, 24))
    for i in (0, AT_ONCE - 1, AT_ONCE, AT_ONCE + 1):
        assert torch.equal(
            together[i : i + 1], pose_pictures(points[i : i + 1], (32, 24))
        )
    assert pose_pictures(points[:0], (32, 24)).shape == (0, 3, 32, 24)
