"""Exercises of notebook 15 about one person's box and volume: k and the soft-argmax
(Moon, Chang & Lee 2019, 1907.11346)."""

from __future__ import annotations

import torch
from torch import Tensor

from poselab.checks.base import Case, Chapter
from poselab.checks.cases import signed

chapter = Chapter("mppe3d", "15_3dmppe")


# --- how far off, by the box ---------------------------------------------------------


def _k_cases() -> list[Case]:
    return [
        Case(
            "two tall boxes, f 1500",
            torch.tensor([[100.0, 50, 60, 200], [300.0, 80, 45, 150]]),
            torch.tensor([[1500.0, 0, 320], [0, 1500.0, 240], [0, 0, 1]]),
            0.75,
        ),
        Case(
            "a wide box (somebody who lies), fx and fy differ",
            torch.tensor([[20.0, 200, 240, 50]]),
            torch.tensor([[900.0, 0, 160], [0, 1100.0, 120], [0, 0, 1]]),
            0.75,
        ),
        Case(
            "a square input",
            torch.tensor([[0.0, 0, 30, 90], [5.0, 5, 90, 90]]),
            torch.tensor([[700.0, 0, 64], [0, 650.0, 64], [0, 0, 1]]),
            1.0,
        ),
        Case("nobody", torch.zeros(0, 4), torch.eye(3), 1.0),
    ]


def _sides(boxes: Tensor, aspect: float, margin: float = 1.25) -> tuple[Tensor, Tensor]:
    width = margin * torch.maximum(boxes[:, 2], boxes[:, 3] * aspect)
    return width, width / aspect


def _k(boxes: Tensor, camera: Tensor, aspect: float) -> Tensor:
    width, height = _sides(boxes, aspect)
    return (camera[0, 0] * camera[1, 1] * 2000.0**2 / (width * height)).sqrt()


k = chapter.exercise(
    "k",
    cases=_k_cases,
    solution=_k,
    returns=("k in mm",),
    praise="A box and a focal length give a depth, for a person of the usual size.",
)


@k.wrong(
    "A_img is that of the *tight* box in your answer. The networks get the processed "
    "box: grown to the input's aspect ratio, then by 1.25. k is made for that one."
)
def tight_box(boxes, camera, aspect):
    area = boxes[:, 2] * boxes[:, 3]
    return (camera[0, 0] * camera[1, 1] * 2000.0**2 / area).sqrt()


@k.wrong(
    "The margin of 1.25 is missing: both sides of the box that is cut out are 1.25 "
    "times as long."
)
def no_margin(boxes, camera, aspect):
    return 1.25 * _k(boxes, camera, aspect)


@k.wrong(
    "The box is not brought to the input's aspect ratio. Its shorter side grows, so "
    "that width / height is `aspect`."
)
def no_aspect(boxes, camera, aspect):
    area = 1.25**2 * boxes[:, 2] * boxes[:, 3]
    return (camera[0, 0] * camera[1, 1] * 2000.0**2 / area).sqrt()


@k.wrong(
    "The square root is missing: an area over an area is the square of a distance."
)
def no_root(boxes, camera, aspect):
    return _k(boxes, camera, aspect).square()


@k.wrong(
    "Your answer is in metres. A_real is 2000 mm x 2000 mm, and depths here are in mm."
)
def in_metres(boxes, camera, aspect):
    return _k(boxes, camera, aspect) / 1000


@k.wrong(
    "You use fx twice. Width is seen with fx and height with fy: the product fx fy is "
    "under the root."
)
def one_focal(boxes, camera, aspect):
    width, height = _sides(boxes, aspect)
    return (camera[0, 0] ** 2 * 2000.0**2 / (width * height)).sqrt()


@k.wrong(
    "A_real is 2000 mm in your answer, a length. It is an area, 2000 mm x 2000 mm."
)
def real_length(boxes, camera, aspect):
    return _k(boxes, camera, aspect) / 2000.0**0.5


@k.wrong(
    "The fraction is turned around: the *smaller* a person's box, the *farther* off it "
    "is. A_img belongs below."
)
def upside_down(boxes, camera, aspect):
    width, height = _sides(boxes, aspect)
    return (camera[0, 0] * camera[1, 1] * width * height).sqrt() / 2000.0


@k.wrong(
    "You read the boxes as corners. They are x, y, width, height: the sides are the "
    "last two numbers."
)
def corners_read(boxes, camera, aspect):
    sides = torch.cat([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], 1)
    return _k(sides, camera, aspect)


@k.wrong(
    "You make the *longer* side shorter. The shorter one grows, so that nobody is cut "
    "off: `maximum`, not `minimum`."
)
def shrunk(boxes, camera, aspect):
    width = 1.25 * torch.minimum(boxes[:, 2], boxes[:, 3] * aspect)
    area = width * width / aspect
    return (camera[0, 0] * camera[1, 1] * 2000.0**2 / area).sqrt()


