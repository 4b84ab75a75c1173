"""A notebook of one screen that has every part a notebook of the course has."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from poselab.course.header import setup_source

URL = "https://github.com/poselab/poselab"
NAME = "01_small.ipynb"

HEADER = "# 01 · Small\n\nReading 5 min · builds on 00\n\nMore words."

PICTURE = """\
from IPython.display import Image, display

png = (
    b"\\x89PNG\\r\\n\\x1a\\n\\x00\\x00\\x00\\rIHDR\\x00\\x00\\x00\\x01\\x00\\x00\\x00\\x01\\x08\\x00"
    b"\\x00\\x00\\x00:~\\x9bU\\x00\\x00\\x00\\nIDATx\\x9cc`\\x00\\x00\\x00\\x02\\x00\\x01H\\xaf\\xa4q\\x00\\x00\\x00\\x00IEND\\xaeB`\\x82"
)
data = {"image/png": png, "text/plain": "a black pixel"}
display(data, raw=True, metadata={"image/png": {"alt": "a black pixel"}})"""

BUILD = """\
import torch

from poselab import geometry

points = torch.tensor([[1.0, 2.0]])
assert torch.equal(points, points.clone()) and geometry is not None"""

STUB = '''\
def double{n}(x: float) -> float:
    """Twice x."""
    ...'''

FOLDED = """\
<details><summary>Hint</summary>

Add it to itself.

</details>
<details><summary>Solution</summary>

```python
def double{n}(x: float) -> float:
    return x + x
```

</details>"""

CHECK = '''\
def check(name, attempt):
    """The kind of check that the package has, small."""
    return {None: "not attempted", 6: "right"}.get(attempt(3), "wrong")'''


def exercise(n):
    title = f"### Exercise {n}: twice · easy, 5 min"
    return [
        new_markdown_cell(title),
        new_code_cell(STUB.format(n=n)),
        new_code_cell(f'check("small.double", double{n})'),
        new_markdown_cell(FOLDED.format(n=n)),
    ]


def part(title):
    return new_markdown_cell(f"## {title}\n\nWords.")


def small_notebook():
    setup = setup_source(URL).replace("seed=0", "seed=1")  # the tool puts it right
    end = "## Takeaways\n\n**When to use it.** Never.\n\n**References.** None."
    cells = [
        new_markdown_cell(
            "# 01 · Small\n\nReading 5 min · builds on 00\n\nMore words."
        ),
        new_markdown_cell("**You will be able to** wait."),
        new_code_cell(setup),
        new_markdown_cell("## Where it fails\n\n**Predict before you run.** Black?"),
        new_code_cell(PICTURE),
        part("Build it"),
        new_code_cell(BUILD),
        *map(part, ("Explore it", "Train it", "Break it")),
        new_markdown_cell("## Exercises"),
        new_code_cell(CHECK),
        *(cell for n in (1, 2, 3) for cell in exercise(n)),
        *map(part, ("From paper to code", "On the scoreboard")),
        new_markdown_cell(end),
    ]
    return new_notebook(cells=cells)


README = """# A course

<!-- notebooks -->
<!-- /notebooks -->

Get it from https://github.com/poselab/poselab.git or
https://github.com/poselab/poselab. Not from https://github.com/poselab/poselab-old.
"""


@pytest.fixture
def course(tmp_path):
    """A folder laid out as the course, with the small notebook as its only one."""
    (tmp_path / "notebooks").mkdir()
    nbformat.write(small_notebook(), tmp_path / "notebooks" / NAME)
    project = f'[project.urls]\nRepository = "{URL}"\n'
    (tmp_path / "pyproject.toml").write_text(project)
    (tmp_path / "README.md").write_text(README)
    return tmp_path


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """The small notebook as the tool saves it: the file, run once for all tests."""
    from poselab.course.run import remake

    path = tmp_path_factory.mktemp("notebooks") / NAME
    nbformat.write(small_notebook(), path)
    remake(path, URL)
    return path
