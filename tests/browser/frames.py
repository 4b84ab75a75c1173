"""How many pictures a second a scene in three dimensions shows while it is turned.

`python tests/browser/frames.py` shows four and twelve people and the mannequin's mesh
in JupyterLab in Chromium, turns each scene with the pointer for two seconds and prints
how many pictures were drawn in a second, and how long drawing one takes.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

if __package__ in (None, ""):  # run as a script
    import sys

    sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.browser import lab

SECONDS = 2
SETUP = """
import warnings; warnings.filterwarnings("ignore")
from poselab import datasets
from poselab.draw.scene3d import View, mesh, person
from poselab.explore.scene3d import Scene3d
from poselab.models.mannequin import mannequin
def skin():
    body, faces = mannequin()
    shape = mesh(body.template.numpy(), faces.numpy())
    return Scene3d.of([shape], View(distance=2.2, target=(0.0, 0.0, 0.0)))
def scene(count):
    crowd = datasets.SyntheticPeople((192, 256), count, seed=0).batch(1).single()
    return Scene3d.of([shape for p in crowd.joints_3d for shape in person(p)])
"""
SCENES = {"four people": "scene(4)", "twelve people": "scene(12)", "a mesh": "skin()"}
# Counts what the page paints between two turns, and times each drawing: the canvas asks
# for one picture of the browser however often the pointer moves.
TURN = """async ([number, seconds]) => {
  const cell = document.querySelector(
    `.jp-Notebook .jp-Cell[data-windowed-list-index='${number}']`);
  const canvas = [...cell.querySelectorAll('canvas')].at(-1);
  const pen = canvas.getContext('2d');
  let drawn = 0, began = 0, spent = 0;
  const clear = pen.clearRect;
  pen.clearRect = (...a) => {
    drawn += 1;
    began = performance.now();
    clear.apply(pen, a);
  };
  const event = (name, x) => canvas.dispatchEvent(new PointerEvent(
    name, { clientX: x, clientY: 100, pointerId: 1, bubbles: true }));
  const capture = canvas.setPointerCapture;
  canvas.setPointerCapture = () => {};
  event('pointerdown', 100);
  const start = performance.now();
  let x = 100;
  while (performance.now() - start < 1000 * seconds) {
    const before = drawn;
    event('pointermove', ++x);
    await new Promise(requestAnimationFrame);
    if (drawn > before) spent += performance.now() - began;
  }
  const took = (performance.now() - start) / 1000;
  event('pointerup', x);
  canvas.setPointerCapture = capture;
  pen.clearRect = clear;
  return [drawn / took, spent / Math.max(drawn, 1)];
}"""


def measure() -> dict[str, list[float]]:
    """Pictures a second, and milliseconds of drawing, for each scene."""
    cells = [SETUP, *SCENES.values(), "print('REA' + 'DY')"]
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder) / "work"
        work.mkdir()
        (work / "scenes.ipynb").write_text(json.dumps(lab.notebook(cells)))
        with lab.jupyterlab(Path(folder)) as address, lab.browser() as page:
            lab.open_and_run(page, address, "scenes.ipynb")
            found = {}
            for number, name in enumerate(SCENES, 1):
                lab.cell(page, number)
                page.wait_for_timeout(500)
                found[name] = page.evaluate(TURN, [number, SECONDS])
    return found


def main() -> None:
    """Measure and print."""
    reason = lab.missing()
    if reason:
        raise SystemExit(f"cannot measure: {reason}")
    for name, (rate, spent) in measure().items():
        print(f"{name:14s} {rate:5.1f} pictures/s, {spent:5.2f} ms to draw one")


if __name__ == "__main__":
    main()
