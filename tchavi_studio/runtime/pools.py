"""Pools: how many of one kind of work run at once on this machine, in all its processes.

Each place is a locked file. The kernel releases the locks of a process that dies, so no place is ever lost.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

LOOK_SECONDS = 0.05
"""How often whoever waits looks for a free place."""

MAX_OWNER_BYTES = 64


class PoolFullError(Exception):
    """All places are taken, or all that one owner may have."""


@dataclass(frozen=True, kw_only=True)
class Pool:
    """`size` places, of which each owner may hold `max_per_owner`, or all."""

    name: str
    size: int
    max_per_owner: int | None = None

    @contextmanager
    def place(self, *, owner: object = "", wait_seconds: float = 0) -> Iterator[None]:
        """Hold a place, for `owner`. Raises `PoolFullError` if none is free within `wait_seconds`."""
        give_up_at = time.monotonic() + wait_seconds
        while (place := self._take(str(owner).encode())) is None:
            if time.monotonic() >= give_up_at:
                raise PoolFullError(self.name)
            time.sleep(LOOK_SECONDS)
        try:
            yield
        finally:
            os.close(place)

    def _take(self, owner: bytes) -> int | None:
        """The descriptor of a place that is now ours. None if there is none for this owner."""
        guard = _open(self._folder / f"{self.name}.guard")
        free: list[int] = []
        taken_by_owner = 0
        try:
            # One at a time, so that nobody counts an owner's places while another takes one.
            fcntl.flock(guard, fcntl.LOCK_EX)
            for number in range(self.size):
                place = _open(self._folder / f"{self.name}.{number}")
                if _locked(place):
                    free.append(place)
                else:
                    taken_by_owner += os.pread(place, MAX_OWNER_BYTES, 0) == owner
                    os.close(place)
            if not free or (self.max_per_owner is not None and taken_by_owner >= self.max_per_owner):
                return None
            os.ftruncate(free[0], 0)
            os.pwrite(free[0], owner, 0)
            return free.pop(0)
        finally:
            for descriptor in (*free, guard):
                os.close(descriptor)

    @property
    def _folder(self) -> Path:
        folder: Path = settings.STUDIO_DATA / "pools"
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _locked(descriptor: int) -> bool:
    """Lock the file, unless somebody else holds it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
