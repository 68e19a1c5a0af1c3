"""The upstream as an httpx transport: the same replies, immediately and without a socket."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import httpx

from tests.upstream.service import Upstream
from tests.upstream.wire import Fate, Reply, Request


class UpstreamTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """For `httpx.Client(transport=…)` and `httpx.AsyncClient(transport=…)`; all hosts lead to `upstream`.

    The time that a real socket would have taken is reported instead of waited for: `on_latency` gets each wait in
    seconds (until the head, each pause within the body, a timeout), and an awaited `sleep` can let a simulation's other
    tasks run. `last_latency_seconds` is the total of the latest exchange.

    A client without a read timeout would wait for ever on a stalled reply; here it gets a RuntimeError.
    """

    def __init__(
        self,
        upstream: Upstream,
        *,
        on_latency: Callable[[float], None] | None = None,
        sleep: Callable[[float], Awaitable[None]] | None = None,
    ) -> None:
        self.upstream = upstream
        self.last_latency_seconds = 0.0
        self._on_latency = on_latency
        self._sleep = sleep

    # Everything exists twice, for sync and async httpx. Each step yields the seconds that it takes.

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self._begin(request)
        reply = self.upstream.handle(_read(request, request.read()))
        for seconds in _until_head(request, reply):
            self._passed(seconds)
        return httpx.Response(reply.status, headers=dict(reply.headers), stream=_Body(self, request, reply))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._begin(request)
        reply = self.upstream.handle(_read(request, await request.aread()))
        for seconds in _until_head(request, reply):
            await self._passed_async(seconds)
        return httpx.Response(reply.status, headers=dict(reply.headers), stream=_Body(self, request, reply))

    def _begin(self, request: httpx.Request) -> None:
        self.last_latency_seconds = 0.0
        if self.upstream.is_down:
            raise httpx.ConnectError("[Errno 111] Connection refused", request=request)

    def _passed(self, seconds: float) -> None:
        self.last_latency_seconds += seconds
        if self._on_latency:
            self._on_latency(seconds)

    async def _passed_async(self, seconds: float) -> None:
        self._passed(seconds)
        if self._sleep:
            await self._sleep(seconds)


class _Body(httpx.SyncByteStream, httpx.AsyncByteStream):
    def __init__(self, transport: UpstreamTransport, request: httpx.Request, reply: Reply) -> None:
        self._transport = transport
        self._request = request
        self._reply = reply

    def __iter__(self) -> Iterator[bytes]:
        for step in _body(self._request, self._reply):
            if isinstance(step, bytes):
                yield step
            else:
                self._transport._passed(step)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for step in _body(self._request, self._reply):
            if isinstance(step, bytes):
                yield step
            else:
                await self._transport._passed_async(step)


def _read(request: httpx.Request, body: bytes) -> Request:
    headers = {name.lower(): value for name, value in request.headers.items()}
    return Request(method=request.method, target=request.url.raw_path.decode(), headers=headers, body=body)


def _until_head(request: httpx.Request, reply: Reply) -> Iterator[float]:
    """The seconds until the head arrives. Raises what httpx raises if it never does."""
    yield from _wait(request, reply.latency_seconds)
    if not reply.has_head:
        yield from _strike(request, reply)


def _body(request: httpx.Request, reply: Reply) -> Iterator[bytes | float]:
    """The body's pieces, and the seconds between them."""
    for piece in reply.pieces():
        yield from _wait(request, reply.pause_seconds)
        yield piece
    # Without a length, the body ends with the connection, so nobody can tell that it was cut.
    if reply.fate is not Fate.WHOLE and (reply.is_measured or reply.fate is not Fate.CLOSE):
        yield from _strike(request, reply)


def _wait(request: httpx.Request, seconds: float) -> Iterator[float]:
    timeout_seconds = _read_timeout(request)
    if timeout_seconds is not None and seconds > timeout_seconds:
        yield timeout_seconds
        raise httpx.ReadTimeout("The read operation timed out", request=request)
    if seconds:
        yield seconds


def _strike(request: httpx.Request, reply: Reply) -> Iterator[float]:
    if reply.fate is Fate.RESET:
        raise httpx.ReadError("[Errno 104] Connection reset by peer", request=request)
    if reply.fate is Fate.CLOSE:
        where = "without sending complete message body" if reply.has_head else "without sending a response"
        raise httpx.RemoteProtocolError(f"Server disconnected {where}.", request=request)
    timeout_seconds = _read_timeout(request)
    if timeout_seconds is None:
        raise RuntimeError(f"{request.method} {request.url.path} has no read timeout: it would wait for ever")
    yield timeout_seconds
    raise httpx.ReadTimeout("The read operation timed out", request=request)


def _read_timeout(request: httpx.Request) -> float | None:
    timeouts: dict[str, float | None] = request.extensions.get("timeout", {})
    return timeouts.get("read")
