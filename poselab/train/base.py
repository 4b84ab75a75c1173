"""What the trainings ask of those who call them."""

from __future__ import annotations

from typing import Any, Protocol


class Plan(Protocol):
    """What a trainer reads of a recipe (`poselab.recipes.Recipe` is one)."""

    @property
    def model(self) -> str: ...

    @property
    def arguments(self) -> dict[str, Any]: ...

    @property
    def stages(self) -> tuple[Any, ...]: ...

    @property
    def size(self) -> tuple[int, int]: ...
