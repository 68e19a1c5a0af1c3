"""Following jobs at the provider, a page at a time, and updating our rows with what changed.

A look starts by claiming every row that is due, and writes only to rows it still holds. Writes are batched: the number
of queries depends on the number of pages, not of jobs.
"""

import random
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import BigIntegerField, Case, F, Q, QuerySet, TextField, Value, When
from django.utils import timezone

from tchavi_studio.engines.base import PAGE_LENGTH, RemoteState, Snapshot
from tchavi_studio.generations.lifecycle import fail_generation
from tchavi_studio.generations.models import Generation, RemoteJob, State
from tchavi_studio.runtime.crashpoints import CrashPoint, crashpoint
from tchavi_studio.runtime.leases import RELEASED, Claim, claim_all, free

from .account import requests_per_second, upstream_account
from .submission import sent_before

MIN_INTERVAL_SECONDS = 0.8
MAX_INTERVAL_SECONDS = 20.0
BACKOFF = 1.5
JITTER = 0.15
BUDGET_FOR_LOOKS = 0.8
LOOK_SECONDS = 20.0
"""A look claims only as many jobs as the budget lets it see in about this time, the most overdue first."""

LATE_LOOK_INTERVAL = timedelta(minutes=10)
LATE_LOOKS_END_AFTER = timedelta(days=7)

LIST_LAG = timedelta(seconds=10)
"""How long a new job may be missing from the provider's list before it is requested by id."""

GONE_INTERVAL_SECONDS = 30.0
"""How long until the next look for a job that the provider didn't know."""

MAX_COUNTED_JOBS = 10_000
"""How many open jobs are counted to choose an interval; by then looks are rare enough."""

RANKED_JOBS = 2000
"""How far down the provider's list to look for jobs page by page. Older jobs are requested by id."""


@dataclass(kw_only=True)
class Look:
    """One round over the jobs that were due: which are still unseen, and which pages should have them.

    `places` estimates each job's place in the provider's list from what this studio has sent since. Other users of the
    account push our jobs further down; `shift` is how far, judging by the pages seen so far. `given_up` are jobs whose
    clips were already failed and refunded; admins want to know how they end. `just_sent` jobs may be missing from a
    list that lags a little.
    """

    claim: Claim[RemoteJob]
    unseen: dict[str, UUID]
    places: dict[str, int]
    given_up: frozenset[UUID] = frozenset()
    just_sent: frozenset[UUID] = frozenset()
    shift: int = 0
    pages_asked: set[int] = field(default_factory=set)

    def pages_wanted(self) -> list[int]:
        """The pages to request next, counted from 0; none if the remaining jobs have to be requested by id."""
        # A list that lags lacks the newest jobs, so the others come earlier than estimated.
        expected = {
            max(0, place + self.shift) // PAGE_LENGTH
            for remote_id, place in self.places.items()
            if remote_id in self.unseen
        }
        return sorted(expected - self.pages_asked)

    def ids_wanted(self) -> list[str]:
        """The jobs that no page has shown, which have to be requested by id."""
        return [remote_id for remote_id, reference in self.unseen.items() if reference not in self.just_sent]

    def saw_page(self, page: int, snapshots: Sequence[Snapshot]) -> None:
        """Learn from a page how far jobs are from their estimated places."""
        shifts = [
            page * PAGE_LENGTH + index - self.places[snapshot.remote_id]
            for index, snapshot in enumerate(snapshots)
            if snapshot.remote_id in self.places
        ]
        if shifts:
            self.shift = max(shifts)


def claim_due_jobs() -> Look | None:
    """Claim the jobs that are due. None if there are none."""
    now = timezone.now()
    account = upstream_account()
    pages = max(1, int(requests_per_second(account) * BUDGET_FOR_LOOKS * LOOK_SECONDS))
    due = RemoteJob.objects.filter(free(now), poll_at__lte=now).order_by("poll_at")
    chosen = list(due.values_list("pk", flat=True)[: pages * PAGE_LENGTH])
    if not chosen:
        return None
    # Another pump may have chosen the same rows; each gets some of them, or none.
    claim = claim_all(due.filter(pk__in=chosen))
    if claim is None:
        return None
    unseen: dict[str, UUID] = {}
    given_up, just_sent, oldest = set(), set(), now
    for remote_id, reference, needs_review, sent_at in claim.rows.values_list(
        "remote_id", "pk", "generation__needs_review", "sent_at"
    ):
        assert remote_id is not None
        unseen[remote_id] = reference
        if needs_review:
            given_up.add(reference)
        if now - sent_at < LIST_LAG:
            just_sent.add(reference)
        oldest = min(oldest, sent_at)
    crashpoint(CrashPoint.POLL_CLAIMED)
    newest = RemoteJob.objects.filter(remote_id__isnull=False, sent_at__gte=oldest).order_by("-sent_at", "-reference")
    ranked = {
        remote_id: place
        for place, remote_id in enumerate(newest.values_list("remote_id", flat=True)[:RANKED_JOBS])
        if remote_id is not None
    }
    places = {remote_id: ranked[remote_id] for remote_id in unseen if remote_id in ranked}
    return Look(
        claim=claim,
        unseen=unseen,
        places=places,
        given_up=frozenset(given_up),
        just_sent=frozenset(just_sent),
    )


