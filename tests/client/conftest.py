"""The real API on a real socket, a clock that never sleeps, and a runner for scenarios with either client."""

import asyncio
import struct
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from inspect import isawaitable
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.db import connections
from pytest_django import DjangoDbBlocker, Settings

from tchavi_studio.client import AsyncTchavi, Clock, Tchavi
from tests.databases import Database, Template, connected_to
from tests.generations.conftest import write_clip
from tests.live_api import LiveApi

API_KEY = "sk-tch_test_0123456789abcdef"
START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def make_mp4(payload: bytes = b"\x00" * 5000) -> bytes:
    """The smallest file with the structure of an MP4: ftyp, moov, mdat."""

    def box(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I4s", 8 + len(content), name) + content

    return box(b"ftyp", b"isom\x00\x00\x02\x00isomiso2") + box(b"moov", b"\x00" * 40) + box(b"mdat", payload)


# --- The server -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def api_database(database_template: Template) -> Iterator[Database]:
    """One database for all tests; each test uses a different person."""
    with database_template.copy() as database:
        yield database


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of grey as MP4."""
    return write_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", frame_count=48)


@pytest.fixture
def api(
    api_database: Database, clip: Path, settings: Settings, django_db_blocker: DjangoDbBlocker
) -> Iterator[LiveApi]:
    """The running API. Django's models use its database inside the fixture."""
    # All tests share one address, so only keys are limited; each test has its own.
    settings.STUDIO_API_RPM_PER_ADDRESS = 1_000_000
    settings.STUDIO_MAX_FREE_PER_WORKSPACE = 1_000
    with django_db_blocker.unblock(), connected_to(api_database), LiveApi(clip) as live:
        yield live


# --- The clients ------------------------------------------------------------------------------------------------------


@dataclass
class Hours:
    """Time passes only by sleeping. Random numbers are always 0.5: jitter is ×1 for polls, ×0.875 for retries."""

    elapsed_seconds: float = 0.0
    sleeps: list[float] = field(default_factory=list)
    meanwhile: Callable[[], None] = lambda: None

    @property
    def now(self) -> datetime:
        return START + timedelta(seconds=self.elapsed_seconds)

    @property
    def clock(self) -> Clock:
        return Clock(
            monotonic_seconds=lambda: self.elapsed_seconds,
            now=lambda: self.now,
            chance=lambda: 0.5,
        )

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.elapsed_seconds += seconds
        self.meanwhile()

    async def sleep_async(self, seconds: float) -> None:
        def slept() -> None:
            try:
                self.sleep(seconds)
            finally:
                connections.close_all()

        # Django's models are not for the thread of an event loop.
        await asyncio.to_thread(slept)


@pytest.fixture
def hours() -> Hours:
    return Hours()


Scenario = Callable[[Any], Any]


@dataclass
class Run:
    """Run a scenario with the sync or async client; awaitables are awaited, iterators become lists."""

    mode: str
    hours: Hours
    defaults: dict[str, Any] = field(default_factory=dict)

    def __call__(self, scenario: Scenario, **options: Any) -> Any:
        options = {"api_key": API_KEY, "clock": self.hours.clock, **self.defaults, **options}
        if "transport" not in options:
            # The server speaks plain HTTP; reading the system's certificates for each client takes half the suite.
            kind = httpx.AsyncHTTPTransport if self.mode == "async" else httpx.HTTPTransport
            options["transport"] = kind(verify=False)
        if self.mode == "async":
            return asyncio.run(self._awaited(scenario, options))
        with Tchavi(**options, sleep=self.hours.sleep) as client:
            result = scenario(client)
            return list(result) if isinstance(result, Iterator) else result

    async def _awaited(self, scenario: Scenario, options: dict[str, Any]) -> Any:
        async with AsyncTchavi(**options, sleep=self.hours.sleep_async) as client:
            result = scenario(client)
            if isinstance(result, AsyncIterator):
                return [entry async for entry in result]
            return await result if isawaitable(result) else result


@pytest.fixture(params=["sync", "async"])
def run(request: pytest.FixtureRequest, hours: Hours) -> Run:
    """Runs a scenario with both clients. Without a server, pass `transport=`."""
    return Run(request.param, hours)


@pytest.fixture
def run_on_server(run: Run, api: LiveApi) -> Run:
    """Runs a scenario with both clients against `api`, which works whenever the client sleeps."""
    run.defaults = {"base_url": api.base_url, "api_key": api.api_key}
    run.hours.meanwhile = api.work
    return run
