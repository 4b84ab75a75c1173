"""Exercises of notebook 16 about joints and people: PCK, PCKh, OKS.

Those about a whole set (AP, a results file) are in `poselab.checks.metrics_sets`, those
about 3D and video in `poselab.checks.metrics_space_time`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from poselab.checks.base import Case, Chapter
from poselab.metrics import oks as _package_oks
from poselab.metrics import pck as _package_pck
from poselab.skeleton import COCO_17, MPII_16

chapter = Chapter("metrics", "16_metrics")


def people(
    seed: int, n: int, joints: int, error: float, far: float = 0.1
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Predictions and truth [n, J, 2] px, flags [n, J] and boxes [n, 4] of drawn dots.

    `error` px is the typical distance, a share `far` of the joints is quite wrong, and
    where nothing is labelled the truth is (0, 0), as COCO writes it.
    """
    draws = torch.Generator().manual_seed(seed)
    low = torch.rand(n, 1, 2, generator=draws) * 40 + 10
    size = torch.rand(n, 1, 2, generator=draws) * 60 + 30
    truth = low + size * torch.rand(n, joints, 2, generator=draws)
    step = error * torch.randn(n, joints, 2, generator=draws)
    wild = torch.rand(n, joints, 1, generator=draws) < far
    pred = truth + torch.where(wild, 8 * step, step)
    flags = torch.randint(0, 3, (n, joints), generator=draws)
    flags[:, 0] = 2  # nobody is without any label
    boxes = torch.cat([low, size], -1)[:, 0]
    return pred, truth * (flags > 0)[..., None], flags, boxes


# --- 1. PCK --------------------------------------------------------------------------


def _pck_cases() -> list[Case]:
    pred, truth, _, boxes = people(1, 1, 17, 4.0)
    return [
        Case(
            "five people, some joints hidden or not labelled",
            *people(2, 5, 17, 5.0),
            0.1,
        ),
        Case("a coarse threshold", *people(3, 4, 17, 9.0), 0.2),
        Case(
            "one person, every joint labelled",
            pred,
            truth,
            torch.full((1, 17), 2),
            boxes,
            0.1,
        ),
    ]


def _pck(
    pred: Tensor, truth: Tensor, visibility: Tensor, boxes: Tensor, alpha: float
) -> Tensor:
    return _package_pck(pred, truth, visibility, "box", [alpha], boxes=boxes)[0]


pck = chapter.exercise(
    "pck",
    cases=_pck_cases,
    solution=_pck,
    returns=("the fraction",),
    praise="Labelled joints only, one common fraction, each in the size of its person.",
)


def _hits(pred, truth, length, alpha) -> Tensor:
    """Which joints are near enough for a length [P]; [P, J]."""
    return (pred - truth).norm(dim=-1) <= alpha * length[:, None]


def _longer(boxes: Tensor) -> Tensor:
    return boxes[:, 2:].amax(1)


def _share(hits: Tensor, counted: Tensor) -> Tensor:
    return (hits & counted).sum() / counted.sum()


@pck.wrong(
    "You take the mean over unlabelled joints too, so each of them counts as a "
    "mistake: what stands in their place, (0, 0), is a habit and no knowledge. Leave "
    "v = 0 out of the hits *and* of the number that you divide by."
)
def mean_over_unlabelled(pred, truth, visibility, boxes, alpha):
    hits = _hits(pred, truth, _longer(boxes), alpha) & (visibility > 0)
    return hits.sum() / hits.numel()


@pck.wrong(
    "You judge visible joints (v = 2) only. Hidden ones (v = 1) are labelled, and a "
    "method is expected to find them."
)
def visible_only(pred, truth, visibility, boxes, alpha):
    return _share(_hits(pred, truth, _longer(boxes), alpha), visibility == 2)


@pck.wrong(
    "You average the people's fractions. PCK is one fraction of all joints: a person "
    "with two labelled joints must not weigh as much as one with seventeen."
)
def mean_of_people(pred, truth, visibility, boxes, alpha):
    counted = visibility > 0
    hits = _hits(pred, truth, _longer(boxes), alpha) & counted
    return (hits.sum(1) / counted.sum(1)).mean()


@pck.wrong(
    "You measure in the width of the box. The length is its longer side, max(h, w): "
    "the width of a standing person says little about the size."
)
def width_of_the_box(pred, truth, visibility, boxes, alpha):
    return _share(_hits(pred, truth, boxes[:, 2], alpha), visibility > 0)


@pck.wrong(
    "You measure in the diagonal of the box, which is longer than its longer side and "
    "so more generous: such numbers cannot be compared with published PCK."
)
def diagonal_of_the_box(pred, truth, visibility, boxes, alpha):
    return _share(_hits(pred, truth, boxes[:, 2:].norm(dim=1), alpha), visibility > 0)


