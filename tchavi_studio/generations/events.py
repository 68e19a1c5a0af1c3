"""The webhook messages sent when a generation ends."""

from uuid import UUID

from django.db.models import Exists, OuterRef, Q

from tchavi_studio.webhooks.models import Event
from tchavi_studio.webhooks.queries import enabled_endpoints
from tchavi_studio.webhooks.services import record_event

from .models import Generation, State
from .records import ended_job_record, public_job_id


def record_end(generation_id: UUID) -> None:
    """Record the end of a generation for the workspace's webhooks.

    Call it in the transaction that ends the generation, or a crash in between would lose the message. One query if no
    webhook is listening.
    """
    generation = Generation.objects.filter(
        Q(_listening(Event.JOB_COMPLETED), state=State.COMPLETED)
        | ~Q(state=State.COMPLETED) & Q(_listening(Event.JOB_FAILED)),
        pk=generation_id,
    ).first()
    if generation is None:
        return
    record_event(
        workspace_id=generation.workspace_id,
        event=Event.JOB_COMPLETED if generation.state == State.COMPLETED else Event.JOB_FAILED,
        job_id=public_job_id(generation.pk),
        data=ended_job_record(generation),
    )


def _listening(event: Event) -> Exists:
    return Exists(enabled_endpoints(event).filter(workspace=OuterRef("workspace")))
