"""The two pages for the wall: made of the board, readable on paper."""

from poselab import zoo
from poselab.course.__main__ import main
from poselab.course.summary import A4, pages, write_summary


def texts(page):
    """All that is written on a page, and how large, in points."""
    found = list(page.texts)
    for axes in page.axes:
        found += [*axes.texts, axes.title, *axes.get_xticklabels()]
    return [text for text in found if text.get_text()]


def test_two_pages_of_paper():
    first, second = pages()
    for page in (first, second):
        assert tuple(page.get_size_inches()) == A4
        assert min(text.get_fontsize() for text in texts(page)) >= 8
        page.canvas.draw()
        for text in page.texts:
            box = text.get_window_extent()
            assert box.x1 <= page.bbox.x1, text.get_text()
            assert box.y0 >= 0
    said = " ".join(text.get_text() for text in texts(first))
    row = next(r for r in zoo.scoreboard() if r["name"] == "hrnet_large_tiny")
    assert f"{row['scores']['PCK@0.05']:.2f}" in said
    assert "hourglass" in said
    assert "What eight bugs leave" in " ".join(t.get_text() for t in texts(second))


def test_a_file_for_print(tmp_path, capsys):
    path = write_summary(tmp_path / "pages.pdf")
    assert path.read_bytes().startswith(b"%PDF")
    assert main(["summary", str(tmp_path / "again.pdf")]) == 0
    assert "again.pdf" in capsys.readouterr().out
    assert main(["summary", str(tmp_path / "nowhere" / "x.pdf")]) == 1
    assert "no such folder" in capsys.readouterr().err
