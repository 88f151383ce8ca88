"""Pillow's warnings on odd metadata, held back while images are decoded, in whatever thread."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_LOCK = threading.Lock()
_filters: list[warnings.catch_warnings[None]] = []
_users = 0


@contextmanager
def pillow_warnings_ignored() -> Iterator[None]:
    """Ignore the warnings of Pillow's modules.

    `warnings.catch_warnings` alone would let one thread put back the filters of another while that still decodes: the
    first to come sets the filter here, the last to leave takes it away.
    """
    global _users
    with _LOCK:
        if not _users:
            caught = warnings.catch_warnings()
            caught.__enter__()
            warnings.filterwarnings("ignore", module=r"PIL\.")
            _filters.append(caught)
        _users += 1
    try:
        yield
    finally:
        with _LOCK:
            _users -= 1
            if not _users:
                _filters.pop().__exit__(None, None, None)
