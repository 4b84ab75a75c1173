"""Running, cleaning and saving a notebook."""

import base64
import io
import json
import os

import nbformat
import pytest
import torch
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image, ImageChops, ImageStat

from poselab.course import BUSY, CourseError
from poselab.course.header import read_header
from poselab.course.run import (
    MEASURED,
    clean,
    clean_output,
    execute,
    keep_memory,
    keep_seconds,
    peak_memory,
    remake,
    rewrite_header,
    shrink_png,
)
from poselab.explore.annotator import grace_hopper
from tests.course.conftest import NAME, URL, small_notebook

VIEW = "application/vnd.jupyter.widget-view+json"


def notebook(*sources):
    return new_notebook(cells=[new_code_cell(source) for source in sources])


def test_a_notebook_runs_and_says_how_long_it_took(finished):
    header = read_header(nbformat.read(finished, as_version=4), finished)
    assert header.title == "01 · Small"
    assert header.seconds >= 1
    assert 0 < header.gigabytes < 1.5
    assert header.runs == f"{header.seconds} to {BUSY * header.seconds} s"
    assert f" · runs in {header.runs} on two CPU cores, quiet to busy · " in (
        nbformat.read(finished, as_version=4).cells[0].source
    )


@pytest.mark.parametrize(
    "line",
    [
        "Reading 5 min · runs in 7 s on two CPU cores · builds on 00",
        "Reading 5 min · runs in 7 to 9 s on two CPU cores, quiet to busy"
        " · builds on 00",
    ],
)
def test_a_header_is_rewritten_and_nothing_is_run(tmp_path, line):
    nb = small_notebook()
    first = nb.cells[0].source
    nb.cells[0].source = "\n".join(
        line if words.startswith("Reading") else words for words in first.splitlines()
    )
    nbformat.write(nb, tmp_path / NAME)
    rewrite_header(tmp_path / NAME, URL)
    after = nbformat.read(tmp_path / NAME, as_version=4)
    new = f"Reading 5 min · runs in 7 to {7 * BUSY} s on two CPU cores, quiet to busy"
    assert f"{new} · builds on 00" in after.cells[0].source.splitlines()
    assert [c.source for c in after.cells[1:]] == [c.source for c in nb.cells[1:]]
    assert not any(c.get("outputs") for c in after.cells)


def test_the_words_that_the_machine_changes_leave_the_name_of_a_cell():
    ids = []
    for seconds in ("7 to 21 s", "12 to 36 s"):
        nb = new_notebook(cells=[new_markdown_cell(f"# 01\n\nruns in {seconds} on")])
        clean(nb)
        ids.append(nb.cells[0].id)
    assert ids[0] == ids[1]


def test_the_memory_of_a_kernel_is_its_peak(tmp_path):
    code = "a = bytearray(300_000_000); a[::4096] = bytes(73243); del a"
    _, large = execute(notebook(code), tmp_path / NAME)
    _, small = execute(notebook("1"), tmp_path / NAME)
    assert 0.28 < large - small < 0.35
    assert peak_memory(2**22 + 1) == 0  # no such process


@pytest.mark.parametrize(
    ("old", "measured", "kept"),
    [
        (None, 0.84, 0.8),
        (0.8, 0.88, 0.8),
        (0.8, 1.04, 1.0),
        (0.8, 0.0, 0.8),
        (None, 0.0, None),
    ],
)
def test_the_memory_is_written_again_only_if_it_changed(old, measured, kept):
    assert keep_memory(old, measured) == kept


def test_the_words_below_the_header_stay(finished):
    assert nbformat.read(finished, as_version=4).cells[0].source.endswith("More words.")


def test_saving_twice_gives_the_same_bytes_but_for_the_time(finished):
    before = finished.read_text()
    remake(finished, URL)
    assert MEASURED.sub("", finished.read_text()) == MEASURED.sub("", before)


def test_nothing_of_this_machine_is_saved(finished):
    text = finished.read_text()
    saved = json.loads(text)
    assert saved["metadata"] == {
        "kernelspec": {
            "display_name": "Python 3",
            "language": "python",
            "name": "python3",
        },
        "language_info": {"name": "python"},
    }
    assert "iopub" not in text
    assert os.path.expanduser("~") not in text
    assert str(finished.parent) not in text


def test_the_picture_keeps_its_words(finished):
    cells = nbformat.read(finished, as_version=4).cells
    [output] = [o for c in cells for o in c.get("outputs", ()) if "image/png" in str(o)]
    assert output.metadata == {"image/png": {"alt": "a black pixel"}}


