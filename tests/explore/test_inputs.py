"""What explorers are given and remember."""

import inspect

import pytest
import torch

from poselab import codecs, explore
from poselab.datasets import SyntheticPeople
from poselab.errors import ArgumentError
from poselab.explore.controls import image_slider, joint_menu
from poselab.explore.inputs import crowds, expect, fitting, remembered, single_people
from poselab.skeleton import COCO_17, MPII_16


class Doubler:
    def __init__(self, weight):
        self.weight = torch.tensor(float(weight), requires_grad=True)

    @remembered
    def double(self, x: int) -> torch.Tensor:
        """Twice x."""
        return 2 * x * self.weight


def test_each_object_remembers_its_own_answers_without_gradients():
    one, two = Doubler(1), Doubler(10)
    assert (one.double(3), two.double(3)) == (6, 60)
    assert one.double(3) is one.double(3)
    assert not one.double(3).requires_grad
    info = one.double.cache_info()
    assert (info.misses, info.hits) == (1, 3)
    assert Doubler.double.__doc__ == "Twice x."


def test_a_wrong_object_is_named_by_its_type():
    with pytest.raises(ArgumentError, match="needs a Doubler.*'int'|'int'.*Doubler"):
        expect(3, Doubler, "network")
    with pytest.raises(ArgumentError, match="samples = 'Tensor'"):
        single_people(torch.zeros(3))
    thing = Doubler(1)
    assert expect(thing, Doubler, "network") is thing


def test_a_network_and_its_codec_belong_together():
    codec, net = codecs.build("tag"), torch.nn.Linear(2, 2)
    assert fitting(net, codec, "Give both.") is net  # it has no codec of its own
    net.codec = codecs.build("fine_tag")
    with pytest.raises(ArgumentError, match="network: codec = 'FineTagCodec'.*both"):
        fitting(net, codec, "Give both.")
    for other in ("a network", None, torch.zeros(2), type(net)):
        with pytest.raises(ArgumentError, match="the explorer needs a Module"):
            fitting(other, codec, "Give both.")


def _explorers():
    found = (getattr(explore, name) for name in dir(explore))
    kinds = [
        x for x in found if isinstance(x, type) and issubclass(x, explore.Explorer)
    ]
    needs = {kind: _needed(kind) for kind in kinds if kind is not explore.Explorer}
    return [(kind, count) for kind, count in needs.items() if count]


def _needed(kind):
    what = list(inspect.signature(kind.__init__).parameters.values())[1:]
    plain = [p for p in what if p.kind is p.POSITIONAL_OR_KEYWORD]
    return sum(p.default is p.empty for p in plain)


@pytest.mark.parametrize(("kind", "count"), _explorers(), ids=lambda x: str(x)[-40:])
def test_no_explorer_takes_just_anything(kind, count):
    for thing in (None, "a string", [1], torch.nn.Identity()):
        with pytest.raises(ArgumentError):
            kind(*[thing] * count)


def test_a_picture_has_a_width_in_px():
    for width in ("700", 0, -3):
        with pytest.raises(ArgumentError, match="width = .*whole number of CSS px"):
            explore.LearningExplorer(steps=1, width=width)


def test_samples_have_to_be_stacked_and_single_people_single():
    people = SyntheticPeople(size=(64, 48), split="test")
    one = people.batch(2)
    assert single_people(one).keypoints.shape[1] == 1
    for wrong in (one[0],):
        with pytest.raises(ArgumentError, match="stacked"):
            single_people(wrong)
        with pytest.raises(ArgumentError, match="stacked"):
            crowds(wrong)


def test_menus_and_sliders_of_samples():
    assert image_slider([1, 2, 3]).max == 2
    assert joint_menu(COCO_17).value == "left_wrist"
    assert joint_menu(COCO_17, "nose").value == "nose"
    menu = joint_menu(MPII_16, "no_such_joint")
    assert menu.value == MPII_16.joints[-1]
    assert ("left wrist", "left_wrist") in menu.options


def test_explorers_are_found_by_place():
    assert {"Explorer", "PersonMaker", "MetricLab"} <= set(explore.__all__)
    for name in explore.__all__:
        assert getattr(explore, name).__name__ == name
    with pytest.raises(AttributeError, match="no 'Nothing'"):
        _ = explore.Nothing
