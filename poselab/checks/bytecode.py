"""What a function does, asked of its byte code: nothing, going round, giving up."""

from __future__ import annotations

import dis
from types import CodeType
from typing import Any

_NOTHING_DONE = {
    "RESUME",
    "NOP",
    "LOAD_CONST",
    "RETURN_CONST",
    "RETURN_VALUE",
    "COPY_FREE_VARS",
    "LOAD_SMALL_INT",
    "CACHE",
    "POP_TOP",
}


def is_stub(function: Any) -> bool:
    """Whether a function's body is only ``...``, ``pass`` or a docstring.

    Asked of the byte code, because a body without ``return`` that does something also
    returns None, and has to be told so.
    """
    code = getattr(function, "__code__", None)
    if code is None:
        return False
    steps = list(dis.get_instructions(code))
    constant = [s.argval for s in steps if s.opname in ("LOAD_CONST", "RETURN_CONST")]
    only = all(step.opname in _NOTHING_DONE for step in steps)
    return only and constant[-1:] in ([None], [...])


def has_loop(code: CodeType | None) -> bool:
    """Whether a function goes round: for, while, or either inside what it defines."""
    if code is None:
        return False
    steps = (step.opname for step in dis.get_instructions(code))
    inner = (c for c in code.co_consts if isinstance(c, CodeType))
    return any("JUMP_BACKWARD" in step for step in steps) or any(map(has_loop, inner))


def gives_up(function: Any, error: BaseException | None) -> bool:
    """Whether the function itself says ``raise NotImplementedError``.

    PyTorch raises the same error, say for a map that lacks its axis of channels; who
    meets that has tried, and is told where.
    """
    trace = error.__traceback__ if isinstance(error, NotImplementedError) else None
    if trace is None:
        return False
    while trace.tb_next is not None:
        trace = trace.tb_next
    code, step = trace.tb_frame.f_code, trace.tb_lasti
    own = getattr(getattr(function, "__code__", None), "co_filename", None)
    raises = code.co_code[step] == dis.opmap["RAISE_VARARGS"]
    return raises and code.co_filename == own
