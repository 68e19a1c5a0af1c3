"""Slices of work: a task that goes on for a while, and ends early when its cluster is asked to stop."""

import time
from pathlib import Path

stop_file: Path | None = None
"""A file that appears when the cluster of this process is to stop. Whoever runs the cluster names it."""


def stop_is_asked() -> bool:
    """Whether the cluster that this process works for is to stop."""
    return stop_file is not None and stop_file.exists()


class Slice:
    """`seconds` of work."""

    def __init__(self, seconds: float) -> None:
        self._ends_at = time.monotonic() + seconds

    @property
    def is_over(self) -> bool:
        return time.monotonic() >= self._ends_at or stop_is_asked()
