"""The saved notebooks: all parts, in order, finished, light, and readable by all."""

from poselab.course.contract import problems, size_problem
from poselab.course.files import address, find_notebooks, find_root
from poselab.course.header import read_header


def test_the_course_has_its_notebooks():
    names = [path.name for path in find_notebooks(find_root())]
    assert {"00_welcome.ipynb", "01_regression_deeppose.ipynb"} <= set(names)
    numbers = [name[:2] for name in names]
    assert numbers == sorted(set(numbers))  # one for each number, two digits


def test_a_notebook_builds_on_earlier_ones(nb, path):
    earlier = read_header(nb, path).builds_on
    numbers = {p.name[:2] for p in find_notebooks(find_root())}
    if earlier != "nothing":
        assert set(earlier.split(", ")) <= {n for n in numbers if n < path.name[:2]}


def test_the_notebook_is_what_a_notebook_has_to_be(nb, path):
    assert problems(nb, path.name, address(find_root())) == []


def test_the_saved_file_is_light(path):
    assert size_problem(path.stat().st_size) == []


def test_the_saved_file_is_what_the_tool_saves(nb, path):
    """Cleaning it again changes nothing: nobody saved it from an editor."""
    import nbformat

    from poselab.course.run import clean

    clean(nb)
    assert path.read_text(encoding="utf-8") == nbformat.writes(nb) + "\n"


def test_no_cell_ends_in_a_bare_value(nb, path):
    """What a cell shows has a form for readers: no network's list of layers."""
    results = [o for c in nb.cells for o in c.get("outputs", []) if "data" in o]
    shown = [o.data for o in results if o.output_type == "execute_result"]
    assert [data["text/plain"] for data in shown if "text/html" not in data] == []


def test_drawings_of_letters_fit_a_laptop(nb, path):
    """A line of a text block has 90 letters on 1,280 px, beside the list of files."""
    blocks = [c.source.split("```")[1::2] for c in nb.cells if c.cell_type != "code"]
    lines = [line for block in blocks for text in block for line in text.splitlines()]
    assert [line for line in lines if len(line) > 90] == []
