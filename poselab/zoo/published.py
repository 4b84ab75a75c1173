"""The training recipes of papers, at paper size, on data in COCO's format.

Simple Baseline (Xiao et al. 2018, 1804.06208) and HRNet (Sun et al. 2019, 1902.09212,
section 4.1) share most of theirs: crops of 256x192 with 1.25 margin, varied by flip,
scale, rotation (and half bodies, HRNet), Adam at 1e-3, mean squared error against maps
of sigma 2, scored with the flip test. The rate is divided by 10 after 90 and 120 of 140
epochs (Simple Baseline) or 170 and 200 of 210 (HRNet). The sizes of the variations and
of the first weights are those of their code.
"""

from __future__ import annotations

import json
import math
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from poselab import codecs
from poselab.codecs import Codec
from poselab.datasets import Coco, CocoPeople, Variation, to_results
from poselab.datasets.coco.layout import open_coco
from poselab.errors import CheckpointError, require
from poselab.metrics import coco_ap
from poselab.models import build, save_weights
from poselab.models.normalise import IMAGENET, Normalised
from poselab.pipelines import SinglePerson
from poselab.skeleton import Skeleton
from poselab.system import distributed
from poselab.train import History, fit
from poselab.zoo import checkpoint


@dataclass(frozen=True)
class Published:
    """A recipe; `batch_size` is that of all GPUs together, as in the paper's code."""

    paper: str
    model: str
    arguments: dict[str, Any]
    variation: Variation = field(default_factory=Variation)
    size: tuple[int, int] = (256, 192)
    margin: float = 1.25
    sigma: float = 2.0
    epochs: int = 210
    schedule: str = "two_drops"
    batch_size: int = 128
    lr: float = 1e-3
    small: tuple[str, ...] = ("",)  # layers whose names begin so start near 0

    @property
    def maps(self) -> dict[str, Any]:
        """Bumps on the nearest cell and the quarter-cell decoder, as published."""
        return {
            "name": "heatmap",
            "size": self.size,
            "sigma": self.sigma,
            "quantise": True,
            "decoder": "quarter",
        }

    def codec(self, skeleton: Skeleton) -> Codec:
        """The codec of `maps`, for people with this skeleton."""
        return codecs.build(**self.maps, skeleton=skeleton)

    def plan(
        self, people: int, epochs: float | None = None, batch_size: int | None = None
    ) -> tuple[int, int]:
        """Steps and batch size for so many people; the recipe's unless given."""
        epochs = self.epochs if epochs is None else epochs
        wanted = self.batch_size if batch_size is None else batch_size
        require(0 < epochs < math.inf, "must be above 0", where="epochs", value=epochs)
        require(wanted > 0, "must be at least 1", where="batch_size", value=wanted)
        batch = distributed.shared_batch(wanted, people)
        return max(1, round(epochs * people / batch)), batch


SMALL = 1e-3
_HRNET = "Deep High-Resolution Representation Learning (1902.09212)"
_SIMPLE = "Simple Baselines for Human Pose Estimation and Tracking (1804.06208)"


def _hrnet(width: int) -> Published:
    return Published(_HRNET, "hrnet", {"width": width})


def _simple(depth: int) -> Published:
    return Published(
        _SIMPLE,
        "simple_baseline",
        {"depth": depth},
        Variation(zoom=0.3, degrees=40.0, half_chance=0.0),
        epochs=140,
        schedule="early_drops",
        small=("deconv_layers", "final_layer"),
    )


PUBLISHED = {
    "simple_baseline_r50": _simple(50),
    "simple_baseline_r101": _simple(101),
    "simple_baseline_r152": _simple(152),
    "hrnet_w32": _hrnet(32),
    "hrnet_w48": _hrnet(48),
}


# --- training ------------------------------------------------------------------------


def start_from(net: nn.Module, path: Path) -> int:
    """Put the tensors of a file into the parts of `net` of the same name and shape.

    For a backbone that has learned on ImageNet: what the file does not have stays as it
    is. Returns how many tensors; raises `CheckpointError` if none fits.
    """
    state = net.state_dict()
    backbone = {_plain(key): key for key in state}
    content = checkpoint.unwrap(checkpoint.read(path), backbone, _plain, path)
    fits = {
        backbone[key]: value
        for key, value in content.items()
        if key in backbone
        and isinstance(value, Tensor)
        and value.shape == state[backbone[key]].shape
    }
    if not fits:
        raise CheckpointError(
            "no tensor of it is of this network",
            where=path,
            value=", ".join(list(content)[:4]),
        )
    net.load_state_dict({**state, **fits})
    return len(fits)


