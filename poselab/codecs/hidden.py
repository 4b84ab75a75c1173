"""Two answers for each joint: what a network with a branch for hidden joints learns.

Golda, Kalb, Schumann & Beyerer, "Human Pose Estimation for Real-World Crowded
Scenarios", AVSS 2019 (1907.06922), section 3, and the authors' code. A joint is drawn
into the heatmap of the branch that its flag names. What the other branch learns of it
is a choice: in the code nothing at all by default, and an empty heatmap with the option
`occluded_hard_loss`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from poselab.codecs.base import Inputs, Targets
from poselab.codecs.heatmap import LOSSES, HeatmapCodec, draw_targets
from poselab.errors import require, require_known
from poselab.records import Poses, Sample

Heads = tuple[Tensor, Tensor]
HEADS = (("heatmaps", 2), ("hidden", 1))  # name of the targets, flag of the joints
HIDDEN_WEIGHT = 1.5  # of the hidden branch's loss in the authors' code
# Squared errors are tiny, since nearly all cells are empty; the other loss is not.
GAIN = {"mse": 100.0, "cross_entropy": 1.0}
OTHERS = ("nothing", "empty", "same")


class HiddenCodec(HeatmapCodec, name="hidden"):
    """Heatmaps of visible joints (v = 2) and of hidden ones (v = 1).

    The output is a pair [B, J, h, w] each; options are `HeatmapCodec`'s. `other` is
    what a branch learns of the joints of the other one: "nothing" (they have no weight;
    the authors' code as it comes), "empty" (a heatmap of zeros; squared error only), or
    "same" (both branches learn all joints: what the same weights do without the idea).
    An unlabelled joint has no weight in either. Reading takes for each joint the branch
    with the higher peak, as the authors' code does.
    """

    def __init__(
        self, size: tuple[int, int] = (128, 96), other: str = "nothing", **options
    ) -> None:
        super().__init__(size, **options)
        require_known("other", other, OTHERS)
        require(
            other != "empty" or self.criterion == "mse",
            "an empty heatmap has no cross-entropy",
            where="HiddenCodec",
            field="other",
            value=other,
            fix='Take criterion="mse".',
        )
        self.other = other

    def encode(self, sample: Sample, generator=None) -> tuple[Inputs, Targets]:
        """(images,); "heatmaps" and "hidden" [B, J, h, w], "weight" (all labelled),
        "heatmaps_weight" and "hidden_weight" (those that a head learns from)."""
        inputs, targets = super().encode(sample, generator)
        sample = sample if sample.is_stacked else Sample.stack([sample])
        for name, flag in HEADS:
            own = sample.visibility == flag  # [B, P, J]
            own = sample.visibility > 0 if self.other == "same" else own
            targets[name] = self._draw(sample, own)
            learns = own.any(1)[..., None, None] | (self.other == "empty")
            targets[f"{name}_weight"] = targets["weight"] * learns
        return inputs, targets

    def _draw(self, sample: Sample, own: Tensor) -> Tensor:
        """Heatmaps of the joints `own` [B, P, J] alone."""
        return draw_targets(
            sample.keypoints,
            torch.where(own, sample.visibility, 0),
            self.heatmap_size,
            self.stride,
            self.sigma,
            self.merge_by,
            self.quantise,
        )

    def loss(self, output: Heads, targets: Targets) -> Tensor:
        """The loss of the visible branch plus 1.5 times the hidden one's.

        Each is a sum over its joints divided by the number of all labelled ones.
        """
        known = targets["weight"].sum().clamp(min=1)
        parts = []
        for head, (name, _) in zip(output, HEADS, strict=True):
            weight = targets[f"{name}_weight"]
            mean = LOSSES[self.criterion](head.float(), targets[name], weight)
            parts.append(mean * weight.sum() / known)
        return GAIN[self.criterion] * (parts[0] + HIDDEN_WEIGHT * parts[1])

    def mirror(self, output: Heads) -> Heads:
        """Both heads as a single head's heatmaps."""
        visible, hidden = output
        return super().mirror(visible), super().mirror(hidden)

    def merge(self, output: Heads, mirrored: Heads) -> Heads:
        """The mean of each head, as a single head's heatmaps."""
        visible = super().merge(output[0], mirrored[0])
        return visible, super().merge(output[1], mirrored[1])

    def hidden_wins(self, output: Heads) -> Tensor:
        """Whether the hidden head has the higher peak, [B, J]."""
        seen, hidden = (self.heatmaps(head).flatten(2).amax(-1) for head in output)
        return hidden > seen

    def chosen(self, output: Heads, hidden: Tensor | None = None) -> Tensor:
        """One map per joint, [B, J, h, w]: of the hidden head where `hidden` [B, J].

        By default where its peak is the higher one.
        """
        hidden = self.hidden_wins(output) if hidden is None else hidden
        return torch.where(hidden[..., None, None], output[1], output[0])

    def decode(self, output: Heads, hidden: Tensor | None = None) -> Poses:
        """-> stacked `Poses`, one person each, px of the input; `hidden` as above."""
        return super().decode(self.chosen(output, hidden))
