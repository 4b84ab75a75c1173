"""CascadeExplorer: what it shows is what the cascade says."""

import pytest
import torch

from poselab.datasets import SyntheticPeople
from poselab.errors import ArgumentError
from poselab.explore.deeppose import CascadeExplorer, shifted
from poselab.models.deeppose import Cascade, DeepPose, Refiner
from tests.support.samples import with_people


@pytest.fixture(scope="module")
def samples():
    return SyntheticPeople(seed=5, split="test").batch(3)


@pytest.fixture(scope="module")
def cascade():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = Cascade(DeepPose(), [Refiner(), Refiner()], sigma=1.2)
        with torch.no_grad():  # answers far from each other, so that arrows are seen
            for refiner in net.refiners:
                refiner.layers[-1].bias.normal_(0, 0.5)
        return net.eval()


@pytest.fixture
def explorer(cascade, samples):
    return CascadeExplorer(cascade, samples)


def test_every_control_changes_the_picture(explorer):
    seen = explorer.sweep()
    assert all(count > 1 for count in seen.values()), seen


def test_errors_are_those_of_the_cascade(explorer, cascade, samples):
    with torch.no_grad():
        stages = cascade(samples.image[1:2])
    known = samples.visibility[1, 0] > 0
    wanted = [
        float((s[0] - samples.keypoints[1, 0]).norm(dim=-1)[known].mean())
        for s in stages
    ]
    assert explorer.errors(1, 1.2) == pytest.approx(wanted, rel=1e-4)
    explorer.set(image=1)
    assert " → ".join(f"{w:.1f}" for w in wanted) in explorer.live_caption


def test_sigma_is_tried_without_touching_the_network(explorer, cascade):
    explorer.set(sigma=2.0)
    assert cascade.sigma == 1.2
    box = explorer._answer(0, 2.0, 0, 0).boxes[0]
    assert torch.allclose(
        box[:, 2], 2.0 / 1.2 * explorer._answer(0, 1.2, 0, 0).boxes[0][:, 2]
    )


def test_a_shift_moves_the_image_and_its_truth_together(samples):
    image = samples.image[0]
    moved = shifted(image, 5, -3)
    assert torch.equal(moved[:, :-3, 5:], image[:, 3:, :-5])
    assert torch.equal(moved[:, :, 0], moved[:, :, 4])


def test_a_perfect_follower_is_seen_to_follow(samples):
    class Follower(torch.nn.Module):
        """Says where the brightest row and column are: it follows every shift."""

        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(1))

        def forward(self, images):
            x = images.mean((1, 2)).argmax(-1) / images.shape[-1] - 0.5
            y = images.mean((1, 3)).argmax(-1) / images.shape[-2] - 0.5
            return torch.stack([x, y], -1)[:, None].expand(-1, 17, 2)

    spot = samples.replace(image=torch.zeros_like(samples.image))
    spot.image[:, :, 60:64, 40:44] = 1
    explorer = CascadeExplorer(Cascade(Follower()), spot)
    assert explorer.followed(0, 1.0, 6, -4) == [pytest.approx([6.0, -4.0], abs=1e-3)]
    explorer.set(dx=6, dy=-4)
    assert "by (6, -4) px, the answers by (6.0, -4.0)" in explorer.live_caption


def test_forward_passes_are_remembered(explorer):
    explorer.set(dx=3)
    done = explorer._answer.cache_info().misses
    explorer.set(dx=0, truth=False, joint="nose", stage=1)
    explorer.set(dx=3, window=False)
    assert explorer._answer.cache_info().misses == done


@pytest.mark.parametrize("people", [0, 2])
def test_wrong_samples_are_refused(cascade, samples, people):
    with pytest.raises(ArgumentError, match="one person per image"):
        CascadeExplorer(cascade, with_people(samples, people))


def test_a_network_that_is_no_cascade_is_refused(samples):
    with pytest.raises(ArgumentError, match="Cascade"):
        CascadeExplorer(DeepPose(), samples)
