"""The rules of COCO's keypoint files, each checked with one clear error.

`read` turns a file into typed records or raises an `AnnotationError` that names the
file, the record, the field and the value. The format: cocodataset.org/#format-data.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from poselab.categories import file_skeleton, person_category
from poselab.datasets.coco import meanings, mend
from poselab.datasets.coco.mend import Fill
from poselab.datasets.coco.notes import Notes
from poselab.datasets.coco.person_record import (
    ImageRecord,
    PersonRecord,
    image_record,
    person_record,
)
from poselab.datasets.json_file import Record, load_json
from poselab.errors import AnnotationError
from poselab.skeleton import Skeleton

AS_IT_IS = Fill()


@dataclass
class Annotations:
    """What a file holds: its images in order and the people of each."""

    images: list[ImageRecord]
    people: dict[int, list[PersonRecord]]
    category_id: int
    skeleton: Skeleton
    raw: dict = field(repr=False)

    def people_only(self) -> dict:
        """The raw content with people alone, as they were read: mended."""
        everybody = (p for people in self.people.values() for p in people)
        changes = {person.id: person.changes for person in everybody}
        return {
            **self.raw,
            "categories": [
                c for c in self.raw["categories"] if c["id"] == self.category_id
            ],
            "annotations": [
                {**a, **changes[a["id"]]}
                for a in self.raw["annotations"]
                if a["category_id"] == self.category_id
            ],
        }


def read(
    file: str | Path,
    skeleton: Skeleton | None,
    each_image: Callable[[ImageRecord], None] | None = None,
    adapt: Callable[[Any], Any] | None = None,
    person: str | int | None = None,
    fill: Fill = AS_IT_IS,
) -> Annotations:
    """Read and check a COCO keypoint file; raises `AnnotationError`.

    `each_image` may check an image further (its file, say) before the people in it are
    judged by what the record says of its size. `adapt` brings the content of a file
    that differs a little into COCO's form before it is checked. Without a skeleton it
    is the file's own. `person` names the people's category where the file leaves it
    open. `fill` says where missing areas and boxes come from. What is left out or
    mended is counted in one `AnnotationWarning`.
    """
    content = load_json(file)
    if isinstance(content, list):
        raise _of_a_list(file, content)
    top = Record(str(file), "the file", adapt(content) if adapt else content)
    images = _unique(top, "images", image_record)
    for image in images.values() if each_image else ():
        each_image(image)
    categories = _unique(top, "categories", _category)
    records = _checked(top, images, categories)
    skeleton = skeleton or file_skeleton(list(categories.values()), top.file, person)
    chosen = person_category(
        list(categories.values()),
        skeleton,
        top.file,
        _jointed(records, len(skeleton)),
        person,
    )
    _same_number(chosen, records, skeleton, top.file)
    notes = Notes(top.file)
    people: dict[int, list[PersonRecord]] = {key: [] for key in images}
    for record in records:
        image = images[record.data["image_id"]]
        if record.data["category_id"] == chosen["id"]:
            people[image.id].append(person_record(record, image, skeleton, notes, fill))
        else:
            notes.left_out(categories[record.data["category_id"]], record)
    _judge(top.file, images, people, notes)
    everything = list(images.values()), people, chosen["id"], skeleton, top.data
    return Annotations(*everything)


def _of_a_list(file: str | Path, content: list) -> AnnotationError:
    """The error about a list where the file should be an object {...}."""
    first = content[0] if content and isinstance(content[0], dict) else {}
    fix = "COCO's files have images, annotations and categories."
    if "score" in first:
        fix = "It is a file of results: Coco(...).detections(FILE) reads it."
    problem = "is a list, not an annotation file in COCO's form"
    return AnnotationError(problem, where=file, value=content, fix=fix)


def _same_number(chosen, records: list[Record], skeleton: Skeleton, file: str) -> None:
    """An error where the file names no joints and all people have another number.

    Halpe's category has an empty list of them, and 26 or 136 joints a person.
    """
    own = [r.data for r in records if r.data["category_id"] == chosen["id"]]
    lists = (data.get("keypoints") for data in own)
    sizes = {len(points) for points in lists if isinstance(points, list) and points}
    if chosen.get("keypoints") or len(sizes) != 1 or sizes == {3 * len(skeleton)}:
        return
    length = sizes.pop()
    if length % 3 == 0:
        raise AnnotationError(
            f"names no joints, and its people have {length // 3}, not the "
            f"{len(skeleton)} of {skeleton.name}",
            where=file,
            field=f"category {chosen['id']} ({chosen['name']}), keypoints",
            value=chosen.get("keypoints"),
            fix=f"Pass a Skeleton with the names of these {length // 3}.",
        )


def _judge(file: str, images: dict, people: dict, notes: Notes) -> None:
    """Look at everybody together: errors, or the one warning."""
    everyone = [p for group in people.values() for p in group]
    single = [p for p in everyone if not p.crowd]
    labelled = sum(bool(p.visibility.any()) for p in single)
    many = {mend.FLAGS: len(single), mend.NOTHING: len(single)}
    many[mend.CROWD] = labelled + notes.counts.get(mend.CROWD, 0)
    for reason, fix in mend.FATAL.items():
        fewest = max(many.get(reason, labelled), mend.FEWEST.get(reason, 1))
        if notes.counts.get(reason, 0) >= fewest:
            notes.refuse(reason, fix)
    meanings.check(
        file,
        [p.box for p in single],
        [p.points for p in single],
        [images[p.image_id].size for p in single],
        notes,
    )
    notes.tell(mend.DONE)


def _checked(top: Record, images: dict, categories: dict) -> list[Record]:
    """The records of "annotations", each with an id, an image and a category."""
    seen: set[int] = set()
    records = list(_records(top, "annotations"))
    for record in records:
        _new_id(record, seen)
        if record.integer("image_id") not in images:
            record.fail("image_id", "no image has this id")
        if record.integer("category_id") not in categories:
            record.fail("category_id", "no category has this id")
    return records


def _jointed(records: list[Record], joints: int) -> set[int]:
    """The categories of annotations with so many joints."""
    found = set()
    for record in records:
        points = record.data.get("keypoints")
        if isinstance(points, list) and len(points) == 3 * joints:
            found.add(record.data["category_id"])
    return found


def _records(top: Record, key: str):
    for place, data in enumerate(top.items(key)):
        yield Record(top.file, f"{key}[{place}]", data)


def _unique(top: Record, key: str, build) -> dict[int, Any]:
    found: dict[int, Any] = {}
    for record in _records(top, key):
        _new_id(record, found)
        found[record.data["id"]] = build(record)
    return found


def _new_id(record: Record, seen: set[int] | dict[int, Any]) -> None:
    if record.integer("id") in seen:
        record.fail("id", "is used twice", "Give every record an id of its own.")
    if isinstance(seen, set):
        seen.add(record.data["id"])


def _category(record: Record) -> dict:
    record.text("name")
    names = record.data.get("keypoints") or []
    if not isinstance(names, list) or not all(isinstance(n, str) for n in names):
        record.fail("keypoints", "must be a list of the joints' names")
    return record.data
