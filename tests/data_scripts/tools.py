"""The scripts as modules, and a small data set on a server with faults."""

import importlib
import io
import json
import sys
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

FOLDER = Path(__file__).parents[2] / "data_scripts"


def script(name):
    """The module `name` of data_scripts/, imported as `python` would run it."""
    if str(FOLDER) not in sys.path:
        sys.path.insert(0, str(FOLDER))
    return importlib.import_module(name)


def jpeg(number, size=(48, 64)):
    """An image of its own for every number, (H, W) pixels."""
    stream = np.random.default_rng(number)
    pixels = stream.integers(0, 255, (*size, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="JPEG")
    return buffer.getvalue()


def zipped(files):
    """A zip of names and bytes (or JSON-able things)."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, body in files.items():
            text = body if isinstance(body, (bytes, str)) else json.dumps(body)
            file.writestr(name, text)
    return buffer.getvalue()


def visible(folder):
    """Names of all files below a folder, without the hidden ones."""
    files = [p for p in Path(folder).rglob("*") if p.is_file() and p.name[0] != "."]
    return sorted(p.relative_to(folder).as_posix() for p in files)
