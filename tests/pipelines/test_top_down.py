"""Top-down as a whole: boxes, crops, maps, back, scores, who stays."""

import contextlib
import hashlib
import io
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import poselab
from poselab import codecs, datasets, metrics, zoo
from poselab.codecs import ReleasedCodec, crop_matrix_reference
from poselab.errors import ArgumentError, DownloadError, ShapeError
from poselab.geometry import box_centre
from poselab.models import build
from poselab.models.normalise import Normalise
from poselab.pipelines import SinglePerson, TopDown
from poselab.recipes import hrnet, rcnn
from poselab.records import Detections
from tests.support.server import File, Server

SIZE = (128, 96)
CODEC = codecs.HeatmapCodec(SIZE, 4, sigma=1.5, criterion="mse", decoder="dark")
GOAL = torch.tensor([61.3, 47.8])  # px of the picture


def places(height=120, width=160):
    """A picture whose colour says where one is: red x, green y, in 1/256 px."""
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return torch.stack([x, y, 0 * x]) / 256


class Finder(nn.Module):
    """Finds GOAL by its colour: every joint's map is a bump around that place."""

    joints = 17

    def forward(self, crops):
        cells = F.avg_pool2d(crops[:, :2], 4) * 256  # px of the picture, of each cell
        square = (cells - GOAL[:, None, None]).square().sum(1)
        step = cells[:, 0, :, 1:2] - cells[:, 0, :, :1]  # px of a cell
        bump = torch.exp(-square / (2 * (1.5 * step) ** 2))
        return bump[:, None].expand(-1, self.joints, -1, -1)


class Boxes:
    """A detector that knows."""

    def __init__(self, boxes, scores=None, labels=None):
        boxes = torch.as_tensor(boxes, dtype=torch.float32).view(-1, 4)
        n = len(boxes)
        self.found = Detections(
            boxes=boxes,
            scores=torch.ones(n) if scores is None else torch.tensor(scores),
            labels=torch.ones(n).long() if labels is None else torch.tensor(labels),
        )

    def detect(self, image, **thresholds):
        return self.found


AROUND = [[30.0, 10.0, 50.0, 80.0], [40.0, 20.0, 60.0, 60.0], [50.0, 30.0, 20.0, 50.0]]


@pytest.mark.parametrize("flip", [False, True])
def test_a_joint_is_where_it_is_whatever_the_box(flip):
    class Mirrored(Finder):
        """Also right in the mirror: there colours run the other way."""

        def forward(self, crops):
            mirrored = crops[:, 0, :, 0].mean(1) > crops[:, 0, :, -1].mean(1)
            turned = torch.where(mirrored[:, None, None, None], crops.flip(-1), crops)
            maps = super().forward(turned)
            return torch.where(mirrored[:, None, None, None], maps.flip(-1), maps)

    net = Mirrored() if flip else Finder()
    system = TopDown(Boxes(AROUND), net, CODEC, flip=flip)
    poses = system.poses(places(), torch.tensor(AROUND))
    assert poses.keypoints.shape == (3, 17, 2)
    assert (poses.keypoints - GOAL).abs().max() < 0.1
    assert torch.equal(poses.boxes, torch.tensor(AROUND))


def test_one_person_found_twice_is_one_person():
    system = TopDown(Boxes(AROUND[:2], scores=[0.6, 0.9]), Finder(), CODEC)
    poses = system(places())
    assert len(poses.keypoints) == 1
    assert poses.boxes.tolist() == AROUND[1:2]  # of the surer box
    everybody = TopDown(Boxes(AROUND[:2]), Finder(), CODEC, oks_threshold=1.0)
    assert len(everybody(places()).keypoints) == 2


def test_scores_are_box_times_joints():
    system = TopDown(Boxes(AROUND[:1], scores=[0.5]), Finder(), CODEC)
    poses = system(places())
    assert poses.person_scores[0] == pytest.approx(0.5 * poses.scores.mean().item())


def test_only_people_who_are_sure_enough():
    boxes = Boxes(AROUND, scores=[0.9, 0.04, 0.9], labels=[1, 1, 18])
    poses = TopDown(boxes, Finder(), CODEC)(places())
    assert poses.boxes.tolist() == AROUND[:1]


