"""How a generation moves from state to state. Every move is a compare-and-set: one row changes, or nothing does.

Any number of workers may call these functions concurrently, late, or twice. False means that another worker was faster
or the row has moved on; the caller must do nothing more.
"""

import logging
from collections.abc import Collection, Mapping
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from tchavi_studio.assets.limits import RefusedFileError
from tchavi_studio.assets.models import Asset
from tchavi_studio.assets.probe import verify_output
from tchavi_studio.assets.services import Verify, delete_asset, delete_unowned, note_owner, store_output
from tchavi_studio.ledger.services import refund_charge
from tchavi_studio.runtime.crashpoints import CrashPoint, crashpoint
from tchavi_studio.runtime.fairness import Turns
from tchavi_studio.runtime.leases import (
    RELEASED,
    Claim,
    ClaimLostError,
    StopRequestedError,
    claim_first,
    free,
    lapsed,
    while_held,
)

from .events import record_end
from .failures import output_failure_code
from .library.entries import change_entries, entries_of
from .library.models import Outcome
from .models import IS_OPEN, OPEN_STATES, Engine, Generation, State

logger = logging.getLogger(__name__)

MAX_RENDER_ATTEMPTS = 3
MAX_RESCUED = 100
MAX_CODE_LENGTH = 60
ORPHANED_AFTER = timedelta(hours=1)
WORKING_STATES = frozenset({State.PROCESSING, State.SAVING})


def move_generation(
    generation_id: UUID, *, sources: Collection[State], only_if: Q | None = None, **changes: Any
) -> bool:
    """Change the row if its state is in `sources` and it meets `only_if`: a claim's `held`, or `lapsed`."""
    rows = Generation.objects.filter(only_if or Q(), pk=generation_id, state__in=sources)
    return rows.update(**_new_version(), **changes) == 1


def claim_next(waiting: QuerySet[Generation], **changes: Any) -> Claim[Generation] | None:
    """Claim the first free row of `waiting` for another attempt. None if there is none."""
    return claim_first(waiting, attempt_count=F("attempt_count") + 1, **_new_version(), **changes)


def _new_version() -> dict[str, Any]:
    return {"version": F("version") + 1, "updated_at": timezone.now()}


def show_anew(generation_ids: Collection[UUID]) -> None:
    """Let open pages show these clips anew, because of what others made of them. Call it with the clips locked."""
    Generation.objects.filter(pk__in=generation_ids).update(**_new_version())


_render_turns = Turns()


def claim_next_render() -> Claim[Generation] | None:
    """Claim the next preview: those that were paid for first, with turns between workspaces and members.

    None if none is waiting.
    """
    waiting = Generation.objects.filter(IS_OPEN, engine=Engine.PREVIEW, state=State.QUEUED).order_by("created_at", "id")
    for equals in (waiting.filter(price_credits__gt=0), waiting.filter(price_credits=0)):
        while rows := list(equals.filter(free(timezone.now())).values_list("pk", "workspace_id", "creator_id")):
            pk, *member = rows[_render_turns.next_in([(workspace, creator) for _pk, workspace, creator in rows])]
            claim = claim_next(
                waiting.filter(pk=pk), state=State.PROCESSING, started_at=timezone.now(), progress_percent=0
            )
            if claim is not None:
                _render_turns.note((member[0], member[1]))
                return claim
    return None


def report_progress(claim: Claim[Generation], *, progress_percent: int) -> bool:
    """Record a render's progress and renew its lease. False: the claim is lost, stop rendering."""
    return move_generation(
        claim.pk,
        sources={State.PROCESSING},
        only_if=claim.held,
        progress_percent=progress_percent,
        **claim.fresh_lease(),
    )


def give_back_render(claim: Claim[Generation]) -> bool:
    """Put a stopped render back in the queue if we still hold it. The attempt doesn't count."""
    return move_generation(
        claim.pk,
        sources=WORKING_STATES,
        only_if=claim.held,
        state=State.QUEUED,
        attempt_count=F("attempt_count") - 1,
        progress_percent=None,
        **RELEASED,
    )


def finish_generation(
    claim: Claim[Generation], *, path: Path, content_hash: str = "", verify: Verify = verify_output
) -> bool:
    """Take over the rendered file at `path` and complete the generation.

    A broken file fails the generation and refunds it. Either way `path` is gone afterwards.
    """
    saving = move_generation(
        claim.pk,
        sources={State.PROCESSING},
        only_if=claim.held,
        state=State.SAVING,
        progress_percent=None,
        **claim.fresh_lease(),
    )
    if not saving:
        path.unlink(missing_ok=True)
        return False
    try:
        return save_output(claim, path=path, content_hash=content_hash, verify=verify)
    except ClaimLostError:
        return False
    except StopRequestedError:
        return give_back_render(claim)
    except RefusedFileError as refusal:
        return fail_generation(claim.pk, code=output_failure_code(refusal.code), only_if=claim.held)


