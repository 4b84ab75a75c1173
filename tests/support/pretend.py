"""A GPU that is not there: tensors that say they are on "cuda", numbers on the CPU.

Inside `pretended()` all code runs for a GPU as it is written; an operation between a
tensor that was brought there and one that was not raises, as a real GPU does. What a
GPU computes differently, and how fast, only a real one tells.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from unittest import mock

import torch
import torch._dynamo  # now: it must not be imported inside `pretended`
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

CUDA = torch.device("cuda", 0)
# What makes a CPU wait for a GPU, and cannot be recorded in a graph.
WAITING = {"_local_scalar_dense", "nonzero", "masked_select", "equal", "unique_dim"}
WAITS: list[str] = []  # the operations that did so, copies included
COPIES: list[int] = []  # numbers in each copy from one device to the other
# These take tensors of two devices: copies, and a CPU's indices of a GPU's tensor.
BOTH = {"copy_", "_to_copy", "index", "index_put", "index_put_", "_index_put_impl_"}


class Pretend(Tensor):
    """A tensor whose device is "cuda" and whose numbers are `data_`."""

    data_: Tensor

    @staticmethod
    def __new__(cls, data: Tensor) -> Pretend:
        self = Tensor._make_wrapper_subclass(
            cls,
            data.shape,
            strides=data.stride(),
            storage_offset=data.storage_offset(),
            dtype=data.dtype,
            device="meta",  # "cuda" would ask the real driver for every slice
            requires_grad=data.requires_grad,
        )
        self.data_ = data
        return self

    @property
    def device(self) -> torch.device:
        """Where it says it is."""
        return CUDA

    @property
    def is_cuda(self) -> bool:
        """Whether it is on a GPU: yes."""
        return True

    def __getitem__(self, index):
        return super().__getitem__(_lists_as_tensors(index))

    def __setitem__(self, index, value):
        super().__setitem__(_lists_as_tensors(index), value)

    def tolist(self):
        """The numbers."""
        return self.data_.tolist()

    def __repr__(self) -> str:
        return f"Pretend({self.data_!r})"

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return _run(func, args, kwargs or {})


def _lists_as_tensors(index):
    """An index with tensors for lists: torch would put those on "meta", emptied."""
    if isinstance(index, tuple):
        return tuple(_lists_as_tensors(part) for part in index)
    return _TENSOR(index) if isinstance(index, list) else index


class _Mode(TorchDispatchMode):
    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return _run(func, args, kwargs or {})


class PretendGenerator(torch.Generator):
    """A generator that says it is on "cuda"."""

    @property
    def device(self) -> torch.device:
        """Where it says it is."""
        return CUDA


def _run(func, args, kwargs):
    """Run one operation on the numbers, on whichever device it belongs."""
    leaves = [x for x in tree_leaves((args, kwargs)) if isinstance(x, Tensor)]
    there = [x for x in leaves if isinstance(x, Pretend)]
    name = func._schema.name.split("::")[1]
    here = [x for x in leaves if not isinstance(x, Pretend) and x.dim() > 0]
    if there and here and name not in BOTH:
        raise RuntimeError(f"{func} of tensors on cuda and on cpu")
    wanted = kwargs.get("device")
    if wanted is not None and wanted.type == "meta":
        wanted = CUDA  # of `new_zeros` and the like
    device = wanted or (CUDA if there else torch.device("cpu"))
    if name == "copy_":
        device = args[0].device
    if name in BOTH - {"copy_", "_to_copy"}:
        device = args[0].device
    if wanted is not None:
        kwargs = {**kwargs, "device": torch.device("cpu")}
    if kwargs.get("pin_memory"):
        kwargs = {**kwargs, "pin_memory": False}
    if name in ("copy_", "_to_copy"):
        source = args[1] if name == "copy_" else args[0]
        if (device.type == "cuda") != isinstance(source, Pretend):
            COPIES.append(source.numel())
            WAITS.append(f"{name} of {list(source.shape)}")
    masks = [x for x in there if x.dtype in (torch.bool, torch.uint8)]
    chosen = name in ("index", "index_put_", "_index_put_impl_") and args[1]
    if name in WAITING or (chosen and any(m is x for m in masks for x in args[1])):
        WAITS.append(name)
    known = {id(x.data_): x for x in there}
    args, kwargs = tree_map(_numbers, (args, kwargs))
    if "non_blocking" in kwargs:
        kwargs = {**kwargs, "non_blocking": False}
    result = func(*args, **kwargs)
    if device.type == "cpu":
        return result
    return tree_map(lambda x: _there(x, known), result)


def _numbers(x):
    return x.data_ if isinstance(x, Pretend) else x


def _there(x, known):
    if not isinstance(x, Tensor):
        return x
    return known[id(x)] if id(x) in known else Pretend(x)


def _made_here(make):
    """`torch.tensor` and the like, which would ask the real driver: make, then move."""

    def function(*args, device=None, **kwargs):
        like = args[0] if args and isinstance(args[0], Pretend) else None
        if make is _NEW:
            device = device or args[0].device
            made = torch.tensor(args[1], dtype=kwargs.get("dtype", args[0].dtype))
        else:
            if like is not None and device is None:
                device = CUDA
            made = like if like is not None else make(*args, **kwargs)
        return made if device is None else made.to(device)

    return function


_TENSOR, _NEW, _TO = torch.tensor, Tensor.new_tensor, Tensor.to


def _to(tensor, *args, **kwargs):
    """`Tensor.to`, which asks the real driver which GPU "cuda" is."""

    def numbered(x):
        is_cuda = isinstance(x, str | torch.device) and torch.device(x).type == "cuda"
        return CUDA if is_cuda else x

    kwargs = {name: numbered(value) for name, value in kwargs.items()}
    return _TO(tensor, *(numbered(x) for x in args), **kwargs)


@contextlib.contextmanager
def pretended() -> Iterator[list[int]]:
    """Code inside finds a GPU "cuda"; gives how much each copy between moved."""
    COPIES.clear()
    patches = {
        "torch.cuda._lazy_init": lambda: None,
        "torch.cuda.is_available": lambda: True,
        "torch.cuda.is_bf16_supported": lambda *_: True,
        "torch.cuda.synchronize": lambda *_: None,
        "torch.cuda.get_device_capability": lambda *_: (9, 0),
        "torch.cuda.get_device_name": lambda *_: "a pretended GPU",
        "torch.tensor": _made_here(torch.tensor),
        "torch.as_tensor": _made_here(torch.as_tensor),
        "torch.Tensor.new_tensor": _made_here(_NEW),
        "torch.Tensor.to": _to,
        "torch.Generator": _Generator,
    }
    with contextlib.ExitStack() as stack:
        for place, function in patches.items():
            stack.enter_context(mock.patch(place, function))
        # A parameter that moves is a new one: the old would keep its old numbers.
        future = torch.__future__
        before = future.get_overwrite_module_params_on_conversion()
        future.set_overwrite_module_params_on_conversion(True)
        stack.callback(future.set_overwrite_module_params_on_conversion, before)
        stack.enter_context(_Mode())
        yield COPIES


class _Generator(torch.Generator):
    """`torch.Generator`, asked for either device."""

    def __new__(cls, device=None):
        there = device is not None and torch.device(device).type == "cuda"
        return PretendGenerator() if there else _GENERATOR()


_GENERATOR = torch.Generator
