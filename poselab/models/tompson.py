"""Many resolutions, a spatial model, and a second look: Tompson et al.

"Joint Training of a Convolutional Network and a Graphical Model for Human Pose
Estimation", NIPS 2014 (1406.2984): `PyramidNet` and `SpatialModel`. "Efficient Object
Localization Using Convolutional Networks", CVPR 2015 (1411.4280): a third resolution,
SpatialDropout, and `FineNet`, which looks again at a crop around each joint.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from poselab.codecs.coarse_to_fine import place_in_boxes
from poselab.codecs.heatmap_decode import decode_argmax
from poselab.codecs.regression import joint_boxes
from poselab.errors import require, require_shape
from poselab.geometry import crop_boxes
from poselab.models.deeppose import conv_block
from poselab.models.registry import register
from poselab.skeleton import Skeleton

# --- the part detector ---------------------------------------------------------------


def wide_block(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    """5x5 convolution, batch normalisation, ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 5, stride, padding=2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )


@register("tompson")
class PyramidNet(nn.Module):
    """Images [B, 3, H, W] -> heatmaps [B, J, H/4, W/4] from `levels` resolutions.

    Level i sees the image shrunk by 2^i through a bank of convolutions of its own (same
    shape, other weights). What the banks find is brought to the finest level's size and
    added (1406.2984, section 3.1). A level more costs a quarter of the level before and
    sees twice as far: `field` pixels at level 0. Stride 2 stands for the paper's max
    pooling and batch normalisation for its local contrast normalisation. `dropout` is
    SpatialDropout: whole channels are set to 0 (1411.4280, section 3.2). `joints` is J,
    `width` the number of channels.
    """

    stride, field = 4, 45

    def __init__(
        self, joints: int = 17, levels: int = 3, width: int = 32, dropout: float = 0.0
    ) -> None:
        super().__init__()
        require(levels >= 1, "a pyramid has a level", where="levels", value=levels)
        self.banks = nn.ModuleList(self.bank(width) for _ in range(levels))
        self.head = nn.Sequential(
            nn.Dropout2d(dropout),
            nn.Conv2d(width, 2 * width, 1),
            nn.ReLU(),
            nn.Conv2d(2 * width, joints, 1),
        )

    @staticmethod
    def bank(width: int) -> nn.Sequential:
        """Four 5x5 convolutions, two of them with stride 2."""
        return nn.Sequential(
            wide_block(3, width // 2, stride=2),  # [B, w/2, H/2, W/2]
            wide_block(width // 2, width, stride=2),  # [B, w, H/4, W/4]
            wide_block(width, width),
            wide_block(width, width),
        )

    def features(self, images: Tensor) -> list[Tensor]:
        """What each level found, at the size of the finest; one [B, C, h, w] each."""
        found = []
        for level, bank in enumerate(self.banks):
            small = F.avg_pool2d(images, 2**level) if level else images
            found.append(bank(small))
        size = found[0].shape[-2:]
        return [found[0]] + [
            F.interpolate(x, size, mode="bilinear", align_corners=False)
            for x in found[1:]
        ]

    def merge(self, features: list[Tensor]) -> Tensor:
        """Features of some or all levels -> heatmaps [B, J, h, w]."""
        return self.head(torch.stack(features).sum(0))

    def forward(self, images: Tensor) -> Tensor:  # [B, 3, H, W]
        return self.merge(self.features(images))  # [B, J, H/4, W/4]


@register("tompson_paper")
class PyramidNetPaper(PyramidNet):
    """The part detector of 1406.2984 (figure 4): [B, 3, 240, 360] -> [B, J, 60, 90].

    Two banks of 5x5 convolutions with 128 channels and 2x2 max pooling, then 9x9 with
    512, so that a cell sees 64 pixels of its level; 1x1 convolutions on the sum. Valid
    convolutions on an image with 30 pixels of zeros around it. 12,408,580 parameters
    for 4 joints. Local contrast normalisation of the image is left to the caller.
    `levels=3` is the coarse model of 1411.4280 (section 3.1). `joints` is J, `levels`
    the number of resolutions, `dropout` the share of values dropped.
    """

    stride, field = 4, 64

    def __init__(self, joints: int = 4, levels: int = 2, dropout: float = 0.0) -> None:
        super().__init__(joints, levels, 128, dropout)
        self.head = nn.Sequential(
            nn.Dropout2d(dropout),
            nn.Conv2d(512, 256, 1),
            nn.ReLU(),
            nn.Conv2d(256, joints, 1),
        )

    @staticmethod
    def bank(width: int) -> nn.Sequential:
        """Three 5x5 and a 9x9 convolution; sizes for 360x240 pixels."""
        return nn.Sequential(
            nn.ConstantPad2d(30, 0.0),  # 420 x 300
            nn.Conv2d(3, width, 5),
            nn.ReLU(),
            nn.MaxPool2d(2),  # 208 x 148
            nn.Conv2d(width, width, 5),
            nn.ReLU(),
            nn.MaxPool2d(2),  # 102 x 72
            nn.Conv2d(width, width, 5),
            nn.ReLU(),  # 98 x 68
            nn.Conv2d(width, 4 * width, 9),
            nn.ReLU(),  # 90 x 60
        )


# --- the spatial model ---------------------------------------------------------------


def all_pairs(joints: int) -> Tensor:
    """All (A, v) with A != v: where is joint A, given joint v? [J (J - 1), 2]"""
    return (1 - torch.eye(joints)).nonzero()


def limb_pairs(skeleton: Skeleton) -> Tensor:
    """Only joints that a limb connects, both ways; [2 L, 2]."""
    limbs = torch.tensor([list(limb) for limb in skeleton.limbs])
    return torch.cat([limbs, limbs.flip(1)])


@register("tompson_spatial")
class SpatialModel(nn.Module):
    """Heatmaps [B, J, h, w] -> log marginals: is a joint where the others expect it?

    p(A) = 1/Z  p_A  prod_v (p_{A|v} * p_v + b_{v -> A})    (1406.2984, equation 1)

    where * is a convolution: joint v, wherever it may be, spreads its evidence by the
    prior of the displacement from v to A. The product is a sum of logarithms; the
    softplus keeps priors and biases positive, a ReLU the heatmaps (equation 2). A large
    bias makes a joint's opinion count little, and no joint has a veto. Here p_{A|A} is
    the identity. `pairs` [E, 2] lists the (A, v) that are used (default `all_pairs`); a
    prior has a cell for each displacement, [E, 2h - 1, 2w - 1]. `joints` is J, `size`
    the (h, w) of the heatmaps in cells.
    """

    def __init__(
        self, joints: int, size: tuple[int, int], pairs: Tensor | None = None
    ) -> None:
        super().__init__()
        pairs = all_pairs(joints) if pairs is None else pairs
        require_shape("pairs", pairs, None, 2)
        self.joints, self.size = joints, (int(size[0]), int(size[1]))
        self.register_buffer("pairs", pairs.clone())
        shape = (len(pairs), 2 * self.size[0] - 1, 2 * self.size[1] - 1)
        flat = torch.full(shape, 1.0 / (shape[1] * shape[2]))
        self.raw_prior = nn.Parameter(inverse_softplus(flat))
        self.raw_bias = nn.Parameter(inverse_softplus(torch.full((len(pairs),), 1e-3)))
        self.raw_own = nn.Parameter(inverse_softplus(torch.full((joints,), 1e-3)))

    @classmethod
    def from_displacements(
        cls,
        cells: Tensor,
        visibility: Tensor,
        size: tuple[int, int],
        pairs: Tensor | None = None,
        blur: float = 1.0,
    ) -> SpatialModel:
        """Priors that are histograms of poses, as the paper starts its training.

        cells [N, J, 2], visibility [N, J]: pairs of labelled joints count; the
        histogram is smoothed by a Gaussian of `blur` cells.
        """
        require_shape("cells", cells, None, None, 2)
        require_shape("visibility", visibility, *cells.shape[:2])
        model = cls(cells.shape[1], size, pairs)
        prior = count_displacements(cells, visibility, model.pairs, model.size)
        prior = smooth(prior, blur)
        total = prior.sum((1, 2), keepdim=True)
        prior = torch.where(
            total > 0, prior / total.clamp(min=1e-12), 1.0 / prior[0].numel()
        )
        model.raw_prior.data = inverse_softplus(prior.clamp(min=1e-12))
        return model

    def messages(self, maps: Tensor) -> Tensor:
        """p_{A|v} * p_v + b for each pair: maps [B, J, h, w] -> [B, E, h, w].

        By Fourier transform in float64: a convolution with a kernel twice as large as
        the map would take (h w)^2 products per pair.
        """
        require_shape("maps", maps, None, self.joints, *self.size)
        (h, w), given = self.size, self.pairs[:, 1]
        prior, bias = F.softplus(self.raw_prior), F.softplus(self.raw_bias)
        around = (2 * h, 2 * w)  # large enough that nothing wraps into what is kept
        spectrum = torch.fft.rfft2(F.relu(maps).double(), around)[:, given]
        spectrum = spectrum * torch.fft.rfft2(prior.double(), around)
        spread = torch.fft.irfft2(spectrum, around)[..., h - 1 : -1, w - 1 : -1]
        return spread.clamp(min=0).to(maps) + bias[:, None, None]

    def forward(self, maps: Tensor, strength: float = 1.0) -> Tensor:
        """Log of the marginals, [B, J, h, w], each with the sum of exp 1.

        `strength` weighs the messages of the other joints; 0 leaves the heatmaps as
        they are.
        """
        own = F.softplus(self.raw_own)[:, None, None]
        total = (F.relu(maps) + own).log()
        messages = strength * self.messages(maps).log()
        total = total.index_add(1, self.pairs[:, 0], messages)
        return total.flatten(2).log_softmax(-1).view_as(maps)


def inverse_softplus(x: Tensor) -> Tensor:
    """y with log(1 + exp(y)) = x, for x > 0 (accurate for tiny and for large x)."""
    return x + torch.log(-torch.expm1(-x))


def count_displacements(
    cells: Tensor, visibility: Tensor, pairs: Tensor, size: tuple[int, int]
) -> Tensor:
    """How often joint A was seen at each displacement from v; [E, 2h - 1, 2w - 1].

    cells [N, J, 2] (x, y), visibility [N, J], pairs [E, 2] of (A, v).
    """
    h, w = size
    to, given = pairs.T
    moved = cells[:, to] - cells[:, given] + cells.new_tensor([w - 1, h - 1])
    moved = torch.where(torch.isfinite(moved), moved, -1.0).round().long()  # [N, E, 2]
    x, y = moved.unbind(-1)
    labelled = (visibility[:, to] > 0) & (visibility[:, given] > 0)
    counts = labelled & (x >= 0) & (x < 2 * w - 1) & (y >= 0) & (y < 2 * h - 1)
    pair = torch.arange(len(pairs), device=cells.device).expand_as(x)
    grid = cells.new_zeros(len(pairs), 2 * h - 1, 2 * w - 1)
    one = torch.ones(int(counts.sum()), dtype=cells.dtype, device=cells.device)
    return grid.index_put((pair[counts], y[counts], x[counts]), one, accumulate=True)


def smooth(maps: Tensor, sigma: float) -> Tensor:
    """Maps [N, h, w] under a Gaussian of sigma cells; 0 leaves them alone."""
    if sigma == 0:
        return maps
    reach = int(4 * sigma) + 1
    place = torch.arange(-reach, reach + 1, device=maps.device).to(maps)
    kernel = torch.exp(place.square() / (-2 * sigma**2))
    kernel = kernel / kernel.sum()
    tall = F.conv2d(maps[:, None], kernel.view(1, 1, -1, 1), padding=(reach, 0))
    return F.conv2d(tall, kernel.view(1, 1, 1, -1), padding=(0, reach))[:, 0]


# --- the second look -----------------------------------------------------------------


def dilated_block(inputs: int, outputs: int, step: int) -> nn.Sequential:
    """3x3 convolution whose taps are `step` cells apart, normalised, ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=step, dilation=step, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )


@register("tompson_fine")
class FineNet(nn.Module):
    """Crops [B, J, 3, c, c] -> fine heatmaps [B, J, c, c], one per joint's own crop.

    The convolutions are shared by all joints, the last layer has one map per joint; a
    cell sees 17 pixels, for which two of the convolutions are dilated (1411.4280,
    section 4, whose crops are of features and not of the image). `joints` is J, `width`
    the number of channels.
    """

    def __init__(self, joints: int = 17, width: int = 16) -> None:
        super().__init__()
        self.joints = joints
        self.layers = nn.Sequential(
            conv_block(3, width),
            conv_block(width, width),
            dilated_block(width, width, 2),
            dilated_block(width, 2 * width, 4),
            nn.Conv2d(2 * width, joints, 1),
        )

    def forward(self, crops: Tensor) -> Tensor:  # [B, J, 3, c, c]
        require_shape("crops", crops, None, self.joints, 3, None, None)
        every = self.layers(crops.flatten(0, 1)).unflatten(0, (-1, self.joints))
        own = torch.arange(self.joints, device=crops.device)
        return every[:, own, own]  # [B, J, c, c]


class CoarseToFine(nn.Module):
    """A coarse net, then a `FineNet` on a crop of `crop` pixels around its joints.

    Calling it gives the joints before and after the second look, [B, J, 2] px each.
    `logits`: the fine net was trained with the cross-entropy of cells. `coarse` gives
    heatmaps of whole images, `fine` those of the crops.
    """

    def __init__(
        self, coarse: nn.Module, fine: FineNet, crop: int = 24, logits: bool = False
    ) -> None:
        super().__init__()
        self.coarse, self.fine, self.crop = coarse, fine, int(crop)
        self.logits = logits

    @property
    def stages(self) -> int:
        """The coarse look, and the one at crops."""
        return 2

    def truncated(self, stages: int) -> nn.Module:
        """What has been called after so many looks: the coarse net, or all."""
        return self.coarse if stages == 1 else self

    def forward(self, images: Tensor) -> list[Tensor]:  # [B, 3, H, W]
        first, _ = decode_argmax(self.coarse(images), self.coarse.stride)
        side = first.new_full((len(first),), float(self.crop))
        boxes = joint_boxes(first, side)  # [B, J, 4]
        maps = self.fine(crop_boxes(images, boxes, (self.crop, self.crop)))
        return [first, place_in_boxes(maps, boxes, self.logits)[0]]


@register("tompson_coarse_to_fine")
def tompson_coarse_to_fine(
    joints: int = 17,
    levels: int = 3,
    width: int = 32,
    dropout: float = 0.0,
    crop: int = 24,
) -> CoarseToFine:
    """A pyramid and its second look, both with logits."""
    coarse = PyramidNet(joints, levels, width, dropout)
    return CoarseToFine(coarse, FineNet(joints), crop, logits=True)
