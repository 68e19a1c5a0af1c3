"""Paused workers and concurrent workers: nobody writes to rows that another worker has taken over."""

import os
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.db.models import Model

from tchavi_studio.assets.models import Asset
from tchavi_studio.generations.models import Generation, RemoteFile, RemoteJob, State
from tchavi_studio.ledger.models import Transfer
from tchavi_studio.runtime.crashpoints import CrashPoint
from tests.databases import Database
from tests.running_studio import wait_for

from .cases import REMOTE, Case, Clip
from .drill import Drill, Outcome, compare, environment_of, read_report, upstream_for

pytestmark = [pytest.mark.own_database, pytest.mark.processes]
PAUSED_WITHIN_SECONDS = 30.0
TABLES: tuple[type[Model], ...] = (Generation, RemoteJob, RemoteFile, Asset, Transfer)


def books() -> dict[str, list[dict[str, Any]]]:
    """All rows about clips, including their versions and lease holders."""
    return {table.__name__: list(table._default_manager.order_by("pk").values()) for table in TABLES}


def is_paused(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def claims(*states: State) -> set[tuple[UUID, object]]:
    """The clips in these states that a worker holds, each with its holder."""
    rows = Generation.objects.filter(state__in=states).exclude(leased_by=None)
    return set(rows.values_list("pk", "leased_by"))


def polls() -> set[tuple[UUID, object]]:
    """The jobs that a worker is polling, each with its holder."""
    return set(RemoteJob.objects.exclude(leased_by=None).values_list("pk", "leased_by"))


PAUSES: dict[str, tuple[CrashPoint, Callable[[], set[tuple[UUID, object]]], int | None]] = {
    # The other worker gives it up. The one that wakes must not send it: it would be billed for a refunded clip.
    "about to submit": (CrashPoint.WRITTEN_DOWN, partial(claims, State.SUBMITTING), 1),
    "submission in flight": (CrashPoint.ANSWERED, partial(claims, State.SUBMITTING), None),
    "poll in flight": (CrashPoint.PAGE_ARRIVED, polls, 0),
    "download in flight": (CrashPoint.DOWNLOADED, partial(claims, State.SAVING), 0),
}
"""Where the worker is paused, what it holds there, and how many clips need review in the end (None: that varies)."""


@pytest.mark.parametrize("pause", PAUSES)
def test_worker_that_wakes_after_its_lease_writes_nothing(pause: str, own_database: Database, tmp_path: Path) -> None:
    point, held_now, review_count = PAUSES[pause]
    case = Case(point=point, story=pause, clips=REMOTE[:2])
    outcome = Outcome(case=case)
    with upstream_for(case, tmp_path / "upstream") as upstream:
        # Jobs finish during the pause, so a page read before it is out of date.
        upstream.control.set(job_seconds=[2.0, 2.5])
        environment = environment_of(own_database, upstream, tmp_path, STUDIO_UNKNOWN_DEADLINE_SECONDS="4")
        drill = Drill(case, tmp_path, environment, strike="SIGSTOP")
        try:
            paused, report_path = drill.start(death=1, asks=True, is_struck=True)
            wait_for(lambda: is_paused(paused.process.pid), seconds=PAUSED_WITHIN_SECONDS, what="the pause")
            assert drill.marker(1).read_text() == point.name
            held = held_now()
            assert held
            other, _report_path = drill.start(death=1, asks=False, is_struck=False, is_last=False)
            assert drill.ended(other, outcome), outcome.problems
            assert not held & {*Generation.objects.values_list("pk", "leased_by"), *polls()}
            before = books()
            os.kill(paused.process.pid, signal.SIGCONT)
            assert drill.ended(paused, outcome), outcome.problems
            assert books() == before
            report = read_report(report_path)
            compare(outcome, report, drill.accepted(), upstream, tmp_path)
            if point == CrashPoint.DOWNLOADED:
                assert CrashPoint.STORED.name not in report.passed, "it stored a file that isn't needed any more"
            if point == CrashPoint.WRITTEN_DOWN:
                assert [job.prompt for job in upstream.control.jobs()] == [case.clips[1].prompt]
        finally:
            for worker in drill.workers:
                worker.clean_up()
    assert outcome.problems == []
    if review_count is not None:
        assert outcome.review_count == review_count


@pytest.mark.skipif("TEST_DATABASE_URL" not in os.environ, reason="SQLite runs on one machine and locks the whole file")
def test_worker_frozen_in_a_transaction_blocks_nobody(own_database: Database, tmp_path: Path) -> None:
    """Without a timeout, PostgreSQL would keep the rows of a machine that is cut off locked for hours."""
    case = Case(point=CrashPoint.IN_RECORDING, story="frozen", clips=REMOTE[:2])
    outcome = Outcome(case=case)
    with upstream_for(case, tmp_path / "upstream") as upstream:
        environment = environment_of(own_database, upstream, tmp_path, STUDIO_UNKNOWN_DEADLINE_SECONDS="4")
        drill = Drill(case, tmp_path, environment, strike="SIGSTOP")
        try:
            frozen, _report_path = drill.start(death=1, asks=True, is_struck=True)
            wait_for(lambda: is_paused(frozen.process.pid), seconds=PAUSED_WITHIN_SECONDS, what="the pause")
            other, _report_path = drill.start(death=1, asks=False, is_struck=False, is_last=False)
            assert drill.ended(other, outcome), outcome.problems
            before = books()
            os.kill(frozen.process.pid, signal.SIGCONT)
            frozen.process.wait(timeout=60)
            assert books() == before
            auditor, report_path = drill.start(death=1, asks=False, is_struck=False)
            assert drill.ended(auditor, outcome), outcome.problems
            compare(outcome, read_report(report_path), drill.accepted(), upstream, tmp_path)
        finally:
            for worker in drill.workers:
                worker.clean_up()
    assert outcome.problems == []


def test_two_pumps_share_the_work(own_database: Database, tmp_path: Path) -> None:
    people = ("Alice", "Bob", "Carol", "Dora")
    clips = [Clip(prompt=f"Wave {number}", person=people[number % 4]) for number in range(40)]
    case = Case(point=CrashPoint.RECORDED, story="two pumps", clips=clips)
    outcome = Outcome(case=case)
    with upstream_for(case, tmp_path / "upstream") as upstream:
        # Most jobs fail, because verifying a video takes a second. Answers are slow, so that neither pump can finish
        # before the other has started.
        upstream.control.set(failure_rate=0.85, latency_seconds=0.2)
        drill = Drill(case, tmp_path, environment_of(own_database, upstream, tmp_path, worker_count=2))
        drill.marker(1).touch()
        try:
            workers = [drill.start(death=1, asks=asks, is_struck=False, is_last=False) for asks in (True, False)]
            for worker, _report_path in workers:
                assert drill.ended(worker, outcome), outcome.problems
            auditor, report_path = drill.start(death=1, asks=False, is_struck=False)
            assert drill.ended(auditor, outcome), outcome.problems
            compare(outcome, read_report(report_path), drill.accepted(), upstream, tmp_path)
            reports = [read_report(path) for _worker, path in workers]
            created = [exchange.job_id for exchange in upstream.control.requests("create")]
        finally:
            for worker in drill.workers:
                worker.clean_up()
    assert outcome.problems == []
    assert len(created) == len(set(created)) == 40
    shares = [report.passed.get(CrashPoint.RECORDED.name, 0) for report in reports]
    assert sum(shares) == 40
    assert min(shares) > 0, shares
    for worker, _report_path in workers:
        assert "locked" not in worker.log
