"""Runs of the verification: started by a person, by the night or on the command line, and done slice by slice.

Each save is a transaction that keeps what was found since the last one, how far each chain is verified and where to go
on. So a killed run loses at most a second's work, and nothing is found twice.
"""

import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from tchavi_studio.accounting.models import Origin, VerificationFinding, VerificationRun, VerifiedHead
from tchavi_studio.generations.wakeups import PUMP_CLUSTER
from tchavi_studio.notices.models import NoticeKind
from tchavi_studio.notices.services import notify
from tchavi_studio.records.verification import SITE, Finding, Head, Mark, Step
from tchavi_studio.refusals import UserFacingError
from tchavi_studio.runtime.leases import RELEASED, Claim, ClaimLostError, claim_first
from tchavi_studio.runtime.wakeups import queue_wake_up
from tchavi_studio.workspaces.models import User

from .stages import STAGES, Stage, count_rows

TASK = "tchavi_studio.accounting.tasks.verify"
MAX_FINDINGS = 1_000
"""As many of a run's findings are kept; more are counted."""

SAVE_SECONDS = 1.0
NIGHT_BEGINS_AT_HOUR = 3
FULL_EVERY = timedelta(days=7)

ChainName = tuple[uuid.UUID | None, str]


class RunUnderWayError(UserFacingError):
    """Only one verification runs at a time."""

    def __init__(self) -> None:
        super().__init__(_("A verification is already under way, so none was started. Its result appears here."))


def start_run(*, origin: Origin, is_full: bool, by: User | None = None) -> VerificationRun:
    """Start a verification, which workers go on with after the commit. Raises RunUnderWayError."""
    run = VerificationRun(origin=origin, is_full=is_full, started_by=by, started_at=timezone.now())
    try:
        with transaction.atomic():
            run.save(force_insert=True)
    except IntegrityError:
        raise RunUnderWayError from None
    transaction.on_commit(wake_verification)
    return run


def wake_verification() -> None:
    """Wake a worker to go on with the verification."""
    queue_wake_up(TASK, cluster=PUMP_CLUSTER)


def start_nightly_run_if_due() -> VerificationRun | None:
    """Start the night's run, once; a night that was missed is made up as soon as the studio is there again.

    Once in FULL_EVERY it is a full one.
    """
    now = timezone.now()
    tonight = VerificationRun.objects.filter(origin=Origin.NIGHT, started_at__gte=_last_night(now))
    if tonight.exists():
        return None
    is_full = not VerificationRun.objects.filter(is_full=True, ended_at__gt=now - FULL_EVERY).exists()
    try:
        return start_run(origin=Origin.NIGHT, is_full=is_full)
    except RunUnderWayError:
        return None


def _last_night(now: datetime) -> datetime:
    """When the night began that is, or was the last, in the studio's time zone."""
    tonight = timezone.localtime(now).replace(hour=NIGHT_BEGINS_AT_HOUR, minute=0, second=0, microsecond=0)
    return tonight if tonight <= now else tonight - timedelta(days=1)


def verify_now(*, is_full: bool) -> VerificationRun:
    """Verify in this process and return the run when it has ended. If another is under way, help it to its end first.

    Must not be called in a transaction: others couldn't see how far it is.
    """
    while True:
        try:
            run = start_run(origin=Origin.COMMAND, is_full=is_full)
        except RunUnderWayError:
            _finish(runs_under_way())
        else:
            _finish(VerificationRun.objects.filter(pk=run.pk, is_under_way=True))
            run.refresh_from_db()
            return run


def _finish(runs: QuerySet[VerificationRun]) -> None:
    while runs.exists():
        claim = claim_first(runs)
        if claim is None:
            # Another process is at it.
            time.sleep(0.2)
            continue
        try:
            go_on(claim, is_over=lambda: False)
        except ClaimLostError:
            continue


def runs_under_way() -> QuerySet[VerificationRun]:
    """The run that is under way, if any."""
    return VerificationRun.objects.filter(ended_at__isnull=True).order_by("-ended_at")


# --- Slices -----------------------------------------------------------------------------------------------------------


def go_on(claim: Claim[VerificationRun], *, is_over: Callable[[], bool]) -> bool:
    """Go on with a claimed run until it ends, or until `is_over` after a mark. Whether it ended.

    Raises ClaimLostError if another worker has taken it.
    """
    run = claim.rows.filter(is_under_way=True).first()
    if run is None:
        raise ClaimLostError
    if run.row_total is None:
        run.row_total = count_rows(is_full=run.is_full)
        _write(claim, row_total=run.row_total)
    for stage in STAGES:
        if stage.name in run.stages_done:
            continue
        slice_ = _StageSlice(run=run, claim=claim, stage=stage)
        for step in stage.steps(run.position, _StartingPoints(run)):
            slice_.note(step)
            if isinstance(step, Mark) and (slice_.is_due or is_over()):
                slice_.save()
                if is_over():
                    return False
        slice_.save(is_done=True)
    _end(run, claim)
    return True


