"""Wake-ups: no more than needed, and never an error for the caller."""

import pytest
from django.db import DatabaseError
from django.utils import timezone
from django_q.models import OrmQ

from tchavi_studio.runtime import wakeups
from tchavi_studio.runtime.wakeups import queue_wake_up


def queued() -> list[tuple[str, str]]:
    return [(row.key, row.func()) for row in OrmQ.objects.order_by("id")]


def test_waiting_wake_up_is_not_repeated(db: None) -> None:
    for task, cluster in [
        ("math.sqrt", "pump"),
        ("math.sqrt", "pump"),
        ("math.floor", "pump"),
        ("math.sqrt", "render"),
    ]:
        queue_wake_up(task, cluster=cluster)
    assert queued() == [("pump", "math.sqrt"), ("pump", "math.floor"), ("render", "math.sqrt")]


def test_max_unread(db: None) -> None:
    for _time in range(5):
        queue_wake_up("math.sqrt", cluster="pump", max_unread=3)
    assert queued() == [("pump", "math.sqrt")] * 3


def test_database_error_is_logged(db: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def busy(*_: object, **__: object) -> None:
        raise DatabaseError("locked")

    monkeypatch.setattr(wakeups, "async_task", busy)
    queue_wake_up("math.sqrt", cluster="pump")
    assert queued() == []
    assert "Couldn't queue a wake-up for the pump cluster" in caplog.text


def test_a_task_with_another_secret_key_is_not_read(db: None) -> None:
    """It may have been queued before the key was changed; its cluster drops it."""
    OrmQ.objects.create(key="pump", payload="not signed with this key", lock=timezone.now())
    queue_wake_up("math.sqrt", cluster="pump")
    assert OrmQ.objects.count() == 2
