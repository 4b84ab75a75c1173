"""Mirror partners are found in any spelling, can be given, and are never guessed."""

import dataclasses
import json

import pytest
import torch

from poselab.datasets import transforms
from poselab.errors import ArgumentError
from poselab.records import Sample
from poselab.skeleton import COCO_17, Skeleton

SIDES = ("left", "right")
SPELLINGS = {
    "prefix": ("left_ear", "right_ear"),
    "suffix": ("ear_left", "ear_right"),
    "middle": ("front_left_paw", "front_right_paw"),
    "l and r": ("l_ear", "r_ear"),
    "L and R": ("L_Ear", "R_Ear"),
    "suffix L and R": ("ear_L", "ear_R"),
    "camel case": ("LeftEar", "RightEar"),
    "small camel case": ("leftEar", "rightEar"),
    "camel case at the end": ("earLeft", "earRight"),
    "one letter and camel case": ("LEar", "REar"),
    "small letter and camel case": ("lEar", "rEar"),
    "letter at the end": ("EarL", "EarR"),
    "dashes": ("left-ear", "right-ear"),
    "blanks": ("left ear", "right ear"),
    "dots": ("ear.l", "ear.r"),
    "capitals": ("LEFT_EAR", "RIGHT_EAR"),
    "one capital": ("Left_ear", "Right_ear"),
    "glued": ("leftear", "rightear"),
    "glued letter": ("lshoulder", "rshoulder"),
    "numbers": ("left_toe_2", "right_toe_2"),
    "mixed": ("left_ear", "Right-Ear"),
    "glued at the end": ("earleft", "earright"),
    "glued capitals": ("ELBOWLEFT", "ELBOWRIGHT"),
    "glued letter at the end": ("hipl", "hipr"),
    "lt and rt": ("lt_knee", "rt_knee"),
    "Lt. and Rt.": ("Lt. knee", "Rt. knee"),
    "in brackets": ("ear (left)", "ear (right)"),
    "Blender": ("hand.L.001", "hand.R.001"),
    "Mixamo": ("mixamorig:LeftArm", "mixamorig:RightArm"),
    "Chinese": ("左肘", "右肘"),
    "German": ("linkes_ohr", "rechtes_ohr"),
    "French": ("oreille_gauche", "oreille_droite"),
    "Spanish": ("ojo_izquierdo", "ojo_derecho"),
    "Italian": ("gomito_sx", "gomito_dx"),
}


@pytest.mark.parametrize("names", SPELLINGS.values(), ids=SPELLINGS)
def test_partners_are_found_in_every_spelling(names):
    left, right = names
    made = Skeleton("mine", ("nose", right, left), ())
    assert made.flip_pairs == ((2, 1),)
    assert made.flip_index == (0, 2, 1)
    assert made.sides == ("middle", "right", "left")


@pytest.mark.parametrize(
    "name", ["nose", "upright", "leg", "L5", "lumbar_L_4", "rib", "cleft", "tail", "r2"]
)
def test_a_middle_joint_stays_one(name):
    assert Skeleton("mine", (name, "chin"), ()).flip_pairs == ()


PAWS = {
    "left front": ("LF_paw", "RF_paw", "LH_paw", "RH_paw"),
    "front left": ("fl", "fr", "bl", "br"),
    "left front and left rear": ("lf", "rf", "lr", "rr"),
    "front left and rear left": ("fl", "fr", "rl", "rr"),
    "camel case": ("pawFL", "pawFR", "pawRL", "pawRR"),
}


@pytest.mark.parametrize("names", PAWS.values(), ids=PAWS)
def test_the_paws_of_animals_have_their_partners(names):
    assert Skeleton("dog", (*names, "tail"), ()).flip_pairs == ((0, 1), (2, 3))


def test_two_sides_in_a_name_change_together():
    names = [f"{eye}_eye_{end}_corner" for eye in SIDES for end in SIDES]
    assert Skeleton("face", names, ()).flip_pairs == ((0, 3), (1, 2))
    made = Skeleton("face", ("l_eye_l", "r_eye_r", "mouth"), ())
    assert made.flip_pairs == ((0, 1),)


def test_vertebrae_and_sides_do_not_mix():
    made = Skeleton("mine", ("L5", "L3", "R3", "l_hip", "r_hip"), ())
    assert made.flip_pairs == ((1, 2), (3, 4))


