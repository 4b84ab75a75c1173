"""`python -m poselab.bench official`: our networks against plain transcriptions.

A transcription writes the architecture down layer by layer, with nothing but
`nn.Module`s and a forward, as one would type it from a table in a paper. Same weights,
same input, the answers have to agree; then both are timed in turn, and the largest
number of bytes that their tensors hold at once is counted.
"""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from poselab.bench.timing import interleaved
from poselab.models import build


@dataclass(frozen=True)
class Pair:
    """Ours, a transcription with the same tensors in the same order, and the input."""

    ours: Callable[[], nn.Module]
    plain: Callable[[], nn.Module]
    size: tuple[int, int]  # (H, W) of the paper's images


# --- the transcriptions --------------------------------------------------------------


def conv_norm_relu(inputs: int, outputs: int, kernel: int) -> nn.Sequential:
    """The three layers that most tables write as one line."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class PlainCPM(nn.Module):
    """Convolutional pose machine, six stages, batch normalisation (1602.00134)."""

    def __init__(self, joints: int = 16, stages: int = 6) -> None:
        super().__init__()
        self.image1 = nn.Sequential(
            conv_norm_relu(3, 128, 9),
            nn.MaxPool2d(3, 2, 1),
            conv_norm_relu(128, 128, 9),
            nn.MaxPool2d(3, 2, 1),
            conv_norm_relu(128, 128, 9),
            nn.MaxPool2d(3, 2, 1),
            conv_norm_relu(128, 32, 5),
            conv_norm_relu(32, 512, 9),
            conv_norm_relu(512, 512, 1),
            nn.Conv2d(512, joints, 1),
        )
        self.image2 = nn.Sequential(
            conv_norm_relu(3, 128, 9),
            nn.MaxPool2d(3, 2, 1),
            conv_norm_relu(128, 128, 9),
            nn.MaxPool2d(3, 2, 1),
            conv_norm_relu(128, 128, 9),
            nn.MaxPool2d(3, 2, 1),
        )
        later = range(stages - 1)
        self.context = nn.ModuleList(
            nn.Sequential(
                conv_norm_relu(joints + 32, 128, 11),
                conv_norm_relu(128, 128, 11),
                conv_norm_relu(128, 128, 11),
            )
            for _ in later
        )
        self.narrow = nn.ModuleList(conv_norm_relu(128, 32, 5) for _ in later)
        self.out = nn.ModuleList(
            nn.Sequential(conv_norm_relu(128, 128, 1), nn.Conv2d(128, joints, 1))
            for _ in later
        )

    def forward(self, images: Tensor) -> list[Tensor]:
        beliefs, features = [self.image1(images)], self.image2(images)
        for context, narrow, out in zip(
            self.context, self.narrow, self.out, strict=True
        ):
            seen = torch.cat([beliefs[-1], narrow(features)], 1)
            beliefs.append(out(context(seen)))
        return beliefs


class PlainConv(nn.Module):
    """A convolution, then maybe normalisation and ReLU."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int = 1,
        stride: int = 1,
        norm: bool = False,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2)
        self.rest = (
            nn.Sequential(nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))
            if norm
            else nn.Identity()
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.rest(self.conv(x))


