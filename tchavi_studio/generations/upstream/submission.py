"""Sending clips to the provider. Each submission is written down before it is sent, and each outcome recorded.

A submission is repeated only if it certainly had no effect: a clip billed twice is worse than one failed and refunded.
"""

import logging
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import F
from django.utils import timezone

from tchavi_studio.engines.base import Accepted, AccountRefusedError, EngineRequest, RefusedError
from tchavi_studio.generations.lifecycle import fail_generation, move_generation
from tchavi_studio.generations.models import IS_OPEN, Engine, Generation, RemoteJob, State
from tchavi_studio.runtime.crashpoints import CrashPoint, crashpoint
from tchavi_studio.runtime.fairness import by_workspace
from tchavi_studio.runtime.leases import RELEASED, Claim, lapsed, new_claim

from . import account
from .line import InLine, clips_at_provider, clips_in_line
from .references import Route, clips_missing_uploads, reference_route, remote_request

logger = logging.getLogger(__name__)

MAX_PLACE = 101
"""The last place in line that is told. Behind a hundred clips, one more or less is no news."""

BATCH_LENGTH = 16
"""About as many clips as are sent at a time."""

MAX_SETTLED = 100
"""How many overdue clips of a kind are settled at a time. The next second settles more."""

FIRST_LOOK_SECONDS = 1.0
LATER_TRIAL_SECONDS = 5 * 60.0
"""How long a clip that met a refusal of the account steps aside while other clips test whether that is over."""


@dataclass(frozen=True, kw_only=True)
class Submission:
    """One request that has been written down and may be sent once, before `send_before`.

    After that its lease has ended, and another process may fail and refund the clip. A process that was paused must not
    send it then.
    """

    claim: Claim[Generation]
    send_before: datetime
    attempt_id: UUID
    model: str
    request: EngineRequest


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """A clip waiting to be sent."""

    generation_id: UUID
    model: str


def places_in_line(generation_ids: Iterable[UUID]) -> dict[UUID, int]:
    """The places of those of these clips that wait to be sent, among all that do; 1 is next.

    A place after MAX_PLACE is told as MAX_PLACE + 1: what it costs to find one grows with the place, not with the line.
    """
    missing = {_as_stored(pk): pk for pk in generation_ids}
    line = clips_in_line(open_by_member=clips_at_provider(), expected=MAX_PLACE)
    places: dict[UUID, int] = {}
    for place, clip in enumerate(islice(line, MAX_PLACE), start=1):
        if clip.pk in missing:
            places[missing.pop(clip.pk)] = place
            if not missing:
                return places
    if next(line, None) is not None:
        # By id alone: with more conditions, PostgreSQL may read all that wait.
        others = Generation.objects.filter(pk__in=missing.values()).values_list("pk", "engine", "state")
        waiting = (pk for pk, *kind in others if kind == [Engine.TCHAVI, State.QUEUED])
        places |= dict.fromkeys(waiting, MAX_PLACE + 1)
    return places


def _as_stored(pk: UUID) -> Any:
    return Generation._meta.pk.get_db_prep_value(pk, connection)


def _as_uuid(stored: Any) -> UUID:
    return stored if isinstance(stored, UUID) else UUID(stored)


def sendable(*, now: datetime) -> Iterator[Waiting]:
    """The clips that may be sent now, next one first: in fair order, within limits, not paused, references in place."""
    paused = account.paused_models(now=now)
    if "" in paused:
        return
    open_by_member = clips_at_provider()
    counts = by_workspace(open_by_member)

    def is_full(workspace_id: Any) -> bool:
        return counts[workspace_id] >= settings.STUDIO_MAX_OPEN_PER_WORKSPACE

    route = reference_route()
    aside: list[InLine] = []
    is_any_ready = False
    line = clips_in_line(open_by_member=open_by_member, expected=BATCH_LENGTH, is_full=is_full)
    while batch := list(islice(line, BATCH_LENGTH)):
        unready = set() if route == Route.LINKS else clips_missing_uploads([clip.pk for clip in batch], now=now)
        for clip in batch:
            if clip.model in paused or _as_uuid(clip.pk) in unready:
                continue
            # A clip that met a refusal of the account lets others go first, in case it is the only one refused.
            if clip.is_leased:
                aside.append(clip)
                continue
            is_any_ready = True
            if not is_full(clip.workspace_id):
                counts[clip.workspace_id] += 1
                yield Waiting(generation_id=_as_uuid(clip.pk), model=clip.model)
    for clip in () if is_any_ready else aside:
        if not is_full(clip.workspace_id):
            counts[clip.workspace_id] += 1
            yield Waiting(generation_id=_as_uuid(clip.pk), model=clip.model)


def write_down(clips: Iterable[Waiting]) -> list[Submission]:
    """Claim each clip and record that it is being sent. Clips that were taken or cancelled are left out."""
    submissions = (_write_down(clip) for clip in clips)
    return [submission for submission in submissions if submission is not None]


def _write_down(clip: Waiting) -> Submission | None:
    generation = (
        Generation.objects.filter(pk=clip.generation_id, state=State.QUEUED)
        .prefetch_related("references__asset")
        .first()
    )
    if generation is None:
        return None
    request = remote_request(generation)
    if request is None:
        return None
    now = timezone.now()
    claim, attempt_id = new_claim(Generation, pk=generation.pk), uuid4()
    with transaction.atomic():
        claimed = move_generation(
            generation.pk,
            sources={State.QUEUED},
            # Not `free`: the upload's lease may still be held, and a back-off only lets other clips go first.
            only_if=generation.lease_as_read,
            state=State.SUBMITTING,
            attempt_count=F("attempt_count") + 1,
            started_at=now,
            **claim.fresh_lease(),
        )
        if not claimed:
            return None
        # A row from an earlier attempt exists only if that attempt certainly had no effect.
        RemoteJob.objects.update_or_create(
            reference=generation.pk,
            defaults={"generation": generation, "attempt_id": attempt_id, "sent_at": now, "lost_at": None},
        )
        crashpoint(CrashPoint.IN_WRITING_DOWN)
    crashpoint(CrashPoint.WRITTEN_DOWN)
    return Submission(
        claim=claim,
        send_before=now + claim.lease,
        attempt_id=attempt_id,
        model=generation.model,
        request=request,
    )


