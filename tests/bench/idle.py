"""What a studio costs while nobody uses it, and how soon it works when somebody does. Linux and SQLite only.

Memory is the proportional set size (PSS): a page that processes share counts once. Statements are all that SQLite runs
in any process, BEGIN and COMMIT included. Bytes written are those that the kernel counts for files (`write_bytes`).
"""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from uuid import uuid4

from tchavi_studio.generations.models import Generation, State
from tchavi_studio.generations.orders import Order
from tchavi_studio.generations.services import start_generation
from tchavi_studio.generations.validation import validate
from tchavi_studio.workspaces.models import User
from tests.conftest import make_person
from tests.databases import SQLiteTemplate, connected_to
from tests.running_studio import RunningStudio

from .measuring import medians
from .report import Row, figure

SETTLE_SECONDS = 15.0
IDLE_SECONDS = 60.0
CLIPS = 11
LOOK_SECONDS = 0.005


def rows(size: int) -> Iterator[Row]:
    """First the idle studio, then clips of a second in it; `size` doesn't matter here."""
    with (
        tempfile.TemporaryDirectory() as folder,
        # In memory, so that the counts don't count as written.
        tempfile.TemporaryDirectory(dir="/dev/shm") as counts,
        SQLiteTemplate(Path(folder)).copy() as database,
        connected_to(database),
    ):
        counting = {"DJANGO_SETTINGS_MODULE": "tests.bench.counted_settings", "COUNTS": counts}
        with RunningStudio(Path(folder, "studio"), database, **counting) as studio:
            time.sleep(SETTLE_SECONDS)
            yield from idle_rows(studio, Path(counts))
            yield from clip_rows(make_person("Awa"))


def idle_rows(studio: RunningStudio, counts: Path) -> Iterator[Row]:
    pids = studio.pids()
    yield Row(
        name="idle studio, memory (PSS)",
        before="272 MB, 16 processes",
        measured=sum(map(pss_bytes, pids)) / 1e6,
        goal=200,
        unit="MB",
        note=f"{len(pids)} processes",
    )
    statements, written = statement_count(counts), written_bytes(pids)
    time.sleep(IDLE_SECONDS)
    minutes = IDLE_SECONDS / 60
    yield Row(
        name="idle studio, statements a minute",
        before="1,258",
        measured=(statement_count(counts) - statements) / minutes,
        goal=250,
        unit="",
    )
    yield Row(
        name="idle studio, written to files a minute",
        before="1.2 MB",
        measured=(written_bytes(pids) - written) / minutes / 1e3,
        goal=100,
        unit="kB",
    )


def pss_bytes(pid: int) -> int:
    return 1024 * int(_fields(f"/proc/{pid}/smaps_rollup")["Pss"].split()[0])


def written_bytes(pids: Sequence[int]) -> int:
    return sum(int(_fields(f"/proc/{pid}/io")["write_bytes"]) for pid in pids)


def _fields(path: str) -> dict[str, str]:
    pairs = (line.partition(":") for line in Path(path).read_text().splitlines())
    return {name: value for name, _, value in pairs}


def statement_count(counts: Path) -> int:
    """What `counted_settings` has counted so far."""
    return sum(int.from_bytes(path.read_bytes(), sys.byteorder) for path in counts.iterdir())


def clip_rows(person: User) -> Iterator[Row]:
    clips = [one_clip(person) for _ in range(CLIPS)]
    starts, beyond, renders = zip(*clips, strict=True)
    (python,) = medians(lambda: subprocess.run([sys.executable, "-c", ""], check=True), samples=CLIPS)
    yield Row(
        name="from the request to the start of work",
        before="",
        measured=statistics.median(starts),
        goal=0.3,
        unit="s",
        note=f"at most {figure(max(starts))} s",
    )
    yield Row(
        name="from the request to the finished clip of 1 s, without its render",
        before="0.5 s",
        measured=statistics.median(beyond),
        goal=0.2,
        unit="s",
        note=f"its render took {figure(statistics.median(renders))} s, an empty Python process {figure(python)} s",
    )


def one_clip(person: User) -> tuple[float, float, float]:
    """Seconds until work began, in all without the render, and for the render."""
    params = validate({"model": "kling-v3", "prompt": "Rain on the market", "duration": 1}).params
    assert params is not None
    workspace = person.memberships.get().workspace
    order = Order(workspace=workspace, creator=person, params=params, submission_id=uuid4())
    (clip,) = start_generation(order).generations
    rendered_at: datetime | None = None
    while clip.state != State.COMPLETED:
        time.sleep(LOOK_SECONDS)
        clip = Generation.objects.get(pk=clip.pk)
        assert clip.state != State.FAILED, clip.error_code
        if clip.state == State.SAVING:
            rendered_at = clip.updated_at
    assert clip.started_at is not None
    assert clip.finished_at is not None
    assert rendered_at is not None
    render = (rendered_at - clip.started_at).total_seconds()
    return (
        (clip.started_at - clip.created_at).total_seconds(),
        (clip.finished_at - clip.created_at).total_seconds() - render,
        render,
    )
