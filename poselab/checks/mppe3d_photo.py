"""Exercise of notebook 15: k of a photograph, from the data sheet of its camera."""

from __future__ import annotations

import torch
from torch import Tensor

from poselab.checks.base import Case
from poselab.checks.mppe3d import chapter


def _photo_cases() -> list[Case]:
    return [
        Case(
            "a phone: 4.2 mm, sensor 5.6 mm, shown at 640 of 4000 px",
            torch.tensor([[100.0, 50, 60, 200], [300.0, 80, 45, 150]]),
            4.2,
            5.6,
            4000,
            640,
            0.75,
        ),
        Case(
            "a camera of 36 mm x 24 mm, somebody who lies",
            torch.tensor([[20.0, 200, 240, 50]]),
            50.0,
            36.0,
            6000,
            1500,
            0.75,
        ),
        Case(
            "as large as it was taken, a square input",
            torch.tensor([[0.0, 0, 30, 90], [5.0, 5, 90, 90]]),
            2.8,
            3.9,
            1280,
            1280,
            1.0,
        ),
        Case("nobody", torch.zeros(0, 4), 4.2, 5.6, 4000, 640, 0.75),
    ]


def _sides(boxes: Tensor, aspect: float) -> tuple[Tensor, Tensor]:
    width = 1.25 * torch.maximum(boxes[:, 2], boxes[:, 3] * aspect)
    return width, width / aspect


def _k(boxes: Tensor, focal: float, aspect: float) -> Tensor:
    width, height = _sides(boxes, aspect)
    return 2000.0 * focal / (width * height).sqrt()


def _photo(boxes, focal_mm, sensor_mm, taken, shown, aspect) -> Tensor:
    return _k(boxes, focal_mm / sensor_mm * shown, aspect)


photo = chapter.exercise(
    "photo",
    cases=_photo_cases,
    solution=_photo,
    returns=("k in mm",),
    praise="A data sheet, a box and an assumed size give a depth.",
)


@photo.wrong(
    "Your focal length is in millimetres. k needs it in px: as many times the sensor's "
    "width as it is long, times the picture's width in px."
)
def focal_in_mm(boxes, focal_mm, sensor_mm, taken, shown, aspect):
    return _k(boxes, focal_mm, aspect)


@photo.wrong(
    "You count the focal length in pixels of the picture as it was *taken*. The boxes "
    "are in px of the picture that is shown, which has fewer."
)
def as_taken(boxes, focal_mm, sensor_mm, taken, shown, aspect):
    return _k(boxes, focal_mm / sensor_mm * taken, aspect)


@photo.wrong(
    "The ratio is turned around: focal length over sensor width. A longer lens makes "
    "people larger."
)
def lens_turned(boxes, focal_mm, sensor_mm, taken, shown, aspect):
    return _k(boxes, sensor_mm / focal_mm * shown, aspect)


@photo.wrong(
    "The focal length stands under the root once. Width *and* height are seen with it: "
    "f times f is under the root."
)
def focal_once(boxes, focal_mm, sensor_mm, taken, shown, aspect):
    return _photo(boxes, focal_mm, sensor_mm, taken, shown, aspect) / (
        (focal_mm / sensor_mm * shown) ** 0.5
    )


@photo.wrong(
    "A_img is that of the *tight* box in your answer. The networks get the processed "
    "box: grown to the input's aspect ratio, then by 1.25. k is made for that one."
)
def tight_box(boxes, focal_mm, sensor_mm, taken, shown, aspect):
    area = boxes[:, 2] * boxes[:, 3]
    return 2000.0 * focal_mm / sensor_mm * shown / area.sqrt()


@photo.wrong(
    "The margin of 1.25 is missing: both sides of the box that is cut out are 1.25 "
    "times as long."
)
def no_margin(boxes, focal_mm, sensor_mm, taken, shown, aspect):
    return 1.25 * _photo(boxes, focal_mm, sensor_mm, taken, shown, aspect)


@photo.wrong(
    "The box is not brought to the input's aspect ratio. Its shorter side grows, so "
    "that width / height is `aspect`."
)
def no_aspect(boxes, focal_mm, sensor_mm, taken, shown, aspect):
    area = 1.25**2 * boxes[:, 2] * boxes[:, 3]
    return 2000.0 * focal_mm / sensor_mm * shown / area.sqrt()


@photo.wrong(
    "The square root is missing: an area over an area is the square of a distance."
)
def no_root(boxes, focal_mm, sensor_mm, taken, shown, aspect):
    return _photo(boxes, focal_mm, sensor_mm, taken, shown, aspect).square()


@photo.wrong(
    "Your answer is in metres. A_real is 2000 mm x 2000 mm, and depths here are in mm."
)
def in_metres(boxes, focal_mm, sensor_mm, taken, shown, aspect):
    return _photo(boxes, focal_mm, sensor_mm, taken, shown, aspect) / 1000


@photo.wrong(
    "A_real is 2000 mm in your answer, a length. It is an area, 2000 mm x 2000 mm."
)
def real_length(boxes, focal_mm, sensor_mm, taken, shown, aspect):
    return _photo(boxes, focal_mm, sensor_mm, taken, shown, aspect) / 2000.0**0.5


@photo.wrong(
    "The fraction is turned around: the *smaller* a person's box, the *farther* off it "
    "is. A_img belongs below."
)
def upside_down(boxes, focal_mm, sensor_mm, taken, shown, aspect):
    width, height = _sides(boxes, aspect)
    return focal_mm / sensor_mm * shown * (width * height).sqrt() / 2000.0


@photo.wrong(
    "You read the boxes as corners. They are x, y, width, height: the sides are the "
    "last two numbers."
)
def corners_read(boxes, focal_mm, sensor_mm, taken, shown, aspect):
    sides = torch.cat([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], 1)
    return _photo(sides, focal_mm, sensor_mm, taken, shown, aspect)


@photo.wrong(
    "You make the *longer* side shorter. The shorter one grows, so that nobody is cut "
    "off: `maximum`, not `minimum`."
)
def shrunk(boxes, focal_mm, sensor_mm, taken, shown, aspect):
    width = 1.25 * torch.minimum(boxes[:, 2], boxes[:, 3] * aspect)
    return 2000.0 * focal_mm / sensor_mm * shown / (width * width / aspect).sqrt()


@photo.wrong(
    "You use the aspect ratio the other way round. It is width over height: a height h "
    "needs a width of `h * aspect`."
)
def aspect_turned(boxes, focal_mm, sensor_mm, taken, shown, aspect):
    return _photo(boxes, focal_mm, sensor_mm, taken, shown, 1 / aspect)


@photo.wrong(
    "The area grows by 1.25 only once. Both sides grow by 1.25, so the area grows by "
    "1.25 squared."
)
def margin_once(boxes, focal_mm, sensor_mm, taken, shown, aspect):
    return _photo(boxes, focal_mm, sensor_mm, taken, shown, aspect) * 1.25**0.5
