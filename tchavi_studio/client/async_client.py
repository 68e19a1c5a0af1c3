"""The client for asyncio: `client.py` again, awaited."""

import asyncio
import inspect
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
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


class AsyncTchavi:
    """`Tchavi` for asyncio: the same arguments, methods, results and errors, awaited.

    For an event loop other than asyncio's, pass its `sleep`. Local files are read and clips written in small chunks
    between awaits.
    """

    def __init__(
        self,
        *,
        api_key: str | None = None,
        base_url: str | None = None,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
        max_retries: int = DEFAULT_MAX_RETRIES,
        idempotent_server: bool = False,
        http_client: httpx.AsyncClient | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Clock | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
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
        self._http = http_client or httpx.AsyncClient(
            transport=transport, limits=POOL_LIMITS, max_redirects=MAX_REDIRECTS
        )
        self._sleep = sleep
        self._flows = Flows(connection)
        self.base_url = connection.base_url
        self.videos = AsyncVideos(self)
        self.jobs = AsyncJobs(self)
        self.files = AsyncFiles(self)
        self.credits = AsyncCreditsAccount(self)
        self.models = AsyncModels(self)

    async def download(
        self,
        job_or_id: Job | str,
        path: str | os.PathLike[str],
        *,
        timeout_seconds: float = DOWNLOAD_TIMEOUT_SECONDS,
        max_bytes: int = MAX_DOWNLOAD_BYTES,
    ) -> Path:
        """See `Tchavi.download`."""
        return await self._run(
            self._flows.download(job_or_id, path, timeout_seconds=timeout_seconds, max_bytes=max_bytes)
        )

    async def close(self) -> None:
        """Close the connections. Your own `http_client` stays open."""
        if self._owns_http:
            await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"AsyncTchavi(base_url={self.base_url!r})"

    async def _run(self, flow: Flow[T]) -> T:
        """See `Tchavi._run`."""
        try:
            effect = next(flow)
            while True:
                try:
                    result = await self._perform(effect)
                except Exception as error:
                    effect = flow.throw(error)
                else:
                    effect = flow.send(result)
        except StopIteration as end:
            value: T = end.value
            return value
        finally:
            flow.close()

    async def _perform(self, effect: Effect) -> httpx.Response | None:
        if isinstance(effect, Send):
            response = await self._http.send(
                effect.request, stream=True, auth=None, follow_redirects=effect.follow_redirects
            )
            try:
                async for chunk in response.aiter_bytes():
                    effect.on_chunk(chunk)
            finally:
                await response.aclose()
            return response
        if isinstance(effect, Sleep):
            await self._sleep(effect.seconds)
        else:
            told = effect.on_update(effect.job)
            if inspect.isawaitable(told):
                await told
        return None


class AsyncGenerations:
    """`client.videos.generations`"""

    def __init__(self, client: AsyncTchavi) -> None:
        self._client = client

    async def create(
        self,
        *,
        idempotency_key: str | None = None,
        extra_headers: Mapping[str, str] | None = None,
        **params: Unpack[GenerationParams],
    ) -> Job:
        """See `Generations.create`."""
        return await self._client._run(
            self._client._flows.create(params, idempotency_key=idempotency_key, extra_headers=extra_headers)
        )

    async def create_and_wait(
        self,
        *,
        idempotency_key: str | None = None,
        on_update: OnUpdate | None = None,
        timeout_seconds: float = WAIT_TIMEOUT_SECONDS,
        **params: Unpack[GenerationParams],
    ) -> Job:
        """See `Generations.create_and_wait`; `on_update` may be a coroutine function."""
        return await self._client._run(
            self._client._flows.create_and_wait(
                params, idempotency_key=idempotency_key, on_update=on_update, timeout_seconds=timeout_seconds
            )
        )


class AsyncVideos:
    """`client.videos`"""

    def __init__(self, client: AsyncTchavi) -> None:
        self._client = client
        self.generations = AsyncGenerations(client)

    async def quote(self, **params: Unpack[GenerationParams]) -> Quote:
        """See `Videos.quote`."""
        return await self._client._run(self._client._flows.quote(params))


class AsyncJobs:
    """`client.jobs`"""

    def __init__(self, client: AsyncTchavi) -> None:
        self._client = client

    async def retrieve(self, job_id: str) -> Job:
        return await self._client._run(self._client._flows.retrieve_job(job_id))

    async def wait(
        self,
        job_or_id: Job | str,
        *,
        on_update: OnUpdate | None = None,
        timeout_seconds: float = WAIT_TIMEOUT_SECONDS,
    ) -> Job:
        """See `Jobs.wait`; `on_update` may be a coroutine function."""
        return await self._client._run(
            self._client._flows.wait(job_or_id, on_update=on_update, timeout_seconds=timeout_seconds)
        )

    def list(self, *, status: str | None = None, limit: int | None = None) -> AsyncIterator[Job]:
        """See `Jobs.list`; walk with `async for`."""
        return self._walk(JobCursor(status=status, limit=limit))

    async def list_page(
        self, *, status: str | None = None, limit: int = PAGE_LIMIT, offset: int = 0, after: str | None = None
    ) -> JobPage:
        """See `Jobs.list_page`."""
        flow = self._client._flows.list_page(status=status, limit=limit, offset=offset, after=after)
        return await self._client._run(flow)

    async def cancel(self, job_id: str) -> Job:
        """See `Jobs.cancel`."""
        return await self._client._run(self._client._flows.cancel(job_id))

    async def _walk(self, cursor: JobCursor) -> AsyncIterator[Job]:
        while not cursor.is_finished:
            for job in await self._client._run(self._client._flows.next_jobs(cursor)):
                yield job


class AsyncFiles:
    """`client.files`. Only a Studio offers this."""

    def __init__(self, client: AsyncTchavi) -> None:
        self._client = client

    async def upload(self, source: MediaSource) -> UploadedFile:
        """See `Files.upload`."""
        return await self._client._run(self._client._flows.upload(source))

    async def are_taken(self) -> bool:
        """See `Files.are_taken`."""
        return await self._client._run(self._client._flows.files_are_taken())


class AsyncCreditsAccount:
    """`client.credits`. Only a Studio offers this."""

    def __init__(self, client: AsyncTchavi) -> None:
        self._client = client

    async def retrieve(self, *, limit: int | None = None, before: int | None = None) -> Credits:
        return await self._client._run(self._client._flows.credits(limit=limit, before=before))


class AsyncModels:
    """`client.models`. Only a Studio offers this."""

    def __init__(self, client: AsyncTchavi) -> None:
        self._client = client

    async def list(self) -> tuple[VideoModel, ...]:
        return await self._client._run(self._client._flows.models())
