"""Answers to notebook 00's exercises as learners write them."""

import numpy as np
import torch

from poselab.checks import check
from poselab.skeleton import COCO_17, CROWDPOSE_14, convert


def test_the_neck_is_the_packages_neck():
    def neck(keypoints, visibility):
        points, flags = convert(keypoints, visibility, COCO_17, CROWDPOSE_14)
        return points[:, -1], flags[:, -1]

    assert check("welcome.neck", neck)


def test_the_neck_may_be_written_with_a_loop():
    def neck(keypoints, visibility):
        points, flags = [], []
        for person, seen in zip(keypoints, visibility, strict=True):
            known = seen[5] > 0 and seen[6] > 0
            points.append((person[5] + person[6]) / 2 if known else torch.zeros(2))
            flags.append(min(seen[5], seen[6]))
        return torch.stack(points) if points else torch.zeros(0, 2), torch.tensor(flags)

    assert check("welcome.neck", neck)


def test_a_neck_without_flags_is_told_what_to_return():
    result = check("welcome.neck", lambda points, flags: points[:, 5:7].mean(1))
    assert "should return 2 results (points, visibility), but" in result.message


def test_counts_may_be_lists_arrays_or_tensors():
    def count(coco):
        counts = [0] * 17
        for annotation in coco["annotations"]:
            for joint, flag in enumerate(annotation["keypoints"][2::3]):
                counts[joint] += flag == 2
        return counts

    assert check("welcome.count_visible", count)
    assert check("welcome.count_visible", lambda coco: np.array(count(coco)))
    assert check("welcome.count_visible", lambda coco: torch.tensor(count(coco)))


def test_an_empty_file_is_a_case():
    def count(coco):
        rows = np.array([a["keypoints"] for a in coco["annotations"]])
        return (rows[:, 2::3] == 2).sum(0)

    result = check("welcome.count_visible", count)
    assert "case “no annotation at all”" in result.message


def test_two_mistakes_at_once_are_told_by_their_case():
    def flip(keypoints, visibility, width):
        points = keypoints.clone()
        points[..., 0] = width - points[..., 0]
        return points, visibility

    result = check("welcome.flip", flip)
    assert result.diagnosis == "values"
    assert "keypoints[0," in result.message


def test_dividing_by_zero_gives_infinity_by_itself():
    def answer(size, pixels, focal_length):
        return focal_length * size / pixels

    assert check("welcome.distance", answer)
