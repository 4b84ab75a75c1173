"""The explorers of notebook 03: what they show is what networks and priors say."""

import itertools

import pytest
import torch

from poselab.codecs import HeatmapCodec, peaks, pixels_to_cells
from poselab.datasets import SyntheticPeople
from poselab.draw.overlay import heated
from poselab.errors import ArgumentError
from poselab.explore.tompson import PyramidExplorer, SpatialExplorer
from poselab.models import DeepPose, PyramidNet, SpatialModel, build

ARMS = (5, 7, 9)


@pytest.fixture(scope="module")
def samples():
    return SyntheticPeople(seed=5, split="test").batch(3)


class Knowing(PyramidNet):
    """Has the maps of people whom it knows, whatever it is shown."""

    def __init__(self, samples):
        super().__init__(levels=1, width=4)
        codec = HeatmapCodec(samples.size)
        self.known = [codec.encode(sample)[1]["heatmaps"] for sample in samples]
        self.images = samples.image

    def forward(self, images):
        index = (self.images == images).flatten(1).all(1).nonzero()[0, 0]
        return (self.known[index] + 1e-4).log()


@pytest.fixture(scope="module")
def spatial(samples):
    cells = pixels_to_cells(samples.keypoints[:, 0], 4)
    pairs = torch.tensor(list(itertools.permutations(ARMS, 2)))
    return SpatialModel.from_displacements(
        cells, samples.visibility[:, 0], (32, 24), pairs
    )


@pytest.fixture
def pyramid(samples):
    return PyramidExplorer(build("tompson", seed=0), samples)


@pytest.fixture
def voting(samples, spatial):
    return SpatialExplorer(Knowing(samples), spatial, samples)


def test_every_control_of_the_pyramid_changes_the_picture(pyramid):
    seen = pyramid.sweep()
    assert all(count > 1 for count in seen.values()), seen


def test_all_levels_are_the_network_and_one_level_is_its_part(pyramid, samples):
    net = pyramid.network
    with torch.no_grad():
        output, features = net(samples.image[1:2]), net.features(samples.image[1:2])
        zero = [torch.zeros_like(feature) for feature in features]
        alone = net.merge([zero[0], features[1], zero[2]])
    maps, joints = pyramid.answer(1, ("full", "half", "quarter"))
    torch.testing.assert_close(maps, pyramid.codec.heatmaps(output)[0])
    torch.testing.assert_close(joints, pyramid.codec.decode(output).keypoints[0, 0])
    maps, _ = pyramid.answer(1, ("half",))
    torch.testing.assert_close(maps, pyramid.codec.heatmaps(alone)[0])


def test_fields_double_around_the_cell(pyramid):
    boxes = pyramid.fields(torch.tensor([41.0, 50.0]))
    assert boxes[:, 2].tolist() == [45, 90, 180]
    middle = boxes[:, :2] + boxes[:, 2:] / 2 - 0.5
    assert middle.tolist() == [[41.5, 49.5]] * 3  # the centre of cell (10, 12)


def test_no_level_at_all_is_said(pyramid):
    pyramid.set(full=False, half=False, quarter=False)
    assert "levels: none; no cell sees anything" in pyramid.live_caption
    pyramid.set(half=True)
    assert "levels: half; a cell sees 90 px" in pyramid.live_caption


def test_every_control_of_the_spatial_model_changes_the_picture(voting):
    seen = voting.set(strength=0.5, bias=-2.0).sweep()
    assert all(count > 1 for count in seen.values()), seen


def test_votes_are_the_spatial_models(voting, samples, spatial):
    maps = voting._maps(0)
    with torch.no_grad():
        said = spatial.messages(maps[None])[0]
        wanted = spatial(maps[None], 0.5)[0, 9]
    chosen = spatial.pairs[:, 0] == 9
    got = voting.opinions(0, "left_wrist", -3.0, "all")
    torch.testing.assert_close(got, said[chosen].log().sum(0), atol=1e-3, rtol=1e-3)
    total = (maps[9] + 1e-3).log() + 0.5 * got
    total = total.flatten().log_softmax(-1).view_as(total)
    torch.testing.assert_close(total, wanted, atol=1e-3, rtol=1e-3)


def test_a_planted_wrist_wins_without_votes_and_loses_with_them(voting, samples):
    index = int((samples.visibility[:, 0, ARMS] > 0).all(-1).nonzero()[0])
    truth = samples.keypoints[index, 0, 9]
    x, y = (5, 120) if truth[1] < 64 else (5, 5)
    own = voting.planted(index, "left_wrist", x, y, 1.5)
    cell, _ = peaks(own)
    assert (cell - pixels_to_cells(torch.tensor([x, y]), 4)).abs().max() <= 0.5
    votes = voting.opinions(index, "left_wrist", -3.0, "all")
    after, _ = peaks((own + 1e-3).log() + votes)
    assert (after - pixels_to_cells(truth, 4)).norm() < 2
    voting.set(image=index, x=x, y=y, height=1.5, strength=0.0)
    still = voting.live_caption
    assert voting.set(strength=1.0).live_caption != still


def test_forward_passes_and_messages_are_remembered(voting):
    done = voting._maps.cache_info().misses, voting._spread.cache_info().misses
    voting.set(x=40, y=20, strength=0.3, bias=-5.0, sender="left_elbow")
    assert (
        voting._maps.cache_info().misses,
        voting._spread.cache_info().misses,
    ) == done


def test_heat_is_strongest_at_the_peak(samples):
    heat = torch.zeros(32, 24)
    heat[10, 5] = 1.0
    cold, hot = (heated(samples.image[0], h, 1) for h in (torch.zeros(32, 24), heat))
    assert hot.getpixel((22, 42)) != cold.getpixel((22, 42))
    assert hot.getpixel((80, 100)) == cold.getpixel((80, 100))


def test_wrong_arguments_are_refused(samples, spatial):
    with pytest.raises(ArgumentError, match="PyramidNet"):
        PyramidExplorer(DeepPose(), samples)
    with pytest.raises(ArgumentError, match="SpatialModel"):
        SpatialExplorer(PyramidNet(), PyramidNet(), samples)
    with pytest.raises(ArgumentError, match="one person per image"):
        PyramidExplorer(PyramidNet(), samples[0])


def test_the_menu_has_who_sends_and_who_receives(samples, spatial):
    """A model whose messages go to the wrists alone."""
    pairs = torch.tensor([(a, v) for a in (9, 10) for v in (*ARMS, 0) if v != a])
    wrists = SpatialModel(17, (32, 24), pairs)
    seen = SpatialExplorer(Knowing(samples), wrists, samples)
    menus = {name: seen.controls[name].options for name in ("joint", "sender")}
    options = {name: [value for _, value in menu] for name, menu in menus.items()}
    assert options["joint"] == ["left_wrist", "right_wrist"]
    assert options["sender"][0] == seen.values["sender"] == "all"
    assert set(options["sender"][1:]) == {
        "nose",
        "left_shoulder",
        "left_elbow",
        "left_wrist",
    }
