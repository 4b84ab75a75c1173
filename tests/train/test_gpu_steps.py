"""What a step of each network asks of a GPU: nothing that the CPU has to wait for."""

from dataclasses import replace

import pytest

from poselab import recipes
from poselab.datasets import Pool, Resident, SyntheticPeople
from poselab.recipes.bodies import Bodies, BodyPeople
from poselab.records import Sample
from poselab.train import run
from poselab.train.adversarial import train_adversarial
from tests.support.pretend import WAITS, pretended

PEOPLE = {"single": 1, "space": 1, "root": 1}
# A painter and its judges take turns: their steps are never recorded.
NAMES = [n for n in recipes.names() if recipes.find(n).trainer is not train_adversarial]


class Spy:
    """In place of a graph: takes the step, and notes what the CPU waited for."""

    waits: list = []

    def __init__(self, learn):
        self.learn, self.problem = learn, None

    def __call__(self, inputs, targets):
        WAITS.clear()
        loss = self.learn(inputs, targets)
        self.waits.append(list(WAITS))
        return loss


@pytest.fixture(scope="module")
def pools(tmp_path_factory):
    folder, found = tmp_path_factory.mktemp("pools"), {}

    def pool(size, people, bodies=False):
        if (size, people, bodies) not in found:
            maker = SyntheticPeople(size, people, seed=1)
            fields = ("image", "keypoints", "visibility", "boxes", "areas", "person_id")
            more = ["joints_3d", "intrinsics", "track_ids", "hidden_by"]
            if bodies:
                maker, more = BodyPeople(size, seed=1), [*more, "rotations", "betas"]
            pool = Pool(maker, 4, fields=(*fields, *more), directory=folder)
            found[size, people, bodies] = pool
        return found[size, people, bodies]

    return pool


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_step_can_be_recorded(name, pools, monkeypatch):
    recipe = recipes.find(name)
    people = 1 if PEOPLE.get(recipe.task) else (2, 3)
    pool = pools(tuple(recipe.size), people, isinstance(recipe.data, Bodies))
    monkeypatch.setattr(run, "Graphed", Spy)
    Spy.waits = []
    short = replace(
        recipe, stages=tuple(replace(s, steps=1, batch_size=2) for s in recipe.stages)
    )
    with pretended():
        data = Resident([pool], "cuda")
        held_out: Sample = pool.samples([0, 1, 2, 3])
        options = {"graphed": True, "half": False, "progress": False}
        short.trainer(short, data, held_out, 0, "cuda", **options)
    if recipe.reader().recordable:
        assert len(Spy.waits) == len(recipe.stages)
        assert not any(Spy.waits)
    else:
        assert not Spy.waits  # it is never asked to be recorded
