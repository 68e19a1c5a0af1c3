"""`manage.py studio` as real processes: it starts, survives what is killed, and leaves nothing behind."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
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
"""Five on a machine of its own; tests share theirs."""
CLUSTERS = ["pump", "render"]


@pytest.fixture(scope="session")
def prepared_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with its static files collected, which takes seconds."""
    data = tmp_path_factory.mktemp("prepared")
    code = "from tchavi_studio.operations.preparation import collect_static_files; collect_static_files()"
    database = Database(name="", url=f"sqlite:///{data}/unused.sqlite3")
    command = [sys.executable, "manage.py", "shell", "--no-imports", "-c", code]
    subprocess.run(command, env={**database.environment, "STUDIO_DATA": str(data)}, check=True)
    return data


@pytest.fixture
def studio(own_database: Database, prepared_data: Path, tmp_path: Path) -> Iterator[RunningStudio]:
    """A studio that was started before: its database is migrated, its static files are collected."""
    studio = RunningStudio(tmp_path, own_database)
    shutil.copytree(prepared_data, tmp_path / "data")
    yield studio
    studio.clean_up()


@pytest.fixture
def new_studio(tmp_path: Path) -> Iterator[RunningStudio]:
    """A studio that was never started."""
    studio = RunningStudio(tmp_path, Database(name="", url=f"sqlite:///{tmp_path}/new.sqlite3"))
    yield studio
    studio.clean_up()


def run_in(cluster: str, task: str, path: Path, *arguments: float) -> None:
    async_task(f"tests.operations.probe_tasks.{task}", str(path), *arguments, cluster=cluster)


def worker_noted_in(path: Path, seconds: float = RECOVERY_SECONDS) -> int:
    return int(wait_for(lambda: path.exists() and path.read_text(), seconds=seconds, what=f"a worker writes {path}"))


def test_a_first_start_prepares_what_a_second_finds(new_studio: RunningStudio) -> None:
    new_studio.start()
    assert new_studio.log.splitlines() == [
        "The database is ready.",
        "The static files are ready.",
        f"Tchavi Studio is ready at {new_studio.address}/",
    ]
    assert new_studio.stop() == 0
    new_studio.start()
    assert new_studio.log.splitlines() == [f"Tchavi Studio is ready at {new_studio.address}/"]
    assert new_studio.stop() == 0


def test_it_starts_serves_and_stops_without_a_trace(studio: RunningStudio) -> None:
    started_within = studio.start()
    print(f"a second start: ready after {started_within:.1f} s")
    assert started_within < START_SECONDS
    assert studio.get("/healthz") == (200, b'{"status": "ok"}')
    assert studio.get("/readyz") == (200, b'{"status": "ok"}')
    assert len(studio.groups()) == 5, "the supervisor, the web server, two clusters and the watchdog"
    studio.signal(signal.SIGINT)
    assert studio.wait_until_ended() == 0
    assert studio.pids() == []
    assert studio.log.splitlines()[-1] == "Tchavi Studio has stopped."


def test_it_stops_in_the_middle_of_tasks(studio: RunningStudio, tmp_path: Path) -> None:
    studio.start()
    for cluster in CLUSTERS:
        run_in(cluster, "work_for", tmp_path / cluster, 120)
    for cluster in CLUSTERS:
        worker_noted_in(tmp_path / cluster)
    asked_at = time.monotonic()
    assert studio.stop() == 0
    assert time.monotonic() - asked_at < STOP_SECONDS
    assert studio.pids() == []
    print(f"stopped in the middle of tasks in {time.monotonic() - asked_at:.1f} s")


