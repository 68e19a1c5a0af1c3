"""How a generation moves from state to state. Every move is a compare-and-set: one row changes, or nothing does.

Each function here may be called by any number of workers at once, late, or twice. Where it answers False, somebody
else was faster or the row has moved on, and the caller must do nothing more.
"""

import logging
from collections.abc import Collection
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from tchavi_studio.assets.models import Asset, Origin
from tchavi_studio.assets.services import MediaRefusedError, delete_asset, store_output
from tchavi_studio.ledger.services import refund_charge

from .crashpoints import CrashPoint, crashpoint
from .events import record_end
from .leases import Claim, ClaimLostError, StopAskedError, lease, while_held
from .models import OPEN_STATES, Engine, Generation, State

logger = logging.getLogger(__name__)

MAX_RENDER_ATTEMPTS = 3
ORPHANED_AFTER = timedelta(hours=1)
WORKING_STATES = frozenset({State.PROCESSING, State.SAVING})


def move_generation(
    generation_id: UUID, *, sources: Collection[State], held_fence: int | None = None, **changes: Any
) -> bool:
    """Change the row if it is in one of `sources` and, where `held_fence` is given, still under that claim."""
    rows = Generation.objects.filter(pk=generation_id, state__in=sources)
    if held_fence is not None:
        rows = rows.filter(fence=held_fence)
    return rows.update(version=F("version") + 1, updated_at=timezone.now(), **changes) == 1


def claim_next_render() -> Claim | None:
    """Claim the preview that has waited longest. None when nothing waits."""
    waiting = Generation.objects.filter(engine=Engine.PREVIEW, state=State.QUEUED).order_by("created_at", "id")
    while (candidate := waiting.only("fence", "attempt_count").first()) is not None:
        now = timezone.now()
        claim = Claim(generation_id=candidate.pk, fence=candidate.fence + 1)
        claimed = move_generation(
            candidate.pk,
            sources={State.QUEUED},
            held_fence=candidate.fence,
            state=State.PROCESSING,
            fence=claim.fence,
            attempt_count=candidate.attempt_count + 1,
            started_at=now,
            lease_until=now + lease(),
            progress_percent=0,
        )
        if claimed:
            return claim
    return None


def report_progress(claim: Claim, *, progress_percent: int) -> bool:
    """Write down how far a render is, and hold the lease on. False: the claim is lost, stop rendering."""
    return move_generation(
        claim.generation_id,
        sources={State.PROCESSING},
        held_fence=claim.fence,
        progress_percent=progress_percent,
        lease_until=timezone.now() + lease(),
    )


def give_back_render(claim: Claim) -> bool:
    """Put a render that was stopped back into the queue, if it is still ours; the attempt does not count."""
    return move_generation(
        claim.generation_id,
        sources=WORKING_STATES,
        held_fence=claim.fence,
        state=State.QUEUED,
        fence=claim.fence + 1,
        attempt_count=F("attempt_count") - 1,
        lease_until=None,
        progress_percent=None,
    )


def finish_generation(claim: Claim, *, path: Path, content_hash: str = "") -> bool:
    """Take the rendered file at `path` over and complete the generation.

    A file that does not hold up fails the generation, with its refund. Either way `path` is gone afterwards.
    """
    saving = move_generation(
        claim.generation_id,
        sources={State.PROCESSING},
        held_fence=claim.fence,
        state=State.SAVING,
        progress_percent=None,
        lease_until=timezone.now() + lease(),
    )
    if not saving:
        path.unlink(missing_ok=True)
        return False
    try:
        return save_output(claim, path=path, content_hash=content_hash)
    except ClaimLostError:
        return False
    except StopAskedError:
        return give_back_render(claim)
    except MediaRefusedError as refusal:
        return fail_generation(
            claim.generation_id, code="output_unreadable", message=refusal.message, held_fence=claim.fence
        )


