"""When the watchdog decides that a cluster is wedged, and which heartbeats it records."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
from django.db import OperationalError, connection, connections
from pytest_django import DjangoAssertNumQueries

from tchavi_studio.operations.clusters import ClusterTrace, configured_clusters
from tchavi_studio.operations.models import Heartbeat
from tchavi_studio.operations.services import record_heartbeats
from tchavi_studio.operations.watchdog import RECORD_SECONDS, STALE_SECONDS, ClusterWatch, Watchdog

pytestmark = pytest.mark.django_db


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A stand-in for a cluster's leader: a process group that can be killed."""
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as leader:
        yield leader
        leader.kill()


@pytest.fixture
def trace(cluster: subprocess.Popen[bytes], tmp_path: Path) -> ClusterTrace:
    trace = ClusterTrace(tmp_path / "render")
    trace.begin()
    (tmp_path / "render" / "leader").write_text(str(cluster.pid))
    return trace


@pytest.fixture
def watch(trace: ClusterTrace) -> ClusterWatch:
    """The watch of the render cluster, which has one worker."""
    return ClusterWatch("render", trace, configured_clusters()["render"])


def was_killed(cluster: subprocess.Popen[bytes]) -> bool:
    try:
        return cluster.wait(timeout=0.05) == -signal.SIGKILL
    except subprocess.TimeoutExpired:
        return False


def settle(trace: ClusterTrace) -> None:
    """Finish a task, at a time that differs from the last one's."""
    before = trace.last_task_at()
    while trace.last_task_at() == before:
        trace.task_settled(task={"success": True})


def look_every_second(watch: ClusterWatch, seconds: float, before_each: Callable[[], object] = lambda: None) -> None:
    """Look once for each of the `seconds` that have passed since the first look."""
    for second in range(int(seconds) + 1):
        before_each()
        watch.look(1000.0 + second)


def test_cluster_without_signs_of_work_is_killed(watch: ClusterWatch, cluster: subprocess.Popen[bytes]) -> None:
    look_every_second(watch, STALE_SECONDS)
    assert not was_killed(cluster)
    watch.look(1000.0 + STALE_SECONDS + 1)
    assert was_killed(cluster)


def test_cluster_that_runs_tasks_is_left_alone(
    watch: ClusterWatch, trace: ClusterTrace, cluster: subprocess.Popen[bytes]
) -> None:
    look_every_second(watch, STALE_SECONDS + 5, lambda: settle(trace))
    assert not was_killed(cluster)


def test_cluster_whose_tasks_fail_or_are_never_settled_is_killed(
    watch: ClusterWatch, trace: ClusterTrace, cluster: subprocess.Popen[bytes]
) -> None:
    def begin_end_and_fail() -> None:
        trace.task_began()
        trace.task_ended()
        trace.task_settled(task={"success": False})

    look_every_second(watch, STALE_SECONDS + 1, begin_end_and_fail)
    assert was_killed(cluster)


def test_cluster_with_only_busy_workers_is_left_alone(
    watch: ClusterWatch, trace: ClusterTrace, cluster: subprocess.Popen[bytes]
) -> None:
    trace.task_began()
    look_every_second(watch, STALE_SECONDS + 5)
    assert not was_killed(cluster)


