"""Print the lowest allowed version of each dependency that is quick to install."""

import tomllib
from pathlib import Path

ELSEWHERE = ("torch", "ipywidgets", "anywidget")  # see run.sh


def pins():
    """["numpy==1.26", ...] of pyproject.toml."""
    file = Path(__file__).parents[2] / "pyproject.toml"
    lines = tomllib.loads(file.read_text())["project"]["dependencies"]
    return [n.replace(">=", "==") for n in lines if not n.startswith(ELSEWHERE)]


if __name__ == "__main__":
    print(" ".join(pins()))
