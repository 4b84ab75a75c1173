"""Words under a picture, in every program that shows a notebook."""

from __future__ import annotations

import html

_CSS = "line-height:1.35; font-size:14px; max-width:60em"


def paragraph(text: str, css: str = "") -> str:
    """Text as HTML of a readable width; more `css` may follow the common one."""
    return f'<div style="{_CSS}; {css}">{html.escape(text)}</div>'


def caption_bundle(text: str, more: str = "") -> dict[str, str]:
    """What `IPython.display.display(..., raw=True)` shows under a picture.

    `more` is HTML that stands before the text.
    """
    return {"text/html": more + paragraph(text, "margin:2px 0 8px"), "text/plain": text}
