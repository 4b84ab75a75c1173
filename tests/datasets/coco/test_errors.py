"""A broken COCO file gives one clear error, whatever is wrong with it."""

import copy
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from poselab.datasets import Coco, save_coco
from poselab.errors import AnnotationError, ImageError, PoselabError
from tests.support.samples import make_sample


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """A folder with a valid file of two images, and its content."""
    folder = tmp_path_factory.mktemp("good")
    samples = [make_sample(0, 2), make_sample(1, 1)]
    data = save_coco(samples, folder / "truth.json", folder)
    data["annotations"].append(
        {
            "id": 9,
            "image_id": 7,
            "category_id": 1,
            "iscrowd": 0,
            "area": 50.0,
            "bbox": [1, 1, 10, 5],
            "keypoints": [3, 3, 1] * 17,
            "num_keypoints": 17,
            "segmentation": [[1, 1, 11, 1, 11, 6, 1, 6]],
        }
    )
    return folder, data


def load(folder, data, name="broken.json"):
    text = data if isinstance(data, str) else json.dumps(data)
    (folder / name).write_text(text)
    return [sample.image_id for sample in Coco(folder / name, folder)]


def test_the_file_is_good(good):
    assert load(*good) == [7, 8]


def change(*path, value=None, delete=False):
    """A function that changes or deletes one place of a copy of the data."""

    def apply(data):
        data = copy.deepcopy(data)
        *way, last = path
        target = data
        for step in way:
            target = target[step]
        if delete:
            del target[last]
        else:
            target[last] = value(target[last]) if callable(value) else value
        return data

    return apply


