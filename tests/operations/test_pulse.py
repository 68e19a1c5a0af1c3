"""The pulse comes up in a cluster's queue by itself, without a row."""

from typing import Any

import pytest
from django_q.models import OrmQ
from django_q.signing import SignedPackage

from tchavi_studio.operations import pulse
from tchavi_studio.operations.pulse import PULSE_SECONDS, PulsingQueue


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time; set its only item to change it."""
    now = [1000.0]
    monkeypatch.setattr(pulse, "time", type("", (), {"monotonic": lambda: now[0]}))
    return now


def taken(queue: PulsingQueue) -> dict[str, Any]:
    """The one task that the queue gives."""
    tasks = queue.dequeue()
    assert tasks is not None
    ((queued_id, package),) = tasks
    return {"queued_id": queued_id, **SignedPackage.loads(package)}


@pytest.mark.parametrize(
    ("cluster", "function", "arguments"),
    [
        ("pump", "tchavi_studio.operations.tasks.sweep", ()),
        ("render", "tchavi_studio.operations.tasks.beat", ("render",)),
        ("transfer", "tchavi_studio.operations.tasks.beat", ("transfer",)),
    ],
)
def test_first_task_is_the_pulse(
    db: None, now: list[float], cluster: str, function: str, arguments: tuple[str, ...]
) -> None:
    task = taken(PulsingQueue(cluster))
    assert (task["func"], task["args"], task["kwargs"]) == (function, arguments, {})
    assert (task["name"], task["queued_id"]) == (f"{cluster} pulse", None)
    assert OrmQ.objects.count() == 0


def test_pulse_comes_again_and_tasks_in_between(db: None, now: list[float]) -> None:
    queue = PulsingQueue("render")
    first = taken(queue)
    queued_id = queue.enqueue(SignedPackage.dumps({"name": "a task"}))
    now[0] += PULSE_SECONDS - 0.1
    assert taken(queue) == {"queued_id": queued_id, "name": "a task"}
    now[0] += 0.1
    again = taken(queue)
    assert again["name"] == "render pulse"
    assert again["id"] != first["id"]


def test_queue_waits_no_longer_than_until_the_pulse(db: None, now: list[float]) -> None:
    queue = PulsingQueue("render")
    queue.dequeue()
    now[0] += PULSE_SECONDS - 0.25
    assert queue.seconds_to_wait() == 0.25
    now[0] += 1.0
    assert queue.seconds_to_wait() == 0.0
