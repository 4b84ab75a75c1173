"""Models by name, with seeded initial weights; weights to and from files."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from poselab.errors import ArgumentError, CheckpointError
from poselab.models import (
    cpm,
    cpn,
    deeppose,
    heatmaps,
    hourglass,
    hourglass_flat,
    hrnet,
    ief,
    rcnn,
    simple_baseline,
    tompson,
)
from poselab.system.disk import replace_file


def deeppose_cascade(
    joints: int = 17,
    size: tuple[int, int] = (128, 96),
    stages: int = 2,
    sigma: float = 1.0,
    crop: int = 24,
) -> deeppose.Cascade:
    """The tiny DeepPose with `stages` - 1 refiners."""
    first = deeppose.DeepPose(joints, tuple(size))
    refiners = [deeppose.Refiner(joints, crop) for _ in range(stages - 1)]
    return deeppose.Cascade(first, refiners, sigma)


def tompson_coarse_to_fine(
    joints: int = 17,
    size: tuple[int, int] = (128, 96),
    levels: int = 3,
    width: int = 32,
    dropout: float = 0.0,
    crop: int = 24,
) -> tompson.CoarseToFine:
    """A pyramid and its second look, both with logits; `size` is what they learn on."""
    coarse = tompson.PyramidNet(joints, levels, width, dropout)
    return tompson.CoarseToFine(coarse, tompson.FineNet(joints), crop, logits=True)


def deeppose_paper_cascade(joints: int = 17, stages: int = 3) -> deeppose.Cascade:
    """DeepPose as the paper has it; 58 M parameters a stage."""
    refiners = [deeppose.RefinerPaper(joints) for _ in range(stages - 1)]
    return deeppose.Cascade(deeppose.DeepPosePaper(joints), refiners)


MODELS: dict[str, Callable[..., nn.Module]] = {
    "cpm": cpm.CPM,
    "cpm_paper": cpm.CPMPaper,
    "cpm_reference": cpm.CPMReference,
    "cpm_tiny": cpm.cpm_tiny,
    "cpn": cpn.cpn,
    "deeppose": deeppose.DeepPose,
    "deeppose_cascade": deeppose_cascade,
    "deeppose_paper": deeppose.DeepPosePaper,
    "deeppose_paper_cascade": deeppose_paper_cascade,
    "deeppose_resnet": deeppose.DeepPoseResNet,
    "deeppose_refiner": deeppose.Refiner,
    "fasterrcnn_fpn": rcnn.fasterrcnn,
    "heatmap_net": heatmaps.HeatmapNet,
    "hourglass": hourglass.StackedHourglass,
    "hourglass_flat": hourglass_flat.FlatStackedHourglass,
    "hourglass_paper": hourglass.hourglass_paper,
    "hrnet": hrnet.HRNet,
    "keypointrcnn_fpn": rcnn.keypointrcnn,
    "maskrcnn_fpn": rcnn.maskrcnn,
    "rcnn_tiny": rcnn.rcnn_tiny,
    "ief": ief.tiny,
    "ief_paper": ief.paper,
    "simple_baseline": simple_baseline.SimpleBaseline,
    "tompson": tompson.PyramidNet,
    "tompson_coarse_to_fine": tompson_coarse_to_fine,
    "tompson_paper": tompson.PyramidNetPaper,
    "tompson_spatial": tompson.SpatialModel,
    "tompson_fine": tompson.FineNet,
}


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed the global random state, which layers draw from, and put it back after."""
    with torch.random.fork_rng(devices=list(range(torch.cuda.device_count()))):
        torch.manual_seed(seed)
        yield


def build(name: str, seed: int = 0, **arguments) -> nn.Module:
    """The model `name` (a key of `MODELS`) with initial weights drawn from `seed`.

    The global random state is as before afterwards. Raises `ArgumentError`.
    """
    if name not in MODELS:
        raise ArgumentError(
            "no model of this name",
            where="name",
            value=name,
            fix=f"Known: {', '.join(MODELS)}.",
        )
    with seeded(seed):
        return MODELS[name](**arguments)


def save_weights(model: nn.Module, path: str | Path, half: bool = True) -> None:
    """Write the state dict as safetensors, floats as float16 where `half`; atomic."""
    path = Path(path)

    def pack(value: Tensor) -> Tensor:
        value = value.detach().cpu().contiguous()
        return value.half() if half and value.is_floating_point() else value

    state = {key: pack(value) for key, value in model.state_dict().items()}
    with replace_file(path) as part:
        save_file(state, part)
        part.chmod(0o644)  # safetensors keeps files to their owner


def load_weights(model: nn.Module, path: str | Path) -> nn.Module:
    """Read weights into `model` (cast to its types) and return it in eval mode.

    Raises `CheckpointError` if the file is missing, broken or of another network, and
    then leaves the model as it was.
    """
    try:
        state = load_file(path)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(
            f"cannot be read: {error}", where=path, fix="Fetch or train it again."
        ) from error
    own = model.state_dict()
    if own.keys() != state.keys():
        key = min(own.keys() ^ state.keys())
        side = "missing in the file" if key in own else "not in the network"
        raise CheckpointError(f"this tensor is {side}", where=path, field=key)
    for key, value in state.items():
        if value.shape != own[key].shape:
            raise CheckpointError(
                f"the network has the shape {list(own[key].shape)}",
                where=path,
                field=key,
                value=list(value.shape),
                fix="Build the network with the arguments on its card.",
            )
    model.load_state_dict(state)
    return model.eval()
