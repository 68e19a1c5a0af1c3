"""Doorbells: whoever queues a task rings, so that the cluster looks at its queue now instead of in a few seconds.

A ring may be lost: the cluster still looks every few seconds. On SQLite all clusters run on this machine, and each that
listens has a named pipe beside the database's file. On PostgreSQL, NOTIFY reaches every machine.
"""

import errno
import glob
import logging
import os
import select
import time
from abc import ABC, abstractmethod
from contextlib import suppress
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.db import connection

from .slices import stop_requested

logger = logging.getLogger(__name__)

STOP_LOOK_SECONDS = 0.5
MAX_UNREAD_BYTES = 64 * 1024


class Doorbell(ABC):
    """The doorbell of one cluster."""

    def __init__(self, cluster: str) -> None:
        self._cluster = cluster

    @abstractmethod
    def ring(self) -> None:
        """Wake every listener. Raises django.db.Error if that takes the database, and it fails."""

    @abstractmethod
    def listen(self) -> None:
        """Have rings from now on end the next `wait`. Call it before each look at the queue."""

    def wait(self, seconds: float) -> None:
        """Wait for a ring, `seconds` at most. Returns early when the cluster is asked to stop."""
        ends_at = time.monotonic() + seconds
        while (left := ends_at - time.monotonic()) > 0:
            if self.rings_within(min(left, STOP_LOOK_SECONDS)) or stop_requested():
                return

    @abstractmethod
    def rings_within(self, seconds: float) -> bool:
        """Whether it rings within `seconds`, or has rung since `listen`."""


class PipeDoorbell(Doorbell):
    """Each listener reads from a named pipe of its own, and a ring is a byte in every pipe.

    Pipes and not sockets, because the path of a socket may have only 108 characters.
    """

    def __init__(self, cluster: str) -> None:
        super().__init__(cluster)
        database = Path(connection.settings_dict["NAME"])
        self._folder, self._prefix = database.parent, f"{database.name}-{cluster}-"
        self._ends: tuple[int, int] | None = None

    def ring(self) -> None:
        for path in self._folder.glob(f"{glob.escape(self._prefix)}*.doorbell"):
            try:
                end = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
            except OSError as error:
                if error.errno == errno.ENXIO:
                    # Its listener is gone: a pipe has this name only while somebody reads it.
                    path.unlink(missing_ok=True)
                continue
            # A full pipe has enough rings in it.
            with suppress(OSError):
                os.write(end, b"!")
            os.close(end)

    def listen(self) -> None:
        if self._ends is not None:
            return
        path = self._folder / f"{self._prefix}{uuid4().hex}.doorbell"
        unread = path.with_suffix(".new")
        try:
            os.mkfifo(unread, 0o600)
            # Without a writer of our own, the pipe would be at its end after the first ring.
            self._ends = os.open(unread, os.O_RDONLY | os.O_NONBLOCK), os.open(unread, os.O_WRONLY | os.O_NONBLOCK)
            unread.rename(path)
        except OSError as error:
            logger.warning("No named pipes beside the database (%s): tasks begin seconds later.", error.strerror)
            self._ends = os.pipe()
        # django-q2's processes skip Python's own exit handlers.
        Finalize(None, path.unlink, kwargs={"missing_ok": True}, exitpriority=0)

    def rings_within(self, seconds: float) -> bool:
        assert self._ends is not None, "listen first"
        if not select.select([self._ends[0]], [], [], seconds)[0]:
            return False
        os.read(self._ends[0], MAX_UNREAD_BYTES)
        return True


class NotifyDoorbell(Doorbell):
    """Listens on Django's connection, which is replaced now and then."""

    def __init__(self, cluster: str) -> None:
        super().__init__(cluster)
        self._heard_on: Any = None

    def ring(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_notify(%s, '')", [self._channel])

    def listen(self) -> None:
        connection.ensure_connection()
        if self._heard_on is not connection.connection:
            with connection.cursor() as cursor:
                cursor.execute(f'LISTEN "{self._channel}"')
            self._heard_on = connection.connection

    def rings_within(self, seconds: float) -> bool:
        if self._heard_on is not connection.connection:
            # Django has closed it since; what rang in between is in the queue.
            return True
        return any(True for _ in self._heard_on.notifies(timeout=seconds, stop_after=1))

    @property
    def _channel(self) -> str:
        return f"tchavi_studio_{self._cluster}"


def doorbell_of(cluster: str) -> Doorbell:
    """The doorbell of the cluster named `cluster`, on every machine."""
    return NotifyDoorbell(cluster) if connection.vendor == "postgresql" else PipeDoorbell(cluster)
