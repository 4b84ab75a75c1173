"""Averaged weights: the mean of where a network has been is steadier than where it is.

Polyak & Juditsky, "Acceleration of stochastic approximation by averaging", 1992; as an
exponential moving average in nearly all of today's training programs.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch import Tensor, nn


class Average:
    """The exponential moving average of a network's weights and statistics.

    After step n (from 0) the average keeps min(`decay`, (1 + n) / (10 + n)) of itself:
    the first weights, which are random, are soon forgotten. `decay` 0: no average.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        values = [*model.parameters(), *model.buffers()] if decay else []
        self._live = [v.detach() for v in values if v.is_floating_point()]
        self._mean = [v.clone() for v in self._live]

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the weights after a step."""
        if self._live:
            kept = min(self.decay, (1 + step) / (10 + step))
            torch._foreach_lerp_(self._mean, self._live, 1 - kept)

    @contextlib.contextmanager
    def used(self) -> Iterator[None]:
        """Inside, the network has the averaged weights."""
        self.exchange()
        try:
            yield
        finally:
            self.exchange()

    @torch.no_grad()
    def exchange(self) -> None:
        """The network gets the average, and the average what the network had."""
        for live, mean in zip(self._live, self._mean, strict=True):
            before = live.clone()
            live.copy_(mean)
            mean.copy_(before)

    def state(self) -> list[Tensor]:
        """What a checkpoint keeps."""
        return self._mean

    @torch.no_grad()
    def restore(self, state: list[Tensor]) -> None:
        """Go on from `state`."""
        for mean, kept in zip(self._mean, state, strict=True):
            mean.copy_(kept)
