"""Weights and inputs that follow from names, and how outputs are compared with them.

The reference implementations were run once with these weights; tests/goldens/*.json
hold samples of what came out. Every tensor is drawn by its own generator, seeded with
the CRC-32 of the tensor's name in the reference, so no weight file is needed.
"""

from __future__ import annotations

import json
import math
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

FOLDER = Path(__file__).parent / "goldens"


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
    if dtype.startswith("int"):
        return torch.zeros(shape, dtype=torch.int64)
    if last == "running_var":
        values = stream.uniform(0.5, 1.5, shape)
    elif len(shape) == 1 and last == "weight":
        values = stream.uniform(0.8, 1.2, shape)
    elif len(shape) == 1:
        values = 0.1 * stream.standard_normal(shape)
    else:
        scale = math.sqrt(gain / math.prod(shape[1:]))
        values = scale * stream.standard_normal(shape)
    return torch.from_numpy(np.asarray(values, dtype))


def manifest(case: str) -> dict[str, Any]:
    """The description of a case; fails if this numpy draws other numbers."""
    content = json.loads((FOLDER / f"{case}.json").read_text())
    for name, shape, dtype, first in content["fill_check"]:
        drawn = weight(name, shape, dtype, content["gain"]).flatten()[: len(first)]
        np.testing.assert_allclose(drawn.numpy(), first, rtol=1e-6, err_msg=name)
    return content


def state(content: dict[str, Any]) -> dict[str, Tensor]:
    """The whole state dict, under the reference's names and in its order."""
    gain = content["gain"]
    return {name: weight(name, *rest, gain) for name, *rest in content["keys"]}


def inputs(content: dict[str, Any]) -> list[Tensor]:
    """The input tensors: float32, from the normal distribution."""
    made = []
    for entry in content["inputs"]:
        assert entry["rule"] == "normal"
        values = draws("input:" + entry["seed_name"]).standard_normal(entry["shape"])
        made.append(torch.from_numpy(values.astype("float32")))
    return made


def error(output: dict[str, Any], got: Tensor, which: str = "value64") -> float:
    """The largest difference at the sampled places, in the output's own std."""
    assert list(got.shape) == output["shape"]
    sampled = got.detach().double().flatten()[output["index"]]
    wanted = torch.tensor(output[which], dtype=torch.float64)
    return float((sampled - wanted).abs().max() / output["std"])
