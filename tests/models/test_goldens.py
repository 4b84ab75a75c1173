"""Every network with a reference gives the reference's numbers for the same weights.

A case is a file of `tests/goldens`: names and shapes of the weights, the number of
parameters, inputs, and samples of what came out. `make` builds our network, `answers`
calls it and names what comes out as the case does, `rename` gives our name of a
weight, and `weight` (else the first) is spoilt at `place`, to see that the comparison
would notice.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from poselab.codecs.heatmap_decode import decode_soft_argmax
from poselab.models import DeepPoseResNet, HRNet, SimpleBaseline, build
from poselab.models.associative_embedding import AssociativeEmbedding
from poselab.models.cpm import CPMReference
from poselab.models.edn import Generator, MultiscaleDiscriminator, reference_name
from poselab.models.higherhrnet import HigherHRNet
from poselab.models.mppe3d import PoseNet3d, RootNet
from poselab.models.openpose import OpenPose
from poselab.models.personlab import posenet
from poselab.models.rcnn import fasterrcnn, keypointrcnn, maskrcnn
from poselab.models.rmpe import FastPose
from poselab.models.smpl import HMR
from tests.support import golden


def one(name: str) -> Callable:
    """Answers of a network with one output."""
    return lambda net, *inputs: {name: net(*inputs)}


def several(*names: str) -> Callable:
    """Answers of a network with a list or tuple of outputs."""
    return lambda net, *inputs: dict(zip(names, net(*inputs), strict=True))


def stacks(net: nn.Module, images: Tensor) -> dict[str, Tensor]:
    """The reference takes [B, H, W, 3] and stacks its stages."""
    return {"out": torch.stack(net(images.permute(0, 3, 1, 2)), 1)}


def openpose(net: nn.Module, images: Tensor) -> dict[str, Tensor]:
    fields, heatmaps = net(images)[-1]
    net.last_relu = True  # what the port has and the released network has not
    after = net(images)[-1][1]
    net.last_relu = False
    return {"paf": fields, "heatmaps": after, "heatmaps_no_relu": heatmaps}


def personlab(net: nn.Module, images: Tensor) -> dict[str, Tensor]:
    out = net(images)
    return {
        "heatmap": out["heatmaps"].sigmoid(),
        "offset": out["short"],
        "displacement_fwd": out["forward"],
        "displacement_bwd": out["backward"],
    }


def pyramid_of_judges(net: nn.Module, images: Tensor) -> dict[str, Tensor]:
    found = enumerate(net(images))
    return {f"out{i}_{j}": x for i, features in found for j, x in enumerate(features)}


def volume(net: nn.Module, images: Tensor) -> dict[str, Tensor]:
    heatmaps = net(images)  # [B, J, 64, 64, 64]
    shares = heatmaps.flatten(2).softmax(-1).unflatten(2, (64,) * 3)
    cells = torch.arange(64, dtype=heatmaps.dtype)
    sums = [shares.sum(axes) for axes in ((2, 3), (2, 4), (3, 4))]
    coord = torch.stack([(x * cells).sum(-1) for x in sums], -1)
    return {"heatmap": heatmaps.flatten(1, 2), "coord": coord}


def root(net: nn.Module, images: Tensor, k: Tensor) -> dict[str, Tensor]:
    heatmaps, depth = net(images, k)
    return {"xy": decode_soft_argmax(heatmaps)[0][:, 0], "depth": depth}


def detector(net: nn.Module, image: Tensor, boxes: Tensor, rois: Tensor | None = None):
    """The outputs of the parts by themselves."""
    levels, heads = net.backbone(image), net.roi_heads
    names = ("fpn_0", "fpn_1", "fpn_2", "fpn_3", "fpn_pool")
    out = dict(zip(names, levels, strict=True))
    for i, (objectness, deltas) in enumerate(zip(*net.rpn.head(levels), strict=True)):
        out |= {f"rpn_objectness_{i}": objectness, f"rpn_delta_{i}": deltas}
    out["box_head"] = heads.box_head(boxes)
    out["box_scores"], out["box_deltas"] = heads.box_predictor(out["box_head"])
    if heads.mask_head is not None:
        out["mask_logits"] = heads.mask_predictor(heads.mask_head(rois))
    if heads.keypoint_head is not None:
        read = heads.keypoint_head(rois)
        out["keypoint_logits"] = heads.keypoint_predictor(read)
    return out


class Golden(NamedTuple):
    make: Callable[[], nn.Module]
    answers: Callable[..., dict[str, Tensor]]
    weight: str
    place: int = 0
    rename: Callable[[str], str | None] | None = None


CPM = several(*(f"stage{i}" for i in range(6)))
CPN = several("global0", "global1", "global2", "global3", "refine")
CASES = {
    "deeppose_r50_coco_256x192": Golden(
        lambda: DeepPoseResNet(50, 17),
        one("coord"),
        "backbone.layer3.0.conv3.weight",
        78643,
    ),
    "simple_baseline_r50": Golden(
        lambda: SimpleBaseline(50), one("out"), "layer4.0.downsample.0.weight", 1048576
    ),
    "cpn_50_256x192": Golden(
        lambda: build("cpn", depth=50),
        CPN,
        "refine_net.cascade.0.1.downsample.0.weight",
        777,
    ),
    "hrnet_w32_256x192": Golden(
        lambda: HRNet(32), one("out"), "stage4.1.fuse_layers.0.3.0.weight", 4096
    ),
    "cpm_mmpose_mpii_184x184": Golden(
        lambda: CPMReference(joints=16, stages=6),
        CPM,
        "backbone.middle_conv.2.0.conv.weight",
    ),
    "hourglass_princeton_2": Golden(
        lambda: build("hourglass_paper", stacks=2),
        stacks,
        "merge_preds.0.conv.conv.weight",
        2048,
    ),
    "hourglass_bearpaw_1": Golden(
        lambda: build("hourglass_flat", stacks=1), several("out0"), "conv1.weight"
    ),
    "torchvision_fasterrcnn_r50_fpn_128x160": Golden(fasterrcnn, detector, ""),
    "torchvision_maskrcnn_r50_fpn_128x160": Golden(maskrcnn, detector, ""),
    "torchvision_keypointrcnn_r50_fpn_128x160": Golden(
        keypointrcnn, detector, "roi_heads.keypoint_predictor.kps_score_lowres.weight"
    ),
    "openpose_body_184x184": Golden(OpenPose, openpose, ""),
    "pose_ae_4_256x256": Golden(lambda: AssociativeEmbedding(spare=34), stacks, ""),
    "higherhrnet_w32_256": Golden(HigherHRNet, several("out0", "out1"), ""),
    "personlab_mobilenet101_129x129": Golden(posenet, personlab, ""),
    "posenet3d_j18": Golden(
        lambda: PoseNet3d(50, joints=18),
        volume,
        "backbone.layer4.0.downsample.0.weight",
        1048576,
    ),
    "rootnet_k2": Golden(lambda: RootNet(50), root, ""),
    "fastpose_r50_256x192": Golden(lambda: FastPose(50, 17), one("out"), ""),
    "edn_global_g_32x64": Golden(Generator, one("out"), "model.4.weight", 77),
    "edn_multiscale_d_64x64": Golden(
        MultiscaleDiscriminator, pyramid_of_judges, "", 0, reference_name
    ),
    "spin_hmr_open": Golden(HMR, several("rotmat", "shape", "cam"), ""),
}


@torch.no_grad()
@pytest.mark.parametrize("case", CASES)
def test_equals_the_reference(case):
    """Names, sizes, float32 as far as it can tell, float64 to 1e-9, and not by luck."""
    make, answers, spoilt, place, rename = CASES[case]
    content, net = golden.manifest(case), make()
    golden.load(net, content, rename)
    if rename is None:
        own = {key: list(value.shape) for key, value in net.state_dict().items()}
        assert own == {key: shape for key, shape, _ in content["keys"]}
    assert sum(p.numel() for p in net.parameters()) == content["params"]

    inputs, wanted = golden.inputs(content), golden.outputs(content)
    found = answers(net, *inputs)
    assert found.keys() == wanted.keys()
    for name, error in golden.errors(content, found, "value").items():
        assert error < wanted[name]["tolerance_f32"], name

    net, inputs = net.double(), [x.double() for x in inputs]
    errors = golden.errors(content, answers(net, *inputs))
    assert max(errors.values()) < 1e-9, errors

    weights = dict(net.named_parameters())
    weight = weights[spoilt] if spoilt else next(iter(weights.values()))
    weight.view(-1)[place] += 1e-2  # the comparison would notice one weight
    worse = golden.errors(content, answers(net, *inputs))
    assert max(worse.values()) > 1e-7, worse


def test_every_network_of_the_goldens_is_compared():
    files = [path for path in golden.FOLDER.glob("*.json") if "alg_" not in path.name]
    assert {path.stem for path in files} == set(CASES)
