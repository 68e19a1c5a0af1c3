"""`manage.py studio` as real processes: it starts, recovers from kills, and leaves nothing behind."""

import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest
from django_q.tasks import async_task

from tchavi_studio.generations.models import Generation, State
from tchavi_studio.generations.orders import Order
from tchavi_studio.generations.services import start_generation
from tchavi_studio.generations.validation import validate
from tchavi_studio.ledger.models import Kind, Transfer
from tchavi_studio.ledger.services import grant_credits
from tchavi_studio.operations.models import Heartbeat
from tchavi_studio.workspaces.models import User, Workspace
from tests.databases import Database
from tests.running_studio import RunningStudio, wait_for

pytestmark = [
    pytest.mark.own_database,
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
    pytest.mark.processes,
]
RECOVERY_SECONDS = 60.0
STOP_SECONDS = 10.0
START_SECONDS = 15.0
"""About five on an idle machine, but tests share theirs."""
CLUSTERS = ["pump", "render"]


@pytest.fixture
def studio(own_database: Database, prepared_data: Path, tmp_path: Path) -> Iterator[RunningStudio]:
    """A studio that has run before: its database is migrated, its static files are collected."""
    studio = RunningStudio(tmp_path, own_database)
    shutil.copytree(prepared_data, tmp_path / "data")
    yield studio
    studio.clean_up()


@pytest.fixture
def new_studio(tmp_path: Path) -> Iterator[RunningStudio]:
    """A studio that has never run."""
    studio = RunningStudio(tmp_path, Database(name="", url=f"sqlite:///{tmp_path}/new.sqlite3"))
    yield studio
    studio.clean_up()


def run_in(cluster: str, task: str, path: Path, *arguments: float) -> None:
    async_task(f"tests.operations.probe_tasks.{task}", str(path), *arguments, cluster=cluster)


def worker_noted_in(path: Path, seconds: float = RECOVERY_SECONDS) -> int:
    return int(wait_for(lambda: path.exists() and path.read_text(), seconds=seconds, what=f"a worker to write {path}"))


@pytest.mark.one_database
def test_only_first_start_prepares(new_studio: RunningStudio, tmp_path: Path) -> None:
    new_studio.start()
    assert new_studio.log.splitlines() == [
        "The database is ready.",
        about := f"Mode: sandbox. Provider: none. Database: SQLite, {tmp_path}/new.sqlite3.",
        "The static files are ready.",
        f"Tchavi Studio is ready at {new_studio.address}/",
    ]
    assert new_studio.stop() == 0
    new_studio.start()
    assert new_studio.log.splitlines() == [about, f"Tchavi Studio is ready at {new_studio.address}/"]
    assert new_studio.stop() == 0


def test_starts_serves_replaces_its_web_servers_and_stops_cleanly(studio: RunningStudio) -> None:
    started_within = studio.start()
    print(f"second start: ready after {started_within:.1f} s")
    assert started_within < START_SECONDS
    assert studio.get("/healthz") == (200, b'{"status": "ok"}')
    assert studio.get("/readyz") == (200, b'{"status": "ok"}')
    assert len(studio.groups()) == 6, "the supervisor, two web servers, two clusters and the watchdog"

    supervisor = studio.process.pid
    serving = [group for group in studio.groups() if group != supervisor and _sockets(group) & _sockets(supervisor)]
    assert len(serving) == 2
    for group in serving:
        os.killpg(group, signal.SIGKILL)
    # No connection is refused: the supervisor holds the listening socket.
    assert studio.get("/healthz") == (200, b'{"status": "ok"}')
    for number in (1, 2):
        assert f"Web server {number} ended (SIGKILL); restarting it in 0.5 s." in studio.log

    studio.signal(signal.SIGINT)
    assert studio.wait_until_ended() == 0
    assert studio.pids() == []
    assert studio.log.splitlines()[-1] == "Tchavi Studio has stopped."


