"""Waiting for SQLite's write lock: in short steps, until it is free or the timeout is over."""

import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest
from django.db import OperationalError, connection, connections, transaction

from tchavi_studio.runtime import write_lock
from tchavi_studio.workspaces.models import Workspace
from tests.databases import Database

MAX_WAIT_SECONDS = 20

pytestmark = [pytest.mark.own_database, pytest.mark.one_database]


@pytest.fixture
def release(own_database: Database) -> Iterator[Callable[[], None]]:
    """Another connection holds the write lock until this is called."""
    is_held, may_end = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            is_held.set()
            may_end.wait(MAX_WAIT_SECONDS)
        connections.close_all()

    def release() -> None:
        may_end.set()
        holder.join()

    holder = threading.Thread(target=hold)
    holder.start()
    assert is_held.wait(MAX_WAIT_SECONDS)
    yield release
    release()


def write_in_a_transaction() -> None:
    with transaction.atomic():
        Workspace.objects.update(name="Lagune")


def write_on_its_own() -> None:
    Workspace.objects.update(name="Lagune")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Grows by one each time that the lock was busy."""
    asked: list[bool] = []
    is_busy = write_lock._is_busy

    def note(error: OperationalError) -> bool:
        asked.append(is_busy(error))
        return asked[-1]

    monkeypatch.setattr(write_lock, "_is_busy", note)
    return asked


@pytest.mark.parametrize("write", [write_in_a_transaction, write_on_its_own])
def test_writers_wait_until_the_lock_is_free(
    release: Callable[[], None], asked: list[bool], monkeypatch: pytest.MonkeyPatch, write: Callable[[], None]
) -> None:
    def monotonic() -> float:
        if len(asked) == 3:
            release()
        return 0.0

    monkeypatch.setattr(write_lock, "time", SimpleNamespace(monotonic=monotonic))
    write()
    assert asked == [True] * 3


def test_readers_do_not_wait(release: Callable[[], None], asked: list[bool]) -> None:
    assert Workspace.objects.count() == 0
    assert asked == []


def test_other_errors_are_raised_at_once(own_database: Database, asked: list[bool]) -> None:
    with pytest.raises(OperationalError, match="no such table"), connection.cursor() as cursor:
        cursor.execute("DELETE FROM ghosts")
    assert asked == [False]


def test_waiting_ends_at_the_timeout(release: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "timeout", 0.01)
    with pytest.raises(OperationalError, match="database is locked"):
        write_in_a_transaction()


def test_reconnecting_does_not_wait_twice_over(own_database: Database) -> None:
    for _time in range(2):
        connection.close()
        connection.ensure_connection()
    assert connection.execute_wrappers == [write_lock._execute_when_unlocked]
    with connection.cursor() as cursor:
        assert cursor.execute("PRAGMA busy_timeout").fetchone() == (3,)
