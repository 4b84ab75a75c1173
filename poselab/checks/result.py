"""What a check answers, in words and colour, and where a learner's code broke."""

from __future__ import annotations

import html
import linecache
import traceback
from collections.abc import Callable
from dataclasses import dataclass

from poselab.draw.styles import NO_ANSWER, RIGHT_ANSWER, WRONG_ANSWER

_LOOK = {  # status -> word, sign, colour, background
    "right": ("Right", "✔", RIGHT_ANSWER, "#E6F4EF"),
    "wrong": ("Not yet", "✘", WRONG_ANSWER, "#FBEBE4"),
    "not attempted": ("Not attempted", "…", NO_ANSWER, "#FBF3DC"),
}


@dataclass(frozen=True)
class Result:
    """The answer of a check: ``status`` is "right", "wrong" or "not attempted".

    ``diagnosis`` names the misconception found (an entry of the exercise's bank), or
    the kind of problem ("error", "structure", "values", "mutates", "no return",
    "called"), or is None. Shown as rich text in Jupyter, as plain text elsewhere; the
    same answer always gives the same text.
    """

    exercise: str
    status: str
    message: str
    diagnosis: str | None = None

    def __bool__(self) -> bool:
        return self.status == "right"

    def __repr__(self) -> str:
        word, sign, _, _ = _LOOK[self.status]
        return f"{sign} {word} ({self.exercise}): {self.message}"

    def _repr_html_(self) -> str:
        word, sign, colour, background = _LOOK[self.status]
        style = (
            f"border-left:6px solid {colour};background:{background};color:#111;"
            "padding:8px 12px;max-width:60em"
        )
        pieces = html.escape(self.message).split("`")  # odd ones stood in backticks
        pieces[1::2] = [
            f"<code style='all:unset;font-family:monospace'>{piece}</code>"
            for piece in pieces[1::2]
        ]
        text = "".join(pieces).replace("\n", "<br>")
        head = f"<b style='color:{colour}'>{sign} {word}</b> · {self.exercise}"
        return f"<div role='status' style='{style}'>{head}<br>{text}</div>"


def learner_line(function: Callable, error: BaseException) -> str:
    """The learner's own line an error comes from: ' (your line 3: `x = y`)', or ''."""
    code = getattr(function, "__code__", None)
    if code is None:
        return ""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename == code.co_filename]
    if not own:
        return ""
    number = own[-1].lineno
    text = linecache.getline(code.co_filename, number).strip()
    return f" (line {number} of your cell: `{text}`)" if text else f" (line {number})"
