"""The API's answers, as frozen values.

Reading is deliberately tolerant, because the provider publishes no schema. A field that is missing or has an unexpected
type becomes None (or ""), never an exception, and an unknown field is kept in `extra`.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum


class JobStatus(StrEnum):
    """The four states of the contract. `Job.status` is a plain string, because a server may have others."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class ResponseInfo:
    """What an answer's headers say; None where they say nothing."""

    request_id: str = ""
    credits_used: int | None = None
    credits_remaining: int | None = None
    requests_per_minute_limit: int | None = None
    requests_per_minute_remaining: int | None = None
    is_replay: bool = False
    """True if the server repeated its answer to an earlier request with the same idempotency key."""

    @classmethod
    def from_headers(cls, headers: Mapping[str, str]) -> "ResponseInfo":
        return cls(
            request_id=headers.get("x-request-id", ""),
            credits_used=_whole(headers.get("x-credits-used")),
            credits_remaining=_whole(headers.get("x-credits-remaining")),
            requests_per_minute_limit=_whole(headers.get("x-ratelimit-rpm-limit")),
            requests_per_minute_remaining=_whole(headers.get("x-ratelimit-rpm-remaining")),
            is_replay=headers.get("idempotent-replayed", "").lower() == "true",
        )


@dataclass(frozen=True, kw_only=True)
class VideoOutput:
    """The finished clip. `video_url` stops working at `url_expires_at`; `Tchavi.download` gets a fresh one."""

    video_url: str = ""
    duration_seconds: float | None = None
    resolution: str = ""
    file_size_mb: float | None = None
    url_expires_at: datetime | None = None
    extra: Mapping[str, object] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, kw_only=True)
class JobError:
    """Why a job failed: `code` is stable, `message` is for people."""

    code: str = ""
    message: str = ""
    extra: Mapping[str, object] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, kw_only=True)
class Job:
    """One video generation as the server last described it.

    `raw` is the job record as received, and `response` what the headers said; neither takes part in comparisons.
    """

    id: str = ""
    status: str = ""
    model: str = ""
    created_at: datetime | None = None
    output: VideoOutput | None = None
    error: JobError | None = None
    credits_used: int | None = None
    credits_refunded: int | None = None
    extra: Mapping[str, object] = field(default_factory=dict, hash=False)
    raw: Mapping[str, object] = field(default_factory=dict, compare=False, repr=False)
    response: ResponseInfo = field(default_factory=ResponseInfo, compare=False, repr=False)

    @property
    def is_finished(self) -> bool:
        """True if the job is completed or failed, and won't change any more."""
        return self.status in (JobStatus.COMPLETED, JobStatus.FAILED)

    @property
    def is_completed(self) -> bool:
        return self.status == JobStatus.COMPLETED

    @property
    def is_failed(self) -> bool:
        return self.status == JobStatus.FAILED


@dataclass(frozen=True, kw_only=True)
class JobPage:
    """One answer of the job list, newest first. `has_more` is None if the server doesn't say."""

    jobs: tuple[Job, ...] = ()
    has_more: bool | None = None
    response: ResponseInfo = field(default_factory=ResponseInfo, compare=False, repr=False)


@dataclass(frozen=True, kw_only=True)
class UploadedFile:
    """A file that the server stores. Use its `url` wherever the API takes a URL, until `url_expires_at`.

    `kind` is image, video or audio. The sizes are those of the stored file (a photo may have been converted). A video
    or audio file that `needs_trim` is longer than the models accept.
    """

    id: str = ""
    url: str = ""
    url_expires_at: datetime | None = None
    kind: str = ""
    content_type: str = ""
    byte_count: int | None = None
    width: int | None = None
    height: int | None = None
    duration_seconds: float | None = None
    needs_trim: bool | None = None
    extra: Mapping[str, object] = field(default_factory=dict, hash=False)
    response: ResponseInfo = field(default_factory=ResponseInfo, compare=False, repr=False)


@dataclass(frozen=True, kw_only=True)
class Transfer:
    """One row of a statement. `amount_credits` is the change in the balance, negative for a charge."""

    sequence: int | None = None
    kind: str = ""
    amount_credits: int | None = None
    balance_after_credits: int | None = None
    job_id: str = ""
    reason: str = ""
    created_at: datetime | None = None
    extra: Mapping[str, object] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, kw_only=True)
class Credits:
    """What is left to spend, and in which `book`: "sandbox" (play credits) or "live" (real ones).

    A key that `is_test` spends nothing. The `statement` is newest first; `has_more` is True if there are older rows,
    and None if the server doesn't say.
    """

    balance_credits: int | None = None
    book: str = ""
    is_test: bool | None = None
    statement: tuple[Transfer, ...] = ()
    has_more: bool | None = None
    extra: Mapping[str, object] = field(default_factory=dict, hash=False)
    response: ResponseInfo = field(default_factory=ResponseInfo, compare=False, repr=False)


@dataclass(frozen=True, kw_only=True)
class Quote:
    """What a generation with these parameters would cost: `credits_per_second` for each of `billed_seconds`.

    `is_affordable` says whether the current `balance_credits` is enough.
    """

    amount_credits: int | None = None
    credits_per_second: int | None = None
    billed_seconds: int | None = None
    balance_credits: int | None = None
    is_affordable: bool | None = None
    extra: Mapping[str, object] = field(default_factory=dict, hash=False)
    response: ResponseInfo = field(default_factory=ResponseInfo, compare=False, repr=False)


@dataclass(frozen=True, kw_only=True)
class VideoModel:
    """A model that the server offers."""

    id: str = ""
    name: str = ""
    extra: Mapping[str, object] = field(default_factory=dict, hash=False)


