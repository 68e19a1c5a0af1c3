"""Cancelling everything of a person's that still waits."""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from django.db.models import QuerySet

from tchavi_studio.generations import lifecycle
from tchavi_studio.generations.models import Generation, State
from tchavi_studio.generations.queries import clips_for_viewer
from tchavi_studio.long_lists import count_up_to
from tchavi_studio.runtime.slices import Slice
from tchavi_studio.workspaces.models import Membership

BATCH_LENGTH = 100
MAX_SECONDS = 10.0
MAX_COUNT = 1_000


@dataclass(frozen=True, kw_only=True)
class Cancelled:
    """What came of it. `begun_count` clips had begun, and `waiting_count` still wait because time was up; each counted
    up to MAX_COUNT."""

    count: int
    refunded_credits: int
    begun_count: int
    waiting_count: int


def waiting_clips(membership: Membership) -> QuerySet[Generation]:
    """The member's own clips in this workspace that can still be cancelled."""
    return clips_for_viewer(membership=membership, show="running").filter(state=State.QUEUED)


def waiting_count(membership: Membership) -> int:
    """How many there are, counted up to MAX_COUNT."""
    return count_up_to(waiting_clips(membership), MAX_COUNT)


def cancel_waiting_clips(*, membership: Membership) -> Cancelled:
    """Cancel and refund the member's clips that wait, each in a transaction of its own, as if cancelled alone."""
    turn = Slice(MAX_SECONDS)
    count = refunded_credits = 0
    for clip_id, price_credits in _one_by_one(membership):
        if lifecycle.cancel_queued(clip_id):
            count += 1
            refunded_credits += price_credits
        if turn.is_over:
            break
    running = clips_for_viewer(membership=membership, show="running")
    return Cancelled(
        count=count,
        refunded_credits=refunded_credits,
        begun_count=count_up_to(running.exclude(state=State.QUEUED), MAX_COUNT),
        waiting_count=waiting_count(membership),
    )


def _one_by_one(membership: Membership) -> Iterator[tuple[UUID, int]]:
    """The ids and prices of waiting clips, for as long as there are any: whoever asks for the next ends each."""
    waiting = waiting_clips(membership).select_related(None).values_list("pk", "price_credits")
    while batch := list(waiting[:BATCH_LENGTH]):
        yield from batch
