"""Every way of training: one signature, it learns, it repeats itself."""

import inspect
from dataclasses import replace

import pytest
import torch

from poselab.evaluate import predict
from poselab.evaluate.tasks import rows
from poselab.models import Normalise
from poselab.recipes import follow
from poselab.train import Trainer, mean_pose
from tests.support import toys
from tests.support.sources import Dots

RECIPES = {
    "single": toys.MAPS,
    "cascade": toys.CASCADE,
    "coarse_to_fine": toys.COARSE_TO_FINE,
    "feedback": toys.FEEDBACK,
}


def unseen(n=64):
    return Dots(toys.SIZE).batch(n, torch.Generator().manual_seed(200))


@pytest.fixture(scope="module", params=RECIPES)
def made(request):
    return follow(RECIPES[request.param], progress=False)


def errors(made):
    """The mean error [px] after each stage, on dots that were never seen."""
    test = unseen()
    found = predict(made.net, test.image, codec=made.recipe.reader())
    return [(y - test.keypoints[:, 0]).norm(dim=-1).mean() for y in found]


def test_it_learns_and_ends_in_eval_mode(made):
    assert not made.net.training
    assert [len(h.loss) for h in made.histories] == [
        s.steps for s in made.recipe.stages
    ]
    for history in made.histories:
        assert sum(history.loss[-5:]) < sum(history.loss[:5])
    test = unseen()
    middle = torch.tensor([23.5, 31.5])
    still = (middle - test.keypoints[:, 0]).norm(dim=-1).mean()
    assert errors(made)[-1] < 0.85 * still


@pytest.mark.parametrize("name", RECIPES)
def test_the_signature_is_that_of_a_trainer(name):
    wanted = list(inspect.signature(Trainer.__call__).parameters)[1:]
    found = list(inspect.signature(RECIPES[name].trainer).parameters)
    assert found[:5] == wanted[:5]
    assert found[-1] == wanted[-1]


def test_the_same_seed_gives_the_same_weights():
    short = toys.brief(toys.CASCADE)
    a, b, other = (follow(short, seed, progress=False).net for seed in (1, 1, 2))
    pairs = list(zip(a.parameters(), b.parameters(), strict=True))
    assert all(torch.equal(x, y) for x, y in pairs)
    assert not torch.equal(next(a.parameters()), next(other.parameters()))


def test_each_stage_has_a_checkpoint_of_its_own(tmp_path):
    short = toys.brief(toys.CASCADE)
    made = follow(short, progress=False, checkpoint=tmp_path)
    assert [p.name for p in sorted(tmp_path.iterdir())] == ["stage_1.pt", "stage_2.pt"]
    again = follow(short, progress=False, checkpoint=tmp_path)
    assert [h.loss for h in again.histories] == [h.loss for h in made.histories]
    assert [h.seconds for h in again.histories] == [h.seconds for h in made.histories]


def test_a_refiner_brings_the_cascade_nearer():
    found = errors(follow(toys.CASCADE, progress=False))
    assert found[1] < 0.8 * found[0]


def test_feedback_starts_at_the_mean_of_the_held_out_and_has_a_row_for_each_step():
    made = follow(toys.brief(toys.FEEDBACK), progress=False)
    _, held_out = toys.DrawnDots().open(toys.SIZE)
    torch.testing.assert_close(made.net.start, mean_pose(held_out))
    table = rows("toy", made.net, unseen(8), made.recipe.reader())
    assert [row["stage"] for row in table] == [1, 2, 3]
    assert table[2]["macs"] == pytest.approx(3 * table[0]["macs"])
    assert len({row["parameters"] for row in table}) == 1


def test_each_look_has_a_row():
    made = follow(toys.brief(toys.COARSE_TO_FINE), progress=False)
    first, second = rows("toy", made.net, unseen(8), made.recipe.reader())
    fine = sum(p.numel() for p in made.net.fine.parameters())
    assert second["parameters"] == first["parameters"] + fine
    assert second["macs"] > first["macs"] > 0


def test_the_whole_is_scored_while_a_part_learns():
    """Pictures are counted over all stages, and what is scored answers in pixels."""
    test = unseen(8)

    def score(net, codec):
        assert not net.training
        found = predict(net, test.image, codec=codec)[-1]
        return {"error": float((found - test.keypoints[:, 0]).norm(dim=-1).mean())}

    for name, recipe in RECIPES.items():
        made = follow(toys.brief(recipe), progress=False, score=score)
        ends = [stage.pictures for stage in made.recipe.stages]
        wanted = [sum(ends[: i + 1]) for i in range(len(ends))]
        assert [point["pictures"] for point in made.curve] == wanted, name
        assert made.curve[-1]["error"] == pytest.approx(
            score(made.net, made.recipe.reader())["error"], rel=1e-4
        )


def test_first_weights_may_be_prepared(tmp_path):
    def zero(net):
        for value in net.parameters():
            value.data.zero_()

    plain = follow(toys.brief(toys.MAPS, 1), progress=False)
    made = follow(toys.brief(toys.MAPS, 1), progress=False, prepare=zero)
    assert made.histories[0].loss[0] == pytest.approx(5.2575, abs=1e-3)  # log(16 x 12)
    assert made.histories[0].loss[0] != plain.histories[0].loss[0]


def test_a_normalised_network_learns_from_normalised_images():
    recipe = replace(toys.MAPS, normalise=Normalise((0.5,) * 3, (0.25,) * 3))
    made = follow(recipe, progress=False)
    test = unseen()
    whole = recipe.prepared(made.net)
    found = predict(whole, test.image, codec=recipe.reader())[-1]
    plain = predict(made.net, test.image, codec=recipe.reader())[-1]
    truth = test.keypoints[:, 0]
    assert (found - truth).norm(dim=-1).mean() < (plain - truth).norm(dim=-1).mean()
