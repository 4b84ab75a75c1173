"""Progress: a bar in a terminal, a line in a notebook that is gone at the end."""

import sys
import types

import pytest
import torch

from poselab.system import progress
from poselab.system.progress import progress_bar
from poselab.system.threads import threads


@pytest.fixture
def lines(monkeypatch):
    """What a notebook is asked to show, one after another."""
    display = pytest.importorskip("IPython.display")
    shown = []

    class Handle:
        def update(self, data, raw):
            shown.append(data)

    def first(data, raw, display_id):
        shown.append(data)
        return Handle()

    shell = types.SimpleNamespace(kernel=object())
    monkeypatch.setattr(sys.modules["IPython"], "get_ipython", lambda: shell)
    monkeypatch.setattr(display, "display", first)
    monkeypatch.setattr(progress, "_EVERY", 0.0)
    return shown


def test_in_a_notebook_it_is_text_that_is_taken_away(lines, capsys):
    with progress_bar(total=4, desc="training", leave=False) as bar:
        for _ in range(4):
            bar.update()
            bar.set_postfix(loss="0.5")
    assert lines[0] == {}  # nothing to compare for the test of a notebook
    texts = [data["text/plain"] for data in lines if data]
    assert any("training" in text and "2/4" in text for text in texts)
    assert any("loss=0.5" in text for text in texts)
    assert lines[-1] == {}
    assert capsys.readouterr() == ("", "")


def test_a_silent_one_shows_nothing(lines):
    for _ in progress_bar(range(3), disable=True):
        pass
    assert lines == []


def test_it_is_taken_away_after_an_error_too(lines):
    with pytest.raises(ZeroDivisionError), progress_bar(total=2):
        _ = 1 / 0
    assert lines[0] == lines[-1] == {}
    assert any(lines)


def test_in_a_terminal_it_is_a_bar(capsys):
    with progress_bar(total=2, desc="files") as bar:
        bar.update(2)
    assert "files: 100%" in capsys.readouterr().err


def test_threads_come_back_whatever_happens():
    before = torch.get_num_threads()
    try:
        with threads(before + 1):
            assert torch.get_num_threads() == before + 1
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        pass
    assert torch.get_num_threads() == before
