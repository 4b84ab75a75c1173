"""Images as weights from ImageNet expect them; the only place of its numbers."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

Numbers = tuple[float, float, float]

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's RGB in [0, 1]


@dataclass(frozen=True)
class Normalise:
    """Images [..., 3, H, W] in [0, 1] -> (image - mean) / std, channel by channel.

    Without arguments it leaves the images as they are; `IMAGENET` is the one that
    released weights of most backbones want.
    """

    mean: Numbers = (0.0, 0.0, 0.0)
    std: Numbers = (1.0, 1.0, 1.0)

    def __call__(self, images: Tensor) -> Tensor:
        if self == PLAIN:
            return images
        mean, std = (images.new_tensor(v)[:, None, None] for v in (self.mean, self.std))
        return (images - mean) / std


PLAIN = Normalise()
IMAGENET = Normalise(MEAN, STD)


class Normalised(nn.Module):
    """`net` behind `normalise`: for images in [0, 1], as data sets give them.

    The first input [B, 3, H, W] is the image; other inputs pass as they are.
    """

    def __init__(self, net: nn.Module, normalise: Normalise) -> None:
        super().__init__()
        # Not `normalise`: that is what a network wants to be done by others.
        self.net, self.before = net, normalise

    def forward(self, images: Tensor, *others: Tensor):
        return self.net(self.before(images), *others)
