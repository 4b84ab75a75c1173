"""Networks of paper size with the weights that their authors, or the field, released.

`official("deeppose_r50_coco")` fetches the weights once; `OFFICIAL` says where they
come from and under which licence. None of them is part of this package.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from poselab.errors import ArgumentError, require
from poselab.models import build
from poselab.system.disk import cache_dir
from poselab.system.download import download
from poselab.zoo import checkpoint

IMAGENET = "RGB, minus mean (0.485, 0.456, 0.406), by std (0.229, 0.224, 0.225)"
MMPOSE = "https://download.openmmlab.com/mmpose/top_down"


@dataclass(frozen=True)
class Official:
    """One released network.

    `builder` and `arguments` build it (`poselab.models.build`); `input` says how its
    images are normalised; `sha256` may be the first digits, where only they are
    published; `supply` where a learner finds the file that has no address of its own.
    `rename` and `ignored` are those of `checkpoint.load_into`.
    """

    paper: str
    arxiv: str
    builder: str
    arguments: dict[str, Any]
    parameters: int
    licence: str
    input: str
    url: str | None = None
    sha256: str | None = None
    supply: str = ""
    rename: checkpoint.Rename | None = field(default=None, repr=False)
    ignored: tuple[str, ...] = ()

    @property
    def source(self) -> str:
        """The address of the weights, or how to come by them."""
        return self.url or f"supply the file: {self.supply}"


def mmpose_head(key: str) -> str:
    """MMPose 0.x says `keypoint_head` where 1.x says `head`; files are of both."""
    return key.replace("keypoint_head.", "head.", 1)


def _deeppose(joints: int, parameters: int, file: str) -> Official:
    return Official(
        paper="DeepPose: Human Pose Estimation via Deep Neural Networks",
        arxiv="1312.4659",
        builder="deeppose_resnet",
        arguments={"depth": 50, "joints": joints},
        parameters=parameters,
        licence="Apache-2.0 (MMPose)",
        input=IMAGENET,
        url=f"{MMPOSE}/deeppose/{file}",
        sha256=file.split("-")[1][:8],
        rename=mmpose_head,
    )


def _hourglass(stacks: int, parameters: int) -> Official:
    """As trained by the authors; they publish no digest of the files."""
    return Official(
        paper="Stacked Hourglass Networks for Human Pose Estimation",
        arxiv="1603.06937",
        builder="hourglass_paper",
        arguments={"stacks": stacks},
        parameters=parameters,
        licence="BSD-3-Clause",
        input="RGB in [0, 1]",
        url="http://www-personal.umich.edu/~cnris/"
        f"original_{stacks}hg/checkpoint.pth.tar",
    )


def authors_names(key: str) -> str:
    """MMPose's names of a network in two parts -> those of the authors' one network."""
    parts = ("backbone.", "keypoint_head.", "head.")
    return next((key.removeprefix(p) for p in parts if key.startswith(p)), key)


def _top_down(builder: str, parameters: int, file: str, **arguments: Any) -> Official:
    """Simple Baseline or HRNet, which MMPose trained again for 256x192 pixels."""
    paper, arxiv = {
        "simple_baseline": (
            "Simple Baselines for Human Pose Estimation and Tracking",
            "1804.06208",
        ),
        "hrnet": (
            "Deep High-Resolution Representation Learning for Human Pose Estimation",
            "1902.09212",
        ),
    }[builder]
    return Official(
        paper=paper,
        arxiv=arxiv,
        builder=builder,
        arguments={"joints": 17, **arguments},
        parameters=parameters,
        licence="Apache-2.0 (MMPose)",
        input=IMAGENET,
        url=f"{MMPOSE}/{file}",
        sha256=file.split("-")[1][:8],
        rename=authors_names,
    )


def _cpn(depth: int, parameters: int) -> Official:
    return Official(
        paper="Cascaded Pyramid Network for Multi-Person Pose Estimation",
        arxiv="1711.07319",
        builder="cpn",
        arguments={"depth": depth, "joints": 17},
        parameters=parameters,
        licence="GPL-3.0 (pytorch-cpn)",
        input="RGB, minus mean (122.7717, 115.9465, 102.9801) / 255",
        supply="weights of github.com/GengDavid/pytorch-cpn",
    )


def torchvision_names(key: str) -> str | None:
    """Names in torchvision's older files -> those of its present detectors.

    Single layers became one-layer blocks: `rpn.head.conv` is now `rpn.head.conv.0.0`.
    """
    if key.endswith("num_batches_tracked"):  # frozen normalisation counts nothing
        return None
    key = re.sub(r"mask_fcn(\d)", lambda m: f"{int(m[1]) - 1}.0", key)
    key = re.sub(r"(rpn\.head\.conv)\.(weight|bias)$", r"\1.0.0.\2", key)
    return re.sub(r"(fpn\.\w+_blocks\.\d)\.(weight|bias)$", r"\1.0.\2", key)


def _torchvision(kind: str, parameters: int, digits: str) -> Official:
    """A detector with a ResNet-50 and a pyramid, trained on COCO."""
    faster = ("Faster R-CNN", "1506.01497")
    paper, arxiv = faster if kind == "fasterrcnn" else ("Mask R-CNN", "1703.06870")
    return Official(
        paper=paper,
        arxiv=arxiv,
        builder=f"{kind}_fpn",
        arguments={"depth": 50},
        parameters=parameters,
        licence="BSD-3-Clause (torchvision)",
        input="RGB in [0, 1]; `detect` resizes and normalises",
        url=f"https://download.pytorch.org/models/{kind}_resnet50_fpn_coco-{digits}.pth",
        sha256=digits,
        rename=torchvision_names,
    )


def _cpm(joints: int, parameters: int, file: str) -> Official:
    return Official(
        paper="Convolutional Pose Machines",
        arxiv="1602.00134",
        builder="cpm_reference",
        arguments={"joints": joints, "stages": 6},
        parameters=parameters,
        licence="Apache-2.0 (MMPose)",
        input=IMAGENET,
        url=f"{MMPOSE}/cpm/{file}",
        sha256=file.split("-")[1][:8],
    )


OFFICIAL: dict[str, Official] = {
    "cpn_r50_coco": _cpn(50, 27_406_826),
    "cpn_r101_coco": _cpn(101, 46_398_954),
    "cpm_coco": _cpm(17, 31_304_166, "cpm_coco_256x192-aa4ba095_20200817.pth"),
    "cpm_mpii": _cpm(16, 31_225_568, "cpm_mpii_368x368-116e62b8_20200822.pth"),
    "deeppose_r50_coco": _deeppose(
        17, 23_577_698, "deeppose_res50_coco_256x192-f6de6c0e_20210205.pth"
    ),
    "deeppose_r50_mpii": _deeppose(
        16, 23_573_600, "deeppose_res50_mpii_256x256-c63cd0b6_20210203.pth"
    ),
    "hourglass_2_mpii": _hourglass(2, 8_429_088),
    "hourglass_8_mpii": _hourglass(8, 32_819_328),
    "hrnet_w32_coco": _top_down(
        "hrnet",
        28_536_113,
        "hrnet/hrnet_w32_coco_256x192-c78dce93_20200708.pth",
        width=32,
    ),
    "hrnet_w48_coco": _top_down(
        "hrnet",
        63_595_745,
        "hrnet/hrnet_w48_coco_256x192-b9e0b3ab_20200708.pth",
        width=48,
    ),
    "simple_baseline_r50_coco": _top_down(
        "simple_baseline",
        33_999_697,
        "resnet/res50_coco_256x192-ec54d7f3_20200709.pth",
        depth=50,
    ),
    "simple_baseline_r101_coco": _top_down(
        "simple_baseline",
        52_991_825,
        "resnet/res101_coco_256x192-6e6babf0_20200708.pth",
        depth=101,
    ),
    "simple_baseline_r152_coco": _top_down(
        "simple_baseline",
        68_635_473,
        "resnet/res152_coco_256x192-f6e307c2_20200709.pth",
        depth=152,
    ),
    "fasterrcnn_r50_fpn": _torchvision("fasterrcnn", 41_755_286, "258fb6c6"),
    "keypointrcnn_r50_fpn": _torchvision("keypointrcnn", 59_137_258, "fc266e95"),
    "maskrcnn_r50_fpn": _torchvision("maskrcnn", 44_401_393, "bf2d0c1e"),
}


class Table(dict):
    """Names and their `Official`; prints as a table."""

    def __repr__(self) -> str:
        lines = [f"{'name':24s} {'parameters':>12s}  {'licence':24s} paper, weights"]
        for name, entry in self.items():
            lines += [
                f"{name:24s} {entry.parameters:12,d}  {entry.licence:24s} "
                f"{entry.paper} ({entry.arxiv})",
                f"{'':64s}{entry.source}",
            ]
        return "\n".join(lines)


def entry(name: str) -> Official:
    """The record of `name`; an `ArgumentError` that lists the names if unknown."""
    if name not in OFFICIAL:
        raise ArgumentError(
            "no released network of this name",
            where="name",
            value=name,
            fix=f"Known: {', '.join(sorted(OFFICIAL))}.",
        )
    return OFFICIAL[name]


def official(
    name: str,
    state_dict: Mapping[str, Tensor] | None = None,
    path: str | Path | None = None,
    progress: bool = True,
    **arguments: Any,
) -> nn.Module:
    """The paper-size network `name` with released weights, in eval mode on the CPU.

    The weights are those of `state_dict` (with the reference's own names, wrappers
    allowed), or of the file `path` (.safetensors or of `torch.save`), or else are
    fetched into the user's cache, once, and checked. `arguments` change how the network
    is built, for weights of another depth, width or number of joints.

    Raises `ArgumentError`, `CheckpointError` (a `StateDictError` lists the names that
    do not fit) or `DownloadError`.
    """
    chosen = entry(name)
    require(
        state_dict is None or path is None,
        "give state_dict or path, not both",
        where="official",
        field="path",
        value=str(path),
    )
    if state_dict is None:
        path = fetch(name, progress) if path is None else path
    content = checkpoint.read(path) if state_dict is None else state_dict
    net = build(chosen.builder, **{**chosen.arguments, **arguments})
    where = path or "state_dict"
    return checkpoint.load_into(net, content, where, chosen.rename, chosen.ignored)


def fetch(name: str, progress: bool = True) -> Path:
    """The file of `name` in the user's cache, downloaded unless it is there."""
    chosen = entry(name)
    if chosen.url is None:
        raise ArgumentError(
            "these weights cannot be fetched for you",
            where="official",
            value=name,
            fix=f"Get the file ({chosen.supply}) and give it as path=.",
        )
    target = cache_dir() / "official" / f"{name}-{chosen.url.rsplit('/', 1)[-1]}"
    return download(chosen.url, target, chosen.sha256, progress=progress)
