"""Slices of work: long tasks work in slices, which end early when the cluster is asked to stop."""

import time
from pathlib import Path

stop_file: Path | None = None
"""A file that appears when this process's cluster is asked to stop. Set by the code that runs the cluster."""


def stop_requested() -> bool:
    """Whether this process's cluster has been asked to stop."""
    return stop_file is not None and stop_file.exists()


class Slice:
    """`seconds` of work."""

    def __init__(self, seconds: float) -> None:
        self._ends_at = time.monotonic() + seconds

    @property
    def is_over(self) -> bool:
        return time.monotonic() >= self._ends_at or stop_requested()