def save_output(claim: Claim, *, path: Path, content_hash: str = "") -> bool:
    """Complete a generation that is being saved with the file at `path`, which is gone afterwards.

    The file is stored and verified first; only then does the state flip, so "completed" always has its file. Raises
    `MediaRefusedError` for a file that is no whole clip, and what `while_held` raises; the generation stays as it was.
    """
    generation = Generation.objects.select_related("workspace", "creator").get(pk=claim.generation_id)
    asset = store_output(
        workspace=generation.workspace,
        user=generation.creator,
        path=path,
        during=partial(while_held, claim, State.SAVING),
    )
    crashpoint(CrashPoint.STORED)
    with transaction.atomic():
        completed = move_generation(
            claim.generation_id,
            sources={State.SAVING},
            held_fence=claim.fence,
            state=State.COMPLETED,
            output=asset,
            content_hash=content_hash,
            finished_at=timezone.now(),
            lease_until=None,
        )
        if completed:
            record_end(claim.generation_id)
        crashpoint(CrashPoint.IN_COMPLETING)
    crashpoint(CrashPoint.COMPLETED)
    if not completed:
        delete_asset(asset=asset)
    return completed


def fail_generation(
    generation_id: UUID,
    *,
    code: str,
    message: str,
    sources: Collection[State] = OPEN_STATES,
    held_fence: int | None = None,
    needs_review: bool = False,
) -> bool:
    """End a generation as failed and refund it, in one transaction. `message` is shown to people whole.

    `needs_review` tells the site's admins that the provider may have billed it all the same.
    """
    return _end_with_refund(
        generation_id,
        sources=sources,
        held_fence=held_fence,
        state=State.FAILED,
        error_code=code,
        error_message=message,
        needs_review=needs_review,
    )


def cancel_queued(generation_id: UUID) -> bool:
    """End a generation that nobody has begun to work on, and refund it. False once work has begun."""
    return _end_with_refund(generation_id, sources={State.QUEUED}, state=State.CANCELLED, error_code="cancelled")


def _end_with_refund(
    generation_id: UUID, *, sources: Collection[State], held_fence: int | None = None, **changes: Any
) -> bool:
    with transaction.atomic():
        ended = move_generation(
            generation_id,
            sources=sources,
            held_fence=held_fence,
            finished_at=timezone.now(),
            lease_until=None,
            progress_percent=None,
            **changes,
        )
        if ended:
            crashpoint(CrashPoint.IN_FAILING)
            refund_charge(reference=generation_id, reason=changes["error_code"])
            record_end(generation_id)
    crashpoint(CrashPoint.FAILED)
    return ended


def rescue_abandoned_renders() -> int:
    """Give renders whose lease has ended back to the queue, or fail them after their last attempt.

    Returns how many were rescued or failed. Rendering the same request again makes the same clip, so a second attempt
    costs time and nothing else.
    """
    abandoned = Generation.objects.filter(
        engine=Engine.PREVIEW, state__in=WORKING_STATES, lease_until__lt=timezone.now()
    ).only("fence", "attempt_count")
    count = 0
    for generation in abandoned:
        if generation.attempt_count >= MAX_RENDER_ATTEMPTS:
            moved = fail_generation(
                generation.pk,
                code="render_interrupted",
                message=f"The render stopped {MAX_RENDER_ATTEMPTS} times without finishing.",
                sources=WORKING_STATES,
                held_fence=generation.fence,
            )
        else:
            moved = move_generation(
                generation.pk,
                sources=WORKING_STATES,
                held_fence=generation.fence,
                state=State.QUEUED,
                fence=generation.fence + 1,
                lease_until=None,
                progress_percent=None,
            )
        if moved:
            count += 1
            logger.warning("Generation %s had lost its worker (attempt %s).", generation.pk, generation.attempt_count)
    return count


def delete_orphaned_outputs(*, most: int = 20) -> int:
    """Delete stored clips that no generation owns: their worker died after storing them, before completing its row."""
    orphans = Asset.objects.filter(
        origin=Origin.OUTPUT, generation=None, created_at__lt=timezone.now() - ORPHANED_AFTER
    )
    return sum(delete_asset(asset=orphan) for orphan in orphans[:most])
