"""What is replaced in the studio, at the narrowest places: sockets, threads, stored files, wake-ups, time, randomness.

Everything between these seams is the studio's own code.
"""

import os
import random
import secrets
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast
from unittest.mock import patch

import httpx
from django.utils import timezone

from tchavi_studio.assets.limits import RefusedFileError
from tchavi_studio.assets.models import Asset, Kind, Origin
from tchavi_studio.assets.services import record_asset
from tchavi_studio.engines import tchavi
from tchavi_studio.engines.base import EngineError
from tchavi_studio.engines.tchavi import TchaviEngine
from tchavi_studio.generations import lifecycle, tasks, wakeups
from tchavi_studio.generations.upstream import network, pump, transfers
from tchavi_studio.generations.upstream.network import Arrival, Exchange, without_answer
from tchavi_studio.outbound import FetchedFile, OutboundRefusedError
from tchavi_studio.runtime import crashpoints, leases, slices
from tchavi_studio.runtime.crashpoints import CrashPoint
from tchavi_studio.workspaces.models import User, Workspace
from tests.upstream.service import API_KEY
from tests.upstream.transport import UpstreamTransport

from .hub import START, Alarm, OutOfTime

if TYPE_CHECKING:
    from .world import World

T = TypeVar("T")

BASE_URL = "http://upstream.test/v1"
MAX_VERIFICATION_SECONDS = 3.0
VIDEO = b"a video that takes no time to verify: " + bytes(range(256))


def carry_out(coroutine: Awaitable[T]) -> T:
    """Run a coroutine to its end. It may only await things that sleep on the simulated clock."""
    try:
        cast(Coroutine[Any, Any, T], coroutine).send(None)
    except StopIteration as end:
        value: T = end.value
        return value
    raise RuntimeError("the coroutine awaits something that isn't simulated")


class Provider:
    """Access to the provider, for the studio's engine and its downloads."""

    def __init__(self, world: "World") -> None:
        self._world = world

        async def sleep(seconds: float) -> None:
            world.hub.sleep_in_exchange(seconds)

        self.engine = TchaviEngine(
            api_key=API_KEY, base_url=BASE_URL, transport=UpstreamTransport(world.upstream, sleep=sleep)
        )
        self._http = httpx.Client(
            transport=UpstreamTransport(world.upstream, on_latency=world.hub.sleep_in_exchange),
            trust_env=False,
        )

    def exchange(self, request: Callable[[TchaviEngine], Awaitable[T]], *, limit_seconds: float) -> T:
        """Make a request. Raises `OutOfTime` after `limit_seconds`."""
        hub, world = self._world.hub, self._world
        thread = hub.thread
        assert thread is not None
        began, thread.deadline = hub.now, hub.now + limit_seconds
        thread.has_reached_provider = False
        world.requests_sent_at.append(began)
        hub.sleep_in_exchange(world.chance.uniform(*world.scenario.latency_seconds))
        thread.has_reached_provider = True
        try:
            return carry_out(request(self.engine))
        finally:
            thread.deadline = float("inf")

    def fetch_to_file(
        self, url: str, destination: Path, *, timeout_seconds: float, idle_seconds: float, **limits: object
    ) -> FetchedFile:
        """Stands in for `outbound.fetch_to_file`."""
        thread = self._world.hub.thread
        assert thread is not None
        thread.deadline = self._world.hub.now + timeout_seconds
        try:
            response = self._http.get(url, timeout=idle_seconds)
        except (httpx.HTTPError, OutOfTime) as error:
            raise OutboundRefusedError from error
        finally:
            thread.deadline = float("inf")
        if response.status_code != 200:
            raise OutboundRefusedError(status_code=response.status_code)
        with destination.open("xb") as file:
            file.write(response.content)
        return FetchedFile(byte_count=len(response.content), content_type="", final_url=url, sha256="")


