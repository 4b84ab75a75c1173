"""Weights and inputs that follow from names, and how outputs are compared with them.

The reference implementations were run once with these weights; tests/goldens/*.json
hold samples of what came out. Every tensor is drawn by its own generator, seeded with
the CRC-32 of the tensor's name in the reference, so no weight file is needed.
"""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

FOLDER = Path(__file__).parents[1] / "goldens"


def draws(name: str) -> np.random.Generator:
    """The random stream that belongs to a name."""
    return np.random.Generator(np.random.PCG64(zlib.crc32(name.encode())))


def weight(name: str, shape: list[int], dtype: str, gain: float) -> Tensor:
    """One entry of the state dict.

    Counters are 0; running variances uniform in [0.5, 1.5]; scales of normalisations
    uniform in [0.8, 1.2]; biases and running means 0.1 N(0, 1); convolution and
    linear weights N(0, 1) sqrt(gain / fan_in).
    """
    stream, last = draws(name), name.split(".")[-1]
    if last == "num_batches_tracked" or not dtype.startswith("float"):
        return torch.from_numpy(np.zeros(shape, dtype))
    if last == "running_var":
        values = stream.uniform(0.5, 1.5, shape)
    elif len(shape) < 2 and last == "weight":
        values = stream.uniform(0.8, 1.2, shape)
    elif len(shape) < 2 or last in ("bias", "running_mean"):
        values = 0.1 * stream.standard_normal(shape)
    else:
        scale = math.sqrt(gain / math.prod(shape[1:]))
        values = scale * stream.standard_normal(shape)
    return torch.from_numpy(np.asarray(values, dtype))


def gain_of(content: dict[str, Any], name: str) -> float:
    """The gain of one tensor: of the first prefix that fits, else the case's own."""
    own = content.get("gain_overrides", [])
    return next(
        (gain for prefix, gain in own if name.startswith(prefix)), content["gain"]
    )


def manifest(case: str) -> dict[str, Any]:
    """The description of a case; fails if this numpy draws other numbers."""
    content = json.loads((FOLDER / f"{case}.json").read_text())
    for name, shape, dtype, first in content["fill_check"]:
        drawn = weight(name, shape, dtype, gain_of(content, name)).flatten()
        np.testing.assert_allclose(drawn[: len(first)], first, rtol=1e-6, err_msg=name)
    return content


def state(content: dict[str, Any]) -> dict[str, Tensor]:
    """The whole state dict, under the reference's names and in its order."""
    return {
        name: weight(name, shape, dtype, gain_of(content, name))
        for name, shape, dtype in content["keys"]
    }


def load(
    net: nn.Module,
    content: dict[str, Any],
    rename: Callable[[str], str | None] | None = None,
) -> nn.Module:
    """The case's weights in `net`, every name accounted for; in eval mode.

    `rename` gives our name for one of the reference; None leaves the tensor out, for
    parameters that the reference has but never uses. Make the network float64 before
    to compare with `value64`.
    """
    named = {rename(k) if rename else k: v for k, v in state(content).items()}
    named.pop(None, None)
    net.load_state_dict(named, strict=True)
    return net.eval()


def inputs(content: dict[str, Any]) -> list[Tensor]:
    """The input tensors, float32, in the order in which the network takes them."""
    return [torch.from_numpy(_input(entry)) for entry in content["inputs"]]


def _input(entry: dict[str, Any]) -> np.ndarray:
    """Uniform in [0, 1) or normal, times `scale` plus `shift`; or written out."""
    rule, shape = entry["rule"], entry["shape"]
    if rule == "const":
        return np.asarray(entry["value"], "float32").reshape(shape)
    stream = draws("input:" + entry["seed_name"])
    drawn = {"uniform": stream.random, "normal": stream.standard_normal}[rule](shape)
    scale, shift = entry.get("scale", 1.0), entry.get("shift", 0.0)
    return (drawn * scale + shift).astype("float32")


def outputs(content: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What the reference gave, by the name of the output."""
    return {output["name"]: output for output in content["outputs"]}


def errors(
    content: dict[str, Any], got: Mapping[str, Tensor], which: str = "value64"
) -> dict[str, float]:
    """The error of every output of the case; `got` must have all their names."""
    return {k: error(v, got[k], which) for k, v in outputs(content).items()}


def error(output: dict[str, Any], got: Tensor, which: str = "value64") -> float:
    """The largest difference at the sampled places, in the output's own std."""
    assert list(got.shape) == output["shape"]
    sampled = got.detach().double().flatten()[output["index"]]
    wanted = torch.tensor(output[which], dtype=torch.float64)
    return float((sampled - wanted).abs().max() / output["std"])


def filled(case: str, net: torch.nn.Module) -> tuple[dict[str, Any], torch.nn.Module]:
    """A case and `net` with its weights, every name of the reference accounted for."""
    content = manifest(case)
    net.load_state_dict(state(content), strict=True)
    return content, net.eval()


@torch.no_grad()
def assert_float32(content: dict[str, Any], net: torch.nn.Module) -> None:
    """The network's one output is the reference's, as far as float32 can tell."""
    output = content["outputs"][0]
    assert error(output, net(*inputs(content)), "value") < output["tolerance_f32"]


def to_image(
    cells: torch.Tensor,
    centre: torch.Tensor,
    scale: torch.Tensor,
    size: tuple[int, int],
    unbiased: bool = False,
) -> torch.Tensor:
    """Cells [B, J, 2] of (h, w) heatmaps -> pixels of the image, as the code of Simple
    Baseline does it.

    centre [B, 2] px and scale [B, 2] (width and height of the crop in units of 200 px;
    only the width is used). Simple Baseline puts cell w / 2 on the centre and counts
    200 scale / w pixels per cell, as if cells were edges; with `unbiased`, DARK's code,
    it is cell (w - 1) / 2 and (200 scale - 1) / (w - 1).
    """
    one = 1 if unbiased else 0
    middle = cells.new_tensor([size[1] - one, size[0] - one]) / 2
    per_cell = (200 * scale[:, None, :1] - one) / (size[1] - one)  # [B, 1, 1]
    return centre[:, None] + (cells - middle) * per_cell
