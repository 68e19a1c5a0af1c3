"""An in-process provider, a clock that only the test moves, and a pump between them."""

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.utils import timezone
from pytest_django import Settings

from tchavi_studio.engines.base import EngineError
from tchavi_studio.engines.tchavi import TchaviEngine
from tchavi_studio.generations import services
from tchavi_studio.generations.books import verify_clips
from tchavi_studio.generations.models import Engine, Generation, RemoteJob, State, UpstreamAccount
from tchavi_studio.generations.orders import Order
from tchavi_studio.generations.upstream import account
from tchavi_studio.generations.upstream.network import Arrival, Exchange, without_answer
from tchavi_studio.generations.upstream.pump import Pump
from tchavi_studio.ledger.models import Transfer
from tchavi_studio.ledger.services import grant_credits
from tchavi_studio.ledger.verification import verify_ledger
from tchavi_studio.workspaces.models import User, Workspace
from tests.generations.conftest import make_params
from tests.upstream.service import API_KEY, Upstream
from tests.upstream.service import Settings as UpstreamSettings
from tests.upstream.transport import UpstreamTransport

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
BASE_URL = "http://upstream.test/v1"
CREDITS = 10_000_000

Clock = time_machine.Traveller
Start = Callable[..., Generation]


@pytest.fixture(autouse=True)
def live(settings: Settings) -> None:
    """A studio in live mode that the provider can reach, with an exclusive provider account."""
    settings.STUDIO_MODE = settings.STUDIO_BOOK = "live"
    settings.STUDIO_PROVIDER_API_KEY = API_KEY
    settings.STUDIO_PROVIDER_URL = BASE_URL
    settings.STUDIO_PROVIDER_EXCLUSIVE = True
    settings.STUDIO_PUBLIC_URL = "https://studio.example.org"


@pytest.fixture(autouse=True)
def no_jitter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random durations take their middle value."""
    monkeypatch.setattr("random.uniform", lambda low, high: (low + high) / 2)


@pytest.fixture
def clock() -> Iterator[Clock]:
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


@pytest.fixture
def start(clock: Clock, workspace: Workspace, alice: User) -> Iterator[Start]:
    """Start one of Alice's clips. The ledger is verified after the test."""
    grant_credits(workspace=workspace, book="live", amount_credits=CREDITS, reason="to test with")
    numbers = count()

    def start_one(**changes: Any) -> Generation:
        started = services.start_generation(
            Order(workspace=workspace, creator=alice, params=make_params(**changes), submission_id=uuid4())
        )
        # The clock is frozen, but clips are ordered by their times.
        generation = started.generations[0]
        generation.created_at += timedelta(microseconds=next(numbers))
        generation.save(update_fields=["created_at"])
        return generation

    yield start_one
    assert [*verify_ledger(), *verify_clips()] == []


@pytest.fixture
def upstream(clock: Clock) -> Upstream:
    """Its jobs run until the test finishes them, and it takes 300 requests a minute."""
    return Upstream(time.time, settings=UpstreamSettings(job_seconds=None), clip=b"film")


@pytest.fixture
def engine_in_this_process(monkeypatch: pytest.MonkeyPatch, upstream: Upstream) -> None:
    """A transfer's requests go to the test's provider."""

    def open_engine() -> TchaviEngine:
        return TchaviEngine(api_key=API_KEY, base_url=BASE_URL, transport=UpstreamTransport(upstream))

    monkeypatch.setattr("tchavi_studio.generations.upstream.network.open_engine", open_engine)


class LocalNetwork:
    """Carries out each exchange as it is sent. While `is_held`, no answer arrives."""

    def __init__(self, upstream: Upstream) -> None:
        self._loop = asyncio.new_event_loop()
        self._engine = TchaviEngine(api_key=API_KEY, base_url=BASE_URL, transport=UpstreamTransport(upstream))
        self._answered: list[Arrival] = []
        self.sent: list[Exchange] = []
        self.is_held = False

    def send(self, exchange: Exchange) -> None:
        self.sent.append(exchange)
        answer: Any
        try:
            answer = self._loop.run_until_complete(exchange.carry_out(self._engine))
        except EngineError as error:
            answer = error
        self._answered.append((exchange, answer))

    def arrivals(self, *, wait_seconds: float) -> list[Arrival]:
        if self.is_held:
            return []
        arrived, self._answered = self._answered, []
        return arrived

    def lose_answers(self) -> None:
        """Drop the answers that haven't arrived; their exchanges time out."""
        self._answered = [(exchange, without_answer(exchange)) for exchange, _answer in self._answered]

    def close(self) -> None:
        self._loop.run_until_complete(self._engine.close())
        self._loop.close()


