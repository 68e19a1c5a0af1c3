"""Requests in flight, on an event loop in a separate thread, so that the pump can be plain synchronous code.

The loop never touches the database, and the pump never waits for a socket.
"""

import asyncio
import logging
import queue
import threading
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

from django.conf import settings

from tchavi_studio.engines.base import EngineError, UnavailableError, UnknownOutcomeError
from tchavi_studio.engines.tchavi import TchaviEngine

logger = logging.getLogger(__name__)

T = TypeVar("T")

MAX_CONNECTIONS = 10
"""As many as one httpx client handles well."""

MAX_IN_FLIGHT = 2 * MAX_CONNECTIONS
"""Half of them wait for a free connection, so that none is idle while the pump handles answers."""

QUESTION_SECONDS = 12.0
SUBMISSION_SECONDS = 22.0
"""How long a whole exchange may take, even if its bytes keep dripping in."""

STOP_SECONDS = 1.0


class Exchange(Protocol):
    """One request and its answer. If `costs_credits`, a missing answer means an unknown outcome."""

    costs_credits: bool

    async def carry_out(self, engine: TchaviEngine) -> Any: ...


Arrival = tuple[Exchange, Any]
"""An exchange, and its answer or `EngineError`."""


class Network(Protocol):
    """Carries out exchanges."""

    def send(self, exchange: Exchange) -> None:
        """Start an exchange. `arrivals` returns its answer later, exactly once."""
        ...

    def arrivals(self, *, wait_seconds: float) -> list[Arrival]:
        """What has arrived since the last call; waits up to `wait_seconds` for the first."""
        ...


def open_engine() -> TchaviEngine:
    """The provider's engine, as configured by the operator."""
    return TchaviEngine(api_key=settings.STUDIO_PROVIDER_API_KEY, base_url=settings.STUDIO_PROVIDER_URL)


def ask(request: Callable[[TchaviEngine], Awaitable[T]]) -> T:
    """Carry out one request and wait for its answer."""

    async def carry_out() -> T:
        engine = open_engine()
        try:
            return await request(engine)
        finally:
            await engine.close()

    return asyncio.run(carry_out())


class LiveNetwork:
    """The real network. Leaving the `with` block drops what is still in flight."""

    def __init__(self) -> None:
        self._arrived: queue.SimpleQueue[Arrival] = queue.SimpleQueue()
        self._loop = asyncio.new_event_loop()
        self._connections = asyncio.Semaphore(MAX_CONNECTIONS)
        self._thread = threading.Thread(target=self._loop.run_forever, name="upstream", daemon=True)

    def __enter__(self) -> Self:
        self._engine = open_engine()
        self._thread.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(STOP_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(STOP_SECONDS)
        self._loop.close()

    async def _close(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._engine.close()

    def send(self, exchange: Exchange) -> None:
        asyncio.run_coroutine_threadsafe(self._carry_out(exchange), self._loop)

    def arrivals(self, *, wait_seconds: float) -> list[Arrival]:
        arrived: list[Arrival] = []
        try:
            arrived.append(self._arrived.get(timeout=wait_seconds))
            while True:
                arrived.append(self._arrived.get_nowait())
        except queue.Empty:
            return arrived

    async def _carry_out(self, exchange: Exchange) -> None:
        limit_seconds = SUBMISSION_SECONDS if exchange.costs_credits else QUESTION_SECONDS
        answer: Any
        try:
            async with self._connections, asyncio.timeout(limit_seconds):
                answer = await exchange.carry_out(self._engine)
        except EngineError as error:
            answer = error
        except Exception as error:
            if not isinstance(error, TimeoutError):
                logger.exception("An exchange with the provider failed because of a bug on our side.")
            answer = without_answer(exchange)
        self._arrived.put((exchange, answer))


def without_answer(exchange: Exchange) -> EngineError:
    """The error for an exchange whose answer never came: an unknown outcome if credits are at stake."""
    if exchange.costs_credits:
        return UnknownOutcomeError("The provider did not answer in time.", code="upstream_unknown")
    return UnavailableError("The provider did not answer in time.", code="upstream_unavailable")
