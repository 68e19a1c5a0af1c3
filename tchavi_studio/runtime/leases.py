"""The one lease: a worker's time-limited right to work on rows, renewed while the worker lives.

A claim is a token, fresh for each claim, that stands in the rows it took. Whatever its worker writes goes only to rows
that carry the token still: one that was paused past its lease finds another token there, or none, and writes nothing.
Whoever moves a row that is not theirs releases it.

Each claim is one UPDATE whose WHERE says that the row is free, so of two at the same moment one gets the row. SQLite
has no SKIP LOCKED, and none is needed.
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

from .slices import stop_is_asked

T = TypeVar("T")

STOP_LOOK_SECONDS = 0.5


class LeasedModel(models.Model):
    """Rows that one worker at a time works on.

    `leased_until` without `leased_by` is a back-off: nobody has the row, and nobody may take it before then. A model
    with constraints of its own repeats these: `constraints = [*LeasedModel.Meta.constraints, …]`.
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
        """The condition that nobody has taken, renewed or released the row since it was read."""
        return Q(leased_by=self.leased_by, leased_until=self.leased_until)


M = TypeVar("M", bound=LeasedModel)

RELEASED: dict[str, Any] = {"leased_by": None, "leased_until": None}
"""What a row is given that nobody works on any more."""


def lapsed(now: datetime) -> Q:
    """The condition that a lease is over, and its worker shows no sign of life; or a back-off."""
    return Q(leased_until__lte=now)


def free(now: datetime) -> Q:
    """The condition that the row may be taken."""
    return Q(leased_until__isnull=True) | lapsed(now)


def taken(now: datetime) -> Q:
    """The condition that the row may not be taken."""
    return Q(leased_until__gt=now)


def default_lease() -> timedelta:
    """How long a worker that shows no sign of life keeps what it claimed (STUDIO_LEASE_SECONDS)."""
    return timedelta(seconds=settings.STUDIO_LEASE_SECONDS)


@dataclass(frozen=True, kw_only=True)
class Claim(Generic[M]):
    """A worker's right to write to the rows that carry `token`, until their lease ends and somebody else takes them.

    `pk` is the key of the one row; None for a batch.
    """

    model: type[M]
    pk: Any
    token: UUID
    lease: timedelta

    @property
    def held(self) -> Q:
        """The condition that the claim is not lost; for every write of the worker."""
        return Q(leased_by=self.token)

    @property
    def rows(self) -> QuerySet[M]:
        """The rows that are still held."""
        rows = self.model._default_manager.filter(self.held)
        return rows if self.pk is None else rows.filter(pk=self.pk)

    def fresh_lease(self) -> dict[str, Any]:
        """What a row is given that is taken now, or whose lease is renewed."""
        return {"leased_by": self.token, "leased_until": timezone.now() + self.lease}

    def renew(self) -> bool:
        """Begin the lease of what is still held anew. False: the claim is lost."""
        return self.rows.update(**self.fresh_lease()) > 0

    def release(self, *, not_before: datetime | None = None, **changes: Any) -> bool:
        """Let go of what is still held, with `changes`; nobody may take it before `not_before`. False: it was lost."""
        return self.rows.update(leased_by=None, leased_until=not_before, **changes) > 0


def new_claim(model: type[M], *, pk: Any = None, lease: timedelta | None = None) -> Claim[M]:
    """A claim that stands in no row yet: whoever writes its `fresh_lease` there sees to it that only one can."""
    return Claim(model=model, pk=pk, token=uuid4(), lease=default_lease() if lease is None else lease)


def claim_first(rows: QuerySet[M], *, lease: timedelta | None = None, **changes: Any) -> Claim[M] | None:
    """Take the first of `rows` that is free, and write `changes` to it. None when none is free."""
    while (pk := rows.filter(free(timezone.now())).values_list("pk", flat=True).first()) is not None:
        claim = new_claim(rows.model, pk=pk, lease=lease)
        if _take(rows.filter(pk=pk), claim, changes):
            return claim
    return None


def claim_all(rows: QuerySet[M], *, lease: timedelta | None = None, **changes: Any) -> Claim[M] | None:
    """Take all of `rows` that are free, under one claim, and write `changes` to them. None when none is free."""
    claim = new_claim(rows.model, lease=lease)
    return claim if _take(rows, claim, changes) else None


def _take(rows: QuerySet[M], claim: Claim[M], changes: dict[str, Any]) -> int:
    # Django would put a condition on a joined table, and all others with it, into a subquery; and PostgreSQL, having
    # waited for the row, does not ask a subquery again.
    assert rows.query.count_active_tables() <= 1, "what is claimed is told by the columns of its own table"
    return rows.filter(free(timezone.now())).update(**claim.fresh_lease(), **changes)


# --- Slow work --------------------------------------------------------------------------------------------------------


class ClaimLostError(Exception):
    """Somebody else has the row by now, or it has ended."""


class StopAskedError(Exception):
    """The cluster is to stop; the work begins anew at its next start."""


def while_held(claim: Claim[Any], work: Callable[[], T]) -> T:
    """Do `work`, which must not touch the database, in a thread, and renew the lease meanwhile.

    Raises `ClaimLostError` when the lease could not be renewed, and `StopAskedError` when the cluster is to stop; the
    work is left to end by itself then, for nothing.
    """
    executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="held")
    renew_seconds = claim.lease.total_seconds() / 3
    try:
        future = executor.submit(work)
        renewed_at = time.monotonic()
        while not wait([future], timeout=min(renew_seconds, STOP_LOOK_SECONDS)).done:
            if stop_is_asked():
                raise StopAskedError
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
