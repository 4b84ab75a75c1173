"""Generator against discriminators: it learns, goes on as if it had not stopped."""

from dataclasses import replace

import pytest
import torch

from poselab.codecs.painted import PaintedCodec, pose_pictures
from poselab.datasets.dancer import Dancer
from poselab.errors import ArgumentError, CheckpointError, PoselabError
from poselab.evaluate import painting
from poselab.models import build
from poselab.pipelines.paint import paint_film
from poselab.recipes import edn
from poselab.skeleton import COCO_17
from poselab.train import Schedule
from poselab.train.adversarial import Adversaries, Contest, pairs, train_adversarial

SIZE = (32, 24)
SMALL = {"inputs": 6, "width": 6, "downs": 2, "blocks": 1}


@pytest.fixture(scope="module")
def dancer():
    return Dancer(SIZE, who=12, seed=1, moves=2, length=6)


def recipe(steps, previous=True, lr=3e-3):
    base = edn.TINY["edn_tiny"]
    codec = {**base.codec, "size": SIZE, "previous": previous}
    plan = Schedule(steps, 4, lr, weight_decay=0.0)
    return replace(base, arguments=SMALL, codec=codec, stages=(plan,))


def run(dancer, steps, **options):
    more = {k: options.pop(k) for k in ("previous", "lr") if k in options}
    return train_adversarial(recipe(steps, **more), dancer, progress=False, **options)


def test_a_film_is_one_person_in_moves(dancer):
    film = dancer.film
    assert len(film) == 12
    assert film.present.all()
    assert dancer.starts().tolist() == [0, 1, 2, 3, 4, 6, 7, 8, 9, 10]
    batch = next(dancer.batches(6))
    now, after = batch.keypoints.chunk(2)
    assert len(now) == 3
    assert 0 < (after - now).norm(dim=-1).mean() < 3  # px: the next frame
    again = Dancer(SIZE, who=12, seed=1, moves=2, length=6).film
    assert torch.equal(again.image, film.image)
    with pytest.raises(ArgumentError, match="even"):
        next(dancer.batches(3))
    with pytest.raises(ArgumentError, match="two frames"):
        Dancer(SIZE, length=1)


def test_sides_have_channels_of_their_own():
    points = torch.full((1, 17, 2), 5.0)
    points[0, COCO_17.index("left_wrist")] = torch.tensor([5.0, 15.0])
    points[0, COCO_17.index("left_elbow")] = torch.tensor([5.0, 5.0])
    left, right, _ = pose_pictures(points, SIZE)[0]
    assert left[10, 5] == 1
    assert right[10, 5] == -1
    assert left[10, 9] == -1


def test_it_learns_and_so_does_the_judge(dancer):
    net, (history,) = run(dancer, 60)
    assert sum(history.loss[-5:]) < 0.6 * sum(history.loss[:5])
    film, codec = dancer.film, recipe(1).reader()
    (inputs,), targets = codec.encode(film)
    poses, real = inputs[:, :3], targets["frames"]
    gaps = []
    for own in (poses, poses.roll(6, 0)):
        fake = 2 * paint_film(net, film.keypoints[:, 0], codec) - 1
        if own is not poses:
            fake = fake.roll(6, 0)
        gaps.append(((fake - real).abs() * targets["person"]).sum())
    assert gaps[0] < 0.9 * gaps[1], "the pose decides what is painted"


def test_only_the_own_side_changes(dancer):
    plan = recipe(4)
    contest = Contest(plan.network(0), True, 0)
    state = Adversaries(contest, plan.reader(), plan.stages[0], 0)
    (inputs,), targets = plan.reader().encode(dancer.film[:4])
    poses, real = inputs[:, :3], targets["frames"]

    def weights(*nets):
        return [p.detach().clone() for net in nets for p in net.parameters()]

    def same(one, other):
        return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))

    painter, judges = contest.painter, (contest.frames, contest.pairs)
    before = weights(painter), weights(*judges)
    fake = contest.painted(poses)
    state.update(contest.judges_loss(poses, real, fake), 1)
    assert same(before[0], weights(painter))
    assert not same(before[1], weights(*judges))
    middle = weights(*judges)
    state.update(contest.painters_loss(poses, real, contest.painted(poses)), 0)
    assert same(middle, weights(*judges))
    assert not same(before[0], weights(painter))


def test_without_the_frame_before_no_frame_depends_on_another(dancer):
    net = build("edn_generator", **SMALL).eval()
    points = dancer.film.keypoints[:6, 0]
    for previous in (True, False):
        codec = PaintedCodec(SIZE, previous)
        whole, last = paint_film(net, points, codec), paint_film(net, points[5:], codec)
        assert torch.equal(whole[5:], last) is not previous


def test_pairs_are_both_poses_then_both_frames():
    poses, frames = torch.rand(2, 4, 3, 2, 2)
    found = pairs(poses, frames)
    assert found.shape == (2, 12, 2, 2)
    assert torch.equal(found[0, 3:6], poses[2])
    assert torch.equal(found[1, 6:9], frames[1])


def test_a_stop_costs_nothing(dancer, tmp_path):
    whole, _ = run(dancer, 6)
    options = {"checkpoint": tmp_path, "save_every": 3}
    plan = recipe(6)

    class Ends(Exception):
        pass

    class Stops(Dancer):
        def __init__(self):
            self.film, self.length = dancer.film, dancer.length

        def batches(self, size, seed=0):
            for i, batch in enumerate(dancer.batches(size, seed)):
                if i == 4:
                    raise Ends
                yield batch

    with pytest.raises(Ends):
        train_adversarial(plan, Stops(), progress=False, **options)
    resumed, (history,) = run(dancer, 6, **options)
    assert len(history.loss) == 6
    pairs_ = zip(whole.parameters(), resumed.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs_)
    with pytest.raises(CheckpointError, match="previous"):
        run(dancer, 6, previous=False, **options)


def test_a_loss_that_is_no_number_is_told(dancer):
    with pytest.raises(PoselabError, match="not a number"):
        run(dancer, 30, lr=1e30)


def test_flicker_is_what_changes_otherwise_than_the_film():
    film = torch.rand(40, 3, 4, 4)
    signs = torch.ones(40, 1, 1, 1)
    signs[1::2] = -1
    assert painting.flicker(film + 0.1, film) < 1e-6
    assert painting.flicker(film + 0.1 * signs, film).item() == pytest.approx(0.2, 1e-4)
    jump = torch.zeros(40, 1, 1, 1)
    jump[painting.LENGTH :] = 1  # from one move to the next
    assert painting.flicker(film + jump, film) < 1e-6


def test_a_painter_has_no_joints_and_paints_nobody_else():
    with pytest.raises(ArgumentError, match="no joints"):
        PaintedCodec(SIZE).decode(torch.zeros(1, 3, *SIZE))
    with pytest.raises(ArgumentError, match="--data"):
        edn.Dancing(12).open(SIZE, 0, "coco:folder")
