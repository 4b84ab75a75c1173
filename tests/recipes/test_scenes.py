"""Recipes of networks for whole scenes: alike where they are compared."""

import torch

from poselab import models, recipes
from poselab.evaluate import tasks
from poselab.pipelines import BottomUp
from poselab.recipes.openpose import branch_names
from tests.support import crowds

SCENES = [n for n in recipes.names() if recipes.find(n).task == "people"]


def test_networks_for_whole_scenes_learn_from_the_same_pictures():
    assert {
        "openpose_tiny",
        "associative_embedding_tiny",
        "higherhrnet_tiny",
        "personlab_tiny",
    } == set(SCENES)
    made = [recipes.find(name) for name in SCENES]
    assert len({recipe.data.pool for recipe in made}) == 1
    assert len({recipe.pictures for recipe in made}) == 1
    assert len({recipe.size for recipe in made}) == 1
    assert len({str(recipe.data.variation) for recipe in made}) == 1


def test_ablations_differ_in_what_is_asked_about_only():
    for chapter, name, field in (
        ("11", "fine_map", "arguments"),
        ("07", "disorder", "data"),
    ):
        arms = recipes.ablations(chapter)[name].arms
        contents = [arm.content() for arm in arms.values()]
        for content in contents:
            content.pop(field)
        assert all(content == contents[0] for content in contents)
        assert len({str(arm.content()) for arm in arms.values()}) == len(arms)


def test_heatmaps_are_probabilities_where_the_loss_takes_them_for_some():
    """Network and codec are told apart from each other, and neither would complain."""
    for name in SCENES:
        recipe = recipes.find(name)
        logistic = recipe.codec.get("criterion", "mse") == "logistic"
        assert recipe.arguments.get("logistic", False) is logistic, name


def test_squares_and_cross_entropies_differ_in_the_loss_of_heatmaps_only():
    arms = recipes.ablations("11")["heatmap_loss"].arms
    contents = [arm.content() for arm in arms.values()]
    found = [
        (content["codec"].pop("criterion"), content["arguments"].pop("logistic"))
        for content in contents
    ]
    assert found == [("mse", False), ("mse", True), ("logistic", True)]
    assert all(content == contents[0] for content in contents)


def test_what_a_network_that_knows_gets():
    recipe = recipes.find("personlab_tiny")
    codec = recipe.reader()
    crowd = crowds.crowd(3, recipe.size, 0)

    class Knows(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(()))

        def forward(self, images):
            return crowds.perfect_offsets(codec, crowd)

    scores = tasks.score_people(Knows(), codec, crowd)
    assert scores["AP"] > 0.99
    nobody = tasks.score_people(recipe.network(0).eval(), codec, crowd)
    assert nobody["AP"] < 0.01


def test_an_untrained_network_has_a_row(monkeypatch):
    recipe = recipes.find("associative_embedding_tiny")
    crowd = crowds.crowd(2, recipe.size, 0)
    monkeypatch.setattr(tasks, "crowd_of", lambda codec: crowd)
    row = tasks.people_rows("toy", recipe.network(0).eval(), recipe.reader())[0]
    assert (row["name"], row["set"]) == ("toy", "crowd")
    assert set(row["scores"]) == {"AP", "AP50", "AP75", "AR"}
    assert row["macs"] > 1e8
    assert 0.3e6 < row["parameters"] < 1e6


def test_the_released_names_of_openpose_are_those_of_the_network():
    with torch.device("meta"):
        net = models.maker("openpose")()
    own = list(net.state_dict())
    theirs = [name.partition(".")[2] for name in own]
    assert len(set(theirs)) == len(own)
    assert [branch_names(name) for name in theirs] == own


def test_blue_comes_first_for_the_released_network():
    torch.manual_seed(0)
    net = models.build("openpose", stages=1, width=4, wide=4).eval()
    image = torch.rand(1, 3, 16, 16)
    plain = net(image.flip(1))[0][0]
    net.bgr = True
    torch.testing.assert_close(net(image)[0][0], plain)


def test_a_recipe_s_network_goes_into_the_pipeline():
    recipe = recipes.find("higherhrnet_tiny")
    system = BottomUp(recipe.network(0).eval(), recipe.reader(), flip=True)
    assert system(torch.rand(3, 96, 128)).keypoints.shape[1:] == (17, 2)
