"""Where controls, picture and caption of an explorer stand, at any width and theme.

Wide: controls left, picture right. Narrow: the picture first and low enough that the
controls, in two columns, are on the screen with it.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

import ipywidgets as widgets

from poselab.errors import require

_CSS = """
.poselab-explorer {container-type: inline-size}
.poselab-explorer label, .poselab-explorer .widget-label {overflow: visible}
.poselab-picture {max-height: 78vh; object-fit: contain; object-position: top left;
  transition: opacity .15s}
.poselab-controls .widget-checkbox {width: auto; margin-right: 14px}
.poselab-controls .widget-checkbox label {width: auto; white-space: nowrap}
.poselab-reset {width: auto}
@container (max-width: 700px) {
  .poselab-controls {display: grid !important; max-width: none !important;
    flex-basis: 100% !important; column-gap: 10px;
    grid-template-columns: repeat(auto-fit, minmax(210px, 1fr))}
  .poselab-heading, .poselab-ticks, .poselab-reset {grid-column: 1 / -1}
  .poselab-heading, .poselab-heading .widget-html-content {
    height: 20px; line-height: 20px}
  .poselab-controls .widget-hslider, .poselab-controls .widget-dropdown {
    flex-wrap: wrap; height: auto; min-height: 43px; margin: 0 2px}
  .poselab-controls .widget-dropdown > select {height: 24px; line-height: 20px;
    padding-top: 1px; padding-bottom: 1px}
  .poselab-controls .widget-label {width: 100% !important; height: 17px;
    line-height: 17px; text-align: left; font-size: 12.5px}
  .poselab-controls .widget-readout {min-width: 46px}
  .poselab-controls .slider-container {flex: 1 1 60%}
  .poselab-controls {max-height: 39vh; overflow-y: auto !important}
  /* What the notebook's bars and a caption (190 px) and the controls leave. */
  .poselab-picture {max-height: max(36vh, calc(100vh - 190px - var(--poselab-two)))}
  /* A canvas and its picture stand side by side, the controls below both. */
  .poselab-aside {display: contents}
  .poselab-canvas {flex: 1 1 42% !important; max-width: 46%; min-width: 0}
  .poselab-beside {flex: 1 1 48% !important; max-width: 53% !important; min-width: 0;
    margin-left: 6px}
  .poselab-aside .poselab-controls {order: 2; max-height: none; margin-top: 6px}
  canvas {--poselab-tall: 42vh}
}
@container (min-width: 650px) and (max-width: 700px) {  /* three columns of controls */
  .poselab-picture {max-height: max(36vh, calc(100vh - 190px - var(--poselab-three)))}
}
@container (min-width: 1100px) {  /* canvas, controls and picture side by side */
  .poselab-aside {flex-direction: row !important; min-width: 0; align-items: flex-start}
  .poselab-canvas {max-width: 400px}
  .poselab-aside > .poselab-controls {flex: 1 1 290px !important; max-width: 340px;
    margin-left: 6px}
  .poselab-aside > .poselab-beside {flex: 2 1 400px !important; min-width: 0;
    margin-left: 10px}
}
/* The kernel does something else and cannot answer: not at once, or a drag flickers. */
.jp-NotebookPanel:has(.jp-Notebook-ExecutionIndicator[data-status="busy"])
  .poselab-picture {opacity: .35; transition: opacity .3s 1.2s}
/* The arrow of a menu is black, also on a dark page. */
body[data-jp-theme-light="false"] .poselab-explorer select,
body.vscode-dark .poselab-explorer select, html[theme=dark] .poselab-explorer select {
  color-scheme: dark; background-image: url("data:image/svg+xml,%3Csvg \
xmlns='http://www.w3.org/2000/svg' viewBox='0 0 18 18'%3E%3Cpath fill='%23ddd' \
d='M5 7l4 4 4-4z'/%3E%3C/svg%3E") !important}
"""


def arrange(
    controls: Mapping[str, widgets.Widget],
    groups: Mapping[str, Sequence[str]],
    shown: Sequence[widgets.Widget],
    width: int,
    canvas: widgets.Widget | None,
    reset: widgets.Button,
) -> widgets.Widget:
    """One box with everything; `shown` are the picture and the lines under it."""
    require(
        isinstance(width, int) and width > 0,
        "the largest width of the picture is a whole number of CSS px",
        where="width",
        value=width,
        fix="Such as 700, or leave it out.",
    )
    _align([controls[name] for names in groups.values() for name in names])
    rows = []
    for title, names in groups.items():
        if title:
            rows.append(
                _marked(widgets.HTML(f"<b>{html.escape(title)}</b>"), "heading")
            )
        rows.extend(_rows([controls[name] for name in names]))
    rows.append(_marked(reset, "reset"))
    panel = _marked(widgets.VBox(rows), "controls")
    panel.layout = widgets.Layout(
        flex="1 1 280px", min_width="270px", max_width="420px", overflow="visible"
    )
    picture = widgets.VBox(list(shown))
    picture.layout = widgets.Layout(
        flex="2 1 330px", max_width=f"{width + 16}px", overflow="visible"
    )
    # Where they do not fit beside each other, the last one comes first.
    parts, wrap = [panel, picture], "row wrap-reverse"
    if canvas is not None:
        aside = _marked(widgets.VBox([panel, picture]), "aside")
        parts, wrap = [_marked(canvas, "canvas"), aside], "row wrap"
        _marked(picture, "beside")
        panel.layout.flex = picture.layout.flex = "0 0 auto"  # one above the other
        parts[1].layout = widgets.Layout(flex="1 1 280px", overflow="visible")
    align = "flex-start" if canvas is not None else "flex-end"
    layout = widgets.Layout(flex_flow=wrap, align_items=align, width="100%")
    box = widgets.Box(parts, layout=layout)
    two, three = (_needed(controls, groups, columns) for columns in (2, 3))
    own = f".poselab-needs-{two}-{three} {{--poselab-two: {two}px; "
    own += f"--poselab-three: {three}px}}"
    whole = widgets.VBox([widgets.HTML(f"<style>{_CSS}{own}</style>"), box])
    return _marked(_marked(whole, "explorer"), f"needs-{two}-{three}")


def _marked(widget: widgets.Widget, name: str) -> widgets.Widget:
    widget.add_class(f"poselab-{name}")
    return widget


def _needed(
    controls: Mapping[str, widgets.Widget],
    groups: Mapping[str, Sequence[str]],
    columns: int,
) -> int:
    """About how tall, in px, the controls are in so many columns."""
    tall = 40  # the button
    for title, names in groups.items():
        ticks = sum(isinstance(controls[name], widgets.Checkbox) for name in names)
        lines = -(-(len(names) - ticks) // columns)
        tall += (24 if title else 0) + 46 * lines + (32 if ticks else 0)
    return tall


def _align(controls: Sequence[widgets.Widget]) -> None:
    """Labels of one width, in which the longest is not cut."""
    plain = [c for c in controls if not isinstance(c, widgets.Checkbox)]
    longest = max((len(c.description) for c in plain), default=0)
    for control in plain:
        control.style.description_width = f"{min(max(4.0, 0.56 * longest), 11):.1f}em"


def _rows(controls: Sequence[widgets.Widget]) -> list[widgets.Widget]:
    """Controls one under another, but check boxes next to each other."""
    boxes = [c for c in controls if isinstance(c, widgets.Checkbox)]
    rows = [c for c in controls if not isinstance(c, widgets.Checkbox)]
    if boxes:
        line = widgets.Box(boxes, layout=widgets.Layout(flex_flow="row wrap"))
        rows.append(_marked(line, "ticks"))
    return rows
