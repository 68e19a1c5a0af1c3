"""Runs one case, from the first worker's start to the comparison of both sides' books."""

import hashlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.databases import Database, end_with_the_parent
from tests.running_studio import wait_for
from tests.upstream.clip import with_label
from tests.upstream.running import RunningUpstream
from tests.upstream.service import JobFacts

from .cases import FAILURE_RATE, LEASE_SECONDS, UPSTREAM_SEED, Case, Clip, Entry, Order, Report

ROOT = Path(__file__).parents[2]
DEATH_WITHIN_SECONDS = 45.0
END_WITHIN_SECONDS = 60.0
FINAL_STATES = {"completed", "failed", "cancelled"}


@dataclass(kw_only=True)
class Outcome:
    """The outcome of one case: problems by kind, and counts for the report."""

    case: Case
    seconds: float = 0.0
    lost: list[str] = field(default_factory=list)
    double_billed: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)
    review_count: int = 0
    unowned_outputs: int = 0

    @property
    def problems(self) -> list[str]:
        return self.lost + self.double_billed + self.stuck + self.other


class Worker:
    """A worker process; see `work`."""

    def __init__(self, order: Order, *, folder: Path, name: str, environment: dict[str, str]) -> None:
        order_path = folder / f"{name}.json"
        order_path.write_text(json.dumps(asdict(order)))
        self.log_path = folder / f"{name}.log"
        with self.log_path.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.crash.worker", str(order_path)],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=end_with_the_parent,
            )

    @property
    def log(self) -> str:
        return self.log_path.read_text()

    def clean_up(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


@contextmanager
def upstream_for(case: Case, folder: Path) -> Iterator[RunningUpstream]:
    """The case's provider: fast, with a generous rate limit and the fault that the case needs."""
    behaviour: dict[str, Any] = {
        "requests_per_minute": 6_000,
        "job_seconds": (0.2, 0.6),
        "failure_rate": FAILURE_RATE,
        "takes_files": case.takes_files,
    }
    with RunningUpstream(folder, seed=UPSTREAM_SEED, **behaviour) as upstream:
        if case.loses_answer:
            upstream.control.arm("create", "drop_after_commit")
        yield upstream


def environment_of(
    database: Database, upstream: RunningUpstream, folder: Path, *, worker_count: int = 1, **more: str
) -> dict[str, str]:
    """A worker's environment: the real settings, with deadlines short enough for a test."""
    return {
        **database.environment,
        "STUDIO_DATA": str(folder / "data"),
        "STUDIO_PROVIDER_API_KEY": upstream.api_key,
        "STUDIO_PROVIDER_URL": upstream.base_url,
        "STUDIO_LEASE_SECONDS": str(LEASE_SECONDS),
        "STUDIO_JOB_DEADLINE_SECONDS": "60",
        "STUDIO_PUMPS": str(worker_count),
        **more,
    }


def run_case(case: Case, database: Database, folder: Path, *, worker_count: int = 1) -> Outcome:
    """Let one worker die as the case says, and another one finish the clips.

    With a `worker_count` of 2, both run from the start. The first to reach the point dies there, and the other takes
    over.
    """
    began = time.monotonic()
    outcome = Outcome(case=case)
    with upstream_for(case, folder / "upstream") as upstream:
        environment = environment_of(
            database,
            upstream,
            folder,
            worker_count=worker_count,
            STUDIO_UNKNOWN_DEADLINE_SECONDS=str(case.unknown_deadline_seconds),
            STUDIO_PROVIDER_EXCLUSIVE=str(case.is_exclusive).lower(),
        )
        drill = Drill(case, folder, environment)
        try:
            survivor = drill.with_one(outcome) if worker_count == 1 else drill.with_two(outcome)
            if survivor is not None:
                compare(outcome, read_report(survivor), drill.accepted(), upstream, folder)
        finally:
            for worker in drill.workers:
                worker.clean_up()
    outcome.seconds = time.monotonic() - began
    return outcome


class Drill:
    """The workers of one case, and the files that they write."""

    def __init__(self, case: Case, folder: Path, environment: dict[str, str], *, strike: str = "SIGKILL") -> None:
        self.workers: list[Worker] = []
        self._case, self._folder, self._environment, self._strike = case, folder, environment, strike
        self._accepted_path = folder / "accepted.txt"
        self._accepted_path.touch()

    def accepted(self) -> set[str]:
        """The prompts of the clips that people were told are accepted."""
        return set(self._accepted_path.read_text().splitlines())

    def with_one(self, outcome: Outcome) -> Path | None:
        for death in range(1, self._case.deaths + 1):
            worker, _report = self.start(death=death, asks=death == 1, is_struck=True)
            if not self._died(worker, outcome, death=death):
                return None
        worker, report = self.start(death=self._case.deaths, asks=False, is_struck=False)
        return report if self.ended(worker, outcome) else None

    def with_two(self, outcome: Outcome) -> Path | None:
        both = [self.start(death=1, asks=asks, is_struck=True) for asks in (True, False)]
        marker = self.marker(1)
        try:
            wait_for(marker.exists, seconds=DEATH_WITHIN_SECONDS, what="a worker to die")
            wait_for(
                lambda: any(worker.process.poll() is not None for worker, _ in both),
                seconds=5,
                what="its process to end",
            )
        except AssertionError as error:
            outcome.other.append(f"the point was not reached: {error}\n{both[0][0].log}\n{both[1][0].log}")
            return None
        both.sort(key=lambda pair: pair[0].process.poll() is None)
        (dead, _), (survivor, report) = both
        if not self._died(dead, outcome, death=1):
            return None
        return report if self.ended(survivor, outcome) else None

    def start(self, *, death: int, asks: bool, is_struck: bool, is_last: bool = True) -> tuple[Worker, Path]:
        name = f"worker-{len(self.workers) + 1}"
        report_path = self._folder / f"{name}.report"
        order = Order(
            clips=list(self._case.clips) if asks else [],
            cancels=self._case.cancels,
            takes_files=self._case.takes_files,
            strike_at=self._case.point.name if is_struck else "",
            strike=self._strike,
            nth=self._case.nth if asks and death == 1 else 1,
            marker_path=str(self.marker(death)),
            accepted_path=str(self._accepted_path),
            report_path=str(report_path),
            is_last=is_last,
            limit_seconds=DEATH_WITHIN_SECONDS if is_struck else END_WITHIN_SECONDS - 15,
        )
        worker = Worker(order, folder=self._folder, name=name, environment=self._environment)
        self.workers.append(worker)
        return worker, report_path

    def marker(self, death: int) -> Path:
        return self._folder / f"death-{death}"

    def _died(self, worker: Worker, outcome: Outcome, *, death: int) -> bool:
        """Whether the worker was killed at the point; if it never got there, the case proves nothing."""
        marker = self.marker(death)
        try:
            status = worker.process.wait(timeout=DEATH_WITHIN_SECONDS + 15)
        except subprocess.TimeoutExpired:
            status = None
        if status == -signal.SIGKILL and marker.exists() and marker.read_text() == self._case.point.name:
            return True
        outcome.other.append(f"the point was not reached: worker {death} ended with {status}\n{worker.log}")
        return False

    def ended(self, worker: Worker, outcome: Outcome) -> bool:
        try:
            status = worker.process.wait(timeout=END_WITHIN_SECONDS)
        except subprocess.TimeoutExpired:
            status = None
        if status != 0:
            outcome.stuck.append(f"the last worker ended with {status}\n{worker.log}")
        elif "Traceback" in worker.log or "database is locked" in worker.log:
            outcome.other.append(f"the last worker complained\n{worker.log}")
        return status == 0


# --- Both sides' books ------------------------------------------------------------------------------------------------


def read_report(path: Path) -> Report:
    report = json.loads(path.read_text())
    entries = [
        Entry(**{**entry, "transfers": [(kind, amount) for kind, amount in entry["transfers"]]})
        for entry in report["entries"]
    ]
    return Report(**{**report, "entries": entries})


def compare(outcome: Outcome, report: Report, accepted: set[str], upstream: RunningUpstream, folder: Path) -> None:
    case = outcome.case
    upstream.control.audit()
    jobs: dict[str, list[JobFacts]] = {clip.prompt: [] for clip in case.clips}
    for job in upstream.control.jobs():
        jobs[job.prompt].append(job)
    entries: dict[str, list[Entry]] = {clip.prompt: [] for clip in case.clips}
    for entry in report.entries:
        entries[entry.prompt].append(entry)
    video = (folder / "upstream" / "upstream.mp4").read_bytes()
    for position, clip in enumerate(case.clips, start=1):
        committed = clip.prompt in accepted or (case.point.name == "ACCEPTED" and position == case.nth)
        for kind, what in compare_clip(clip, committed, entries[clip.prompt], jobs[clip.prompt], video):
            getattr(outcome, kind).append(f"{clip.prompt}: {what}")
    _check_leftovers(outcome, report)


def compare_clip(
    clip: Clip, committed: bool, entries: list[Entry], jobs: list[JobFacts], video: bytes
) -> Iterator[tuple[str, str]]:
    """The problems of one clip, each with the name of its list in `Outcome`."""
    if not committed:
        if entries or jobs:
            yield "other", f"was not accepted, but left {entries or jobs}"
        return
    if len(entries) != 1:
        yield "lost", f"was accepted, but has {len(entries)} rows"
        return
    [entry] = entries
    if entry.holds_lease:
        yield "stuck", "holds a lease"
    if len(jobs) > 1:
        yield "double_billed", f"was accepted {len(jobs)} times at the provider"
    if entry.state not in FINAL_STATES:
        yield "stuck", f"is {entry.state}"
        return
    charge, refund = ("charge", entry.price_credits), ("refund", entry.price_credits)
    due = [] if not entry.price_credits else [charge] if entry.state == "completed" else [charge, refund]
    if entry.transfers != due:
        kind = "double_billed" if len(entry.transfers) > len(due) else "lost"
        yield kind, f"is {entry.state} with the transfers {entry.transfers}"
    if clip.is_preview != (entry.price_credits == 0) or clip.is_preview != entry.is_preview:
        yield "other", f"is {entry}"
    if entry.state == "completed":
        if entry.sha256 is None or not entry.is_playable:
            yield "lost", "is completed without a playable video"
        if not clip.is_preview:
            yield from _compare_completed(entry, jobs, video)
    elif any(job.refunded_credits is None for job in jobs) and not entry.needs_review:
        yield "other", "was refunded here and billed there, but isn't marked for review"
    if clip.is_preview and jobs:
        yield "double_billed", "is a preview, but was sent to the provider"


def _compare_completed(entry: Entry, jobs: list[JobFacts], video: bytes) -> Iterator[tuple[str, str]]:
    if [(job.id, job.charged_credits, job.refunded_credits) for job in jobs] != [
        (entry.remote_id, entry.price_credits, None)
    ]:
        yield "other", f"is completed, but the provider's books say {jobs}"
        return
    served = with_label(video, jobs[0].id)
    if (entry.byte_count, entry.sha256) != (len(served), hashlib.sha256(served).hexdigest()):
        yield "lost", "is completed with another clip's video"


def _check_leftovers(outcome: Outcome, report: Report) -> None:
    outcome.review_count = sum(entry.needs_review for entry in report.entries)
    outcome.unowned_outputs = report.unowned_outputs
    outcome.double_billed += [f"the ledger: {finding}" for finding in report.findings]
    if report.stray_transfer_count:
        outcome.double_billed.append(f"{report.stray_transfer_count} clips without a row were charged")
    if report.held_job_count or report.held_slot_count:
        outcome.stuck.append(f"{report.held_job_count} jobs and {report.held_slot_count} slots are still held")
    left = {
        "outputs without an owner": report.unowned_outputs_later,
        "incoming files": report.incoming_files_later,
        "stored files without a row": report.unknown_media_files_later,
    }
    outcome.stuck += [f"{number} {what} are left after the next day's sweep" for what, number in left.items() if number]
