"""What a reader leaves out or mends is said once per file: how often, and the first."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from poselab.datasets.json_file import Record
from poselab.errors import AnnotationError, AnnotationWarning, show_value


class Notes:
    """Counts by reason, each with the first record it is about."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.counts: dict[str, int] = {}
        self.first: dict[str, str] = {}
        self.remarks: list[str] = []

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

    def refuse(self, reason: str, fix: str) -> None:
        """The error about a file that a reason concerns as a whole."""
        raise AnnotationError(
            f"all {self.counts[reason]} people {reason} (first: {self.first[reason]})",
            where=self.file,
            fix=fix,
        )

    def remark(self, text: str) -> None:
        """Say something about the file as a whole."""
        self.remarks.append(text)

    def tell(self, done: Mapping[str, str] | None = None) -> None:
        """One warning with all of them, if there are any; `done` says what was done."""
        said = []
        for why, n in sorted(self.counts.items(), key=lambda item: -item[1]):
            then = f", {done[why]}" if done and why in done else ""
            said.append(f"{n} {why}{then} (first: {self.first[why]})")
        if said or self.remarks:
            text = f"{self.file}: {'; '.join(said + self.remarks)}"
            warnings.warn(text, AnnotationWarning, stacklevel=5)
