"""What the watchdog queues, and when it decides that a cluster is wedged."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from tchavi_studio.operations.clusters import ClusterTrace, configured_clusters
from tchavi_studio.operations.models import Heartbeat
from tchavi_studio.operations.services import record_heartbeat
from tchavi_studio.operations.tasks import beat
from tchavi_studio.operations.watchdog import (
    LOST_AFTER,
    PULSE_SECONDS,
    STALE_SECONDS,
    ClusterWatch,
)

pytestmark = pytest.mark.django_db

RETRY = timedelta(seconds=configured_clusters()["render"]["retry"])


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
    # In the past, so that a task's trace is newer whatever the resolution of the clock.
    began_at = time.time() - 1
    for path in ("leader", "tasks"):
        os.utime(tmp_path / "render" / path, (began_at, began_at))
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


def look_every_second(watch: ClusterWatch, seconds: float, before_each: Callable[[], object] = lambda: None) -> None:
    """Look once for each of the `seconds` that have passed since the first look."""
    for second in range(int(seconds) + 1):
        before_each()
        watch.look(1000.0 + second)


def test_heartbeat_is_not_queued_twice(watch: ClusterWatch) -> None:
    watch.look(1000.0)
    (queued,) = OrmQ.objects.all()
    assert (queued.key, queued.name(), queued.args()) == ("render", "render heartbeat", ("render",))
    assert queued.func() == "tchavi_studio.operations.tasks.beat"
    watch.look(1000.0 + 3 * PULSE_SECONDS)
    assert OrmQ.objects.get() == queued


def test_next_heartbeat_is_queued_after_the_last(watch: ClusterWatch) -> None:
    watch.look(1000.0)
    first = OrmQ.objects.get()
    first.delete()
    watch.look(1000.0 + PULSE_SECONDS - 0.1)
    assert OrmQ.objects.count() == 0
    watch.look(1000.0 + PULSE_SECONDS)
    assert OrmQ.objects.get().pk != first.pk


@pytest.mark.parametrize(
    ("taken_ago", "is_queued_again"),
    [(LOST_AFTER - timedelta(seconds=5), False), (LOST_AFTER + timedelta(seconds=5), True)],
)
def test_lost_heartbeat_is_queued_again(watch: ClusterWatch, taken_ago: timedelta, is_queued_again: bool) -> None:
    watch.look(1000.0)
    first = OrmQ.objects.get()
    OrmQ.objects.update(lock=timezone.now() - taken_ago + RETRY)
    watch.look(1000.0 + PULSE_SECONDS)
    assert (OrmQ.objects.get().pk != first.pk) == is_queued_again


def test_restarted_cluster_gets_a_fresh_heartbeat(watch: ClusterWatch, trace: ClusterTrace, tmp_path: Path) -> None:
    watch.look(1000.0)
    first = OrmQ.objects.get()
    OrmQ.objects.update(lock=timezone.now() + RETRY)
    (tmp_path / "render" / "leader").write_text(str(os.getpid()))
    watch.look(1000.5)
    assert OrmQ.objects.get().pk != first.pk


def test_cluster_without_signs_of_work_is_killed(watch: ClusterWatch, cluster: subprocess.Popen[bytes]) -> None:
    look_every_second(watch, STALE_SECONDS)
    assert not was_killed(cluster)
    watch.look(1000.0 + STALE_SECONDS + 1)
    assert was_killed(cluster)


def test_cluster_that_runs_tasks_is_left_alone(
    watch: ClusterWatch, trace: ClusterTrace, cluster: subprocess.Popen[bytes]
) -> None:
    def take_and_finish() -> None:
        trace.task_began()
        time.sleep(0.01)
        trace.task_ended()

    look_every_second(watch, STALE_SECONDS + 5, take_and_finish)
    assert not was_killed(cluster)
    assert Heartbeat.objects.get().name == "render"


def test_cluster_with_only_busy_workers_is_left_alone(
    watch: ClusterWatch, trace: ClusterTrace, cluster: subprocess.Popen[bytes]
) -> None:
    trace.task_began()
    look_every_second(watch, STALE_SECONDS + 5)
    assert not was_killed(cluster)
    assert Heartbeat.objects.get().name == "render"


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


def test_heartbeat_from_another_machine_counts(watch: ClusterWatch, cluster: subprocess.Popen[bytes]) -> None:
    look_every_second(watch, STALE_SECONDS + 5, lambda: beat("render"))
    assert not was_killed(cluster)


def test_time_without_database_does_not_count(watch: ClusterWatch, cluster: subprocess.Popen[bytes]) -> None:
    watch.look(1000.0)
    watch.reset(1000.0 + STALE_SECONDS)
    watch.look(1000.0 + STALE_SECONDS + 1)
    assert not was_killed(cluster)


def test_nothing_is_queued_for_a_stopped_cluster(watch: ClusterWatch, trace: ClusterTrace) -> None:
    trace.clear()
    watch.look(1000.0)
    assert OrmQ.objects.count() == 0


def test_heartbeats_share_one_row() -> None:
    record_heartbeat("pump")
    first = Heartbeat.objects.get()
    record_heartbeat("pump")
    second = Heartbeat.objects.get()
    assert (second.pk, second.name) == (first.pk, "pump")
    assert second.beat_at > first.beat_at
