"""How the pump keeps up: `python -m tests.bench.pump`. All figures are ratios or counts within one run.

1,000 jobs are open at an upstream that answers after 80 ms, over real sockets. It uses SQLite unless TEST_DATABASE_URL
names another database.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"

import django

django.setup()

import httpx
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tchavi_studio.engines.base import PAGE_LENGTH
from tchavi_studio.generations.models import Engine, Generation, RemoteJob, State
from tchavi_studio.generations.upstream import account
from tchavi_studio.generations.upstream.network import MAX_CONNECTIONS, LiveNetwork
from tchavi_studio.generations.upstream.pump import Pump
from tests.conftest import make_person
from tests.upstream.running import RunningUpstream

OPEN_JOBS = 1_000
LATENCY_SECONDS = 0.08
RUNS = 5


def benchmark() -> None:
    """Measure and print."""
    call_command("migrate", interactive=False, verbosity=0)
    with (
        tempfile.TemporaryDirectory() as folder,
        RunningUpstream(
            Path(folder), latency_seconds=LATENCY_SECONDS, requests_per_minute=100_000, job_seconds=None
        ) as upstream,
    ):
        settings.STUDIO_MODE = settings.STUDIO_BOOK = "live"
        settings.STUDIO_PROVIDER_API_KEY, settings.STUDIO_PROVIDER_URL = upstream.api_key, upstream.base_url
        settings.STUDIO_PUBLIC_URL = "https://studio.example.org"
        prompts = (f"Boat {number}" for number in range(OPEN_JOBS))
        open_jobs([upstream.control.add_job(model="seedance-2", prompt=prompt) for prompt in prompts])
        learn_the_limit()

        asked_before = len(upstream.control.requests())
        passes = [poll_jobs(OPEN_JOBS) for _ in range(RUNS)]
        requests, remainder = divmod(len(upstream.control.requests()) - asked_before, RUNS)
        assert not remainder, "passes made different numbers of requests"
        bare_seconds = fastest(lambda: asyncio.run(bare_loop(upstream, requests)))
        pass_seconds = min(seconds for seconds, _statements in passes)
        print(f"requests per pass at {OPEN_JOBS:,} open jobs: {requests} ({OPEN_JOBS // requests} jobs per request)")
        print(
            f"a pass's speed relative to a bare httpx loop with the same {requests} requests at "
            f"{LATENCY_SECONDS * 1000:.0f} ms: {bare_seconds / pass_seconds:.2f} "
            f"({pass_seconds:.3f} s to {bare_seconds:.3f} s)"
        )
        for count in (PAGE_LENGTH, OPEN_JOBS // 2, OPEN_JOBS):
            _seconds, statements = poll_jobs(count)
            pages = count // PAGE_LENGTH
            print(f"database statements per pass over {count:,} jobs: {statements} ({statements / pages:.1f} per page)")


def open_jobs(remote_ids: list[str]) -> None:
    """Create rows for jobs that are open at the provider, in the order sent."""
    person = make_person("Awa")
    workspace = person.memberships.get().workspace
    began = timezone.now() - timedelta(seconds=len(remote_ids))
    for number, remote_id in enumerate(remote_ids):
        generation = Generation.objects.create(
            workspace=workspace, creator=person, model="seedance-2", prompt=f"Boat {number}", duration_seconds=5,
            resolution="480p", aspect_ratio="16:9", generate_audio=True, seed=number, width=864, height=496,
            engine=Engine.TCHAVI, book="live", price_credits=0, state=State.PROCESSING,
        )  # fmt: skip
        RemoteJob.objects.create(
            reference=generation.pk, generation=generation, attempt_id=uuid4(), remote_id=remote_id,
            sent_at=began + timedelta(seconds=number), poll_at=timezone.now() + timedelta(hours=1),
        )  # fmt: skip


def learn_the_limit() -> None:
    """Make one read request, like a pump's first: the headers of its answer contain the rate limit."""
    account.record_failure()
    with LiveNetwork() as network:
        pump = Pump(network)
        pump.step(wait_seconds=0)
        while not account.upstream_account().is_healthy:
            pump.step(wait_seconds=0.05)
        while not pump.is_idle:
            pump.step(wait_seconds=0.05, may_send=False)


def poll_jobs(count: int) -> tuple[float, int]:
    """Poll the newest `count` jobs once; returns seconds and database statements."""
    newest = RemoteJob.objects.order_by("-sent_at").values_list("pk", flat=True)[:count]
    RemoteJob.objects.filter(pk__in=list(newest)).update(poll_at=timezone.now())
    with LiveNetwork() as network, CaptureQueriesContext(connection) as captured:
        pump = Pump(network)
        began = time.perf_counter()
        pump.step(wait_seconds=0)
        while pump.is_looking:
            pump.step(wait_seconds=0.2)
        seconds = time.perf_counter() - began
    assert not RemoteJob.objects.filter(leased_by__isnull=False).exists()
    # So that nothing is due during the next measurement.
    RemoteJob.objects.update(poll_at=timezone.now() + timedelta(hours=1))
    return seconds, len(captured)


async def bare_loop(upstream: RunningUpstream, count: int) -> None:
    """The same requests with httpx alone, on as many connections."""
    limits = httpx.Limits(max_connections=MAX_CONNECTIONS, max_keepalive_connections=MAX_CONNECTIONS)
    headers = {"Authorization": f"Bearer {upstream.api_key}"}
    async with httpx.AsyncClient(limits=limits, headers=headers) as client:

        async def page(number: int) -> None:
            query = {"limit": PAGE_LENGTH, "offset": number * PAGE_LENGTH}
            (await client.get(f"{upstream.base_url}/jobs", params=query)).json()

        await asyncio.gather(*(page(number) for number in range(count)))


def fastest(work: Callable[[], object]) -> float:
    """The shortest of several runs: what the machine can do when it is idle."""
    seconds = []
    for _ in range(RUNS):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return min(seconds)


if __name__ == "__main__":
    benchmark()
