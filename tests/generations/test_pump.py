"""A pump's slice of work ends when its time is up, or immediately when its cluster is asked to stop."""

import asyncio
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from django_q.models import OrmQ
from pytest_django import Settings

from tchavi_studio.engines.tchavi import TchaviEngine
from tchavi_studio.generations import tasks
from tchavi_studio.generations.models import Generation, PumpSlot, RemoteJob, State
from tchavi_studio.generations.upstream import network
from tchavi_studio.ledger.services import grant_credits
from tchavi_studio.runtime import slices
from tchavi_studio.workspaces.models import Workspace

Start = Callable[..., Generation]


@pytest.fixture
def stop_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that asks this process to stop once it exists. It doesn't yet."""
    path = tmp_path / "stop"
    monkeypatch.setattr(slices, "stop_file", path)
    return path


@pytest.fixture
def live(settings: Settings, workspace: Workspace) -> None:
    settings.STUDIO_MODE = settings.STUDIO_BOOK = "live"
    settings.STUDIO_PROVIDER_API_KEY = "sk-tch_test"
    settings.STUDIO_PROVIDER_URL = "http://upstream.test/v1"
    settings.STUDIO_PUBLIC_URL = "https://studio.example.org"
    grant_credits(workspace=workspace, book="live", amount_credits=100_000, reason="to test with")


class SilentProvider(httpx.AsyncBaseTransport):
    """Takes requests and never answers."""

    def __init__(self) -> None:
        self.has_been_asked = threading.Event()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.has_been_asked.set()
        await asyncio.sleep(60)
        raise AssertionError("nobody waits that long")


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> SilentProvider:
    provider = SilentProvider()

    def open_engine() -> TchaviEngine:
        return TchaviEngine(api_key="sk-tch_test", base_url="http://upstream.test/v1", transport=provider)

    monkeypatch.setattr(network, "open_engine", open_engine)
    return provider


def test_a_stopping_pump_records_unanswered_submissions_as_lost(
    live: None, silent: SilentProvider, stop_file: Path, start: Start
) -> None:
    """The clip may have been billed. That is recorded now, not when the lease ends."""
    generation = start()
    asked_at: list[float] = []

    def ask_for_a_stop() -> None:
        assert silent.has_been_asked.wait(10)
        asked_at.append(time.monotonic())
        stop_file.touch()

    asking = threading.Thread(target=ask_for_a_stop)
    asking.start()
    tasks.pump_upstream()
    ended_at = time.monotonic()
    asking.join(10)
    assert ended_at - asked_at[0] < 1.0
    row, job = Generation.objects.get(pk=generation.pk), RemoteJob.objects.get()
    assert (row.state, row.leased_until) == (State.UNKNOWN, None)
    assert job.lost_at is not None
    assert PumpSlot.objects.get().leased_by is None, "the next pump finds its slot free"
    assert [thread.name for thread in threading.enumerate() if thread.name == "upstream"] == []


def test_a_stopping_pump_sends_nothing(live: None, silent: SilentProvider, stop_file: Path, start: Start) -> None:
    generation = start()
    OrmQ.objects.all().delete()
    stop_file.touch()
    tasks.pump_upstream()
    assert Generation.objects.get(pk=generation.pk).state == State.QUEUED
    assert (RemoteJob.objects.count(), OrmQ.objects.count()) == (0, 0), "a wake-up would only wake a cluster that stops"
    assert silent.has_been_asked.is_set() is False


def test_a_pump_without_work_ends_and_releases_its_slot(live: None, silent: SilentProvider) -> None:
    began = time.monotonic()
    tasks.pump_upstream()
    assert time.monotonic() - began < 5
    assert PumpSlot.objects.get().leased_by is None
    assert OrmQ.objects.count() == 0


def test_a_pump_hands_over_when_its_time_is_up(
    live: None, silent: SilentProvider, start: Start, monkeypatch: pytest.MonkeyPatch, stop_file: Path
) -> None:
    monkeypatch.setattr(tasks, "PUMP_SECONDS", 0)
    start()
    OrmQ.objects.all().delete()
    tasks.pump_upstream()
    assert list(OrmQ.objects.values_list("key", flat=True)) == ["pump"]
