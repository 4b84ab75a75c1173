"""The explorers of notebook 12: votes, people along the tree, and whose a pixel is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from poselab.codecs.offset import OffsetCodec
from poselab.codecs.offset_decode import (
    Answer,
    centroid,
    follow_tree,
    hough_votes,
    local_maxima,
    person_masks,
)
from poselab.draw import PREDICTION, SERIES, TRUTH, paint_pose, to_pil
from poselab.draw.overlay import crossed, legend, readable, ringed, titled, viridis
from poselab.explore.base import Explorer
from poselab.explore.controls import choice, joint_menu, slider
from poselab.explore.inputs import expect, fitting, remembered
from poselab.explore.openpose_scene import View, people_in_a_row
from poselab.explore.pictures import beside
from poselab.records import Sample
from poselab.skeleton import COCO_17

__all__ = ["FollowExplorer", "PixelExplorer", "VotesExplorer", "true_output"]

_INKS = SERIES[:4]  # of people A, B, C, D
_WHO = tuple(("ABCD"[i], i) for i in range(4))
_PEOPLE = {f"person {'ABCD'[i]}": (_INKS[i], "line") for i in range(4)}
SURE = 20.0  # a logit that is as good as certain
FAINT = 0.2  # of a heatmap: below it no line is drawn


def true_output(codec: OffsetCodec, sample: Sample) -> dict[str, Tensor]:
    """What a perfect network would answer for a sample: the maps [1, ..., h, w].

    Vectors are 0 where the codec does not define them, as outside of the discs.
    """
    _, targets = codec.encode(sample.batched())
    output = {}
    for name in ("short", "forward", "backward", "far"):
        at = torch.cat([targets[f"{name}_at"]] * 2, 1)  # y and x
        output[name] = targets[name] * at
    for name in ("heatmaps", "people"):
        output[name] = torch.where(targets[name] > 0, SURE, -SURE)
    return output


class _Row(Explorer):
    """Four people in a row, with maps from the truth or from a network."""

    def begin(self, codec: OffsetCodec, network) -> dict:
        """Keep what is given; the controls that all three have."""
        fix = "zoo.load('personlab_tiny').codec is one."
        self.codec = expect(codec, OffsetCodec, "codec", fix)
        fix = "Give zoo.load('personlab_tiny') and its codec."
        self.network = None if network is None else fitting(network, codec, fix)
        sources = ("truth",) if network is None else ("truth", "network")
        return {
            "distance": slider("distance (mm)", 100, 800, 300, 25),
            "who": slider("who", 0, 9, 0),
            "source": choice("maps from", sources),
        }

    @remembered
    def scene(self, distance: float, who: int) -> Sample:
        return people_in_a_row(distance, who)

    @remembered
    def output(self, distance, who, source, radius=None) -> dict[str, Tensor]:
        """The maps of a scene without the dimension of images; vectors in px."""
        scene, codec = self.scene(distance, who), self.codec
        if source == "network":
            device = next(self.network.parameters()).device
            maps = codec.stages(self.network(scene.image[None].to(device)))[-1]
        else:
            if radius is not None:
                codec = OffsetCodec(
                    codec.size, codec.stride, radius, codec.unit, rules=codec.rules
                )
            maps = true_output(codec, scene)
        maps = {name: values[0].cpu().float() for name, values in maps.items()}
        return {
            name: values.sigmoid()
            if name in ("heatmaps", "people")
            else values * codec.unit
            for name, values in maps.items()
        }

    def answer(self, output: dict[str, Tensor]) -> Answer:
        """The maps as the decoder reads them."""
        fields = [output[name] for name in ("short", "forward", "backward")]
        return Answer.of(output["heatmaps"], *fields)

    def view(self, scene: Sample, zoom: int) -> View:
        return View.of(scene.keypoints[scene.visibility > 0], zoom)


class VotesExplorer(_Row):
    """A joint's disc as lines to where its cells point, and the sum of these votes.

    `radius` is that of the discs in px and `noise` (px) is added to the short offsets;
    both change true maps only.
    """

    def __init__(self, codec, network=None, *, width: int = 900, **values) -> None:
        controls = self.begin(codec, network)
        controls |= {
            "joint": joint_menu(COCO_17, "left_elbow"),
            "radius": slider("disc radius", 4, 24, int(codec.radius), help="in px"),
            "noise": slider("noise (px)", 0.0, 6.0, 0.0, 0.5, help="of short offsets"),
        }
        groups = {"People": ("distance", "who"), "Maps": ("source", "joint")}
        groups |= {"True maps": ("radius", "noise")}
        super().__init__(
            self._paint, controls, groups=groups, values=values, width=width
        )

    def _paint(self, joint, distance, who, source, radius, noise):
        scene, j = self.scene(distance, who), COCO_17.index(joint)
        output = self.output(distance, who, source, radius)
        short = self.answer(output).short[j]  # [2, h, w] (y, x) px
        if source == "truth":
            short = short + noise * np.random.default_rng(who).normal(size=short.shape)
        heat = output["heatmaps"][j].double().numpy()
        rules = replace(self.codec.rules, radius=float(radius))
        votes = hough_votes(heat[None], short[None], rules)
        _, y, x = local_maxima(votes, rules.score, 6)
        finer = rules.stride * centroid(votes, np.zeros_like(y), y, x)
        found = (rules.pixels(y, x) + finer)[:, ::-1]
        true = scene.keypoints[:, j].numpy()
        view = self.view(scene, 3)
        picture = _pointing(view, scene, heat, short, true, self.codec)
        top = torch.from_numpy(votes[0] / max(votes.max(), 1e-9))
        size = (scene.image.shape[-1] * 3, scene.image.shape[-2] * 3)
        right = viridis(top, size).crop([3 * v for v in view.box])
        right = crossed(right, torch.from_numpy(view.at(found)), 1, "#FFFFFF", 6)
        far = np.linalg.norm(found[:, None] - true[None], axis=-1)  # [N, P]
        cells = int((heat > FAINT).sum())
        error = f", {far.min(1).mean():.1f} px from a true one" if len(found) else ""
        caption = (
            f"{joint.replace('_', ' ').capitalize()}s of four people {distance} mm "
            f"apart, maps from the {source}: {cells} cells are in a disc; their votes "
            f"have {len(found)} peaks{error}."
        )
        views = (
            titled(picture, "where the cells point"),
            titled(right, "votes (peaks +)"),
        )
        return legend(beside(*views), _PEOPLE | {"truth": (TRUTH, "ring")}), caption


class FollowExplorer(_Row):
    """From one joint to all others of a person, with 0, 1 and 2 steps of refinement.

    `noise` is added to each mid-range offset as a share of its length (true maps only).
    """

    def __init__(self, codec, network=None, *, width: int = 1100, **values) -> None:
        controls = self.begin(codec, network)
        controls |= {
            "person": choice("person", _WHO, 0, help="from left to right"),
            "start": joint_menu(COCO_17, "nose", "start"),
            "noise": slider("noise (share)", 0.0, 0.5, 0.1, 0.05),
        }
        groups = {"People": ("distance", "who", "person"), "Maps": ("source", "noise")}
        groups |= {"Tree": ("start",)}
        super().__init__(
            self._paint, controls, groups=groups, values=values, width=width
        )

    @remembered
    def noisy(self, distance, who, source, noise) -> Answer:
        """The maps as the decoder reads them; true ones with noise."""
        answer = self.answer(self.output(distance, who, source))
        if source == "truth":
            draws = np.random.default_rng(who)
            for name in ("forward", "backward"):
                field = getattr(answer, name)
                turn = draws.normal(size=(*field.shape[:2], 1, 1))
                length = np.linalg.norm(field, axis=1, keepdims=True)
                setattr(answer, name, field + noise * length * turn)
        return answer

    def followed(self, refine, distance, who, source, person, start, noise):
        """The joints [17, 2] px (x, y) that are reached from a true one."""
        answer = self.noisy(distance, who, source, noise)
        true, j = self.scene(distance, who).keypoints[person], COCO_17.index(start)
        seed = true[j].double().numpy()[None, ::-1]
        rules = replace(self.codec.rules, refine=refine)
        first = (np.array([j]), np.array([1.0]), seed)
        return follow_tree(answer, *first, rules)[0][0][:, ::-1]

    def _paint(self, **values) -> tuple[Image.Image, str]:
        scene = self.scene(values["distance"], values["who"])
        view, true = self.view(scene, 3), scene.keypoints[values["person"]]
        grey, views, words = view.grey(scene.image), [], []
        for refine in (0, 1, 2):
            points = self.followed(refine, **values)
            picture = paint_pose(
                grey, view.at(points), None, COCO_17, colour=PREDICTION, size=4
            )
            rings = torch.from_numpy(view.at(true.numpy()))
            picture = ringed(picture, rings, 1, TRUTH, 5)
            error = np.linalg.norm(points - true.numpy(), axis=1).mean()
            often = ("0 times", "once", "twice")[refine]
            title = f"refined {often}: {error:.1f} px"
            size = readable(3 * picture.width)  # a wide row is shown smaller
            views.append(titled(picture, title, size))
            words.append(f"{error:.1f} px refined {often}")
        caption = (
            f"From the {values['start'].replace('_', ' ')} of person "
            f"{'ABCD'[values['person']]}, maps from the {values['source']}. Mean error "
            f"of the 17 joints: {', '.join(words)}."
        )
        marks = {"truth": (TRUTH, "ring"), "followed": (PREDICTION, "line")}
        return legend(beside(*views), marks), caption


class PixelExplorer(_Row):
    """Where the long-range offsets of a pixel lead, and whose each pixel is.

    `x` and `y` choose the pixel; `threshold` is the largest distance, relative to the
    person's size, at which a pixel still belongs to somebody. The people's joints are
    the true ones.
    """

    def __init__(self, codec, network=None, *, width: int = 1000, **values) -> None:
        controls = self.begin(codec, network)
        controls |= {
            "x": slider("pixel x", 40, 215, 100),
            "y": slider("pixel y", 10, 185, 90),
            "threshold": slider("threshold", 0.05, 1.0, 0.25, 0.05),
        }
        groups = {"People": ("distance", "who"), "Maps": ("source", "threshold")}
        groups |= {"Pixel": ("x", "y")}
        super().__init__(
            self._paint, controls, groups=groups, values=values, width=width
        )

    @remembered
    def masks(self, distance, who, source, threshold) -> Tensor:
        """[P, H, W] bool: whose every pixel is."""
        output, scene = self.output(distance, who, source), self.scene(distance, who)
        return person_masks(
            output["far"],
            output["people"][0],
            scene.keypoints.flip(-1).double().numpy(),
            (scene.visibility > 0).double().numpy(),
            self.codec.stride,
            self.codec.size,
            threshold,
        )

    def _paint(self, distance, who, source, x, y, threshold):
        scene = self.scene(distance, who)
        masks = self.masks(distance, who, source, threshold)
        far = self.output(distance, who, source)["far"].unflatten(0, (2, -1))
        row, column = (int(v) // self.codec.stride for v in (y, x))
        ends = far[:, :, row, column].T.flip(-1).numpy() + np.array([x, y])  # [17, 2]
        owner = [i for i in range(len(masks)) if masks[i, y, x]]
        ink = _INKS[owner[0]] if owner else "#FFFFFF"
        view = self.view(scene, 3)
        picture, at = view.grey(scene.image), view.at(np.array([x, y]))
        pen = ImageDraw.Draw(picture)
        for end in view.at(ends):
            pen.line([*at, *end], ink, 2)
            pen.ellipse([*(end - 3), *(end + 3)], ink, "black")
        picture = crossed(picture, torch.from_numpy(at), 1, "#FFFFFF", 7)
        shown = np.asarray(to_pil(scene.image)).copy()
        for mask, colour in zip(masks.numpy(), _INKS, strict=False):
            rgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)])
            shown[mask] = (0.35 * shown[mask] + 0.65 * rgb).astype(np.uint8)
        coloured = Image.fromarray(shown).crop(view.box).resize(picture.size, 0)
        both = (masks & scene.masks).flatten(1).sum(1).float()
        either = (masks | scene.masks).flatten(1).sum(1).clamp(min=1)
        whose = f"person {'ABCD'[owner[0]]}" if owner else "nobody"
        caption = (
            f"Pixel ({x}, {y}), maps from the {source}: it belongs to {whose}. Mean "
            f"IoU of the four masks with the true ones {(both / either).mean():.2f} "
            f"at threshold {threshold:.2f}."
        )
        views = (
            titled(picture, "17 long offsets"),
            titled(coloured, "whose is a pixel?"),
        )
        return legend(beside(*views), _PEOPLE), caption


def _pointing(view: View, scene: Sample, heat, short, true, codec) -> Image.Image:
    """Lines from the cells of a disc to where they point, by the nearest person."""
    picture = view.grey(scene.image)
    pen = ImageDraw.Draw(picture)
    for row, column in zip(*np.nonzero(heat > FAINT), strict=True):
        start = codec.rules.pixels(row, column)
        end = (start + short[:, row, column])[::-1]
        ink = _INKS[np.linalg.norm(true - end, axis=1).argmin()]
        a, b = view.at(start[::-1]), view.at(end)
        pen.line([*a, *b], ink, 2)
        pen.ellipse([*(a - 2), *(a + 2)], ink)
    return ringed(picture, torch.from_numpy(view.at(true)), 1, TRUTH, 6)