def _plain(key: str) -> str:
    return key.removeprefix("backbone.")


def start_small(net: nn.Module, names: tuple[str, ...], seed: int) -> None:
    """Convolutions whose names begin with one of `names` from N(0, 0.001^2), biases 0.

    The first maps are then near 0, where almost all of every target is.
    """
    generator = torch.Generator().manual_seed(seed)
    for name, layer in net.named_modules():
        convolution = isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d))
        if convolution and name.startswith(names):
            layer.weight.data.normal_(0, SMALL, generator=generator)
            if layer.bias is not None:
                layer.bias.data.zero_()


def train(
    name: str,
    data: CocoPeople,
    steps: int,
    batch_size: int,
    seed: int = 0,
    device: str = "cpu",
    start: Path | None = None,
    **options: Any,
) -> tuple[nn.Module, History]:
    """Train the network of recipe `name`; `options` go to `poselab.train.fit`."""
    recipe = PUBLISHED[name]
    net = build(recipe.model, seed, **recipe.arguments, joints=len(data.skeleton))
    start_small(net, recipe.small, seed)
    if start is not None:
        start_from(net, start)
    whole = Normalised(net, IMAGENET).to(device)
    history = fit(
        whole,
        recipe.codec(data.skeleton),
        data,
        steps,
        batch_size,
        recipe.lr,
        schedule=recipe.schedule,
        weight_decay=0.0,
        seed=seed,
        **options,
    )
    return net.eval(), history


# --- scores --------------------------------------------------------------------------


@torch.no_grad()
def results(
    net: nn.Module, recipe: Published, coco: Coco, device: str = "cpu"
) -> list[dict]:
    """The network's answer to every person of `coco`, given the true boxes, as COCO's
    records; a team of processes shares the images, and each gets all records."""
    team, codec = distributed.team(), recipe.codec(coco.skeleton)
    single = SinglePerson(net.eval(), codec, flip=True, normalise=IMAGENET)
    found, own = [], range(team.rank, len(coco), team.size)
    for crops in coco.crops(recipe.size, recipe.margin, which=own):
        images = crops.sample.image.to(device)
        poses = single.read(images, crops.matrix.to(device)).to("cpu")
        found += to_results(poses, crops.image_id, coco.annotations.category_id)
    return [record for part in distributed.gather(found) for record in part]


# --- the whole -----------------------------------------------------------------------


def make(
    name: str,
    folder: Path,
    data: str,
    val: str | None = None,
    seed: int = 0,
    device: str = "cpu",
    epochs: float | None = None,
    batch_size: int | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Train recipe `name` on `data`, score it on `val`, write weights and a report.

    `epochs` and `batch_size` replace the recipe's. Returns the report, which the leader
    of a team writes as `name`.json next to `name`.safetensors: `zoo.load(name, folder)`
    reads both. The network wants images through `IMAGENET`.
    """
    recipe, began = PUBLISHED[name], time.perf_counter()
    folder.mkdir(parents=True, exist_ok=True)  # found out now, not after the training
    held_out = None if val is None else open_coco(val, "val2017")
    people = CocoPeople(
        open_coco(data, "train2017"), recipe.size, recipe.margin, recipe.variation
    )
    steps, batch = recipe.plan(len(people), epochs, batch_size)
    net, history = train(name, people, steps, batch, seed, device, **options)
    report = {
        **_card(recipe, people),
        "data": data,
        "seed": seed,
        "steps": steps,
        "batch_size": batch,
        "processes": distributed.team().size,
        "seconds": history.seconds,
        "images_per_second": steps * batch / max(history.seconds, 1e-9),
        "loss": history.loss,
    }
    if device.startswith("cuda"):
        report["gigabytes"] = torch.cuda.max_memory_allocated(device) / 1e9
    if held_out is not None:
        found = results(net, recipe, held_out, device)
        report["val"], report["scores"] = val, coco_ap(held_out.dataset, found)
    report["whole_seconds"] = time.perf_counter() - began
    if distributed.team().leads:
        save_weights(net, folder / f"{name}.safetensors", half=False)
        text = json.dumps(report, indent=1) + "\n"
        (folder / f"{name}.json").write_text(text, encoding="utf-8")
    return report


def _card(recipe: Published, people: CocoPeople) -> dict[str, Any]:
    """What `zoo.load` and `zoo.codec` need, and what was learned from."""
    return {
        "paper": recipe.paper,
        "model": recipe.model,
        "arguments": {**recipe.arguments, "joints": len(people.skeleton)},
        "recipe": {**asdict(recipe), "codec": recipe.maps},
        "people": len(people),
    }
