"""A real JupyterLab in a real Chromium, for the tests and for the latency bench."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))),
    None,
)
_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",  # a camera that shows a test picture
    "--use-fake-ui-for-media-stream",  # and the permission to use it
]
_QUIET = {  # no question about news, no help pages over the notebook
    "@jupyterlab/apputils-extension/notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
    }
}


def missing() -> str | None:
    """Why no browser test can run here, or None if it can."""
    if CHROMIUM is None:
        return "no Chromium on this machine"
    for module in ("playwright.sync_api", "jupyterlab"):
        try:
            __import__(module)
        except ImportError:
            return f"{module} is not installed"
    return None


def notebook(cells: list[str]) -> dict:
    """A notebook of code cells."""
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {
            "kernelspec": {
                "name": "python3",
                "language": "python",
                "display_name": "Python 3",
            }
        },
        "cells": [
            {
                "cell_type": "code",
                "id": f"cell-{n}",
                "metadata": {},
                "outputs": [],
                "execution_count": None,
                "source": source,
            }
            for n, source in enumerate(cells)
        ],
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _environment(home: Path) -> dict[str, str]:
    """Nothing of the user's own Jupyter is read or written."""
    settings = home / "settings"
    for name, values in _QUIET.items():
        path = settings / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))
    own = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "IPYTHONDIR": "ipython",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "MPLCONFIGDIR": "matplotlib",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
    }
    return {
        **os.environ,
        **{k: str(home / v) for k, v in own.items()},
        "JUPYTER_PREFER_ENV_PATH": "1",
        "PYTHONPATH": str(ROOT),
    }


@contextmanager
def jupyterlab(folder: Path) -> Iterator[str]:
    """JupyterLab on `folder`/work with its own port and token; gives its address."""
    port, token = _free_port(), secrets.token_hex(16)
    work = folder / "work"
    work.mkdir(parents=True, exist_ok=True)
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        "--no-browser",
        "--allow-root",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        "--ServerApp.ip=127.0.0.1",
        f"--IdentityProvider.token={token}",
        f"--ServerApp.root_dir={work}",
        "--LabApp.expose_app_in_browser=True",
    ]
    log = folder / "server.log"
    with log.open("wb") as out:
        server = subprocess.Popen(
            command, stdout=out, stderr=out, cwd=work, env=_environment(folder)
        )
        try:
            _wait_for(f"http://127.0.0.1:{port}/api?token={token}", server, log)
            yield f"http://127.0.0.1:{port}/lab/tree/{{name}}?token={token}&reset"
        finally:
            server.terminate()
            server.wait(20)


def _wait_for(address: str, server: subprocess.Popen, log: Path) -> None:
    for _ in range(300):
        if server.poll() is not None:
            break
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise RuntimeError(f"JupyterLab did not start:\n{log.read_text()[-3000:]}")


@contextmanager
def browser(width: int = 1280, height: int = 900) -> Iterator:
    """A page in headless Chromium; a laptop's window unless told."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        chrome = play.chromium.launch(executable_path=CHROMIUM, args=_FLAGS)
        try:
            yield chrome.new_page(viewport={"width": width, "height": height})
        finally:
            chrome.close()


def open_and_run(
    page, address: str, name: str, done: str = "READY", patience: float = 240
) -> None:
    """Open a notebook, run all its cells and wait until a cell has printed `done`.

    `patience` in seconds.
    """
    page.goto(address.format(name=name), wait_until="domcontentloaded")
    page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=90_000)
    page.wait_for_function(
        "() => window.jupyterapp?.commands.isEnabled('notebook:run-all-cells')",
        timeout=60_000,
    )
    page.wait_for_function(
        "() => window.jupyterapp.shell.currentWidget?.sessionContext?.session"
        "?.kernel?.status === 'idle'",
        timeout=60_000,
    )
    page.evaluate("void window.jupyterapp.commands.execute('notebook:run-all-cells')")
    page.wait_for_function(_PRINTED, arg=done, timeout=1000 * patience)


# Asked of the notebook, since cells out of sight are not on the page.
_PRINTED = """(done) => window.jupyterapp.shell.currentWidget.content.widgets.some(
  (cell) => JSON.stringify(cell.model.outputs?.toJSON() ?? "").includes(done)
)"""


def cell(page, number: int):
    """The cell of that number, scrolled into view."""
    found = page.locator(f".jp-Notebook .jp-Cell[data-windowed-list-index='{number}']")
    found.scroll_into_view_if_needed()
    return found


def run_last_cell(page, source: str) -> str:
    """Put `source` into the last cell, run it and give what it printed."""
    page.evaluate(
        """async (source) => {
          const app = window.jupyterapp;
          const panel = app.shell.currentWidget;
          const book = panel.content;
          book.activeCellIndex = book.widgets.length - 1;
          book.activeCell.model.sharedModel.setSource(source);
          await app.commands.execute('notebook:run-cell');
        }""",
        source,
    )
    return page.evaluate(
        """() => {
          const book = window.jupyterapp.shell.currentWidget.content;
          const outputs = book.activeCell.model.outputs.toJSON();
          return outputs.map((o) => [o.text, o.evalue].flat().join('')).join('');
        }"""
    )
