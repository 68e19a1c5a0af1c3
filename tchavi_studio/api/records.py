"""The JSON records that `/v1` answers with. `openapi.py` describes the same ones; a test holds the two together."""

from datetime import UTC, datetime, timedelta
from typing import Any, NotRequired, TypedDict

from django.http import HttpRequest
from django.utils import timezone

from tchavi_studio.assets.models import Asset
from tchavi_studio.generations.events import public_job_id
from tchavi_studio.generations.models import Generation, State
from tchavi_studio.ledger.models import Transfer

from .addresses import SIGNED_SECONDS, signed_url
from .queries import status_of


class OutputRecord(TypedDict):
    video_url: str
    duration: float
    resolution: str
    file_size_mb: float
    url_expires_at: str


class FailureRecord(TypedDict):
    code: str
    message: str


class BillingRecord(TypedDict):
    credits_used: int
    credits_refunded: NotRequired[int]


class StudioRecord(TypedDict):
    """What only Studio tells."""

    engine: str
    seed: int
    is_test: bool


class JobRecord(TypedDict):
    id: str
    status: str
    model: str
    created_at: str
    output: NotRequired[OutputRecord]
    error: NotRequired[FailureRecord]
    tchavi: BillingRecord
    studio: StudioRecord


class TransferRecord(TypedDict):
    """One row of the statement; `amount` is what it did to the wallet, signed."""

    sequence: int
    kind: str
    amount: int
    balance_after: int
    job_id: str | None
    reason: str
    created_at: str


class FileRecord(TypedDict):
    id: str
    url: str
    url_expires_at: str
    kind: str
    content_type: str
    byte_count: int
    width: int | None
    height: int | None
    duration: float | None
    needs_trim: bool


def job_record(generation: Generation, request: HttpRequest) -> JobRecord:
    """A job as the contract describes it at its status. Addresses of clips are made anew each time."""
    record = JobRecord(
        id=public_job_id(generation),
        status=status_of(generation),
        model=generation.model,
        created_at=moment(generation.created_at),
        tchavi=BillingRecord(credits_used=generation.price_credits),
        studio=StudioRecord(engine=generation.engine, seed=generation.seed, is_test=generation.is_test),
    )
    if generation.output is not None:
        record["output"] = _output(generation, generation.output, request)
    if generation.state in (State.FAILED, State.CANCELLED):
        record["error"] = FailureRecord(code=generation.error_code, message=generation.failure_message)
        record["tchavi"]["credits_refunded"] = generation.price_credits
    return record


def accepted_record(
    generation: Generation, request: HttpRequest, *, warnings: list[dict[str, Any]], hints: list[dict[str, Any]]
) -> dict[str, Any]:
    """The 202: the job record, and beside it `job`, since both readings of the contract exist."""
    record = job_record(generation, request)
    return {**record, "job": {"id": record["id"], "status": record["status"]}, "warnings": warnings, "hints": hints}


def file_record(asset: Asset, request: HttpRequest) -> FileRecord:
    return FileRecord(
        id=f"file_{asset.pk.hex}",
        url_expires_at=_expiry(),
        url=signed_url(asset, request),
        kind=asset.kind,
        content_type=asset.content_type,
        byte_count=asset.byte_count,
        width=asset.width,
        height=asset.height,
        duration=_seconds(asset.duration_seconds),
        needs_trim=asset.needs_trim,
    )


def transfer_record(transfer: Transfer) -> TransferRecord:
    return TransferRecord(
        sequence=transfer.sequence,
        kind=transfer.kind,
        amount=transfer.change_credits,
        balance_after=transfer.balance_after_credits,
        job_id=f"job_{transfer.clip_id.hex}" if transfer.clip_id else None,
        reason=transfer.reason,
        created_at=moment(transfer.created_at),
    )


def moment(when: datetime) -> str:
    """An instant as ISO 8601 in UTC, to the second: 2026-11-23T14:00:00Z."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _output(generation: Generation, asset: Asset, request: HttpRequest) -> OutputRecord:
    return OutputRecord(
        # Taken before the address is made, so that the address works at least that long.
        url_expires_at=_expiry(),
        video_url=signed_url(asset, request),
        duration=_seconds(asset.duration_seconds) or 0,
        resolution=generation.resolution,
        file_size_mb=round(asset.byte_count / 1_000_000, 2),
    )


def _expiry() -> str:
    return moment(timezone.now() + timedelta(seconds=SIGNED_SECONDS))


def _seconds(duration_seconds: float | None) -> float | None:
    return None if duration_seconds is None else round(duration_seconds, 2)
