"""Tables: one row per person, whatever the fields are."""

import pytest
import torch

from poselab.people.body.kinematics import rest_pose
from poselab.people.body.shape import average_shape
from poselab.people.raster.primitives import Capsules, Look


def look(n: int) -> Look:
    colour = torch.rand(n, 2, 3, generator=torch.Generator().manual_seed(n))
    return Look(colour, colour, torch.zeros(n, 2), torch.ones(n, 2))


def test_a_mask_selects_the_same_rows_of_every_field():
    pose = rest_pose(3).replace(lift=torch.tensor([1.0, 2.0, 3.0]))
    some = pose[torch.tensor([True, False, True])]
    assert len(some) == 2
    assert some.lift.tolist() == [1.0, 3.0]
    assert some.angles.shape == pose.angles[:2].shape


def test_rows_of_tables_in_tables_are_selected_too_and_names_stay():
    ends = torch.arange(12.0).view(2, 2, 3)
    radius = torch.ones(2, 2)
    capsules = Capsules(ends, ends + 1, radius, radius, look(2), ("arm", "leg"))
    one = capsules[1:]
    assert torch.equal(one.start, ends[1:])
    assert torch.equal(one.look.colour, capsules.look.colour[1:])
    assert one.segment == ("arm", "leg")


def test_tables_are_joined_along_rows_or_another_dimension():
    first, second = look(2), look(3)
    assert Look.cat([first, second]).colour.shape == (5, 2, 3)
    assert Look.cat([first, first], 1).pattern.shape == (2, 4)


def test_the_same_table_on_another_device():
    assert average_shape(2).to("meta").height.device.type == "meta"


def test_a_number_stands_for_all_bodies():
    shape = average_shape(3).replace(height=1500)
    assert shape.height.tolist() == [1500.0] * 3
    with pytest.raises(TypeError):
        shape.replace(tail=1.0)
