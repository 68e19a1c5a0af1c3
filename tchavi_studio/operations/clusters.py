"""The django-q2 clusters: their names, how each is run, and the trace of their work that the watchdog reads."""

import multiprocessing
import os
import shutil
import signal
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings

from tchavi_studio.runtime import slices


def configured_clusters() -> dict[str, dict[str, Any]]:
    """Every cluster by its name, with all of its django-q2 settings."""
    shared = {key: value for key, value in settings.Q_CLUSTER.items() if key != "ALT_CLUSTERS"}
    alternatives = settings.Q_CLUSTER.get("ALT_CLUSTERS", {})
    own = {name: {**shared, **alternative, "cluster_name": name} for name, alternative in alternatives.items()}
    return {shared["cluster_name"]: shared, **own}


@dataclass(frozen=True)
class ClusterTrace:
    """What a running cluster leaves in a folder: who leads it, and which of its workers are inside a task.

    Files, because a SIGKILL at any moment leaves them readable, which no lock or shared counter is.
    """

    folder: Path

    @property
    def _leader_file(self) -> Path:
        return self.folder / "leader"

    @property
    def stop_file(self) -> Path:
        """There as soon as the cluster is to stop: tasks that would go on for long look for it."""
        return self.folder / "stop"

    @property
    def _tasks(self) -> Path:
        return self.folder / "tasks"

    def begin(self) -> None:
        """This process leads the cluster from now on."""
        self.clear()
        self._tasks.mkdir(parents=True)
        self._leader_file.write_text(str(os.getpid()))

    def clear(self) -> None:
        """The cluster has ended: nobody leads it."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def task_began(self, **_: Any) -> None:
        """This worker has taken a task. Never raises: django-q2 would lose the worker."""
        with suppress(OSError):
            (self._tasks / str(os.getpid())).touch()

    def task_ended(self, **_: Any) -> None:
        """This worker has finished its task."""
        with suppress(OSError):
            (self._tasks / str(os.getpid())).unlink()

    def leader(self) -> int | None:
        """The process id, and so the process group, of the running cluster; None while there is none."""
        try:
            return int(self._leader_file.read_text())
        except (OSError, ValueError):
            return None

    def last_task_at(self) -> int | None:
        """When a worker last took or finished a task, in nanoseconds; None if none has since the cluster began."""
        try:
            changed_at, began_at = self._tasks.stat().st_mtime_ns, self._leader_file.stat().st_mtime_ns
        except OSError:
            return None
        return changed_at if changed_at > began_at else None

    def busy_workers(self, task_limit_seconds: float) -> int:
        """How many living workers have been inside a task, for no longer than a task may take."""
        began_after = time.time() - task_limit_seconds
        with suppress(OSError):
            return sum(file.stat().st_mtime > began_after and _lives(int(file.name)) for file in self._tasks.iterdir())
        return 0


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def run_cluster(name: str, trace: ClusterTrace) -> None:
    """Be the cluster `name` until SIGTERM; for a process that was forked for it. Raises SystemExit at the end."""
    from django_q.cluster import Cluster
    from django_q.conf import Conf
    from django_q.signals import post_execute_in_worker, pre_execute

    # django-q2 settles which cluster a process is when Django loads its app, from the environment: before this fork,
    # and for both clusters alike. Whatever reads Conf reads it when the cluster starts, so it can still be told here.
    # Each setting is an attribute of the same name in capitals.
    for key, value in configured_clusters()[name].items():
        if hasattr(Conf, key.upper()):
            setattr(Conf, key.upper(), value)

    # django-q2 forks its processes in any case, and shares with them what is made in the default way. From Python 3.14
    # on that would no longer be fork's.
    multiprocessing.set_start_method("fork", force=True)

    pre_execute.connect(trace.task_began)
    post_execute_in_worker.connect(trace.task_ended)
    trace.begin()
    slices.stop_file = trace.stop_file
    cluster = Cluster()
    cluster.start()

    def stop(*signal_and_frame: Any) -> None:
        trace.stop_file.touch()
        cluster.sig_handler(*signal_and_frame)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    cluster.sentinel.join()
    sys.exit(cluster.sentinel.exitcode)