def test_nobody():
    poses = TopDown(Boxes([]), Finder(), CODEC)(places())
    assert poses.keypoints.shape == (0, 17, 2)
    assert poses.person_scores.shape == (0,)


def test_boxes_outside_the_picture_and_of_no_size():
    outside = [[-500.0, -500, 40, 80], [900.0, 50, 40, 80]]
    poses = TopDown(Boxes(outside), Finder(), CODEC)(places())
    assert poses.keypoints.isfinite().all()
    assert poses.person_scores.isfinite().all()
    both = TopDown(Boxes([*outside, [40, 20, 50, 60]]), Finder(), CODEC)(places())
    assert ((both.keypoints - GOAL).norm(dim=-1) < 0.5).all(-1).any()
    with pytest.raises(ArgumentError, match="positive width and height"):
        TopDown(Boxes([40.0, 20, 0, 0]), Finder(), CODEC)(places())


def test_the_last_stage_counts_and_images_are_normalised():
    seen = []

    class Staged(Finder):
        def forward(self, crops):
            seen.append(crops)
            maps = super().forward(crops * 0.25 + 0.5)
            return [torch.zeros_like(maps), maps]

    normalise = Normalise((0.5,) * 3, (0.25,) * 3)
    system = TopDown(Boxes(AROUND), Staged(), CODEC, normalise=normalise)
    # A border of black would be the colour of place 0, so the box is inside.
    poses = system.poses(places(), torch.tensor(AROUND))
    assert (poses.keypoints - GOAL).abs().max() < 0.1
    assert seen[0].min() == pytest.approx(-2)  # black


def test_released_reading_and_released_crops_belong_together():
    """A peak on cell (w / 2, h / 2) of the map is the centre of the box."""
    codec = ReleasedCodec()

    class Middle(nn.Module):
        def forward(self, crops):
            maps = torch.zeros(len(crops), 17, 64, 48)
            maps[:, :, 32, 24] = 1
            return maps

    boxes = torch.tensor(AROUND[:2])
    system = TopDown(Boxes(AROUND), Middle(), codec)
    points = system.poses(places(), boxes).keypoints
    centre = box_centre(boxes) + 0.5  # counted from the corner of the first pixel
    torch.testing.assert_close(points, centre[:, None].expand(-1, 17, -1))
    assert crop_matrix_reference(boxes, (256, 192)).shape == (2, 2, 3)


def test_what_a_detector_is():
    with pytest.raises(ArgumentError, match="detector"):
        TopDown(lambda image: None, Finder(), CODEC)
    with pytest.raises(ShapeError, match="image"):
        TopDown(Boxes([]), Finder(), CODEC)(torch.rand(9, 9, 3))


def test_a_clip_gives_the_poses_of_every_frame():
    """Stacked; where nobody is found, nobody is present."""

    class Blind(Boxes):
        def detect(self, image, **thresholds):
            return self.found if image.sum() > 0 else Boxes([]).found

    clip = torch.stack([places(), torch.zeros(3, 120, 160), places()])
    system = TopDown(Blind(AROUND[:1]), Finder(), CODEC)
    poses = system(clip)
    assert poses.present.tolist() == [[True], [False], [True]]
    torch.testing.assert_close(poses[2].keypoints, system(clip[2]).keypoints)


def test_one_call_has_thresholds_of_its_own():
    """They go to the detector too, and the system stays as it is."""
    seen = {}

    class Listening(Boxes):
        def detect(self, image, **thresholds):
            seen.update(thresholds)
            return self.found

    system = TopDown(Listening(AROUND[:2], scores=[0.6, 0.9]), Finder(), CODEC)
    before = {k: v for k, v in vars(system).items() if k.endswith("threshold")}
    assert len(before) == 3
    assert system(places(), oks_threshold=1.0, iou_threshold=0.3).count == 2
    assert system(places(), score_threshold=0.7, oks_threshold=1.0).count == 1
    assert seen == {"iou_threshold": 0.3}
    assert {k: v for k, v in vars(system).items() if k.endswith("threshold")} == before


def test_one_person_on_the_whole_picture():
    """The picture is the box, without a margin, in whatever size it comes."""
    single = SinglePerson(Finder(), CODEC)
    for size in ((128, 96), (120, 160), (256, 192)):
        poses = single(places(*size))
        assert poses.keypoints.shape == (1, 17, 2)
        assert (poses.keypoints - GOAL).abs().max() < 0.3
        assert poses.boxes.tolist() == [[0, 0, size[1], size[0]]]


