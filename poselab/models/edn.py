"""Everybody Dance Now: Chan, Ginosar, Zhou & Efros, ICCV 2019 (1808.07371), section 3.

The networks are those of pix2pixHD (Wang et al. 2018, 1711.11585, section 3.1 and the
appendix): a generator that paints a person from a drawn pose and the frame before, and
discriminators that look at patches at several scales. Parameter names are those of the
released code.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from poselab.models.registry import register


def _painted(inputs: int, outputs: int, kernel: int) -> list[nn.Module]:
    """A convolution behind reflection padding, so that borders stay clean."""
    return [nn.ReflectionPad2d(kernel // 2), nn.Conv2d(inputs, outputs, kernel)]


def _active(layer: nn.Module, channels: int) -> list[nn.Module]:
    """A layer, instance normalisation without parameters, ReLU."""
    return [layer, nn.InstanceNorm2d(channels), nn.ReLU()]


class ResidualBlock(nn.Module):
    """x + two 3x3 convolutions with instance normalisation; [B, C, H, W]."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        pad, first = _painted(channels, channels, 3)
        again, second = _painted(channels, channels, 3)
        self.conv_block = nn.Sequential(
            pad, *_active(first, channels), again, second, nn.InstanceNorm2d(channels)
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv_block(x)


@register("edn_generator")
class Generator(nn.Module):
    """Pose picture and previous frame [B, 6, H, W] -> painted frame [B, 3, H, W].

    Values of both are in [-1, 1]. `width` channels after the first layer, doubled by
    each of `downs` halvings, then `blocks` residual blocks, and back. The paper's
    global generator: width 64, 4 halvings, 9 blocks, 512x256 pixels. H and W are
    multiples of 2 ** downs.
    """

    def __init__(
        self, inputs: int = 6, width: int = 64, downs: int = 4, blocks: int = 9
    ) -> None:
        super().__init__()
        pad, first = _painted(inputs, width, 7)
        layers = [pad, *_active(first, width)]
        for i in range(downs):
            wide = width << (i + 1)
            layers += _active(nn.Conv2d(wide // 2, wide, 3, 2, 1), wide)
        layers += [ResidualBlock(width << downs) for _ in range(blocks)]
        for i in reversed(range(downs)):
            up = nn.ConvTranspose2d(width << (i + 1), width << i, 3, 2, 1, 1)
            layers += _active(up, width << i)
        self.model = nn.Sequential(*layers, *_painted(width, 3, 7), nn.Tanh())

    def forward(self, poses: Tensor) -> Tensor:  # [B, 6, H, W]
        return self.model(poses)  # [B, 3, H, W]


class PatchDiscriminator(nn.Module):
    """[B, inputs, H, W] -> the features of each layer; the last are patch logits.

    `layers` halvings with 4x4 windows, then two layers of stride 1.
    """

    def __init__(self, inputs: int, width: int = 64, layers: int = 3) -> None:
        super().__init__()
        channels = [inputs, *(min(width << i, 512) for i in range(layers + 1)), 1]
        self.layers = nn.ModuleList()
        for i, (few, many) in enumerate(zip(channels, channels[1:], strict=False)):
            stride = 2 if i < layers else 1
            norm = [nn.InstanceNorm2d(many)] if 0 < i <= layers else []
            last = [nn.LeakyReLU(0.2)] if i <= layers else []
            conv = nn.Conv2d(few, many, 4, stride, padding=2)
            self.layers.append(nn.Sequential(conv, *norm, *last))

    def forward(self, x: Tensor) -> list[Tensor]:
        features = []
        for layer in self.layers:
            x = layer(x)
            features.append(x)
        return features


@register("edn_discriminator")
class MultiscaleDiscriminator(nn.Module):
    """The same question at `scales` sizes: list (full size first) of feature lists.

    Temporal smoothing asks about two frames at once: inputs [B, 12, H, W] are the poses
    and the frames of times t and t + 1 (section 3.3).
    """

    def __init__(
        self, inputs: int = 12, width: int = 64, layers: int = 3, scales: int = 2
    ) -> None:
        super().__init__()
        each = [PatchDiscriminator(inputs, width, layers) for _ in range(scales)]
        self.scales = nn.ModuleList(each)

    def forward(self, x: Tensor) -> list[list[Tensor]]:
        found = []
        for net in self.scales:
            found.append(net(x))
            x = F.avg_pool2d(x, 3, 2, 1, count_include_pad=False)
        return found


@register("edn_face")
class FaceRefiner(nn.Module):
    """A second generator for the face: [B, 6, h, w] -> what to add, [B, 3, h, w].

    Inputs are windows of the drawn pose and of the painted frame around the head
    (section 3.4); it learns a residual, so with weights of 0 it changes nothing.
    Arguments as for `Generator`; H and W are multiples of 2 ** downs (128 there).
    """

    def __init__(self, width: int = 32, downs: int = 2, blocks: int = 5) -> None:
        super().__init__()
        self.net = Generator(6, width, downs, blocks)

    def forward(self, windows: Tensor) -> Tensor:
        return self.net(windows)

    def refined(self, poses: Tensor, frames: Tensor, corners: Tensor, side: int):
        """Frames [B, 3, H, W] with their faces repainted; the others' pixels stay.

        `corners` [B, 2] int64 (x, y) are the windows' upper left pixels, `side` their
        size; they have to lie in the picture (see `face_corners`).
        """
        row, column = torch.arange(side)[:, None], torch.arange(side)
        which = torch.arange(len(frames))[:, None, None]
        place = (corners[:, 1, None, None] + row, corners[:, 0, None, None] + column)
        # Indices around a slice put the channels last.
        cut = [x[which, :, place[0], place[1]].movedim(-1, 1) for x in (poses, frames)]
        face = cut[1] + self(torch.cat(cut, 1))
        changed = frames.clone()
        changed[which, :, place[0], place[1]] = face.movedim(1, -1)
        return changed


def face_corners(noses: Tensor, size: tuple[int, int], side: int) -> Tensor:
    """Noses [B, 2] px -> corners [B, 2] of windows around them, inside of (H, W)."""
    corner = (noses - (side - 1) / 2).round().long()
    most = torch.tensor([size[1] - side, size[0] - side], device=noses.device)
    return corner.clamp(min=0).minimum(most)


def reference_name(key: str, scales: int = 2) -> str:
    """The released code's name of a discriminator's weight -> ours.

    There the full size has the highest number, here the lowest.
    """
    scale, layer, rest = key.split("_")[0], *key.split("_")[1].split(".", 1)
    number = scales - 1 - int(scale.removeprefix("scale"))
    return f"scales.{number}.layers.{layer.removeprefix('layer')}.{rest}"


def feature_matching(real: list[list[Tensor]], fake: list[list[Tensor]]) -> Tensor:
    """Mean |difference| of all features but the logits (1711.11585, equation 4)."""
    pairs = [
        F.l1_loss(b, a.detach())
        for one, other in zip(real, fake, strict=True)
        for a, b in zip(one[:-1], other[:-1], strict=True)
    ]
    return torch.stack(pairs).mean()
