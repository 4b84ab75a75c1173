"""What a reader leaves out or mends is said once per file: how often, and the first."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from poselab.datasets.json_file import Record
from poselab.errors import AnnotationWarning, show_value


class Notes:
    """Counts by reason, each with the first record it is about."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.counts: dict[str, int] = {}
        self.first: dict[str, str] = {}

    def add(self, reason: str, record: Record, key: str | None = None) -> None:
        """Count a record; `key` is the field that the reason is about."""
        self.counts[reason] = self.counts.get(reason, 0) + 1
        if reason not in self.first:
            value = (
                "" if key is None else f", {key} = {show_value(record.data.get(key))}"
            )
            self.first[reason] = record.name + value

    def left_out(self, category: Mapping[str, Any], record: Record) -> None:
        """Count a record of a category that is not the person's."""
        self.add(f"of category {category['id']} ({category['name']}) left out", record)

    def tell(self) -> None:
        """One warning with all of them, if there are any."""
        if self.counts:
            said = [f"{n} {why} (first: {self.first[why]})" for why, n in self.items()]
            text = f"{self.file}: {'; '.join(said)}"
            warnings.warn(text, AnnotationWarning, stacklevel=5)

    def items(self):
        """(reason, count), the commonest first."""
        return sorted(self.counts.items(), key=lambda item: -item[1])
