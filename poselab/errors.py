"""What a user can get wrong, said in one sentence that helps.

Every error of this package is a `PoselabError`. Its message names the place (a file or
an argument), the field, the value found there, what is wrong and what to do, in fewer
than 600 characters, so that a learner who has never seen a traceback can mend it.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterable
from os import PathLike
from typing import Any

LIMIT = 599
_VALUE = 120
_NOTHING = object()


def shorten(text: str, limit: int) -> str:
    """`text`, with its middle left out where it is longer than `limit` characters."""
    if len(text) <= limit:
        return text
    head = (limit - 5) // 2
    return text[:head] + " ... " + text[len(text) - (limit - 5 - head) :]


def printable(text: str) -> str:
    """`text` in one line; what no terminal shows, such as half characters, as code."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def show_value(value: Any) -> str:
    """A value as one short line, whatever it is (a broken `repr` included)."""
    try:
        text = " ".join(repr(value).split())
    except Exception as error:  # a learner's own class may fail to print
        text = f"<{type(value).__name__} that cannot be printed: {error}>"
    return shorten(text, _VALUE)


def own_lines(error: BaseException) -> list[str]:
    """The lines of a notebook's cells through which an error came."""
    frames = traceback.extract_tb(error.__traceback__)
    cells = [f for f in frames if "ipykernel_" in f.filename or f.filename[0] == "<"]
    return [f"line {f.lineno} of the cell: {f.line}" for f in cells if f.line]


class Interrupted(KeyboardInterrupt):
    """The user stopped something; says in one sentence what and how to go on."""

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows: the sentence alone."""
        return [str(self)]


class PoselabError(ValueError):
    """An error that a user can mend.

    `where` is a file or an argument, `field` the part of it, `value` what was found,
    `problem` what is wrong with it and `fix` what to do; only `problem` is required.
    All of them stay readable as attributes.
    """

    limit = LIMIT  # characters of the message

    def __init__(
        self,
        problem: str,
        *,
        where: str | PathLike | None = None,
        field: str | None = None,
        value: Any = _NOTHING,
        fix: str | None = None,
    ) -> None:
        self.problem, self.field, self.fix = problem, field, fix
        self.where = None if where is None else str(where)
        self.value = None if value is _NOTHING else value
        parts = [shorten(self.where, 160)] if self.where else []
        if field:
            parts.append(shorten(field, 80))
        place = ": ".join(parts)
        if value is not _NOTHING:
            place += (" = " if place else "value ") + show_value(value)
        text = f"{place}: {problem}" if place else problem
        if fix:
            text = f"{text.rstrip('.')}. {fix}"
        super().__init__(shorten(printable(text), self.limit))

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows: the learner's own line and the sentence, not the
        lines of this package between them."""
        return [*own_lines(self), f"{type(self).__name__}: {self}"]


class ArgumentError(PoselabError):
    """An argument has a value that makes no sense here."""


class ShapeError(ArgumentError):
    """A tensor has the wrong shape or type."""


class AnnotationError(PoselabError):
    """An annotation file or record is broken."""


class AnnotationWarning(UserWarning):
    """An annotation file has something that is left out or mended: what, how often."""


class ImageError(PoselabError):
    """An image is missing, unreadable or not of the size that was promised."""


class CheckpointError(PoselabError):
    """A weight file is missing, broken or of another network."""


class StateDictError(CheckpointError):
    """The tensors are of another network.

    `missing` and `extra` are lists of names, `unfit` has what is wrong by name (shape
    or type), `where` is the file. The message shows the first few of each, so it may be
    long.
    """

    limit = 4000

    def __init__(
        self,
        missing: list[str],
        extra: list[str],
        unfit: dict[str, str],
        where: str | PathLike | None = None,
    ) -> None:
        self.missing, self.extra, self.unfit = missing, extra, unfit
        parts = [
            _some("missing", missing),
            _some("not of this network", extra),
            _some("unfit", [f"{name} ({fault})" for name, fault in unfit.items()]),
        ]
        super().__init__(
            "the names do not fit the network. " + "; ".join(filter(None, parts)),
            where=where,
            fix="Nothing was loaded. Take the checkpoint of this network, "
            "or build the network with the arguments of the checkpoint.",
        )

    def __reduce__(self):
        return type(self), (self.missing, self.extra, self.unfit, self.where)


def _some(title: str, names: list[str], most: int = 8) -> str:
    """`title (count): a, b, c and 2 more`, or nothing."""
    if not names:
        return ""
    shown = ", ".join(shorten(name, 120) for name in names[:most])
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{title} ({len(names)}): {shown}{more}"


class CacheError(PoselabError):
    """The cache directory cannot be used."""


class ArchiveError(PoselabError):
    """An archive is damaged or would write where it must not."""


class DownloadError(PoselabError):
    """A download failed or did not give what was promised."""


def require(condition: bool, problem: str, **details: Any) -> None:
    """Raise an `ArgumentError` with these `details` unless `condition` holds."""
    if not condition:
        raise ArgumentError(problem, **details)


def require_known(where: str, value: Any, known: Iterable[str]) -> None:
    """Raise an `ArgumentError` unless the argument `where` has a `value` of `known`."""
    names = list(known)
    if value not in names:
        fix = f"Known: {', '.join(names)}."
        raise ArgumentError("is not known", where=where, value=value, fix=fix)


def require_shape(name: str, tensor: Any, *shape: int | None | str) -> None:
    """Raise a `ShapeError` unless `tensor` ends in `shape`.

    A number must match, `None` or a letter stands for any length; a leading `...`
    allows any number of dimensions before the rest.
    """
    wanted = list(shape)
    got = list(getattr(tensor, "shape", ()))
    tail = wanted[1:] if wanted and wanted[0] == "..." else wanted
    fits = len(got) >= len(tail) if tail is not wanted else len(got) == len(tail)
    ends = got[len(got) - len(tail) :]
    fits = fits and all(
        not isinstance(w, int) or w == g for w, g in zip(tail, ends, strict=True)
    )
    if not fits:
        text = ", ".join("any" if w is None else str(w) for w in wanted)
        found = got if hasattr(tensor, "shape") else type(tensor).__name__
        raise ShapeError(
            f"expected shape [{text}]", where=name, field="shape", value=found
        )
