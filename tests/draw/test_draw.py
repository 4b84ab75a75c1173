"""Pictures: what is painted is where the numbers say, and fast enough for a slider."""

import base64
import io

import numpy as np
import pytest
import torch
from PIL import Image

from poselab import draw
from poselab.errors import ImageError, PoselabError
from poselab.records import Sample
from poselab.skeleton import COCO_17, SKELETONS

GREY = torch.full((3, 64, 48), 0.5)


def _rgb(colour: str) -> tuple[int, int, int]:
    return tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5))


def _one_joint(joint: int, flag: int, xy=(20.0, 30.0)):
    """Keypoints and visibility of one person of whom one joint is labelled."""
    points, flags = torch.zeros(1, 17, 2), torch.zeros(1, 17, dtype=torch.long)
    points[0, joint], flags[0, joint] = torch.tensor(xy), flag
    return points, flags


def _sample(people: int = 1) -> Sample:
    generator = torch.Generator().manual_seed(0)
    points = torch.rand(people, 17, 2, generator=generator) * 40 + 4
    mask = torch.zeros(people, 64, 48, dtype=torch.bool)
    mask[:, 10:30, 10:20] = True
    boxes = torch.tensor([[10.0, 10, 10, 20]]).expand(people, 4)
    return Sample(
        GREY,
        points,
        torch.full((people, 17), 2),
        boxes,
        boxes[:, 2:].prod(-1),
        masks=mask,
    )


def test_an_image_survives_the_way_to_pillow_whatever_its_form():
    image = torch.rand(3, 5, 7, generator=torch.Generator().manual_seed(1))
    picture = draw.to_pil(image)
    assert picture.size == (7, 5)
    np.testing.assert_allclose(
        np.asarray(picture) / 255, image.permute(1, 2, 0), atol=0.51 / 255
    )
    again = draw.to_pil(draw.to_pil(np.asarray(picture)))
    assert again.tobytes() == picture.tobytes()


def test_a_whole_number_scale_repeats_pixels():
    image = torch.rand(3, 5, 7, generator=torch.Generator().manual_seed(1))
    small, large = np.asarray(draw.to_pil(image)), np.asarray(draw.to_pil(image, 3))
    assert (large == small.repeat(3, 0).repeat(3, 1)).all()


@pytest.mark.parametrize(
    "image",
    [torch.ones(2, 3, 4, 4), torch.ones(4, 4, 3), torch.ones(3, 4, 4).int(), [[0.5]]],
)
def test_what_is_no_image_is_refused(image):
    with pytest.raises(ImageError, match="shape and type"):
        draw.to_pil(image)


@pytest.mark.parametrize("scale", [1, 3, 4])
@pytest.mark.parametrize(
    ("joint", "colour"), [(0, draw.MIDDLE), (5, draw.LEFT), (6, draw.RIGHT)]
)
def test_a_joint_is_painted_around_its_pixel_in_the_colour_of_its_side(
    joint, colour, scale
):
    points, flags = _one_joint(joint, 2)
    plain = draw.to_pil(GREY, scale)
    picture = draw.paint_pose(plain, points, flags, COCO_17, scale)
    y, x = np.nonzero((np.asarray(picture) == _rgb(colour)).all(-1))
    assert len(x) > 0
    centre = [(x.mean() + 0.5) / scale - 0.5, (y.mean() + 0.5) / scale - 0.5]
    np.testing.assert_allclose(centre, [20, 30], atol=0.51 / scale)
    assert plain.getpixel((20 * scale, 30 * scale)) == (128, 128, 128)  # still plain


def test_hidden_joints_are_hollow_filled_or_left_out():
    plain = draw.to_pil(GREY, 4)

    def middle(flag: int, **style):
        points, flags = _one_joint(5, flag)
        picture = draw.paint_pose(plain, points, flags, COCO_17, 4, size=8, **style)
        return picture.getpixel((82, 122))

    assert middle(2) == _rgb(draw.LEFT)
    assert middle(1) == (255, 255, 255)
    assert middle(1, hidden="filled") == _rgb(draw.LEFT)
    assert middle(1, hidden="skip") == (128, 128, 128)
    assert middle(0) == (128, 128, 128)
    with pytest.raises(PoselabError, match="Choose one of"):
        middle(1, hidden="dotted")