def release_unseen(look: Look, *, delay_seconds: float = 0.0) -> None:
    """Release the jobs that weren't seen. They are due again after `delay_seconds`."""
    look.claim.release(poll_at=timezone.now() + timedelta(seconds=delay_seconds))


def next_interval_seconds(*, open_jobs: int) -> float:
    """How long until the next look at the same jobs.

    As often as the budget allows, but at most every 0.8 s. Each failure in a row adds half as much again, up to 20 s.
    Jitter keeps pumps from looking at the same time.
    """
    account = upstream_account()
    pages = 1 + open_jobs // PAGE_LENGTH
    affordable = pages / max(requests_per_second(account) * BUDGET_FOR_LOOKS, 0.01)
    seconds = max(MIN_INTERVAL_SECONDS, affordable) * BACKOFF ** min(account.failure_count, 10)
    return min(seconds, MAX_INTERVAL_SECONDS) * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311


# --- News -------------------------------------------------------------------------------------------------------------


def apply_snapshots(look: Look, snapshots: Iterable[Snapshot], *, interval_seconds: float) -> int:
    """Record what `snapshots` say about the jobs that `look` holds; returns how many the provider has completed.

    Other jobs are left alone, except that the end of a job whose clip was given up is kept for the admins.
    """
    by_id = {snapshot.remote_id: snapshot for snapshot in snapshots}
    seen = {remote_id: look.unseen.pop(remote_id) for remote_id in by_id if remote_id in look.unseen}
    given_up = {remote_id for remote_id, reference in seen.items() if reference in look.given_up}
    if given_up:
        _look_again_late(look.claim, [seen.pop(remote_id) for remote_id in given_up])
    _note_late_endings({remote_id: by_id[remote_id] for remote_id in by_id if remote_id not in seen})
    ended: dict[RemoteState, dict[UUID, Snapshot]] = {RemoteState.COMPLETED: {}, RemoteState.FAILED: {}}
    open_jobs: dict[UUID, Snapshot] = {}
    for remote_id, reference in seen.items():
        snapshot = by_id[remote_id]
        ended.get(snapshot.state, open_jobs)[reference] = snapshot
    if open_jobs:
        _note_open(look.claim, open_jobs, poll_at=timezone.now() + timedelta(seconds=interval_seconds))
    if completed := ended[RemoteState.COMPLETED]:
        _note_completed(look.claim, completed)
    for reference, snapshot in ended[RemoteState.FAILED].items():
        _note_failed(look.claim, reference, snapshot)
    return len(completed)


def _held(claim: Claim[RemoteJob], references: Collection[UUID]) -> QuerySet[RemoteJob]:
    return claim.rows.filter(pk__in=references)


@transaction.atomic
def _note_open(claim: Claim[RemoteJob], jobs: dict[UUID, Snapshot], *, poll_at: datetime) -> None:
    running = [reference for reference, snapshot in jobs.items() if snapshot.state == RemoteState.PROCESSING]
    begun = list(_held(claim, running).filter(is_running=False).values_list("pk", flat=True))
    if begun:
        _held(claim, begun).update(is_running=True)
        Generation.objects.filter(pk__in=begun, state=State.PROCESSING).update(
            version=F("version") + 1, updated_at=timezone.now()
        )
    _held(claim, jobs.keys()).update(poll_at=poll_at, **RELEASED)


