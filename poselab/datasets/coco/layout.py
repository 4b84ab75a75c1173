"""Where the files of a data set in COCO's format lie, in the layouts that tools write.

COCO            annotations/person_keypoints_val2017.json     val2017/
CVAT            annotations/person_keypoints_default.json     images/default/
Label Studio    result.json                                   images/
Roboflow        valid/_annotations.coco.json                  valid/
poselab         annotations.json                              images/
"""

from __future__ import annotations

import re
from itertools import chain
from pathlib import Path
from typing import Any

from poselab.datasets.coco.reader import Coco
from poselab.datasets.json_file import load_json
from poselab.errors import ArgumentError, require
from poselab.system.disk import user_path

SINGLE = ("annotations.json", "result.json", "_annotations.coco.json")
PATTERNS = ("annotations/person_keypoints_{}.json", "{}/_annotations.coco.json")
# What a split is called elsewhere; CVAT says default, Roboflow valid.
SAME = {
    "train2017": ("train2017", "train", "default"),
    "val2017": ("val2017", "val", "valid", "validation", "default"),
}
OTHER = re.compile(r"(train|val|valid|validation|test)([-_.]?dev)?\d*", re.IGNORECASE)
_OPTIONS = re.compile(r"(,(area|boxes|person)=[^,]+)+$")
ANYWHERE = ("*.json", "annotations/*.json", "*/*.json", "*/annotations/*.json")


def open_coco(
    source: str, split: str, check_images: bool = False, **options: Any
) -> Coco:
    """The data set that a command line names: `coco:FOLDER` or `coco:FOLDER:SPLIT`.

    FOLDER is laid out as COCO, CVAT, Label Studio, Roboflow or poselab do, or is the
    annotation file itself; without SPLIT it is `split`, or the only one that is there.
    What `Coco` is to do with a file that lacks something may follow after commas, as in
    `coco:FOLDER,area=box,boxes=joints,person=NAME`; `options` are its others.
    Raises `ArgumentError` or `AnnotationError`.
    """
    kind, _, rest = source.partition(":")
    require(
        kind == "coco" and rest,
        "must be coco:FOLDER or coco:FOLDER:SPLIT",
        where="data",
        value=source,
    )
    rest, words = _words(rest)
    root, named = folder_and_split(rest)
    require(
        _there(root),
        f"there is no folder {root}",
        where="data",
        value=source,
        fix="Check the path.",
    )
    file = root if root.is_file() else _annotations(root, named, split, source)
    options = {"check_images": check_images, **words, **options}
    return Coco(file, _images(file), **options)


def _words(text: str) -> tuple[str, dict[str, Any]]:
    """FOLDER,area=box as FOLDER and {"area": "box"}; a person's id is a number."""
    pairs = _OPTIONS.search(text)
    if pairs is None or _there(user_path(text)):
        return text, {}
    found: dict[str, Any] = dict(re.findall(r",(\w+)=([^,]+)", pairs[0]))
    if found.get("person", "").isdigit():
        found["person"] = int(found["person"])
    return text[: pairs.start()], found


def _there(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # too long, say, to be a name
        return False


def folder_and_split(text: str) -> tuple[Path, str | None]:
    """FOLDER and SPLIT of FOLDER[:SPLIT]; colons and drive letters belong to FOLDER."""
    if _there(user_path(text)):
        return user_path(text), None
    folder, colon, split = text.rpartition(":")
    drive = re.fullmatch(r"[A-Za-z]", folder) is not None
    if not colon or not folder or drive or "/" in split or "\\" in split:
        return user_path(text), None
    return user_path(folder), split or None


def _annotations(root: Path, named: str | None, split: str, source: str) -> Path:
    """The annotation file of a folder: of the split, else the only one there is.

    Not the only one where its name is another split's: nobody trains on `val` unasked.
    """
    names = (named,) if named else SAME.get(split, (split,))
    tried = [root / pattern.format(n) for n in names for pattern in PATTERNS]
    tried += [] if named else [root / name for name in SINGLE]
    found = next((file for file in tried if file.is_file()), None)
    there = _splits(root)
    alike = {n.lower(): file for n, file in there.items()}
    found = found or next((alike[n.lower()] for n in names if n.lower() in alike), None)
    if found is not None:
        return found
    only = {**there, **{n: root / n for n in SINGLE if (root / n).is_file()}}
    if named is None and len(only) == 1 and not any(map(OTHER.fullmatch, only)):
        return next(iter(only.values()))
    raise _none(root, source, tried, list(there))


def _splits(root: Path) -> dict[str, Path]:
    """The splits that are there by name."""
    found = {}
    for pattern in PATTERNS:
        before, after = (re.escape(part) for part in pattern.split("{}"))
        for file in sorted(root.glob(pattern.format("*"))):
            name = re.fullmatch(
                before + "(.*)" + after, file.relative_to(root).as_posix()
            )
            found[name[1]] = file
    return found


def _none(root: Path, source: str, tried: list[Path], there: list[str]):
    if there:
        known = ", ".join(there)
        fix = f"There are {known}: name one, as in coco:{root}:{there[0]}."
        return ArgumentError("has no such split", where="data", value=source, fix=fix)
    files = [file for pattern in ANYWHERE for file in sorted(root.glob(pattern))]
    if files:
        few = ", ".join(str(file.relative_to(root)) for file in files[:3])
        problem = f"has no annotations under a usual name, but {few}"
        fix = f"Name the file itself, as in coco:{files[0]}."
        return ArgumentError(problem, where="data", value=source, fix=fix)
    looked = [str(file.relative_to(root)) for file in tried[:1]] + list(SINGLE)
    return ArgumentError(
        "holds no annotations",
        where="data",
        value=source,
        fix=f"Looked for {', '.join(looked)}, as COCO, CVAT, Label Studio and Roboflow "
        "lay them out; data_scripts/download_coco.py and make_synthetic.py write them.",
    )


def _images(file: Path) -> Path:
    """The folder that the names in an annotation file start from."""
    places = [place for place in _places(file) if place.is_dir()]
    if not places or (len(places) == 1 and places[0] != file.parent):
        return (places or _places(file))[0]
    names = _first_names(file)
    inside = (p for p in sorted(file.parent.iterdir()) if p.is_dir())
    tried = chain(places, inside)
    return next((p for p in tried if any(_there(p / n) for n in names)), places[0])


def _places(file: Path) -> list[Path]:
    """Where the images of a file may be, the likeliest first."""
    found = re.fullmatch(r"(?:person_keypoints|instances)_(.*)", file.stem)
    if found and file.parent.name == "annotations":
        root, split = file.parent.parent, found[1]
        if (root / split).is_dir():
            return [root / split]  # COCO's own, of which nobody wants to read twice
        return [root / "images" / split, root / "images", root]
    if file.parent.name == "annotations":
        root = file.parent.parent
        return [root / file.stem, root / "images" / file.stem, root / "images", root]
    return [file.parent / "images", file.parent]


def _first_names(file: Path) -> list[str]:
    """The names of the file's first images; none where it is broken."""
    content = load_json(file)
    images = content.get("images") if isinstance(content, dict) else None
    images = images[:5] if isinstance(images, list) else []
    names = [i.get("file_name") for i in images if isinstance(i, dict)]
    return [name for name in names if isinstance(name, str)]
