"""What is recorded when a generation ends."""

from datetime import UTC
from uuid import UUID

from django.db.models import BooleanField, Exists, ExpressionWrapper, F, OuterRef, Q

from tchavi_studio.webhooks.models import Event
from tchavi_studio.webhooks.queries import enabled_endpoints
from tchavi_studio.webhooks.services import record_event

from .models import Generation, KeyUse, State
from .records import ended_job_record, public_job_id


def record_end(generation_id: UUID) -> None:
    """Record the end of a generation for the workspace's webhooks, and count it for its API key.

    Call it in the transaction that ends the generation, or a crash in between would lose the message. One query if no
    webhook is listening and no key is behind it.
    """
    is_awaited = Q(_listening(Event.JOB_COMPLETED), state=State.COMPLETED) | ~Q(state=State.COMPLETED) & Q(
        _listening(Event.JOB_FAILED)
    )
    generation = Generation.objects.annotate(is_awaited=ExpressionWrapper(is_awaited, output_field=BooleanField())).get(
        pk=generation_id
    )
    if generation.is_awaited:
        record_event(
            workspace_id=generation.workspace_id,
            event=Event.JOB_COMPLETED if generation.state == State.COMPLETED else Event.JOB_FAILED,
            job_id=public_job_id(generation.pk),
            data=ended_job_record(generation),
        )
    if generation.key_id is not None:
        _count_for_key(generation, generation.key_id)


def _listening(event: Event) -> Exists:
    return Exists(enabled_endpoints(event).filter(workspace=OuterRef("workspace")))


def _count_for_key(generation: Generation, key_id: UUID) -> None:
    month = generation.created_at.astimezone(UTC).date().replace(day=1)
    spent_credits = generation.price_credits if generation.state == State.COMPLETED else 0
    counted = KeyUse.objects.filter(key_id=key_id, month=month)
    more = {"clip_count": F("clip_count") + 1, "spent_credits": F("spent_credits") + spent_credits}
    if not counted.update(**more):
        KeyUse.objects.bulk_create([KeyUse(key_id=key_id, month=month)], ignore_conflicts=True)
        counted.update(**more)
