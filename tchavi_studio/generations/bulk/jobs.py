"""Doing something to many clips: while the person waits, or in the background if there are more than MAX_AT_ONCE.

Either way a job is written down first and goes on batch by batch. Each batch is a transaction that changes the clips
and notes how far the job is, so a killed job goes on where it was, and no clip is changed twice.

Activity has one row for the whole act, with the number of clips and the job's id as its reference. A row for each clip
would bury everything else, and each would lock the end of the workspace's chain. An act that changed one clip is
written as if it had been done to that clip alone.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from tchavi_studio.generations.models import Generation
from tchavi_studio.generations.wakeups import wake_bulk_jobs
from tchavi_studio.refusals import UserFacingError
from tchavi_studio.runtime.fairness import Turns
from tchavi_studio.runtime.leases import RELEASED, Claim, ClaimLostError, claim_first, free, new_claim
from tchavi_studio.workspaces.activity import record_activity
from tchavi_studio.workspaces.models import Membership

from .actions import ROW_FIELDS, Batch, BulkAction, Left, Result, bulk_actions
from .models import IS_UNDER_WAY, BulkBatch, BulkJob
from .selection import Named, Page, Selection, clips_of, selection_from_json

BATCH_LENGTH = 100
MAX_AT_ONCE = 1_000
MAX_LOOKED_AT = 1_000
KEPT_FOR = timedelta(days=30)


class JobUnderWayError(UserFacingError):
    """The person already has a job in the background."""

    def __init__(self) -> None:
        super().__init__(
            _(
                "What you last did to many clips is still under way, so nothing was started and nothing changed. Wait "
                "until it is done, or stop it."
            )
        )


def start_job(
    *,
    membership: Membership,
    action: BulkAction,
    selection: Selection,
    options: Mapping[str, str] | None = None,
    is_shown: bool = False,
) -> BulkJob:
    """Do something to the selected clips. If they are too many to wait for, it has only just begun on return.

    `is_shown` puts its card on the person's gallery; one in the background always has one. Raises JobUnderWayError, and
    what the action's `prepare` does.
    """
    if action.prepare:
        options = action.prepare(membership, options or {})
    job = BulkJob(
        workspace=membership.workspace,
        user=membership.user,
        action=action.name,
        options=dict(options or {}),
        total_count=selection.count(membership),
        is_shown=is_shown,
    )
    if isinstance(selection, Named):
        job.clip_ids = [str(clip_id) for clip_id in selection.clip_ids]
    else:
        job.listed = selection.as_json()
    return _start(job)


def undo_job(*, membership: Membership, job: BulkJob, is_shown: bool = False) -> BulkJob:
    """Change exactly those clips back that a job has changed, like `start_job`.

    A job that is still under way is stopped first. Raises JobUnderWayError, and ValueError if it can't be undone.
    """
    action = bulk_actions[job.action]
    if not action.undone_by:
        raise ValueError(f"{action.name} can't be undone.")
    stop_job(job=job)
    job.refresh_from_db(fields=["changed_count"])
    return _start(
        BulkJob(
            workspace=membership.workspace,
            user=membership.user,
            action=action.undone_by,
            options=job.options,
            undoes=job,
            total_count=job.changed_count,
            is_shown=is_shown,
        )
    )


def _start(job: BulkJob) -> BulkJob:
    job.is_long = job.total_count is None or job.total_count > MAX_AT_ONCE
    claim = new_claim(BulkJob, pk=job.pk)
    if job.is_long:
        job.is_shown = True
    else:
        job.leased_by, job.leased_until = claim.token, timezone.now() + claim.lease
    try:
        with transaction.atomic():
            job.save(force_insert=True)
            if job.is_long:
                transaction.on_commit(wake_bulk_jobs)
    except IntegrityError:
        raise JobUnderWayError from None
    if not job.is_long:
        while do_batch(claim):
            pass
        job.refresh_from_db()
    return job


def stop_job(*, job: BulkJob) -> bool:
    """Leave a job at what it has done so far. False if it has ended already."""
    with transaction.atomic():
        rows = BulkJob.objects.filter(IS_UNDER_WAY, pk=job.pk)
        if not rows.update(ended_at=timezone.now(), was_stopped=True, **RELEASED):
            return False
        _record(BulkJob.objects.select_related("workspace", "user").get(pk=job.pk))
    return True


def hide_job(*, job: BulkJob) -> None:
    """Take a job's card off the gallery."""
    BulkJob.objects.filter(pk=job.pk).update(is_shown=False)


def delete_old_jobs(*, max_count: int = 100) -> int:
    """Forget up to `max_count` jobs that ended long ago, and what they changed."""
    old = BulkJob.objects.filter(ended_at__lt=timezone.now() - KEPT_FOR).order_by("ended_at")
    ids = list(old.values_list("pk", flat=True)[:max_count])
    BulkJob.objects.filter(pk__in=ids).delete()
    return len(ids)


