"""Freed memory is kept where the C library can be asked to; how fast is measured."""

import platform

import pytest

from poselab.system.memory import keep_freed


@pytest.fixture
def asked(monkeypatch):
    """`keep_freed` as in a new process whose environment says nothing."""
    for name in ("MALLOC_ARENA_MAX", "MALLOC_TRIM_THRESHOLD_"):
        monkeypatch.delenv(name, raising=False)
    return keep_freed.__wrapped__


def test_only_glibc_is_asked(asked):
    assert asked() == (platform.libc_ver()[0] == "glibc")


def test_elsewhere_nothing_happens(asked, monkeypatch):
    monkeypatch.setattr("sys.platform", "darwin")
    assert asked() is False


def test_who_sets_the_environment_is_left_alone(asked, monkeypatch):
    monkeypatch.setenv("MALLOC_ARENA_MAX", "2")
    assert asked() is False