@pck.wrong(
    "Your tolerance is the same for all people, the largest of them or the mean. Each "
    "person is measured in the length of the own box: a small one has less room."
)
def one_length_for_all(pred, truth, visibility, boxes, alpha):
    length = _longer(boxes).mean().expand(len(boxes))
    return _share(_hits(pred, truth, length, alpha), visibility > 0)


@pck.wrong(
    "You test x and y by themselves, which is a square of side 2 alpha L. The joint "
    "has to lie in a disc: the Euclidean distance (`norm(dim=-1)`)."
)
def a_square_for_the_disc(pred, truth, visibility, boxes, alpha):
    hits = (pred - truth).abs().amax(-1) <= alpha * _longer(boxes)[:, None]
    return _share(hits, visibility > 0)


# --- 2. PCKh -------------------------------------------------------------------------

_LEFT_OUT = [MPII_16.index("pelvis"), MPII_16.index("thorax")]


def _pckh_cases() -> list[Case]:
    def case(name: str, seed: int, n: int, error: float) -> Case:
        pred, truth, flags, boxes = people(seed, n, 16, error)
        draws = torch.Generator().manual_seed(seed + 100)
        side = boxes[:, 2:].amin(1, keepdim=True)
        size = side * (0.15 + 0.2 * torch.rand(n, 2, generator=draws))
        heads = torch.cat([boxes[:, :2], size], 1)
        return Case(name, pred, truth, flags, boxes, heads)

    # Many first: the fractions of one person's joints agree too easily by chance.
    return [
        case("six people", 12, 6, 3.0),
        case("many people", 13, 30, 2.5),
        case("one person", 11, 1, 2.0),
    ]


def _judged(visibility: Tensor) -> Tensor:
    """MPII's joints that count: labelled, and neither pelvis nor thorax."""
    counted = visibility > 0
    counted[:, _LEFT_OUT] = False
    return counted


def _pckh(
    pred: Tensor, truth: Tensor, visibility: Tensor, boxes: Tensor, heads: Tensor
) -> Tensor:
    length = 0.6 * heads[:, 2:].norm(dim=1)
    return _share(_hits(pred, truth, length, 0.5), _judged(visibility))


pckh = chapter.exercise(
    "pckh",
    cases=_pckh_cases,
    solution=_pckh,
    returns=("the fraction",),
    praise="Half of 0.6 of the head box's diagonal, as MPII's evaluation has it.",
)


@pckh.wrong(
    "You measure in the box of the whole person. PCKh is relative to the head: half a "
    "head is about a palm, half a body is anywhere. That is why the h is there."
)
def whole_persons_box(pred, truth, visibility, boxes, heads):
    return _share(_hits(pred, truth, _longer(boxes), 0.5), _judged(visibility))


@pckh.wrong(
    "You measure in the whole head box. MPII takes its diagonal times 0.6 (SC_BIAS in "
    "its code), which is about the length from the neck to the top of the head."
)
def whole_head_box(pred, truth, visibility, boxes, heads):
    length = heads[:, 2:].norm(dim=1)
    return _share(_hits(pred, truth, length, 0.5), _judged(visibility))


@pckh.wrong(
    "0.6 is multiplied with the longer side of the head box. MPII takes the diagonal: "
    "heads lie, bend and tilt, and the diagonal changes least."
)
def side_for_diagonal(pred, truth, visibility, boxes, heads):
    length = 0.6 * _longer(heads)
    return _share(_hits(pred, truth, length, 0.5), _judged(visibility))


@pckh.wrong(
    "The 0.5 is missing: correct is what lies within *half* a head length (PCKh@0.5)."
)
def whole_head_length(pred, truth, visibility, boxes, heads):
    length = 0.6 * heads[:, 2:].norm(dim=1)
    return _share(_hits(pred, truth, length, 1.0), _judged(visibility))


@pckh.wrong(
    "You count the pelvis and the thorax. MPII's evaluation leaves them out of the "
    "mean: they are easy, and nobody can say where exactly they are."
)
def pelvis_and_thorax_counted(pred, truth, visibility, boxes, heads):
    length = 0.6 * heads[:, 2:].norm(dim=1)
    return _share(_hits(pred, truth, length, 0.5), visibility > 0)


@pckh.wrong(
    "Joints that are not labelled (v = 0) count as mistakes or as hits. They are "
    "nobody's business: leave them out of both numbers."
)
def unlabelled_joints_in(pred, truth, visibility, boxes, heads):
    return _pckh(pred, truth, torch.ones_like(visibility), boxes, heads)