# --- Batches ----------------------------------------------------------------------------------------------------------

_turns = Turns()


def jobs_to_do() -> QuerySet[BulkJob]:
    """The jobs that somebody has to go on with, the oldest first."""
    return BulkJob.objects.filter(IS_UNDER_WAY).order_by("created_at", "id")


def claim_next_job() -> Claim[BulkJob] | None:
    """Claim a job for its next batch: workspaces take turns, and so do the members of each. None if there is none."""
    while rows := list(
        jobs_to_do().filter(free(timezone.now())).values_list("pk", "workspace_id", "user_id")[:MAX_LOOKED_AT]
    ):
        members = [(workspace_id, user_id) for _pk, workspace_id, user_id in rows]
        turn = _turns.next_in(members)
        if claim := claim_first(jobs_to_do().filter(pk=rows[turn][0])):
            _turns.note(members[turn])
            return claim
    return None


def do_batch(claim: Claim[BulkJob]) -> bool:
    """Do the next batch of a claimed job. Whether more are left to do."""
    job = claim.rows.filter(IS_UNDER_WAY).select_related("workspace", "user").first()
    if job is None:
        return False
    action = bulk_actions[job.action]
    members = Membership.objects.select_related("workspace", "user")
    membership = members.filter(workspace=job.workspace_id, user=job.user_id).first()
    if membership is None or not membership.can(action.permission):
        stop_job(job=job)
        return False
    page = _next_page(job, membership)
    try:
        with transaction.atomic():
            _act(job, membership, page, claim)
    except ClaimLostError:
        return False
    except UserFacingError:
        # What it was about is gone, such as the collection that it adds to.
        stop_job(job=job)
        return False
    return page.next_position is not None


def _next_page(job: BulkJob, membership: Membership) -> Page:
    if job.undoes_id is not None:
        return _page_of_changed(job.undoes_id, after=job.position)
    selection: Selection
    if job.listed is not None:
        selection = selection_from_json(job.listed)
    else:
        selection = Named([UUID(clip_id) for clip_id in job.clip_ids or []])
    return selection.page(membership, after=job.position, length=BATCH_LENGTH)


def _page_of_changed(job_id: UUID, *, after: int | None) -> Page:
    """What a batch of another job changed."""
    batches = BulkBatch.objects.filter(job=job_id, number__gt=-1 if after is None else after).order_by("number")
    found = list(batches[:2])
    if not found:
        return Page(clip_ids=[], next_position=None)
    clip_ids = [UUID(clip_id) for clip_id in found[0].clip_ids]
    return Page(clip_ids=clip_ids, next_position=found[0].number if len(found) > 1 else None)


def _act(job: BulkJob, membership: Membership, page: Page, claim: Claim[BulkJob]) -> None:
    """Change the clips of a page, and note how far the job is. Raises ClaimLostError if it is no longer ours.

    Locks are taken in the order of the acts on single clips: clips, entries, months, and activity last.
    """
    rows = clips_of(page.clip_ids, membership=membership).only(*ROW_FIELDS).order_by("pk")
    place = {clip_id: number for number, clip_id in enumerate(page.clip_ids)}
    clips = sorted(rows.select_for_update(of=("self",)), key=lambda clip: place[clip.pk])
    result = bulk_actions[job.action].act(Batch(membership=membership, clips=clips, options=job.options))
    left = Counter(job.left_counts) + Counter({reason.value: count for reason, count in result.left.items()})
    left[Left.GONE.value] += len(page.clip_ids) - len(clips)
    noted = claim.rows.filter(IS_UNDER_WAY).update(
        position=page.next_position,
        batch_count=F("batch_count") + 1,
        changed_count=F("changed_count") + len(result.changed),
        left_counts=+left,
        **({"ended_at": timezone.now(), **RELEASED} if page.next_position is None else claim.fresh_lease()),
    )
    if not noted:
        raise ClaimLostError
    _note_changed(job, result)
    if page.next_position is None:
        job.refresh_from_db(fields=["changed_count"])
        _record(job)


def _note_changed(job: BulkJob, result: Result) -> None:
    if result.changed:
        clip_ids = [str(clip_id) for clip_id in result.changed]
        BulkBatch.objects.create(job=job, number=job.batch_count, clip_ids=clip_ids)


def _record(job: BulkJob) -> None:
    kind = bulk_actions[job.action].kind
    if kind is None or not job.changed_count:
        return
    if job.changed_count > 1:
        record_activity(
            workspace=job.workspace,
            kind=kind,
            actor=job.user,
            reference=job.pk,
            details={"count": job.changed_count},
        )
        return
    (clip_id,) = BulkBatch.objects.get(job=job).clip_ids
    clip = Generation.objects.select_related("creator").filter(pk=clip_id).first()
    record_activity(
        workspace=job.workspace,
        kind=kind,
        actor=job.user,
        subject=clip.creator if clip else None,
        reference=UUID(clip_id),
    )
