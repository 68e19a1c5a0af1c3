"""The sweep runs every app's sweep."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tchavi_studio.generations import tasks as generation_tasks
from tchavi_studio.operations import tasks
from tchavi_studio.workspaces.models import Session
from tchavi_studio.workspaces.services import delete_expired_sessions
from tests.plans import listed_by_index


def test_one_failing_app_does_not_stop_the_others(
    db: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    swept: list[str] = []

    def fail() -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr("tchavi_studio.generations.tasks.sweep", fail)
    monkeypatch.setattr("tchavi_studio.webhooks.tasks.sweep", lambda: swept.append("webhooks"))
    tasks.sweep()
    assert swept == ["webhooks"]
    assert caplog.messages == ["The generations sweep failed; the next one runs soon."]


def test_what_is_over_is_deleted_once_a_minute(
    db: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    cleaned: list[str] = []
    monkeypatch.setattr(tasks, "_cleaned_up_at", -60.0)
    monkeypatch.setattr("tchavi_studio.generations.tasks.clean_up", lambda: cleaned.append("generations"))
    monkeypatch.setattr("tchavi_studio.webhooks.tasks.clean_up", lambda: cleaned.append("webhooks"))
    monkeypatch.setattr("tchavi_studio.notices.tasks.clean_up", lambda: cleaned.append("notices"))
    for moment in (0.0, 5.0, 59.9, 60.0):
        monkeypatch.setattr("time.monotonic", lambda moment=moment: moment)
        tasks.sweep()
    assert cleaned == ["generations", "webhooks", "notices"] * 2


def test_one_failing_clean_up_does_not_stop_the_others(
    db: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    cleaned: list[str] = []

    def fail() -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr("tchavi_studio.generations.services.purge_bin", fail)
    monkeypatch.setattr(
        "tchavi_studio.generations.lifecycle.delete_orphaned_outputs", lambda: cleaned.append("outputs")
    )
    generation_tasks.clean_up()
    assert cleaned == ["outputs"]
    assert caplog.messages == ["The bin clean up failed; the next one runs soon."]


def test_expired_sessions_are_deleted(db: None) -> None:
    now = timezone.now()
    for number in range(3):
        Session.objects.create(session_key=f"old-{number}", expire_date=now - timedelta(days=number + 1))
    Session.objects.create(session_key="new", expire_date=now + timedelta(days=1))
    with listed_by_index(Session):
        assert delete_expired_sessions(max_count=2) == 2
    assert list(Session.objects.order_by("pk").values_list("pk", flat=True)) == ["new", "old-0"]
