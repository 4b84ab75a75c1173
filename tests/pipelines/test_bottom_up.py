"""The bottom-up pipeline: sizes, scales, mirrors, and whom it finds."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from poselab import codecs
from poselab.codecs.bottom_up import each
from poselab.errors import ArgumentError, ShapeError
from poselab.pipelines import BottomUp
from poselab.pipelines.bottom_up import fitted
from tests.support import crowds

SIZE = (192, 256)
MAKE = {
    "part_affinity": (codecs.PartAffinityCodec, crowds.perfect_fields),
    "tag": (codecs.TagCodec, crowds.perfect_tags),
    "fine_tag": (codecs.FineTagCodec, crowds.perfect_fine_tags),
    "offset": (codecs.OffsetCodec, crowds.perfect_offsets),
}
RULES = {
    "part_affinity": {"blur": 0.0},
    "offset": {"score": 0.2, "nms_radius": 5.0, "max_people": 40, "min_score": 0.1},
}


def codec_of(kind, size=SIZE):
    rules = {"rules": RULES[kind]} if kind in RULES else {}
    return MAKE[kind][0](size, **rules)


class Knows(nn.Module):
    """A network that knows where three people are, whatever its input's size is.

    An input whose first pixel is brighter than its last is a mirror image.
    """

    def __init__(self, kind, seed=0):
        super().__init__()
        self.kind, self.sample = kind, crowds.crowd(3, SIZE, seed)
        self.seen = []

    def forward(self, images):
        self.seen.append(tuple(images.shape[-2:]))
        scale = {128: 0.5, 256: 1, 512: 2}[images.shape[-1]]
        turned = bool(images[0, 0, 0, 0] > images[0, 0, 0, -1])
        points = (self.sample.keypoints + 0.5) * scale - 0.5
        if turned:
            points = points[:, :, list(self.sample.skeleton.flip_index)].clone()
            points[..., 0] = images.shape[-1] - 1 - points[..., 0]
        sample = self.sample.replace(
            keypoints=points,
            image=torch.zeros(1, 3, *images.shape[-2:]),
            person_id=torch.full((1, *images.shape[-2:]), 0),
        )
        codec = codec_of(self.kind, tuple(images.shape[-2:]))
        return [MAKE[self.kind][1](codec, sample)]


def image_of(size=SIZE):
    """Darker on the left than on the right."""
    return torch.linspace(0, 1, size[1]).expand(3, *size).clone()


def worst(poses, points):
    """The largest distance of a joint from the nearest answer for its person."""
    apart = (points[:, None] - poses.keypoints[None]).norm(dim=-1).amax(-1)
    return apart.amin(1).max()


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("scales", [(1.0,), (0.5, 1.0, 2.0)])
@pytest.mark.parametrize("kind", MAKE)
def test_several_scales_and_the_mirror_find_the_same_people(kind, scales, flip):
    net = Knows(kind)
    system = BottomUp(net, codec_of(kind), scales=scales, flip=flip)
    found = system(image_of())
    assert len(net.seen) == len(scales) * (1 + flip)
    assert found.count == 3
    assert worst(found, net.sample.keypoints[0]) < (1.0 if scales == (1.0,) else 4.0)


@pytest.mark.parametrize("size", [(384, 512), (96, 128), (300, 256), (100, 400)])
def test_answers_are_in_pixels_of_the_image_whatever_its_size(size):
    net = Knows("tag")
    found = BottomUp(net, codec_of("tag"))(image_of(size))
    assert net.seen == [SIZE]
    _, matrix = fitted(image_of(size), SIZE)
    back = (net.sample.keypoints[0] - matrix[:, 2]) / matrix[0, 0]
    assert worst(found, back) < 0.6 / matrix[0, 0]
    low = found.keypoints.amin(1)
    edge = low - 0.5 / matrix[0, 0] + 0.5  # half a pixel of the input further out
    torch.testing.assert_close(found.boxes[:, :2], edge, atol=0.01, rtol=0)


def test_an_image_of_another_shape_lies_in_the_middle_on_grey():
    inputs, matrix = fitted(torch.ones(3, 100, 400), SIZE)
    assert inputs.shape == (3, *SIZE)
    torch.testing.assert_close(matrix[0, 0], torch.tensor(0.64))
    rows = inputs[0].mean(1)
    assert rows[96] == 1
    assert rows[:60].unique().tolist() == [0.5]
    assert rows[-60:].unique().tolist() == [0.5]


def test_masks_come_in_pixels_of_the_image():
    net = Knows("offset")
    found = BottomUp(net, codec_of("offset"))(image_of((384, 512)))
    assert found.masks.shape == (found.count, 384, 512)


def test_inputs_are_normalised_and_unlikely_people_left_out():
    class Double(Knows):
        def forward(self, images):
            assert images.max() > 1.5
            return super().forward(images)

    every = BottomUp(Double("tag"), codec_of("tag"), normalise=lambda x: 2 * x)
    assert every(image_of()).count == 3
    strict = BottomUp(
        Double("tag"), codec_of("tag"), normalise=lambda x: 2 * x, min_score=2.0
    )
    nobody = strict(image_of())
    assert nobody.keypoints.shape == (0, 17, 2)


def test_who_is_left_out_is_given_no_pixels(monkeypatch):
    """Masks are made for those who stay, and not cut out of those of everybody."""
    codec, asked = codec_of("offset"), []

    def complete(output, people):
        asked.append(people.count)
        return people.replace(masks=torch.ones(people.count, *SIZE, dtype=torch.bool))

    monkeypatch.setattr(codec, "complete", complete)
    scores = BottomUp(Knows("offset"), codec)(image_of()).person_scores
    best = float(scores[0])
    found = BottomUp(Knows("offset"), codec, min_score=best)(image_of())
    assert asked == [len(scores), int((scores == best).sum())]
    assert found.count == len(found.masks) == asked[1] < asked[0]


def test_what_is_no_bottom_up_system():
    with pytest.raises(ArgumentError, match="TopDown"):
        BottomUp(nn.Identity(), codecs.HeatmapCodec())
    with pytest.raises(ArgumentError, match="scales"):
        BottomUp(nn.Identity(), codecs.TagCodec(), scales=(1.0, -1.0))
    with pytest.raises(ShapeError, match="image"):
        BottomUp(nn.Identity(), codecs.TagCodec())(torch.zeros(9, 9))
    with pytest.raises(ArgumentError, match="min_score = nan: must be a number"):
        BottomUp(nn.Identity(), codecs.TagCodec(), min_score=float("nan"))


@pytest.mark.parametrize(
    ("picture", "said"),
    [
        (torch.zeros(3, 0, 5), r"image = \[3, 0, 5\]: expected an image"),
        (torch.zeros(0, 3, 9, 9), r"image = \[0, 3, 9, 9\]: expected an image"),
        (torch.zeros(1, 96, 128), "expected an image"),
        (torch.zeros(96, 128), "expected an image"),
        (torch.zeros(3, 96, 128, dtype=torch.uint8), "uint8: must be numbers from 0"),
        (torch.full((3, 96, 128), 255.0), "255.0: must be numbers from 0 to 1"),
        (torch.full((3, 96, 128), torch.nan), "nan: must be numbers from 0 to 1"),
    ],
)
def test_what_is_no_picture_is_one_clear_error(picture, said):
    net = Knows("tag")
    with pytest.raises(ArgumentError, match=said):
        BottomUp(net, codec_of("tag"))(picture)
    assert not net.seen


@pytest.mark.parametrize("kind", MAKE)
@pytest.mark.parametrize("size", [(1, 1), (400, 3), SIZE])
def test_a_network_that_finds_nothing_finds_nobody(kind, size):
    class Nothing(Knows):
        def forward(self, images):
            found = super().forward(images)
            return each(found, lambda maps: torch.full_like(maps, -10.0))

    found = BottomUp(Nothing(kind), codec_of(kind))(torch.rand(3, *size))
    assert found.keypoints.shape == (0, 17, 2)
    assert found.masks is None or found.masks.shape == (0, *size)
