"""Run a notebook, time it, and save it without what only this machine has."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import re
import tempfile
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from poselab.course import PATIENCE, WIDGET
from poselab.course.contract import problems, size_problem
from poselab.course.files import CourseError, save, slug_of
from poselab.course.header import read_header, write_header, write_setup
from poselab.draw import few_colours

if TYPE_CHECKING:
    from nbformat import NotebookNode

LARGE = 100_000  # bytes of a PNG above which it is saved in few colours
# The only words that the machine changes.
MEASURED = re.compile(r"runs in \d+( to \d+)? s|needs [\d.]+ GB")


def peak_memory(pid: int) -> float:
    """The most memory that a process has had so far, in GB; 0 where Linux is not."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    kilobytes = re.search(r"^VmHWM:\s*(\d+) kB", status, re.MULTILINE)
    return int(kilobytes[1]) / 1e6 if kilobytes else 0.0


def execute(
    nb: NotebookNode, path: Path, timeout: int = PATIENCE
) -> tuple[float, float]:
    """Run every cell in the folder of `path`.

    Returns the seconds, the kernel's start included, and the most memory that the
    kernel had, in GB. Raises `CourseError` with the cell and its error where one fails
    or hangs for `timeout` seconds.
    """
    from nbclient import NotebookClient
    from nbclient.exceptions import (
        CellExecutionError,
        CellTimeoutError,
        DeadKernelError,
    )

    peaks = [0.0]

    def measure(**_) -> None:
        peaks.append(peak_memory(client.km.provisioner.pid))

    client = NotebookClient(
        nb,
        timeout=timeout,
        kernel_name="python3",
        record_timing=False,
        store_widget_state=False,
        extra_arguments=["--log-level=ERROR"],
        resources={"metadata": {"path": str(path.parent)}},
        on_cell_executed=measure,
    )
    start = time.perf_counter()
    try:
        client.execute()
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        text = re.sub(r"\x1b\[[\d;]*m", "", str(error))  # without a terminal's colours
        problem = f"a cell failed:\n{text[-400:].strip()}"
        raise CourseError(problem, where=path) from error
    return time.perf_counter() - start, max(peaks)


def clean_output(output: NotebookNode) -> NotebookNode | None:
    """An output without what only a live kernel can show; None where nothing is left.

    A widget keeps its picture and caption; one without a picture (a progress bar) goes.
    The line that waits for a live explorer loses the name of this session.
    """
    if output.output_type == "stream":
        # A terminal would show only what follows the last carriage return of a line.
        lines = output.text.split("\n")
        output.text = "\n".join(line.rstrip("\r").split("\r")[-1] for line in lines)
    if output.output_type not in ("display_data", "execute_result"):
        return output
    live = [mime for mime in output.data if mime.startswith(WIDGET)]
    for mime in live:
        del output.data[mime]
    if not output.data or (live and set(output.data) == {"text/plain"}):
        return None
    if "text/html" in output.data:
        output.data["text/html"] = forget_session(output.data["text/html"])
    if "image/png" in output.data:
        output.data["image/png"] = shrink_png(output.data["image/png"])
    words = {mime: output.metadata.get(mime, {}).get("alt") for mime in output.data}
    output.metadata = {mime: {"alt": alt} for mime, alt in words.items() if alt}
    return output


def forget_session(text: str) -> str:
    """HTML without the part of a class that is of one session (`explore.stage`)."""
    return re.sub(r"(poselab-explorer-here)-[0-9a-f]{32}", r"\1", text)


def shrink_png(text: str) -> str:
    """A large PNG (base64) in 256 colours: a photograph then takes a third of the room.

    Small pictures, and those that have few colours already, stay as they are.
    """
    data = base64.b64decode(text)
    if len(data) <= LARGE:
        return text
    with Image.open(io.BytesIO(data)) as picture:
        if picture.mode == "P":
            return text
        paper = Image.new("RGBA", picture.size, "white")
        flat = Image.alpha_composite(paper, picture.convert("RGBA")).convert("RGB")
    small = io.BytesIO()
    few = few_colours(flat)
    few.save(small, "PNG", optimize=True)
    # As Jupyter writes it: one line that ends.
    return base64.b64encode(small.getvalue()).decode() + "\n"


def name_cells(cells: Iterable[NotebookNode]) -> None:
    """Ids made from the text: stable over runs, and over changes of other cells."""
    seen: set[str] = set()
    for cell in cells:
        text = f"{cell.cell_type}\n{MEASURED.sub('', cell.source)}"
        name = base = hashlib.sha256(text.encode()).hexdigest()[:8]
        count = 1
        while name in seen:
            count += 1
            name = f"{base}-{count}"
        seen.add(name)
        cell["id"] = name


def clean(nb: NotebookNode) -> None:
    """Keep what a reader sees; drop what depends on the machine or the editor."""
    nb.nbformat, nb.nbformat_minor = 4, 5
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    nb.metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    for cell in nb.cells:
        tags = cell.metadata.get("tags")
        cell.metadata = {"tags": tags} if tags else {}
        cell.source = cell.source.strip("\n")
        if cell.cell_type == "code":
            cell.outputs = [o for o in map(clean_output, cell.outputs) if o is not None]
    name_cells(nb.cells)


def keep_seconds(old: int | None, measured: float) -> int:
    """The time to print: the old one while it still holds within a fifth or 2 s, so
    that running a notebook again does not change it."""
    holds = old is not None and abs(measured - old) <= max(2.0, 0.2 * old)
    return old if holds else max(1, round(measured))


def keep_memory(old: float | None, measured: float) -> float | None:
    """The memory to print: the old one while it still holds within a tenth or 0.1 GB;
    the old one, too, where it cannot be measured."""
    holds = old is not None and abs(measured - old) <= max(0.1, 0.1 * old)
    return old if holds or not measured else round(measured, 1)


def rewrite_header(path: Path, url: str) -> None:
    """Write the header line of one notebook anew, from what it says; no cell is run."""
    import nbformat

    nb = nbformat.read(path, as_version=4)
    write_header(nb, read_header(nb, path), slug_of(url), path.name)
    name_cells(nb.cells)
    save(nbformat.writes(nb) + "\n", path)


def remake(path: Path, url: str) -> tuple[float, list[str]]:
    """Run one notebook from a cold cache, clean it, time it, save it.

    Returns its seconds and what it still lacks (see `poselab.course.contract`). Raises
    `CourseError` where a cell fails; the file is then as it was.
    """
    import nbformat

    nb = nbformat.read(path, as_version=4)
    header = read_header(nb, path)
    write_setup(nb, url)
    with tempfile.TemporaryDirectory() as cache:
        os.environ["POSELAB_CACHE"] = cache
        seconds, memory = execute(nb, path)
    header = replace(
        header,
        seconds=keep_seconds(header.seconds, seconds),
        gigabytes=keep_memory(header.gigabytes, memory),
    )
    write_header(nb, header, slug_of(url), path.name)
    clean(nb)
    save(nbformat.writes(nb) + "\n", path)
    return seconds, [*problems(nb, path.name, url), *size_problem(path.stat().st_size)]
