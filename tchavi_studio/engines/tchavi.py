"""The engine whose clips are made by Tchavi's API, or by any server that speaks it.

It translates requests into the client's calls, answers into snapshots, and errors into the three outcomes that matter
for money: certainly not sent, certainly refused, unknown. It is strict in what it sends and tolerant in what it reads.
It never sends anything twice by itself: the pump decides when to try again.
"""

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path

import httpx

from tchavi_studio.client import AsyncTchavi, Job
from tchavi_studio.client.connection import Clock
from tchavi_studio.client.errors import (
    WITHOUT_EXPLANATION,
    APIConnectionError,
    APIError,
    InvalidRequestError,
    NotFoundError,
    NotOfferedError,
    RateLimitError,
    TchaviError,
    UsageError,
)
from tchavi_studio.client.results import ResponseInfo
from tchavi_studio.engines.base import (
    PAGE_LENGTH,
    Accepted,
    AccountRefusedError,
    Budget,
    EngineError,
    EngineReference,
    EngineRequest,
    JobList,
    NotSentError,
    OutOfBudgetError,
    OutputExpiredError,
    RefusedError,
    RemoteState,
    Retrieved,
    Snapshot,
    UnavailableError,
    UnknownOutcomeError,
    UploadedReference,
    storable,
)
from tchavi_studio.outbound import OutboundPolicy, OutboundRefusedError, fetch_to_file

logger = logging.getLogger(__name__)

REQUEST_TIMEOUT_SECONDS = 20.0

VIA_HEADER = "X-Studio-Via"
"""Tells a provider that is a studio which studios a request has come through."""

ACCOUNT_STATUSES = frozenset({401, 402, 403})
"""Refusals of the provider account's key, balance or rights, which say nothing about the request."""

MISPLACED_STATUSES = frozenset({404, 405})
"""What a submission to a wrong STUDIO_PROVIDER_URL gets."""

UNDECIDED_STATUSES = frozenset({408, 409, 425})
"""Refusals that leave open whether an equal request is being carried out."""

MAX_ID_LENGTH = 200
MAX_CREDITS = 10**12
MAX_REQUESTS_PER_MINUTE = 10**6
"""Figures above these or below 0 are the other side's mistake, and count as not given."""

EXPIRED_STATUSES = frozenset({401, 403, 404, 410})
MAX_OUTPUT_BYTES = 1024**3
IDLE_SECONDS = 15.0
"""A transfer without a byte for so long has stalled; another may not."""

STATES: dict[str, RemoteState] = {
    **{state.value: state for state in RemoteState},
    # What other servers of this kind say. An unknown state counts as work in progress.
    "queued": RemoteState.PENDING,
    "submitted": RemoteState.PENDING,
    "succeeded": RemoteState.COMPLETED,
    "success": RemoteState.COMPLETED,
    "error": RemoteState.FAILED,
    "canceled": RemoteState.FAILED,
    "cancelled": RemoteState.FAILED,
    "expired": RemoteState.FAILED,
}


