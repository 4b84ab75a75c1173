"""Recipes: found by their place, whole on a card, and true to what they say."""

import json
from dataclasses import replace
from types import ModuleType, SimpleNamespace

import pytest
import torch

from poselab import codecs, models, recipes
from poselab.datasets import CocoPeople, save_coco
from poselab.datasets.sources import Mixed, Varied
from poselab.errors import ArgumentError
from poselab.recipes import Drawn, hrnet
from poselab.recipes import data as data_module
from poselab.recipes.base import start_near_zero
from poselab.train import Schedule
from tests.support import toys
from tests.support.samples import make_sample
from tests.support.sources import Dots

ALL = [*recipes.names(), *recipes.paper_names()]


def test_recipes_are_found_by_the_place_of_their_file(monkeypatch):
    assert {"deeppose_tiny", "hrnet_tiny"} <= set(recipes.names())
    assert {"hrnet_w32", "simple_baseline_r50"} <= set(recipes.paper_names())
    assert recipes.find("hrnet_tiny") is hrnet.TINY["hrnet_tiny"]
    assert recipes.chapter_of("hrnet_tiny") == "08"
    assert recipes.chapter_of("lenet") is None
    monkeypatch.setitem(hrnet.TINY, "toy", toys.MAPS)
    assert recipes.find("toy") is toys.MAPS
    with pytest.raises(ArgumentError, match="lenet.*Known: .*deeppose_tiny"):
        recipes.find("lenet")


def test_a_new_file_is_found(tmp_path, monkeypatch):
    """Its module need not be named anywhere."""
    module = ModuleType("poselab.recipes.toy")
    module.CHAPTER, module.TINY = "99", {"toy": toys.MAPS}
    real = recipes.import_module
    monkeypatch.setattr(
        recipes,
        "import_module",
        lambda name: module if name.endswith(".toy") else real(name),
    )
    only = [SimpleNamespace(name="toy")]
    monkeypatch.setattr(recipes.pkgutil, "iter_modules", lambda paths: only)
    assert recipes.names() == ["toy"]
    assert recipes.chapter_of("toy") == "99"


@pytest.mark.parametrize("name", ALL)
def test_a_recipe_is_whole_on_a_card(name):
    recipe = recipes.find(name)
    content = recipe.content()
    assert json.loads(json.dumps(content)) == content
    assert codecs.build(**content["codec"]).size == recipe.size
    assert recipe.reader().size == recipe.size
    with torch.device("meta"):
        net = models.maker(content["model"])(**content["arguments"])
    assert len(list(net.parameters())) > 0
    assert recipe.trainer.__name__ == content["trainer"]


def test_different_recipes_have_different_cards():
    cards = {json.dumps(recipes.find(name).content()) for name in ALL}
    assert len(cards) == len(ALL)
    changed = replace(toys.MAPS, stages=(Schedule(60, 16, 5e-3),))
    assert changed.content() != toys.MAPS.content()


@pytest.mark.parametrize("name", recipes.paper_names())
def test_papers_recipes_are_of_paper_size(name):
    recipe = recipes.find(name)
    with torch.device("meta"):
        net = models.maker(recipe.model)(**recipe.arguments)
    assert sum(p.numel() for p in net.parameters()) > 25e6
    assert recipe.reader().heatmap_size == (64, 48)


def test_steps_and_batch_of_a_papers_recipe():
    def plan(name, samples, **changes):
        (stage,) = recipes.find(name).stages
        found = replace(stage, **changes).for_samples(samples)
        return found.steps, found.batch_size

    assert plan("hrnet_w32", 12800) == (21000, 128)
    assert plan("hrnet_w32", 6, epochs=2) == (2, 6)
    assert plan("hrnet_w32", 6, epochs=1, batch_size=2) == (3, 2)
    assert plan("simple_baseline_r50", 12800) == (14000, 128)
    for wrong in ({"epochs": 0}, {"epochs": float("nan")}, {"batch_size": 0}):
        with pytest.raises(ArgumentError, match=next(iter(wrong))):
            plan("hrnet_w32", 6, **wrong)


class Maker(Dots):
    """In place of people and crops: notes what it is asked for."""

    asked: list = []

    def __init__(self, size, *arguments, seed=None):
        super().__init__(size)
        self.asked.append((size, arguments, seed))

    def pool(self, n):
        self.asked.append(n)
        return self

    def batch(self, n, generator=None):
        return super().batch(n, generator or torch.Generator())


@pytest.fixture
def makers(monkeypatch):
    Maker.asked = []
    for name in ("SyntheticPeople", "PersonCrops"):
        monkeypatch.setattr(data_module, name, Maker)
    return Maker.asked


def test_crops_join_the_people_of_a_recipe(makers):
    data, held_out = Drawn(pool=16, crops=8, held_out=4).open((64, 48), seed=3)
    assert isinstance(data, Mixed)
    assert len(held_out) == 4
    assert [n for n in makers if isinstance(n, int)] == [16, 8]
    assert ((64, 48), (1, 3), None) in makers
    assert ((64, 48), (), 3) in makers


def test_the_held_out_are_other_people(makers):
    data, _ = Drawn(pool=16, people=(2, 8), variation={"zoom": 0.1}).open((64, 48), 3)
    assert isinstance(data, Varied)
    seeds = [asked[1][1] for asked in makers if isinstance(asked, tuple)]
    assert seeds[0] == 3
    assert seeds[1] != 3


def test_own_people_take_the_place_of_drawn_ones(tmp_path):
    samples = [make_sample(i, people=2, size=(80, 90)) for i in range(3)]
    save_coco(samples, tmp_path / "annotations.json", tmp_path / "images")
    data, held_out = Drawn(pool=9, held_out=4).open((64, 48), 0, f"coco:{tmp_path}")
    assert isinstance(data, CocoPeople)
    assert (len(data), len(held_out)) == (6, 4)


def test_small_first_weights():
    net = models.build("simple_baseline", depth=10)
    before = net.conv1.weight.clone()
    start_near_zero(net, ("final_layer",), 0)
    assert net.final_layer.weight.std().item() == pytest.approx(1e-3, rel=0.1)
    assert not net.final_layer.bias.any()
    assert torch.equal(net.conv1.weight, before)
    start_near_zero(net, (), 0)
    assert torch.equal(net.conv1.weight, before)
    start_near_zero(net, ("",), 0)  # every name begins so
    assert net.conv1.weight.std().item() == pytest.approx(1e-3, rel=0.1)


def test_ablations_of_a_notebook(monkeypatch):
    with pytest.raises(ArgumentError, match="no ablations.*Known"):
        recipes.ablations("99")
    ablation = recipes.Ablation("Does it?", {"yes": toys.MAPS}, seeds=(0,))
    monkeypatch.setattr(hrnet, "ABLATIONS", {"toy": ablation}, raising=False)
    assert recipes.ablations("08")["toy"] is ablation


def test_released_networks_are_sorted_and_complete():
    found = recipes.released()
    assert list(found) == sorted(found)
    assert len(found) >= 16
