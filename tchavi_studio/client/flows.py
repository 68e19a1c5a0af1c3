"""What the client does, without the input and output: the logic that the blocking and the async client share.

Each method of `Flows` is a generator. It yields effects (send this, sleep that long, tell the caller) and is sent their
results. `client.py` performs them blocking, `async_client.py` awaiting. httpx's own `Auth.auth_flow` works the same
way. A failed exchange is thrown into the generator as an `httpx.HTTPError`.
"""

import os
import uuid
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote

import httpx

from tchavi_studio.client.connection import Answer, Call, Connection, is_transient
from tchavi_studio.client.download import Download
from tchavi_studio.client.effects import Flow, OnUpdate, Send, Sleep, Tell
from tchavi_studio.client.errors import (
    APIError,
    ConflictError,
    JobFailedError,
    JobTimeoutError,
    NotOfferedError,
    ServerError,
    TchaviError,
    UnreadableAnswerError,
    UpstreamError,
    UsageError,
)
from tchavi_studio.client.pacing import (
    MAX_RETRY_AFTER_SECONDS,
    backoff_seconds,
    poll_seconds,
    rate_budget_seconds,
)
from tchavi_studio.client.parameters import LocalFile, media, request_body
from tchavi_studio.client.records import JobStatus
from tchavi_studio.client.results import (
    Credits,
    Job,
    JobPage,
    Quote,
    UploadedFile,
    VideoModel,
    read_credits,
    read_job,
    read_job_page,
    read_models,
    read_quote,
    read_uploaded_file,
)

PAGE_LIMIT = 50
MAX_ANSWER_BYTES = 8 * 1024**2
WAIT_TIMEOUT_SECONDS = 900.0


@dataclass
class JobCursor:
    """How far a walk through the job list has come."""

    status: str | None = None
    limit: int | None = None
    offset: int = 0
    after: str | None = None
    is_finished: bool = False
    seen_ids: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        if self.limit is not None and self.limit < 1:
            raise UsageError("limit must be at least 1.")

    @property
    def page_limit(self) -> int:
        return PAGE_LIMIT if self.limit is None else min(PAGE_LIMIT, self.limit - len(self.seen_ids))

    def take(self, page: JobPage) -> list[Job]:
        """The jobs of `page` that haven't been seen yet. Moves on to the next page.

        With an offset, new jobs push older ones to the next page meanwhile, so some come twice. A page with nothing new
        ends the walk, or a server that ignores `offset` would keep it going for ever.

        Only a Studio says whether there is more, and only a Studio takes `after`, which is faster and exact. It then
        ignores the offset; older ones, which don't know `after`, use it.
        """
        asked = self.page_limit
        fresh: list[Job] = []
        for job in page.jobs:
            if job.id not in self.seen_ids and len(fresh) < asked:
                self.seen_ids.add(job.id)
                fresh.append(job)
        self.offset += len(page.jobs)
        if page.has_more and page.jobs:
            self.after = page.jobs[-1].id
        has_more = page.has_more if page.has_more is not None else len(page.jobs) >= asked
        self.is_finished = not fresh or not has_more or self.page_limit == 0
        return fresh


