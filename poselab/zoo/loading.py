"""A network by name, with bundled or released weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from poselab import codecs, recipes
from poselab.errors import ArgumentError, require
from poselab.models import Normalise, build, load_weights
from poselab.recipes import Released
from poselab.system.disk import cache_dir
from poselab.system.download import download
from poselab.zoo import checkpoint
from poselab.zoo.cards import FOLDER, card, names


def load(
    name: str,
    state_dict: Mapping[str, Tensor] | None = None,
    path: str | Path | None = None,
    *,
    folder: Path = FOLDER,
    progress: bool = True,
    **arguments: Any,
) -> nn.Module:
    """The trained network `name`, in eval mode on the CPU.

    A bundled network (`names`) comes from the package, one with released weights
    (`released`) is fetched into the user's cache, once, and checked. Instead of that,
    the weights are those of `state_dict` (with the reference's own names, wrappers
    allowed), or of the file `path` (.safetensors or of `torch.save`); `arguments` then
    change how the network is built, for weights of another depth, width or number of
    joints. `folder` holds other networks that `python -m poselab.train` made.

    The network knows what it is: `net.name`, `net.card` (how it was made), `net.codec`
    (reads its output; None for detectors that read themselves), and `net.normalise`, to
    be applied to images in [0, 1] first. Raises `ArgumentError`, `CheckpointError` (a
    `StateDictError` lists the names that do not fit) or `DownloadError`.
    """
    require(
        state_dict is None or path is None,
        "give state_dict or path, not both",
        where="load",
        field="path",
        value=str(path),
    )
    content = content_of(name, folder)
    net = build(content["model"], **{**content["arguments"], **arguments})
    entry = recipes.released().get(name)
    if state_dict is not None or path is not None:
        given = checkpoint.read(path) if state_dict is None else state_dict
        rename, ignored = (entry.rename, entry.ignored) if entry else (None, ())
        checkpoint.load_into(net, given, path or "state_dict", rename, ignored)
    elif entry is not None:
        file = fetch(name, progress)
        checkpoint.load_into(
            net, checkpoint.read(file), file, entry.rename, entry.ignored
        )
    else:
        load_weights(net, folder / f"{name}.safetensors")
    return _told(net.eval(), name, folder, content)


def content_of(name: str, folder: Path) -> dict[str, Any]:
    """The recipe of a network in the folder, or the entry of a released one."""
    entry = recipes.released().get(name)
    if entry is not None:
        return entry.content()
    if name not in names(folder):
        raise ArgumentError(
            "no network of this name",
            where="name",
            value=name,
            fix=f"Known: {', '.join([*names(folder), *recipes.released()])}.",
        )
    return card(name, folder)["recipe"]


def _told(
    net: nn.Module, name: str, folder: Path, content: dict[str, Any]
) -> nn.Module:
    """The network with what it should know about itself."""
    about = content if name in recipes.released() else card(name, folder)
    mean, std = (tuple(content["normalise"][key]) for key in ("mean", "std"))
    net.name, net.card, net.normalise = name, about, Normalise(mean, std)
    net.codec = codecs.build(**content["codec"]) if content["codec"] else None
    return net


def fetch(name: str, progress: bool = True) -> Path:
    """The file of released weights in the user's cache, downloaded unless it is there.

    Raises `ArgumentError` for weights that have no address, `DownloadError`.
    """
    entry = released_entry(name)
    if entry.url is None:
        raise ArgumentError(
            "these weights cannot be fetched for you",
            where="load",
            value=name,
            fix=f"Get the file ({entry.supply}) and give it as path=.",
        )
    target = cache_dir() / "released" / f"{name}-{entry.url.rsplit('/', 1)[-1]}"
    return download(entry.url, target, entry.sha256, progress=progress)


def released_entry(name: str) -> Released:
    """The record of released weights; an `ArgumentError` that lists the names."""
    known = recipes.released()
    if name not in known:
        raise ArgumentError(
            "no released network of this name",
            where="name",
            value=name,
            fix=f"Known: {', '.join(known)}.",
        )
    return known[name]


class ReleasedTable(dict):
    """Names and their `Released`; prints as a table."""

    def __repr__(self) -> str:
        lines = [f"{'name':24s} {'parameters':>12s}  {'licence':24s} paper, weights"]
        for name, entry in self.items():
            lines += [
                f"{name:24s} {entry.parameters:12,d}  {entry.licence:24s} "
                f"{entry.paper} ({entry.arxiv})",
                f"{'':64s}{entry.source}",
            ]
        return "\n".join(lines)


def released() -> ReleasedTable:
    """The networks of paper size with released weights: name -> `Released`.

    None of the weights is part of this package; `load` fetches them.
    """
    return ReleasedTable(recipes.released())
