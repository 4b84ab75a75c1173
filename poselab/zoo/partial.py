"""First weights from a file that has a part of the network: a backbone, most often.

A file of another network fits in a few layers of the same name, and a training from
these looks like one from the whole: so the whole backbone must be in the file, and how
much was taken is said.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from poselab.errors import CheckpointError
from poselab.zoo import checkpoint

# Layers that come after the backbone, by the beginning of their names.
HEADS = ("deconv", "final", "head", "keypoint_head", "fc", "classifier", "predict")


@dataclass(frozen=True)
class Taken:
    """How many tensors of a file were taken: of the backbone's, of the head's."""

    file: str
    backbone: int
    of_backbone: int
    head: int
    of_head: int

    def __str__(self) -> str:
        more = f", {self.head} of {self.of_head} of the head" if self.of_head else ""
        return f"{self.backbone} of {self.of_backbone} tensors of the backbone{more}"

    def content(self) -> dict[str, str]:
        """For the card: the file and the counts."""
        return {"file": self.file, "taken": str(self)}


def start_from(net: nn.Module, path: str | Path) -> Taken:
    """Put the tensors of a file into the parts of `net` of the same name and shape.

    The file may be a backbone (of ImageNet, say), a whole network, or a checkpoint of
    our own training. What it does not have stays as it is. Raises `CheckpointError`
    unless all of the backbone is in it; the network is then as it was.
    """
    return take(net, checkpoint.read(path), path)


def take(net: nn.Module, content: Mapping[str, Any], where: str | Path) -> Taken:
    """`start_from` for what was read already."""
    own = net.state_dict()
    names = {_plain(key): key for key in own}
    given = checkpoint.unwrap(content, names, _plain, where)
    fits = {
        names[key]: value
        for key, value in given.items()
        if key in names and checkpoint.fault(own[names[key]], value) is None
    }
    optional = {k for k in own if k.endswith(checkpoint.COUNTER) and k not in fits}
    backbone = [k for k in own if not _of_head(k) and k not in optional]
    head = [k for k in own if _of_head(k) and k not in optional]
    taken = Taken(
        str(where),
        sum(key in fits for key in backbone),
        len(backbone),
        sum(key in fits for key in head),
        len(head),
    )
    if taken.backbone < taken.of_backbone or not backbone:
        lacking = [key for key in backbone if key not in fits]
        raise _not_covered(
            taken, lacking, own, {_plain(k): v for k, v in given.items()}
        )
    net.load_state_dict({**own, **fits})
    return taken


def _plain(key: str) -> str:
    return key.removeprefix("backbone.")


def _of_head(key: str) -> bool:
    return _plain(key).startswith(HEADS)


def _not_covered(taken: Taken, lacking: list[str], own, given) -> CheckpointError:
    """The error about a backbone that is not all in the file; the first that lacks."""
    other = [key for key in lacking if _plain(key) in given]
    first = (other or lacking or ["nothing"])[0]
    what = "is not in it"
    fix = "Take the weights of the same network: its depth or width may be another."
    if other:
        what = f"is unfit: {checkpoint.fault(own[first], given[_plain(first)])}"
    elif taken.backbone == 0:
        some = ", ".join(list(given)[:3])
        fix = f"Its names are others: {some}, ..." if given else "It holds nothing."
    return CheckpointError(
        f"has only {taken.backbone} of {taken.of_backbone} tensors of the backbone; "
        f"{first} {what}",
        where=taken.file,
        fix=fix,
    )
