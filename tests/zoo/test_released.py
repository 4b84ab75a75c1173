"""Released weights: names as published, wrappers off, one error for what is wrong."""

import contextlib
import hashlib
import io
import pickle
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from poselab import zoo
from poselab.errors import ArgumentError, CheckpointError, DownloadError, StateDictError
from poselab.models import Normalise, build, maker, names
from poselab.recipes import deeppose
from poselab.zoo import checkpoint
from tests.support import golden
from tests.support.server import File, Server

COCO = "deeppose_r50_coco"
RELEASED = zoo.released()


class Small(nn.Module):
    """Two layers whose names begin with `model.`, as those of some references do."""

    def __init__(self, width=3):
        super().__init__()
        self.model = nn.Sequential(nn.Conv2d(2, width, 1), nn.BatchNorm2d(width))


def values(net):
    return {key: value.clone() for key, value in net.state_dict().items()}


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


@pytest.fixture
def given_state():
    net = Small()
    with torch.no_grad():
        for number, value in enumerate(net.state_dict().values()):
            value += number + 1
    return values(net)


def filled(name):
    """The weights of the rule for one of our networks, under its own names."""
    net = build(RELEASED[name].model, **RELEASED[name].arguments)
    return {
        key: golden.weight(key, list(v.shape), str(v.dtype).split(".")[1], 1.0)
        for key, v in net.state_dict().items()
    }


# ---- the table


def test_the_table_says_what_a_learner_needs():
    table = zoo.released()
    assert {COCO, "deeppose_r50_mpii"} <= set(table)
    assert list(table) == sorted(table)
    for name, entry in table.items():
        assert entry == RELEASED[name]
        assert entry.model in names()
        assert entry.url or entry.supply, name
        assert name in repr(table)
        assert entry.source in repr(table)
        assert f"{entry.parameters:,}" in repr(table)
        assert entry.licence
        assert isinstance(entry.normalise, Normalise)
        assert entry.arxiv.replace(".", "").isdigit()
    assert "deeppose_tiny" in zoo.names()
    assert COCO not in zoo.names()


@pytest.mark.parametrize("name", sorted(RELEASED))
def test_the_parameters_are_counted_right(name):
    entry = RELEASED[name]
    with torch.device("meta"):
        net = maker(entry.model)(**entry.arguments)
    assert sum(p.numel() for p in net.parameters()) == entry.parameters


@pytest.mark.parametrize("name", sorted(RELEASED))
def test_addresses_are_safe_and_checked(name):
    entry = RELEASED[name]
    if entry.url and entry.sha256:
        assert int(entry.sha256, 16) >= 0
        assert len(entry.sha256) >= 8
    assert entry.url is None or entry.url.startswith(("https://", "http://"))


def test_unknown_name():
    with pytest.raises(ArgumentError, match="name = 'lenet'.*fasterrcnn_r50_fpn"):
        zoo.load("lenet")


# ---- paper-size networks


@torch.no_grad()
def test_the_golden_weights_give_the_golden_output():
    content = golden.manifest("deeppose_r50_coco_256x192")
    net = zoo.load(COCO, state_dict=golden.state(content)).double()
    assert not net.training
    (images,) = golden.inputs(content)
    assert golden.errors(content, {"coord": net(images.double())})["coord"] < 1e-9


def test_mpii_has_sixteen_joints():
    state = filled("deeppose_r50_mpii")
    net = zoo.load("deeppose_r50_mpii", {"state_dict": state, "meta": {}})
    assert same(values(net), state)
    with torch.no_grad():
        assert net(torch.rand(1, 3, 64, 64)).shape == (1, 16, 2)


def test_other_depths_and_joints_load_too():
    wanted = values(build("deeppose_resnet", depth=18, joints=21))
    net = zoo.load(COCO, wanted, depth=18, joints=21)
    assert same(values(net), wanted)
    with pytest.raises(StateDictError) as caught:
        zoo.load(COCO, wanted, depth=18)
    assert caught.value.unfit.keys() == {"head.fc.weight", "head.fc.bias"}
    assert "head.fc.bias ([42], not [34])" in str(caught.value)


def test_files_of_an_older_code_base_say_keypoint_head():
    state = filled(COCO)
    old = {k.replace("head.", "keypoint_head."): v for k, v in state.items()}
    assert "keypoint_head.fc.weight" in old
    assert same(values(zoo.load(COCO, old)), state)


# ---- wrappers and prefixes


@pytest.mark.parametrize(
    "wrap",
    [
        lambda s: s,
        lambda s: {"state_dict": s, "epoch": 3, "optimizer": {"state": {}}},
        lambda s: {"network": s},
        lambda s: {"model": s},
        lambda s: {"params": s},
        lambda s: {"model": {"state_dict": s}},
        lambda s: OrderedDict((f"module.{k}", v) for k, v in s.items()),
        lambda s: {f"model.module.{k}": v for k, v in s.items()},
        lambda s: {f"network.{k}": v for k, v in s.items()},
        lambda s: {"state_dict": {f"module.model.{k}": v for k, v in s.items()}},
    ],
    ids=[
        "plain",
        "state_dict",
        "network",
        "model",
        "params",
        "nested",
        "module.",
        "model.module.",
        "network.",
        "all",
    ],
)
def test_wrappers_come_off(given_state, wrap):
    net = checkpoint.load_into(Small(), wrap(given_state))
    assert same(values(net), given_state)
    assert not net.training