def read_job(body: object, *, response: ResponseInfo) -> Job:
    """Read a job from `{"id": …}`, from `{"job": {"id": …}}`, or from both at once (the outer fields win)."""
    outer = dict(_mapping(body))
    inner = _mapping(outer.get("job"))
    if inner:
        del outer["job"]
    record = {**inner, **outer}
    billing = _mapping(record.get("tchavi"))
    output = record.get("output")
    error = record.get("error")
    extra = _without(record, "id", "status", "model", "created_at", "output", "error", "tchavi")
    if unknown_billing := _without(billing, "credits_used", "credits_refunded"):
        extra["tchavi"] = unknown_billing
    return Job(
        id=_text(record.get("id")),
        status=_text(record.get("status")),
        model=_text(record.get("model")),
        created_at=_moment(record.get("created_at")),
        output=_read_output(output) if output is not None else None,
        error=_read_error(error) if error is not None else None,
        credits_used=_whole(billing.get("credits_used")),
        credits_refunded=_whole(billing.get("credits_refunded")),
        extra=extra,
        raw=record,
        response=response,
    )


def read_job_page(body: object, *, response: ResponseInfo) -> JobPage:
    """Read `{"data": [job, …]}`, leaving out entries that aren't objects."""
    record = _mapping(body)
    return JobPage(
        jobs=tuple(read_job(entry, response=response) for entry in _entries(record.get("data"))),
        has_more=_flag(record.get("has_more")),
        response=response,
    )


def read_uploaded_file(body: object, *, response: ResponseInfo) -> UploadedFile:
    record = _mapping(body)
    return UploadedFile(
        id=_text(record.get("id")),
        url=_text(record.get("url")),
        url_expires_at=_moment(record.get("url_expires_at")),
        kind=_text(record.get("kind")),
        content_type=_text(record.get("content_type")),
        byte_count=_whole(record.get("byte_count")),
        width=_whole(record.get("width")),
        height=_whole(record.get("height")),
        duration_seconds=_number(record.get("duration")),
        needs_trim=_flag(record.get("needs_trim")),
        extra=_without(
            record,
            *("id", "url", "url_expires_at", "kind", "content_type", "byte_count"),
            *("width", "height", "duration", "needs_trim"),
        ),
        response=response,
    )


def read_credits(body: object, *, response: ResponseInfo) -> Credits:
    """Read `{"balance": …}`; without a balance in the body, the header `X-Credits-Remaining` counts."""
    record = _mapping(body)
    balance = _whole(record.get("balance"))
    return Credits(
        balance_credits=response.credits_remaining if balance is None else balance,
        book=_text(record.get("book")),
        is_test=_flag(record.get("is_test")),
        statement=tuple(_read_transfer(entry) for entry in _entries(record.get("statement"))),
        has_more=_flag(record.get("has_more")),
        extra=_without(record, "balance", "book", "is_test", "statement", "has_more"),
        response=response,
    )


def _read_transfer(record: Mapping[str, object]) -> Transfer:
    known = ("sequence", "kind", "amount", "balance_after", "job_id", "reason", "created_at")
    return Transfer(
        sequence=_whole(record.get("sequence")),
        kind=_text(record.get("kind")),
        amount_credits=_whole(record.get("amount")),
        balance_after_credits=_whole(record.get("balance_after")),
        job_id=_text(record.get("job_id")),
        reason=_text(record.get("reason")),
        created_at=_moment(record.get("created_at")),
        extra=_without(record, *known),
    )


def read_quote(body: object, *, response: ResponseInfo) -> Quote:
    record = _mapping(body)
    return Quote(
        amount_credits=_whole(record.get("credits")),
        credits_per_second=_whole(record.get("credits_per_second")),
        billed_seconds=_whole(record.get("billed_seconds")),
        balance_credits=_whole(record.get("balance")),
        is_affordable=_flag(record.get("is_affordable")),
        extra=_without(record, "credits", "credits_per_second", "billed_seconds", "balance", "is_affordable"),
        response=response,
    )


def read_models(body: object) -> tuple[VideoModel, ...]:
    return tuple(
        VideoModel(id=_text(entry.get("id")), name=_text(entry.get("name")), extra=_without(entry, "id", "name"))
        for entry in _entries(_mapping(body).get("data"))
    )


def _read_output(value: object) -> VideoOutput:
    record = _mapping(value)
    return VideoOutput(
        video_url=_text(record.get("video_url")),
        duration_seconds=_number(record.get("duration")),
        resolution=_text(record.get("resolution")),
        file_size_mb=_number(record.get("file_size_mb")),
        url_expires_at=_moment(record.get("url_expires_at")),
        extra=_without(record, "video_url", "duration", "resolution", "file_size_mb", "url_expires_at"),
    )


def _read_error(value: object) -> JobError:
    if isinstance(value, str):
        return JobError(message=value)
    record = _mapping(value)
    return JobError(
        code=_text(record.get("code")),
        message=_text(record.get("message")),
        extra=_without(record, "code", "message"),
    )


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _entries(value: object) -> list[Mapping[str, object]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _without(record: Mapping[str, object], *names: str) -> dict[str, object]:
    return {name: value for name, value in record.items() if name not in names}


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _whole(value: object) -> int | None:
    if isinstance(value, str):
        return int(value) if re.fullmatch(r"-?[0-9]{1,18}", value) else None
    number = _number(value)
    return int(number) if number is not None and number.is_integer() else None


def _moment(value: object) -> datetime | None:
    """A time from ISO 8601 text or Unix seconds. Without a time zone it counts as UTC."""
    try:
        if isinstance(value, str):
            moment = datetime.fromisoformat(value)
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        seconds = _number(value)
        return None if seconds is None else datetime.fromtimestamp(seconds, tz=UTC)
    except (ValueError, OverflowError, OSError):
        return None
