"""poselab.setup and what importing the package costs."""

import random
import subprocess
import sys
import types

import matplotlib
import numpy as np
import pytest
import torch

import poselab
from poselab.errors import ArgumentError


@pytest.fixture(autouse=True)
def _as_before():
    """Put the global generators and figure settings back after each test."""
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    with matplotlib.rc_context():
        yield
    random.setstate(states[0])
    np.random.set_state(states[1])
    torch.set_rng_state(states[2])


def test_importing_poselab_imports_nothing_heavy():
    code = "import poselab, sys; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert not {"torch", "numpy", "matplotlib", "ipywidgets"} & set(run.stdout.split())


def test_the_device_is_the_one_that_is_there(capsys):
    device = poselab.setup()
    kind = "cuda" if torch.cuda.is_available() else "cpu"
    assert device == torch.device(kind)
    assert capsys.readouterr().out == f"poselab {poselab.__version__} on {kind}\n"


def test_a_seed_repeats_every_global_generator():
    def draw(seed):
        poselab.setup(seed)
        return random.random(), np.random.rand(), torch.rand(1).item()

    assert draw(3) == draw(3)
    assert not set(draw(3)) & set(draw(4))


@pytest.mark.parametrize("seed", [-1, 2**32, 0.5, "0", None, True])
def test_a_seed_that_is_none_gets_a_clear_error(seed):
    with pytest.raises(ArgumentError, match="seed.*whole number"):
        poselab.setup(seed)


def test_figures_can_be_read_from_the_last_row():
    poselab.setup()
    assert matplotlib.rcParams["font.size"] >= 14
    width, _ = matplotlib.rcParams["figure.figsize"]
    assert 800 <= width * matplotlib.rcParams["figure.dpi"] <= 1200


def test_colab_is_asked_to_show_widgets(monkeypatch):
    asked = []
    output = types.SimpleNamespace(
        enable_custom_widget_manager=lambda: asked.append(True)
    )
    colab = types.ModuleType("google.colab")
    colab.output = output
    monkeypatch.setitem(sys.modules, "google", types.ModuleType("google"))
    monkeypatch.setitem(sys.modules, "google.colab", colab)
    poselab.setup()
    assert asked == [True]