NAN, INF = float("nan"), float("inf")
A, I = ("annotations", 1), ("images", 1)  # noqa: E741
BROKEN = {
    "no annotations": (change("annotations", delete=True), "'annotations' is missing"),
    "no images": (change("images", delete=True), "'images' is missing"),
    "images is an object": (change("images", value={}), "must be a list"),
    "record is a number": (change(*A, value=3), "JSON object"),
    "no box": (change(*A, "bbox", delete=True), "'bbox' is missing"),
    "no area": (change(*A, "area", delete=True), "'area' is missing"),
    "no file name": (change(*I, "file_name", delete=True), "'file_name' is missing"),
    "50 numbers": (
        change(*A, "keypoints", value=lambda k: k[:-1]),
        "has 50 numbers instead of 51",
    ),
    "52 numbers": (change(*A, "keypoints", value=lambda k: [*k, 1]), "has 52 numbers"),
    "nan joint": (change(*A, "keypoints", 3, value=NAN), "number 3 is nan"),
    "infinite joint": (change(*A, "keypoints", 4, value=INF), "number 4 is inf"),
    "text joint": (change(*A, "keypoints", 4, value="7"), "number 4 is 7"),
    "visibility 3": (change(*A, "keypoints", 2, value=3), "nose has visibility 3"),
    "visibility 0.5": (change(*A, "keypoints", 5, value=0.5), "left_eye has vis"),
    "far joint": (
        change(*A, "keypoints", slice(0, 3), value=[999, 3, 2]),
        "nose at \\(999, 3\\) is far outside",
    ),
    "nan box": (change(*A, "bbox", 0, value=NAN), "number 0 is nan"),
    "two corners": (change(*A, "bbox", value=[20, 20, 29, 39]), "outside the image"),
    "negative width": (change(*A, "bbox", 2, value=-4), "negative width"),
    "box left of the image": (change(*A, "bbox", 0, value=-5), "outside the image"),
    "nan area": (change(*A, "area", value=NAN), "finite number"),
    "negative area": (change(*A, "area", value=-1), "at least 0"),
    "annotation id twice": (change(*A, "id", value=1), "used twice"),
    "image id twice": (change(*I, "id", value=7), "used twice"),
    "category id twice": (change("categories", value=lambda c: c * 2), "used twice"),
    "unknown image": (change(*A, "image_id", value=77), "no image has this id"),
    "unknown category": (change(*A, "category_id", value=5), "no category has this"),
    "no person": (change("categories", 0, value={"id": 1, "name": "cat"}), "person"),
    "id is a text": (change(*A, "id", value="1"), "whole number"),
    "crowd 2": (change(*A, "iscrowd", value=2), "0 or 1"),
    "width": (change(*I, "width", value=31), "has 30 x 40 pixels"),
    "zero width": (change(*I, "width", value=0), "at least 1"),
    "odd polygon": (
        change("annotations", 3, "segmentation", 0, 7, delete=True),
        "a polygon must be",
    ),
    "wild polygon": (
        change("annotations", 3, "segmentation", 0, 7, value=1e9),
        "far outside",
    ),
    "runs of another size": (
        change(*A, "segmentation", "size", value=[30, 40]),
        "'size' must be",
    ),
    "short runs": (change(*A, "segmentation", "counts", value=[3, 4]), "covers 7 of"),
    "negative run": (change(*A, "segmentation", "counts", value=[-3, 1203]), "negat"),
    "wild run string": (change(*A, "segmentation", "counts", value="ÿ"), "string"),
    "cut run string": (change(*A, "segmentation", "counts", value="ooo"), "middle"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_each_fault_has_one_clear_error(good, case):
    folder, data = good
    spoil, message = BROKEN[case]
    with pytest.raises(AnnotationError, match=message) as caught:
        load(folder, spoil(data))
    assert "broken.json" in str(caught.value)
    assert len(str(caught.value)) < 600


def test_the_error_names_file_record_field_and_value(good):
    folder, data = good
    spoilt = change(*A, "bbox", 2, value=-4)(data)
    with pytest.raises(AnnotationError) as caught:
        load(folder, spoilt)
    for part in ("broken.json", "annotations[1] (id 2)", "'bbox'", "-4"):
        assert part in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[1, 2", '{"images": [}', "[" * 10**5])
def test_broken_json(good, text):
    with pytest.raises(AnnotationError, match="is not valid JSON"):
        load(good[0], text)


def test_other_content_and_no_file(good, tmp_path):
    with pytest.raises(AnnotationError, match="is a list, not an annotation file"):
        load(good[0], "[1, 2]")
    with pytest.raises(AnnotationError, match="JSON object"):
        load(good[0], "3")
    (tmp_path / "binary.json").write_bytes(bytes(range(200, 256)))
    with pytest.raises(AnnotationError, match="not valid JSON"):
        Coco(tmp_path / "binary.json", tmp_path)
    with pytest.raises(AnnotationError, match="cannot be read"):
        Coco(tmp_path / "none.json", tmp_path)
    with pytest.raises(AnnotationError, match="cannot be read"):
        Coco(tmp_path, tmp_path)


def test_images_missing_unreadable_cut(good, tmp_path):
    folder, data = good
    (tmp_path / "t.json").write_text(json.dumps(data))
    with pytest.raises(ImageError, match="no such image"):
        Coco(tmp_path / "t.json", tmp_path)
    with pytest.raises(ImageError, match="directory does not exist"):
        Coco(tmp_path / "t.json", tmp_path / "none")
    first, second = (image["file_name"] for image in data["images"])
    (tmp_path / first).write_bytes((folder / first).read_bytes()[:-900])
    (tmp_path / second).write_text("<html>404</html>")
    with pytest.raises(ImageError, match="cannot be read as an image"):
        Coco(tmp_path / "t.json", tmp_path)
    coco = Coco(tmp_path / "t.json", tmp_path, check_images=False)
    with pytest.raises(ImageError, match=first):
        coco[0]  # its header is good, its pixels are cut short


def test_a_changed_image_is_noticed_when_read(good, tmp_path):
    folder, data = good
    (tmp_path / "t.json").write_text(json.dumps(data))
    for image in data["images"]:
        Image.new("RGB", (5, 6)).save(tmp_path / image["file_name"])
    coco = Coco(tmp_path / "t.json", tmp_path, check_images=False)
    with pytest.raises(AnnotationError, match="has 5 x 6 pixels"):
        coco[0]


ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from([10**400, -(10**400), 1e308, "\x00", 2**63, -1, 0, 1e-320]),
    st.lists(st.integers(-5, 5), max_size=4),
    st.just({}),
    st.just([[]]),
    st.just({"size": [40, 30], "counts": "0"}),
    st.just([{}]),
)


def complaint(action, *arguments) -> str:
    """What a `PoselabError` says, "" without one; any other exception goes through."""
    try:
        action(*arguments)
    except PoselabError as problem:
        said = str(problem)
    else:
        return ""
    assert 20 < len(said) < 600
    return said


def places(data, way=()):
    """Every place in nested lists and dictionaries."""
    items = data.items() if isinstance(data, dict) else enumerate(data)
    for key, value in items:
        yield (*way, key)
        if isinstance(value, dict | list):
            yield from places(value, (*way, key))


@pytest.mark.slow
@given(st.data())
@settings(
    max_examples=400,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_fuzz_a_changed_record_loads_or_says_why(good, data):
    folder, record = good
    everywhere = list(places(record))
    for _ in range(data.draw(st.integers(1, 3))):
        way = data.draw(st.sampled_from(everywhere))
        delete = data.draw(st.booleans())
        try:
            spoil = change(*way, value=lambda _: data.draw(ODD), delete=delete)
            record = spoil(record)
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change took this place away
    said = complaint(load, folder, record, "fuzz.json")
    assert not said or str(folder) in said or "..." in said


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_fuzz_results(good, data):
    folder, _ = good
    entry = {
        "image_id": 7,
        "category_id": 1,
        "bbox": [1, 2, 3, 4],
        "score": 0.5,
        "keypoints": [3, 4, 1] * 17,
    }
    record = [entry, dict(entry)]
    way = data.draw(st.sampled_from(list(places(record))))
    odd, delete = data.draw(ODD), data.draw(st.booleans())
    spoil = change(*way, value=lambda _: odd, delete=delete)
    (folder / "found.json").write_text(json.dumps(spoil(record)))
    coco = Coco(folder / "truth.json", folder)
    complaint(coco.detections, folder / "found.json")


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_fuzz_changed_bytes(good, data):
    folder, record = good
    text = bytearray(json.dumps(record).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(0, 255))
    (folder / "bytes.json").write_bytes(bytes(text))
    complaint(lambda: list(Coco(folder / "bytes.json", folder)))


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_fuzz_damaged_images(good, tmp_path_factory, data):
    folder, record = good
    name = record["images"][0]["file_name"]
    content = bytearray((folder / name).read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(content)))
    damaged = tmp_path_factory.mktemp("damaged")
    (damaged / name).write_bytes(bytes(content[:cut]))
    one = {**record, "images": record["images"][:1], "annotations": []}
    (damaged / "d.json").write_text(json.dumps(one))
    complaint(lambda: list(Coco(damaged / "d.json", damaged)))