def save_output(
    claim: Claim[Generation], *, path: Path, content_hash: str = "", verify: Verify = verify_output
) -> bool:
    """Complete a generation in state "saving" with the file at `path`, which is gone afterwards.

    The file is stored and verified before the state changes, so a completed generation always has its file. Raises
    `RefusedFileError` for a broken or incomplete clip, and whatever `while_held` raises; the generation is unchanged.
    """
    generation = Generation.objects.select_related("workspace", "creator").get(pk=claim.pk)
    asset = store_output(
        workspace=generation.workspace,
        user=generation.creator,
        path=path,
        during=partial(while_held, claim),
        verify=verify,
    )
    crashpoint(CrashPoint.STORED)
    with transaction.atomic():
        completed = move_generation(
            claim.pk,
            sources={State.SAVING},
            only_if=claim.held,
            state=State.COMPLETED,
            output=asset,
            content_hash=content_hash,
            finished_at=timezone.now(),
            **RELEASED,
        )
        if completed:
            note_owner(asset=asset)
            record_end(claim.pk)
            change_entries(entries_of([claim.pk]), outcome=Outcome.DONE, has_sound=bool(asset.has_audio))
        crashpoint(CrashPoint.IN_COMPLETING)
    crashpoint(CrashPoint.COMPLETED)
    if not completed:
        delete_asset(asset=asset)
    return completed


def fail_generation(
    generation_id: UUID,
    *,
    code: str,
    figures: Mapping[str, int] | None = None,
    message: str = "",
    sources: Collection[State] = OPEN_STATES,
    only_if: Q | None = None,
    needs_review: bool = False,
) -> bool:
    """Fail a generation and refund it, in one transaction.

    `code` is from failures.py, with the `figures` for its sentence, or from the provider, with its words as `message`.
    `needs_review` tells the site's admins that the provider may have billed it anyway.
    """
    return _end_with_refund(
        generation_id,
        sources=sources,
        only_if=only_if,
        state=State.FAILED,
        error_code=code[:MAX_CODE_LENGTH],
        error_figures=dict(figures or {}),
        error_message=message,
        needs_review=needs_review,
    )


def cancel_queued(generation_id: UUID) -> bool:
    """Cancel a generation and refund it. False once work on it has begun."""
    return _end_with_refund(generation_id, sources={State.QUEUED}, state=State.CANCELLED, error_code="cancelled")


def _end_with_refund(
    generation_id: UUID, *, sources: Collection[State], only_if: Q | None = None, **changes: Any
) -> bool:
    with transaction.atomic():
        ended = move_generation(
            generation_id,
            sources=sources,
            only_if=only_if,
            finished_at=timezone.now(),
            progress_percent=None,
            **RELEASED,
            **changes,
        )
        if ended:
            crashpoint(CrashPoint.IN_FAILING)
            refund_charge(reference=generation_id, reason=changes["error_code"])
            record_end(generation_id)
            outcome = Outcome.CANCELLED if changes["state"] == State.CANCELLED else Outcome.FAILED
            change_entries(entries_of([generation_id]), outcome=outcome)
    crashpoint(CrashPoint.FAILED)
    return ended


def rescue_abandoned_renders() -> int:
    """Put up to MAX_RESCUED renders whose lease has ended back in the queue, or fail them after the last attempt.

    Returns how many were rescued or failed. A request always renders to the same clip, so another attempt costs only
    time.
    """
    is_abandoned = lapsed(timezone.now())
    abandoned = Generation.objects.filter(IS_OPEN, is_abandoned, engine=Engine.PREVIEW, state__in=WORKING_STATES)
    count = 0
    for generation in abandoned.only("attempt_count")[:MAX_RESCUED]:
        if generation.attempt_count >= MAX_RENDER_ATTEMPTS:
            moved = fail_generation(
                generation.pk,
                code="render_interrupted",
                figures={"count": MAX_RENDER_ATTEMPTS},
                sources=WORKING_STATES,
                only_if=is_abandoned,
            )
        else:
            moved = move_generation(
                generation.pk,
                sources=WORKING_STATES,
                only_if=is_abandoned,
                state=State.QUEUED,
                progress_percent=None,
                **RELEASED,
            )
        if moved:
            count += 1
            logger.warning("Generation %s lost its worker (attempt %s).", generation.pk, generation.attempt_count)
    return count


def delete_orphaned_outputs(*, max_count: int = 100) -> int:
    """Delete stored clips without a generation: their worker died between storing the file and completing the row."""
    orphans = Asset.objects.filter(unowned_since__lt=timezone.now() - ORPHANED_AFTER).order_by("unowned_since", "id")
    return sum(delete_unowned(asset=orphan) for orphan in list(orphans[:max_count]))
