"""Networks trained together: the same rules for all, and nothing is lost."""

import tarfile
import time
from dataclasses import replace
from itertools import pairwise

import pytest

from poselab import recipes, zoo
from poselab.evaluate.together import Rules, budgeted, learner, processes
from poselab.evaluate.together.__main__ import main
from poselab.recipes import Drawn
from poselab.recipes.shared import MIXTURE
from poselab.train import History
from poselab.zoo import cards

RULES = Rules(
    device="cpu",
    deadline=0.0,
    out="",
    pictures=64,
    search=16,
    rates=(1e-3, 2e-3, 4e-3),
    batch=8,
    pool=16,
    held_out=8,
    scenes=8,
    average=0.9,
    graphed=False,
)
LITTLE = (
    "--device cpu --pictures 32 --search 8 --batch 8 --pool 16 --scenes 8 --held-out 8"
)


@pytest.fixture(autouse=True)
def cache_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("POSELAB_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def rules(tmp_path):
    end = time.monotonic() + 600
    return replace(RULES, deadline=end, out=str(tmp_path / "out"))


@pytest.mark.parametrize("name", recipes.names())
def test_all_networks_get_the_same(name):
    recipe = budgeted(recipes.find(name), RULES, 1_000_000, 3e-3)
    assert recipe.pictures == pytest.approx(1_000_000, rel=1e-3)
    for stage in recipe.stages:
        assert (stage.lr, stage.batch_size, stage.average) == (3e-3, 8, 0.9)
    if recipe.task == "single" and type(recipe.data) is Drawn:
        assert recipe.data.variation == MIXTURE.variation
        assert (recipe.data.pool, recipe.data.crops) == (16, 16)


def test_whole_scenes_stay_whole():
    """A detector that learned from crops of one person found nobody in scenes."""
    data = budgeted(recipes.find("photo_detector"), RULES, 1_000_000, 3e-3).data
    assert (data.pool, data.crops) == (RULES.scenes, 0)
    assert data.people != 1
    photo = budgeted(recipes.find("photo"), RULES, 1_000_000, 3e-3).data
    assert (photo.pool, photo.crops) == (RULES.pool, RULES.pool)


def test_rules_are_read_as_they_were_written(tmp_path):
    RULES.write(tmp_path / "rules.json")
    assert Rules.read(tmp_path / "rules.json") == RULES


def test_a_learner_tries_rates_and_leaves_a_network_that_loads(rules):
    one = learner.Learner("heatmap_tiny", rules)
    one.score_on(lambda net, codec: {"PCK@0.1": 0.25})
    one.learn()
    assert set(one.tried) == {"0.001", "0.002", "0.004"}
    card = cards.card("heatmap_tiny", one.folder)
    assert card["pictures"] == 64
    assert card["curve"] == [{"pictures": 64, "PCK@0.1": 0.25}]
    best = max(card["rates"], key=lambda rate: card["rates"][rate]["PCK@0.05"])
    assert card["recipe"]["stages"][0]["lr"] == float(best)
    net = zoo.load("heatmap_tiny", folder=one.folder)
    assert net(one.held_out.image[:2]).shape == (2, 17, 32, 24)


def test_the_stages_of_a_network_share_its_time(rules):
    one, seen = learner.Learner("ief_tiny", rules), []
    recipe = budgeted(one.recipe, rules, 64, 1e-3)

    def trainer(plan, data, held_out, seed, device, **options):
        seen.append(options["deadlines"])
        return None, [History()]

    now = time.monotonic()
    one.train(replace(recipe, trainer=trainer), now + 100.0, None)
    (deadlines,) = seen
    assert deadlines[-1] == pytest.approx(now + 100, abs=0.1)
    assert all(a < b for a, b in pairwise([now, *deadlines]))


def test_a_rate_that_fails_is_not_chosen(rules, monkeypatch):
    one = learner.Learner("heatmap_tiny", rules)
    train = one.train

    def fails(recipe, end, score):
        if recipe.stages[0].lr == 2e-3:
            raise RuntimeError("out of memory")
        return train(recipe, end, score)

    monkeypatch.setattr(one, "train", fails)
    assert one.best_rate() in (1e-3, 4e-3)
    assert "0.002" not in one.tried


def test_the_middle_rate_comes_first():
    assert learner.middle_first((1.0, 2.0, 4.0))[0] == 2.0
    assert sorted(learner.middle_first((1.0, 2.0, 4.0))) == [1.0, 2.0, 4.0]


def test_what_is_written_on_the_way_can_be_loaded(rules):
    """The last of it is what is left when a machine is taken away."""
    one = learner.Learner("heatmap_tiny", rules)
    one.score_on(lambda net, codec: {"PCK@0.1": 0.5})
    recipe = budgeted(one.recipe, rules, 16, 1e-3)
    draft = learner.Draft(one, recipe)
    draft(recipe.network(0), recipe.reader())
    assert cards.card("heatmap_tiny", one.folder)["unfinished"]
    assert zoo.load("heatmap_tiny", folder=one.folder) is not None


def test_one_that_fails_harms_no_other(tmp_path, monkeypatch):
    (tmp_path / "broken.py").write_text("raise SystemExit(3)")
    (tmp_path / "sleeper.py").write_text("import time\ntime.sleep(60)")
    (tmp_path / "quick.py").write_text(
        "import json, pathlib, sys\n"
        "rules = json.loads(open(sys.argv[2]).read())\n"
        "out = pathlib.Path(rules['out']) / sys.argv[1]\n"
        "out.mkdir()\n(out / 'weights').write_text('learned')\nprint('fine')"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(processes, "LOOK", 0.05)
    rules = replace(RULES, deadline=time.monotonic() + 4, out=str(tmp_path / "out"))
    start = processes._start
    monkeypatch.setattr(
        processes, "_start", lambda name, out: start(name, out, module=name)
    )
    names = ("broken", "sleeper", "quick")
    ends = processes.train_together(names, rules, tmp_path / "all.tar")
    assert ends == {"broken": "failed (3)", "sleeper": "failed (-9)", "quick": "done"}
    with tarfile.open(tmp_path / "all.tar") as tar:
        assert {"quick/weights", "quick.log", "broken.log"} <= set(tar.getnames())
    assert "quick: done: fine" in processes.summary(names, rules, ends)


@pytest.mark.slow
def test_the_command_end_to_end(tmp_path, capsys):
    out = tmp_path / "trained"
    main(["heatmap_tiny", *LITTLE.split(), "--out", str(out), "--no-graph"])
    assert "heatmap_tiny: done" in capsys.readouterr().out
    assert cards.names(out / "heatmap_tiny") == ["heatmap_tiny"]
    assert (tmp_path / "trained.tar").is_file()


def test_networks_that_begin_with_another_s_weights_are_not_compared(monkeypatch):
    asked = []
    command = "poselab.evaluate.together.__main__"
    monkeypatch.setattr(
        f"{command}.train_together", lambda names, *_: asked.extend(names) or {}
    )
    monkeypatch.setattr(f"{command}.summary", lambda *_: "")
    main(LITTLE.split())
    assert "simple_baseline_tiny" in asked
    assert "sstn_tiny" not in asked
