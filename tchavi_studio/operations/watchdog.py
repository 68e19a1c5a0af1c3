"""Makes sure that the clusters really work.

Living processes prove nothing: a django-q2 worker that is killed while it waits keeps the lock of the task queue, and
its cluster hands out no more tasks although all of its processes look healthy. So each cluster has a pulse, and one
that shows no sign of work for too long is killed; the supervisor restarts it.
"""

import logging
import os
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from django.db import Error, connection, connections

from .clusters import ClusterTrace, configured_clusters
from .services import record_heartbeats

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.5
RECORD_SECONDS = 10.0
"""Rarer than pulses, because each is a write to the database, and more often than a heartbeat goes stale."""
STALE_SECONDS = 20.0
TASK_GRACE_SECONDS = 5.0
"""How long after its time limit django-q2 may take to stop a task."""


class ClusterWatch:
    """One cluster of this machine, and when it last showed a sign of work.

    Signs of work: a task has passed through it; all workers are busy with tasks that are within their time limits.
    """

    def __init__(self, name: str, trace: ClusterTrace, configuration: Mapping[str, Any]) -> None:
        self.name = name
        self.trace = trace
        self._worker_count: int = configuration["workers"]
        self._task_limit_seconds = configuration["timeout"] + TASK_GRACE_SECONDS
        self._leader: int | None = None
        self._last_task_at: int | None = None
        self._alive_at = 0.0

    def look(self, now: float) -> bool:
        """Whether the cluster shows a sign of work. If it is wedged, kill it. Raises django.db.Error."""
        leader = self.trace.leader()
        if leader is None:
            return False
        if leader != self._leader:
            self._leader, self._alive_at = leader, now
        if self._shows_work():
            self._alive_at = now
            return True
        if now - self._alive_at > STALE_SECONDS:
            # Without the database no cluster can work, and a restart doesn't help.
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
            logger.error("The %s cluster has done nothing for %d s; killing it.", self.name, now - self._alive_at)
            with suppress(ProcessLookupError):
                os.killpg(leader, signal.SIGKILL)
        return False

    def _shows_work(self) -> bool:
        task_before, self._last_task_at = self._last_task_at, self.trace.last_task_at()
        return (
            self._last_task_at not in (None, task_before)
            or self.trace.busy_workers(self._task_limit_seconds) >= self._worker_count
        )

    def reset(self, now: float) -> None:
        """Give the cluster its full time again, since nothing could be checked."""
        self._alive_at = now


class Watchdog:
    """Watches the clusters of this machine and records their heartbeats: the first at once, later ones together."""

    def __init__(self, clusters: Sequence[ClusterWatch]) -> None:
        self._clusters = clusters
        self._working: set[ClusterWatch] = set()
        self._record_at = 0.0

    def look(self, now: float) -> None:
        """Look at every cluster once."""
        try:
            self._working |= {cluster for cluster in self._clusters if cluster.look(now)}
            is_due = now >= self._record_at or not all(cluster.trace.has_heartbeat() for cluster in self._working)
            if self._working and is_due:
                record_heartbeats(*sorted(cluster.name for cluster in self._working))
                for cluster in self._working:
                    cluster.trace.heartbeat_recorded()
                self._working.clear()
                self._record_at = now + RECORD_SECONDS
        except Error as error:
            logger.warning("The watchdog can't reach the database: %s", error)
            connections.close_all()
            for cluster in self._clusters:
                cluster.reset(now)


def watch(traces: Mapping[str, ClusterTrace]) -> None:
    """Watch this machine's clusters until the process is killed."""
    configurations = configured_clusters()
    watchdog = Watchdog([ClusterWatch(name, trace, configurations[name]) for name, trace in traces.items()])
    while True:
        watchdog.look(time.monotonic())
        time.sleep(LOOK_SECONDS)
