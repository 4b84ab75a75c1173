"""Convolutional pose machines: Wei et al., "Convolutional Pose Machines", CVPR 2016
(1602.00134).

Stage 1 sees a window of the image around each place. Every later stage sees image
features and the belief maps of the stage before, over a wider window, so that the
joints can tell each other where they are without a graphical model (section 3).
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from poselab.codecs.heatmap import gaussian_heatmaps
from poselab.codecs.heatmap_decode import pixels_to_cells
from poselab.errors import require, require_shape
from poselab.models.receptive_fields import kernels, receptive_field
from poselab.models.registry import register


class ConvBlock(nn.Module):
    """Convolution that keeps the size (up to its stride), normalisation, ReLU.

    `inputs` and `outputs` are channels, `kernel` the side, `spread` how many cells its
    taps lie apart; `norm` adds batch normalisation, `active` a ReLU.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        stride: int = 1,
        *,
        spread: int = 1,
        norm: bool = True,
        active: bool = True,
    ) -> None:
        super().__init__()
        pad = spread * (kernel // 2)
        self.conv = nn.Conv2d(
            inputs, outputs, kernel, stride, pad, spread, bias=not norm
        )
        self.bn = nn.BatchNorm2d(outputs) if norm else None
        self.active = active

    def forward(self, x: Tensor) -> Tensor:  # [B, C, H, W]
        x = self.conv(x)
        x = x if self.bn is None else self.bn(x)
        return x.relu_() if self.active else x  # in place: nobody else holds x


def trunk(
    width: int, kernel: int, halvings: int, pool: int, norm: bool
) -> list[nn.Module]:
    """Image -> features of stride 2^halvings: a convolution before each pooling.

    `pool` 2 or 3 is the side of the max pooling (stride 2); 1 has none, and the
    convolutions have stride 2 themselves, which is a quarter of the work.
    """
    layers: list[nn.Module] = []
    for i in range(halvings):
        inputs, stride = (width if i else 3), (2 if pool == 1 else 1)
        layers.append(ConvBlock(inputs, width, kernel, stride, norm=norm))
        if pool > 1:  # sides that are odd are rounded up
            half = (pool - 1) // 2
            layers.append(nn.MaxPool2d(pool, 2, half, ceil_mode=pool == 2))
    return layers


class Context(nn.Module):
    """What a later stage does with beliefs and features: a few wide convolutions.

    `inputs` channels come in; `depth` convolutions of side `kernel` and `width`
    channels follow, normalised if `norm`.
    """

    def __init__(
        self, inputs: int, width: int, kernel: int, depth: int, norm: bool
    ) -> None:
        super().__init__()
        self.model = nn.Sequential(
            *(
                ConvBlock(width if i else inputs, width, kernel, norm=norm)
                for i in range(depth)
            )
        )

    def forward(self, x: Tensor) -> Tensor:  # [B, J + w/4, h, w]
        return self.model(x)  # [B, w, h, w]


@register("cpm")
class CPM(nn.Module):
    """Images [B, 3, H, W] -> belief maps [B, J, h, w] of every stage, first to last.

    g_1 is `stem`. Stage t > 1 is g_t(x', b_{t-1}): `middle` turns the image into x',
    which all later stages share; `middle_conv` narrows it for this stage; it is put
    beside the beliefs b_{t-1}, and `cpm_stages` and `out_convs` make b_t of them. The
    names of the layers are those of the public PyTorch checkpoints, which have batch
    normalisation and neither a background map nor a centre map.

    `width` is the number of channels (the narrow layers have a quarter of it, stage 1's
    last ones four times as many), `kernel` the side of the image's convolutions,
    `context` that of the `depth` convolutions that look at beliefs, `halvings` the
    power of two of the stride, `pool` see `trunk`. The defaults are the checkpoints':
    31,225,568 parameters for 16 joints. `joints` is J, `stages` how many there are;
    `norm` adds batch normalisation; `extra` are further input channels of the later
    stages. Without `wired` these get zeros in place of the beliefs: the control that
    says what reading them is worth.
    """

    def __init__(
        self,
        joints: int = 16,
        stages: int = 6,
        width: int = 128,
        *,
        kernel: int = 9,
        context: int = 11,
        depth: int = 3,
        halvings: int = 3,
        pool: int = 3,
        norm: bool = True,
        extra: int = 0,
        wired: bool = True,
        spread: int = 1,
    ) -> None:
        super().__init__()
        require(stages >= 1, "a pose machine has a stage", where="stages", value=stages)
        require(
            width >= 4,
            "the narrow layers have a quarter of it",
            where="width",
            value=width,
        )
        require(pool in (1, 2, 3), "must be 1, 2 or 3", where="pool", value=pool)
        self.stages, self.stride, narrow = stages, 2**halvings, width // 4
        self.wired = wired
        self.stem = nn.Sequential(
            *trunk(width, kernel, halvings, pool, norm),
            ConvBlock(width, narrow, 5, norm=norm),
            ConvBlock(narrow, 4 * width, kernel, spread=spread, norm=norm),
            ConvBlock(4 * width, 4 * width, 1, norm=norm),
            ConvBlock(4 * width, joints, 1, norm=False, active=False),
        )  # [B, J, h, w]
        self.middle = nn.Sequential(*trunk(width, kernel, halvings, pool, norm))
        self.cpm_stages, self.middle_conv, self.out_convs = (
            nn.ModuleList() for _ in range(3)
        )
        for _ in range(stages - 1):
            self.cpm_stages.append(
                Context(joints + narrow + extra, width, context, depth, norm)
            )
            self.middle_conv.append(
                nn.Sequential(ConvBlock(width, narrow, 5, norm=norm))
            )
            self.out_convs.append(
                nn.Sequential(
                    ConvBlock(width, width, 1, norm=norm),
                    ConvBlock(width, joints, 1, norm=False, active=False),
                )
            )

    def stage(
        self, t: int, beliefs: Tensor, features: Tensor, *extra: Tensor
    ) -> Tensor:
        """Stage t = 2, 3, ...: b_{t-1} [B, J, h, w] and x' [B, w, h, w] -> b_t."""
        narrow = self.middle_conv[t - 2](features)
        seen = torch.cat([beliefs, narrow, *extra], 1)  # [B, J + w/4, h, w]
        return self.out_convs[t - 2](self.cpm_stages[t - 2](seen))

    def forward(self, images: Tensor, *extra: Tensor) -> list[Tensor]:
        require_shape("images", images, None, 3, None, None)
        beliefs = [self.stem(images)]  # [B, J, h, w]
        features = self.middle(images) if self.stages > 1 else None
        for t in range(2, self.stages + 1):
            read = beliefs[-1] if self.wired else torch.zeros_like(beliefs[-1])
            beliefs.append(self.stage(t, read, features, *extra))
        return beliefs

    def truncated(self, stages: int) -> CPM:
        """The same network, cut after `stages` of them; it shares the weights."""
        require(
            1 <= stages <= self.stages,
            f"there are {self.stages}",
            where="stages",
            value=stages,
        )
        part = copy.copy(self)
        part._modules = dict(self._modules)  # or the cut would be made in both
        part.stages = stages
        if stages == 1:
            part.middle = nn.Sequential()
        for name in ("cpm_stages", "middle_conv", "out_convs"):
            setattr(part, name, nn.ModuleList(getattr(self, name)[: stages - 1]))
        return part

    def fields(self) -> list[int]:
        """Side in px of the window that a cell of each stage depends on (arithmetic).

        A later stage sees the image along two ways, through x' and through the beliefs;
        the wider one counts.
        """
        sizes = [receptive_field(kernels(self.stem))[0]]
        for narrow, context in zip(self.middle_conv, self.cpm_stages, strict=True):
            direct, _ = receptive_field(kernels(self.middle) + kernels(narrow))
            widest = max(direct, sizes[-1] if self.wired else 0)
            sizes.append(receptive_field(kernels(context), widest, self.stride)[0])
        return sizes


@register("cpm_paper")
class CPMPaper(CPM):
    """The network of the paper (figure 2): [B, 3, 368, 368] -> [B, J + 1, 46, 46] each.

    The last map is the background: high where no joint is. No normalisation. The later
    stages also see a centre map, a Gaussian of sigma 21 px at the person that is meant;
    `centres` [B, 2] px, by default the middle of the image. With the 2x2 poolings of
    the figure stage 1 sees 160 px and stage 2 400 px; `pool=3`, as in the released
    networks, gives 167 and 407. Pixels as in the reference: value / 256 - 0.5. `joints`
    is J, `stages` how many there are, `width` the channels of a layer, `pool` the side
    of the pooling windows.
    """

    sigma = 21.0  # px, of the centre map

    def __init__(
        self, joints: int = 14, stages: int = 6, width: int = 128, pool: int = 2
    ) -> None:
        super().__init__(joints + 1, stages, width, pool=pool, norm=False, extra=1)

    def centre_map(self, images: Tensor, centres: Tensor | None = None) -> Tensor:
        """Where the person is: [B, 1, h, w], 1 at the centre."""
        height, width = images.shape[-2:]
        if centres is None:
            middle = images.new_tensor([(width - 1) / 2, (height - 1) / 2])
            centres = middle.expand(len(images), 2)
        require_shape("centres", centres, len(images), 2)
        size = (-(-height // self.stride), -(-width // self.stride))
        cells = pixels_to_cells(centres, self.stride)[:, None]  # [B, 1, 2]
        return gaussian_heatmaps(cells, size, self.sigma / self.stride)

    def forward(self, images: Tensor, centres: Tensor | None = None) -> list[Tensor]:
        require_shape("images", images, None, 3, None, None)
        return super().forward(images, self.centre_map(images, centres))


@register("cpm_reference")
class CPMReference(nn.Module):
    """`CPM` under the names of the public checkpoints (`backbone.stem.0.conv...`).

    Images [B, 3, H, W], RGB, normalised with ImageNet's mean and standard deviation
    (values of 0..255: minus 123.675, 116.28, 103.53, divided by 58.395, 57.12, 57.375)
    -> the maps of all stages, [B, J, H/8, W/8] each. Arguments as for `CPM`. `joints`
    is J, `stages` how many there are.
    """

    def __init__(self, joints: int = 16, stages: int = 6, **arguments) -> None:
        super().__init__()
        self.backbone = CPM(joints, stages, **arguments)

    @property
    def stages(self) -> int:
        return self.backbone.stages

    def forward(self, images: Tensor) -> list[Tensor]:
        return self.backbone(images)

    def truncated(self, stages: int) -> CPM:
        """The network cut after `stages` of them; it shares the weights."""
        return self.backbone.truncated(stages)


@register("cpm_tiny")
def cpm_tiny(
    joints: int = 17,
    stages: int = 3,
    width: int = 24,
    wired: bool = True,
    spread: int = 1,
) -> CPM:
    """A small one for images of about 128x96: maps of stride 4."""
    return CPM(
        joints,
        stages,
        width,
        kernel=5,
        context=7,
        depth=2,
        halvings=2,
        pool=1,
        wired=wired,
        spread=spread,
    )