@k.wrong(
    "You use the aspect ratio the other way round. It is width over height: a height h "
    "needs a width of `h * aspect`."
)
def aspect_turned(boxes, camera, aspect):
    return _k(boxes, camera, 1 / aspect)


@k.wrong(
    "The area grows by 1.25 only once. Both sides grow by 1.25, so the area grows by "
    "1.25 squared."
)
def margin_once(boxes, camera, aspect):
    return _k(boxes, camera, aspect) * 1.25**0.5


# --- the soft-argmax of a volume -----------------------------------------------------


def _volume_cases() -> list[Case]:
    return [
        Case("two joints, 4 x 5 x 6 cells", 3 * signed(1, 1, 2, 4, 5, 6)),
        Case("a batch, high peaks", 20 * signed(2, 3, 2, 3, 4, 5)),
        Case("equal logits (the middle)", torch.zeros(1, 1, 2, 3, 4)),
        Case("logits of hundreds", 300 * signed(4, 1, 3, 4, 3, 2)),
    ]


def _share(logits: Tensor) -> Tensor:
    return logits.flatten(2).softmax(-1).unflatten(2, logits.shape[2:])


def _means(share: Tensor, order: str = "xyz") -> Tensor:
    """The mean x, y and z of shares [B, J, D, h, w]; [B, J, 3]."""
    axes = {"x": (2, 3), "y": (2, 4), "z": (3, 4)}
    means = []
    for name in order:
        along = share.sum(axes[name])
        means.append((along * torch.arange(along.shape[-1])).sum(-1))
    return torch.stack(means, -1)


def _soft(logits: Tensor) -> Tensor:
    return _means(_share(logits))


soft_argmax = chapter.exercise(
    "soft_argmax",
    cases=_volume_cases,
    solution=_soft,
    returns=("the cells",),
    gradient=(0,),
    praise="One softmax over a joint's whole volume, then three means.",
)


@soft_argmax.wrong(
    "The order is z, y, x, as the axes lie in memory. Asked for is x, y, z."
)
def axes_in_order(logits):
    return _means(_share(logits), "zyx")


@soft_argmax.wrong(
    "You take the softmax over depth only, so every pixel has a share of 1 and x and y "
    "come out as the middle. One softmax over all D h w cells of a joint."
)
def softmax_of_depth(logits):
    share = logits.softmax(2) / (logits.shape[3] * logits.shape[4])
    return _means(share)


@soft_argmax.wrong(
    "You take the softmax over the joints as well: they compete, and their shares add "
    "up to 1 together. Each joint has a volume of its own."
)
def over_joints(logits):
    share = logits.flatten(1).softmax(-1).unflatten(1, logits.shape[1:])
    return _means(share)


@soft_argmax.wrong(
    "That is the argmax: whole cells, and no gradient. The soft-argmax is the *mean* "
    "cell under the softmax."
)
def hard_argmax(logits):
    best = logits.flatten(2).argmax(-1)
    _, _, _, h, w = logits.shape
    cells = torch.stack([best % w, best // w % h, best // (h * w)], -1)
    return cells.float() + 0 * logits.flatten(2).sum(-1, keepdim=True)


@soft_argmax.wrong(
    "The softmax is missing: you weight the cells with the logits divided by their "
    "sum, which can be negative or 0."
)
def no_softmax(logits):
    return _means(logits / logits.sum((2, 3, 4), keepdim=True))


@soft_argmax.wrong(
    "exp without the softmax's safety: with logits of hundreds exp overflows, and the "
    "answer is nan. `softmax` subtracts the largest logit first."
)
def overflow(logits):
    weight = logits.exp()
    return _means(weight / weight.sum((2, 3, 4), keepdim=True))


@soft_argmax.wrong(
    "You count cells from 1. The first cell is 0, as the first pixel is."
)
def from_one(logits):
    return _soft(logits) + 1


@soft_argmax.wrong(
    "You take the softmax over a row of cells and not over the whole volume. Flatten "
    "first, then softmax: the shares of *all* cells add up to 1."
)
def softmax_of_rows(logits):
    return _means(logits.softmax(-1))


@soft_argmax.wrong(
    "exp without dividing by its sum: the shares of a joint have to add up to 1. Take "
    "`softmax`."
)
def not_divided(logits):
    return _means(logits.exp())


@soft_argmax.wrong(
    "Your coordinates are in another order than the cells. `flatten(2)` counts x "
    'fastest and z slowest: make z, y, x in this order (`indexing="ij"`), then '
    "stack them as (x, y, z)."
)
def cells_in_another_order(logits):
    sides = [torch.arange(n) for n in reversed(logits.shape[2:])]
    where = torch.stack(torch.meshgrid(*sides, indexing="ij"), -1)
    return logits.flatten(2).softmax(-1) @ where.flatten(0, 2).float()
