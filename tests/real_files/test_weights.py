"""Kind 1: whose weights were taken, how many; what others save is read or named."""

import argparse
import io
import json
import pickle
import zipfile

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from poselab.errors import CheckpointError, PoselabError
from poselab.models import build
from poselab.zoo import checkpoint, partial

HEAD = ("deconv", "final")
SMALL = {"depth": 50, "joints": 17, "width": 8, "filters": 8}  # quick to make


def state_of(name, seed=3, **arguments):
    return build(name, seed=seed, joints=17, **arguments).state_dict()


def backbone(state):
    return {k: v for k, v in state.items() if not k.startswith(HEAD)}


@pytest.fixture(scope="module")
def r50():
    return build("simple_baseline", seed=3, **SMALL).state_dict()


@pytest.fixture(scope="module")
def blank():
    """First weights that no file has."""
    return build("simple_baseline", seed=9, **SMALL).state_dict()


@pytest.fixture(scope="module")
def one():
    return build("simple_baseline", seed=9, **SMALL)


@pytest.fixture
def net(one, blank):
    """The network with its first weights."""
    one.load_state_dict(blank)
    return one


# --- a part of the weights -----------------------------------------------------------


def without_counters(state):
    return {k: v for k, v in state.items() if not k.endswith("num_batches_tracked")}


PARTS = {
    "the backbone": (backbone, "318 of 318 tensors of the backbone, 0 of 17 of the"),
    "all": (dict, "318 of 318 tensors of the backbone, 20 of 20 of the head"),
    "without counters": (
        lambda s: without_counters(backbone(s)),
        "265 of 265 tensors of the backbone",
    ),
    "with a classifier": (
        lambda s: {**backbone(s), "fc.weight": torch.zeros(1000, 256)},
        "318 of 318",
    ),
    "backbone.": (
        lambda s: {f"backbone.{k}": v for k, v in backbone(s).items()},
        "318 ",
    ),
    "module. on some": (
        lambda s: {
            f"module.{k}" if "layer" in k else k: v for k, v in backbone(s).items()
        },
        "318 of 318",
    ),
    "wrapped": (
        lambda s: {"state_dict": {f"module.{k}": v for k, v in s.items()}},
        "318",
    ),
    "of other joints": (
        lambda s: {**s, "final_layer.weight": torch.zeros(16, 8, 1, 1)},
        "318 of 318",
    ),
    "our own checkpoint": (
        lambda s: {
            "recipe": {"steps": 3},
            "model": {f"1.{k}": v for k, v in s.items()} | {"0.mean": torch.zeros(3)},
            "optimiser": {},
            "history": {"loss": []},
        },
        "318 of 318 tensors of the backbone, 20 of 20 of the head",
    ),
}


@pytest.mark.parametrize("case", PARTS)
def test_what_was_taken_is_said(r50, net, tmp_path, case):
    make, said = PARTS[case]
    torch.save(make(r50), tmp_path / "start.pth")
    taken = partial.start_from(net, tmp_path / "start.pth")
    assert said in str(taken)
    assert taken.content()["file"].endswith("start.pth")
    assert str(taken) == taken.content()["taken"]
    for key in ("conv1.weight", "layer4.2.bn3.running_var"):
        assert torch.equal(net.state_dict()[key], r50[key])
    head = "final_layer.bias"
    equal = torch.equal(net.state_dict()[head], r50[head])
    assert equal == ("0 of 17" not in said and taken.head > 0)


R50 = ("simple_baseline", {"depth": 50, "width": 64, "filters": 8})
R101 = ("simple_baseline", {"depth": 101, "width": 64, "filters": 8})
OTHERS = {
    "resnet50 -> hrnet": (*R50, "hrnet", {"width": 4}),
    "another width of hrnet": ("hrnet", {"width": 8}, "hrnet", {"width": 4}),
    "resnet50 -> resnet101": (*R50, *R101),
    "hrnet -> resnet50": ("hrnet", {"width": 4}, *R50),
}


@pytest.mark.parametrize("case", OTHERS)
def test_a_backbone_that_is_not_covered_is_refused(tmp_path, case):
    source, given, target, own = OTHERS[case]
    torch.save(backbone(state_of(source, **given)), tmp_path / "other.pth")
    net = build(target, seed=1, joints=17, **own)
    before = {k: v.clone() for k, v in net.state_dict().items()}
    with pytest.raises(CheckpointError, match=r"only \d+ of \d+ tensors") as caught:
        partial.start_from(net, tmp_path / "other.pth")
    assert "other.pth" in str(caught.value)
    assert all(torch.equal(v, before[k]) for k, v in net.state_dict().items())


