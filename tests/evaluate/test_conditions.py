"""What makes people hard: who counts as found, and the same people at every level."""

import torch

from poselab import datasets, zoo
from poselab.evaluate import conditions as c
from poselab.evaluate.methods import Method, methods
from poselab.evaluate.options import conditions


def scenes(count=2):
    return datasets.evaluation("crowd", count)


def test_each_person_is_paired_once():
    one = scenes()[0]
    people = c._people(one)
    joints = (people.visibility > 0).sum(1)
    assert torch.equal(c.joints_found(people.keypoints, people, True), joints)
    mixed = people.keypoints.flip(0)
    assert torch.equal(c.joints_found(mixed, people, False), joints)
    assert c.joints_found(mixed, people, True).sum() < joints.sum()
    assert c.joints_found(mixed[:0], people, False).sum() == 0
    # One answer cannot be two people's.
    twice = people.keypoints[:1].expand(2, -1, -1)
    assert (c.joints_found(twice, people, False) == joints).sum() == 1


def test_the_same_people_at_every_level():
    drawn = scenes(3)
    counts = []
    for angle in c.LEVELS["angle"]:
        now = c.changed(drawn, "angle", angle)
        counts.append([len(one.boxes) for one in now])
        for one in now:
            low = one.boxes[:, :2] + 0.5
            assert (one.keypoints[one.visibility > 0] >= -1).all()
            assert (low <= one.keypoints.amin(1) + 1e-3).all()
    assert all(count == counts[0] for count in counts)
    dark = c.changed(drawn, "light", 0.1)
    bright = c.changed(drawn, "light", 1.0)
    torch.testing.assert_close(dark[0].image, 0.1 * bright[0].image)


def test_a_perfect_method_finds_all():
    drawn = scenes()

    def answer(image, boxes):
        for one in drawn:
            for changed in (one, *c.changed(drawn, "angle", 0.0)):
                if len(changed.boxes) == len(boxes) and torch.equal(image, one.image):
                    return c._people(one).keypoints
        raise AssertionError("asked about another picture")

    method = Method("perfect", "bottom-up", answer, (1, 0))
    plain = [c._people(one) for one in drawn]
    found, spent = c.counted(method, plain)
    assert found == c.properties(plain)["joints"]
    assert len(spent) == len(plain)
    base, each = c.line(torch.tensor([1.0, 2, 4]), torch.tensor([12.0, 14, 18]))
    assert (base, each) == (10.0, 2.0)


def test_a_row_of_the_bundled_table_again():
    """The first scenes of one network, asked again."""
    table = conditions()
    (method,) = [m for m in methods() if m.name == "heatmap_tiny"]
    plain = [c._people(one) for one in scenes(3)]
    found, _ = c.counted(method, plain)
    old = table["methods"]["heatmap_tiny"]["found"][: len(found)]
    assert sum(abs(a - b) for a, b in zip(found, old, strict=True)) <= 2
    assert table["people"]["joints"][: len(found)] == c.properties(plain)["joints"]
    assert {m for m in table["methods"] if "+" not in m} <= set(zoo.names())
