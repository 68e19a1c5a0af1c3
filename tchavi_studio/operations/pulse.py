"""The pulse: a small task that a cluster gets every few seconds, to show that it really works.

It enters where tasks from the database do, goes the same way through the cluster's processes and is only finished by
a cluster in which all of them work; the watchdog and /readyz look for its traces. It needs no row in the queue.
"""

import time
from typing import Any
from uuid import uuid4

from django.utils import timezone
from django_q.signing import SignedPackage

from tchavi_studio.generations.wakeups import PUMP_CLUSTER
from tchavi_studio.runtime.task_queue import TaskQueue

from .tasks import beat, sweep

PULSE_SECONDS = 5.0


class PulsingQueue(TaskQueue):
    """The queue as its own cluster sees it: the pulse comes up in it at once, and then every few seconds."""

    def __init__(self, cluster: str) -> None:
        super().__init__(cluster)
        # The pump cluster is for short tasks: a sweep must not wait for a render.
        task, arguments = (sweep, ()) if cluster == PUMP_CLUSTER else (beat, (cluster,))
        self._pulse = {"name": f"{cluster} pulse", "func": f"{task.__module__}.{task.__name__}", "args": arguments}
        self._due_at = 0.0

    def dequeue(self) -> list[tuple[int | None, str]] | None:
        """Take the pulse if it is due, otherwise the next task."""
        if time.monotonic() < self._due_at:
            return super().dequeue()
        self._due_at = time.monotonic() + PULSE_SECONDS
        # What async_task() would queue. Without a row there is nothing to acknowledge.
        task: dict[str, Any] = {**self._pulse, "id": uuid4().hex, "kwargs": {}, "started": timezone.now()}
        return [(None, SignedPackage.dumps(task))]

    def seconds_to_wait(self) -> float:
        """How long to wait for a ring before the next look at the queue, or the next pulse."""
        return min(super().seconds_to_wait(), max(0.0, self._due_at - time.monotonic()))
