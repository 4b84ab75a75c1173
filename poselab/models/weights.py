"""The bundled weights: small files of tensors, written and read with checks."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from poselab.errors import CheckpointError
from poselab.system.disk import replace_file


def save_weights(model: nn.Module, path: str | Path, half: bool = True) -> None:
    """Write the state dict as safetensors, floats as float16 where `half`; atomic.

    Raises `CheckpointError` where the disk is full or the folder cannot be written.
    """
    path = Path(path)

    def pack(value: Tensor) -> Tensor:
        value = value.detach().cpu().contiguous()
        return value.half() if half and value.is_floating_point() else value

    state = {key: pack(value) for key, value in model.state_dict().items()}
    try:
        with replace_file(path) as part:
            save_file(state, part)
            part.chmod(0o644)  # safetensors keeps files to their owner
    except (OSError, SafetensorError) as error:
        raise CheckpointError(
            f"cannot be written ({error})",
            where=path,
            fix="Make room, or choose another folder.",
        ) from error


def load_weights(model: nn.Module, path: str | Path) -> nn.Module:
    """Read weights into `model` (cast to its types) and return it in eval mode.

    Raises `CheckpointError` if the file is missing, broken or of another network, and
    then leaves the model as it was.
    """
    try:
        state = load_file(path)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(
            f"cannot be read: {error}", where=path, fix="Fetch or train it again."
        ) from error
    own = model.state_dict()
    if own.keys() != state.keys():
        key = min(own.keys() ^ state.keys())
        side = "missing in the file" if key in own else "not in the network"
        raise CheckpointError(f"this tensor is {side}", where=path, field=key)
    for key, value in state.items():
        if value.shape != own[key].shape:
            raise CheckpointError(
                f"the network has the shape {list(own[key].shape)}",
                where=path,
                field=key,
                value=list(value.shape),
                fix="Build the network with the arguments on its card.",
            )
    model.load_state_dict(state)
    return model.eval()