def test_a_dictionary_that_holds_itself_ends():
    loop = {}
    loop["state_dict"] = loop
    with pytest.raises(StateDictError):
        checkpoint.load_into(Small(), loop)


def test_renamed_and_ignored(given_state):
    theirs = {k.replace("model.0", "first"): v for k, v in given_state.items()}
    theirs |= {"fc.weight": torch.zeros(2), "old": torch.zeros(1)}

    def rename(key):
        return None if key == "old" else key.replace("first", "model.0")

    net = checkpoint.load_into(Small(), theirs, "x", rename, ignored=["fc.*"])
    assert same(values(net), given_state)
    with pytest.raises(StateDictError) as caught:
        checkpoint.load_into(Small(), theirs, "x", rename)
    assert caught.value.extra == ["fc.weight"]
    with pytest.raises(CheckpointError, match="the same one of ours"):
        checkpoint.load_into(Small(), theirs, "x", lambda key: "model.0.bias")


# ---- what does not fit


def test_one_error_lists_everything_and_nothing_is_loaded(given_state):
    given_state["other.weight"] = torch.zeros(3)
    given_state["model.0.weight"] = torch.zeros(4, 2, 1, 1)
    given_state["model.1.weight"] = "text"
    del given_state["model.0.bias"]
    net = Small().train()
    before = values(net)
    with pytest.raises(StateDictError) as caught:
        checkpoint.load_into(net, given_state, "a.pth")
    error = caught.value
    assert error.missing == ["model.0.bias"]
    assert error.extra == ["other.weight"]
    assert error.unfit["model.0.weight"] == "[4, 2, 1, 1], not [3, 2, 1, 1]"
    for part in (
        "a.pth",
        "missing (1): model.0.bias",
        "not of this network (1): other.weight",
        "unfit (2)",
        "model.1.weight (str, not a tensor)",
    ):
        assert part in str(error)
    assert same(values(net), before)
    assert net.training
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.missing) == (str(error), error.missing)


def test_long_lists_are_counted_and_cut():
    wrong = {f"blob.{i}": torch.zeros(1) for i in range(500)}
    with pytest.raises(StateDictError) as caught:
        zoo.load(COCO, wrong)
    text = str(caught.value)
    assert "not of this network (500): blob.0, " in text
    assert "blob.7 and 492 more" in text
    assert "blob.8" not in text
    assert len(caught.value.missing) > 200
    assert len(text) < 2000


@pytest.mark.parametrize(
    "value",
    [
        torch.zeros(3, dtype=torch.int32),
        torch.zeros(3, dtype=torch.complex64),
        torch.zeros(3).to_sparse(),
        torch.zeros(3, device="meta"),
        np.array(["a", "b", "c"]),
        [0.0] * 3,
        None,
        5,
    ],
    ids=["integer", "complex", "sparse", "meta", "numpy", "list", "none", "number"],
)
def test_only_plain_tensors_are_taken(given_state, value):
    given_state["model.0.bias"] = value
    with pytest.raises(StateDictError) as caught:
        checkpoint.load_into(Small(), given_state)
    assert caught.value.unfit.keys() == {"model.0.bias"}


def test_half_floats_other_integers_and_missing_counters_are_fine(given_state):
    half = {
        k: v.half() if v.is_floating_point() else v.to(torch.int32)
        for k, v in given_state.items()
    }
    net = checkpoint.load_into(Small(), half)
    assert same(values(net), {k: v.to(given_state[k].dtype) for k, v in half.items()})
    assert net.model[0].weight.dtype == torch.float32
    del half["model.1.num_batches_tracked"]
    assert checkpoint.load_into(Small(), half).model[1].num_batches_tracked == 0


def test_the_given_tensors_stay_the_learner_s(given_state):
    net = checkpoint.load_into(Small(), given_state)
    before = given_state["model.0.bias"].clone()
    with torch.no_grad():
        net.model[0].bias.zero_()
    assert torch.equal(given_state["model.0.bias"], before)


@pytest.mark.parametrize("content", [[1], "weights.pth", 3, Path("weights.pth")])
def test_something_else_than_a_state_dict(content):
    with pytest.raises(ArgumentError, match="dictionary of tensors.*path="):
        zoo.load(COCO, content)


# ---- files


