"""The training loop: it learns, repeats itself, stops in time, goes on where it was."""

import itertools
from functools import partial

import pytest
import torch

from poselab.codecs import RegressionCodec
from poselab.datasets import CocoPeople, SyntheticPeople, save_coco
from poselab.datasets.coco.layout import open_coco
from poselab.datasets.sources import Mixed, Varied
from poselab.errors import ArgumentError, CheckpointError, Interrupted, PoselabError
from poselab.models import build
from poselab.train import History, Schedule, fit, learning_rate, run
from tests.support.samples import make_sample
from tests.support.sources import Dots

SIZE = (64, 48)


def train(steps=12, net=None, codec=None, data=None, **options):
    net = net or build("deeppose", size=SIZE)
    history = fit(
        net,
        codec or RegressionCodec(SIZE),
        data or Dots(SIZE),
        steps=steps,
        batch_size=8,
        progress=False,
        **options,
    )
    return net, history


def same(a, b):
    b = b.state_dict()
    return all(torch.equal(value, b[key]) for key, value in a.state_dict().items())


def test_the_loss_falls():
    net, history = train(60)
    assert sum(history.loss[-10:]) < 0.3 * sum(history.loss[:10])
    assert history.stopped == "done"
    assert len(history.smooth()) == len(history.lr) == 60
    assert not net.training


def test_half_trains_in_bfloat16_on_a_processor(monkeypatch):
    """PyTorch imitates what a processor lacks, so this runs everywhere."""
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)
    layers = []

    class Watched(torch.nn.Linear):
        def forward(self, x):
            answer = super().forward(x)
            layers.append(answer.dtype)
            return answer

    for half, wanted in ((None, torch.float32), (True, torch.bfloat16)):
        layers.clear()
        net = torch.nn.Sequential(
            torch.nn.AdaptiveAvgPool2d(4), torch.nn.Flatten(), Watched(48, 34)
        )
        net.append(torch.nn.Unflatten(1, (17, 2)))
        _, history = train(4, net, half=half)
        assert set(layers) == {wanted}
        assert all(p.dtype == torch.float32 for p in net.parameters())
        assert all(loss == loss for loss in history.loss)


def test_same_seed_same_losses():
    (a, first), (b, second) = train(seed=1), train(seed=1)
    assert first.loss == second.loss
    assert same(a, b)
    assert train(seed=2)[1].loss != first.loss


def test_global_random_state_is_untouched():
    torch.manual_seed(7)
    wanted = torch.rand(3)
    torch.manual_seed(7)
    train(2)
    assert torch.equal(torch.rand(3), wanted)


class Stopper(Dots):
    """A source that breaks down after some batches."""

    def batches(self, batch_size, seed=0):
        yield from itertools.islice(super().batches(batch_size, seed), 7)
        raise InterruptedError


class Drawn(Dots):
    """A source that counts its batches."""

    drawn = 0

    def batches(self, batch_size, seed=0):
        for batch in super().batches(batch_size, seed):
            self.drawn += 1
            yield batch


def dropout_net():
    net = build("deeppose", size=SIZE)
    net.head.insert(4, torch.nn.Dropout(0.3))
    return net


def test_resume_is_exact(tmp_path):
    net, whole = train(net=dropout_net())
    file = tmp_path / "run.pt"
    with pytest.raises(InterruptedError):
        train(net=dropout_net(), data=Stopper(SIZE), checkpoint=file, save_every=5)
    again, history = train(net=dropout_net(), checkpoint=file)
    assert history.loss == whole.loss
    assert same(net, again)
    assert [p.name for p in tmp_path.iterdir()] == ["run.pt"]


def test_a_finished_run_is_not_repeated(tmp_path):
    file = tmp_path / "run.pt"
    _, first = train(checkpoint=file)
    data = Drawn(SIZE)
    _, history = train(checkpoint=file, data=data)
    assert history.loss == first.loss
    assert history.stopped == "done"
    assert data.drawn == 0
    assert train(checkpoint=file, resume=False)[1].loss == first.loss


def test_a_stopped_training_leaves_a_network_to_use():
    net = build("deeppose", size=SIZE)
    with pytest.raises(InterruptedError):
        train(net=net, data=Stopper(SIZE))
    assert not net.training
    assert all(p.is_contiguous() for p in net.parameters())


