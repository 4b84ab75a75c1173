"""Kind 8: pictures have their right brightness or an error with its reason."""

import json
import struct

import numpy as np
import pytest
import torch
from PIL import Image

from poselab.datasets import images, read_clip, read_image
from poselab.errors import AnnotationError, AnnotationWarning, ImageError
from tests.support.annotation_files import person, read

LEVELS = np.array([[0, 1000, 32768], [40000, 65000, 65535]])
GREY = torch.tensor(LEVELS / 65535, dtype=torch.float32)


def assert_grey(path, expected=GREY):
    picture = read_image(path)
    assert torch.equal(picture[0], picture[1])
    assert (picture[0] - expected).abs().max() < 1 / 255


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_sixteen_bits_of_grey_keep_their_brightness(tmp_path, name):
    Image.fromarray(LEVELS.astype(np.uint16)).save(tmp_path / name)
    assert_grey(tmp_path / name)


def test_sixteen_bits_of_a_pgm(tmp_path):
    body = b"P5 3 2 65535\n" + LEVELS.astype(">u2").tobytes()
    (tmp_path / "a.pgm").write_bytes(body)
    assert_grey(tmp_path / "a.pgm")


@pytest.mark.parametrize("mode", ["I;16", "I;16B", "I;16L"])
def test_every_order_of_bytes(mode):
    raw = LEVELS.astype(">u2" if mode.endswith("B") else "<u2").tobytes()
    image = Image.frombytes(mode, (3, 2), raw)
    grey = np.asarray(images.eight_bits(image)) / 255
    assert np.abs(grey - LEVELS / 65535).max() < 1 / 255


def test_older_versions_open_sixteen_bits_as_mode_i():
    """Before Pillow 11 a 16-bit PNG was of mode I."""
    image = Image.fromarray(LEVELS.astype(np.int32))
    assert image.mode == "I"
    image.format = "PNG"
    grey = np.asarray(images.eight_bits(image)) / 255
    assert np.abs(grey - LEVELS / 65535).max() < 1 / 255


def test_sixteen_bits_are_turned_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(LEVELS.astype(np.uint16)).save(tmp_path / "a.png", exif=exif)
    assert read_image(tmp_path / "a.png").shape == (3, 3, 2)
    assert images.image_size(tmp_path / "a.png") == (3, 2)
    assert_grey(tmp_path / "a.png", GREY.rot90(-1))


def test_sixteen_bits_of_colour(tmp_path):
    header = b"P6 3 1 65535\n"
    colours = np.array([[65535, 0, 0], [0, 32768, 0], [0, 0, 1000]], ">u2")
    (tmp_path / "a.ppm").write_bytes(header + colours.tobytes())
    expected = torch.from_numpy(colours.astype(np.float32) / 65535).T[:, None]
    assert (read_image(tmp_path / "a.ppm") - expected).abs().max() < 1 / 255


def test_floats_are_shares_of_white(tmp_path):
    Image.fromarray((LEVELS / 65535).astype(np.float32)).save(tmp_path / "a.tif")
    assert_grey(tmp_path / "a.tif")


def tiff(body: bytes, bits: int, white_is_zero=False, kind: int = 1) -> bytes:
    """A picture of 4 x 1 in one strip; `kind` 3 is floats. Little-endian."""
    tags = {256: 4, 257: 1, 258: bits, 259: 1, 262: int(not white_is_zero)}
    tags |= {273: 146, 277: 1, 278: 1, 279: len(body), 339: kind}
    head = b"II" + struct.pack("<HIH", 42, 8, len(tags))
    rows = b"".join(struct.pack("<HHII", tag, 4, 1, n) for tag, n in tags.items())
    return (head + rows).ljust(146, b"\0") + body


