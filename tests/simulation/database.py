"""An in-memory database for each seed: a copy of one that was migrated once.

Triggers record each write to a clip's row, whoever makes it. Writes that are rolled back leave no record.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.core.management import call_command
from django.db import connection

from tests.databases import Database, connected_to

HISTORY = """
CREATE TABLE simulation_history (
    number INTEGER PRIMARY KEY, generation TEXT, old_state TEXT, state TEXT, old_version INTEGER, version INTEGER,
    old_leased_by TEXT, leased_by TEXT, old_leased_until TEXT
);
CREATE TRIGGER simulation_insert AFTER INSERT ON generations_generation BEGIN
    INSERT INTO simulation_history (generation, old_state, state, old_version, version, leased_by)
    VALUES (NEW.id, '', NEW.state, 0, NEW.version, NEW.leased_by);
END;
CREATE TRIGGER simulation_update AFTER UPDATE ON generations_generation BEGIN
    INSERT INTO simulation_history
        (generation, old_state, state, old_version, version, old_leased_by, leased_by, old_leased_until)
    VALUES
        (NEW.id, OLD.state, NEW.state, OLD.version, NEW.version, OLD.leased_by, NEW.leased_by, OLD.leased_until);
END;
"""


@dataclass(frozen=True)
class Move:
    """One write to a clip's row; `old_state` is "" for the first. `old_leased_until` is in seconds since 1970."""

    generation_id: UUID
    old_state: str
    state: str
    old_version: int
    version: int
    old_leased_by: str | None
    leased_by: str | None
    old_leased_until: float | None


class MemoryDatabase:
    """The connection's database, which can be reset."""

    def __init__(self) -> None:
        self._template = sqlite3.connect(":memory:")
        self._raw.executescript(HISTORY)
        self._raw.backup(self._template)
        self._last_number = 0

    @property
    def _raw(self) -> Any:
        return connection.connection

    def restore(self) -> None:
        self._template.backup(self._raw)
        self._last_number = 0

    def new_moves(self) -> list[Move]:
        """The writes since the last call."""
        rows = self._raw.execute("SELECT * FROM simulation_history WHERE number > ?", (self._last_number,)).fetchall()
        if rows:
            self._last_number = rows[-1][0]
        return [Move(UUID(row[1]), *row[2:8], *map(_seconds, row[8:])) for row in rows]

    def next_poll_at(self) -> float | None:
        """When the next job at the provider is due for polling, in seconds since 1970."""
        (text,) = self._raw.execute("SELECT MIN(poll_at) FROM generations_remotejob").fetchone()
        return _seconds(text)


def _seconds(text: str | None) -> float | None:
    return None if text is None else datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@contextmanager
def memory_database(template: Database | None = None) -> Iterator[MemoryDatabase]:
    """Point Django's default connection to a migrated database in memory: a copy of `template`, or a new one."""
    with connected_to(Database(name=":memory:", url="")):
        if template:
            connection.ensure_connection()
            with closing(sqlite3.connect(template.name)) as source:
                source.backup(connection.connection)
        else:
            call_command("migrate", interactive=False, verbosity=0)
        yield MemoryDatabase()