class PlainResidual(nn.Module):
    """Pre-activated 1x1, 3x3, 1x1, with a shortcut that may be spare."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        half = outputs // 2
        self.branch = nn.Sequential(
            nn.BatchNorm2d(inputs),
            nn.ReLU(inplace=True),
            nn.Conv2d(inputs, half, 1),
            nn.BatchNorm2d(half),
            nn.ReLU(inplace=True),
            nn.Conv2d(half, half, 3, 1, 1),
            nn.BatchNorm2d(half),
            nn.ReLU(inplace=True),
            nn.Conv2d(half, outputs, 1),
        )
        self.shortcut = nn.Conv2d(inputs, outputs, 1)
        self.changes = inputs != outputs

    def forward(self, x: Tensor) -> Tensor:
        return self.branch(x) + (self.shortcut(x) if self.changes else x)


class PlainHourglass(nn.Module):
    """Down by pooling, up by repeating cells, a branch at every size."""

    def __init__(self, depth: int, width: int) -> None:
        super().__init__()
        self.up1, self.low1 = PlainResidual(width, width), PlainResidual(width, width)
        inner = PlainHourglass(depth - 1, width) if depth > 1 else None
        self.low2 = inner or PlainResidual(width, width)
        self.low3 = PlainResidual(width, width)
        self.pool, self.up2 = nn.MaxPool2d(2), nn.Upsample(scale_factor=2)

    def forward(self, x: Tensor) -> Tensor:
        return self.up1(x) + self.up2(self.low3(self.low2(self.low1(self.pool(x)))))


class PlainStack(nn.Module):
    """Two stacked hourglasses as the authors released them (1603.06937)."""

    def __init__(self, joints: int = 16, stacks: int = 2, width: int = 256) -> None:
        super().__init__()
        self.pre = nn.Sequential(
            PlainConv(3, 64, 7, 2, True),
            PlainResidual(64, 128),
            nn.MaxPool2d(2),
            PlainResidual(128, 128),
            PlainResidual(128, width),
        )

        def each(make: Callable[[], nn.Module], count: int = stacks) -> nn.ModuleList:
            return nn.ModuleList(make() for _ in range(count))

        self.hgs = each(lambda: PlainHourglass(4, width))
        self.features = each(
            lambda: nn.Sequential(
                PlainResidual(width, width), PlainConv(width, width, norm=True)
            )
        )
        self.outs = each(lambda: nn.Conv2d(width, joints, 1))
        self.of_features = each(lambda: nn.Conv2d(width, width, 1), stacks - 1)
        self.of_maps = each(lambda: nn.Conv2d(joints, width, 1), stacks - 1)

    def forward(self, images: Tensor) -> list[Tensor]:
        x, outputs = self.pre(images), []
        for i, (hourglass, last, out) in enumerate(
            zip(self.hgs, self.features, self.outs, strict=True)
        ):
            features = last(hourglass(x))
            outputs.append(out(features))
            if i < len(self.of_maps):
                x = x + self.of_maps[i](outputs[i]) + self.of_features[i](features)
        return outputs


PAIRS: dict[str, Pair] = {
    "cpm": Pair(lambda: build("cpm_reference"), PlainCPM, (368, 368)),
    "hourglass": Pair(
        lambda: build("hourglass_paper", stacks=2), PlainStack, (256, 256)
    ),
}


# --- the comparison ------------------------------------------------------------------


class Peak(TorchDispatchMode):
    """The most bytes that the tensors made inside hold at once: `with Peak() as p`."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.most = 0
        self._holders: Counter[int] = Counter()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, Tensor):
                self._hold(leaf)
        return result

    def _hold(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        key, size = storage._cdata, storage.nbytes()
        self.now += size if self._holders[key] == 0 else 0
        self.most = max(self.most, self.now)
        self._holders[key] += 1
        weakref.finalize(tensor, self._drop, key, size)

    def _drop(self, key: int, size: int) -> None:
        self._holders[key] -= 1
        self.now -= size if self._holders[key] == 0 else 0


def same_weights(pair: Pair) -> tuple[nn.Module, nn.Module]:
    """Both networks in eval mode, with the weights of ours."""
    ours, plain = pair.ours().eval(), pair.plain().eval()
    values = ours.state_dict().values()
    names = plain.state_dict()
    plain.load_state_dict(dict(zip(names, values, strict=True)))
    return ours, plain


@torch.no_grad()
def compare(name: str, repeats: int, size: tuple[int, int] | None = None) -> dict:
    """Seconds and megabytes of one forward pass of both, and their ratios."""
    ours, plain = same_weights(PAIRS[name])
    generator = torch.Generator().manual_seed(0)
    image = torch.randn(1, 3, *(size or PAIRS[name].size), generator=generator)
    both = {f"{name} plain": plain, name: ours}
    answers = [tree_leaves(net(image)) for net in both.values()]
    for a, b in zip(*answers, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4 * float(a.std()))
    jobs = {key: (lambda net=net: net(image)) for key, net in both.items()}
    found = interleaved(jobs, repeats)
    bytes_held = {}
    for key, job in jobs.items():
        with Peak() as peak:
            job()
        bytes_held[key] = peak.most
    ratio = f"{name} / {name} plain"
    found[ratio] = found[name] / found[f"{name} plain"]
    found[f"memory {ratio}"] = bytes_held[name] / bytes_held[f"{name} plain"]
    return found


def official(repeats: int) -> dict[str, float]:
    """Every pair of `PAIRS` at the paper's size; both ratios should be at most 1."""
    found: dict[str, float] = {}
    for name in PAIRS:
        found |= compare(name, repeats)
    return found