@pytest.mark.parametrize(
    "name", ["left_ear", "ear_left", "rightEar", "l_ear", "ear R", "left_hip_2"]
)
def test_a_side_without_a_partner_is_an_error(name):
    with pytest.raises(ArgumentError, match="no mirror partner") as caught:
        Skeleton("mine", ("nose", name), ())
    assert name in str(caught.value)
    assert "flip_pairs" in str(caught.value)


def test_two_possible_partners_are_an_error():
    names = ("left_ear", "right_ear", "right-ear")
    with pytest.raises(ArgumentError, match="more than one"):
        Skeleton("mine", names, ())


def test_pairs_can_be_given():
    names = ("nose", "port", "starboard", "left_ear")
    made = Skeleton("mine", names, (), flip_pairs=((1, 2),))
    assert made.flip_index == (0, 2, 1, 3)
    assert made.sides == ("middle", "left", "right", "middle")
    by_name = Skeleton("mine", names, (), flip_pairs=[("port", "starboard")])
    assert by_name == made
    assert Skeleton("mine", names, (), flip_pairs=()).flip_pairs == ()
    assert dataclasses.replace(made, name="other").flip_pairs == ((1, 2),)


BROKEN = {
    "no joints": ({"joints": ()}, "joints"),
    "one text": ({"joints": "nose"}, "joints"),
    "a number": ({"joints": ("nose", 3)}, "joints"),
    "an empty name": ({"joints": ("nose", " ")}, "joints"),
    "a name twice": ({"joints": ("nose", "nose")}, "two joints"),
    "limb past the end": ({"limbs": ((0, 7),)}, "limbs = .0, 7."),
    "limb below 0": ({"limbs": ((-1, 0),)}, "limbs"),
    "limb to itself": ({"limbs": ((1, 1),)}, "two different"),
    "limb of three": ({"limbs": ((0, 1, 2),)}, "limbs"),
    "limb of one": ({"limbs": (1,)}, "limbs"),
    "two sigmas": ({"sigmas": (0.05, 0.05)}, "3 numbers"),
    "sigma 0": ({"sigmas": (0.05, 0.05, 0)}, "above 0"),
    "sigma nan": ({"sigmas": (0.05, 0.05, float("nan"))}, "above 0"),
    "sigma text": ({"sigmas": ("a", "b", "c")}, "numbers"),
    "pair past the end": ({"flip_pairs": ((0, 3),)}, "flip_pairs"),
    "unknown name in a pair": ({"flip_pairs": (("nose", "no"),)}, "no such joint"),
    "joint in two pairs": ({"flip_pairs": ((0, 1), (1, 2))}, "two pairs"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_skeleton_checks_itself(case):
    changes, message = BROKEN[case]
    good = {"name": "mine", "joints": ("nose", "chin", "tail"), "limbs": ((0, 1),)}
    assert len(Skeleton(**good)) == 3
    with pytest.raises(ArgumentError, match=message):
        Skeleton(**{**good, **changes})


def test_lists_from_json_do():
    words = json.dumps([list(COCO_17.joints), [list(pair) for pair in COCO_17.limbs]])
    joints, limbs = json.loads(words)
    made = Skeleton("coco-17", joints, limbs, list(COCO_17.sigmas))
    assert made == COCO_17
    assert hash(made) == hash(COCO_17)


def test_a_mirrored_animal_has_its_ears_on_the_other_side():
    names = ("nose", "ear_left", "ear_right", "hip_left", "hip_right")
    points = torch.tensor([[50, 20], [40, 22], [60, 22], [45, 60], [55, 60.0]])
    sample = Sample(
        image=torch.zeros(3, 120, 100),
        keypoints=points[None],
        visibility=torch.full((1, 5), 2),
        boxes=torch.tensor([[30, 10, 40, 60.0]]),
        areas=torch.tensor([2400.0]),
        skeleton=Skeleton("mine", names, ((0, 1), (0, 2))),
    )
    mirrored = transforms.flip(sample).keypoints[0]
    assert mirrored[1:3].tolist() == [[39, 22], [59, 22]]
    assert torch.equal(transforms.flip(transforms.flip(sample)).keypoints[0], points)