class Flows:
    """Everything the client can do at one server."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._clock = connection.clock

    # Calls

    def call(self, call: Call, *, max_retries: int | None = None) -> Flow[Answer]:
        """Send `call` until it is answered, as often as that is allowed and safe (see `Connection.may_repeat`)."""
        retries = self._connection.max_retries if max_retries is None else max_retries
        outcome_unknown = False
        attempt = 0
        while True:
            try:
                return (yield from self._exchange(call))
            except TchaviError as error:
                # The last attempt may be refused although an earlier one went through.
                in_progress = outcome_unknown and isinstance(error, ConflictError)
                outcome_unknown = error.outcome_unknown = outcome_unknown or error.outcome_unknown
                error.idempotency_key = call.idempotency_key
                pause = self._retry_pause(error, attempt)
                if attempt >= retries or pause is None or not (in_progress or self._connection.may_repeat(call, error)):
                    raise
            yield Sleep(pause)
            attempt += 1

    def _exchange(self, call: Call) -> Flow[Answer]:
        content = bytearray()

        def keep(chunk: bytes) -> None:
            content.extend(chunk)
            if len(content) > MAX_ANSWER_BYTES:
                error = UnreadableAnswerError(f"{call}: the answer is longer than {MAX_ANSWER_BYTES:,} bytes.")
                error.outcome_unknown = not call.is_safe
                raise error

        try:
            response: httpx.Response = yield Send(self._connection.request(call), keep)
        except httpx.HTTPError as cause:
            raise self._connection.connection_error(call, cause) from cause
        return self._connection.read(call, response, bytes(content))

    def _retry_pause(self, error: TchaviError, attempt: int) -> float | None:
        asked = error.retry_after_seconds if isinstance(error, APIError) else None
        if asked is not None:
            return asked if asked <= MAX_RETRY_AFTER_SECONDS else None
        return backoff_seconds(attempt, chance=self._clock.chance())

    def _addition(self, call: Call, *, instead: str = "") -> Flow[Answer]:
        """Make a call that only a Studio knows."""
        try:
            return (yield from self.call(call))
        except APIError as error:
            if error.status in (404, 405, 501):
                raise self._not_offered(call, error, instead=instead) from error
            raise

    def _not_offered(self, call: Call, error: APIError, *, instead: str = "") -> NotOfferedError:
        message = f"{self._connection.base_url} does not offer {call}. {instead}".rstrip()
        return NotOfferedError(message, status=error.status, response=error.response)

    # Generations

    def create(
        self,
        params: Mapping[str, object],
        *,
        idempotency_key: str | None,
        extra_headers: Mapping[str, str] | None = None,
    ) -> Flow[Job]:
        key = idempotency_key if idempotency_key is not None else str(uuid.uuid4())
        if not 1 <= len(key) <= 255 or not all("!" <= character <= "~" for character in key):
            raise UsageError("An idempotency key must be 1 to 255 visible ASCII characters.")
        body = yield from self._uploaded(request_body(params))
        call = Call(
            method="POST",
            path="/videos/generations",
            body=body,
            idempotency_key=key,
            headers=extra_headers or {},
            is_safe=False,
        )
        answer = yield from self.call(call)
        job = read_job(answer.body, response=answer.response)
        if not job.id:
            error = UnreadableAnswerError(
                f"{call}: the server accepted the request but gave no job id.", response=answer.response
            )
            error.outcome_unknown, error.idempotency_key = True, key
            raise error
        return job if job.status else replace(job, status=JobStatus.PENDING.value)

    def create_and_wait(
        self,
        params: Mapping[str, object],
        *,
        idempotency_key: str | None,
        on_update: OnUpdate | None,
        timeout_seconds: float,
    ) -> Flow[Job]:
        job = yield from self.create(params, idempotency_key=idempotency_key)
        return (yield from self._follow(job, on_update=on_update, timeout_seconds=timeout_seconds))

    def quote(self, params: Mapping[str, object]) -> Flow[Quote]:
        body = yield from self._uploaded(request_body(params))
        answer = yield from self._addition(Call(method="POST", path="/videos/quote", body=body))
        return read_quote(answer.body, response=answer.response)

    def _uploaded(self, body: Mapping[str, object]) -> Flow[dict[str, object]]:
        """`body` with every local file uploaded and its URL in its place."""
        result: dict[str, object] = {}
        for name, value in body.items():
            if not isinstance(value, list):
                result[name] = yield from self._url_of(value)
                continue
            urls: list[object] = []
            for entry in value:
                urls.append((yield from self._url_of(entry)))
            result[name] = urls
        return result

    def _url_of(self, value: object) -> Flow[object]:
        return (yield from self._upload(value)).url if isinstance(value, LocalFile) else value

    # Files

    def upload(self, source: object) -> Flow[UploadedFile]:
        file = media(source, parameter="upload")
        if isinstance(file, str):
            raise UsageError("This is a URL already. Pass it to the API as it is.")
        return (yield from self._upload(file))

    def files_are_taken(self) -> Flow[bool]:
        """Find out without uploading anything: a server that accepts files answers 405 to a GET of their list."""
        try:
            yield from self.call(Call(method="GET", path="/files"))
        except APIError as error:
            if error.status in (404, 501):
                return False
            if error.status != 405:
                raise
        return True

    def _upload(self, file: LocalFile) -> Flow[UploadedFile]:
        with ExitStack() as stack:
            content = stack.enter_context(file.source.open("rb")) if isinstance(file.source, Path) else file.source
            # Safe to repeat: at worst the server keeps a second copy.
            call = Call(method="POST", path="/files", file=(file.name, content, file.content_type))
            answer = yield from self._addition(call, instead=f"Pass a URL instead of the local file {file.name}.")
        uploaded = read_uploaded_file(answer.body, response=answer.response)
        if not uploaded.url:
            raise UnreadableAnswerError(f"{call}: the server gave no URL.", response=answer.response)
        return uploaded

    # Jobs

    def retrieve_job(self, job_id: str, *, max_retries: int | None = None) -> Flow[Job]:
        try:
            answer = yield from self.call(Call(method="GET", path=_job_path(job_id)), max_retries=max_retries)
        except TchaviError as error:
            error.job_id = job_id
            raise
        job = read_job(answer.body, response=answer.response)
        return job if job.id else replace(job, id=job_id)

    def list_page(self, *, status: str | None, limit: int, offset: int, after: str | None) -> Flow[JobPage]:
        query: dict[str, str | int] = {"limit": limit, "offset": offset}
        if status is not None:
            query["status"] = status
        if after is not None:
            query["after"] = after
        answer = yield from self.call(Call(method="GET", path="/jobs", query=query))
        return read_job_page(answer.body, response=answer.response)

    def next_jobs(self, cursor: JobCursor) -> Flow[list[Job]]:
        page = yield from self.list_page(
            status=cursor.status, limit=cursor.page_limit, offset=cursor.offset, after=cursor.after
        )
        return cursor.take(page)

    def wait(self, job_or_id: Job | str, *, on_update: OnUpdate | None, timeout_seconds: float) -> Flow[Job]:
        job = job_or_id if isinstance(job_or_id, Job) else (yield from self.retrieve_job(job_or_id))
        return (yield from self._follow(job, on_update=on_update, timeout_seconds=timeout_seconds))

    def cancel(self, job_id: str) -> Flow[Job]:
        call = Call(method="DELETE", path=_job_path(job_id))
        try:
            answer = yield from self.call(call)
        except APIError as error:
            if error.status == 404:
                # No such job, or no such call? The job itself knows: if it is unknown too, this raises just that.
                yield from self.retrieve_job(job_id)
            if error.status in (404, 405, 501):
                raise self._not_offered(call, error) from error
            raise
        job = read_job(answer.body, response=answer.response)
        return job if job.id else (yield from self.retrieve_job(job_id))

    def _follow(self, job: Job, *, on_update: OnUpdate | None, timeout_seconds: float) -> Flow[Job]:
        """Poll `job` until it is finished. Whatever is raised has its id, since the job goes on without us.

        A poll that fails for a passing reason is no reason to give up on a job that is paid for; only the deadline is.
        """
        deadline = self._clock.monotonic_seconds() + timeout_seconds
        failure: TchaviError | None = None
        asked_pause = 0.0
        poll = 0
        if on_update:
            yield Tell(on_update, job)
        while not job.is_finished:
            left = deadline - self._clock.monotonic_seconds()
            floor = max(asked_pause, self._rate_floor(job))
            if left <= 0 or floor > left:
                yield Sleep(max(left, 0))
                raise JobTimeoutError(job, timeout_seconds) from failure
            yield Sleep(min(max(floor, poll_seconds(poll, chance=self._clock.chance())), left))
            poll += 1
            try:
                latest = yield from self.retrieve_job(job.id, max_retries=0)
            except TchaviError as error:
                if not (is_transient(error) or isinstance(error, ServerError | UpstreamError)):
                    raise
                failure = error
                asked_pause = (error.retry_after_seconds or 0.0) if isinstance(error, APIError) else 0.0
                continue
            failure, asked_pause = None, 0.0
            changed = latest.status != job.status
            job = latest
            if changed and on_update:
                yield Tell(on_update, job)
        if job.is_failed:
            raise JobFailedError(job)
        return job

    def _rate_floor(self, job: Job) -> float:
        info = job.response
        return rate_budget_seconds(limit=info.requests_per_minute_limit, remaining=info.requests_per_minute_remaining)

    # Account

    def credits(self, *, limit: int | None, before: int | None) -> Flow[Credits]:
        query = {name: str(value) for name, value in (("limit", limit), ("before", before)) if value is not None}
        answer = yield from self._addition(Call(method="GET", path="/credits", query=query))
        return read_credits(answer.body, response=answer.response)

    def models(self) -> Flow[tuple[VideoModel, ...]]:
        answer = yield from self._addition(Call(method="GET", path="/models"))
        return read_models(answer.body)

    # Download

    def download(
        self, job_or_id: Job | str, path: str | os.PathLike[str], *, timeout_seconds: float, max_bytes: int
    ) -> Flow[Path]:
        deadline = self._clock.monotonic_seconds() + timeout_seconds
        download = Download(self._connection, self.retrieve_job, Path(path), deadline=deadline, max_bytes=max_bytes)
        return (yield from download.run(job_or_id))


def _job_path(job_id: str) -> str:
    if not job_id.strip("."):
        raise UsageError("Give a job id, such as job_abc123.")
    return f"/jobs/{quote(job_id, safe='')}"