SHARES = np.array([0, 0.25, 0.5, 1])
SIXTEEN = (SHARES * 65535).astype("<u2").tobytes()
TWELVE = bytes.fromhex("0003ff7fffff")  # 0, 1023, 2047, 4095
TIFFS = {
    "16 bits": (tiff(SIXTEEN, 16), SHARES),
    "16 bits, white is 0": (tiff(SIXTEEN, 16, True), 1 - SHARES),
    "12 bits": (tiff(TWELVE, 12), SHARES),
    "8 bits, white is 0": (tiff(bytes([0, 64, 128, 255]), 8, True), 1 - SHARES),
    "floats": (tiff(SHARES.astype("<f4").tobytes(), 32, kind=3), SHARES),
    "floats, white is 0": (
        tiff(SHARES.astype("<f4").tobytes(), 32, True, 3),
        1 - SHARES,
    ),
}


@pytest.mark.parametrize("case", TIFFS)
def test_a_tiff_says_what_white_is(tmp_path, case):
    body, shares = TIFFS[case]
    (tmp_path / "a.tif").write_bytes(body)
    found = read_image(tmp_path / "a.tif")[0, 0]
    assert found.tolist() == pytest.approx(list(shares), abs=1 / 200)


def test_deep_frames_of_a_clip_keep_their_brightness(tmp_path):
    pages = [Image.fromarray(np.full((4, 5), n, np.uint16)) for n in (16384, 49152)]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    clip = read_clip(tmp_path / "a.tif")
    assert clip.shape == (2, 3, 4, 5)
    assert clip[:, 0, 0, 0].tolist() == pytest.approx([0.25, 0.75], abs=0.01)


BAD = {
    "32 bits": np.array([[0, 2**31 - 1]], np.int32),
    "below 0": np.array([[-5, 9]], np.int32),
    "floats to 255": np.array([[0, 255]], np.float32),
    "nan": np.array([[0, np.nan]], np.float32),
    "minus": np.array([[-0.5, 1]], np.float32),
}


@pytest.mark.parametrize("case", BAD)
def test_a_white_that_nobody_knows_is_an_error(tmp_path, case):
    Image.fromarray(BAD[case]).save(tmp_path / "a.tif")
    with pytest.raises(ImageError, match="white is not known") as caught:
        read_image(tmp_path / "a.tif")
    assert "a.tif" in str(caught.value)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr"])
def test_every_usual_mode_is_white(tmp_path, mode):
    name = "a.jpg" if mode in ("CMYK", "YCbCr") else "a.png"
    white = Image.new("RGB", (4, 3), "white")
    white.convert(mode).save(tmp_path / name)
    assert read_image(tmp_path / name).min() > 0.98


KINDS = {
    "HEIC": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(99), "HEIC.*Convert"),
    "HEIF": (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic" + bytes(99), "HEIC"),
    "video": (b"\0\0\0\x18ftypisom\0\0\0\0" + bytes(99), "a video.*ffmpeg"),
    "page": (b"<html><body>404</body></html>", "an HTML page"),
    "pointer": (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
    "pdf": (b"%PDF-1.7", "PDF"),
    "empty": (b"", "empty"),
    "svg": (b"<svg xmlns='x'></svg>", "XML"),
    "text": (b"404: Not Found", r"it is text \('404: Not Found'\)"),
    "noise": (bytes(range(128, 200)), "damaged, cut short or not an image"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_image_is_named(tmp_path, kind):
    body, reason = KINDS[kind]
    (tmp_path / "x.jpg").write_bytes(body)
    for use in (read_image, images.image_size):
        with pytest.raises(ImageError, match=reason):
            use(tmp_path / "x.jpg")


def test_a_cut_picture_and_a_folder(tmp_path):
    Image.new("RGB", (64, 64), "red").save(tmp_path / "a.jpg")
    whole = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "a.jpg").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ImageError, match="cut short"):
        read_image(tmp_path / "a.jpg")
    with pytest.raises(ImageError, match="(?i)directory"):
        read_image(tmp_path)


def test_a_very_large_picture_says_how_large(tmp_path, monkeypatch):
    Image.new("1", (400, 300)).save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 40_000)
    with pytest.raises(ImageError, match="0 million pixels.*MAX_IMAGE_PIXELS"):
        read_image(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100_000)  # a warning, no error
    assert read_image(tmp_path / "a.png").shape == (3, 300, 400)


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif"])
@pytest.mark.parametrize("turn", [1, 6])
def test_more_pixels_than_are_wanted_are_shrunk(tmp_path, name, turn):
    left = Image.new("RGB", (400, 300), "white")
    left.paste("black", (200, 0, 400, 300))
    exif = Image.Exif()
    exif[0x0112] = turn
    left.save(tmp_path / name, exif=exif)
    small = read_image(tmp_path / name, most=7500)
    large = read_image(tmp_path / name)
    assert large.shape[1:] == ((300, 400) if turn == 1 else (400, 300))
    assert [2 * n // 8 for n in large.shape[1:]] == [
        2 * n // 2 for n in small.shape[1:]
    ]
    expected = torch.nn.functional.avg_pool2d(large, 4)
    assert (small - expected).abs().mean() < 0.02
    assert torch.equal(read_image(tmp_path / name, most=120_000), large)


