"""The real network: exchanges without an answer, and the limit on requests in flight."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

import pytest

from tchavi_studio.engines.base import EngineError, NotSentError, RefusedError, UnavailableError, UnknownOutcomeError
from tchavi_studio.engines.tchavi import TchaviEngine
from tchavi_studio.generations.upstream import network
from tchavi_studio.generations.upstream.network import MAX_CONNECTIONS, Arrival, LiveNetwork


@dataclass(eq=False)
class Asked:
    """An exchange that runs a given coroutine."""

    answer: Callable[[], Awaitable[object]]
    costs_credits: bool

    async def carry_out(self, engine: TchaviEngine) -> object:
        return await self.answer()


@pytest.fixture
def opened() -> Iterator[LiveNetwork]:
    with LiveNetwork() as network_at_work:
        yield network_at_work


def arrived(opened: LiveNetwork, count: int = 1) -> list[Arrival]:
    arrivals: list[Arrival] = []
    deadline = time.monotonic() + 5
    while len(arrivals) < count and time.monotonic() < deadline:
        arrivals += opened.arrivals(wait_seconds=0.1)
    return arrivals


async def never() -> object:
    await asyncio.sleep(60)
    raise AssertionError("nobody waits that long")


def raising(error: BaseException) -> Callable[[], Awaitable[object]]:
    async def answer() -> object:
        raise error

    return answer


@pytest.mark.parametrize(("costs_credits", "meaning"), [(True, UnknownOutcomeError), (False, UnavailableError)])
def test_a_submission_without_an_answer_has_an_unknown_outcome(
    opened: LiveNetwork, monkeypatch: pytest.MonkeyPatch, costs_credits: bool, meaning: type[EngineError]
) -> None:
    monkeypatch.setattr(network, "SUBMISSION_SECONDS", 0.05)
    monkeypatch.setattr(network, "QUESTION_SECONDS", 0.05)
    exchange = Asked(never, costs_credits)
    opened.send(exchange)
    ((which, answer),) = arrived(opened)
    assert (which, type(answer)) == (exchange, meaning)


@pytest.mark.parametrize(("costs_credits", "meaning"), [(True, UnknownOutcomeError), (False, UnavailableError)])
def test_a_bug_of_ours_leaves_the_outcome_unknown(
    opened: LiveNetwork, caplog: pytest.LogCaptureFixture, costs_credits: bool, meaning: type[EngineError]
) -> None:
    opened.send(Asked(raising(ZeroDivisionError()), costs_credits))
    ((_which, answer),) = arrived(opened)
    assert type(answer) is meaning
    assert [record.levelname for record in caplog.records] == ["ERROR"]


@pytest.mark.parametrize("error", [NotSentError("No."), RefusedError("No."), UnknownOutcomeError("Perhaps.")])
def test_the_engines_errors_arrive_unchanged(opened: LiveNetwork, error: EngineError) -> None:
    opened.send(Asked(raising(error), costs_credits=True))
    ((_which, answer),) = arrived(opened)
    assert answer is error


def test_each_answer_arrives_once_and_extra_requests_queue(opened: LiveNetwork) -> None:
    now = most = 0

    async def counted() -> object:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.02)
        now -= 1
        return "answered"

    exchanges = [Asked(counted, costs_credits=False) for _number in range(25)]
    for exchange in exchanges:
        opened.send(exchange)
    arrivals = arrived(opened, 25)
    assert {which for which, _answer in arrivals} == set(exchanges)
    assert ([answer for _which, answer in arrivals], most) == (["answered"] * 25, MAX_CONNECTIONS)
    assert opened.arrivals(wait_seconds=0.01) == []


def test_closing_drops_requests_in_flight() -> None:
    began = time.monotonic()
    with LiveNetwork() as opened:
        for _number in range(25):
            opened.send(Asked(never, costs_credits=True))
        time.sleep(0.05)
    assert time.monotonic() - began < 1.0
    assert opened.arrivals(wait_seconds=0.01) == []