def test_stops_during_tasks(studio: RunningStudio, tmp_path: Path) -> None:
    studio.start()
    for cluster in CLUSTERS:
        run_in(cluster, "work_for", tmp_path / cluster, 120)
    for cluster in CLUSTERS:
        worker_noted_in(tmp_path / cluster)
    asked_at = time.monotonic()
    assert studio.stop() == 0
    assert time.monotonic() - asked_at < STOP_SECONDS
    assert studio.pids() == []
    print(f"stopped during tasks in {time.monotonic() - asked_at:.1f} s")


@pytest.mark.one_database
def test_stop_during_a_render_costs_only_time(studio: RunningStudio, workspace: Workspace, alice: User) -> None:
    grant_credits(workspace=workspace, book="sandbox", amount_credits=50_000, reason="for two")
    studio.start()
    # One to be stopped on its way, and one that waits behind it.
    for duration_seconds, resolution in ((8, "720p"), (1, "480p")):
        request = {"prompt": "Rain on the market", "duration": duration_seconds, "resolution": resolution}
        params = validate({"model": "kling-v3", **request}).params
        assert params is not None
        start_generation(Order(workspace=workspace, creator=alice, params=params, submission_id=uuid4()))
    clips = Generation.objects.order_by("created_at")
    wait_for(
        lambda: any(progress for progress in clips.values_list("progress_percent", flat=True)),
        seconds=RECOVERY_SECONDS,
        what="a render\n" + studio.log,
    )
    asked_at = time.monotonic()
    assert studio.stop() == 0
    took = time.monotonic() - asked_at
    print(f"stopped during a render in {took:.1f} s")
    assert took < STOP_SECONDS
    assert studio.pids() == []
    assert [clip.state for clip in clips] == [State.QUEUED] * 2

    studio.start()
    wait_for(
        lambda: all(clip.state == State.COMPLETED for clip in clips.all()),
        seconds=3 * RECOVERY_SECONDS,
        what=f"the renders to finish: {Generation.objects.values()}\n{studio.log}",
    )
    assert Transfer.objects.filter(kind=Kind.CHARGE).count() == 2


def test_nothing_outlives_a_killed_supervisor(studio: RunningStudio, tmp_path: Path) -> None:
    studio.start()
    for cluster in CLUSTERS:
        run_in(cluster, "work_for", tmp_path / cluster, 120)
    for cluster in CLUSTERS:
        worker_noted_in(tmp_path / cluster)
    studio.signal(signal.SIGKILL)
    studio.wait_until_ended()
    wait_for(lambda: not studio.pids(), seconds=STOP_SECONDS, what="every process to end")


def test_work_resumes_after_kills(studio: RunningStudio, tmp_path: Path) -> None:
    studio.start()

    # A worker killed while it waits for a task keeps the lock of the task queue, which only the watchdog notices. We
    # can't see which of the pump's two workers holds it, so kill both.
    for name in ("one", "two"):
        run_in("pump", "work_for", tmp_path / name, 1)
    run_in("render", "note_worker", tmp_path / "three")
    idle = {worker_noted_in(tmp_path / name) for name in ("one", "two", "three")}
    assert len(idle) == 3
    time.sleep(1.5)
    killed_at = time.monotonic()
    for pid in idle:
        os.kill(pid, signal.SIGKILL)
    for cluster in CLUSTERS:
        run_in(cluster, "note_worker", tmp_path / f"{cluster} after its workers")
    # These tasks may be lost with their cluster, like any wake-up: what counts is that new ones are run.
    for cluster in CLUSTERS:
        wait_for(
            lambda: f"The {cluster} cluster has done nothing for" in studio.log,  # noqa: B023
            seconds=RECOVERY_SECONDS,
            what=f"the watchdog to kill the {cluster} cluster\n{studio.log}",
        )
        run_in(cluster, "note_worker", tmp_path / f"{cluster} restarted")
    for cluster in CLUSTERS:
        worker_noted_in(tmp_path / f"{cluster} restarted")
    took = time.monotonic() - killed_at
    print(f"idle workers killed: work resumed after {took:.1f} s")
    assert took < RECOVERY_SECONDS

    # Whole clusters.
    groups = {os.getpgid(worker_noted_in(tmp_path / f"{cluster} restarted")) for cluster in CLUSTERS}
    killed_at = time.monotonic()
    for group in groups:
        os.killpg(group, signal.SIGKILL)
    for cluster in CLUSTERS:
        run_in(cluster, "note_worker", tmp_path / f"{cluster} again")
    for cluster in CLUSTERS:
        worker_noted_in(tmp_path / f"{cluster} again")
    print(f"whole clusters killed: work resumed after {time.monotonic() - killed_at:.1f} s")
    assert "The render cluster ended (SIGKILL); restarting it in" in studio.log
    wait_for(lambda: studio.get("/readyz")[0] == 200, seconds=RECOVERY_SECONDS, what="/readyz to be ok again")
    for cluster in CLUSTERS:
        beat_at = Heartbeat.objects.get(name=cluster).beat_at
        wait_for(
            lambda: Heartbeat.objects.get(name=cluster).beat_at > beat_at,  # noqa: B023
            seconds=RECOVERY_SECONDS,
            what=f"another heartbeat of {cluster}",
        )


