"""A chart of decisions holds its boxes, its words and an arrow for each."""

from poselab import draw


def test_boxes_and_arrows():
    boxes = {"a": (0.5, 0.9, "start"), "b": (0.2, 0.2, "one"), "c": (0.8, 0.2, "many")}
    fig, ax = draw.figure()
    draw.decisions(ax, boxes, [("a", "b", "yes"), ("a", "c", "no")])
    words = [text.get_text() for text in ax.texts]
    assert {"start", "one", "many", "yes", "no"} <= set(words)
    pointing = [text for text in ax.texts if getattr(text, "arrow_patch", None)]
    assert len(pointing) == 2
    draw.show(fig, "a chart")
