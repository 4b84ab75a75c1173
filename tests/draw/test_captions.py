"""Words under pictures."""

import pytest

from poselab.draw.captions import counted, sentences


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("left wrist 0.8 px off. mean 3 px", "Left wrist 0.8 px off. Mean 3 px"),
        ("5 m away. k = 7.29 m", "5 m away. k = 7.29 m"),
        ("hmr_tiny is 0.5 px off", "hmr_tiny is 0.5 px off"),
        ("at 3.1 px. argmax reads", "At 3.1 px. Argmax reads"),
        ("Already. whole: 3", "Already. Whole: 3"),
        ("", ""),
    ],
)
def test_a_sentence_begins_with_a_capital_and_a_symbol_stays(said, written):
    assert sentences(said) == written


def test_one_is_not_many():
    assert [counted(n, "double") for n in (0, 1, 2)] == [
        "0 doubles",
        "1 double",
        "2 doubles",
    ]
    assert counted(1, "miss", "misses") == "1 miss"
    assert counted(3, "person", "people") == "3 people"
