"""Doorbells: who listens hears every ring, also those before it began to wait; nobody has to listen."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection, connections, transaction

from tchavi_studio.runtime import slices
from tchavi_studio.runtime.doorbells import Doorbell, PipeDoorbell, doorbell_of
from tchavi_studio.runtime.task_queue import TaskQueue
from tests.databases import Database

pytestmark = pytest.mark.own_database

on_sqlite = pytest.mark.skipif("TEST_DATABASE_URL" in os.environ, reason="PostgreSQL has NOTIFY instead of pipes")
on_postgresql = pytest.mark.skipif("TEST_DATABASE_URL" not in os.environ, reason="listens on a connection")

SOON = 10.0
"""Seconds that nothing here takes, on any machine."""


@pytest.fixture
def bell(own_database: Database) -> Iterator[Doorbell]:
    """The render cluster's doorbell, as its cluster listens to it."""
    bell = doorbell_of("render")
    bell.listen()
    yield bell
    for path in pipes(own_database):
        path.unlink()


def pipes(database: Database) -> list[Path]:
    """All listeners' pipes."""
    return sorted(Path(database.name).parent.glob(f"{Path(database.name).name}-*.doorbell"))


def ring_elsewhere(cluster: str) -> None:
    """Ring with another connection, as another process does."""

    def ring() -> None:
        doorbell_of(cluster).ring()
        connections.close_all()

    thread = threading.Thread(target=ring)
    thread.start()
    thread.join()


def test_ring_before_the_wait_is_heard_once(bell: Doorbell) -> None:
    ring_elsewhere("render")
    assert bell.rings_within(SOON)
    assert not bell.rings_within(0)


def test_other_clusters_ring_is_not_heard(bell: Doorbell) -> None:
    ring_elsewhere("pump")
    assert not bell.rings_within(0)


def test_every_listener_hears_a_ring(bell: Doorbell) -> None:
    heard: list[bool] = []

    def listen() -> None:
        another = doorbell_of("render")
        another.listen()
        listening.set()
        heard.append(another.rings_within(SOON))
        connections.close_all()

    listening = threading.Event()
    thread = threading.Thread(target=listen)
    thread.start()
    listening.wait()
    ring_elsewhere("render")
    thread.join()
    assert heard == [True]
    assert bell.rings_within(SOON)


def test_nobody_has_to_listen(own_database: Database) -> None:
    ring_elsewhere("render")


def test_wait_ends_with_a_ring_or_a_request_to_stop(
    bell: Doorbell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ring_elsewhere("render")
    bell.wait(3600)
    monkeypatch.setattr(slices, "stop_file", tmp_path)
    bell.wait(3600)


def test_queue_rings_after_the_commit(bell: Doorbell) -> None:
    queue = TaskQueue("render")
    with transaction.atomic():
        queued_id = queue.enqueue("a signed task")
        assert not bell.rings_within(0)
    assert bell.rings_within(SOON)
    assert queue.dequeue() == [(queued_id, "a signed task")]


def test_queue_waits_until_it_rings(bell: Doorbell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tchavi_studio.runtime.task_queue.POLL_SECONDS", 3600.0)
    queue = TaskQueue("render")
    taken: list[tuple[int | None, str]] = []

    def take() -> None:
        while not (tasks := queue.dequeue()):
            pass
        taken.extend(tasks)
        connections.close_all()

    thread = threading.Thread(target=take)
    thread.start()
    queued_id = TaskQueue("render").enqueue("a signed task")
    thread.join()
    assert taken == [(queued_id, "a signed task")]


def test_failing_ring_costs_nothing(bell: Doorbell, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Doorbell) -> None:
        raise OSError("no more files")

    monkeypatch.setattr(type(bell), "ring", fail)
    queue = TaskQueue("render")
    queued_id = queue.enqueue("a signed task")
    assert queue.dequeue() == [(queued_id, "a signed task")]


def test_queue_looks_again_at_once_if_another_machine_took_the_task(
    bell: Doorbell, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = TaskQueue("render")
    queue.enqueue("taken by another")
    left = queue.enqueue("left")
    monkeypatch.setattr(Doorbell, "wait", lambda *_: pytest.fail("it waited"))
    monkeypatch.setattr("django_q.brokers.orm.ORM.dequeue", lambda _: [])
    assert queue.dequeue() == []
    monkeypatch.undo()
    assert (left, "left") in [task for _turn in range(2) for task in queue.dequeue() or []]


# --- Pipes ------------------------------------------------------------------------------------------------------------


@on_sqlite
def test_pipe_without_a_listener_is_removed(bell: Doorbell, own_database: Database) -> None:
    (living,) = pipes(own_database)
    os.mkfifo(f"{own_database.name}-render-gone.doorbell")
    ring_elsewhere("render")
    assert pipes(own_database) == [living]


@on_sqlite
def test_full_pipe_holds_enough_rings(bell: Doorbell, own_database: Database) -> None:
    (path,) = pipes(own_database)
    end = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    while True:
        try:
            os.write(end, bytes(65_536))
        except BlockingIOError:
            break
    os.close(end)
    bell.ring()
    assert bell.rings_within(0)


@on_sqlite
def test_folder_without_pipes_leaves_the_polls(
    own_database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(os, "mkfifo", refuse)
    bell = PipeDoorbell("render")
    bell.listen()
    bell.ring()
    assert not bell.rings_within(0)
    assert "No named pipes beside the database (Operation not permitted)" in caplog.text


# --- NOTIFY -----------------------------------------------------------------------------------------------------------


@on_postgresql
def test_new_connection_listens_again(bell: Doorbell) -> None:
    connection.close()
    assert bell.rings_within(0), "something may have rung in between, so the queue is worth a look"
    bell.listen()
    assert not bell.rings_within(0)
    ring_elsewhere("render")
    assert bell.rings_within(SOON)
