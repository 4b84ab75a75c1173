"""What is known of a file before it is fetched: its length and its checksum."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Promise:
    """What is known of a file beforehand.

    `size` in bytes (None: unknown); the first `digits` of its checksum by `algorithm`
    ("sha256", "md5"), "" where none is known.
    """

    size: int | None
    algorithm: str
    digits: str

    def start(self, path: Path | None = None):
        """A checksum to go on with: of what is in the file, else of nothing."""
        if path is None or not self.digits:
            return hashlib.new(self.algorithm)
        with open(path, "rb") as file:
            return hashlib.file_digest(file, self.algorithm)

    def digest(self, path: Path) -> str:
        """The checksum of a file; not computed where none was promised."""
        return self.start(path).hexdigest()

    def fits(self, found: str) -> bool:
        """Whether the checksum is the promised one (any, where none was promised)."""
        return found.startswith(self.digits)

    def holds_for(self, path: Path) -> bool:
        """Whether the file is there and as promised."""
        if not path.is_file():
            return False
        if self.size is not None and path.stat().st_size != self.size:
            return False
        return self.fits(self.digest(path))