def test_left_and_right_differ_in_shape_too():
    def shape(joint: int) -> np.ndarray:
        points, flags = _one_joint(joint, 2)
        plain = draw.to_pil(GREY)
        red = draw.paint_pose(plain, points, flags, COCO_17, size=9, colour="#FF0000")
        return (np.asarray(red) == (255, 0, 0)).all(-1)

    square, disc, diamond = shape(5), shape(6), shape(0)
    assert square.sum() > disc.sum()
    assert (disc != diamond).any()
    assert (square != disc).any()


@pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=lambda s: s.name)
def test_poses_that_make_no_sense_are_painted_as_far_as_they_go(skeleton):
    plain = draw.to_pil(GREY, 2)
    points = torch.full((len(skeleton), 2), torch.nan)
    painted = draw.paint_pose(plain, points, None, skeleton, 2)
    assert painted.tobytes() == plain.tobytes()
    points[:3] = torch.tensor([[-1e4, 5], [1e5, 1e5], [20, 20]])
    assert draw.paint_pose(plain, points, None, skeleton, 2).size == plain.size
    nobody = torch.zeros(0, len(skeleton), 2)
    assert draw.paint_pose(plain, nobody, None, skeleton).tobytes() == plain.tobytes()


def test_a_box_frames_exactly_its_pixels():
    picture = draw.paint_box(draw.to_pil(GREY), [10, 12, 20, 30], width=1)
    y, x = np.nonzero((np.asarray(picture) == _rgb(draw.BOX)).all(-1))
    assert (x.min(), x.max(), y.min(), y.max()) == (10, 29, 12, 41)
    empty = draw.paint_box(draw.to_pil(GREY), torch.zeros(2, 4))
    assert empty.tobytes() == draw.to_pil(GREY).tobytes()


def test_a_mask_colours_its_pixels_and_no_others():
    mask = torch.zeros(64, 48, dtype=torch.bool)
    mask[5:9, 7:11] = True
    for paint in (draw.paint_mask, draw.paint_ignore):
        changed = (np.asarray(paint(draw.to_pil(GREY), mask)) != 128).any(-1)
        assert (changed == mask.numpy()).all()


def test_an_arrow_ends_where_it_should():
    plain = draw.to_pil(GREY, 4)
    picture = draw.paint_arrows(plain, [[5, 30]], [[40, 30]], 4, colour="#FF0000")
    y, x = np.nonzero((np.asarray(picture) != 128).any(-1))
    assert abs(x.max() / 4 - 40) < 0.6
    assert abs(x.min() / 4 - 5) < 0.6
    assert abs(y.mean() / 4 - 30) < 0.6
    still = draw.paint_arrows(plain, [[5, 5], [torch.nan, 1]], [[5, 5], [9, 9]], 4)
    assert still.tobytes() == plain.tobytes()


def test_a_sample_shows_what_its_switches_ask_for():
    sample = _sample()
    bare = draw.paint_sample(sample, pose=False)
    assert bare.tobytes() == draw.to_pil(GREY).tobytes()
    shown = {
        switch: draw.paint_sample(sample, **{"pose": False, switch: True}).tobytes()
        for switch in ("pose", "box", "mask")
    }
    assert len({bare.tobytes(), *shown.values()}) == 4


def test_a_contact_sheet_takes_a_batch_or_a_list():
    samples = [_sample(1), _sample(3), _sample(2)]
    sheet = draw.sheet(samples, columns=2, scale=2)
    assert sheet.size == (2 * 96 + 4, 2 * 128 + 4)
    assert draw.sheet(Sample.stack(samples), 2, 2).tobytes() == sheet.tobytes()
    with pytest.raises(PoselabError, match="no picture"):
        draw.sheet([])


def test_text_goes_below_the_picture():
    plain = draw.to_pil(GREY, 4)
    told = draw.paint_text(plain, "stage 1: 12 px\nstage 2: 8 px", size=18)
    assert told.crop((0, 0, *plain.size)).tobytes() == plain.tobytes()
    strip = np.asarray(told)[plain.height :]
    assert strip.min() < 60
    assert strip.max() == 255


def test_bytes_are_a_picture_again():
    picture = draw.paint_sample(_sample(), 3)
    exact = Image.open(io.BytesIO(draw.to_bytes(picture, "png")))
    assert exact.tobytes() == picture.tobytes()
    close = Image.open(io.BytesIO(draw.to_bytes(picture)))
    assert np.abs(np.asarray(close, int) - np.asarray(picture, int)).mean() < 6