def test_the_stop_button_is_answered_in_one_sentence():
    class Pressed(Dots):
        def batches(self, *arguments):
            for number, batch in enumerate(super().batches(*arguments)):
                if number == 2:
                    raise KeyboardInterrupt
                yield batch

    net = build("deeppose", size=SIZE)
    with pytest.raises(Interrupted, match="stopped after 2 of 9 steps") as caught:
        train(net=net, data=Pressed(SIZE), steps=9)
    assert isinstance(caught.value, KeyboardInterrupt)
    assert caught.value._render_traceback_() == [str(caught.value)]
    assert not net.training


class Volume(torch.nn.Module):
    """Joints from a stack of the image with itself: a network of volumes."""

    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv3d(3, 34, 3)

    def forward(self, images):
        features = self.conv(images[:, :, None].expand(-1, -1, 3, -1, -1))
        return features.mean((2, 3, 4)).unflatten(1, (17, 2))


def test_networks_of_volumes_learn_in_the_same_loop():
    _, history = train(20, net=Volume(), lr=0.05)
    assert history.loss[-1] < history.loss[0]


def test_a_checkpoint_that_cannot_be_written(tmp_path, monkeypatch):
    with pytest.raises(ArgumentError, match="checkpoint.*no such folder"):
        train(2, checkpoint=tmp_path / "nowhere" / "run.pt")

    def full(state, path):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(CheckpointError, match="run.pt.*No space left"):
        train(2, checkpoint=tmp_path / "run.pt")
    assert list(tmp_path.iterdir()) == []


def test_time_budget(tmp_path):
    file = tmp_path / "run.pt"
    _, history = train(1000, seconds=0.0, checkpoint=file)
    assert history.stopped == "time"
    assert len(history.loss) == 1
    _, more = train(1000, seconds=0.0, checkpoint=file)
    assert len(more.loss) == 2


def test_data_that_run_out():
    class Few(Dots):
        def batches(self, batch_size, seed=0):
            yield from itertools.islice(super().batches(batch_size, seed), 3)

    _, history = train(data=Few(SIZE))
    assert history.stopped == "data"
    assert len(history.loss) == 3


def test_checkpoint_of_another_training(tmp_path):
    file = tmp_path / "run.pt"
    train(2, checkpoint=file)
    with pytest.raises(CheckpointError, match="lr = 0.002.*0.1.*resume=False"):
        train(2, lr=0.1, checkpoint=file)
    with pytest.raises(CheckpointError, match="another network"):
        train(2, net=build("deeppose", joints=16, size=SIZE), checkpoint=file)


@pytest.mark.parametrize(
    "content", [b"", b"not a checkpoint", b"broken", b"PK\x03\x04broken"]
)
def test_broken_checkpoint(tmp_path, content):
    file = tmp_path / "run.pt"
    file.write_bytes(content)
    with pytest.raises(CheckpointError, match="run.pt"):
        train(2, checkpoint=file)


@pytest.mark.parametrize(
    "content",
    [
        [1],
        {"recipe": {}},
        {"recipe": 3, "history": {}},
        {"recipe": {"lr": 1}, "model": {}, "optimiser": {}, "history": {"x": 1}},
    ],
)
def test_a_file_of_torch_that_is_no_checkpoint(tmp_path, content):
    torch.save(content, tmp_path / "run.pt")
    with pytest.raises(CheckpointError, match=r"run.pt: this is no checkpoint of fit"):
        train(2, checkpoint=tmp_path / "run.pt")


def varied_and_mixed(folder):
    return Varied(Mixed((Dots(SIZE), Dots(SIZE))), {"degrees": 20.0, "zoom": 0.2})


def people_of_a_file(folder):
    samples = [make_sample(i, people=2, size=(80, 90)) for i in range(5)]
    save_coco(samples, folder / "annotations.json", folder / "images")
    return CocoPeople(open_coco(f"coco:{folder}", "train2017"), SIZE)


@pytest.mark.parametrize("source", [varied_and_mixed, people_of_a_file])
def test_resume_is_exact_for_every_source(tmp_path, source):
    """The checkpoint is of a step in the middle of a round."""
    data, file = source(tmp_path), tmp_path / "run.pt"
    net, whole = train(6, data=data)
    train(6, data=data, checkpoint=file, seconds=0.0)
    train(6, data=data, checkpoint=file, seconds=0.0)
    again, history = train(6, data=data, checkpoint=file)
    assert history.loss == whole.loss
    assert same(net, again)


