"""In the environment of the lowest versions these must really be the ones in use."""

import importlib
import sys

import pytest

from tests.lowest.pins import pins


def test_there_are_pins_and_none_is_a_guess():
    assert {"numpy", "pillow", "scipy"} <= {pin.split("==")[0] for pin in pins()}
    assert all(pin.count("==") == 1 for pin in pins())


@pytest.mark.skipif(".venv-lowest" not in sys.prefix, reason="runs in make test-lowest")
def test_these_are_the_lowest_versions():
    modules = {"pillow": "PIL"}
    for pin in pins():
        name, wanted = pin.split("==")
        if name != "pycocotools":  # which does not say
            found = importlib.import_module(modules.get(name, name)).__version__
            assert found.startswith(wanted), pin
