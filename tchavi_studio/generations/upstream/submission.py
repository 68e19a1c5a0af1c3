"""Sending clips to the provider. Each submission is written down before it is sent, and each outcome recorded.

A submission is repeated only if it certainly had no effect: a clip billed twice is worse than one failed and refunded.
"""

import logging
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Count, F
from django.utils import timezone

from tchavi_studio.engines.base import Accepted, AccountRefusedError, EngineRequest, RefusedError
from tchavi_studio.generations.lifecycle import fail_generation, move_generation
from tchavi_studio.generations.models import Engine, Generation, RemoteJob, State
from tchavi_studio.runtime.crashpoints import CrashPoint, crashpoint
from tchavi_studio.runtime.leases import RELEASED, Claim, lapsed, new_claim

from . import account
from .fairness import Member, Waiting, fair_order, within_limit
from .references import remote_request, without_missing_uploads

logger = logging.getLogger(__name__)

AT_PROVIDER = (State.SUBMITTING, State.UNKNOWN, State.PROCESSING)
"""States that count against STUDIO_MAX_OPEN_PER_WORKSPACE."""

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


def waiting_in_order() -> list[Waiting]:
    """Every clip waiting to be sent, next one first, whether or not it may be sent now."""
    return _in_order(open_by_member())


def _in_order(open_by_member: Counter[Member]) -> list[Waiting]:
    queued = Generation.objects.filter(engine=Engine.TCHAVI, state=State.QUEUED)
    rows = queued.values_list("pk", "workspace_id", "creator_id", "model", "created_at", "leased_until")
    waiting = [
        Waiting(
            generation_id=pk,
            workspace_id=workspace_id,
            creator_id=creator_id,
            model=model,
            created_at=created_at,
            not_before=not_before,
        )
        for pk, workspace_id, creator_id, model, created_at, not_before in rows
    ]
    return fair_order(waiting, open_by_member=open_by_member)


def open_by_member() -> Counter[Member]:
    """How many clips each member has at the provider."""
    at_provider = Generation.objects.filter(engine=Engine.TCHAVI, state__in=AT_PROVIDER)
    rows = at_provider.order_by().values_list("workspace_id", "creator_id").annotate(Count("pk"))
    return Counter({(workspace_id, creator_id): count for workspace_id, creator_id, count in rows})


def sendable(*, now: datetime) -> list[Waiting]:
    """The clips that may be sent now, next one first: in fair order, within limits, not paused, references in place."""
    paused = account.paused_models(now=now)
    if "" in paused:
        return []
    at_provider = open_by_member()
    ready = without_missing_uploads([clip for clip in _in_order(at_provider) if clip.model not in paused], now=now)
    # A clip that met a refusal of the account lets others go first, in case it is the only one refused.
    untried = [clip for clip in ready if clip.not_before is None or clip.not_before <= now]
    return within_limit(
        untried or ready,
        open_by_member=at_provider,
        max_per_workspace=settings.STUDIO_MAX_OPEN_PER_WORKSPACE,
    )


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


def rescue_dead_submissions() -> int:
    """Mark submissions whose process died as unknown. Returns how many there were."""
    now = timezone.now()
    dead = Generation.objects.filter(lapsed(now), engine=Engine.TCHAVI, state=State.SUBMITTING)
    count = 0
    for pk in dead.values_list("pk", flat=True):
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
    """Fail and refund clips that have waited STUDIO_ACCOUNT_WAIT_SECONDS while the account was refused throughout."""
    before = timezone.now() - timedelta(seconds=settings.STUDIO_ACCOUNT_WAIT_SECONDS)
    paused = {pause.model for pause in account.account_pauses() if pause.since < before}
    waiting = Generation.objects.filter(engine=Engine.TCHAVI, state=State.QUEUED, created_at__lt=before)
    if "" not in paused:
        waiting = waiting.filter(model__in=paused)
    return sum(
        fail_generation(
            pk,
            code="account_unavailable",
            sources={State.QUEUED},
        )
        for pk in waiting.values_list("pk", flat=True)
    )
