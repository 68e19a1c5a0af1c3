"""The blocking client. It only performs what the flows decide (flows.py)."""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self, Unpack

import httpx

from tchavi_studio.client.connection import (
    DEFAULT_MAX_RETRIES,
    DEFAULT_TIMEOUT_SECONDS,
    MAX_REDIRECTS,
    POOL_LIMITS,
    Clock,
    Connection,
)
from tchavi_studio.client.download import DOWNLOAD_TIMEOUT_SECONDS, MAX_DOWNLOAD_BYTES
from tchavi_studio.client.effects import Effect, Flow, OnUpdate, Send, Sleep, T
from tchavi_studio.client.errors import UsageError
from tchavi_studio.client.flows import PAGE_LIMIT, WAIT_TIMEOUT_SECONDS, Flows, JobCursor
from tchavi_studio.client.parameters import GenerationParams, MediaSource
from tchavi_studio.client.results import Credits, Job, JobPage, Quote, UploadedFile, VideoModel


class Tchavi:
    """A client for Tchavi's API, or for a Studio. Safe to share between threads.

    `api_key` and `base_url` default to `TCHAVI_API_KEY` and `TCHAVI_BASE_URL` in the environment. `timeout_seconds` is
    for each connect, read and write of a request. Pass `http_client` (which you close yourself) or `transport` to use
    your own httpx; `clock` and `sleep` are for tests.

    A request is retried up to `max_retries` times after 429, 502, 503 and failed connections, after as long as
    `Retry-After` asks (up to 60 s; if it asks for longer, the error is raised). `create`, the one call that costs
    credits, isn't retried when its outcome is unknown (502, 503, a connection that broke or went silent), because
    Tchavi doesn't document idempotency: the error then has `outcome_unknown=True`. Every `create` carries an
    `Idempotency-Key` all the same. Pass `idempotent_server=True` if the server honours it, as a Studio does, and
    `create` is retried like everything else, and never billed twice.

    Raises `MissingKeyError` and `UsageError` for a configuration that can't work.
    """

    def __init__(
        self,
        *,
        api_key: str | None = None,
        base_url: str | None = None,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
        max_retries: int = DEFAULT_MAX_RETRIES,
        idempotent_server: bool = False,
        http_client: httpx.Client | None = None,
        transport: httpx.BaseTransport | None = None,
        clock: Clock | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        connection = Connection.from_environment(
            api_key=api_key,
            base_url=base_url,
            timeout_seconds=timeout_seconds,
            max_retries=max_retries,
            idempotent_server=idempotent_server,
            clock=clock,
        )
        if http_client and transport:
            raise UsageError("Give http_client or transport, not both.")
        self._owns_http = http_client is None
        self._http = http_client or httpx.Client(transport=transport, limits=POOL_LIMITS, max_redirects=MAX_REDIRECTS)
        self._sleep = sleep
        self._flows = Flows(connection)
        self.base_url = connection.base_url
        self.videos = Videos(self)
        self.jobs = Jobs(self)
        self.files = Files(self)
        self.credits = CreditsAccount(self)
        self.models = Models(self)

    def download(
        self,
        job_or_id: Job | str,
        path: str | os.PathLike[str],
        *,
        timeout_seconds: float = DOWNLOAD_TIMEOUT_SECONDS,
        max_bytes: int = MAX_DOWNLOAD_BYTES,
    ) -> Path:
        """Download a completed job's clip to `path`, replacing what is there, and return the path.

        The file appears only when it is complete: it is written next to its place, checked (length, MP4 structure),
        then renamed. If the link has expired, a fresh one is requested. Raises `JobNotFinishedError`, `JobFailedError`,
        `DownloadError`, and `OSError` for the disk.
        """
        return self._run(self._flows.download(job_or_id, path, timeout_seconds=timeout_seconds, max_bytes=max_bytes))

    def close(self) -> None:
        """Close the connections. Your own `http_client` stays open."""
        if self._owns_http:
            self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Tchavi(base_url={self.base_url!r})"

    def _run(self, flow: Flow[T]) -> T:
        """Perform what `flow` asks for until it returns. Closing it lets it clean up after an interruption."""
        try:
            effect = next(flow)
            while True:
                try:
                    result = self._perform(effect)
                except Exception as error:
                    effect = flow.throw(error)
                else:
                    effect = flow.send(result)
        except StopIteration as end:
            value: T = end.value
            return value
        finally:
            flow.close()

    def _perform(self, effect: Effect) -> httpx.Response | None:
        if isinstance(effect, Send):
            response = self._http.send(effect.request, stream=True, auth=None, follow_redirects=effect.follow_redirects)
            try:
                for chunk in response.iter_bytes():
                    effect.on_chunk(chunk)
            finally:
                response.close()
            return response
        if isinstance(effect, Sleep):
            self._sleep(effect.seconds)
        else:
            effect.on_update(effect.job)
        return None


class Generations:
    """`client.videos.generations`"""

    def __init__(self, client: Tchavi) -> None:
        self._client = client

    def create(
        self,
        *,
        idempotency_key: str | None = None,
        extra_headers: Mapping[str, str] | None = None,
        **params: Unpack[GenerationParams],
    ) -> Job:
        """Request a clip and return the accepted job at once. `params` are those of `GenerationParams`.

        Local files are uploaded first, if the server accepts uploads. An `idempotency_key` is made if you give none.
        """
        return self._client._run(
            self._client._flows.create(params, idempotency_key=idempotency_key, extra_headers=extra_headers)
        )

    def create_and_wait(
        self,
        *,
        idempotency_key: str | None = None,
        on_update: OnUpdate | None = None,
        timeout_seconds: float = WAIT_TIMEOUT_SECONDS,
        **params: Unpack[GenerationParams],
    ) -> Job:
        """Request a clip and return the job once it is completed.

        `timeout_seconds` counts from when the job is accepted. Raises `JobFailedError` and `JobTimeoutError`. Whatever
        is raised after that has the job's id as `job_id`.
        """
        return self._client._run(
            self._client._flows.create_and_wait(
                params, idempotency_key=idempotency_key, on_update=on_update, timeout_seconds=timeout_seconds
            )
        )


class Videos:
    """`client.videos`"""

    def __init__(self, client: Tchavi) -> None:
        self._client = client
        self.generations = Generations(client)

    def quote(self, **params: Unpack[GenerationParams]) -> Quote:
        """What a clip would cost, and whether it would be accepted, without buying it. Only a Studio offers this."""
        return self._client._run(self._client._flows.quote(params))


class Jobs:
    """`client.jobs`"""

    def __init__(self, client: Tchavi) -> None:
        self._client = client

    def retrieve(self, job_id: str) -> Job:
        """The job as it is now."""
        return self._client._run(self._client._flows.retrieve_job(job_id))

    def wait(
        self,
        job_or_id: Job | str,
        *,
        on_update: OnUpdate | None = None,
        timeout_seconds: float = WAIT_TIMEOUT_SECONDS,
    ) -> Job:
        """Return the job once it is completed, staying within the server's rate limit.

        Raises `JobFailedError` and `JobTimeoutError`.
        """
        return self._client._run(
            self._client._flows.wait(job_or_id, on_update=on_update, timeout_seconds=timeout_seconds)
        )

    def list(self, *, status: str | None = None, limit: int | None = None) -> Iterator[Job]:
        """All jobs, newest first, fetched in pages of 50 as needed. `limit` ends the list early."""
        return self._walk(JobCursor(status=status, limit=limit))

    def list_page(
        self, *, status: str | None = None, limit: int = PAGE_LIMIT, offset: int = 0, after: str | None = None
    ) -> JobPage:
        """One page of the list, with its response headers, for programs that watch their rate limit.

        `after` is the id of the last job before it, instead of an `offset`. Only a Studio offers this.
        """
        return self._client._run(self._client._flows.list_page(status=status, limit=limit, offset=offset, after=after))

    def cancel(self, job_id: str) -> Job:
        """Cancel a job that hasn't started. Only a Studio offers this."""
        return self._client._run(self._client._flows.cancel(job_id))

    def _walk(self, cursor: JobCursor) -> Iterator[Job]:
        while not cursor.is_finished:
            yield from self._client._run(self._client._flows.next_jobs(cursor))


class Files:
    """`client.files`. Only a Studio offers this."""

    def __init__(self, client: Tchavi) -> None:
        self._client = client

    def upload(self, source: MediaSource) -> UploadedFile:
        """Upload a path or a binary file object. Use the result's `url` wherever the API takes a URL."""
        return self._client._run(self._client._flows.upload(source))

    def are_taken(self) -> bool:
        """Whether this server accepts uploads at all. A Studio does."""
        return self._client._run(self._client._flows.files_are_taken())


class CreditsAccount:
    """`client.credits`. Only a Studio offers this."""

    def __init__(self, client: Tchavi) -> None:
        self._client = client

    def retrieve(self, *, limit: int | None = None, before: int | None = None) -> Credits:
        """The balance, with up to `limit` rows of the statement before the sequence number `before`."""
        return self._client._run(self._client._flows.credits(limit=limit, before=before))


class Models:
    """`client.models`. Only a Studio offers this."""

    def __init__(self, client: Tchavi) -> None:
        self._client = client

    def list(self) -> tuple[VideoModel, ...]:
        return self._client._run(self._client._flows.models())
