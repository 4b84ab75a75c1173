"""A learner's own clip: a folder of frames, a GIF or a video; and a GIF written."""

from __future__ import annotations

import importlib
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image, ImageSequence
from torch import Tensor

from poselab.datasets.images import read_image, to_pil
from poselab.datasets.pictures import as_image
from poselab.errors import ImageError, require
from poselab.system.disk import replace_file, user_path

PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff")
FRAMES = 600  # at most, so that a film does not fill the memory


def read_clip(path: str | Path, every: int = 1, most: int = FRAMES) -> Tensor:
    """The frames of a clip, [T, 3, H, W] in [0, 1]: each `every`-th, at most `most`.

    `path` is a folder of pictures (in the order of the numbers in their names), an
    animated picture such as a GIF, or a video, which needs OpenCV (the module cv2) or
    the program ffmpeg. Raises `ImageError` for a clip that cannot be read, or whose
    frames differ in size.
    """
    _demand(every >= 1, "must be at least 1", "read_clip", every=every)
    path = user_path(path)
    if not path.exists():
        raise ImageError("is not there", where=path, fix="Check the path.")
    if path.is_dir():
        frames = [read_image(file) for file in _pictures(path)[::every][:most]]
    else:
        frames = _animated(path, every, most)
    return _stacked(frames, path)


def save_gif(pictures: Sequence[Any], path: str | Path, fps: float = 12.5) -> Path:
    """Pictures (Pillow's, or tensors [3, H, W]) as an endless GIF; returns its path."""
    shots = [to_pil(picture) for picture in pictures]
    _demand(len(shots) > 0, "there is none", "save_gif", pictures=len(shots))
    _demand(fps > 0, "must be positive", "save_gif", fps=fps)
    few = [shot.quantize(128, dither=Image.Dither.NONE) for shot in shots]
    path = user_path(path)
    with replace_file(path) as file:
        few[0].save(
            file,
            "GIF",
            save_all=True,
            append_images=few[1:],
            duration=round(1000 / fps),
            loop=0,
        )
    return path


def _demand(good: bool, problem: str, where: str, **field: Any) -> None:
    name, value = next(iter(field.items()))
    require(good, problem, where=where, field=name, value=value)


def _number(file: Path) -> list:
    """What sorts frame_2 before frame_10."""
    parts = re.split(r"(\d+)", file.name)
    return [int(part) if part.isdigit() else part for part in parts]


def _pictures(folder: Path) -> list[Path]:
    files = [f for f in folder.iterdir() if f.suffix.lower() in PICTURES]
    if not files:
        raise ImageError(
            "holds no pictures", where=folder, fix=f"Known: {', '.join(PICTURES)}."
        )
    return sorted(files, key=_number)


def _animated(path: Path, every: int, most: int) -> list[Tensor]:
    try:
        with Image.open(path) as picture:
            frames: list[Tensor] = []
            for number, frame in enumerate(ImageSequence.Iterator(picture)):
                if number % every == 0 and len(frames) < most:
                    frames.append(as_image(frame))
            return frames
    except OSError:
        return _video(path, every, most)


def _video(path: Path, every: int, most: int) -> list[Tensor]:
    try:
        cv2 = importlib.import_module("cv2")
    except ImportError:
        return _by_ffmpeg(path, every, most)
    film, number = cv2.VideoCapture(str(path)), 0
    frames: list[Tensor] = []
    while len(frames) < most:
        there, frame = film.read()  # [H, W, 3] uint8, blue first
        if not there:
            break
        if number % every == 0:
            frames.append(as_image(frame[..., ::-1].copy()))
        number += 1
    film.release()
    return frames


def _by_ffmpeg(path: Path, every: int, most: int) -> list[Tensor]:
    program = shutil.which("ffmpeg")
    if program is None:
        raise ImageError(
            "is no picture that moves, and no program for videos is here",
            where=path,
            fix="Install opencv-python or ffmpeg, or save its frames to a folder.",
        )
    with tempfile.TemporaryDirectory() as folder:
        pattern = str(Path(folder) / "%06d.png")
        limit = ["-frames:v", str(every * most)]
        command = [program, "-v", "error", "-i", str(path), *limit, pattern]
        done = subprocess.run(command, capture_output=True, text=True)
        files = sorted(Path(folder).glob("*.png"), key=_number)
        if done.returncode or not files:
            reason = (done.stderr.strip().splitlines() or ["no frames"])[-1]
            raise ImageError(f"cannot be read by ffmpeg ({reason})", where=path)
        return [read_image(file) for file in files[::every][:most]]


def _stacked(frames: list[Tensor], path: Path) -> Tensor:
    if not frames:
        raise ImageError("holds no frames", where=path)
    sizes = sorted({tuple(frame.shape[1:]) for frame in frames})
    if len(sizes) > 1:
        raise ImageError(
            "frames of different sizes",
            where=path,
            value=sizes[:3],
            fix="Crop or resize them to one size first.",
        )
    return torch.stack(frames)
