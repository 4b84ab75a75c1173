"""Words under a picture, in every program that shows a notebook."""

from __future__ import annotations

import html
import re

_CSS = "line-height:1.35; font-size:14px; max-width:60em"


def paragraph(text: str, css: str = "") -> str:
    """Text as HTML of a readable width; more `css` may follow the common one."""
    return f'<div style="{_CSS}; {css}">{html.escape(text)}</div>'


def sentences(text: str) -> str:
    """The text with a capital where a sentence begins; `k = 2` and `a_b` stay."""
    begins = re.compile(r"(^|[.!?] )([a-z])(?=[a-z]+[ ,:])")
    return begins.sub(lambda found: found[1] + found[2].upper(), text)


def counted(number: int, one: str, many: str | None = None) -> str:
    """1 pose, 2 poses; `many` where it is not `one` with an s."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def caption_bundle(text: str, more: str = "") -> dict[str, str]:
    """What `IPython.display.display(..., raw=True)` shows under a picture.

    `more` is HTML that stands before the text.
    """
    return {"text/html": more + paragraph(text, "margin:2px 0 8px"), "text/plain": text}
