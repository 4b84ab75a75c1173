"""The table of `make bench-explorers`: numbers, or why there are none."""

from tests.browser.explorers import table


def test_an_explorer_that_is_not_measured_says_why_and_the_others_are_printed():
    lines = table(
        {
            "BoxExplorer": ("person", 12.0, 61.0, 88.4),
            "FeedbackExplorer": ("image", 40.0, "no new picture in the drag"),
            "NmsExplorer": ("", "cannot be drawn: KeyError: 'x'"),
        }
    )
    assert [line.split() for line in lines[1:2]] == [
        ["BoxExplorer", "person", "12", "61", "88"]
    ]
    assert lines[2].endswith("40  no new picture in the drag")
    assert lines[3].endswith("cannot be drawn: KeyError: 'x'")