def _write(claim: Claim[VerificationRun], **changes: Any) -> None:
    if not claim.rows.filter(is_under_way=True).update(**changes):
        raise ClaimLostError


@dataclass(frozen=True)
class _StartingPoints:
    """Where the chains of a run start: `records.verification.VerifiedHeads`."""

    run: VerificationRun

    def start_of(self, workspace_id: uuid.UUID | None, book: str) -> Head | None:
        if self.run.is_full:
            return None
        head = VerifiedHead.objects.filter(scope=_scope_of(workspace_id), book=book, is_sound=True).first()
        return head.as_head() if head else None


def _scope_of(workspace_id: uuid.UUID | None) -> str:
    return workspace_id.hex if workspace_id else SITE


@dataclass(kw_only=True)
class _StageSlice:
    """What a stage has found and passed since the last save."""

    run: VerificationRun
    claim: Claim[VerificationRun]
    stage: Stage
    findings: list[Finding] = field(default_factory=list)
    finding_count: int = 0
    heads: list[Head] = field(default_factory=list)
    row_count: int = 0
    saved_at: float = field(default_factory=time.monotonic)

    @property
    def is_due(self) -> bool:
        return time.monotonic() - self.saved_at >= SAVE_SECONDS

    def note(self, step: Step) -> None:
        """Take a step into account. Memory is bounded by what is kept, and by the heads of a second."""
        if isinstance(step, Finding):
            if self.run.finding_count + self.finding_count < MAX_FINDINGS:
                self.findings.append(step)
            self.finding_count += 1
            return
        self.run.position = step.position
        self.row_count += step.row_count
        if step.head:
            self.heads.append(step.head)

    def save(self, *, is_done: bool = False) -> None:
        """Keep everything up to the last mark, or the end of the stage. Raises ClaimLostError."""
        run = self.run
        if is_done:
            run.stages_done, run.position = [*run.stages_done, self.stage.name], None
        with transaction.atomic():
            _write(
                self.claim,
                position=run.position,
                stages_done=run.stages_done,
                row_count=F("row_count") + self.row_count,
                finding_count=F("finding_count") + self.finding_count,
                **self.claim.fresh_lease(),
            )
            VerificationFinding.objects.bulk_create(
                _stored(run, number, self.stage, finding)
                for number, finding in enumerate(self.findings, start=run.finding_count + 1)
            )
            run.finding_count += self.finding_count
            if self.stage.walks_chains:
                self._save_heads()
        self.findings, self.heads, self.finding_count, self.row_count = [], [], 0, 0
        self.saved_at = time.monotonic()

    def _save_heads(self) -> None:
        """Note how far chains are verified, except those in which this run found something."""
        for workspace_id, book in {(finding.workspace_id, finding.book) for finding in self.findings}:
            VerifiedHead.objects.filter(scope=_scope_of(workspace_id), book=book).update(is_sound=False)
        if self.run.finding_count > MAX_FINDINGS:
            # Not all findings were kept, so there is no telling which chains are sound.
            return
        unsound = _chains_with_findings(self.run) if self.run.finding_count else set()
        VerifiedHead.objects.bulk_create(
            (
                VerifiedHead(
                    scope=_scope_of(head.workspace_id),
                    book=head.book,
                    sequence=head.sequence,
                    hash=head.hash,
                    balances=dict(head.balances),
                )
                for head in self.heads
                if head.sequence and (head.workspace_id, head.book) not in unsound
            ),
            update_conflicts=True,
            unique_fields=["scope", "book"],
            update_fields=["sequence", "hash", "balances", "is_sound"],
        )


def _chains_with_findings(run: VerificationRun) -> set[ChainName]:
    walking = [stage.name for stage in STAGES if stage.walks_chains]
    found: Iterable[ChainName] = run.findings.filter(stage__in=walking).values_list("workspace_id", "book")
    return set(found)


def _stored(run: VerificationRun, number: int, stage: Stage, finding: Finding) -> VerificationFinding:
    return VerificationFinding(
        run=run,
        number=number,
        stage=stage.name,
        code=finding.code,
        text=finding.text,
        values=dict(finding.values),
        workspace_id=finding.workspace_id,
        book=finding.book,
        sequence=finding.sequence,
        expected=finding.expected,
        found=finding.found,
    )


def _end(run: VerificationRun, claim: Claim[VerificationRun]) -> None:
    with transaction.atomic():
        _write(claim, is_under_way=False, ended_at=timezone.now(), position=None, **RELEASED)
        if run.finding_count:
            _tell(run)


def _tell(run: VerificationRun) -> None:
    """Tell site admins and site auditors that a run found something, once a run."""
    people = User.objects.filter(Q(is_staff=True) | Q(is_site_auditor=True), is_active=True)
    for person in people.order_by("pk"):
        notify(
            user=person,
            kind=NoticeKind.LEDGER_FINDINGS,
            reference=run.pk,
            details={"finding_count": run.finding_count},
        )