def _note_completed(claim: Claim[RemoteJob], jobs: dict[UUID, Snapshot]) -> None:
    with transaction.atomic():
        # Locked, so that both tables are updated for exactly these.
        mine = list(_held(claim, jobs.keys()).select_for_update().values_list("pk", flat=True))
        if not mine:
            return
        _held(claim, mine).update(
            output_url=_by_reference({pk: jobs[pk].output_url for pk in mine}, "output_url"),
            billed_credits=_by_reference({pk: jobs[pk].billed_credits for pk in mine}, "billed_credits"),
            poll_at=None,
            **RELEASED,
        )
        Generation.objects.filter(pk__in=mine, state=State.PROCESSING).update(
            state=State.SAVING,
            attempt_count=0,
            version=F("version") + 1,
            updated_at=timezone.now(),
            **RELEASED,
        )
        crashpoint(CrashPoint.IN_NOTING_COMPLETED)
    crashpoint(CrashPoint.NOTED_COMPLETED)


def _by_reference(values: Mapping[UUID, str | int | None], column: Literal["output_url", "billed_credits"]) -> Case:
    """Each row's own value in a single UPDATE. What the provider didn't say stays unchanged."""
    output_field = {"output_url": TextField, "billed_credits": BigIntegerField}[column]()
    cases = [
        When(pk=reference, then=Value(value, output_field=output_field))
        for reference, value in values.items()
        if value is not None
    ]
    return Case(*cases, default=F(column), output_field=output_field)


def _note_failed(claim: Claim[RemoteJob], reference: UUID, snapshot: Snapshot) -> None:
    with transaction.atomic():
        changes: dict[str, object] = {"refunded_credits": snapshot.refunded_credits}
        if snapshot.billed_credits is not None:
            changes["billed_credits"] = snapshot.billed_credits
        mine = _held(claim, [reference]).update(poll_at=None, **RELEASED, **changes)
        if mine:
            fail_generation(
                reference,
                code=snapshot.error_code or "upstream_failed",
                message=snapshot.error_message,
                sources={State.PROCESSING},
            )


def _note_late_endings(snapshots: dict[str, Snapshot]) -> None:
    """Record how the jobs of given-up clips ended, for the admins. Nobody is charged again."""
    finished = [
        snapshot for snapshot in snapshots.values() if snapshot.state in (RemoteState.COMPLETED, RemoteState.FAILED)
    ]
    if not finished:
        return
    given_up = RemoteJob.objects.filter(
        remote_id__in=[snapshot.remote_id for snapshot in finished],
        settled_late_at=None,
        generation__needs_review=True,
    )
    for job in given_up:
        assert job.remote_id is not None
        snapshot = snapshots[job.remote_id]
        job.settled_late_at, job.poll_at = timezone.now(), None
        job.output_url = snapshot.output_url
        if snapshot.billed_credits is not None:
            job.billed_credits = snapshot.billed_credits
        job.refunded_credits = snapshot.refunded_credits
        job.save(update_fields=["settled_late_at", "poll_at", "output_url", "billed_credits", "refunded_credits"])


def _look_again_late(claim: Claim[RemoteJob], references: Collection[UUID]) -> None:
    """Keep looking at the jobs of given-up clips every LATE_LOOK_INTERVAL, for LATE_LOOKS_END_AFTER."""
    now = timezone.now()
    held = _held(claim, references)
    is_recent = Q(sent_at__gte=now - LATE_LOOKS_END_AFTER)
    held.filter(~is_recent).update(poll_at=None, **RELEASED)
    held.filter(is_recent).update(poll_at=now + LATE_LOOK_INTERVAL, **RELEASED)


def note_gone(look: Look, remote_id: str) -> None:
    """The provider doesn't know this job, perhaps not yet: look again later, until its deadline."""
    reference = look.unseen.pop(remote_id)
    if reference in look.given_up:
        _look_again_late(look.claim, [reference])
        return
    _held(look.claim, [reference]).update(poll_at=timezone.now() + timedelta(seconds=GONE_INTERVAL_SECONDS), **RELEASED)


def fail_overdue() -> int:
    """Fail and refund up to MAX_SETTLED clips that aren't back STUDIO_JOB_DEADLINE_SECONDS after they were sent.

    The provider may still finish and bill them, so they are shown to the admins.
    """
    before = timezone.now() - timedelta(seconds=settings.STUDIO_JOB_DEADLINE_SECONDS)
    stuck = sent_before(before, states=[State.PROCESSING, State.SAVING])
    count = 0
    for reference in stuck:
        with transaction.atomic():
            # The job's row first, in the same order as `apply_snapshots`, to avoid a deadlock.
            jobs = RemoteJob.objects.filter(pk=reference)
            jobs.update(**RELEASED)
            jobs.filter(poll_at__isnull=False).update(poll_at=timezone.now() + LATE_LOOK_INTERVAL)
            count += fail_generation(
                reference,
                code="upstream_timeout",
                sources={State.PROCESSING, State.SAVING},
                needs_review=True,
            )
    return count
