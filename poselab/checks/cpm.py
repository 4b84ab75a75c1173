"""The exercises of notebook 04: what a cell sees, what a stage is given, the loss of
all stages, and what it sends back to the first layer (Wei et al., 1602.00134)."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from poselab.checks.base import Case, Chapter
from poselab.checks.cases import signed
from poselab.models.receptive_fields import receptive_field as _receptive_field

chapter = Chapter("cpm", "04_convolutional_pose_machines")


# --- 1. the receptive field ----------------------------------------------------------


def _field_cases() -> list[Case]:
    paper = [(9, 1), (2, 2), (9, 1), (2, 2), (9, 1), (2, 2), (5, 1), (9, 1)]
    return [
        Case("a 5x5 convolution after one of stride 2", [(3, 2), (5, 1)]),
        Case("stage 1 of the paper", paper),
        Case("no layer at all", []),
        Case("strides 1, 3 and 2", [(7, 1), (3, 3), (1, 1), (5, 2), (4, 1)]),
    ]


def _field(layers: list) -> tuple[int, int]:
    return _receptive_field(layers)


field = chapter.exercise(
    "field",
    cases=_field_cases,
    solution=_field,
    returns=("r", "j"),
    praise="Each layer widens the window by k - 1 of the steps before it.",
)


@field.wrong(
    "You add kernel sizes as if every cell were a pixel. After a stride of 2 the cells "
    "are two pixels apart, so a kernel of k reaches (k - 1) j pixels further."
)
def strides_forgotten(layers):
    size, step = 1, 1
    for k, s in layers:
        size, step = size + k - 1, step * s
    return size, step


@field.wrong(
    "You multiply the step before you use it. A layer's kernel slides over the cells "
    "of the layer *before* it; its own stride matters from the next layer on."
)
def own_stride_first(layers):
    size, step = 1, 1
    for k, s in layers:
        step *= s
        size += (k - 1) * step
    return size, step


@field.wrong(
    "You add k j. A kernel of k cells reaches over k - 1 steps: with k = 1 the window "
    "does not grow at all."
)
def kernel_without_minus_one(layers):
    size, step = 1, 1
    for k, s in layers:
        size, step = size + k * step, step * s
    return size, step


@field.wrong(
    "You start from r = 0. Before any layer a cell is a pixel, and sees itself: r = 1."
)
def starts_from_zero(layers):
    return _receptive_field(layers, size=0)


@field.wrong(
    "You add the strides. Two layers of stride 2 make cells that are 4 pixels apart, "
    "and three make 8: strides multiply."
)
def strides_added(layers):
    size, step = 1, 1
    for k, s in layers:
        size, step = size + (k - 1) * step, step + s - 1
    return size, step


@field.wrong(
    "You multiply the window by the stride. A stride takes fewer cells of the same "
    "size; it does not widen what one of them sees."
)
def window_times_stride(layers):
    size, step = 1, 1
    for k, s in layers:
        size, step = (size + (k - 1) * step) * s, step * s
    return size, step


@field.wrong(
    "You go from the last layer to the first with the formula for the other direction. "
    "The step j grows from the *first* layer on."
)
def from_the_last(layers):
    return _field(layers[::-1])[0], _field(layers)[1]


@field.wrong(
    "You multiply the kernels. A second 3x3 adds 2 cells to the window, it does not "
    "make it three times as wide."
)
def kernels_multiplied(layers):
    return math.prod(k for k, _ in layers), _field(layers)[1]


@field.wrong(
    "You add half a kernel. A kernel reaches out on both sides: k - 1 steps together."
)
def one_side_only(layers):
    r, j = 1, 1
    for k, s in layers:
        r, j = r + k // 2 * j, j * s
    return r, j


# --- 2. what a stage is given --------------------------------------------------------


def _stage_cases() -> list[Case]:
    def arguments(seed, stages, joints, channels, k):
        return (
            signed(seed, 2, joints, 6, 5),
            signed(seed + 1, 2, channels, 6, 5),
            signed(seed + 2, stages - 1, joints, joints, k, k),
            signed(seed + 3, stages - 1, joints, channels, k, k),
        )

    return [
        Case("two stages", *arguments(10, 2, 3, 4, 3)),
        Case("four stages", *arguments(20, 4, 2, 3, 5)),
        Case("a single joint", *arguments(30, 3, 1, 2, 3)),
    ]


def _same(x: Tensor, kernel: Tensor) -> Tensor:
    return F.conv2d(x, kernel, padding=kernel.shape[-1] // 2)


def _stages(first: Tensor, features: Tensor, a: Tensor, c: Tensor) -> Tensor:
    beliefs = [first]
    for kernel, image_kernel in zip(a, c, strict=True):
        beliefs.append(_same(beliefs[-1], kernel) + _same(features, image_kernel))
    return torch.stack(beliefs)


stages = chapter.exercise(
    "stages",
    cases=_stage_cases,
    solution=_stages,
    returns=("the belief maps",),
    praise="Every stage has the last beliefs and the image.",
)


@stages.wrong(
    "Your later stages have forgotten the image: without x' they can only move beliefs "
    "about, and what stage 1 has missed is gone."
)
def features_forgotten(first, features, a, c):
    return _stages(first, features, a, torch.zeros_like(c))


@stages.wrong(
    "Your later stages have forgotten the beliefs: without b_{t-1} each of them is one "
    "more stage 1."
)
def beliefs_forgotten(first, features, a, c):
    return _stages(first, features, torch.zeros_like(a), c)


@stages.wrong(
    "You give b_1 to every stage. Stage t is given b_{t-1}, the newest maps; otherwise "
    "nothing is passed on, and the window does not grow after stage 2."
)
def always_the_first(first, features, a, c):
    later = [
        _same(first, kernel) + _same(features, image_kernel)
        for kernel, image_kernel in zip(a, c, strict=True)
    ]
    return torch.stack([first, *later])


@stages.wrong(
    "You use the weights of the first later stage for all of them. The stages of a "
    "pose machine have the same shape, but weights of their own."
)
def weights_shared(first, features, a, c):
    return _stages(first, features, a[:1].expand_as(a), c[:1].expand_as(c))


@stages.wrong(
    "You add each stage's output to the beliefs before it. That is another design "
    "(iterative error feedback, notebook 05, predicts corrections): here b_t is a new "
    "answer."
)
def added_to_the_last(first, features, a, c):
    beliefs = [first]
    for kernel, image_kernel in zip(a, c, strict=True):
        change = _same(beliefs[-1], kernel) + _same(features, image_kernel)
        beliefs.append(beliefs[-1] + change)
    return torch.stack(beliefs)


@stages.wrong(
    "You return the last stage's maps only. All are needed, first to last: each has a "
    "loss."
)
def last_stage_only(first, features, a, c):
    return _stages(first, features, a, c)[-1]


# --- 3. the loss ---------------------------------------------------------------------


def _loss_cases() -> list[Case]:
    flags = torch.tensor([[2, 1, 0], [0, 2, 2]])
    uneven = torch.tensor([[2, 1, 2], [0, 0, 2]])
    nobody = torch.zeros(1, 2, dtype=torch.long)
    target = signed(41, 2, 3, 4, 4).abs()
    return [
        Case("three stages", signed(40, 3, 2, 3, 4, 4), target, flags),
        Case("one stage", signed(42, 1, 2, 3, 4, 4), target, flags),
        Case("three labels and one", signed(45, 2, 2, 3, 4, 4), target, uneven),
        Case(
            "nothing is labelled",
            signed(43, 2, 1, 2, 3, 3),
            signed(44, 1, 2, 3, 3),
            nobody,
        ),
    ]


def _each(beliefs: Tensor, target: Tensor, visibility: Tensor) -> Tensor:
    """The masked loss of every stage: [T, B, J, h, w] -> [T]."""
    labelled = visibility > 0
    each = (beliefs - target).square().mean((-2, -1))  # [T, B, J]
    return (each * labelled).sum((1, 2)) / labelled.sum().clamp(min=1)


def _loss(beliefs: Tensor, target: Tensor, visibility: Tensor) -> Tensor:
    return _each(beliefs, target, visibility).sum()


loss = chapter.exercise(
    "loss",
    cases=_loss_cases,
    solution=_loss,
    returns=("the loss",),
    gradient=(0,),
    praise="Every stage is held against the same target.",
)


@loss.wrong(
    "Only the last stage has a loss in your answer. Then the first layers hear of the "
    "target through all later stages, and a gradient fades on the way: add the losses "
    "of all stages."
)
def only_the_last_stage(beliefs, target, visibility):
    return _each(beliefs, target, visibility)[-1]


@loss.wrong(
    "You average over the stages. The losses are added (section 3.3 of the paper): "
    "with more stages the first layers hear more, not less."
)
def mean_of_the_stages(beliefs, target, visibility):
    return _each(beliefs, target, visibility).mean()


@loss.wrong(
    "The mask is missing: joints with v = 0 are not labelled, so their map is unknown, "
    "not empty (notebook 02)."
)
def mask_forgotten(beliefs, target, visibility):
    return (beliefs - target).square().mean((1, 2, 3, 4)).sum()


@loss.wrong(
    "You average the maps of the stages first and compare the average. Each stage has "
    "to be right by itself."
)
def average_of_the_maps(beliefs, target, visibility):
    return _loss(beliefs.mean(0, keepdim=True), target, visibility)


@loss.wrong(
    "You keep visible joints (v = 2) only. A hidden joint (v = 1) is labelled, and the "
    "later stages can learn where it must be."
)
def hidden_joints_masked(beliefs, target, visibility):
    return _loss(beliefs, target, torch.where(visibility == 2, 2, 0))


@loss.wrong(
    "You take the mean of each picture first: a joint of a picture with few labels "
    "counts more. Take one mean over all labelled maps of the batch."
)
def picture_by_picture(beliefs, target, visibility):
    labelled = visibility > 0
    each = (beliefs - target).square().mean((3, 4)) * labelled  # [T, B, J]
    return (each.sum(2) / labelled.sum(1).clamp(min=1)).mean(1).sum()


# --- 4. what comes back to the first layer -------------------------------------------


def _gradient_cases() -> list[Case]:
    return [
        Case("two stages", torch.tensor([0.5, -0.8]), signed(51, 6), signed(52, 6)),
        Case("four stages", signed(53, 4), signed(54, 5), signed(55, 5)),
        Case("stage 1 alone", torch.tensor([0.7]), signed(56, 4), signed(57, 4)),
    ]


def _machine(w: Tensor, x: Tensor, detached: bool = False) -> Tensor:
    """b_1 = w_1 x, b_t = w_t b_{t-1} + x; [T, N]."""
    beliefs = [w[0] * x]
    for weight in w[1:]:
        before = beliefs[-1].detach() if detached else beliefs[-1]
        beliefs.append(weight * before + x)
    return torch.stack(beliefs)


def _derivative(
    w: Tensor,
    x: Tensor,
    target: Tensor,
    some=slice(None),
    which=0,
    detached: bool = False,
) -> Tensor:
    w = w.detach().clone().requires_grad_()
    with torch.enable_grad():
        error = (_machine(w, x, detached) - target)[some].square().sum()
        return torch.autograd.grad(error, w)[0][which]


def _gradient(w: Tensor, x: Tensor, target: Tensor) -> Tensor:
    return _derivative(w, x, target)


gradient = chapter.exercise(
    "gradient",
    cases=_gradient_cases,
    solution=_gradient,
    returns=("the gradient at w_1",),
    praise="The first weight hears of every stage's loss.",
)


@gradient.wrong(
    "You detach the beliefs between the stages, so w_1 hears of the first loss only. A "
    "pose machine is trained as one network: stage 1 also learns what helps stage 2."
)
def beliefs_detached(w, x, target):
    return _derivative(w, x, target, detached=True)


@gradient.wrong(
    "Only the last stage has a loss in your answer. What reaches w_1 is then a product "
    "of all later weights: small weights make it vanish."
)
def loss_of_the_last_stage(w, x, target):
    return _derivative(w, x, target, some=slice(-1, None))


@gradient.wrong("This is the gradient at the last weight. The first one is asked for.")
def of_the_last_weight(w, x, target):
    return _derivative(w, x, target, which=-1)


@gradient.wrong(
    "The factor 2 is missing: the derivative of u^2 is 2 u times that of u."
)
def factor_two_missing(w, x, target):
    return _derivative(w, x, target) / 2


@gradient.wrong("You average over the stages; their losses are added.")
def mean_over_the_stages(w, x, target):
    return _derivative(w, x, target) / len(w)


@gradient.wrong(
    "You return the gradients at all weights. Only the first entry is asked for."
)
def of_all_weights(w, x, target):
    return _derivative(w, x, target, which=slice(None))


@gradient.wrong(
    "You average over the places. The loss is the *sum* over stages and places."
)
def mean_over_the_places(w, x, target):
    return _gradient(w, x, target) / len(x)


@gradient.wrong(
    "On the way back from a later stage the weights in between are missing: b_3 "
    "depends on w_1 by way of w_3 w_2."
)
def weights_between_missing(w, x, target):
    total, b = 0.0, w[0] * x
    for t in range(len(w)):
        b = w[t] * b + x if t else b
        total = total + (2 * (b - target) * x).sum()
    return total


@gradient.wrong("The later stages see x again: b_t = w_t b_{t-1} + x. You left it out.")
def features_missing(w, x, target):
    total, b, slope = 0.0, w[0] * x, x
    for t in range(len(w)):
        b, slope = (w[t] * b, w[t] * slope) if t else (b, slope)
        total = total + (2 * (b - target) * slope).sum()
    return total
