"""The explorer of notebook 09 about wrong boxes: with and without an SSTN."""

from __future__ import annotations

import torch
from PIL import Image
from torch import Tensor, nn

from poselab.codecs.heatmap import HeatmapCodec
from poselab.draw import BOX, TRUTH, paint_box, paint_pose, to_pil
from poselab.draw.overlay import legend, titled
from poselab.explore.base import Explorer
from poselab.explore.controls import image_slider, slider
from poselab.explore.inputs import crowds, expect, remembered
from poselab.explore.pictures import beside
from poselab.explore.top_down import everybody
from poselab.geometry import apply_affine, back_to_image, crop_matrix, xywh_to_xyxy
from poselab.metrics import oks
from poselab.models.rmpe import SymmetricTransformer
from poselab.pipelines import SinglePerson
from poselab.records import Sample

__all__ = ["BoxNoiseExplorer"]

_VIEW, _ZOOM = (224, 176), 2
_ALONE, _HELPED = "#CC79A7", "#0072B2"


class BoxNoiseExplorer(Explorer):
    """The box of a person is made wrong; joints without and with an SSTN.

    `network` reads crops of people, `transformer` is a `SymmetricTransformer` around
    one; each with its `codec`, as `zoo.load` gives them. `samples` are stacked crowds.
    `right`, `down` move the box in shares of its sides, `scale` grows it. Yellow is the
    box that is given, blue what the transformer looks at, green the truth.
    """

    def __init__(
        self,
        network: nn.Module,
        transformer: SymmetricTransformer,
        samples: Sample,
        *,
        width: int = 760,
        **values,
    ) -> None:
        expect(
            transformer, SymmetricTransformer, "transformer", 'zoo.load("sstn_tiny")'
        )
        codec = expect(transformer.codec, HeatmapCodec, "transformer.codec")
        fix = 'zoo.load("simple_baseline_tiny")'
        own = getattr(expect(network, nn.Module, "network", fix), "codec", None)
        expect(own, HeatmapCodec, "network.codec", fix)
        self.transformer, self.samples = transformer.eval(), crowds(samples)
        self.alone = SinglePerson(network.eval(), own)
        self.helped = SinglePerson(transformer, codec)
        most = max(map(self.count, range(len(samples))))
        controls = {
            "image": image_slider(samples),
            "person": slider("person", 0, max(1, most - 1), 0, help="largest first"),
            "right": slider("to the right", -0.4, 0.4, 0.25, 0.05),
            "down": slider("down", -0.4, 0.4, 0.0, 0.05),
            "scale": slider("scale", 0.6, 1.6, 1.0, 0.05),
        }
        groups = {"Who": ("image", "person"), "Box": ("right", "down", "scale")}
        bounds = {"person": lambda image, **_: self.count(image) - 1}
        super().__init__(
            self._paint,
            controls,
            groups=groups,
            values=values,
            bounds=bounds,
            width=width,
        )

    def count(self, image: int) -> int:
        """How many people an image holds."""
        return int(self.samples.present[image].sum())

    @remembered
    def answer(self, image, person, right, down, scale) -> tuple[Tensor, ...]:
        """Box [4], what the transformer looks at [4] (xywh px), and two poses."""
        sample = self.samples[image]
        true = sample.boxes[everybody(sample)[person]]
        side = scale * true[2:]
        centre = true[:2] + true[2:] * (0.5 + true.new_tensor([right, down]))
        box = torch.cat([centre - side / 2, side])[None]
        poses = [one.poses(sample.image, box) for one in (self.alone, self.helped)]
        crops, matrix = self.helped.crops(sample.image, box)
        theta = self.transformer.localisation(crops)
        looked = looked_at(theta, matrix, self.helped.codec.size)
        return box[0], looked[0], *(found.keypoints[0] for found in poses)

    def _paint(self, image, person, **change) -> tuple[Image.Image, str]:
        box, looked, alone, helped = self.answer(image, person, **change)
        sample = self.samples[image]
        i = everybody(sample)[person]
        view = _view_of(sample.boxes[i])
        matrix = crop_matrix(view[None], _VIEW)
        shown, _ = SinglePerson(nn.Identity(), _Plain(), margin=1.0).crops(
            sample.image, view[None]
        )
        flags, zoom = sample.visibility[i], _ZOOM
        panels, words = [], []
        for name, points, ink in (
            ("the network alone", alone, _ALONE),
            ("behind the SSTN", helped, _HELPED),
        ):
            picture = to_pil(shown[0], zoom)
            picture = paint_box(picture, _moved(box, matrix), zoom, colour=BOX)
            if points is helped:
                frame = _moved(looked, matrix)
                picture = paint_box(picture, frame, zoom, colour="#56B4E9", width=2)
            for pose, colour in ((sample.keypoints[i], TRUTH), (points, ink)):
                at = apply_affine(pose[None], matrix)
                picture = paint_pose(
                    picture, at, flags[None], sample.skeleton, zoom, colour=colour
                )
            error = (points - sample.keypoints[i]).norm(dim=-1)[flags > 0].mean()
            alike = oks(
                points[None],
                sample.keypoints[i][None],
                flags[None],
                sample.areas[i][None],
            )
            panels.append(titled(picture, f"{name}: {error:.1f} px"))
            words.append(f"{name} {error:.1f} px (OKS {float(alike[0, 0]):.2f})")
        marks = {
            "truth": (TRUTH, "line"),
            "box given": (BOX, "box"),
            "what the transformer looks at": ("#56B4E9", "box"),
            "alone": (_ALONE, "line"),
            "SSTN": (_HELPED, "line"),
        }
        caption = (
            f"Image {image}, person {person}; the box is {change['right']:+.2f} of its "
            f"width to the right, {change['down']:+.2f} of its height down, times "
            f"{change['scale']:.2f}. Mean error of labelled joints: {'; '.join(words)}."
        )
        return legend(beside(*panels), marks), caption


class _Plain:
    """Cuts pictures of one size and reads nothing."""

    size = _VIEW

    def crop_matrix(self, boxes: Tensor, margin: float = 1.0) -> Tensor:
        """The maps to pictures of exactly these boxes [N, 4]."""
        return crop_matrix(boxes, self.size)


def _view_of(box: Tensor) -> Tensor:
    """A box around a box [4], twice as large and of the view's shape."""
    height, width = _VIEW
    tall = 1.6 * max(float(box[3]), float(box[2]) * height / width)
    side = box.new_tensor([tall * width / height, tall])
    return torch.cat([box[:2] + box[2:] / 2 - side / 2, side])


def _moved(box: Tensor, matrix: Tensor) -> Tensor:
    """A box [4] of the picture in the view."""
    low, high = (xywh_to_xyxy(box) - 0.5).split(2)
    corners = apply_affine(torch.stack([low, high])[None], matrix)[0] + 0.5
    return torch.cat([corners[0], corners[1] - corners[0]])


def looked_at(theta: Tensor, matrix: Tensor, size: tuple[int, int]) -> Tensor:
    """What transformers theta [N, 2, 3] show, as boxes [N, 4] xywh px of the picture.

    matrix [N, 2, 3] leads from the picture to crops of `size` (H, W).
    """
    side = theta.new_tensor([size[1], size[0]])
    ends = theta.new_tensor([-1.0, 1.0])[None, :, None]  # the outer edges
    unit = ends * theta.diagonal(dim1=1, dim2=2)[:, None] + theta[:, None, :, 2]
    corners = back_to_image((unit + 1) / 2 * side - 0.5, matrix) + 0.5  # [N, 2, 2]
    return torch.cat([corners[:, 0], corners[:, 1] - corners[:, 0]], 1)