@pytest.mark.one_database
def test_a_stop_in_the_middle_of_a_render_costs_nothing_but_time(
    studio: RunningStudio, workspace: Workspace, alice: User
) -> None:
    request = {"model": "kling-v3", "prompt": "Rain on the market", "duration": 10, "resolution": "720p"}
    params = validate(request).params
    assert params is not None
    grant_credits(workspace=workspace, book="sandbox", amount_credits=50_000, reason="for two")
    studio.start()
    start_generation(Order(workspace=workspace, creator=alice, params=params, submission_id=uuid4(), variations=2))
    clips = Generation.objects.order_by("variation")
    wait_for(
        lambda: any(progress for progress in clips.values_list("progress_percent", flat=True)),
        seconds=RECOVERY_SECONDS,
        what="a render\n" + studio.log,
    )
    asked_at = time.monotonic()
    assert studio.stop() == 0
    took = time.monotonic() - asked_at
    print(f"stopped in the middle of a render in {took:.1f} s")
    assert took < STOP_SECONDS
    assert studio.pids() == []
    assert [clip.state for clip in clips] == [State.QUEUED] * 2

    studio.start()
    wait_for(
        lambda: all(clip.state == State.COMPLETED for clip in clips.all()),
        seconds=3 * RECOVERY_SECONDS,
        what=f"the renders are taken up again: {Generation.objects.values()}\n{studio.log}",
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
    wait_for(lambda: not studio.pids(), seconds=STOP_SECONDS, what="every process has ended")


def test_work_resumes_after_kills(studio: RunningStudio, tmp_path: Path) -> None:
    studio.start()

    # A worker that waits for a task takes the lock of the task queue along: only the watchdog can tell. Which of the
    # pump's two workers holds it cannot be seen, so both go.
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
    # These hints may be lost with their cluster, as hints may: what counts is that new ones are worked on.
    for cluster in CLUSTERS:
        wait_for(
            lambda: f"The {cluster} cluster has done nothing for" in studio.log,  # noqa: B023
            seconds=RECOVERY_SECONDS,
            what=f"the watchdog ends the {cluster} cluster\n{studio.log}",
        )
        run_in(cluster, "note_worker", tmp_path / f"{cluster} anew")
    for cluster in CLUSTERS:
        worker_noted_in(tmp_path / f"{cluster} anew")
    took = time.monotonic() - killed_at
    print(f"idle workers killed: work resumed after {took:.1f} s")
    assert took < RECOVERY_SECONDS

    # A whole cluster, and the web server.
    groups = {os.getpgid(worker_noted_in(tmp_path / f"{cluster} anew")) for cluster in CLUSTERS}
    killed_at = time.monotonic()
    for group in groups:
        os.killpg(group, signal.SIGKILL)
    for cluster in CLUSTERS:
        run_in(cluster, "note_worker", tmp_path / f"{cluster} again")
    for cluster in CLUSTERS:
        worker_noted_in(tmp_path / f"{cluster} again")
    print(f"whole clusters killed: work resumed after {time.monotonic() - killed_at:.1f} s")
    assert "The render cluster ended (SIGKILL); starting it again in" in studio.log
    wait_for(lambda: studio.get("/readyz")[0] == 200, seconds=RECOVERY_SECONDS, what="ready again")
    swept_at = Heartbeat.objects.get(name="sweep").beat_at
    wait_for(
        lambda: Heartbeat.objects.get(name="sweep").beat_at > swept_at, seconds=RECOVERY_SECONDS, what="a sweep again"
    )


def test_a_killed_web_server_comes_back(studio: RunningStudio) -> None:
    studio.start()
    before = studio.groups()
    serving = next(group for group in before if group != studio.process.pid and _listens(group))
    os.killpg(serving, signal.SIGKILL)
    # Nobody is refused meanwhile: the supervisor holds the listening socket.
    assert studio.get("/healthz") == (200, b'{"status": "ok"}')
    assert "The web server ended (SIGKILL); starting it again in 0.5 s." in studio.log


def _listens(pid: int) -> bool:
    return any(str(fd.readlink()).startswith("socket:") for fd in Path(f"/proc/{pid}/fd").iterdir())


# --- What a start refuses ---------------------------------------------------------------------------------------------


def refused(studio: RunningStudio, **environment: str) -> str:
    """The one line that a start says before it ends with exit code 1."""
    command = [sys.executable, "manage.py", "studio"]
    done = subprocess.run(command, env={**studio.environment, **environment}, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    return line


def test_a_second_studio_on_the_same_port_is_refused(studio: RunningStudio) -> None:
    with socket.create_server(("127.0.0.1", studio.port)):
        assert refused(studio) == (
            f"Tchavi Studio can't listen at 127.0.0.1 port {studio.port} (Address already in use). Is another studio "
            f"running there? PORT chooses another port, for instance: PORT={studio.port + 1} make run"
        )


def test_a_host_that_is_no_address_is_refused(studio: RunningStudio) -> None:
    assert refused(studio, HOST="not an address").startswith(
        "Tchavi Studio can't listen at not an address: HOST names no address ("
    )


def test_a_bad_setting_is_refused_by_its_name(studio: RunningStudio) -> None:
    assert refused(studio, PORT="http") == (
        'Tchavi Studio can\'t start: Environment variable "PORT" invalid: Not a valid integer.'
    )
    assert refused(studio, STUDIO_PUBLIC_URL="studio.example.org") == (
        "Tchavi Studio can't start: STUDIO_PUBLIC_URL must begin with http:// or https://, not 'studio.example.org'."
    )


def test_a_data_folder_that_cannot_be_made_is_refused(studio: RunningStudio, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert refused(studio, STUDIO_DATA=str(tmp_path / "file" / "data")) == (
        f"Tchavi Studio can't start: [Errno 20] Not a directory: '{tmp_path}/file/data'"
    )


def test_a_database_that_cannot_be_reached_is_refused(studio: RunningStudio, tmp_path: Path) -> None:
    assert refused(studio, DATABASE_URL=f"sqlite:///{tmp_path}/nowhere/studio.sqlite3") == (
        "Tchavi Studio can't start: unable to open database file"
    )
