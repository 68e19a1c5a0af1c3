"""Makes sure that the clusters really work, and queues the sweep.

Living processes prove nothing: a django-q2 worker that is killed while it waits keeps the lock of the task queue, and
its cluster hands out no more tasks although all of its processes look healthy. So each cluster gets a tiny task every
few seconds, and one that shows no sign of work for too long is killed; the supervisor restarts it.
"""

import logging
import os
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from django.db import Error, connections
from django.utils import timezone
from django_q.brokers import get_broker
from django_q.models import OrmQ
from django_q.signing import SignedPackage

from .clusters import ClusterTrace, configured_clusters
from .models import Heartbeat
from .services import record_heartbeat
from .tasks import beat, sweep

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.5
PULSE_SECONDS = 5.0
STALE_SECONDS = 20.0
TASK_GRACE_SECONDS = 5.0
"""How long after its time limit django-q2 may take to stop a task."""
LOST_AFTER = timedelta(seconds=30)
"""A pulse taken this long ago and still unfinished died with its worker, or is waiting behind long tasks."""


class Pulse:
    """A task that is queued for a cluster every few seconds, unless the last one is still outstanding."""

    def __init__(self, name: str, task: Callable[..., None], *arguments: str, cluster: str, retry_seconds: int) -> None:
        self._name, self._cluster = name, cluster
        self._function, self._arguments = f"{task.__module__}.{task.__name__}", arguments
        self._retry = timedelta(seconds=retry_seconds)
        self._queued_id: int | None = None
        self._queue_at = 0.0

    def withdraw(self) -> None:
        """Remove what is queued for a cluster that has ended, even by an earlier watchdog: it would stay locked."""
        names = ((row.pk, row.name()) for row in OrmQ.objects.filter(key=self._cluster))
        OrmQ.objects.filter(pk__in=[pk for pk, name in names if name == self._name]).delete()
        self._queued_id = None
        self._queue_at = 0.0

    def queue_if_due(self, now: float) -> None:
        """Queue the task, unless that was a moment ago or the last one is unfinished."""
        if now < self._queue_at or self._is_outstanding():
            return
        # What async_task() does, except that it doesn't return the row.
        task: dict[str, Any] = {"id": uuid4().hex, "name": self._name, "func": self._function, "args": self._arguments}
        task |= {"kwargs": {}, "started": timezone.now(), "save": False, "ack_failure": True}
        self._queued_id = get_broker(self._cluster).enqueue(SignedPackage.dumps(task))
        self._queue_at = now + PULSE_SECONDS

    def _is_outstanding(self) -> bool:
        """Whether the cluster has yet to finish it. If the cluster seems to have lost it, it is removed."""
        lock: datetime | None = OrmQ.objects.filter(pk=self._queued_id).values_list("lock", flat=True).first()
        if lock is None:
            return False
        # django-q2 locks a row until `retry` seconds after it was taken. Rows that aren't locked are waiting.
        taken_for = timezone.now() + self._retry - lock
        if lock <= timezone.now() or taken_for < LOST_AFTER:
            return True
        OrmQ.objects.filter(pk=self._queued_id).delete()
        return False


class ClusterWatch:
    """One cluster of this machine, and when it last showed a sign of work.

    Signs of work: a worker started or finished a task; all workers are busy with tasks that are within their time
    limits; the heartbeat in the database changed (perhaps by a cluster of another machine, which took the task).
    """

    def __init__(self, name: str, trace: ClusterTrace, configuration: Mapping[str, Any]) -> None:
        self.name = name
        self._trace = trace
        self._worker_count: int = configuration["workers"]
        self._task_limit_seconds = configuration["timeout"] + TASK_GRACE_SECONDS
        self._retry_seconds: int = configuration["retry"]
        self._pulses: list[Pulse] = []
        self.add_pulse(f"{name} heartbeat", beat, name)
        self._leader: int | None = None
        self._last_task_at: int | None = None
        self._beat_at: datetime | None = None
        self._recorded_at = 0.0
        self._alive_at = 0.0

    def add_pulse(self, name: str, task: Callable[..., None], *arguments: str) -> None:
        """Queue another task for the cluster regularly."""
        self._pulses.append(Pulse(name, task, *arguments, cluster=self.name, retry_seconds=self._retry_seconds))

    def look(self, now: float) -> None:
        """Queue what is due, and kill the cluster if it is wedged. Raises django.db.Error."""
        leader = self._trace.leader()
        if leader is None:
            return
        if leader != self._leader:
            for pulse in self._pulses:
                pulse.withdraw()
            self._leader, self._alive_at = leader, now
        for pulse in self._pulses:
            pulse.queue_if_due(now)
        if self._shows_work(now):
            self._alive_at = now
        elif now - self._alive_at > STALE_SECONDS:
            logger.error("The %s cluster has done nothing for %d s; killing it.", self.name, now - self._alive_at)
            with suppress(ProcessLookupError):
                os.killpg(leader, signal.SIGKILL)

    def _shows_work(self, now: float) -> bool:
        beat_before, task_before = self._beat_at, self._last_task_at
        self._beat_at = Heartbeat.objects.filter(name=self.name).values_list("beat_at", flat=True).first()
        self._last_task_at = self._trace.last_task_at()
        works_here = (
            self._last_task_at not in (None, task_before)
            or self._trace.busy_workers(self._task_limit_seconds) >= self._worker_count
        )
        beats_somewhere = self._beat_at != beat_before
        # A busy cluster is late to run the task that would write this.
        if works_here and now - self._recorded_at > PULSE_SECONDS:
            self._beat_at = record_heartbeat(self.name)
            self._recorded_at = now
        return works_here or beats_somewhere

    def reset(self, now: float) -> None:
        """Give the cluster its full time again, since nothing could be checked."""
        self._alive_at = now


def watch(traces: Mapping[str, ClusterTrace]) -> None:
    """Watch this machine's clusters until the process is killed."""
    configurations = configured_clusters()
    watches = [ClusterWatch(name, trace, configurations[name]) for name, trace in traces.items()]
    # The first cluster is for short tasks: a sweep must not wait for a render.
    watches[0].add_pulse("sweep", sweep)
    while True:
        try:
            for cluster in watches:
                cluster.look(time.monotonic())
        except Error as error:
            logger.warning("The watchdog can't reach the database: %s", error)
            connections.close_all()
            for cluster in watches:
                cluster.reset(time.monotonic())
        time.sleep(LOOK_SECONDS)
