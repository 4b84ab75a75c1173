"""Convolutional pose machines: the reference's numbers, shapes, and what stages see."""

import pytest
import torch

from poselab import zoo
from poselab.codecs import HeatmapCodec
from poselab.errors import ArgumentError, ShapeError
from poselab.evaluate import count_macs, predict
from poselab.evaluate.tasks import parts
from poselab.models import CPM, CPMPaper, CPMReference, build, measured_field
from poselab.train import fit
from tests.support import golden
from tests.support.sources import Dots

CASE = "cpm_mmpose_mpii_184x184"


def rand(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def count(net):
    return sum(p.numel() for p in net.parameters())


# --- against the reference -----------------------------------------------------------


@pytest.fixture(scope="module")
def content():
    return golden.manifest(CASE)


@pytest.fixture(scope="module")
def reference(content):
    net = CPMReference(joints=16, stages=6)
    assert list(net.state_dict()) == [name for name, *_ in content["keys"]]
    return golden.load(net, content)


def test_the_reference_has_as_many_parameters(reference, content):
    assert count(reference) == content["params"]
    assert f"{content['params']:,}" in CPM.__doc__


def test_official_takes_the_references_names(reference, content):
    net = zoo.load("cpm_mpii", golden.state(content))
    mine = reference.state_dict()
    assert all(torch.equal(value, mine[key]) for key, value in net.state_dict().items())
    short = CPMReference(16, 5).state_dict()
    five = zoo.load("cpm_mpii", {key: mine[key] for key in short}, stages=5)
    assert five.stages == 5


# --- other sizes ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("joints", "stages", "width"), [(17, 6, 128), (16, 3, 64), (14, 1, 8)]
)
def test_other_sizes_of_the_reference(joints, stages, width):
    with torch.device("meta"):
        net = CPMReference(joints, stages, width=width)
        outputs = net(torch.zeros(2, 3, 256, 192))
    assert [y.shape for y in outputs] == [(2, joints, 32, 24)] * stages


@pytest.mark.parametrize("pool", [1, 2, 3])
def test_odd_sizes_are_rounded_up_as_the_codec_does(pool):
    net = CPM(5, 2, 8, kernel=5, context=5, halvings=2, pool=pool)
    assert [y.shape[2:] for y in net(rand(1, 3, 57, 41))] == [(15, 11)] * 2
    assert HeatmapCodec((57, 41), stride=net.stride).heatmap_size == (15, 11)


def test_stages_train_and_gradients_reach_every_parameter():
    net = build("cpm_tiny", joints=5, width=8)
    outputs = net(rand(2, 3, 64, 48))
    assert [y.shape for y in outputs] == [(2, 5, 16, 12)] * 3
    outputs[-1].square().mean().backward()  # the last stage's loss alone reaches all
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in net.parameters())


def test_no_stage_changes_what_another_one_answered():
    """ReLUs work in place; the list must hold what each stage said."""
    net = build("cpm_tiny", width=8).eval()
    images = rand(1, 3, 64, 48)
    with torch.no_grad():
        outputs = net(images)
        torch.testing.assert_close(outputs[0], net.stem(images))
        features = net.middle(images)
        torch.testing.assert_close(outputs[2], net.stage(3, outputs[1], features))


def test_a_later_stage_listens_to_beliefs_and_to_the_image():
    net = build("cpm_tiny", joints=4, width=8).eval()
    with torch.no_grad():
        beliefs, features = rand(1, 4, 16, 12), net.middle(rand(1, 3, 64, 48))
        before = net.stage(2, beliefs, features)
        for changed in ((beliefs.flip(1), features), (beliefs, features.flip(1))):
            assert (net.stage(2, *changed) - before).abs().max() > 1e-3


def test_truncated():
    net = build("cpm_tiny", joints=4, width=8).eval()
    images, whole = rand(2, 3, 64, 48), count(net)
    with torch.no_grad():
        wanted = net(images)
        for n, part in enumerate(parts(net), 1):
            got = part(images)
            assert len(got) == part.stages == n
            assert all(map(torch.equal, got, wanted))
    sizes = [count(part) for part in parts(net)]
    assert sizes[0] == count(net.stem)
    assert sizes == sorted(set(sizes))
    assert sizes[-1] == whole == count(net)  # the network itself is as it was
    costs = [count_macs(part, images[:1]) for part in parts(net)]
    assert costs == sorted(set(costs))
    assert net.truncated(2).stem[0].conv.weight is net.stem[0].conv.weight
    assert CPMReference(5, 3, width=8).truncated(2).stages == 2
    with pytest.raises(ArgumentError, match="stages = 4"):
        net.truncated(4)