@pytest.fixture
def network(upstream: Upstream) -> Iterator[LocalNetwork]:
    network = LocalNetwork(upstream)
    yield network
    network.close()


@dataclass
class Drive:
    """Runs a pump and the clock together, in steps."""

    clock: Clock
    network: LocalNetwork
    upstream: Upstream
    pump: Pump = field(init=False)

    def __post_init__(self) -> None:
        self.pump = Pump(self.network)

    def restart(self) -> None:
        """Let this pump take its last answers and end, and start another with no memory of it."""
        self.pump.step(wait_seconds=0, may_send=False)
        self.pump.abandon()
        self.pump = Pump(self.network)

    def __call__(self, seconds: float = 1.0, *, step_seconds: float = 0.2) -> None:
        """Run the pump for `seconds`, and one more step."""
        for _step in range(round(seconds / step_seconds)):
            self.pump.step(wait_seconds=0)
            self.clock.shift(step_seconds)
        self.pump.step(wait_seconds=0)


@pytest.fixture
def drive(clock: Clock, network: LocalNetwork, upstream: Upstream, start: Start) -> Drive:
    account.upstream_account()
    UpstreamAccount.objects.update(limit_per_minute=300, tokens=30)
    return Drive(clock, network, upstream)


# --- What became of it ------------------------------------------------------------------------------------------------


def reloaded(generation: Generation) -> Generation:
    return Generation.objects.get(pk=generation.pk)


def job_of(generation: Generation) -> RemoteJob:
    return RemoteJob.objects.get(reference=generation.pk)


def transfers(generation: Generation) -> list[tuple[str, int]]:
    """A clip's ledger rows, oldest first."""
    rows = Transfer.objects.filter(reference=generation.pk).order_by("sequence")
    return list(rows.values_list("kind", "amount_credits"))


def waits_seconds(generation: Generation) -> float:
    """How long until the clip may be claimed again."""
    until = reloaded(generation).leased_until
    assert until is not None
    return (until - timezone.now()).total_seconds()


CHARGED = [("charge", 1300)]
REFUNDED = [("charge", 1300), ("refund", 1300)]


# --- Many jobs --------------------------------------------------------------------------------------------------------


def make_open_jobs(
    upstream: Upstream, workspace: Workspace, how_many: int, *, sent_at: datetime | None = None
) -> list[tuple[Generation, str]]:
    """`how_many` clips in progress at the provider, oldest first, all due for a look."""
    now = sent_at or timezone.now()
    params = make_params()
    clips = Generation.objects.bulk_create(
        Generation(
            workspace=workspace,
            model=params.model,
            prompt=params.prompt,
            duration_seconds=5,
            resolution="480p",
            aspect_ratio="16:9",
            generate_audio=True,
            seed=number,
            width=864,
            height=496,
            engine=Engine.TCHAVI,
            book="live",
            price_credits=0,
            state=State.PROCESSING,
            created_at=now + timedelta(milliseconds=number),
            started_at=now + timedelta(milliseconds=number),
        )
        for number in range(how_many)
    )
    made = [
        (clip, upstream.add_job(model="seedance-2", prompt="Dawn over the lagoon", seed=number))
        for number, clip in enumerate(clips)
    ]
    RemoteJob.objects.bulk_create(
        RemoteJob(
            reference=clip.pk,
            generation=clip,
            attempt_id=uuid4(),
            sent_at=now + timedelta(milliseconds=number),
            remote_id=remote_id,
            poll_at=now,
        )
        for number, (clip, remote_id) in enumerate(made)
    )
    return made
