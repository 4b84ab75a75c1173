"""From joints in 2D to joints in 3D without a picture: Martinez, Hossain, Romero &
Little, "A Simple yet Effective Baseline for 3D Human Pose Estimation", ICCV 2017
(1705.03098), section 3.
"""

from __future__ import annotations

from torch import Tensor, nn

from poselab.models.registry import register


class LinearBlock(nn.Module):
    """x + two times (linear, batch normalisation, ReLU, dropout); [B, width]."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *linear_layer(width, width, dropout), *linear_layer(width, width, dropout)
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)


def linear_layer(inputs: int, outputs: int, dropout: float) -> list[nn.Module]:
    """Linear, batch normalisation, ReLU, dropout."""
    return [
        nn.Linear(inputs, outputs),
        nn.BatchNorm1d(outputs),
        nn.ReLU(),
        nn.Dropout(dropout),
    ]


@register("lifting")
class Lifting(nn.Module):
    """Points [B, J, 2], made comparable by a codec -> joints [B, J, 3].

    `width` of the linear layers, `blocks` residual ones, `dropout`. The paper: 1024, 2,
    0.5, 4.3 M parameters.
    """

    def __init__(
        self, joints: int = 17, width: int = 1024, blocks: int = 2, dropout: float = 0.5
    ) -> None:
        super().__init__()
        self.joints = joints
        self.first = nn.Sequential(*linear_layer(2 * joints, width, dropout))
        self.blocks = nn.Sequential(
            *(LinearBlock(width, dropout) for _ in range(blocks))
        )
        self.last = nn.Linear(width, 3 * joints)

    def forward(self, points: Tensor) -> Tensor:  # [B, J, 2]
        x = self.blocks(self.first(points.flatten(1)))
        return self.last(x).unflatten(1, (self.joints, 3))  # [B, J, 3]