def test_one_missing_tensor_is_named(r50, net, tmp_path):
    lacking = {k: v for k, v in r50.items() if k != "layer3.4.bn2.weight"}
    torch.save(lacking, tmp_path / "cut.pth")
    with pytest.raises(CheckpointError, match="317 of 318.*layer3.4.bn2.weight"):
        partial.start_from(net, tmp_path / "cut.pth")


def prefixed(prefix, state):
    return {prefix + key: value for key, value in state.items()}


ELSEWHERE = {
    "a self-supervised encoder": lambda s: {"state_dict": prefixed("encoder.", s)},
    "torchvision's detector": lambda s: prefixed("backbone.body.", s),
    "NumPy's arrays": lambda s: {"model": {k: v.numpy() for k, v in s.items()}},
    "an unknown wrapper": lambda s: {"best": {"net": prefixed("module.", s)}},
}


@pytest.mark.parametrize("case", ELSEWHERE)
def test_a_backbone_is_found_anywhere(r50, net, tmp_path, case):
    torch.save(ELSEWHERE[case](backbone(r50)), tmp_path / "a.pth")
    assert "318 of 318" in str(partial.start_from(net, tmp_path / "a.pth"))
    assert torch.equal(net.state_dict()["conv1.weight"], r50["conv1.weight"])


TWICE = {
    "MoCo": lambda s: {
        "state_dict": {
            **prefixed("module.encoder_q.", s),
            **prefixed("module.encoder_k.", s),
        }
    },
    "DINO": lambda s: {
        "student": prefixed("module.backbone.", s),
        "teacher": prefixed("backbone.", s),
    },
}


@pytest.mark.parametrize("case", TWICE)
def test_a_network_that_is_there_twice_is_no_guess(r50, net, tmp_path, case):
    torch.save(TWICE[case](backbone(r50)), tmp_path / "a.pth")
    with pytest.raises(CheckpointError, match="has the network 2 times: st"):
        partial.start_from(net, tmp_path / "a.pth")


UNFIT = {
    "not finite": lambda v: torch.full_like(v, float("nan")),
    "int8": lambda v: torch.zeros_like(v).to(torch.int8),
    "not a plain float": lambda v: v.to("meta"),
}


@pytest.mark.parametrize("case", UNFIT)
def test_numbers_that_are_no_weights_are_named(r50, net, tmp_path, case):
    state = {**r50, "conv1.weight": UNFIT[case](r50["conv1.weight"])}
    torch.save(state, tmp_path / "a.pth")
    with pytest.raises(CheckpointError, match=f"317 of 318.*conv1.weight.*{case}"):
        partial.start_from(net, tmp_path / "a.pth")
    with pytest.raises(CheckpointError, match=f"conv1.weight .*{case}"):
        checkpoint.load_into(net, checkpoint.read(tmp_path / "a.pth"))


@pytest.mark.parametrize(
    ("content", "said"),
    [({}, "It holds nothing"), ({"a.b": torch.ones(1)}, "names are others: a.b")],
)
def test_a_file_without_the_backbone_says_what_it_has(net, tmp_path, content, said):
    torch.save(content, tmp_path / "a.pth")
    with pytest.raises(CheckpointError, match=f"only 0 of.*{said}"):
        partial.start_from(net, tmp_path / "a.pth")


# --- wrappers and harmless values ----------------------------------------------------

READ = {
    "a NumPy number": lambda s: {"state_dict": s, "perf": np.float64(0.744)},
    "more NumPy": lambda s: {
        "state_dict": s,
        "meta": {"sigmas": np.ones(17), "flip": np.arange(3), "ok": np.bool_(True)},
        "epoch": np.int64(3),
        "rate": np.float32(0.5),
    },
    "NumPy's texts": lambda s: {"state_dict": s, "names": np.array(["a", "b"])},
    "torch.compile": lambda s: {f"_orig_mod.{k}": v for k, v in s.items()},
    "DDP and compile": lambda s: {f"module._orig_mod.{k}": v for k, v in s.items()},
    "compile and DDP": lambda s: {f"_orig_mod.module.{k}": v for k, v in s.items()},
    "timm's EMA": lambda s: {"epoch": 3, "state_dict_ema": s},
    "ema": lambda s: {"ema": s},
    "ema in a wrapper": lambda s: {"ema": {"state_dict": s}},
    "model_ema": lambda s: {"model_ema": {"module": s}},
    "ema_model.": lambda s: {f"ema_model.module.{k}": v for k, v in s.items()},
    "any wrapper": lambda s: {"generator": s, "optimizer": {"state": {}}},
    "any prefix": lambda s: {"model_state": prefixed("module.pose_net.", s)},
    "shadow": lambda s: {"ema": {"decay": 0.99, "shadow": s}},
    "AveragedModel": lambda s: {
        "n_averaged": torch.tensor(3),
        **prefixed("module.", s),
    },
    "counted operations": lambda s: {**s, "layer1.total_ops": torch.zeros(1)},
    "NumPy's arrays": lambda s: {k: v.numpy() for k, v in s.items()},
    "older PyTorch": dict,
    "Lightning": lambda s: {"state_dict": {f"model.{k}": v for k, v in s.items()}},
}


