"""Generations as jobs: what programs learn about a clip, from `/v1` and from webhooks."""

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
"""The states behind each of the contract's job statuses."""


def public_job_id(generation_id: UUID) -> str:
    """A generation's id as programs see it: `job_` and 32 hexadecimal digits."""
    return f"job_{generation_id.hex}"


def job_facts(generation: Generation) -> JobFacts:
    """The fields of every job record, with reasons in the active language."""
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
    """The record of a finished job that webhooks send."""
    # For programs and logs, so not in the language of the person who happened to end the job.
    with translation.override("en"):
        facts = job_facts(generation)
    return EndedJobRecord(
        **facts,
        finished_at=iso_utc(generation.finished_at or generation.updated_at),
        studio=EndedStudioRecord(**studio_record(generation), source="browser" if generation.key_id is None else "api"),
    )
