"""Sending clips to the provider. Each submission is written down before it is sent, and each outcome recorded.

A submission is repeated only if it certainly had no effect: a clip billed twice is worse than one failed and refunded.
"""

import logging
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import BooleanField, ExpressionWrapper, F, QuerySet
from django.db.models.expressions import Combinable
from django.utils import timezone

from tchavi_studio.engines.base import Accepted, AccountRefusedError, EngineRequest, RefusedError
from tchavi_studio.generations.lifecycle import fail_generation, move_generation
from tchavi_studio.generations.models import IS_OPEN, Engine, Generation, RemoteJob, State
from tchavi_studio.runtime.crashpoints import CrashPoint, crashpoint
from tchavi_studio.runtime.fairness import Member, by_workspace, fair_order, within_limit
from tchavi_studio.runtime.leases import RELEASED, Claim, lapsed, new_claim, taken

from . import account
from .references import Route, clips_missing_uploads, reference_route, remote_request

logger = logging.getLogger(__name__)

AT_PROVIDER = (State.SUBMITTING, State.UNKNOWN, State.PROCESSING)
"""States that count against STUDIO_MAX_OPEN_PER_WORKSPACE."""

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
    """The places of those of these clips that wait to be sent, among all that do; 1 is next."""
    wanted = {Generation._meta.pk.get_db_prep_value(pk, connection): pk for pk in generation_ids}
    in_order = enumerate(_in_order(_open_by_member()), start=1)
    return {wanted[pk]: place for place, (pk, *_member) in in_order if pk in wanted}


def _in_order(
    open_by_member: Mapping[Member, int], *columns: str | Combinable, without: Collection[Any] = ()
) -> list[tuple[Any, ...]]:
    """Id, workspace and creator of every clip waiting to be sent, and these `columns`, next clip first.

    Clips of the workspaces `without` are left out; the others keep their order. Ids are as the database stores them:
    making UUIDs of thousands takes longer than putting them in order.
    """
    queued = Generation.objects.filter(IS_OPEN, engine=Engine.TCHAVI, state=State.QUEUED).order_by("created_at", "id")
    queued = queued.exclude(workspace__in=without)
    rows = _as_stored(queued.values_list("pk", "workspace_id", "creator_id", *columns))
    return [rows[position] for position in fair_order([row[1:3] for row in rows], open_by_member=open_by_member)]


def _open_by_member() -> Counter[Member]:
    """How many clips each member has at the provider."""
    at_provider = Generation.objects.filter(IS_OPEN, engine=Engine.TCHAVI, state__in=AT_PROVIDER)
    return Counter(_as_stored(at_provider.values_list("workspace_id", "creator_id")))


def _as_stored(rows: QuerySet[Any, Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(*rows.query.sql_with_params())
        return list(cursor.fetchall())


def _as_uuid(stored: Any) -> UUID:
    return stored if isinstance(stored, UUID) else UUID(stored)


def sendable(*, now: datetime) -> Iterator[Waiting]:
    """The clips that may be sent now, next one first: in fair order, within limits, not paused, references in place."""
    paused = account.paused_models(now=now)
    if "" in paused:
        return
    # A clip that met a refusal of the account lets others go first, in case it is the only one refused.
    steps_aside = ExpressionWrapper(taken(now), output_field=BooleanField())
    open_by_member = _open_by_member()
    max_per_workspace = settings.STUDIO_MAX_OPEN_PER_WORKSPACE
    # Left out from the start: in a long queue, most clips wait because their workspace's limit is reached.
    full = [workspace_id for workspace_id, count in by_workspace(open_by_member).items() if count >= max_per_workspace]
    missing = [] if reference_route() == Route.LINKS else _as_stored(clips_missing_uploads(now=now))
    unready = {pk for (pk,) in missing}
    ready = [
        (pk, (workspace_id, creator_id), model, is_aside)
        for pk, workspace_id, creator_id, model, is_aside in _in_order(
            open_by_member, "model", steps_aside, without=full
        )
        if model not in paused and pk not in unready
    ]
    candidates = [clip for clip in ready if not clip[-1]] or ready
    allowed = within_limit(
        [member for _pk, member, *_rest in candidates],
        open_by_member=open_by_member,
        max_per_workspace=max_per_workspace,
    )
    for position in allowed:
        pk, _member, model, _is_aside = candidates[position]
        yield Waiting(generation_id=_as_uuid(pk), model=model)


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