def test_it_learns_at_every_stage():
    codec = HeatmapCodec((64, 48), criterion="cross_entropy")
    net, source = build("cpm_tiny", stages=2, width=16), Dots()
    fit(net, codec, source, steps=80, batch_size=8, lr=5e-3, progress=False)
    test = source.batch(64, torch.Generator().manual_seed(9))
    for points in predict(net, test.image, codec=codec):
        assert (points - test.keypoints[:, 0]).norm(dim=-1).mean() < 3


@pytest.mark.parametrize("wrong", [{"stages": 0}, {"width": 3}, {"pool": 4}])
def test_what_it_does_not_take(wrong):
    name = next(iter(wrong))
    with pytest.raises(ArgumentError, match=f"{name} = {wrong[name]}"):
        CPM(**wrong)


def test_grey_images_are_refused():
    with pytest.raises(ShapeError, match="images"):
        build("cpm_tiny", width=8)(rand(1, 1, 64, 48))


# --- the paper's own -----------------------------------------------------------------


def test_paper_network():
    with torch.device("meta"):
        net = CPMPaper()
        outputs = net(torch.zeros(1, 3, 368, 368))
    assert [y.shape for y in outputs] == [(1, 15, 46, 46)] * 6  # 14 joints + background
    assert net.fields()[:3] == [160, 400, 640]
    assert not any("bn" in name for name in net.state_dict())


def test_the_stated_fields_are_those_of_the_paper():
    assert CPM(width=4).fields()[:2] == CPMPaper(width=4, pool=3).fields()[:2]
    assert CPMPaper(width=4, pool=3).fields()[:2] == [167, 407]


@pytest.mark.parametrize("pool", [2, 3])
def test_paper_fields_are_what_gradients_measure(pool):
    """A strip is enough for the width, and channels make no difference."""
    net = CPMPaper(joints=2, stages=3, width=4, pool=pool)
    for stage, field in enumerate(net.fields()):
        _, width = measured_field(net, (16, field + 80), stage)
        assert width == field
    assert measured_field(net, (240, 240), 0) == (net.fields()[0],) * 2


def test_tiny_fields_are_what_gradients_measure():
    net = build("cpm_tiny", joints=2, width=4)
    assert net.fields() == [45, 93, 141]
    for stage, field in enumerate(net.fields()):
        assert measured_field(net, (200, 180), stage) == (field, field)


def test_spread_taps_widen_the_window_and_cost_nothing():
    image, plain = torch.zeros(1, 3, 64, 48), build("cpm_tiny", stages=1, width=4)
    for spread in (3, 5, 7):
        net = build("cpm_tiny", stages=1, width=4, spread=spread)
        assert net.fields() == [29 + 16 * spread]
        assert measured_field(net, (200, 180)) == (net.fields()[0],) * 2
        assert count(net) == count(plain)
        assert count_macs(net, image) == count_macs(plain, image)


def test_without_the_wire_no_stage_reads_the_one_before():
    net = build("cpm_tiny", seed=0, width=4, wired=False)
    images = rand(2, 3, 32, 32)
    before = net.eval()(images)
    net.stem[-1].conv.weight.data += 1.0  # other beliefs after stage 1
    after = net(images)
    assert not torch.equal(after[0], before[0])
    assert all(torch.equal(a, b) for a, b in zip(after[1:], before[1:], strict=True))
    assert net.fields() == [45, 77, 77]
    seen = [measured_field(net, (40, 120), stage)[1] for stage in range(3)]
    assert seen == net.fields()


def test_a_centre_map_says_who_is_meant():
    net = CPMPaper(joints=2, stages=2, width=8).eval()
    images = rand(2, 3, 64, 96)
    middle = net.centre_map(images)
    assert middle.shape == (2, 1, 8, 12)
    torch.testing.assert_close(middle, middle.flip(2).flip(3))
    one_sigma = torch.tensor([[43.5 + 21, 27.5], [43.5, 27.5]])
    heights = net.centre_map(images, one_sigma)[:, 0, 3, 5]  # cell (5, 3): 43.5, 27.5
    torch.testing.assert_close(heights, torch.tensor([0.60653, 1.0]))
    with torch.no_grad():
        first, second = net(images)
        left_first, left_second = net(images, torch.tensor([[20.0, 32.0]] * 2))
    assert torch.equal(first, left_first)  # stage 1 does not see it
    assert (second - left_second).abs().max() > 1e-5
    with pytest.raises(ShapeError, match="centres"):
        net(images, torch.zeros(1, 2))
