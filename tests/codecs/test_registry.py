"""Codecs by name: every file brings its own, and a new one needs no list."""

import pytest

from poselab import codecs
from poselab.codecs.base import NAMED
from poselab.errors import ArgumentError
from poselab.skeleton import MPII_16


def test_every_codec_of_a_file_is_known():
    known = {"detection", "heatmap", "ohkm", "part_affinity", "tag", "volume"}
    assert known <= set(codecs.names())
    assert codecs.names() == sorted(codecs.names())


def test_built_with_options_and_a_skeleton_by_name():
    codec = codecs.build("heatmap", size=(64, 48), skeleton=MPII_16.name)
    assert type(codec) is codecs.HeatmapCodec
    assert (codec.size, codec.skeleton) == ((64, 48), MPII_16)
    with pytest.raises(ArgumentError, match="name = 'heat'.*Known: .*heatmap"):
        codecs.build("heat")


def test_a_class_names_itself():
    class Mine(codecs.PointsCodec, name="of this test"):
        pass

    try:
        assert type(codecs.build("of this test", size=(8, 8))) is Mine
        with pytest.raises(ArgumentError, match="two codecs.*|of this test"):

            class Other(codecs.PointsCodec, name="of this test"):
                pass
    finally:
        del NAMED["of this test"]


def test_a_class_of_a_notebook_needs_no_name():
    before = set(NAMED)

    class Watched(codecs.HeatmapCodec):
        pass

    assert set(NAMED) == before
    assert Watched((64, 48)).size == (64, 48)
