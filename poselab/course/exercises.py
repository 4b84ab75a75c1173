"""The exercises of a notebook: their parts, and trying the printed solution."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbformat import NotebookNode

HEADING = re.compile(
    r"^### Exercise (?P<number>[\d.]+)(?P<title>.*?)"
    r" · (?P<level>easy|medium|hard)(?: ·|,) (?P<minutes>\d+) min\s*$",
    re.MULTILINE,
)
_ANY_HEADING = re.compile(r"^### Exercise.*$", re.MULTILINE)
_DETAILS = re.compile(
    r"<details>\s*<summary>(?:<\w+>|\W)*(?P<name>\w+).*?</summary>"
    r"(?P<body>.*?)</details>",
    re.DOTALL | re.IGNORECASE,
)
_FENCE = re.compile(r"^```python\n(?P<code>.*?)^```", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Exercise:
    """One exercise as the learner finds it.

    `heading` is its line "### Exercise ...", `text` its Markdown, `code` that of its
    cells, `above` that of the cells before it.
    """

    heading: str
    text: str
    code: str
    above: str

    @property
    def details(self) -> dict[str, str]:
        """What is folded away, by the first word of its summary ("hint")."""
        return {m["name"].lower(): m["body"] for m in _DETAILS.finditer(self.text)}

    @property
    def solution(self) -> str:
        """The solution's code as printed; empty where there is none."""
        found = _FENCE.findall(self.details.get("solution", ""))
        return "\n".join(found)

    @property
    def stubs(self) -> list[ast.FunctionDef]:
        """The functions that the learner completes."""
        return [n for n in ast.parse(self.code).body if isinstance(n, ast.FunctionDef)]

    @property
    def check_lines(self) -> list[str]:
        """The statements that call `check`."""
        return [ast.unparse(n) for n in ast.parse(self.code).body if _is_check(n)]

    def problems(self) -> list[str]:
        """What the exercise lacks, in words."""
        lacks = []
        if not HEADING.match(self.heading):
            lacks.append("its difficulty or minutes (· easy, 5 min)")
        if not self.stubs or not all(map(_is_typed, self.stubs)):
            lacks.append("a stub with types")
        if len(self.check_lines) != 1:
            lacks.append("exactly one line check(...)")
        if "hint" not in self.details:
            lacks.append("a folded hint")
        if not self.solution.strip():
            lacks.append("a folded solution in ```python")
        return [f'"{self.heading[4:]}" lacks {what}' for what in lacks]

    def judge(self, attempt: str = "") -> Any:
        """The check's result for the stub, or for `attempt` written over it.

        The names are those of the cells above: imports, functions and classes, so an
        exercise depends on no data and no training. Raises what the code raises.
        """
        space: dict[str, Any] = {"__name__": "notebook"}
        for code in (self.above, self.code, attempt):
            exec(compile(_definitions(code), "<notebook>", "exec"), space)
        return eval(self.check_lines[0], space)


def find_exercises(nb: NotebookNode) -> list[Exercise]:
    """All exercises in order: from a heading to the next heading."""
    found: list[Exercise] = []
    heading, text, code, above, seen = None, [], [], "", []

    def close() -> None:
        if heading is not None:
            found.append(Exercise(heading, "\n".join(text), "\n".join(code), above))

    for cell in nb.cells:
        if cell.cell_type == "code":
            source = plain_python(cell.source)
            code.append(source)
            seen.append(source)
        elif cell.cell_type == "markdown":
            starts = _ANY_HEADING.search(cell.source)
            if starts or re.search(r"^#{1,3} ", cell.source, re.MULTILINE):
                close()
                heading, text, code = starts and starts[0], [], []
                above = "\n".join(seen)
            text.append(cell.source)
    close()
    return found


def plain_python(source: str) -> str:
    """A cell as plain Python: a line of IPython's own becomes `...`."""
    return re.sub(r"^(\s*)[%!].*$", r"\1...", source, flags=re.MULTILINE)


def _definitions(source: str) -> ast.Module:
    """Imports, functions, classes and named constants; nothing that computes."""
    body = [node for node in ast.parse(source).body if _is_kept(node)]
    return ast.Module(body=body, type_ignores=[])


def _is_kept(node: ast.stmt) -> bool:
    if isinstance(node, ast.Assign):
        named = all(isinstance(target, ast.Name) for target in node.targets)
        return named and isinstance(node.value, ast.Constant)
    return isinstance(node, (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef))


def _is_check(node: ast.stmt) -> bool:
    call = node.value if isinstance(node, ast.Expr) else None
    if not isinstance(call, ast.Call):
        return False
    return getattr(call.func, "id", getattr(call.func, "attr", None)) == "check"


def _is_typed(stub: ast.FunctionDef) -> bool:
    inputs = [*stub.args.posonlyargs, *stub.args.args, *stub.args.kwonlyargs]
    return stub.returns is not None and all(a.annotation is not None for a in inputs)
