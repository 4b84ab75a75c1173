"""The explorer of notebook 08 about HRNet: what each resolution has to say."""

from __future__ import annotations

from typing import Any

from PIL import Image
from torch import Tensor

from poselab.codecs.base import Codec
from poselab.draw import TRUTH, paint_pose, to_pil
from poselab.draw.overlay import HEAT, covered, heated, legend, ringed, titled
from poselab.explore.base import Explorer
from poselab.explore.controls import image_slider, joint_menu, slider, toggle
from poselab.explore.inputs import device_of, expect, remembered, single_people
from poselab.explore.pictures import beside
from poselab.models import HRNet
from poselab.records import Sample

__all__ = ["BranchExplorer"]


class BranchExplorer(Explorer):
    """Silence a branch of an `HRNet`: the others do not hear it any more.

    `network` with its `codec`, `samples` a stacked `Sample` with one person per image.
    Left the whole network, right the one in which branches are silent in every
    exchange: the joint's map and the pose of each; the true joint is ringed in green.
    `cover` is the side of a grey square in the middle of the picture.
    """

    def __init__(
        self, network: HRNet, codec: Any, samples: Sample, *, width: int = 760, **values
    ) -> None:
        fix = "zoo.load('hrnet_tiny') is one."
        expect(network, HRNet, "network", fix)
        self.codec = expect(codec, Codec, "codec", "zoo.load('hrnet_tiny').codec")
        self.network = network.eval()
        self.samples, self.skeleton = single_people(samples), samples.skeleton
        self.branches = {f"1/{4 << i}": i for i in range(1, len(network.channels))}
        controls = {
            "image": image_slider(samples),
            "joint": joint_menu(self.skeleton),
            "cover": slider("grey square (px)", 0, 64, 0, 4),
            **{name: toggle(name, True) for name in self.branches},
        }
        groups = {
            "Input": ("image", "joint", "cover"),
            "Branches that are on": tuple(self.branches),
        }
        values = {list(self.branches)[0]: False, **values}
        super().__init__(
            self._paint, controls, groups=groups, values=values, width=width
        )

    @remembered
    def answer(
        self, image: int, cover: int, silent: tuple[int, ...]
    ) -> tuple[Tensor, Tensor]:
        """Maps [J, h, w] and joints [J, 2] px without the silent branches."""
        picture = self.samples.image[image]
        height, width = self.samples.size
        if cover:
            picture = covered(picture, width // 2, height // 2, cover)
        device = device_of(self.network)
        seen = self.network.features(picture[None].to(device), silent)
        output = self.network.final_layer(seen).cpu()
        return self.codec.heatmaps(output)[0], self.codec.decode(output).keypoints[0, 0]

    def _paint(self, image, joint, cover, **switches) -> tuple[Image.Image, str]:
        silent = tuple(i for name, i in self.branches.items() if not switches[name])
        sample, place, scale = self.samples[image], self.skeleton.index(joint), 3
        picture = sample.image
        if cover:
            height, width = sample.size
            picture = covered(picture, width // 2, height // 2, cover)
        panels, words = [], []
        heard = [
            f"1/{4 << i}" for i in range(len(self.branches) + 1) if i not in silent
        ]
        for who, off in (("all branches", ()), (" ".join(heard), silent)):
            maps, joints = self.answer(image, cover, off)
            map_ = heated(picture, maps[place], scale)
            if sample.visibility[0, place]:
                map_ = ringed(map_, sample.keypoints[0, place], scale, TRUTH)
            pose = paint_pose(
                to_pil(picture, scale), joints, None, self.skeleton, scale, size=4
            )
            error = self._errors(sample, joints)
            sheet = beside(map_, pose)
            panels.append(titled(sheet, f"{who}: {error.mean():.1f} px", 28))
            words.append(f"{who}: {error.mean():.1f} px")
        own = (joints[place] - sample.keypoints[0, place]).norm()
        own = f"{own:.1f} px off" if sample.visibility[0, place] else "not labelled"
        caption = (
            f"Image {image}, grey square of {cover} px; mean distance of the "
            f"labelled joints from the truth with {'; with '.join(words)}. "
            f"{joint.replace('_', ' ')} with the branches that are on: "
            f"{own}."
        )
        marks = {"the true joint": (TRUTH, "ring"), "its heatmap": HEAT}
        return legend(beside(*panels), marks), caption

    def _errors(self, sample: Sample, joints: Tensor) -> Tensor:
        known = sample.visibility[0] > 0
        return (joints - sample.keypoints[0]).norm(dim=-1)[known]
