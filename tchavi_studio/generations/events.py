"""What programs are told when a generation ends."""

from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q
from django.utils import translation

from tchavi_studio.webhooks.models import Event
from tchavi_studio.webhooks.queries import enabled_endpoints
from tchavi_studio.webhooks.services import moment, record_event

from .models import Generation, State


def public_job_id(generation: Generation) -> str:
    """The name of a generation over `/v1`."""
    return f"job_{generation.pk.hex}"


def record_end(generation_id: UUID) -> None:
    """Write down for the workspace's webhooks that a generation has come to its end.

    Call it in the transaction that ends it: without one, a crash in between would tell nobody. One query where there
    is no webhook to tell.
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
        job_id=public_job_id(generation),
        data=_job_data(generation),
    )


def _listening(event: Event) -> Exists:
    return Exists(enabled_endpoints(event).filter(workspace=OuterRef("workspace")))


def _job_data(generation: Generation) -> dict[str, Any]:
    """The job as `GET /v1/jobs/{id}` tells it, without its output, whose address would expire."""
    finished_at = generation.finished_at or generation.updated_at
    data: dict[str, Any] = {
        "id": public_job_id(generation),
        "status": "completed" if generation.state == State.COMPLETED else "failed",
        "model": generation.model,
        "created_at": moment(generation.created_at),
        "finished_at": moment(finished_at),
        "tchavi": {"credits_used": generation.price_credits},
        "studio": {
            "engine": generation.engine,
            "seed": generation.seed,
            "is_test": generation.is_test,
            "source": "browser" if generation.key_id is None else "api",
        },
    }
    if generation.state != State.COMPLETED:
        # Read by programs and in their logs, so not in the language of whoever cancelled it.
        with translation.override("en"):
            message = generation.failure_message
        data["error"] = {"code": generation.error_code, "message": message}
        data["tchavi"]["credits_refunded"] = generation.price_credits
    return data
