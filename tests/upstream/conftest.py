"""An upstream in this process with a stopped clock, one on sockets, and clients for both."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.upstream.running import RunningUpstream
from tests.upstream.service import API_KEY, Settings, Upstream
from tests.upstream.transport import UpstreamTransport

START = 1_772_366_400.0
"""2026-03-01 12:00 UTC."""
KEY = {"Authorization": f"Bearer {API_KEY}"}
CLIP = b"a video" * 1_000
BOAT = {"model": "seedance-2", "prompt": "A paper boat in the rain"}


@dataclass
class Clock:
    now: float = START


@pytest.fixture
def clock() -> Clock:
    return Clock()


@dataclass
class Maker:
    """Makes upstreams that run on `clock`. By default their jobs wait until the test finishes them."""

    clock: Clock

    def __call__(self, seed: int = 0, **more: Any) -> Upstream:
        settings = {"job_seconds": None, **more.pop("settings", {})}
        return Upstream(lambda: self.clock.now, seed, settings=Settings(**settings), **{"clip": CLIP, **more})


@pytest.fixture
def make_upstream(clock: Clock) -> Maker:
    return Maker(clock)


@pytest.fixture
def upstream(make_upstream: Maker) -> Upstream:
    return make_upstream()


def raw_client(upstream: Upstream, **options: Any) -> httpx.Client:
    return httpx.Client(
        base_url="http://upstream.test/v1", headers=KEY, transport=UpstreamTransport(upstream), **options
    )


@pytest.fixture
def client(upstream: Upstream) -> Iterator[httpx.Client]:
    with raw_client(upstream) as client:
        yield client


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningUpstream]:
    """One process for a module's tests; its jobs wait until the test finishes them."""
    with RunningUpstream(tmp_path_factory.mktemp("upstream"), job_seconds=None, requests_per_minute=10**6) as running:
        yield running


def accepted(client: httpx.Client, **params: Any) -> str:
    """Create a job; returns its id."""
    response = client.post("/videos/generations", json={**BOAT, **params})
    assert response.status_code == 202, response.text
    job_id: str = response.json()["id"]
    return job_id