def test_the_kernel_has_no_network_in_tests(tmp_path):
    code = "import socket; socket.create_connection(('192.0.2.1', 80), timeout=5)"
    with pytest.raises(CourseError, match="out of reach"):
        execute(notebook(code), tmp_path / NAME)


def test_a_failing_cell_is_named_and_nothing_is_written(tmp_path):
    path = tmp_path / NAME
    nb = small_notebook()
    nb.cells.append(new_code_cell("1 / 0"))
    nbformat.write(nb, path)
    before = path.read_bytes()
    with pytest.raises(CourseError, match="ZeroDivisionError"):
        remake(path, URL)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == [NAME]


def test_a_cell_that_hangs_is_stopped(tmp_path):
    with pytest.raises(CourseError, match="imed out"):
        execute(notebook("import time; time.sleep(60)"), tmp_path / NAME, timeout=1)


@pytest.mark.parametrize(
    ("old", "measured", "kept"),
    [(None, 11.4, 11), (11, 12.9, 11), (11, 13.5, 14), (50, 59, 50), (50, 61, 61)],
)
def test_a_time_is_kept_while_it_holds(old, measured, kept):
    assert keep_seconds(old, measured) == kept


def test_a_widget_leaves_its_picture_and_caption():
    data = {VIEW: {"model_id": "1"}, "image/png": "AAAA", "text/plain": "a person"}
    output = new_output("display_data", data, metadata={"image/png": {"alt": "a"}})
    assert clean_output(output).data == {"image/png": "AAAA", "text/plain": "a person"}


def test_a_photograph_keeps_its_words():
    metadata = {"image/jpeg": {"alt": "a", "width": 3}, "other": {}}
    data = {"image/jpeg": "AAAA", "text/plain": "a person"}
    output = clean_output(new_output("display_data", data, metadata=metadata))
    assert output.metadata == {"image/jpeg": {"alt": "a"}}


def test_a_progress_bar_leaves_nothing():
    data = {VIEW: {"model_id": "1"}, "text/plain": "  0%|  | 0/5"}
    assert clean_output(new_output("display_data", data)) is None


def test_a_bar_of_text_leaves_its_last_state():
    output = new_output("stream", text="1/3\r2/3\r3/3\nend\n")
    assert clean_output(output).text == "3/3\nend\n"


def test_ids_follow_the_text_and_are_unique():
    def ids(*sources):
        nb = new_notebook(cells=[new_markdown_cell(source) for source in sources])
        clean(nb)
        nbformat.validate(nb)
        return [cell.id for cell in nb.cells]

    first, second = ids("a", "b")
    assert ids("new", "a", "b")[1:] == [first, second]
    assert len(set(ids("a", "a", "a"))) == 3


def test_only_tags_are_kept_of_a_cells_metadata():
    metadata = {"execution": {"iopub.status.busy": "now"}, "tags": ["t"], "id": "x"}
    nb = new_notebook(cells=[new_code_cell("1", metadata=metadata)])
    nb.metadata["widgets"] = {"state": {}}
    clean(nb)
    assert nb.cells[0].metadata == {"tags": ["t"]}
    assert "widgets" not in nb.metadata


def as_png(picture):
    data = io.BytesIO()
    picture.save(data, "PNG")
    return base64.b64encode(data.getvalue()).decode() + "\n"


def noise(mode, size=(300, 200)):
    generator = torch.Generator().manual_seed(0)
    shape = (size[1], size[0], len(mode))
    pixels = torch.randint(256, shape, generator=generator, dtype=torch.uint8)
    return Image.fromarray(pixels.numpy(), mode)


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_large_picture_is_saved_in_few_colours(mode):
    text = as_png(noise(mode))
    small = shrink_png(text)
    assert len(small) < len(text) / 2
    assert shrink_png(small) == small
    with Image.open(io.BytesIO(base64.b64decode(small))) as picture:
        assert picture.size == (300, 200)


def test_a_photograph_in_few_colours_looks_the_same():
    photo, _ = grace_hopper()
    small = shrink_png(as_png(photo))
    with Image.open(io.BytesIO(base64.b64decode(small))) as picture:
        change = ImageChops.difference(photo, picture.convert("RGB"))
    assert max(ImageStat.Stat(change).mean) < 5  # of 255


def test_a_small_picture_is_left_alone():
    text = as_png(noise("RGB", (40, 30)))
    assert shrink_png(text) == text
