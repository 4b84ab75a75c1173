"""Everybody Dance Now: generator and discriminators, the reference's numbers."""

import torch

from poselab.models.edn import (
    Generator,
    MultiscaleDiscriminator,
    feature_matching,
    reference_name,
)
from tests.support import golden


@torch.no_grad()
def test_the_generator_is_the_reference():
    content = golden.manifest("edn_global_g_32x64")
    net = golden.load(Generator().double(), content)
    assert sum(p.numel() for p in net.parameters()) == content["params"]
    images = [x.double() for x in golden.inputs(content)]
    assert golden.error(content["outputs"][0], net(*images)) < 1e-9
    net.model[4].weight.view(-1)[77] += 1e-2
    assert golden.error(content["outputs"][0], net(*images)) > 1e-7


@torch.no_grad()
def test_the_discriminators_are_the_reference():
    content = golden.manifest("edn_multiscale_d_64x64")
    net = golden.load(MultiscaleDiscriminator().double(), content, reference_name)
    assert sum(p.numel() for p in net.parameters()) == content["params"]
    found = net(*[x.double() for x in golden.inputs(content)])
    named = {
        f"out{i}_{j}": feature
        for i, features in enumerate(found)
        for j, feature in enumerate(features)
    }
    assert named.keys() == golden.outputs(content).keys()
    assert max(golden.errors(content, named).values()) < 1e-9


def test_a_small_pair_learns_from_both_losses():
    generator = Generator(width=4, downs=2, blocks=1)
    judge = MultiscaleDiscriminator(6, width=4, layers=2)
    real, fake = torch.rand(2, 3, 32, 32), generator(torch.rand(2, 6, 32, 32))
    assert fake.shape == real.shape
    assert fake.abs().max() <= 1
    pairs = [torch.cat([x, x], 1) for x in (real, fake)]
    loss = feature_matching(*(judge(pair) for pair in pairs))
    loss.backward()
    assert all(p.grad is not None for p in generator.parameters())
    same = feature_matching(judge(pairs[0]), judge(pairs[0]))
    assert same == 0 < loss