def test_task_past_its_time_limit_does_not_count(
    watch: ClusterWatch, trace: ClusterTrace, cluster: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    trace.task_began()
    long_ago = time.time() - configured_clusters()["render"]["timeout"] - 60
    os.utime(tmp_path / "render" / "tasks" / str(os.getpid()), (long_ago, long_ago))
    look_every_second(watch, STALE_SECONDS + 1)
    assert was_killed(cluster)


def test_dead_workers_task_does_not_count(
    watch: ClusterWatch, cluster: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    with subprocess.Popen(["true"]) as gone:
        gone.wait()
    (tmp_path / "render" / "tasks" / str(gone.pid)).touch()
    look_every_second(watch, STALE_SECONDS + 1)
    assert was_killed(cluster)


def test_one_busy_worker_of_two_is_not_enough(trace: ClusterTrace, cluster: subprocess.Popen[bytes]) -> None:
    watch = ClusterWatch("pump", trace, configured_clusters()["pump"])
    trace.task_began()
    look_every_second(watch, STALE_SECONDS + 1)
    assert was_killed(cluster)


def test_work_of_another_machine_does_not_count(watch: ClusterWatch, cluster: subprocess.Popen[bytes]) -> None:
    look_every_second(watch, STALE_SECONDS + 1, lambda: record_heartbeats("render"))
    assert was_killed(cluster)


def test_time_without_database_does_not_count(
    watch: ClusterWatch, cluster: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OperationalError("the server is gone")

    watchdog = Watchdog([watch])
    watchdog.look(1000.0)
    with monkeypatch.context() as outage:
        outage.setattr(connection, "cursor", fail)
        # Closing would end the test's transaction.
        outage.setattr(connections, "close_all", lambda: None)
        watchdog.look(1000.0 + STALE_SECONDS + 1)
    watchdog.look(1000.0 + 2 * STALE_SECONDS)
    assert not was_killed(cluster)
    watchdog.look(1000.0 + 2 * STALE_SECONDS + 2)
    assert was_killed(cluster)


def test_restarted_cluster_gets_its_full_time(
    watch: ClusterWatch, trace: ClusterTrace, cluster: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    (tmp_path / "render" / "leader").write_text(str(os.getpid()))
    watch.look(1000.0)
    (tmp_path / "render" / "leader").write_text(str(cluster.pid))
    watch.look(1000.0 + STALE_SECONDS)
    watch.look(1000.0 + 2 * STALE_SECONDS)
    assert not was_killed(cluster)


def test_stopped_cluster_is_no_concern(watch: ClusterWatch, trace: ClusterTrace) -> None:
    trace.clear()
    assert not watch.look(1000.0)


# --- Heartbeats -------------------------------------------------------------------------------------------------------


def beats() -> dict[str, datetime]:
    """The recorded heartbeats."""
    return dict(Heartbeat.objects.values_list("name", "beat_at"))


def test_first_heartbeat_is_recorded_at_once_and_later_ones_now_and_then(
    watch: ClusterWatch, trace: ClusterTrace
) -> None:
    watchdog = Watchdog([watch])
    watchdog.look(1000.0)
    assert beats() == {}
    assert not trace.has_heartbeat()
    settle(trace)
    watchdog.look(1001.0)
    first = beats()
    assert list(first) == ["render"]
    assert trace.has_heartbeat()
    settle(trace)
    watchdog.look(1000.5 + RECORD_SECONDS)
    assert beats() == first
    watchdog.look(1001.0 + RECORD_SECONDS)
    second = beats()
    assert second["render"] > first["render"]
    watchdog.look(1001.0 + 2 * RECORD_SECONDS)
    assert beats() == second, "no task has been finished since"


def test_restarted_cluster_has_a_heartbeat_at_once(watch: ClusterWatch, trace: ClusterTrace) -> None:
    watchdog = Watchdog([watch])
    settle(trace)
    watchdog.look(1000.0)
    first = beats()
    trace.begin()
    settle(trace)
    watchdog.look(1001.0)
    assert beats()["render"] > first["render"]


def test_busy_cluster_has_heartbeats(watch: ClusterWatch, trace: ClusterTrace) -> None:
    trace.task_began()
    Watchdog([watch]).look(1000.0)
    assert list(beats()) == ["render"]


def test_heartbeats_are_updated_in_one_statement(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    record_heartbeats("pump")
    record_heartbeats("pump", "render")
    first = beats()
    with django_assert_num_queries(1):
        record_heartbeats("pump", "render")
    second = beats()
    assert list(second) == list(first) == ["pump", "render"]
    assert second["pump"] == second["render"] > first["render"]
    assert first["pump"] == first["render"]