# ---- released weights, from a server on this computer

SMALL = {
    "keypointrcnn_r50_fpn": {"depth": 10, "width": 16},
    "hrnet_w32_coco": {"width": 8, "blocks": 1, "modules": (1, 1, 1), "joints": 17},
}


@pytest.fixture
def serve(tmp_path, monkeypatch):
    """serve(**faults of the detector's file) -> the server; networks made small."""
    monkeypatch.setenv("POSELAB_CACHE", str(tmp_path / "cache"))
    with contextlib.ExitStack() as stack:

        def serve(sha256=None, **faults):
            files = {}
            for name, arguments in SMALL.items():
                net = build(zoo.released()[name].model, **arguments)
                buffer = io.BytesIO()
                torch.save(net.state_dict(), buffer)
                bad = faults if "rcnn" in name else {}
                files[f"/{name}.pth"] = File(buffer.getvalue(), **bad)
            server = stack.enter_context(Server(files))
            for name, arguments in SMALL.items():
                body = files[f"/{name}.pth"].body
                digits = sha256 or hashlib.sha256(body).hexdigest()[:8]
                entry = replace(
                    zoo.released()[name],
                    arguments=arguments,
                    sha256=digits,
                    url=server.url(f"/{name}.pth"),
                )
                home = rcnn if "rcnn" in name else hrnet
                monkeypatch.setitem(home.RELEASED, name, entry)
            return server

        yield serve


def large(detector="keypointrcnn_r50_fpn", pose="hrnet_w32_coco", **options):
    """The system of two networks with released weights."""
    return zoo.top_down(detector, pose, **options)


def test_three_lines_from_nothing_to_poses(serve):
    """Also where the connection is cut on the way."""
    server = serve(cuts=[5000])
    system = large(score_threshold=0.0)
    system.detector.side, system.detector.score_threshold = (64, 100), 0.0
    poses = system(datasets.evaluation("crowd", 1, (192, 256))[0].image)
    assert poses.keypoints.shape[1:] == (17, 2)
    assert len(poses.keypoints) > 0
    assert system.single.flip
    parts = [part for path, part in server.requests if "rcnn" in path]
    assert parts == [None, "bytes=5000-"]
    large()  # from the cache
    assert len(server.requests) == 3


def test_estimate_with_a_released_network(serve):
    """A bundled detector and one large network, by the names alone."""
    server = serve()
    picture = datasets.evaluation("crowd", 1, (192, 256))[0].image
    poses = poselab.estimate(picture, pose="hrnet_w32_coco")
    assert poses.keypoints.shape[1:] == (17, 2)
    assert len(poses.keypoints) > 0
    assert [path for path, _ in server.requests] == ["/hrnet_w32_coco.pth"]


def test_a_file_of_somebody_else_is_not_loaded(serve, tmp_path):
    serve(sha256="00000000")
    with pytest.raises(DownloadError, match="sha256"):
        large()
    assert not [p for p in (tmp_path / "cache").rglob("*") if p.is_file()]


@pytest.mark.parametrize(
    "names",
    [
        ("hrnet_w32_coco", "hrnet_w32_coco"),
        ("keypointrcnn_r50_fpn", "maskrcnn_r50_fpn"),
    ],
)
def test_networks_in_the_wrong_place(names):
    with pytest.raises(ArgumentError, match="is no detector|is a detector"):
        large(*names)


# ---- the crowd


def test_true_boxes_and_a_perfect_reader_are_perfect_on_the_crowd():
    """Everything but the networks: truth through crops and back has AP 1."""
    samples = [s for s in datasets.evaluation("crowd", 6, (192, 256))]

    class Truth(nn.Module):
        """Draws the maps of the truth in the crops that it is asked about."""

        def forward(self, crops):
            return self.maps

    found = []
    for sample in samples:
        known = sample.people((sample.visibility > 0).any(1)).replace(masks=None)
        system = TopDown(Boxes(known.boxes), Truth(), CODEC, margin=1.5)
        cut, _ = datasets.crop_people(known, SIZE, margin=1.5)
        system.single.net.maps = CODEC.encode(cut)[1]["heatmaps"]
        found.append(system(sample.image))
    assert metrics.coco_ap(samples, found)["AP"] > 0.97