@pytest.mark.parametrize("case", READ)
def test_wrappers_and_numbers_cost_nothing(r50, net, tmp_path, case):
    older = {"_use_new_zipfile_serialization": case != "older PyTorch"}
    torch.save(READ[case](r50), tmp_path / "a.pth", **older)
    net = checkpoint.load_into(net, checkpoint.read(tmp_path / "a.pth"))
    assert all(torch.equal(v, r50[k]) for k, v in net.state_dict().items())


def test_weights_come_before_their_running_mean(r50, net):
    mean = {k: v + 1 for k, v in r50.items()}
    net = checkpoint.load_into(net, {"state_dict_ema": mean, "state_dict": r50})
    assert torch.equal(net.state_dict()["conv1.weight"], r50["conv1.weight"])


def test_the_content_decides_and_not_the_name(tmp_path):
    state = {"a": torch.ones(2)}
    save_file(state, tmp_path / "a.pth")
    torch.save(state, tmp_path / "a.safetensors")
    for name in ("a.pth", "a.safetensors"):
        assert torch.equal(checkpoint.read(tmp_path / name)["a"], state["a"])


def zipped(**files):
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "/").replace("_", "."), content)
    return body.getvalue()


WRONG = {
    "not found": (b"404: Not Found", "is text \\('404: Not Found'\\), no weights"),
    "page with a mark": (b"\xef\xbb\xbf<!DOCTYPE html><html>", "HTML page"),
    "annex": (b"/annex/objects/SHA256E-s102--abc.pth\n", "is text .*annex"),
    "Detectron": (pickle.dumps({"model": {"w": np.ones(2)}}), "pickle that PyTorch"),
    "npz": (zipped(a_npy=b""), "NumPy's arrays"),
    "zipped": (zipped(model_pth=b""), "a zip archive of model.pth.*unzip"),
    "TorchScript": (zipped(m__constants_pkl=b"", m__data_pkl=b""), "TorchScript"),
    "page": (b"<!DOCTYPE html><html><title>Virus scan warning</title>", "HTML page"),
    "pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256", "Git LFS"),
    "json": (json.dumps({"message": "not found"}).encode(), "JSON text"),
    "xml": (b"<?xml version='1.0'?><Error>NoSuchKey</Error>", "XML"),
    "keras": (b"\x89HDF\r\n\x1a\n" + bytes(99), "HDF5"),
    "archive": (b"\x1f\x8b\x08" + bytes(99), "gzip"),
    "picture": (b"\xff\xd8\xff\xe0" + bytes(99), "JPEG"),
    "zip": (b"PK\x03\x04" + bytes(99), "cannot be read"),
    "empty": (b"", "empty"),
    "noise": (bytes(range(128, 256)), "holds|cannot be read"),
}


@pytest.mark.parametrize("case", WRONG)
@pytest.mark.parametrize("name", ["a.pth", "a.safetensors"])
def test_what_is_no_checkpoint_is_named(tmp_path, case, name):
    body, said = WRONG[case]
    (tmp_path / name).write_bytes(body)
    with pytest.raises(CheckpointError, match=said) as caught:
        checkpoint.read(tmp_path / name)
    assert name in str(caught.value)
    assert "\x1b" not in str(caught.value)


class Trap:
    def __reduce__(self):
        return print, ("never",)


@pytest.mark.parametrize(
    ("value", "named"),
    [(argparse.Namespace(lr=1), "argparse.Namespace"), (Trap(), "print")],
)
def test_objects_are_refused_by_name_and_not_run(tmp_path, capsys, value, named):
    torch.save({"state_dict": {"a": torch.ones(1)}, "args": value}, tmp_path / "a.pth")
    with pytest.raises(CheckpointError, match=named) as caught:
        checkpoint.read(tmp_path / "a.pth")
    assert "\x1b" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "never" not in capsys.readouterr().out


def test_a_folder_and_nothing_are_named(tmp_path):
    with pytest.raises(PoselabError, match="is a folder"):
        checkpoint.read(tmp_path)
    with pytest.raises(PoselabError, match="no such file"):
        checkpoint.read(tmp_path / "none.pth")


def test_torch_forgets_what_was_allowed(tmp_path):
    torch.save({"perf": np.float64(1)}, tmp_path / "a.pth")
    before = set(torch.serialization.get_safe_globals())  # torch keeps no order
    assert checkpoint.read(tmp_path / "a.pth")["perf"] == 1
    assert set(torch.serialization.get_safe_globals()) == before