def test_sixteen_bits_are_shrunk_at_their_brightness(tmp_path):
    Image.fromarray(np.full((40, 60), 32896, np.uint16)).save(tmp_path / "a.png")
    small = read_image(tmp_path / "a.png", most=600)
    assert small.shape == (3, 20, 30)
    assert (small - 0.5).abs().max() < 0.01


def test_a_picture_larger_than_the_memory_is_one_line(tmp_path, monkeypatch):
    Image.new("RGB", (4, 3)).save(tmp_path / "a.png")

    def full(*_, **__):
        raise MemoryError

    monkeypatch.setattr(images, "eight_bits", full)
    with pytest.raises(ImageError, match="a.png: is larger than the memory"):
        read_image(tmp_path / "a.png")


# --- detections of a larger set ------------------------------------------------------

BOX = {"category_id": 1, "bbox": [0, 0, 9, 9], "score": 0.9}


def found(tmp_path, *images_of, **changes):
    coco = read(tmp_path, [person()])
    entries = [{**BOX, "image_id": i, **changes} for i in images_of]
    (tmp_path / "found.json").write_text(json.dumps(entries))
    return coco.detections(tmp_path / "found.json")


def test_the_part_that_is_here_is_taken(tmp_path):
    with pytest.warns(AnnotationWarning, match="2 of images that") as caught:
        assert set(found(tmp_path, 285, 1, 1000)) == {1}
    assert "detection [0]" in str(caught[0].message)


def test_detections_of_another_set_are_named(tmp_path):
    with pytest.raises(AnnotationError, match="no such image.*2 detections") as caught:
        found(tmp_path, 285, 1000)
    assert "285" in str(caught.value)
    assert "another set" in str(caught.value)
    assert found(tmp_path) == {}


def test_boxes_without_an_area_are_counted(tmp_path):
    with pytest.warns(AnnotationWarning, match="1 have a box without an area"):
        assert found(tmp_path, 1, bbox=[1, 2, 0, 4]) == {}


def test_boxes_outside_the_picture_are_counted(tmp_path):
    with pytest.warns(AnnotationWarning, match="1 have a box outside the picture"):
        assert found(tmp_path, 1, bbox=[500, 500, 10, 10]) == {}
    with pytest.warns(AnnotationWarning, match="far over the border .two corners"):
        assert len(found(tmp_path, 1, bbox=[40, 50, 90, 110])[1].boxes) == 1


def test_boxes_in_shares_are_named(tmp_path):
    with pytest.raises(AnnotationError, match="all 2 .*a share of the picture"):
        found(tmp_path, 1, 1, bbox=[0.2, 0.1, 0.6, 0.8])


def test_a_label_that_counts_from_0_is_named(tmp_path):
    with pytest.raises(AnnotationError, match="no detection is a person.*from 0"):
        found(tmp_path, 1, category_id=0)