# --- 3. OKS --------------------------------------------------------------------------

SIGMAS = torch.tensor(COCO_17.sigmas)


def _oks_cases() -> list[Case]:
    def case(name: str, seed: int, error: float, area: float, all_=False) -> Case:
        pred, truth, flags, _ = people(seed, 1, 17, error)
        flags = torch.full_like(flags, 2) if all_ else flags
        return Case(name, pred[0], truth[0], flags[0], torch.tensor(area), SIGMAS)

    return [
        case("every joint labelled", 21, 3.0, 900.0, all_=True),
        case("some joints hidden or not labelled", 22, 2.0, 1600.0),
        case("a large person", 23, 9.0, 12000.0),
    ]


def _oks(
    pred: Tensor, truth: Tensor, visibility: Tensor, area: Tensor, sigmas: Tensor
) -> Tensor:
    flags = visibility[None]
    return _package_oks(pred[None], truth[None], flags, area[None])[0, 0]


oks = chapter.exercise(
    "oks",
    cases=_oks_cases,
    solution=_oks,
    returns=("OKS",),
    praise="The mean over the labelled joints, s^2 the area, k twice COCO's sigma.",
)


def _each(pred, truth, area, k) -> Tensor:
    """exp(-d^2 / (2 s^2 k^2)) of each joint for s^2 = `area`; [J]."""
    return torch.exp(-(pred - truth).square().sum(-1) / (2 * area * k**2))


def _labelled_mean(each: Tensor, visibility: Tensor) -> Tensor:
    return each[visibility > 0].mean()


@oks.wrong(
    "You square the area. s is the *scale*, the side of a square as large as the "
    "person: s^2 is the area itself."
)
def area_for_scale(pred, truth, visibility, area, sigmas):
    return _labelled_mean(_each(pred, truth, area**2, 2 * sigmas), visibility)


@oks.wrong(
    "You take the root of the area once too often: in exp(-d^2 / (2 s^2 k^2)) the s^2 "
    "is the area. With s = sqrt(area) only, the unit of the exponent is px, not 1."
)
def scale_for_area(pred, truth, visibility, area, sigmas):
    return _labelled_mean(_each(pred, truth, area.sqrt(), 2 * sigmas), visibility)


@oks.wrong(
    "You take COCO's sigma for k. k = 2 sigma: COCO's list holds the standard "
    "deviations of the annotators, and the rings are twice as wide."
)
def sigma_for_k(pred, truth, visibility, area, sigmas):
    return _labelled_mean(_each(pred, truth, area, sigmas), visibility)


@oks.wrong(
    "The 2 in front of s^2 is missing. There are two twos, one from the Gaussian "
    "(2 s^2) and one in k = 2 sigma: exp(-d^2 / (2 s^2 (2 sigma)^2))."
)
def one_two_forgotten(pred, truth, visibility, area, sigmas):
    return _labelled_mean(_each(pred, truth, area / 2, 2 * sigmas), visibility)


@oks.wrong(
    "You take the mean over unlabelled joints too, as zeros. Sum over v > 0 and divide "
    "by the number of joints with v > 0."
)
def mean_over_all_joints(pred, truth, visibility, area, sigmas):
    return (_each(pred, truth, area, 2 * sigmas) * (visibility > 0)).mean()


@oks.wrong(
    "Unlabelled joints are compared with (0, 0). Their place is unknown: only joints "
    "with v > 0 are in the mean."
)
def unlabelled_compared(pred, truth, visibility, area, sigmas):
    return _each(pred, truth, area, 2 * sigmas).mean()


@oks.wrong(
    "You leave out hidden joints (v = 1). v only has to be > 0: OKS does not ask "
    "whether a joint is seen."
)
def seen_joints_only(pred, truth, visibility, area, sigmas):
    return _each(pred, truth, area, 2 * sigmas)[visibility == 2].mean()


@oks.wrong(
    "You put the mean squared distance into one exponential. OKS is the mean of one "
    "exponential per joint: a single far joint costs its own share and no more."
)
def one_exponential(pred, truth, visibility, area, sigmas):
    square = (pred - truth).square().sum(-1) / (2 * area * (2 * sigmas) ** 2)
    return torch.exp(-square[visibility > 0].mean())


@oks.wrong(
    "The distance is not squared: exp(-d / ...) has a spike at 0 and a long tail. The "
    "ring is a Gaussian, with d^2."
)
def plain_distance(pred, truth, visibility, area, sigmas):
    far = (pred - truth).norm(dim=-1) / (2 * area * (2 * sigmas) ** 2)
    return _labelled_mean(torch.exp(-far), visibility)