def _sockets(pid: int) -> set[str]:
    """The supervisor's only one is that which the web servers listen on."""
    return {link for fd in Path(f"/proc/{pid}/fd").iterdir() if (link := str(fd.readlink())).startswith("socket:")}


@pytest.mark.one_database
def test_pages_open_while_the_database_is_locked(studio: RunningStudio) -> None:
    # An option in DATABASE_URL: by default, writes wait for 20 s.
    studio.environment["DATABASE_URL"] = f"{studio.database.url}?timeout=1"
    studio.start()
    with closing(sqlite3.connect(studio.database.name, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert studio.get("/accounts/login/")[0] == 200
        assert studio.get("/v1/jobs")[0] == 401, "what only reads does without being counted"
    assert studio.stop() == 0


# --- Start-up errors --------------------------------------------------------------------------------------------------


def start_error(studio: RunningStudio, **environment: str) -> str:
    """The single line on stderr from a start that fails with exit code 1."""
    command = [sys.executable, "manage.py", "studio"]
    done = subprocess.run(command, env={**studio.environment, **environment}, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    return line


def test_port_in_use(studio: RunningStudio) -> None:
    with socket.create_server(("127.0.0.1", studio.port)):
        assert start_error(studio) == (
            f"Tchavi Studio can't listen on 127.0.0.1 port {studio.port} (Address already in use). Is another studio "
            f"running there? To use another port, set PORT, for example: PORT={studio.port + 1} make run"
        )


def test_invalid_host(studio: RunningStudio) -> None:
    assert start_error(studio, HOST="not an address").startswith(
        "Tchavi Studio can't listen on not an address: HOST isn't a valid address ("
    )


def test_invalid_setting_is_named(studio: RunningStudio) -> None:
    assert start_error(studio, PORT="http") == (
        'Tchavi Studio can\'t start: Environment variable "PORT" invalid: Not a valid integer.'
    )
    assert start_error(studio, STUDIO_PUBLIC_URL="studio.example.org") == (
        'Tchavi Studio can\'t start: Environment variable "STUDIO_PUBLIC_URL" invalid: '
        "Must look like https://studio.example.org, not 'studio.example.org'."
    )


def test_own_address_as_provider(studio: RunningStudio) -> None:
    url = f"{studio.address}/v1"
    assert start_error(studio, STUDIO_PROVIDER_API_KEY="sk-tch_1", STUDIO_PROVIDER_URL=url) == (
        f"Tchavi Studio can't start: STUDIO_PROVIDER_URL is {url}, which is this studio itself: it can't be its own "
        "provider."
    )


def test_data_folder_cannot_be_created(studio: RunningStudio, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert start_error(studio, STUDIO_DATA=str(tmp_path / "file" / "data")) == (
        'Tchavi Studio can\'t start: Environment variable "STUDIO_DATA" invalid: '
        f"{tmp_path}/file/data can't be used (Not a directory)."
    )


def test_database_cannot_be_opened(studio: RunningStudio, tmp_path: Path) -> None:
    assert start_error(studio, DATABASE_URL=f"sqlite:///{tmp_path}/nowhere/studio.sqlite3") == (
        "Tchavi Studio can't start: unable to open database file"
    )
