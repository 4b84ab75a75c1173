"""Memory that a process has freed, kept for what it asks for next.

Drawing and training ask for the same few megabytes over and over. The C library of
Linux gives them back to the system in between, which hands out pages of zeros again:
a tenth of the time of drawing a batch and taking a step.
"""

from __future__ import annotations

import ctypes
import os
import sys
from functools import cache

# Of mallopt(3): what is freed at the top of the heap stays up to so many bytes, and
# blocks from so many bytes on are not of the heap (they always go back).
_TRIM, _MMAP = (-1, 256 << 20), (-3, 32 << 20)


@cache
def keep_freed() -> bool:
    """Keep freed memory from now on; whether this C library does.

    Only glibc is asked, and not where the environment sets its MALLOC_ variables.
    """
    own = any(name.startswith("MALLOC_") for name in os.environ)
    if not sys.platform.startswith("linux") or own:
        return False
    library = ctypes.CDLL(None)
    if not hasattr(library, "gnu_get_libc_version"):
        return False
    return all([library.mallopt(*option) == 1 for option in (_TRIM, _MMAP)])
