"""The time from the provider's "completed" to the changed card in an open browser: `python -m tests.bench.cards`.

100 clips are open at an upstream with a generous rate limit. Their jobs finish one by one at random times while the
page is open in Chromium. Prints how long the cards took. The clips are small, so it measures the process (list,
download, verification, card), not the bandwidth.
"""

import os
import random
import statistics
import tempfile
import time
from pathlib import Path

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
# Playwright runs an event loop in this thread, which Django mistakes for an async caller of its models.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

import django

django.setup()

from playwright.sync_api import Page, sync_playwright

from tchavi_studio.api.services import create_key
from tchavi_studio.client import Tchavi
from tchavi_studio.ledger.services import grant_credits
from tchavi_studio.workspaces.models import Workspace
from tests.browser.conftest import VIEWPORT, sign_in
from tests.conftest import make_person
from tests.databases import SQLiteTemplate, connected_to
from tests.run import CHROMIUM_ARGUMENTS, found_chromium
from tests.running_studio import RunningStudio, wait_for
from tests.upstream.running import RunningUpstream

OPEN_CLIPS = 100
SAMPLES = 60
PAUSE_SECONDS = (0.3, 1.7)
LOOK_SECONDS = 0.05


def benchmark() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with (
            RunningUpstream(folder / "upstream", job_seconds=None, requests_per_minute=500) as upstream,
            SQLiteTemplate(folder).copy() as database,
            connected_to(database),
            RunningStudio(
                folder / "studio",
                database,
                STUDIO_PROVIDER_API_KEY=upstream.api_key,
                STUDIO_PROVIDER_URL=upstream.base_url,
                STUDIO_MAX_OPEN_PER_WORKSPACE=str(OPEN_CLIPS),
            ) as studio,
        ):
            report(measure(studio, upstream))


def measure(studio: RunningStudio, upstream: RunningUpstream) -> list[float]:
    """Seconds from each job's completion to its card's."""
    awa = make_person("Awa")
    workspace = Workspace.objects.get()
    grant_credits(workspace=workspace, book="live", amount_credits=10_000_000, reason="bench")
    key = create_key(workspace=workspace, user=awa, name="bench").key
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found_chromium(), args=CHROMIUM_ARGUMENTS)
        context = browser.new_context(base_url=studio.address, viewport=VIEWPORT)
        sign_in(context, awa, studio)
        page = context.new_page()
        page.goto("/")
        with Tchavi(api_key=key, base_url=f"{studio.address}/v1", max_retries=8) as client:
            for seed in range(OPEN_CLIPS):
                client.videos.generations.create(model="seedance-2", prompt=f"Boat {seed}", seed=seed, duration=1)
        wait_for(
            lambda: len(upstream.control.jobs()) == OPEN_CLIPS, seconds=120, what="all clips to reach the provider"
        )
        page.goto("/")
        page.locator(".card.is-processing").first.wait_for()
        return finish_and_watch(page, upstream)


def finish_and_watch(page: Page, upstream: RunningUpstream) -> list[float]:
    chance = random.Random(1)
    jobs = {job.prompt: job.id for job in upstream.control.jobs()}
    shown = page.locator(".card.is-processing .meta p").all_inner_texts()
    waiting = chance.sample([prompt.strip() for prompt in shown], min(SAMPLES, len(shown)))
    finished_at: dict[str, float] = {}
    took_seconds: dict[str, float] = {}
    next_at = time.monotonic()
    while len(took_seconds) < SAMPLES and len(took_seconds) < len(shown):
        if waiting and time.monotonic() >= next_at:
            prompt = waiting.pop()
            upstream.control.finish(jobs[prompt])
            finished_at[prompt] = time.monotonic()
            next_at = time.monotonic() + chance.uniform(*PAUSE_SECONDS)
        for text in page.locator(".card.is-completed .meta p").all_inner_texts():
            if text.strip() in finished_at:
                took_seconds.setdefault(text.strip(), time.monotonic() - finished_at[text.strip()])
        time.sleep(LOOK_SECONDS)
    return list(took_seconds.values())


def report(seconds: list[float]) -> None:
    percentile_95 = statistics.quantiles(seconds, n=20, method="inclusive")[-1]
    print(
        f"from the provider's 'completed' to the changed card, {OPEN_CLIPS} clips open, {len(seconds)} measured: "
        f"median {statistics.median(seconds):.1f} s, 95% within {percentile_95:.1f} s, max {max(seconds):.1f} s"
    )


if __name__ == "__main__":
    benchmark()
