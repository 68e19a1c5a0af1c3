"""Leases: whoever works on a generation holds it for a while, and holds on only while alive."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from .models import Generation, State
from .slices import stop_is_asked

T = TypeVar("T")

STOP_LOOK_SECONDS = 0.5


def lease() -> timedelta:
    """How long a worker that shows no sign of life keeps what it claimed (STUDIO_LEASE_SECONDS)."""
    return timedelta(seconds=settings.STUDIO_LEASE_SECONDS)


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A worker's right to write to one generation, until its lease ends and somebody else claims it."""

    generation_id: UUID
    fence: int


class ClaimLostError(Exception):
    """Somebody else has the row by now, or it has ended."""


class StopAskedError(Exception):
    """The cluster is to stop; the work begins anew at its next start."""


def while_held(claim: Claim, state: State, work: Callable[[], T]) -> T:
    """Do `work`, which must not touch the database, in a thread, and hold the lease on meanwhile.

    Raises `ClaimLostError` when the lease could not be held, and `StopAskedError` when the cluster is to stop; the work
    is left to end by itself then, for nothing.
    """
    executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="held")
    hold_seconds = lease().total_seconds() / 3
    try:
        future = executor.submit(work)
        held_at = time.monotonic()
        while not wait([future], timeout=min(hold_seconds, STOP_LOOK_SECONDS)).done:
            if stop_is_asked():
                raise StopAskedError
            if time.monotonic() - held_at >= hold_seconds:
                _hold(claim, state)
                held_at = time.monotonic()
        _hold(claim, state)
        return future.result()
    finally:
        executor.shutdown(wait=False)


def _hold(claim: Claim, state: State) -> None:
    rows = Generation.objects.filter(pk=claim.generation_id, state=state, fence=claim.fence)
    if not rows.update(lease_until=timezone.now() + lease()):
        raise ClaimLostError
