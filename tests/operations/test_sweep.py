"""The sweep runs every app's sweep."""

import pytest

from tchavi_studio.operations import tasks
from tchavi_studio.operations.models import Heartbeat


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
    assert caplog.messages == ["The generations sweep failed; the next one runs in a few seconds."]
    assert Heartbeat.objects.filter(name="sweep").exists()