# --- Outcomes ---------------------------------------------------------------------------------------------------------


def record_accepted(submission: Submission, accepted: Accepted) -> bool:
    """The provider accepted the clip: follow it from now on. False if the claim was lost."""
    try:
        with transaction.atomic():
            if not _settle(submission, state=State.PROCESSING):
                return False
            RemoteJob.objects.filter(reference=submission.claim.pk).update(
                remote_id=accepted.remote_id,
                billed_credits=accepted.billed_credits,
                poll_at=timezone.now() + timedelta(seconds=FIRST_LOOK_SECONDS),
            )
            crashpoint(CrashPoint.IN_RECORDING)
    except IntegrityError:
        # The job belongs to another clip, so this clip's outcome is unknown.
        logger.exception("The provider returned job id %s twice.", accepted.remote_id)
        return record_lost(submission)
    crashpoint(CrashPoint.RECORDED)
    return True


def record_not_sent(submission: Submission, *, not_before: datetime | None = None) -> bool:
    """The submission certainly had no effect: put the clip back in the queue, to be sent again from `not_before`."""
    with transaction.atomic():
        if not _settle(submission, state=State.QUEUED, not_before=not_before):
            return False
        RemoteJob.objects.filter(reference=submission.claim.pk).delete()
    return True


def record_account_refused(submission: Submission, error: AccountRefusedError) -> bool:
    """Put the clip back in the queue, and pause submissions until the account is accepted again.

    Other clips test that before this one is tried again, in case it is the only one refused.
    """
    account.pause_submissions(error, model=submission.model)
    return record_not_sent(submission, not_before=timezone.now() + timedelta(seconds=LATER_TRIAL_SECONDS))


def record_refused(submission: Submission, error: RefusedError) -> bool:
    """The provider refused the clip: fail and refund it."""
    with transaction.atomic():
        failed = fail_generation(
            submission.claim.pk,
            code=error.code,
            message=error.message,
            sources={State.SUBMITTING},
            only_if=submission.claim.held,
        )
        if failed:
            RemoteJob.objects.filter(reference=submission.claim.pk).delete()
    return failed


def record_lost(submission: Submission) -> bool:
    """The provider may or may not have accepted the clip. It is never sent again; unknown.py settles it."""
    with transaction.atomic():
        if not _settle(submission, state=State.UNKNOWN):
            return False
        RemoteJob.objects.filter(reference=submission.claim.pk).update(lost_at=timezone.now())
    crashpoint(CrashPoint.LOST)
    return True


def _settle(submission: Submission, *, state: State, not_before: datetime | None = None) -> bool:
    return move_generation(
        submission.claim.pk,
        sources={State.SUBMITTING},
        only_if=submission.claim.held,
        state=state,
        leased_by=None,
        leased_until=not_before,
    )


# --- What is overdue --------------------------------------------------------------------------------------------------


def sent_before(before: datetime, *, states: Collection[State]) -> list[UUID]:
    """Up to MAX_SETTLED clips in one of these states that were sent before then."""
    # Not by RemoteJob.sent_at, which is the same moment: no index separates the few open jobs from all others.
    sent = Generation.objects.filter(IS_OPEN, engine=Engine.TCHAVI, state__in=states, started_at__lt=before)
    return list(sent.values_list("pk", flat=True)[:MAX_SETTLED])


def rescue_dead_submissions() -> int:
    """Mark up to MAX_SETTLED submissions whose process died as unknown. Returns how many there were."""
    now = timezone.now()
    dead = Generation.objects.filter(IS_OPEN, lapsed(now), engine=Engine.TCHAVI, state=State.SUBMITTING)
    count = 0
    for pk in list(dead.values_list("pk", flat=True)[:MAX_SETTLED]):
        with transaction.atomic():
            moved = move_generation(
                pk, sources={State.SUBMITTING}, only_if=lapsed(now), state=State.UNKNOWN, **RELEASED
            )
            if moved:
                RemoteJob.objects.filter(reference=pk).update(lost_at=now)
                count += 1
                logger.warning("Generation %s was being sent when its process died.", pk)
    return count


def fail_long_waiting() -> int:
    """Fail and refund up to MAX_SETTLED clips that have waited STUDIO_ACCOUNT_WAIT_SECONDS for a refused account.

    It was refused throughout. Returns how many there were.
    """
    before = timezone.now() - timedelta(seconds=settings.STUDIO_ACCOUNT_WAIT_SECONDS)
    paused = {pause.model for pause in account.account_pauses() if pause.since < before}
    waiting = Generation.objects.filter(IS_OPEN, engine=Engine.TCHAVI, state=State.QUEUED, created_at__lt=before)
    if "" not in paused:
        waiting = waiting.filter(model__in=paused)
    return sum(
        fail_generation(
            pk,
            code="account_unavailable",
            sources={State.QUEUED},
        )
        for pk in list(waiting.order_by("created_at", "id").values_list("pk", flat=True)[:MAX_SETTLED])
    )
