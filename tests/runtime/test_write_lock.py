"""Waiting for SQLite's write lock: until it is free or the timeout is over, in short and even steps."""

import threading
from collections.abc import Callable, Iterator

import pytest
from django.db import OperationalError, connection, connections, transaction

from tchavi_studio.runtime import write_lock
from tchavi_studio.workspaces.models import Workspace
from tests.databases import Database

MAX_WAIT_SECONDS = 20

pytestmark = [pytest.mark.own_database, pytest.mark.one_database]


class Clock:
    """Stands in for the module `time`: pauses pass at once, after `on_pause`."""

    def __init__(self, on_pause: Callable[[], object] = lambda: None) -> None:
        self.now = 0.0
        self.pauses: list[float] = []
        self._on_pause = on_pause

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.pauses.append(seconds)
        self._on_pause()


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


@pytest.mark.parametrize("write", [write_in_a_transaction, write_on_its_own])
def test_writers_wait_until_the_lock_is_free(
    release: Callable[[], None], monkeypatch: pytest.MonkeyPatch, write: Callable[[], None]
) -> None:
    def release_at_the_third_pause() -> None:
        if len(clock.pauses) == 3:
            release()

    clock = Clock(release_at_the_third_pause)
    monkeypatch.setattr(write_lock, "time", clock)
    write()
    assert len(clock.pauses) == 3
    assert all(0.0005 <= pause <= 0.0015 for pause in clock.pauses)


def test_readers_do_not_wait(release: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(write_lock, "time", clock)
    assert Workspace.objects.count() == 0
    assert clock.pauses == []


def test_long_waits_become_patient_and_end_at_the_timeout(
    release: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(write_lock, "time", clock)
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "timeout", 1)
    with pytest.raises(OperationalError, match="database is locked"):
        write_in_a_transaction()
    assert 1 < clock.now < 1.02
    assert max(clock.pauses[:300]) <= 0.0015
    assert min(clock.pauses[-30:]) >= 0.005


def test_reconnecting_does_not_wait_twice_over(own_database: Database) -> None:
    for _time in range(2):
        connection.close()
        connection.ensure_connection()
    assert connection.execute_wrappers == [write_lock._execute_when_unlocked]
    with connection.cursor() as cursor:
        assert cursor.execute("PRAGMA busy_timeout").fetchone() == (0,)
