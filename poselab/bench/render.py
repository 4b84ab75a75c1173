"""`python -m poselab.bench render`: how fast people are drawn."""

from __future__ import annotations

from collections.abc import Callable

import torch

from poselab.bench.timing import interleaved

BATCH, SIZE = 64, (128, 96)


def training_step(device: torch.device) -> Callable[[], object]:
    """One step of the tiny DeepPose: encode, forward, backward, Adam."""
    from poselab.codecs.regression import RegressionCodec
    from poselab.datasets import SyntheticPeople
    from poselab.models.deeppose import DeepPose

    sample = SyntheticPeople(size=SIZE, seed=1, device=device).batch(BATCH)
    torch_state = torch.random.get_rng_state()
    model, codec = DeepPose(17, SIZE).to(device), RegressionCodec(SIZE)
    torch.random.set_rng_state(torch_state)
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)

    def step() -> None:
        inputs, targets = codec.encode(sample)
        loss = codec.loss(model(*inputs), targets)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()

    return step


def render(repeats: int) -> dict[str, float]:
    """Drawing a batch against training on it, and windows against full frames.

    "tight" and "full" draw the same scenes to the same pixels; "full" in slices of
    4 images, since it visits 200 times as many (primitive, pixel) pairs.
    """
    from poselab.datasets import SyntheticPeople
    from poselab.people.scene.scenes import draw, part

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    maker = SyntheticPeople(size=SIZE, device=device)
    scene = maker.scenes(BATCH, maker.generator())
    slices = [part(scene, range(i, i + 4)) for i in range(0, BATCH, 4)]
    times = interleaved(
        {
            "batch": lambda: maker.batch(BATCH),
            "step": training_step(device),
            "tight": lambda: draw(scene, SIZE),
            "full": lambda: [draw(s, SIZE, window="full") for s in slices[:4]],
        },
        repeats,
    )
    times["full"] *= len(slices) / 4
    ratios = {
        "render / step": times["batch"] / times["step"],
        "full / tight": times["full"] / times["tight"],
    }
    return times | ratios
