"""Released weights of Simple Baseline, CPN and HRNet: names of both publishers."""

import re

import pytest
import torch

from poselab import zoo
from poselab.errors import StateDictError
from poselab.models import maker
from poselab.recipes.rcnn import torchvision_names
from poselab.recipes.top_down_shared import authors_names
from tests.support import golden

CASES = {
    "simple_baseline_r50_coco": "simple_baseline_r50",
    "cpn_r50_coco": "cpn_50_256x192",
    "hrnet_w32_coco": "hrnet_w32_256x192",
}


def last(output):
    return output[-1] if isinstance(output, list) else output


@torch.no_grad()
@pytest.mark.parametrize("name", CASES)
def test_the_authors_files_load(name):
    """As they are, and without the counters that old versions of torch did not keep."""
    content = golden.manifest(CASES[name])
    state = golden.state(content)
    output, images = content["outputs"][-1], golden.inputs(content)
    got = last(zoo.load(name, state_dict=state)(*images))
    assert golden.error(output, got, "value") < output["tolerance_f32"]
    old = {k: v for k, v in state.items() if not k.endswith("num_batches_tracked")}
    wrapped = {"state_dict": {f"module.{k}": v for k, v in old.items()}}
    again = last(zoo.load(name, state_dict=wrapped)(*images))
    assert torch.equal(got, again)


@pytest.mark.parametrize("name", ["simple_baseline_r50_coco", "hrnet_w32_coco"])
@pytest.mark.parametrize("head", ["keypoint_head", "head"])
def test_files_of_mmpose_load(name, head):
    content = golden.manifest(CASES[name])
    state = golden.state(content)

    def theirs(key):
        part = head if key.startswith(("final_layer", "deconv_layers")) else "backbone"
        return f"{part}.{key}"

    assert all(authors_names(theirs(key)) == key for key in state)
    net = zoo.load(name, state_dict={theirs(k): v for k, v in state.items()})
    assert all(torch.equal(v, state[k]) for k, v in net.state_dict().items())
    broken = {theirs(k): v for k, v in state.items() if k != "final_layer.weight"}
    with pytest.raises(StateDictError, match="final_layer.weight"):
        zoo.load(name, state_dict=broken)


@pytest.mark.parametrize("kind", ["fasterrcnn", "maskrcnn", "keypointrcnn"])
def test_detectors_in_torchvision_s_files_load(kind):
    """Older files name single layers without the block around them."""
    state = maker(f"{kind}_fpn")(depth=10, width=16).state_dict()

    def older(key):
        key = key.replace("conv.0.0.", "conv.")
        key = re.sub(r"(_blocks\.\d)\.0\.", r"\1.", key)
        return re.sub(
            r"mask_head\.(\d)\.0", lambda m: f"mask_head.mask_fcn{int(m[1]) + 1}", key
        )

    theirs = {older(k): v for k, v in state.items()}
    assert len(theirs) == len(state)
    assert theirs.keys() != state.keys()
    assert all(torchvision_names(older(k)) == k for k in state)
    theirs["backbone.body.bn1.num_batches_tracked"] = torch.tensor(0)
    for given in (theirs, state):
        net = zoo.load(f"{kind}_r50_fpn", state_dict=given, depth=10, width=16)
        assert all(torch.equal(v, state[k]) for k, v in net.state_dict().items())


def test_other_widths_and_depths():
    net = maker("hrnet")(width=8, blocks=1, modules=(1, 1, 1), joints=14)
    again = zoo.load(
        "hrnet_w32_coco",
        state_dict=net.state_dict(),
        width=8,
        blocks=1,
        modules=(1, 1, 1),
        joints=14,
    )
    assert torch.equal(again.final_layer.weight, net.final_layer.weight)
