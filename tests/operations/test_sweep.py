"""The sweep of every room, one after the other."""

import pytest

from tchavi_studio.operations import tasks
from tchavi_studio.operations.models import Heartbeat


def test_one_rooms_trouble_stops_no_others(
    db: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    swept: list[str] = []

    def break_down() -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr("tchavi_studio.generations.tasks.sweep", break_down)
    monkeypatch.setattr("tchavi_studio.webhooks.tasks.sweep", lambda: swept.append("webhooks"))
    tasks.sweep()
    assert swept == ["webhooks"]
    assert caplog.messages == ["The sweep of generations failed; the next one comes in a few seconds."]
    assert Heartbeat.objects.filter(name="sweep").exists()
