"""The rule that weights and inputs follow, on small cases with known answers."""

import numpy as np
import pytest
import torch

from tests.support import golden

CONTENT = {
    "gain": 2.0,
    "gain_overrides": [["head.last", 50.0], ["head", 8.0]],
    "keys": [
        ["body.weight", [4, 2, 3, 3], "float32"],
        ["head.weight", [4, 2, 3, 3], "float32"],
        ["head.last.weight", [4, 2, 3, 3], "float32"],
        ["body.num_batches_tracked", [], "int64"],
    ],
}


def test_the_first_prefix_that_fits_decides_the_gain():
    assert golden.gain_of(CONTENT, "head.last.weight") == 50.0
    assert golden.gain_of(CONTENT, "head.weight") == 8.0
    assert golden.gain_of(CONTENT, "body.head.weight") == 2.0
    drawn = golden.state(CONTENT)
    plain = golden.state({**CONTENT, "gain_overrides": []})
    torch.testing.assert_close(
        drawn["head.last.weight"], 5.0 * plain["head.last.weight"]
    )
    assert torch.equal(drawn["body.weight"], plain["body.weight"])
    assert drawn["body.num_batches_tracked"].dtype == torch.int64


def test_inputs_follow_their_rule():
    shape = [2, 500]
    entries = [
        {"rule": "uniform", "shape": shape, "seed_name": "a"},
        {
            "rule": "uniform",
            "shape": shape,
            "seed_name": "a",
            "scale": 2.0,
            "shift": -0.5,
        },
        {"rule": "normal", "shape": shape, "seed_name": "a"},
        {"rule": "const", "shape": [2, 1], "value": [3.0, 4.0]},
    ]
    plain, moved, normal, const = golden.inputs({"inputs": entries})
    assert plain.dtype == torch.float32
    assert plain.min() >= 0
    assert plain.max() < 1
    assert 0.45 < plain.mean() < 0.55
    torch.testing.assert_close(moved, 2 * plain - 0.5)
    assert 0.9 < normal.std() < 1.1
    assert const.tolist() == [[3.0], [4.0]]
    stream = golden.draws("input:a")
    np.testing.assert_array_equal(plain, stream.random(shape).astype("float32"))


def test_every_output_is_compared():
    values = torch.arange(12.0).view(3, 4)
    output = {"shape": [3, 4], "index": [0, 11], "value64": [0.0, 11.0], "std": 2.0}
    content = {"outputs": [{"name": "a", **output}, {"name": "b", **output}]}
    assert golden.errors(content, {"a": values, "b": values + 1}) == {"a": 0, "b": 0.5}
    with pytest.raises(KeyError):
        golden.errors(content, {"a": values})
    with pytest.raises(AssertionError):
        golden.error(content["outputs"][0], values.T)


def test_every_name_is_accounted_for():
    net = torch.nn.Module()
    net.conv = torch.nn.Conv2d(2, 4, 3, bias=False)
    names = {"body.weight": "conv.weight"}
    assert golden.load(net, CONTENT, names.get) is net
    assert not net.training
    assert torch.equal(net.conv.weight, golden.state(CONTENT)["body.weight"])
    with pytest.raises(RuntimeError, match=r"head\.weight"):
        golden.load(net, CONTENT, lambda key: names.get(key, key))
