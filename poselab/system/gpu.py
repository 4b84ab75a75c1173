"""What a GPU can do, asked before it is needed, and one clear line where it cannot."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch

from poselab.errors import ArgumentError, PoselabError, require

AMPERE = 8  # compute capability of the first GPUs that multiply in bfloat16


def require_device(device: str) -> str:
    """`device`, if this machine has it and can use it; an `ArgumentError` if not.

    A tensor is put there, since PyTorch knows names of devices that it was built
    without.
    """
    try:
        kind = torch.device(device).type
    except RuntimeError:
        kind = "unknown"
    require(
        kind in ("cpu", "cuda", "mps"),
        "no device has this name",
        where="--device",
        value=device,
        fix="Use cpu, cuda or cuda:1.",
    )
    gpus = torch.cuda.device_count()
    there = kind != "cuda" or (torch.device(device).index or 0) < gpus
    problem = f"this machine has {gpus} such GPUs"
    require(there, problem, where="--device", value=device, fix="Use cpu.")
    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ArgumentError(
            f"PyTorch cannot use it on this machine ({type(error).__name__})",
            where="--device",
            value=device,
            fix="Use cpu.",
        ) from error
    return device


def half_type(device: torch.device | str, asked: bool = False) -> torch.dtype | None:
    """bfloat16 where the device multiplies in it, else None: then float32 it is.

    T4 and V100 have no such units; PyTorch would imitate them, slower than float32. On
    CPUs only where it was `asked` for, since the same seed then gives other weights
    than on a CPU without; an `ArgumentError` if this one is such a CPU.
    """
    device = torch.device(device)
    if device.type == "cpu" and asked:
        units = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)()
        require(
            units,
            "this processor does not multiply in bfloat16",
            where="half",
            value=asked,
            fix="Leave it out.",
        )
        return torch.bfloat16
    if device.type != "cuda":
        return None
    major, _ = torch.cuda.get_device_capability(device)
    return torch.bfloat16 if major >= AMPERE else None


@contextlib.contextmanager
def memory_of(batch_size: int) -> Iterator[None]:
    """Turn running out of a GPU's memory into one line with a batch size to try."""
    try:
        yield
    except torch.cuda.OutOfMemoryError as problem:
        less = batch_size // 2
        fix = f"Try --batch-size {less}." if less else "Use a larger GPU, or cpu."
        raise PoselabError(
            "the GPU has not enough memory for it",
            where="batch_size",
            value=batch_size,
            fix=fix,
        ) from problem
