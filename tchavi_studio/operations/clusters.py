"""The django-q2 clusters: their settings, the process of each, and the traces of work that the watchdog reads."""

import multiprocessing
import os
import select
import shutil
import signal
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.conf import settings
from django_q.cluster import Sentinel
from django_q.conf import Conf
from django_q.signals import post_execute, post_execute_in_worker, pre_execute

from tchavi_studio.runtime import slices

from .pulse import PulsingQueue


def configured_clusters() -> dict[str, dict[str, Any]]:
    """All clusters by name, each with its complete django-q2 settings."""
    shared = {key: value for key, value in settings.Q_CLUSTER.items() if key != "ALT_CLUSTERS"}
    alternatives = settings.Q_CLUSTER.get("ALT_CLUSTERS", {})
    own = {name: {**shared, **alternative, "cluster_name": name} for name, alternative in alternatives.items()}
    return {shared["cluster_name"]: shared, **own}


@dataclass(frozen=True)
class ClusterTrace:
    """Files that a running cluster keeps in a folder: its leader's process id, what its workers do and have done.

    Files stay readable after a SIGKILL at any moment; locks and shared counters don't.
    """

    folder: Path

    @property
    def _leader_file(self) -> Path:
        return self.folder / "leader"

    @property
    def stop_file(self) -> Path:
        """Appears when the cluster is asked to stop; long tasks check for it."""
        return self.folder / "stop"

    @property
    def _tasks(self) -> Path:
        return self.folder / "tasks"

    @property
    def _settled_file(self) -> Path:
        return self.folder / "settled"

    @property
    def _heartbeat_file(self) -> Path:
        return self.folder / "heartbeat"

    def begin(self) -> None:
        """Make this process the cluster's leader."""
        self.clear()
        self._tasks.mkdir(parents=True)
        self._leader_file.write_text(str(os.getpid()))

    def clear(self) -> None:
        """Remove all traces: the cluster has ended."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def task_began(self, **_: Any) -> None:
        """Note that this worker started a task. Never raises: django-q2 would lose the worker."""
        with suppress(OSError):
            (self._tasks / str(os.getpid())).touch()

    def task_ended(self, **_: Any) -> None:
        """Note that this worker finished its task."""
        with suppress(OSError):
            (self._tasks / str(os.getpid())).unlink()

    def task_settled(self, task: Mapping[str, Any], **_: Any) -> None:
        """Note that a task has succeeded and passed through all of the cluster's processes. Never raises."""
        if task["success"]:
            with suppress(OSError):
                self._settled_file.touch()

    def heartbeat_recorded(self) -> None:
        """Note that the database has a heartbeat of the cluster since it began."""
        with suppress(OSError):
            self._heartbeat_file.touch()

    def has_heartbeat(self) -> bool:
        """Whether the database has a heartbeat of the cluster since it began."""
        return self._heartbeat_file.exists()

    def leader(self) -> int | None:
        """The running cluster's process id, which is also its process group; None if it isn't running."""
        try:
            return int(self._leader_file.read_text())
        except (OSError, ValueError):
            return None

    def last_task_at(self) -> int | None:
        """When a task was last settled, in nanoseconds; None if none has been since the cluster began."""
        try:
            return self._settled_file.stat().st_mtime_ns
        except OSError:
            return None

    def busy_workers(self, task_limit_seconds: float) -> int:
        """How many living workers are running a task that is still within its time limit."""
        began_after = time.time() - task_limit_seconds
        with suppress(OSError):
            return sum(
                file.stat().st_mtime > began_after and _is_alive(int(file.name)) for file in self._tasks.iterdir()
            )
        return 0


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


class StopEvent:
    """Tells a sentinel to stop. It may be set in a signal handler, where multiprocessing's Event could deadlock."""

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()

    def set(self) -> None:
        os.write(self._writer, b"!")

    def is_set(self) -> bool:
        return self.wait(0)

    def wait(self, seconds: float) -> bool:
        return bool(select.select([self._reader], [], [], seconds)[0])


def run_cluster(name: str, trace: ClusterTrace) -> None:
    """Run the cluster `name` in this forked process until SIGTERM."""
    # django-q2 picks a process's cluster from the environment when Django loads its app: before this fork, so the same
    # for all clusters. But Conf is only read when the cluster starts, so it can still be changed here. Each setting is
    # an attribute with the same name in capitals.
    for key, value in configured_clusters()[name].items():
        if hasattr(Conf, key.upper()):
            setattr(Conf, key.upper(), value)

    # django-q2 always forks, but creates what it shares with the default start method: no longer fork in Python 3.14.
    multiprocessing.set_start_method("fork", force=True)

    pre_execute.connect(trace.task_began)
    post_execute_in_worker.connect(trace.task_ended)
    post_execute.connect(trace.task_settled)
    trace.begin()
    slices.stop_file = trace.stop_file
    stop_event = StopEvent()
    # Without django-q2's Cluster, whose process would do nothing but wait for this one.
    sentinel = Sentinel(stop_event, multiprocessing.Event(), uuid4(), broker=PulsingQueue(name), start=False)

    def stop(*_: Any) -> None:
        trace.stop_file.touch()
        stop_event.set()

    # The sentinel ends its processes, some of them with SIGTERM.
    os.register_at_fork(after_in_child=partial(signal.signal, signal.SIGTERM, signal.SIG_DFL))
    signal.signal(signal.SIGTERM, stop)
    sentinel.start()
