"""The table behind claims: every arm with every seed, once, in a file."""

import json
from dataclasses import replace

import pytest

from poselab.errors import ArgumentError, CheckpointError
from poselab.evaluate import ablations, claims
from poselab.evaluate.__main__ import main
from poselab.evaluate.ablations import run_claims
from poselab.recipes import Ablation, cpm
from tests.support import toys

TOY = Ablation(
    question="Does a slower rate hurt?",
    arms={
        "fast": toys.brief(toys.MAPS, 2),
        "slow": replace(
            toys.brief(toys.MAPS, 2),
            stages=(replace(toys.MAPS.stages[0], steps=2, lr=1e-5),),
        ),
    },
    seeds=(0, 1),
)


@pytest.fixture
def run(monkeypatch, tmp_path):
    """run() -> the rows after running the ablation; run.trained counts trainings."""
    monkeypatch.setattr(cpm, "ABLATIONS", {"rate": TOY}, raising=False)
    monkeypatch.setattr(ablations, "scorer", lambda task: lambda net, codec: {"x": 0.5})
    real = ablations.follow

    def counted(*arguments, **options):
        run.trained += 1
        return real(*arguments, **options)

    monkeypatch.setattr(ablations, "follow", counted)

    def run(**options):
        run.trained = 0
        return run_claims(
            "04", folder=tmp_path, report=lambda text: None, progress=False, **options
        )

    run.trained = 0
    return run


def test_each_arm_is_trained_with_each_seed_once(run, tmp_path):
    rows = run()
    assert run.trained == 4
    assert [(row["arm"], row["seed"]) for row in rows] == [
        ("fast", 0),
        ("slow", 0),
        ("fast", 1),
        ("slow", 1),
    ]
    keys = {"ablation", "arm", "seed", "scores", "pictures", "seconds"}
    assert all(row.keys() == keys for row in rows)
    assert {row["pictures"] for row in rows} == {32}
    assert rows == claims("04", folder=tmp_path) == claims("04", "rate", tmp_path)
    assert run() == rows
    assert run.trained == 0
    content = json.loads((tmp_path / "04.json").read_text())
    entry = content["ablations"]["rate"]
    assert entry["question"] == TOY.question
    assert entry["arms"]["slow"]["stages"][0]["lr"] == 1e-5


def test_a_changed_arm_is_trained_again_and_the_others_stay(run, monkeypatch):
    before = run()
    other = toys.brief(toys.MAPS, 3)
    changed = replace(TOY, arms={"fast": TOY.arms["fast"], "slower": other})
    monkeypatch.setattr(cpm, "ABLATIONS", {"rate": changed})
    after = run()
    assert run.trained == 2
    kept = [row for row in before if row["arm"] == "fast"]
    assert [row for row in after if row["arm"] == "fast"] == kept
    assert {row["arm"] for row in after} == {"fast", "slower"}


def test_a_stop_costs_one_training(run, monkeypatch):
    real = ablations.run_arm

    def stopping(recipe, seed, *arguments, **options):
        if seed == 1:
            raise KeyboardInterrupt
        return real(recipe, seed, *arguments, **options)

    monkeypatch.setattr(ablations, "run_arm", stopping)
    with pytest.raises(KeyboardInterrupt):
        run()
    monkeypatch.setattr(ablations, "run_arm", real)
    assert len(run()) == 4
    assert run.trained == 2


def test_only_some_of_the_ablations(run, monkeypatch):
    one = replace(TOY, seeds=(0,))
    monkeypatch.setattr(cpm, "ABLATIONS", {"a": one, "b": one})
    assert {row["ablation"] for row in run(only=["b"])} == {"b"}
    with pytest.raises(ArgumentError, match="only.*'c'.*Known: a, b"):
        run(only=["c"])


def test_without_a_table_there_are_no_claims(tmp_path):
    assert claims("04", folder=tmp_path) == []
    with pytest.raises(ArgumentError, match="ablation = 'rate'.*Known: none"):
        claims("04", "rate", tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        '{"ablations": [',
        '{"ablations": []}',
        '{"ablations": {"rate": {}}}',
        '{"ablations": {"rate": {"arms": {}, "rows": [1]}}}',
    ],
)
def test_a_broken_table_is_named(text, tmp_path):
    (tmp_path / "04.json").write_text(text)
    with pytest.raises(CheckpointError, match="04.json.*cannot be read"):
        claims("04", folder=tmp_path)


def test_the_command_line(run, tmp_path, capsys, monkeypatch):
    one = replace(TOY, seeds=(0,))
    monkeypatch.setattr(cpm, "ABLATIONS", {"rate": one})
    main(["claims", "04", "--folder", str(tmp_path)])
    assert "04 rate: slow, seed 0: {'x': 0.5}" in capsys.readouterr().out
    assert len(claims("04", folder=tmp_path)) == 2
    with pytest.raises(SystemExit, match="no ablations"):
        main(["claims", "99"])
    with pytest.raises(SystemExit):
        main(["claims"])
