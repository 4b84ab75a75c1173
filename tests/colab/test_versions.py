"""In Colab's environment the old versions must really be the ones that are used."""

import sys

import IPython
import ipywidgets
import pytest


@pytest.mark.skipif(".venv-colab" not in sys.prefix, reason="runs in make test-colab")
def test_these_are_colab_s_versions():
    assert ipywidgets.__version__.startswith("7.7.")
    assert IPython.version_info[:2] == (7, 34)
