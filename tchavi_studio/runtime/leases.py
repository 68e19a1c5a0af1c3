"""Leases: a worker's time-limited right to work on rows, renewed while the worker is alive.

Each claim has a fresh token, written into the rows it takes. Its worker only writes to rows that still carry the token:
a worker that was paused past its lease finds another token there, or none, and writes nothing. Code that changes the
state of a row without holding it releases it.

Taking a claim is a single UPDATE whose WHERE requires the row to be free, so only one of two concurrent workers gets
it. No SKIP LOCKED is needed, which SQLite doesn't have.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, Generic, TypeVar
from uuid import UUID, uuid4

from django.conf import settings
from django.db import models
from django.db.models import Q, QuerySet
from django.utils import timezone

from .slices import stop_requested

T = TypeVar("T")

STOP_LOOK_SECONDS = 0.5


class LeasedModel(models.Model):
    """Rows that one worker at a time works on.

    `leased_until` without `leased_by` is a back-off: nobody holds the row, and nobody may take it until then. A model
    with its own constraints must include these: `constraints = [*LeasedModel.Meta.constraints, …]`.
    """

    leased_by = models.UUIDField(null=True)
    leased_until = models.DateTimeField(null=True)

    class Meta:
        abstract = True
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(leased_by__isnull=True) | Q(leased_until__isnull=False), name="%(class)s_lease_has_end"
            )
        ]

    @property
    def lease_as_read(self) -> Q:
        """Condition: nobody has taken, renewed or released the row since it was read."""
        return Q(leased_by=self.leased_by, leased_until=self.leased_until)


M = TypeVar("M", bound=LeasedModel)

RELEASED: dict[str, Any] = {"leased_by": None, "leased_until": None}
"""Field values that release a row."""


def lapsed(now: datetime) -> Q:
    """Condition: the row's lease or back-off has run out."""
    return Q(leased_until__lte=now)


def free(now: datetime) -> Q:
    """Condition: the row may be taken."""
    return Q(leased_until__isnull=True) | lapsed(now)


def taken(now: datetime) -> Q:
    """Condition: the row may not be taken."""
    return Q(leased_until__gt=now)


def default_lease() -> timedelta:
    """How long a worker keeps a claim without renewing it (STUDIO_LEASE_SECONDS)."""
    return timedelta(seconds=settings.STUDIO_LEASE_SECONDS)


@dataclass(frozen=True, kw_only=True)
class Claim(Generic[M]):
    """A worker's right to write to the rows that carry `token`, until the lease ends and another worker takes them.

    `pk` is the primary key of the row; None for a batch.
    """

    model: type[M]
    pk: Any
    token: UUID
    lease: timedelta

    @property
    def held(self) -> Q:
        """Condition: the claim still holds the row. Every write of the worker uses it."""
        return Q(leased_by=self.token)

    @property
    def rows(self) -> QuerySet[M]:
        """The rows that the claim still holds."""
        return self.model._default_manager.filter(self.held if self.pk is None else self.held & Q(pk=self.pk))

    def fresh_lease(self) -> dict[str, Any]:
        """Field values that take a row, or renew its lease, as of now."""
        return {"leased_by": self.token, "leased_until": timezone.now() + self.lease}

    def renew(self) -> bool:
        """Restart the lease of the rows still held. Returns False if the claim is lost."""
        return self.rows.update(**self.fresh_lease()) > 0

    def release(self, *, not_before: datetime | None = None, **changes: Any) -> bool:
        """Apply `changes` to the rows still held and release them. They stay unavailable until `not_before`.

        Returns False if the claim was lost.
        """
        return self.rows.update(leased_by=None, leased_until=not_before, **changes) > 0


def new_claim(model: type[M], *, pk: Any = None, lease: timedelta | None = None) -> Claim[M]:
    """A claim that holds no row yet. The caller must write `fresh_lease` so that only one claim can take the row."""
    return Claim(model=model, pk=pk, token=uuid4(), lease=default_lease() if lease is None else lease)


def claim_first(rows: QuerySet[M], *, lease: timedelta | None = None, **changes: Any) -> Claim[M] | None:
    """Take the first free row and apply `changes` to it. Returns None if none is free."""
    while (pk := rows.filter(free(timezone.now())).values_list("pk", flat=True).first()) is not None:
        claim = new_claim(rows.model, pk=pk, lease=lease)
        if _take(rows.filter(pk=pk), claim, changes):
            return claim
    return None


def claim_all(rows: QuerySet[M], *, lease: timedelta | None = None, **changes: Any) -> Claim[M] | None:
    """Take all free rows under one claim and apply `changes` to them. Returns None if none is free."""
    claim = new_claim(rows.model, lease=lease)
    return claim if _take(rows, claim, changes) else None


def _take(rows: QuerySet[M], claim: Claim[M], changes: dict[str, Any]) -> int:
    # With a condition on a joined table, Django would move all conditions into a subquery, which PostgreSQL doesn't
    # evaluate again after waiting for the row.
    assert rows.query.count_active_tables() <= 1, "rows to claim must be filtered by columns of their own table"
    return rows.filter(free(timezone.now())).update(**claim.fresh_lease(), **changes)


# --- Slow work --------------------------------------------------------------------------------------------------------


class ClaimLostError(Exception):
    """Another worker has taken the row, or it is finished."""


class StopRequestedError(Exception):
    """The cluster is stopping; the work starts over when the cluster next starts."""


def while_held(claim: Claim[Any], work: Callable[[], T]) -> T:
    """Run `work`, which must not touch the database, in a thread, renewing the lease until it is done.

    Raises `ClaimLostError` if the lease can't be renewed and `StopRequestedError` if the cluster is stopping. In both
    cases the thread keeps running, and its result is discarded.
    """
    executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="held")
    renew_seconds = claim.lease.total_seconds() / 3
    try:
        future = executor.submit(work)
        renewed_at = time.monotonic()
        while not wait([future], timeout=min(renew_seconds, STOP_LOOK_SECONDS)).done:
            if stop_requested():
                raise StopRequestedError
            if time.monotonic() - renewed_at >= renew_seconds:
                _renew(claim)
                renewed_at = time.monotonic()
        _renew(claim)
        return future.result()
    finally:
        executor.shutdown(wait=False)


def _renew(claim: Claim[Any]) -> None:
    if not claim.renew():
        raise ClaimLostError
