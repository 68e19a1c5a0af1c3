"""The API's answers, as frozen values, read by the declarations in `records.py`.

Reading is deliberately tolerant, because the provider publishes no schema. A field that is missing or has an unexpected
type becomes None (or ""), never an exception, and an unknown field is kept in `extra`.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any, NotRequired, get_args, get_origin, get_type_hints

from tchavi_studio.client.records import (
    BillingRecord,
    CreditsRecord,
    Doc,
    FileRecord,
    JobErrorRecord,
    JobRecord,
    JobStatus,
    ModelRecord,
    OutputRecord,
    QuoteRecord,
    TransferRecord,
)

Reader = Callable[[object], Any]


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
    billing = _read(Job, BillingRecord, _mapping(record.get("tchavi")))
    job = _read(Job, JobRecord, _without(record, "tchavi"), output=_read_output, error=_read_error)
    extra = {**job["extra"], "tchavi": billing["extra"]} if billing["extra"] else job["extra"]
    return Job(**{**billing, **job, "extra": extra}, raw=record, response=response)


def read_job_page(body: object, *, response: ResponseInfo) -> JobPage:
    """Read `{"data": [job, …]}`, leaving out entries that aren't objects."""
    record = _mapping(body)
    return JobPage(
        jobs=tuple(read_job(entry, response=response) for entry in _entries(record.get("data"))),
        has_more=_flag(record.get("has_more")),
        response=response,
    )


def read_uploaded_file(body: object, *, response: ResponseInfo) -> UploadedFile:
    return UploadedFile(**_read(UploadedFile, FileRecord, _mapping(body)), response=response)


def read_credits(body: object, *, response: ResponseInfo) -> Credits:
    """Read `{"balance": …}`; without a balance in the body, the header `X-Credits-Remaining` counts."""
    values = _read(Credits, CreditsRecord, _mapping(body), statement=_read_statement)
    if values.get("balance_credits") is None:
        values["balance_credits"] = response.credits_remaining
    return Credits(**values, response=response)


def _read_statement(value: object) -> tuple[Transfer, ...]:
    return tuple(Transfer(**_read(Transfer, TransferRecord, entry)) for entry in _entries(value))


def read_quote(body: object, *, response: ResponseInfo) -> Quote:
    return Quote(**_read(Quote, QuoteRecord, _mapping(body)), response=response)


def read_models(body: object) -> tuple[VideoModel, ...]:
    return tuple(VideoModel(**_read(VideoModel, ModelRecord, entry)) for entry in _entries(_mapping(body).get("data")))


def _read_output(value: object) -> VideoOutput:
    return VideoOutput(**_read(VideoOutput, OutputRecord, _mapping(value)))


def _read_error(value: object) -> JobError:
    if isinstance(value, str):
        return JobError(message=value)
    return JobError(**_read(JobError, JobErrorRecord, _mapping(value)))


# --- Tolerant reading -------------------------------------------------------------------------------------------------

NAMES_WITH_UNITS = {
    "amount": "amount_credits",
    "balance": "balance_credits",
    "balance_after": "balance_after_credits",
    "credits": "amount_credits",
    "duration": "duration_seconds",
}
"""What the fields are called in results that have no unit in their names in the JSON."""


def _read(result: type, declared: type, record: Mapping[str, object], **readers: Reader) -> dict[str, Any]:
    """What `result` takes of a record: the fields that both declare, and all others under `extra`.

    How a field is read follows from its declared type, unless `readers` says how.
    """
    attributes = {attribute.name for attribute in fields(result)}
    known = {**_readers(declared), **readers}
    values: dict[str, Any] = {}
    extra = {}
    for name, value in record.items():
        attribute = NAMES_WITH_UNITS.get(name, name)
        if name not in known or attribute not in attributes:
            extra[name] = value
        elif value is not None:
            values[attribute] = known[name](value)
    return {**values, "extra": extra}


@cache
def _readers(declared: type) -> dict[str, Reader]:
    """How each field of a record is read, by its name."""
    return {name: _reader(field) for name, field in get_type_hints(declared, include_extras=True).items()}


def _reader(declared: Any) -> Reader:
    while get_origin(declared) in (Annotated, NotRequired):
        if any(isinstance(note, Doc) and note.keywords.get("format") == "date-time" for note in get_args(declared)):
            return _moment
        declared = get_args(declared)[0]
    kinds = get_args(declared) or (declared,)
    return next((reader for kind, reader in READERS.items() if kind in kinds), _text)


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


READERS: dict[type, Reader] = {bool: _flag, int: _whole, float: _number}
