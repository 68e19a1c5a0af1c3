"""What the watchdog asks, and when it judges a cluster to be wedged."""

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
    ASK_SECONDS,
    LOST_AFTER,
    STALE_SECONDS,
    ClusterWatch,
)

pytestmark = pytest.mark.django_db

RETRY = timedelta(seconds=configured_clusters()["render"]["retry"])


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Stands for a cluster's leader: a process group that can be killed."""
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as leader:
        yield leader
        leader.kill()


@pytest.fixture
def trace(cluster: subprocess.Popen[bytes], tmp_path: Path) -> ClusterTrace:
    trace = ClusterTrace(tmp_path / "render")
    trace.begin()
    (tmp_path / "render" / "leader").write_text(str(cluster.pid))
    # A moment ago, so that a task's trace is newer whatever the clock's grain.
    began_at = time.time() - 1
    for path in ("leader", "tasks"):
        os.utime(tmp_path / "render" / path, (began_at, began_at))
    return trace


@pytest.fixture
def watch(trace: ClusterTrace) -> ClusterWatch:
    """The watch of the render cluster, which has one worker."""
    return ClusterWatch("render", trace, configured_clusters()["render"])


def ended(cluster: subprocess.Popen[bytes]) -> bool:
    try:
        return cluster.wait(timeout=0.05) == -signal.SIGKILL
    except subprocess.TimeoutExpired:
        return False


def look_every_second(watch: ClusterWatch, seconds: float, meanwhile: Callable[[], object] = lambda: None) -> None:
    """Have it look as if so many seconds passed since its first look."""
    for second in range(int(seconds) + 1):
        meanwhile()
        watch.look(1000.0 + second)


def test_a_heartbeat_is_asked_for_and_not_again_while_it_waits(watch: ClusterWatch) -> None:
    watch.look(1000.0)
    (queued,) = OrmQ.objects.all()
    assert (queued.key, queued.name(), queued.args()) == ("render", "render heartbeat", ("render",))
    assert queued.func() == "tchavi_studio.operations.tasks.beat"
    watch.look(1000.0 + 3 * ASK_SECONDS)
    assert OrmQ.objects.get() == queued


def test_it_is_asked_for_again_once_it_is_done(watch: ClusterWatch) -> None:
    watch.look(1000.0)
    first = OrmQ.objects.get()
    first.delete()
    watch.look(1000.0 + ASK_SECONDS - 0.1)
    assert OrmQ.objects.count() == 0
    watch.look(1000.0 + ASK_SECONDS)
    assert OrmQ.objects.get().pk != first.pk


@pytest.mark.parametrize(
    ("taken_ago", "is_asked_again"),
    [(LOST_AFTER - timedelta(seconds=5), False), (LOST_AFTER + timedelta(seconds=5), True)],
)
def test_what_a_worker_took_along_is_asked_for_again(
    watch: ClusterWatch, taken_ago: timedelta, is_asked_again: bool
) -> None:
    watch.look(1000.0)
    first = OrmQ.objects.get()
    OrmQ.objects.update(lock=timezone.now() - taken_ago + RETRY)
    watch.look(1000.0 + ASK_SECONDS)
    assert (OrmQ.objects.get().pk != first.pk) == is_asked_again


def test_a_new_cluster_is_asked_anew_and_nothing_piles_up(
    watch: ClusterWatch, trace: ClusterTrace, tmp_path: Path
) -> None:
    watch.look(1000.0)
    first = OrmQ.objects.get()
    OrmQ.objects.update(lock=timezone.now() + RETRY)
    (tmp_path / "render" / "leader").write_text(str(os.getpid()))
    watch.look(1000.5)
    assert OrmQ.objects.get().pk != first.pk


def test_a_cluster_without_any_sign_of_work_is_ended(watch: ClusterWatch, cluster: subprocess.Popen[bytes]) -> None:
    look_every_second(watch, STALE_SECONDS)
    assert not ended(cluster)
    watch.look(1000.0 + STALE_SECONDS + 1)
    assert ended(cluster)


def test_a_cluster_that_takes_tasks_is_left_alone(
    watch: ClusterWatch, trace: ClusterTrace, cluster: subprocess.Popen[bytes]
) -> None:
    def take_and_finish() -> None:
        trace.task_began()
        time.sleep(0.01)
        trace.task_ended()

    look_every_second(watch, STALE_SECONDS + 5, take_and_finish)
    assert not ended(cluster)
    assert Heartbeat.objects.get().name == "render"


def test_a_cluster_whose_workers_are_all_busy_is_left_alone(
    watch: ClusterWatch, trace: ClusterTrace, cluster: subprocess.Popen[bytes]
) -> None:
    trace.task_began()
    look_every_second(watch, STALE_SECONDS + 5)
    assert not ended(cluster)
    assert Heartbeat.objects.get().name == "render"


def test_a_task_beyond_its_time_limit_is_no_excuse(
    watch: ClusterWatch, trace: ClusterTrace, cluster: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    trace.task_began()
    long_ago = time.time() - configured_clusters()["render"]["timeout"] - 60
    os.utime(tmp_path / "render" / "tasks" / str(os.getpid()), (long_ago, long_ago))
    look_every_second(watch, STALE_SECONDS + 1)
    assert ended(cluster)


def test_a_dead_workers_task_is_no_excuse(
    watch: ClusterWatch, cluster: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    with subprocess.Popen(["true"]) as gone:
        gone.wait()
    (tmp_path / "render" / "tasks" / str(gone.pid)).touch()
    look_every_second(watch, STALE_SECONDS + 1)
    assert ended(cluster)


def test_one_busy_worker_of_two_is_no_excuse(trace: ClusterTrace, cluster: subprocess.Popen[bytes]) -> None:
    watch = ClusterWatch("pump", trace, configured_clusters()["pump"])
    trace.task_began()
    look_every_second(watch, STALE_SECONDS + 1)
    assert ended(cluster)


def test_a_heartbeat_from_another_machine_counts(watch: ClusterWatch, cluster: subprocess.Popen[bytes]) -> None:
    look_every_second(watch, STALE_SECONDS + 5, lambda: beat("render"))
    assert not ended(cluster)


def test_a_time_without_a_database_does_not_count(watch: ClusterWatch, cluster: subprocess.Popen[bytes]) -> None:
    watch.look(1000.0)
    watch.excuse(1000.0 + STALE_SECONDS)
    watch.look(1000.0 + STALE_SECONDS + 1)
    assert not ended(cluster)


def test_a_cluster_that_is_not_running_is_not_asked(watch: ClusterWatch, trace: ClusterTrace) -> None:
    trace.clear()
    watch.look(1000.0)
    assert OrmQ.objects.count() == 0


def test_a_heartbeat_is_one_row() -> None:
    record_heartbeat("pump")
    first = Heartbeat.objects.get()
    record_heartbeat("pump")
    second = Heartbeat.objects.get()
    assert (second.pk, second.name) == (first.pk, "pump")
    assert second.beat_at > first.beat_at
