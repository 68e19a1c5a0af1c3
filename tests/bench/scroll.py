"""How smoothly a real Chromium scrolls the gallery of a workspace with a hundred thousand clips."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from tests.browser.clips import end_open_clips
from tests.browser.conftest import VIEWPORT, sign_in
from tests.conftest import make_person
from tests.databases import connected_to, make_template
from tests.run import CHROMIUM_ARGUMENTS, found_chromium
from tests.running_studio import RunningStudio

from .report import Row
from .studios import fill

CLIPS = 100_000
STEPS = 400
STEP_PIXELS = 1_800
SETTLED_MILLISECONDS = 3_000

WATCH = """() => {
  window.longest = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) window.longest = Math.max(window.longest, entry.duration);
  }).observe({ type: "longtask" });
}"""
LOOK = """() => ({
  longest: window.longest,
  cards: document.querySelectorAll("#clips .card").length,
  nodes: document.querySelectorAll("*").length,
  height: Math.max(...[...document.querySelectorAll("#clips > *")].map((box) => box.getBoundingClientRect().height)),
  scrolled: scrollY,
})"""


def rows(size: int) -> Iterator[Row]:
    """Always `CLIPS` clips, whatever `size` is. What loading the page itself takes isn't scrolling."""
    found = scrolled()
    note = f"{STEPS} turns of the wheel, {found['scrolled']:,.0f} px, in a workspace of {CLIPS:,} clips"
    yield Row("scrolling: the longest task", "–", found["longest"], 50, "ms", note=note)
    yield Row(
        "scrolling: most cards in the page", "–", found["cards"], 260, "cards", note=f"{found['nodes']:,.0f} nodes"
    )
    yield Row("scrolling: the highest box", "–", found["height"], 4_000_000, "px")


def scrolled() -> dict[str, float]:
    """The highest figure of each kind that the page had on the way."""
    executable = found_chromium()
    if executable is None:
        raise SystemExit("Chromium is needed: set CHROMIUM, or install one.")
    with tempfile.TemporaryDirectory(prefix="studio-bench-") as name:
        folder = Path(name)
        template = make_template(folder)
        try:
            with template.copy() as database, connected_to(database):
                person = make_person("Awa")
                fill(person, CLIPS)
                workspace = person.workspaces.get()
                end_open_clips(workspace)
                with RunningStudio(folder / "studio", database) as studio, sync_playwright() as playwright:
                    # Playwright runs an event loop in this thread, which Django mistakes for an async caller.
                    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
                    browser = playwright.chromium.launch(executable_path=executable, args=CHROMIUM_ARGUMENTS)
                    context = browser.new_context(base_url=studio.address, viewport=VIEWPORT, locale="en")
                    sign_in(context, person, studio)
                    page = context.new_page()
                    # The demo has no files.
                    page.route("**/media/**", lambda route: route.fulfill(status=204))
                    page.goto(f"/w/{workspace.slug}/gallery/")
                    found = scroll(page)
                    browser.close()
                    return found
        finally:
            template.drop()


def scroll(page: Page) -> dict[str, float]:
    page.wait_for_timeout(SETTLED_MILLISECONDS)
    page.evaluate(WATCH)
    most: dict[str, Any] = {}
    for _step in range(STEPS):
        page.mouse.wheel(0, STEP_PIXELS)
        page.wait_for_timeout(50)
        look = page.evaluate(LOOK)
        most = {name: max(value, most.get(name, 0)) for name, value in look.items()}
    return most
