"""A training step as one CUDA graph.

Small networks keep a GPU waiting: a step is thousands of short kernels, and the CPU
takes longer to start one than the GPU to run it. A graph is recorded once and then
started whole.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

WARM = 3  # steps before recording, in which libraries choose their kernels

Learn = Callable[[list[Tensor], dict[str, Any]], Tensor]


class Graphed:
    """`learn(inputs, targets) -> loss`, recorded after a few steps and then replayed.

    `learn` does forward, backward and update, asks nothing of the CPU, and always gets
    tensors of the same shapes. Where recording fails, `problem` says why and the steps
    go on kernel by kernel.
    """

    def __init__(self, learn: Learn) -> None:
        self.learn, self.problem, self._done = learn, None, 0
        self._graph: torch.cuda.CUDAGraph | None = None

    def __call__(self, inputs: list[Tensor], targets: dict[str, Any]) -> Tensor:
        """One step; the loss, still on the GPU."""
        if self._graph is None and self.problem is None:
            self._done += 1
            if self._done <= WARM:
                return self._beside(inputs, targets)
            self._record(inputs, targets)
        if self._graph is None:
            return self.learn(inputs, targets)
        self._fill(inputs, targets)
        self._graph.replay()
        return self._loss.clone()

    def _beside(self, inputs: list[Tensor], targets: dict[str, Any]) -> Tensor:
        """A plain step on another stream, as recording wants it before."""
        try:
            stream = torch.cuda.Stream()
            stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(stream):
                loss = self.learn(inputs, targets)
            torch.cuda.current_stream().wait_stream(stream)
        except (RuntimeError, AssertionError) as problem:
            self.problem = str(problem)
            return self.learn(inputs, targets)
        return loss

    def _record(self, inputs: list[Tensor], targets: dict[str, Any]) -> None:
        if not all(isinstance(value, Tensor) for value in targets.values()):
            self.problem = "targets that are no tensors"
            return
        self._inputs = [value.clone() for value in inputs]
        self._targets = {name: value.clone() for name, value in targets.items()}
        graph = torch.cuda.CUDAGraph()
        try:
            torch.cuda.synchronize()
            with torch.cuda.graph(graph):
                self._loss = self.learn(self._inputs, self._targets)
        except RuntimeError as problem:
            self.problem = str(problem)
            torch.cuda.synchronize()
            return
        self._graph = graph

    def _fill(self, inputs: list[Tensor], targets: dict[str, Any]) -> None:
        """Put a batch where the recorded step reads it."""
        for kept, value in zip(self._inputs, inputs, strict=True):
            kept.copy_(value)
        for name, value in targets.items():
            self._targets[name].copy_(value)
