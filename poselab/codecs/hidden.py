"""Two answers for each joint: what a network with a branch for hidden joints learns.

Golda, Kalb, Schumann & Beyerer, "Human Pose Estimation for Real-World Crowded
Scenarios", AVSS 2019 (1907.06922), section 3. A joint is drawn into the heatmap of the
branch that its flag names; the other branch learns an empty map for it.
"""

from __future__ import annotations

import torch
from torch import Tensor

from poselab.codecs.base import Inputs, Targets
from poselab.codecs.heatmap import HeatmapCodec, draw_targets, masked_mse
from poselab.records import Poses, Sample

Heads = tuple[Tensor, Tensor]
HIDDEN_WEIGHT = 1.5  # of the hidden branch's loss in the authors' code
GAIN = 100.0  # of both losses: nearly all cells are empty, so their mean is tiny


class HiddenCodec(HeatmapCodec, name="hidden"):
    """Heatmaps of visible joints (v = 2) and of hidden ones (v = 1), squared error.

    The output is a pair [B, J, h, w] each; options are `HeatmapCodec`'s. An unlabelled
    joint has no weight in either. Reading takes for each joint the branch with the
    higher peak, as the authors' code does. Without `split` both branches learn all
    joints: what the same weights do without the idea.
    """

    def __init__(
        self, size: tuple[int, int] = (128, 96), split: bool = True, **options
    ) -> None:
        super().__init__(size, criterion="mse", **options)
        self.split = split

    def encode(self, sample: Sample, generator=None) -> tuple[Inputs, Targets]:
        """(images,); "heatmaps" and "hidden" [B, J, h, w], "weight"."""
        inputs, targets = super().encode(sample, generator)
        sample = sample if sample.is_stacked else Sample.stack([sample])
        for name, flag in (("heatmaps", 2), ("hidden", 1)):
            drawn = sample.visibility == flag if self.split else sample.visibility > 0
            own = torch.where(drawn, sample.visibility, 0)
            targets[name] = draw_targets(
                sample.keypoints,
                own,
                self.heatmap_size,
                self.stride,
                self.sigma,
                self.merge_by,
                self.quantise,
            )
        return inputs, targets

    def loss(self, output: Heads, targets: Targets) -> Tensor:
        """The squared error of the visible branch plus 1.5 times the hidden one's."""
        weight = targets["weight"]
        visible, hidden = (
            masked_mse(head.float(), targets[name], weight)
            for head, name in zip(output, ("heatmaps", "hidden"), strict=True)
        )
        return GAIN * (visible + HIDDEN_WEIGHT * hidden)

    def mirror(self, output: Heads) -> Heads:
        """Both heads as a single head's heatmaps."""
        visible, hidden = output
        return super().mirror(visible), super().mirror(hidden)

    def merge(self, output: Heads, mirrored: Heads) -> Heads:
        """The mean of each head."""
        visible, hidden = ((a + b) / 2 for a, b in zip(output, mirrored, strict=True))
        return visible, hidden

    def chosen(self, output: Heads) -> Tensor:
        """One heatmap per joint: of the head with the higher peak; [B, J, h, w]."""
        visible, hidden = output
        peaks = [head.flatten(2).amax(-1)[..., None, None] for head in output]
        return torch.where(peaks[1] > peaks[0], hidden, visible)

    def decode(self, output: Heads) -> Poses:
        """-> stacked `Poses`, one person each, px of the input."""
        return super().decode(self.chosen(output))
