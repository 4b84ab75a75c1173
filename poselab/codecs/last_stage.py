"""A loss on the last stage alone: what intermediate supervision is compared with."""

from __future__ import annotations

from torch import Tensor

from poselab.codecs.base import Targets
from poselab.codecs.heatmap import HeatmapCodec


class LastStageCodec(HeatmapCodec, name="last_stage"):
    """`HeatmapCodec` whose loss leaves out all stages but the last.

    The control of Newell et al. 2016 (1603.06937, section 4) and Wei et al. 2016
    (1602.00134, section 3.3). Arguments, encoding and reading are those of
    `HeatmapCodec`.
    """

    def loss(self, output: Tensor | list[Tensor], targets: Targets) -> Tensor:
        """The loss of the last stage's output [B, J, h, w]."""
        return super().loss(self.stages(output)[-1], targets)
