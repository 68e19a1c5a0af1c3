"""Wait for SQLite's write lock in short, even steps.

SQLite itself waits in steps that grow to a tenth of a second: whoever has waited longest asks least often. So when
several processes write at once, one writes on and on while others wait for seconds. It is still SQLite's own lock,
which the kernel releases when a process dies.
"""

import random
import sqlite3
import time
from collections.abc import Callable
from typing import Any

from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper

PAUSE_SECONDS = 0.001
PATIENT_AFTER_SECONDS = 0.5
"""By then the lock is held for long work, and asking often would only slow it down."""
PATIENT_PAUSE_SECONDS = 0.01


def wait_evenly(sender: type, connection: BaseDatabaseWrapper, **signal: Any) -> None:
    """Handle the signal `connection_created`: wait in SQLite's place, as long as its OPTIONS["timeout"]."""
    if connection.vendor != "sqlite":
        return
    connection.connection.execute("PRAGMA busy_timeout = 0")
    if _execute_when_unlocked not in connection.execute_wrappers:
        connection.execute_wrappers.insert(0, _execute_when_unlocked)


def _execute_when_unlocked(
    execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]
) -> Any:
    connection: BaseDatabaseWrapper = context["connection"]
    if connection.in_atomic_block:
        # Its BEGIN IMMEDIATE already took the lock.
        return execute(sql, params, many, context)
    began_at = time.monotonic()
    while True:
        try:
            return execute(sql, params, many, context)
        except OperationalError as error:
            waited_seconds = time.monotonic() - began_at
            if not _is_busy(error) or waited_seconds > connection.settings_dict["OPTIONS"]["timeout"]:
                raise
        pause_seconds = PAUSE_SECONDS if waited_seconds < PATIENT_AFTER_SECONDS else PATIENT_PAUSE_SECONDS
        # Uneven, so that writers don't keep in step.
        time.sleep(random.uniform(0.5, 1.5) * pause_seconds)  # noqa: S311


def _is_busy(error: OperationalError) -> bool:
    cause = error.__cause__
    return isinstance(cause, sqlite3.OperationalError) and cause.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