def test_figures_keep_pixel_coordinates_and_large_type():
    sample = _sample()
    fig, axes = draw.figure(1, 2)
    draw.pose(axes[0], GREY, sample.keypoints, None, COCO_17, text="A pose", names=True)
    draw.box(axes[0], sample.boxes)
    draw.mask(axes[0], sample.masks)
    draw.side_legend(axes[0])
    draw.curve(axes[1], [1, 2, 3], [0.2, 0.4, 0.5], "stage 1", spread=[0.1] * 3)
    draw.label(axes[1], "steps", "PCK@0.1", "It rises")
    assert axes[0].get_xlim() == (-0.5, 47.5)
    assert axes[1].title.get_size() >= 16
    assert axes[1].xaxis.label.get_size() >= 14
    frame = axes[0].patches[0]
    assert (*frame.get_xy(), frame.get_width()) == (9.5, 9.5, 10)
    with pytest.raises(PoselabError, match="same shape"):
        draw.curve(axes[1], [1, 2], [1, 2, 3])


def test_the_style_does_not_leak():
    import matplotlib as mpl

    before = mpl.rcParams["font.size"]
    with draw.style():
        assert mpl.rcParams["font.size"] == 16
    draw.figure()
    assert mpl.rcParams["font.size"] == before


def test_show_prints_the_caption_outside_jupyter(capsys):
    fig, ax = draw.figure()
    draw.show(fig, "An empty chart.")
    assert capsys.readouterr().out == "An empty chart.\n"
    with pytest.raises(PoselabError, match="caption"):
        draw.show(fig, " ")


@pytest.fixture
def displayed(monkeypatch):
    """What Jupyter would be given: a list of (bundle, metadata)."""
    import IPython
    import IPython.display
    import matplotlib.pyplot as plt

    plt.close(plt.figure())  # pyplot asks IPython for its events when it starts
    given = []
    monkeypatch.setattr(IPython, "get_ipython", lambda: object())
    monkeypatch.setattr(
        IPython.display,
        "display",
        lambda bundle, raw, metadata=None: given.append((bundle, metadata)),
    )
    return given


def test_show_gives_one_picture_with_its_alt_text_and_closes_the_figure(displayed):
    import matplotlib.pyplot as plt

    fig, ax = plt.subplots()
    draw.show(fig, "An empty chart.")
    draw.show(draw.to_pil(GREY), "A grey square.", jpeg=True)
    (chart, alt), (line, _), (photo, alt_photo), (below, _) = displayed
    assert not plt.fignum_exists(fig.number)
    assert chart["text/plain"] == alt["image/png"]["alt"] == "An empty chart."
    assert base64.b64decode(chart["image/png"])[:4] == b"\x89PNG"
    assert photo["text/plain"] == alt_photo["image/jpeg"]["alt"] == "A grey square."
    assert base64.b64decode(photo["image/jpeg"])[:2] == b"\xff\xd8"
    assert ">An empty chart.</div>" in line["text/html"]
    assert below["text/plain"] == "A grey square."


def test_the_same_figure_gives_the_same_bytes(displayed):
    for _ in range(2):
        fig, ax = draw.figure()
        draw.curve(ax, [0, 1], [0, 1])
        draw.show(fig, "A line.")
    assert displayed[:2] == displayed[2:]


@pytest.mark.parametrize("middle", [(30, 40), (150, 100), (290, 190), (-8, 120)])
def test_a_small_person_looks_the_same_beside_one_far_away(middle):
    """Alone only the part of the picture around it is painted; with the other all."""
    noise = np.random.default_rng(0)
    blank = Image.fromarray(noise.integers(0, 255, (200, 300, 3), np.uint8))
    points = np.full((2, 17, 2), np.nan)
    points[0] = np.array(middle) + noise.uniform(-12, 12, (17, 2))
    points[1, 0] = (20, 10) if middle[0] > 100 else (280, 190)
    alone = draw.paint_pose(blank, points[0], None, COCO_17)
    both = draw.paint_pose(blank, points, None, COCO_17)
    painted = np.asarray(both) != np.asarray(alone)
    rows, columns = np.nonzero(painted.any(-1))
    assert abs(rows - points[1, 0, 1]).max() < 8
    assert abs(columns - points[1, 0, 0]).max() < 8
    gone = draw.paint_pose(blank, points[1] - 1000, None, COCO_17)
    assert gone.tobytes() == blank.tobytes()
