"""Wait for SQLite's write lock in short steps.

SQLite's steps grow from 1 ms to a tenth of a second: whoever has waited longest asks least often. So when several
processes write at once, one writes on and on while others wait for seconds. Here SQLite gives up after its first steps
and is asked again. It is still its own lock, which the kernel releases when a process dies.
"""

import sqlite3
import time
from collections.abc import Callable
from typing import Any

from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper

from tchavi_studio.outages import max_wait_seconds

SHORT_STEPS_MS = 3
"""SQLite tries at once, after 1 ms and after 2 ms more."""


def wait_in_short_steps(sender: type, connection: BaseDatabaseWrapper, **signal: Any) -> None:
    """Handle the signal `connection_created`: from now on we wait as long as OPTIONS["timeout"], not SQLite."""
    if connection.vendor != "sqlite":
        return
    connection.connection.execute(f"PRAGMA busy_timeout = {SHORT_STEPS_MS}")
    if _execute_when_unlocked not in connection.execute_wrappers:
        connection.execute_wrappers.insert(0, _execute_when_unlocked)


def _execute_when_unlocked(
    execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]
) -> Any:
    connection: BaseDatabaseWrapper = context["connection"]
    if connection.in_atomic_block:
        # Its BEGIN IMMEDIATE already took the lock.
        return execute(sql, params, many, context)
    ends_at = time.monotonic() + max_wait_seconds(connection.settings_dict["OPTIONS"]["timeout"])
    while True:
        try:
            return execute(sql, params, many, context)
        except OperationalError as error:
            if not _is_busy(error) or time.monotonic() > ends_at:
                raise


def _is_busy(error: OperationalError) -> bool:
    cause = error.__cause__
    return isinstance(cause, sqlite3.OperationalError) and cause.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
