"""Outages: the disk is full, or the database is locked or gone. What was asked may work later; nothing is broken."""

import errno
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import InterfaceError, OperationalError, connection

RETRY_AFTER_SECONDS = 30
MAX_OPTIONAL_WAIT_SECONDS = 0.25
_waits = threading.local()

DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO}
SQLITE_ERRORS = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
}
"""SQLite's primary codes. Others, such as an unknown column, come as OperationalError too but are bugs."""


def is_outage(error: BaseException | None) -> bool:
    """Whether the error, or what it was raised from, says that the disk or the database can't be used now."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in DISK_ERRORS:
            return True
        if isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & 0xFF in SQLITE_ERRORS:
            return True
        # PostgreSQL's are all of this kind: no connection, no room, too many clients, a shutdown.
        if isinstance(error, OperationalError | InterfaceError) and connection.vendor == "postgresql":
            return True
        error = error.__cause__
    return False


@contextmanager
def unless_outage() -> Iterator[None]:
    """Leave out what the code inside writes if there is an outage: for writes that a page can do without.

    It waits for SQLite's write lock only briefly, so that the page needn't wait for long either.
    """
    _waits.max_seconds = MAX_OPTIONAL_WAIT_SECONDS
    try:
        yield
    except Exception as error:
        if not is_outage(error):
            raise
    finally:
        del _waits.max_seconds


def max_wait_seconds(usual_seconds: float) -> float:
    """How long the code that is running may wait for SQLite's write lock."""
    limit: float = getattr(_waits, "max_seconds", usual_seconds)
    return min(limit, usual_seconds)