class SimulatedNetwork:
    """Stands in for `LiveNetwork`, with a simulated thread for each exchange."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._arrived: list[Arrival] = []
        self._alarm = Alarm(world.hub)
        self._quiet_steps = 0
        world.pump_alarms.append(self._alarm)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def send(self, exchange: Exchange) -> None:
        thread = self._world.hub.process.start(lambda: self._carry_out(exchange))
        thread.has_reached_provider = False
        thread.late_delivery = exchange

    def arrivals(self, *, wait_seconds: float) -> list[Arrival]:
        if not self._arrived:
            # Steps are expensive to simulate, so they become rare while nothing happens.
            stretched = wait_seconds * self._world.scenario.step_stretch * min(1 + self._quiet_steps, 8) / 2
            self._alarm.wait(max(stretched, min(self._world.seconds_to_next_poll(), 8.0)))
        self._quiet_steps = 0 if self._arrived else self._quiet_steps + 1
        arrived, self._arrived = self._arrived, []
        return arrived

    def _carry_out(self, exchange: Exchange) -> None:
        limit_seconds = network.SUBMISSION_SECONDS if exchange.costs_credits else network.QUESTION_SECONDS
        answer: Any
        try:
            answer = self._world.provider.exchange(exchange.carry_out, limit_seconds=limit_seconds)
        except EngineError as error:
            answer = error
        except OutOfTime:
            answer = without_answer(exchange)
        except Exception as error:
            self._world.found(f"an exchange raised {error!r}")
            answer = without_answer(exchange)
        self._arrived.append((exchange, answer))
        self._alarm.ring()


class SimulatedExecutor:
    """Stands in for `ThreadPoolExecutor` with one thread."""

    def __init__(self, world: "World") -> None:
        self._world = world

    def submit(self, work: Callable[[], object]) -> "SimulatedFuture":
        future = SimulatedFuture(self._world)
        self._world.hub.process.start(lambda: future.run(work))
        return future

    def shutdown(self, *, wait: bool) -> None:
        assert not wait


class SimulatedFuture:
    def __init__(self, world: "World") -> None:
        self.alarm = Alarm(world.hub)
        self.is_done = False
        self._value: object = None
        self._error: Exception | None = None

    def run(self, work: Callable[[], object]) -> None:
        try:
            self._value = work()
        except Exception as error:
            self._error = error
        self.is_done = True
        self.alarm.ring()

    def result(self) -> object:
        if self._error:
            raise self._error
        return self._value


def wait_for(futures: list[SimulatedFuture], *, timeout: float) -> SimpleNamespace:
    """Stands in for `concurrent.futures.wait` with one future."""
    (future,) = futures
    if not future.is_done:
        future.alarm.wait(timeout)
    return SimpleNamespace(done=future.is_done)


def store_output(
    world: "World",
    *,
    workspace: Workspace,
    user: User | None,
    path: Path,
    during: Callable[[Callable[[], str]], str],
    **_: object,
) -> Asset:
    """Stands in for `assets.services.store_output`: an asset for a whole video, `RefusedFileError` for anything else.

    The asset's name is the video's label, which identifies its job.
    """

    def verify() -> str:
        world.hub.sleep(world.chance.uniform(0.0, MAX_VERIFICATION_SECONDS))
        content = path.read_bytes()
        head, box = content[: len(VIDEO)], content[len(VIDEO) :]
        if head != VIDEO or len(box) <= 8 or int.from_bytes(box[:4], "big") != len(box):
            raise RefusedFileError("truncated_file", kind="video")
        return box[8:].decode()

    try:
        label = during(verify)
        asset = Asset(
            workspace=workspace,
            created_by=user,
            kind=Kind.VIDEO,
            origin=Origin.OUTPUT,
            original_name=label,
            content_type="video/mp4",
            width=864,
            height=496,
            duration_seconds=5.0,
            byte_count=path.stat().st_size,
            source_sha256="",
            content_sha256="",
            file=f"simulated/{label}.mp4",
            unowned_since=timezone.now(),
        )
        record_asset(asset=asset)
        return asset
    finally:
        path.unlink(missing_ok=True)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Derive all randomness in this process from the seed: ids, clips' seeds, jitter."""
    entropy = random.Random(f"{seed}/entropy")
    state = random.getstate()
    random.seed(f"{seed}/jitter")
    # `uuid` and `secrets` get the system's randomness through these two names.
    with patch.object(os, "urandom", entropy.randbytes), patch.object(random, "_urandom", entropy.randbytes):
        try:
            assert secrets.randbelow(2) in (0, 1)
            yield
        finally:
            random.setstate(state)


@contextmanager
def seams(world: "World") -> Iterator[None]:
    """Make the studio's code run in `world`."""
    provider, hub = world.provider, world.hub

    def danger(point: CrashPoint) -> None:
        world.at_crash_point(point)

    def is_stopping() -> bool:
        return hub.process.is_stopping

    def ask(request: Callable[[TchaviEngine], Awaitable[T]]) -> T:
        return provider.exchange(request, limit_seconds=float("inf"))

    with ExitStack() as stack:
        for where, name, replacement in (
            (time, "monotonic", lambda: hub.now - START),
            (crashpoints, "hook", danger),
            (slices, "stop_requested", is_stopping),
            (tasks, "stop_requested", is_stopping),
            (pump, "HOUSEKEEPING_SECONDS", world.scenario.housekeeping_seconds),
            (tasks, "LiveNetwork", lambda: SimulatedNetwork(world)),
            (transfers, "ask", ask),
            (leases, "stop_requested", is_stopping),
            (leases, "ThreadPoolExecutor", lambda **options: SimulatedExecutor(world)),
            (leases, "wait", wait_for),
            (tchavi, "fetch_to_file", provider.fetch_to_file),
            (lifecycle, "store_output", partial(store_output, world)),
            (wakeups, "queue_wake_up", world.wake_up),
        ):
            stack.enter_context(patch.object(where, name, replacement))
        yield
