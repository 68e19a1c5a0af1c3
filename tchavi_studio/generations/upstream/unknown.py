"""Settling submissions whose answer was lost, without ever sending them again.

The provider may or may not have made and billed such a clip. If the operator has declared that nobody else uses the
account, its list may tell: a job that no row owns, and that fits exactly one lost submission, belongs to it. Otherwise,
and whenever there is any doubt, the person is refunded after STUDIO_UNKNOWN_DEADLINE_SECONDS and the admins see what
the studio may have paid for. A stranger's clip must never land in somebody's gallery.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Min, Q
from django.utils import timezone

from tchavi_studio.engines.base import PAGE_LENGTH, Snapshot
from tchavi_studio.generations.lifecycle import fail_generation, move_generation
from tchavi_studio.generations.models import IS_OPEN, Engine, Generation, RemoteJob, State
from tchavi_studio.runtime.crashpoints import CrashPoint, crashpoint

from .submission import sent_before

logger = logging.getLogger(__name__)

CLOCK_TOLERANCE = timedelta(seconds=60)
"""How far the provider's clock may differ from ours."""

MIN_SEARCH_INTERVAL_SECONDS = 5.0
SEARCH_SHARE = 0.2
"""The share of a small budget that searches may use."""

MAX_PAGES = 20


def search_interval(requests_per_second: float) -> timedelta:
    """How long after one search the next may start."""
    return timedelta(seconds=max(MIN_SEARCH_INTERVAL_SECONDS, 1 / (requests_per_second * SEARCH_SHARE)))


@dataclass(kw_only=True)
class Search:
    """A walk down the provider's list, from the newest job until past the oldest lost submission."""

    since: datetime
    next_page: int = 0
    is_complete: bool = False
    jobs: dict[str, Snapshot] = field(default_factory=dict)

    def saw_page(self, snapshots: Sequence[Snapshot]) -> None:
        """Add a page, and find out whether the walk is complete."""
        self.jobs |= {snapshot.remote_id: snapshot for snapshot in snapshots}
        self.next_page += 1
        created = [snapshot.created_at for snapshot in snapshots if snapshot.created_at is not None]
        # A page may be in any order, so every job on it has to be older.
        is_past = bool(created) and len(created) == len(snapshots) and max(created) < self.since
        self.is_complete = len(snapshots) < PAGE_LENGTH or is_past

    @property
    def is_over(self) -> bool:
        return self.is_complete or self.next_page >= MAX_PAGES


def begin_search() -> Search | None:
    """A search that covers every lost submission; None if there are none, or others use the account too."""
    if not settings.STUDIO_PROVIDER_EXCLUSIVE:
        return None
    lost = Generation.objects.filter(IS_OPEN, engine=Engine.TCHAVI, state=State.UNKNOWN)
    oldest = lost.aggregate(oldest=Min("started_at"))["oldest"]
    return None if oldest is None else Search(since=oldest - CLOCK_TOLERANCE)


@dataclass(frozen=True, kw_only=True)
class _Attempt:
    """A submission that may have created a job without an owner."""

    generation_id: UUID
    is_lost: bool
    model: str
    price_credits: int
    sent_at: datetime
    ended_at: datetime

    def fits(self, job: Snapshot) -> bool:
        """Whether this attempt could have created `job`: same model, same price, created while it was in flight."""
        return (
            job.model == self.model
            and job.billed_credits == self.price_credits
            and job.created_at is not None
            and self.sent_at - CLOCK_TOLERANCE <= job.created_at <= self.ended_at + CLOCK_TOLERANCE
        )


def adopt_found(search: Search) -> int:
    """Give each lost submission its job if a complete search leaves no doubt. Returns how many were adopted."""
    if not search.is_complete or not settings.STUDIO_PROVIDER_EXCLUSIVE:
        return 0
    owned = set(RemoteJob.objects.filter(remote_id__in=list(search.jobs)).values_list("remote_id", flat=True))
    unowned = [job for remote_id, job in search.jobs.items() if remote_id not in owned]
    if not unowned:
        return 0
    attempts = _attempts()
    adopted = 0
    for attempt in attempts:
        if not attempt.is_lost or attempt.sent_at < search.since:
            continue
        jobs = [job for job in unowned if attempt.fits(job)]
        # Submissions in flight count too: the job may be theirs, and the answer not here yet.
        if len(jobs) == 1 and [other for other in attempts if other.fits(jobs[0])] == [attempt]:
            adopted += _adopt(attempt, jobs[0])
    return adopted


def _attempts() -> list[_Attempt]:
    now = timezone.now()
    # Given-up submissions count too: the job may be theirs.
    rows = RemoteJob.objects.filter(
        Q(generation__state__in=[State.SUBMITTING, State.UNKNOWN]) | Q(generation__needs_review=True), remote_id=None
    ).select_related("generation")
    attempts = []
    for row in rows:
        generation = row.generation
        assert generation is not None
        attempts.append(
            _Attempt(
                generation_id=row.reference,
                is_lost=generation.state == State.UNKNOWN,
                model=generation.model,
                price_credits=generation.price_credits,
                sent_at=row.sent_at,
                ended_at=row.lost_at or now,
            )
        )
    return attempts


def _adopt(attempt: _Attempt, job: Snapshot) -> bool:
    try:
        with transaction.atomic():
            # A lost clip is never sent again, so it is in this state only once.
            if not move_generation(attempt.generation_id, sources={State.UNKNOWN}, state=State.PROCESSING):
                return False
            RemoteJob.objects.filter(reference=attempt.generation_id).update(
                remote_id=job.remote_id, billed_credits=job.billed_credits, poll_at=timezone.now()
            )
            crashpoint(CrashPoint.IN_ADOPTING)
    except IntegrityError:
        # Another pump was faster.
        return False
    logger.info("Generation %s was found at the provider as job %s.", attempt.generation_id, job.remote_id)
    return True


def give_up_lost() -> int:
    """Fail and refund lost submissions after STUDIO_UNKNOWN_DEADLINE_SECONDS, and have the admins review them.

    Settles up to MAX_SETTLED; returns how many.
    """
    before = timezone.now() - timedelta(seconds=settings.STUDIO_UNKNOWN_DEADLINE_SECONDS)
    count = 0
    for reference in sent_before(before, states=[State.UNKNOWN]):
        with transaction.atomic():
            count += fail_generation(
                reference,
                code="upstream_unknown",
                sources={State.UNKNOWN},
                needs_review=True,
            )
            crashpoint(CrashPoint.IN_GIVING_UP)
    return count