class TchaviEngine:
    """One account at one server. It needs an event loop; `RemoteEngine` documents the methods."""

    def __init__(
        self,
        *,
        api_key: str,
        base_url: str,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Clock | None = None,
        timeout_seconds: float = REQUEST_TIMEOUT_SECONDS,
    ) -> None:
        self._client = AsyncTchavi(
            api_key=api_key,
            base_url=base_url,
            timeout_seconds=timeout_seconds,
            max_retries=0,
            transport=transport,
            clock=clock,
        )

    async def close(self) -> None:
        await self._client.close()

    async def submit(self, request: EngineRequest, *, attempt_id: str) -> Accepted:
        def url(reference: EngineReference | None) -> str | None:
            return reference.url if reference else None

        def urls(references: Sequence[EngineReference]) -> list[str] | None:
            return [reference.url for reference in references] or None

        try:
            job = await self._client.videos.generations.create(
                idempotency_key=attempt_id,
                extra_headers={VIA_HEADER: request.via} if request.via else None,
                model=request.model,
                prompt=request.prompt,
                duration=request.duration_seconds,
                resolution=request.resolution,
                aspect_ratio=request.aspect_ratio,
                generate_audio=request.generate_audio,
                seed=request.seed,
                image_url=url(request.first_frame),
                last_frame_image_url=url(request.last_frame),
                reference_images=urls(request.reference_images),
                reference_videos=urls(request.reference_videos),
                reference_audios=urls(request.reference_audios),
            )
        except TchaviError as error:
            raise _submission_error(error) from error
        if not _is_usable_id(job.id):
            raise UnknownOutcomeError("The provider gave the job a name that can't be kept.", code="upstream_unknown")
        return Accepted(remote_id=job.id, billed_credits=_credits(job.credits_used), budget=_budget(job.response))

    async def list_jobs(self, *, offset: int) -> JobList:
        try:
            page = await self._client.jobs.list_page(limit=PAGE_LENGTH, offset=offset)
        except TchaviError as error:
            raise _question_error(error) from error
        snapshots = tuple(read_snapshot(job) for job in page.jobs if _is_usable_id(job.id))
        return JobList(snapshots=snapshots, is_whole=len(snapshots) == len(page.jobs), budget=_budget(page.response))

    async def retrieve(self, remote_id: str) -> Retrieved:
        try:
            job = await self._client.jobs.retrieve(remote_id)
        except NotFoundError as error:
            return Retrieved(snapshot=None, budget=_budget(error.response))
        except TchaviError as error:
            raise _question_error(error) from error
        if job.id != remote_id:
            raise UnavailableError("The provider told of another job.", code="upstream_unavailable")
        return Retrieved(snapshot=read_snapshot(job), budget=_budget(job.response))

    async def takes_files(self) -> bool:
        try:
            return await self._client.files.are_taken()
        except TchaviError as error:
            if isinstance(error, InvalidRequestError) and error.status not in UNDECIDED_STATUSES:
                return False
            raise _question_error(error) from error

    async def upload(self, reference: EngineReference) -> UploadedReference:
        """Upload the reference's file. Raises `RefusedError` for a file that the other side refuses."""
        assert reference.path is not None
        try:
            uploaded = await self._client.files.upload(reference.path)
        except TchaviError as error:
            if isinstance(error, InvalidRequestError | NotOfferedError) and error.status not in UNDECIDED_STATUSES:
                raise RefusedError(_words(error), code=error.code or "reference_refused") from error
            raise _question_error(error) from error
        return UploadedReference(
            url=storable(uploaded.url), expires_at=uploaded.url_expires_at, budget=_budget(uploaded.response)
        )


def fetch_output(
    url: str, destination: Path, *, base_url: str, allowed_peers: Iterable[str], timeout_seconds: float
) -> str:
    """Fetch a finished clip into `destination`, which must not exist yet, and return its SHA-256.

    A clip may be on any public server, or where the API itself is: the operator may point `base_url` anywhere, so its
    host and port are exempt from the rules for strangers' URLs (and so are `allowed_peers`, "host:port"). No key is
    sent. Raises `OutputExpiredError` if the URL is no longer valid, and `UnavailableError` for a transfer that failed
    or was cut short. Neither leaves a file behind.
    """
    try:
        home = httpx.URL(base_url)
        absolute = str(httpx.URL(base_url + "/").join(url))
    except httpx.InvalidURL as error:
        raise OutputExpiredError("The provider named no usable address for the clip.") from error
    port = home.port or {"http": 80, "https": 443}[home.scheme]
    host = f"[{home.host}]" if ":" in home.host else home.host
    policy = OutboundPolicy(allowed_peers=frozenset({*allowed_peers, f"{host}:{port}"}))
    try:
        fetched = fetch_to_file(
            absolute,
            destination,
            max_bytes=MAX_OUTPUT_BYTES,
            timeout_seconds=timeout_seconds,
            idle_seconds=IDLE_SECONDS,
            policy=policy,
        )
    except OutboundRefusedError as error:
        if error.status_code in EXPIRED_STATUSES:
            raise OutputExpiredError("The address of the clip has expired.") from error
        raise UnavailableError("The clip could not be fetched.") from error
    return fetched.sha256