def test_a_wrapped_test_split_stays_one():
    """Inside `fit`, too, no picture of "test" is one of "train"."""
    seen = {"train": [], "test": []}

    class Noted(RegressionCodec):
        def __init__(self, split):
            super().__init__(SIZE)
            self.split = split

        def encode(self, sample, generator=None):
            seen[self.split] += list(sample.image)
            return super().encode(sample, generator)

    still = {"flip_chance": 0.0, "degrees": 0.0, "zoom": 0.0, "shift": 0.0}
    for split in seen:
        people = Varied(SyntheticPeople(SIZE, split=split), still)
        train(2, data=people, codec=Noted(split))
    assert len(seen["test"]) == len(seen["train"]) == 16
    for a, b in itertools.product(seen["train"], seen["test"]):
        assert not torch.equal(a, b)


def test_the_network_is_scored_on_the_way(tmp_path, monkeypatch):
    """After 16, 32, 64 pictures and at the end; a stop in between changes nothing."""
    monkeypatch.setattr(run, "FIRST_MARK", 16)
    codec = RegressionCodec(SIZE)

    def score(net, given):
        assert given is codec
        assert not net.training
        return {"weight": next(net.parameters()).double().sum().item()}

    options = {"codec": codec, "score": score}
    net, history = train(12, **options)
    assert [point["pictures"] for point in history.curve] == [16, 32, 64, 96]
    assert history.curve[-1]["weight"] == pytest.approx(score(net, codec)["weight"])
    assert history.loss == train(12)[1].loss
    file = tmp_path / "run.pt"
    for _ in range(5):
        train(12, checkpoint=file, seconds=0.0, **options)
    assert train(12, checkpoint=file, **options)[1].curve == history.curve


def test_loss_that_is_not_a_number():
    class Broken(RegressionCodec):
        def loss(self, output, targets):
            return output.sum() * torch.nan

    with pytest.raises(PoselabError, match="step 0 = nan.*lr"):
        train(2, codec=Broken(SIZE))


@pytest.mark.parametrize(
    "options",
    [
        {"steps": 0},
        {"steps": 2.5},
        {"data": 3},
        {"save_every": 0},
        {"schedule": "linear"},
    ],
)
def test_bad_arguments(options):
    with pytest.raises(ArgumentError, match=next(iter(options))):
        train(**options)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_gpu_that_is_not_there():
    with pytest.raises(ArgumentError, match="device = 'cuda': .*no such GPU"):
        train(2, device="cuda")


def test_a_compiled_network_learns_the_same(monkeypatch):
    """torch traces the network; what compiles the trace is not on every machine."""
    traced = []

    def backend(graph, inputs):
        traced.append(graph)
        return graph.forward

    compiler = partial(torch.compile, backend=backend)
    monkeypatch.setattr(torch, "compile", compiler)
    net, history = train(3, compiled=True)
    assert len(traced) == 1
    again, plain = train(3)
    assert history.loss == pytest.approx(plain.loss, rel=1e-5)
    for a, b in zip(net.parameters(), again.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-5)


def test_schedules():
    def rates(schedule):
        return [learning_rate(i, 100, 1.0, schedule) for i in range(100)]

    cosine, cycle = rates("cosine"), rates("one_cycle")
    assert max(cosine) == max(cycle) == 1
    assert cosine.index(1.0) < cycle.index(1.0) == 29
    assert cosine[-1] < 1e-2
    assert cycle[-1] < 1e-2
    assert set(rates("constant")) == {1.0}


def test_two_drops():
    rates = [learning_rate(i, 210, 1.0, "two_drops") for i in (0, 169, 170, 199, 200)]
    assert rates == pytest.approx([1, 1, 0.1, 0.1, 0.01])


def test_early_drops():
    places = (0, 89, 90, 119, 120)
    rates = [learning_rate(i, 140, 1.0, "early_drops") for i in places]
    assert rates == pytest.approx([1, 1, 0.1, 0.1, 0.01])


def test_a_schedule_and_changes_to_it():
    schedule = Schedule(5, 8, 1e-3, "constant")
    assert schedule.pictures == 40
    net = build("deeppose", size=SIZE)
    codec = RegressionCodec(SIZE)
    history = fit(net, codec, Dots(SIZE), schedule, steps=3, progress=False)
    assert history.lr == [1e-3] * 3
    with pytest.raises(TypeError, match="stepps"):
        fit(net, codec, Dots(SIZE), stepps=3)
    with pytest.raises(ArgumentError, match="epochs = 2"):
        fit(net, codec, Dots(SIZE), Schedule(epochs=2))


def test_the_smooth_loss_is_the_mean_of_the_last():
    history = History(loss=[4.0, 2.0, 0.0, 6.0])
    assert history.smooth(2) == [4.0, 3.0, 1.0, 3.0]
    assert history.smooth() == [4.0, 3.0, 2.0, 3.0]
