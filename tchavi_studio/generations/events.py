"""What is recorded when a generation ends."""

from collections.abc import Collection
from uuid import UUID

from django.db import transaction
from django.db.models import BooleanField, Count, Exists, ExpressionWrapper, F, OuterRef, Q, Sum
from django.db.models.functions import TruncMonth
from django.utils import timezone

from tchavi_studio.notices.models import NoticeKind
from tchavi_studio.notices.queries import is_present
from tchavi_studio.notices.services import notify
from tchavi_studio.webhooks.models import Event
from tchavi_studio.webhooks.queries import enabled_endpoints
from tchavi_studio.webhooks.services import record_event
from tchavi_studio.workspaces.models import Workspace
from tchavi_studio.workspaces.time_zones import month_of, zone_at

from .models import OPEN_STATES, Generation, KeyUse, State
from .params import MODELS
from .records import ended_job_record, public_job_id


def record_end(generation_id: UUID) -> None:
    """Record the end of a generation for the workspace's webhooks and its creator, and count it for its API key.

    Call it in the transaction that ends the generation, or a crash in between would lose the message. Two queries if no
    webhook is listening, no key is behind it, and its creator's page is still open.
    """
    is_awaited = Q(_listening(Event.JOB_COMPLETED), state=State.COMPLETED) | ~Q(state=State.COMPLETED) & Q(
        _listening(Event.JOB_FAILED)
    )
    ended = Generation.objects.annotate(is_awaited=ExpressionWrapper(is_awaited, output_field=BooleanField()))
    generation = ended.select_related("workspace").get(pk=generation_id)
    if generation.is_awaited:
        record_event(
            workspace_id=generation.workspace_id,
            event=Event.JOB_COMPLETED if generation.state == State.COMPLETED else Event.JOB_FAILED,
            job_id=public_job_id(generation.pk),
            data=ended_job_record(generation),
        )
    if generation.key_id is not None:
        _count_for_key(generation, generation.key_id)
    else:
        _notify_creator(generation)


def _notify_creator(generation: Generation) -> None:
    """Tell whoever made it in the browser, unless a page of theirs may be open and does, or they cancelled it."""
    kind = {State.COMPLETED: NoticeKind.CLIP_DONE, State.FAILED: NoticeKind.CLIP_FAILED}.get(State(generation.state))
    if kind is None or generation.creator_id is None or is_present(user_id=generation.creator_id):
        return
    assert generation.creator is not None
    details: dict[str, str | int | bool] = {
        "model": MODELS[generation.model],
        "duration_seconds": generation.billed_seconds,
    }
    if kind == NoticeKind.CLIP_FAILED:
        details["refunded_credits"] = generation.price_credits
    notify(
        user=generation.creator,
        kind=kind,
        workspace=generation.workspace,
        reference=generation.pk,
        details=details,
    )


def _listening(event: Event) -> Exists:
    return Exists(enabled_endpoints(event).filter(workspace=OuterRef("workspace")))


def _count_for_key(generation: Generation, key_id: UUID) -> None:
    month = month_of(generation.workspace, generation.created_at)
    spent_credits = generation.price_credits if generation.state == State.COMPLETED else 0
    counted = KeyUse.objects.filter(key_id=key_id, month=month)
    more = {"clip_count": F("clip_count") + 1, "spent_credits": F("spent_credits") + spent_credits}
    if not counted.update(**more):
        KeyUse.objects.bulk_create([KeyUse(key_id=key_id, month=month)], ignore_conflicts=True)
        counted.update(**more)


@transaction.atomic
def recount_key_use(*, workspace: Workspace, key_ids: Collection[UUID]) -> None:
    """Count the ended clips of a workspace's keys anew, by reading them all, in the months of its present time zone.

    Those that were deleted for good no longer count.
    """
    ended = Generation.objects.filter(key_id__in=key_ids).exclude(state__in=OPEN_STATES)
    uses = (
        ended.annotate(month=TruncMonth("created_at", tzinfo=zone_at(workspace, timezone.now())))
        .order_by()
        .values_list("key_id", "month")
        .annotate(clips=Count("pk"), spent=Sum("price_credits", filter=Q(state=State.COMPLETED), default=0))
    )
    KeyUse.objects.filter(key_id__in=key_ids).delete()
    KeyUse.objects.bulk_create(
        KeyUse(key_id=key_id, month=month.date(), clip_count=clips, spent_credits=spent)
        for key_id, month, clips, spent in uses
    )