def read_snapshot(job: Job) -> Snapshot:
    """What a job record says, whatever it leaves out. Only a completed job with a URL counts as completed."""
    state = STATES.get(job.status.lower(), RemoteState.PROCESSING)
    output_url = storable(job.output.video_url) if job.output else ""
    if state == RemoteState.COMPLETED and not output_url:
        state = RemoteState.PROCESSING
    return Snapshot(
        remote_id=job.id,
        state=state,
        model=job.model,
        created_at=job.created_at,
        output_url=output_url if state == RemoteState.COMPLETED else "",
        error_code=storable(job.error.code) if job.error else "",
        error_message=storable(job.error.message) if job.error else "",
        billed_credits=_credits(job.credits_used),
        refunded_credits=_credits(job.credits_refunded),
    )


def _is_usable_id(remote_id: str) -> bool:
    return 0 < len(remote_id) <= MAX_ID_LENGTH and storable(remote_id) == remote_id


def _credits(amount: int | None) -> int | None:
    return amount if amount is not None and 0 <= amount <= MAX_CREDITS else None


def _budget(response: ResponseInfo) -> Budget:
    limit, remaining = response.requests_per_minute_limit, response.requests_per_minute_remaining
    return Budget(
        limit_per_minute=limit if limit is not None and 0 < limit <= MAX_REQUESTS_PER_MINUTE else None,
        remaining=remaining if remaining is not None and 0 <= remaining <= MAX_REQUESTS_PER_MINUTE else None,
    )


def _submission_error(error: TchaviError) -> EngineError:
    """Which of the three outcomes a failed submission had; unknown if in doubt."""
    if error.outcome_unknown:
        return UnknownOutcomeError(error.message, code="upstream_unknown")
    if isinstance(error, APIConnectionError):
        return NotSentError(error.message, code="upstream_unreachable")
    if isinstance(error, UsageError):
        logger.error("A request could not be sent: %s", error.message)
        return RefusedError(code="request_not_sendable")
    if isinstance(error, RateLimitError):
        return _out_of_budget(error)
    if not isinstance(error, APIError) or error.status in UNDECIDED_STATUSES:
        return UnknownOutcomeError(error.message, code="upstream_unknown")
    budget = _budget(error.response)
    if error.status in ACCOUNT_STATUSES | MISPLACED_STATUSES or error.status < 400:
        return AccountRefusedError(error.message, code=error.code or f"http_{error.status}", budget=budget)
    return RefusedError(_words(error), code=error.code or f"http_{error.status}", budget=budget)


def _words(error: APIError) -> str:
    """What the other side said; "" where the client had to find words itself."""
    is_clients = isinstance(error, NotOfferedError) or error.message == WITHOUT_EXPLANATION.format(status=error.status)
    return "" if is_clients else error.message


def _question_error(error: TchaviError) -> EngineError:
    if isinstance(error, RateLimitError):
        return _out_of_budget(error)
    if isinstance(error, APIError) and error.status in ACCOUNT_STATUSES:
        return AccountRefusedError(
            error.message, code=error.code or f"http_{error.status}", budget=_budget(error.response)
        )
    return UnavailableError(error.message, code="upstream_unavailable")


def _out_of_budget(error: RateLimitError) -> OutOfBudgetError:
    return OutOfBudgetError(
        error.message, retry_after_seconds=error.retry_after_seconds, budget=_budget(error.response)
    )
