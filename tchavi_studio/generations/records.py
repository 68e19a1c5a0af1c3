"""Generations as jobs: what programs are told of a clip, over `/v1` and by webhooks."""

from uuid import UUID

from django.utils import translation

from tchavi_studio.client.records import (
    BillingRecord,
    EndedJobRecord,
    EndedStudioRecord,
    JobErrorRecord,
    JobFacts,
    JobStatus,
    StudioRecord,
)
from tchavi_studio.webhooks.services import iso_utc

from .models import Generation, State

STATUSES: dict[JobStatus, frozenset[State]] = {
    JobStatus.PENDING: frozenset({State.QUEUED, State.SUBMITTING, State.UNKNOWN}),
    JobStatus.PROCESSING: frozenset({State.PROCESSING, State.SAVING}),
    JobStatus.COMPLETED: frozenset({State.COMPLETED}),
    JobStatus.FAILED: frozenset({State.FAILED, State.CANCELLED}),
}
"""The contract's job statuses, and the states that each stands for."""


def public_job_id(generation_id: UUID) -> str:
    """A generation's id as programs see it: `job_` and 32 hexadecimal digits."""
    return f"job_{generation_id.hex}"


def job_facts(generation: Generation) -> JobFacts:
    """What every record of the job says, with reasons in the active language."""
    status = next(status for status, states in STATUSES.items() if generation.state in states)
    facts = JobFacts(
        id=public_job_id(generation.pk),
        status=status,
        model=generation.model,
        created_at=iso_utc(generation.created_at),
        tchavi=BillingRecord(credits_used=generation.price_credits),
    )
    if status == JobStatus.FAILED:
        facts["error"] = JobErrorRecord(code=generation.error_code, message=generation.failure_message)
        facts["tchavi"]["credits_refunded"] = generation.price_credits
    return facts


def studio_record(generation: Generation) -> StudioRecord:
    """What Studio adds to Tchavi's record of a job."""
    return StudioRecord(engine=generation.engine, seed=generation.seed, is_test=generation.is_test)


def ended_job_record(generation: Generation) -> EndedJobRecord:
    """What webhooks are sent of a job that has ended."""
    # Programs read it, and logs keep it, so it isn't in the language of whoever cancelled the job.
    with translation.override("en"):
        facts = job_facts(generation)
    return EndedJobRecord(
        **facts,
        finished_at=iso_utc(generation.finished_at or generation.updated_at),
        studio=EndedStudioRecord(**studio_record(generation), source="browser" if generation.key_id is None else "api"),
    )