@pytest.fixture
def small(monkeypatch):
    """An entry `small` of the table, whose file a test puts where it likes."""
    entry = replace(
        RELEASED[COCO],
        model="deeppose",
        arguments={"size": (64, 48)},
        url=None,
        sha256=None,
        supply="ask the authors",
    )
    monkeypatch.setitem(deeppose.RELEASED, "small", entry)
    return values(build("deeppose", seed=4, size=(64, 48)))


@pytest.mark.parametrize("file", ["a.pth", "a.pt", "a.pth.tar", "a.safetensors", "a"])
def test_files_of_every_kind(small, tmp_path, file):
    path = tmp_path / file
    if file.endswith("safetensors"):
        save_file(small, path)
    else:
        torch.save({"state_dict": small, "epoch": 1, "best": 0.9}, path)
    assert same(values(zoo.load("small", path=path)), small)
    assert same(values(zoo.load("small", path=str(path))), small)


def test_the_old_format_of_torch(small, tmp_path):
    torch.save(small, tmp_path / "a.pth", _use_new_zipfile_serialization=False)
    assert same(values(zoo.load("small", path=tmp_path / "a.pth")), small)


class Evil:
    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return open, (str(self.trace), "w")


@pytest.mark.parametrize("kind", ["zip", "legacy", "pickle"])
@pytest.mark.parametrize("place", ["alone", "beside", "inside"])
def test_a_malicious_file_runs_nothing(small, tmp_path, kind, place):
    path, trace = tmp_path / "a.pth", tmp_path / "trace"
    evil = Evil(trace)
    content = {
        "alone": evil,
        "beside": {"state_dict": small, "args": evil},
        "inside": {**small, "evil": evil},
    }[place]
    if kind == "pickle":
        path.write_bytes(pickle.dumps(evil))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=kind == "zip")
    said = "than tensors.*not loaded|pickle that PyTorch has not written"
    with pytest.raises(CheckpointError, match=rf"a\.pth.*({said})"):
        zoo.load("small", path=path)
    assert not trace.exists()
    if kind == "pickle":
        pickle.loads(path.read_bytes()).close()
        assert trace.exists(), "the file would have done harm"


@pytest.mark.parametrize("file", ["a.pth", "a.safetensors"])
@pytest.mark.parametrize("content", [b"", b"\x00" * 64, b"PK\x03\x04nothing", None])
def test_damaged_files(small, tmp_path, file, content):
    if content is not None:
        (tmp_path / file).write_bytes(content)
    with pytest.raises(CheckpointError, match=file):
        zoo.load("small", path=tmp_path / file)


def test_a_file_that_was_cut(small, tmp_path):
    torch.save(small, tmp_path / "a.pth")
    whole = (tmp_path / "a.pth").read_bytes()
    (tmp_path / "a.pth").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CheckpointError, match="a.pth"):
        zoo.load("small", path=tmp_path / "a.pth")


def test_one_source_only(small):
    with pytest.raises(ArgumentError, match="not both"):
        zoo.load("small", state_dict={}, path="a.pth")


# ---- the way from the net into the cache


@pytest.fixture
def served(small, tmp_path, monkeypatch):
    """serve(**faults) puts the weights of `small` on a server; the server."""
    monkeypatch.setenv("POSELAB_CACHE", str(tmp_path / "cache"))
    buffer = io.BytesIO()
    torch.save({"state_dict": small}, buffer)
    body = buffer.getvalue()
    with contextlib.ExitStack() as stack:

        def serve(sha256=None, **faults):
            server = stack.enter_context(Server({"/w.pth": File(body, **faults)}))
            digits = sha256 or hashlib.sha256(body).hexdigest()[:8]
            entry = replace(
                zoo.released()["small"], url=server.url("/w.pth"), sha256=digits
            )
            monkeypatch.setitem(deeppose.RELEASED, "small", entry)
            return server

        yield serve


def test_fetched_once_into_the_cache(served, small, tmp_path):
    server = served(cuts=[1000])
    assert same(values(zoo.load("small", progress=False)), small)
    assert same(values(zoo.load("small", progress=False)), small)
    assert [part for _, part in server.requests] == [None, "bytes=1000-"]
    files = [path.name for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert files == ["small-w.pth"]


def test_a_file_with_another_checksum_is_not_loaded(served, tmp_path):
    served(sha256="00000000")
    with pytest.raises(DownloadError, match="sha256.*not 00000000"):
        zoo.load("small", progress=False)
    assert not [p for p in (tmp_path / "cache").rglob("*") if p.is_file()]


def test_a_full_disk(served, tmp_path, monkeypatch):
    served()
    usage = SimpleNamespace(free=1_000_000)
    monkeypatch.setattr("poselab.system.transfer.shutil.disk_usage", lambda path: usage)
    with pytest.raises(DownloadError, match="1 MB are free.*Nothing is left"):
        zoo.load("small", progress=False)
    assert not [p for p in (tmp_path / "cache").rglob("*") if p.is_file()]


def test_weights_without_an_address(small):
    with pytest.raises(ArgumentError, match="ask the authors.*path="):
        zoo.load("small")
