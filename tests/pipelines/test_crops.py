"""Crops and back, the reference's crop, the flip test."""

import numpy as np
import pytest
import torch
from torch import nn

from poselab import datasets
from poselab.codecs import HeatmapCodec, ReleasedCodec, crop_matrix_reference
from poselab.datasets import SyntheticPeople
from poselab.geometry import apply_affine, back_to_image
from poselab.pipelines import SinglePerson, flip_test
from poselab.skeleton import COCO_17
from tests.support.golden import FOLDER, to_image

SIZE = (128, 96)


@pytest.fixture(scope="module")
def scene():
    return SyntheticPeople((192, 256), (3, 3), seed=4).batch(1)[0]


def people_crops(image, boxes, codec=HeatmapCodec):
    """The crops that a network of this codec sees."""
    return SinglePerson(nn.Identity(), codec(SIZE)).crops(image, boxes)


@pytest.mark.parametrize("codec", [HeatmapCodec, ReleasedCodec])
def test_crop_and_back_is_the_identity(scene, codec):
    crops, matrix = people_crops(scene.image, scene.boxes, codec)
    assert crops.shape == (3, 3, *SIZE)
    there = apply_affine(scene.keypoints, matrix)
    assert (back_to_image(there, matrix) - scene.keypoints).abs().max() < 1e-3


def test_nothing_is_squeezed(scene):
    _, matrix = people_crops(scene.image, scene.boxes)
    assert torch.allclose(matrix[:, 0, 0], matrix[:, 1, 1])
    margins = scene.boxes[:, 2:] * matrix[:, 0, :1] / torch.tensor([96.0, 128.0])
    torch.testing.assert_close(margins.amax(1), torch.full((3,), 0.8))  # 1 / 1.25


@pytest.mark.parametrize("factor", [1, 3])
def test_the_same_pixels_as_the_crop_of_a_sample(scene, factor):
    """Also where the picture is averaged before it is read."""
    large = torch.nn.functional.interpolate(scene.image[None], scale_factor=factor)[0]
    big = scene.replace(
        image=large,
        boxes=scene.boxes * factor,
        masks=None,
        person_id=None,
        depth=None,
        ignore=None,
    )
    crops, matrix = people_crops(large, big.boxes)
    for i in range(3):
        one, their = datasets.crop_people(big, SIZE, boxes=big.boxes[i : i + 1])
        torch.testing.assert_close(matrix[i : i + 1], their)
        torch.testing.assert_close(crops[i], one.image[0], atol=1e-3, rtol=0)


def test_nobody(scene):
    crops, matrix = people_crops(scene.image, torch.zeros(0, 4))
    assert crops.shape == (0, 3, *SIZE)
    assert matrix.shape == (0, 2, 3)


def test_back_equals_the_reference():
    """Cells of the golden maps -> pixels, through the crop of the reference's code."""
    arrays = np.load(FOLDER / "alg_quarter_decode.npz")
    names = ("center", "scale", "cells", "preds")
    centre, scale, cells, wanted = (torch.from_numpy(arrays[k]).double() for k in names)
    side = scale * 200 / 1.25
    boxes = torch.cat([centre - side / 2, side], -1)
    matrix = crop_matrix_reference(boxes, (256, 192))
    torch.testing.assert_close(
        back_to_image(4 * cells, matrix), wanted, atol=1e-3, rtol=0
    )
    theirs = to_image(cells, centre, scale, (64, 48))
    torch.testing.assert_close(
        back_to_image(4 * cells, matrix), theirs, atol=1e-4, rtol=0
    )


def test_the_two_crops_differ_by_half_a_pixel_each_way(scene):
    _, ours = people_crops(scene.image, scene.boxes)
    theirs = crop_matrix_reference(scene.boxes, SIZE)
    scale = ours[:, 0, 0]
    torch.testing.assert_close(
        theirs[:, :, 2] - ours[:, :, 2],
        (0.5 - 0.5 * scale)[:, None].expand(3, 2),
        atol=1e-3,
        rtol=0,
    )


class Bright(nn.Module):
    """A network of stride 4 that answers with the brightness of every cell."""

    def forward(self, images):
        small = nn.functional.avg_pool2d(images.mean(1, keepdim=True), 4)
        return [small.expand(-1, 17, -1, -1) * 0, small.expand(-1, 17, -1, -1)]


def test_flip_test_of_a_symmetric_network_changes_nothing(scene):
    net, images = Bright(), scene.image[None]
    plain = net(images)[-1]
    codec = HeatmapCodec(scene.size)
    torch.testing.assert_close(flip_test(net, (images,), codec), plain)
    moved = flip_test(net, (images,), ReleasedCodec(scene.size))
    wanted = (plain + torch.cat([plain[..., :1], plain[..., :-1]], -1)) / 2
    torch.testing.assert_close(moved, wanted)


class Sided(nn.Module):
    """Answers with another constant for every joint, for every image the same."""

    def forward(self, images):
        return torch.arange(17.0)[None, :, None, None].expand(len(images), 17, 8, 6)


def test_flip_test_swaps_the_sides():
    got = flip_test(Sided(), (torch.zeros(1, 3, 32, 24),), HeatmapCodec((32, 24)))
    got = got[0, :, 0, 0]
    order = torch.tensor(COCO_17.flip_index)
    torch.testing.assert_close(got, (torch.arange(17.0) + order) / 2)


def test_flip_test_averages_probabilities_where_the_codec_says_so():
    codec = HeatmapCodec((32, 24), criterion="cross_entropy")
    images = torch.rand(2, 3, 32, 24, generator=torch.Generator().manual_seed(0))

    class Net(nn.Module):
        def forward(self, x):
            return 5 * Bright()(x)[-1] * torch.arange(1, 18)[:, None, None]

    net = Net()
    mirrored = codec.heatmaps(net(images.flip(-1))).flip(-1)[
        :, list(COCO_17.flip_index)
    ]
    wanted = (codec.heatmaps(net(images)) + mirrored) / 2
    got = codec.heatmaps(flip_test(net, (images,), codec))
    torch.testing.assert_close(got, wanted)
