"""Pictures of every page and state of the studio, and what differs between two sets of them.

    python -m tests.browser.screenshots take FOLDER [--checkout DIR] [--python FILE] [--language fr] [--only NAMES]
    python -m tests.browser.screenshots compare BEFORE AFTER [--to FOLDER]

A sandbox and a live studio are started, filled by the API and the pages themselves, and pictured in two widths and
both themes. `--checkout` pictures another version: it is asked by HTTP and `manage.py provision` alone, so it may be
older. What differs from run to run (times, ids, keys) is blanked, so `compare` finds what a change did to the screen.
"""

import argparse
import os
import re
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from json import loads
from pathlib import Path
from typing import Any, Literal

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"

import httpx
from PIL import Image, ImageChops
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.assets.media import make_image, make_video, make_wav
from tests.databases import Database
from tests.run import CHROMIUM_ARGUMENTS, found_chromium
from tests.running_studio import RunningStudio, wait_for
from tests.upstream.running import RunningUpstream

WIDTHS = (1440, 390)
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
HEIGHT = 1500
"""More than any screen has: the composer scrolls inside, and a picture shows what is in view."""
PASSWORD = "golden hour 17"
ADMIN, NEWCOMER = "ama@example.org", "kofi@example.org"
CREDITS = "60000"
WITHIN_SECONDS = 120.0
QUOTE_MILLISECONDS = 800
PROMPTS = (
    "A potter in Dori shapes a tall jar at first light, clay dust in the air",
    "Rain on the roofs of Saint-Louis, a slow crane up",
    "Kites over the beach, shot from below against a white sky",
)

BLANK = """() => {
  const patterns = [
    [/127\\.0\\.0\\.1:\\d+/g, "127.0.0.1"],
    [/[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}/g, "00000000-0000-0000-0000-000000000000"],
    [/\\b(job_|msg_|req_|file_|whsec_|sk-tch_(?:test_)?)[\\w+/=-]+…?[\\w+/=-]*/g, "$100000000"],
    [/\\b[0-9a-f]{16,}\\b/g, "0000000000000000"],
    [/\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(?:\\.\\d+)?(?:Z|\\+00:00)/g, "2000-01-01T00:00:00Z"],
    [/\\b\\d\\d\\/\\d\\d\\/\\d{4}\\b/g, "00/00/0000"],
    [/\\b(?:[A-Z][a-z]{2,8}\\.? \\d{1,2},|\\d{1,2} [a-zéû]{3,9}\\.?) \\d{4}\\b/g, "January 1, 2000"],
    [/\\b(?!9:16\\b)\\d{1,2}:\\d\\d(?::\\d\\d)?(?: ?[ap]\\.?m\\.?)?/g, "0:00"],
    [/\\b\\d{1,2} [ap]\\.m\\./g, "0:00"],
    [/\\b(?:\\d+|a|an|une?)\\s(?:seconds?|secondes?|minutes?|ms)\\b/g, "0 s"],
    [/\\b\\d{7,10}\\b/g, "0000000"],
    [/remaining: \\d+/g, "remaining: 0"],
  ];
  const blanked = (text) => patterns.reduce((said, [pattern, blank]) => said.replace(pattern, blank), text);
  document.getElementById("updates")?.remove();
  for (const time of document.querySelectorAll("time")) {
    time.removeAttribute("data-elapsed");
    time.textContent = "0:00";
  }
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = blanked(walker.currentNode.data);
    if (text !== walker.currentNode.data) walker.currentNode.data = text;
  }
  const fields = "input:is([type=text], [type=number], [type=url], [readonly]), textarea";
  for (const input of document.querySelectorAll(fields)) {
    if (input.name !== "prompt" && blanked(input.value) !== input.value) input.value = blanked(input.value);
  }
  for (const image of document.images) image.loading = "eager";
  for (const video of document.querySelectorAll("video")) {
    video.controls = false;
    video.removeAttribute("src");
    video.load();
  }
}"""
"""Times, ids and keys become the same on every run."""

SETTLE = """() => (scrollTo(0, 0), Promise.race([
  Promise.all([...document.images].map((image) => image.decode().catch(() => null)))
    .then(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))),
  new Promise((done) => setTimeout(done, 3000)),
]))"""
"""Every image is there, and the page is laid out."""


class Photographer:
    """Takes each state in every width and theme; a state that can't be reached is told at the end."""

    scripted = True
    """Whether pages run scripts; where they don't, nothing that waits for one would ever end."""

    def __init__(self, folder: Path, only: str = "") -> None:
        self.folder = folder
        self.only = only
        self.missed: list[str] = []
        self.count = 0
        folder.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def state(self, page: Page, name: str, *, widths: tuple[int, ...] = WIDTHS) -> Iterator[None]:
        """Within, the page is brought into the state; then it is pictured."""
        page.set_viewport_size({"width": widths[0], "height": HEIGHT})
        try:
            yield
            if re.search(self.only, name):
                self._shoot(page, name, widths)
        except Exception:
            self.missed.append(name)
            traceback.print_exc()

    def visit(self, page: Page, name: str, path: str) -> None:
        """A state that is reached by its address alone."""
        if re.search(self.only, name):
            with self.state(page, name):
                page.goto(path)

    def _shoot(self, page: Page, name: str, widths: tuple[int, ...]) -> None:
        if page.locator("form.composer").count():
            # What was just changed is about to be priced anew.
            page.wait_for_timeout(QUOTE_MILLISECONDS)
        page.wait_for_load_state("networkidle")
        for width in widths:
            page.set_viewport_size({"width": width, "height": HEIGHT})
            for theme in THEMES:
                page.emulate_media(color_scheme=theme)
                page.evaluate(BLANK)
                if self.scripted:
                    page.evaluate(SETTLE)
                else:
                    page.wait_for_timeout(500)
                path = self.folder / f"{name}-{width}-{theme}.png"
                page.screenshot(path=path, full_page=True, animations="disabled")
                self.count += 1
        page.emulate_media(color_scheme="light")
        print(f"  {name}", flush=True)


# --- Filling ----------------------------------------------------------------------------------------------------------


class Receiver(BaseHTTPRequestHandler):
    """Where webhooks arrive: `/hook` takes them, `/gone` wants no more."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(204 if self.path == "/hook" else 410)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def receiver() -> Iterator[str]:
    """A server for webhooks; yields its host and port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def provision(studio: RunningStudio, email: str) -> dict[str, Any]:
    """A person with credits and a key; the first one is the site's admin."""
    said = studio.manage(
        "provision", "--email", email, "--password-stdin", "--credits", CREDITS, "--api-key", stdin=f"{PASSWORD}\n"
    )
    facts: dict[str, Any] = loads(said)
    return facts


class Api:
    """One person's way in by `/v1`."""

    def __init__(self, studio: RunningStudio, key: str) -> None:
        self._http = httpx.Client(
            base_url=f"{studio.address}/v1", headers={"Authorization": f"Bearer {key}"}, timeout=30, trust_env=False
        )

    def start(self, prompt: str, **params: Any) -> str:
        """Ask for a clip; the job's id."""
        body = {"model": "seedance-2", "prompt": prompt, "duration": 1, "seed": 17, **params}
        response = self._http.post("/videos/generations", json=body)
        response.raise_for_status()
        job_id: str = response.json()["id"]
        return job_id

    def status(self, job_id: str) -> str:
        status: str = self._http.get(f"/jobs/{job_id}").json()["status"]
        return status

    def wait(self, job_id: str, status: str) -> None:
        wait_for(lambda: self.status(job_id) == status, seconds=WITHIN_SECONDS, what=f"{job_id} is {status}")

    def make(self, prompt: str, **params: Any) -> str:
        """Ask for a clip and wait for it; the generation's id, as pages name it."""
        job_id = self.start(prompt, **params)
        self.wait(job_id, "completed")
        return page_id(job_id)

    def cancel(self, job_id: str) -> None:
        self._http.delete(f"/jobs/{job_id}").raise_for_status()


def page_id(job_id: str) -> str:
    """A job's id as it stands in the addresses of pages."""
    hexes = job_id.removeprefix("job_")
    return "-".join((hexes[:8], hexes[8:12], hexes[12:16], hexes[16:20], hexes[20:]))


def new_context(browser: Browser, studio: RunningStudio, language: str, **options: Any) -> BrowserContext:
    context = browser.new_context(
        base_url=studio.address,
        viewport={"width": WIDTHS[0], "height": HEIGHT},
        locale=language,
        color_scheme="light",
        reduced_motion="reduce",
        **options,
    )
    context.set_default_timeout(15_000)
    return context


def signed_in(browser: Browser, studio: RunningStudio, email: str, language: str) -> Page:
    """A page of somebody who has signed in."""
    page = new_context(browser, studio, language).new_page()
    page.goto("/accounts/login/")
    page.locator("[name=login]").fill(email)
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("[name=password]").press("Enter")
    page.wait_for_url(re.compile("/create/"))
    return page


# --- The sandbox ------------------------------------------------------------------------------------------------------


def picture_strangers(camera: Photographer, browser: Browser, studio: RunningStudio, language: str) -> None:
    """What is seen without being signed in."""
    page = new_context(browser, studio, language).new_page()
    camera.visit(page, "sign-in", "/accounts/login/")
    with camera.state(page, "sign-in-refused"):
        page.goto("/accounts/login/")
        page.locator("[name=login]").fill("nobody@example.org")
        page.locator("[name=password]").fill("wrong and long")
        page.locator("[name=password]").press("Enter")
        page.wait_for_selector("[aria-invalid=true], [role=alert], .problem, .notice")
    camera.visit(page, "sign-up", "/accounts/signup/")
    with camera.state(page, "sign-up-refused"):
        page.goto("/accounts/signup/")
        page.locator("[name=name]").fill("Ama")
        page.locator("[name=email]").fill("not an address@example.org")
        page.locator("[name=password1]").fill("short")
        page.locator("form:has([name=password1])").evaluate("form => { form.noValidate = true; form.requestSubmit(); }")
        page.wait_for_selector(".problem, [aria-invalid=true]")
    camera.visit(page, "password-reset", "/accounts/password/reset/")
    camera.visit(page, "password-reset-sent", "/accounts/password/reset/done/")
    camera.visit(page, "account-inactive", "/accounts/inactive/")
    camera.visit(page, "error-404", "/no/such/page/")
    with camera.state(page, "error-403-csrf"):
        page.goto("/accounts/login/")
        page.locator("[name=csrfmiddlewaretoken]").evaluate_all("all => all.forEach((input) => { input.value = ''; })")
        page.locator("[name=login]").fill("nobody@example.org")
        page.locator("[name=password]").fill("wrong and long")
        page.locator("[name=password]").press("Enter")
        expect(page.locator("[name=login]")).to_have_count(0)
    for status in (400, 403, 500):
        with camera.state(page, f"error-{status}"):
            picture_error(page, studio, status)
    page.context.close()


def picture_error(page: Page, studio: RunningStudio, status: int) -> None:
    """An error page as Django would render it, at an address that has none of its own."""
    code = f"from django.template.loader import render_to_string; print(render_to_string('{status}.html'))"
    html = studio.manage("shell", "--verbosity", "0", "-c", code)
    page.route("**/error-page", lambda route: route.fulfill(body=html, content_type="text/html"))
    page.goto("/error-page")


def picture_newcomer(camera: Photographer, browser: Browser, studio: RunningStudio, home: str, language: str) -> None:
    """Somebody who has made nothing yet."""
    page = signed_in(browser, studio, NEWCOMER, language)
    for name, path in {
        "create-empty": "create/",
        "gallery-empty": "gallery/",
        "gallery-nothing-matches": "gallery/?show=failed",
        "favourites-empty": "gallery/?scope=favourites",
        "collections-empty": "collections/",
        "references-empty": "references/",
        "bin-empty": "gallery/bin/",
        "credits-newcomer": "credits/",
        "credits-nothing-matches": "credits/?kind=refund",
        "webhooks-empty": "developers/webhooks/",
        "error-404-signed-in": "no-such-page/",
    }.items():
        camera.visit(page, name, home + path)
    picture_settings(camera, page)
    page.context.close()


def picture_composer(camera: Photographer, page: Page, home: str, folder: Path) -> None:
    """The composer in each of its modes, with media, and refusing."""

    def fresh(mode: str) -> None:
        page.goto(f"{home}create/")
        for remove in page.locator(".chip-remove").all()[::-1]:
            remove.evaluate("button => button.click()")
        page.locator(f"label:has([name=mode][value={mode}])").click()

    def quoted(prompt: str) -> None:
        with page.expect_response(re.compile("/quote/")):
            page.locator("[name=prompt]").fill(prompt)

    with camera.state(page, "create-text"):
        fresh("text")
        quoted(f"{PROMPTS[0]}\nSecond line, with [Image1] that is not there")
    with camera.state(page, "create-from-link"):
        fresh("text")
        page.locator(".from-link summary").click()
    with camera.state(page, "create-frames-empty"):
        fresh("frames")
    with camera.state(page, "create-frames"):
        fresh("frames")
        for field in ("image_url", "last_frame_image_url"):
            page.set_input_files(f"[name=new-{field}]", make_image(folder / f"{field}.jpg", 640, 480))
            page.wait_for_selector(f"[data-field={field}] .chip[data-asset] img")
    with camera.state(page, "create-set-aside"):
        page.locator("label:has([name=mode][value=text])").click()
    with camera.state(page, "create-references"):
        fresh("references")
        files = [make_image(folder / f"photo-{width}.png", width, 300) for width in (320, 400, 500)]
        files += [make_video(folder / "film.mp4", seconds=2), make_wav(folder / "voice.wav", seconds=3)]
        page.set_input_files(".add-any [name=new-files]", files)
        expect(page.locator(".chip[data-asset]:visible")).to_have_count(5, timeout=60_000)
        quoted("[Image1] walks past [Video1], [Audio1] and [Image7]")
    with camera.state(page, "create-chip-hover"):
        page.locator(".chip[data-asset] .chip-face:visible").nth(1).hover()
    with camera.state(page, "create-trim"):
        fresh("references")
        page.set_input_files(".add-any [name=new-files]", [make_video(folder / "long.mp4", seconds=20)])
        page.wait_for_selector(".chip-long")
    with camera.state(page, "create-upload-failed"):
        fresh("references")
        page.set_input_files(
            ".add-any [name=new-files]", {"name": "notes.png", "mimeType": "image/png", "buffer": b"no picture"}
        )
        page.wait_for_selector(".chip-failed")
    with camera.state(page, "create-refused"):
        fresh("frames")
        page.set_input_files("[name=new-last_frame_image_url]", make_image(folder / "last.jpg", 640, 480))
        page.wait_for_selector("[data-field=last_frame_image_url] .chip[data-asset] img")
        page.locator("[name=prompt]").fill("")
        page.locator("button.generate").click()
        page.wait_for_selector("#composer-summary b")
    with camera.state(page, "create-too-few-credits"):
        fresh("text")
        page.locator("[name=duration]").fill("15")
        page.locator("label:has([name=resolution][value='720p'])").click()
        page.locator("label:has([name=variations][value='4'])").click()
        quoted(PROMPTS[1])
        page.locator("label:has([name=duration_auto])").click()
        page.locator("label:has([name=seed_locked])").click()
        page.wait_for_timeout(800)
    with camera.state(page, "create-sheet", widths=(390,)):
        page.goto(f"{home}create/")
        page.locator(".composer-fab").click()
        page.wait_for_selector(".composer-sheet[open] .composer")
    # It takes a step back in the history, which would abort the next visit.
    page.keyboard.press("Escape")
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(500)
    with camera.state(page, "create-dropping"):
        fresh("references")
        page.locator("form.composer").evaluate("form => form.classList.add('is-receiving')")


def picture_gallery(camera: Photographer, page: Page, home: str, clips: dict[str, str]) -> None:
    """Cards, the clip's page and its dialog, and the bin."""
    camera.visit(page, "gallery", f"{home}gallery/")
    with camera.state(page, "gallery-card-menu"):
        page.goto(f"{home}gallery/")
        page.locator(".card .media").first.hover()
        page.locator(".card details.menu summary").first.click()
    with camera.state(page, "gallery-selection"):
        page.goto(f"{home}gallery/")
        page.locator(".card .tick > input").first.check()
        page.locator("#selection-form").wait_for()
    camera.visit(page, "gallery-found", f"{home}gallery/?q=light&state=done&sort=longest")
    camera.visit(page, "gallery-not-found", f"{home}gallery/?q=volcano&ratio=1:1")
    camera.visit(page, "references", f"{home}references/")
    camera.visit(page, "storage", f"{home}storage/")
    with camera.state(page, "collection"):
        for number, clip in enumerate(clips.values()):
            page.goto(f"{home}clips/{clip}/")
            page.locator(".organise-open").click()
            if number:
                page.locator(".organise [name=collection]").first.click()
            else:
                page.locator(".organise-new [name=name]").fill("Evening tales")
                page.locator(".organise-new button").click()
            page.locator(".organise-chip a[href*='/collections/']").wait_for()
        page.locator(".organise-chip a[href*='/collections/']").click()
    camera.visit(page, "collections", f"{home}collections/")
    for name, clip in clips.items():
        camera.visit(page, f"clip-{name}", f"{home}clips/{clip}/")
    with camera.state(page, "clip-dialog"):
        page.goto(f"{home}gallery/")
        page.locator(".card .meta [data-clip]").nth(1).click()
        page.wait_for_selector("dialog[open] .about")
    for name, menu in {"frame": ".player .menu summary", "remix": ".detail-actions .menu summary"}.items():
        with camera.state(page, f"clip-{name}-menu"):
            page.goto(f"{home}clips/{clips['wide']}/")
            page.locator(menu).click()
    with camera.state(page, "clip-lineage"):
        page.goto(f"{home}create/?remix={clips['wide']}&keep=no-seed")
        page.get_by_role("button", name="Generate").click()
        page.wait_for_selector(".card.is-open")
        page.wait_for_selector(".card.is-open", state="detached")
        page.goto(f"{home}clips/{clips['wide']}/")
        # The one that a phone shows.
        page.locator("[data-clip-tab][value=lineage]").evaluate("tab => { tab.checked = true; }")
    with camera.state(page, "gallery-deleted"):
        page.goto(f"{home}gallery/")
        page.locator(".card form[action$='/delete/']").last.evaluate("form => form.requestSubmit()")
        page.wait_for_selector("[data-toast]")
        page.locator("[data-toast]").hover()
    camera.visit(page, "bin", f"{home}gallery/bin/")
    camera.visit(page, "bin-confirm", f"{home}gallery/bin/empty/")
    with camera.state(page, "create-remix"):
        page.goto(f"{home}create/?remix={clips['wide']}&keep=everything")
        page.wait_for_load_state("networkidle")


def picture_shell(camera: Photographer, page: Page, home: str) -> None:
    """Menus and messages that every page has."""
    with camera.state(page, "account-menu"):
        page.goto(f"{home}credits/")
        page.locator("header details.menu summary").last.click()
    with camera.state(page, "workspace-menu", widths=(1440,)):
        page.goto(f"{home}credits/")
        page.locator("header .brand > *").last.click()
    with camera.state(page, "error-toast"):
        page.goto(f"{home}gallery/")
        page.evaluate("document.body.dispatchEvent(new CustomEvent('htmx:sendError', { bubbles: true }))")


def picture_credits(camera: Photographer, page: Page, home: str) -> None:
    camera.visit(page, "credits", f"{home}credits/")
    camera.visit(page, "credits-charges", f"{home}credits/?kind=charge")
    camera.visit(page, "credits-as-of", f"{home}credits/?row=1")
    camera.visit(page, "exposure-empty", f"{home}credits/exposure/")
    camera.visit(page, "grant-recipients", f"{home}credits/grant/")
    camera.visit(page, "grant-nobody-found", f"{home}credits/grant/?q=nowhere")
    with camera.state(page, "grant-refused"):
        page.goto(f"{home}credits/grant/")
        page.locator(".recipients a").first.click()
        page.locator("main form").evaluate("form => { form.noValidate = true; form.requestSubmit(); }")
        page.wait_for_load_state("networkidle")
    with camera.state(page, "credits-added"):
        page.goto(f"{home}credits/")
        page.locator("main form[action$='/play/']").evaluate("form => form.requestSubmit()")
        page.wait_for_load_state("networkidle")


def picture_developers(camera: Photographer, page: Page, home: str, receiver_host: str) -> None:
    """Keys, the reference, and webhooks from the first to a receiver that is gone."""
    camera.visit(page, "keys", f"{home}developers/")
    create = "form[action$='/developers/keys/']"
    with camera.state(page, "keys-refused"):
        page.goto(f"{home}developers/")
        page.locator(f"{create} [name=monthly_limit_credits]").fill("many", force=True)
        page.locator(create).evaluate("form => { form.noValidate = true; form.requestSubmit(); }")
        page.wait_for_selector(".problem")
    with camera.state(page, "keys-created"):
        page.goto(f"{home}developers/")
        page.locator(f"{create} [name=name]").fill("Nightly trailers")
        page.locator(f"{create} label:has([name=kind][value=live])").click()
        page.locator(f"{create} [name=monthly_limit_credits]").fill("5000")
        page.locator(create).evaluate("form => form.requestSubmit()")
        page.wait_for_selector(".created, [name=password]")
        if page.locator("[name=password]").count():
            page.locator("[name=password]").fill(PASSWORD)
            page.locator(".account-form").evaluate("form => form.requestSubmit()")
        page.wait_for_selector(".created")
    with camera.state(page, "keys-revoke-menu"):
        page.goto(f"{home}developers/")
        page.locator("main details.menu summary").first.click()
    with camera.state(page, "keys-revoked"):
        page.goto(f"{home}developers/")
        page.locator("form[action$='/revoke/']").first.evaluate("form => form.requestSubmit()")
        page.wait_for_load_state("networkidle")
        page.locator("details.fold summary").click()
    camera.visit(page, "reference", f"{home}developers/reference/")
    with camera.state(page, "reference-tried"):
        page.goto(f"{home}developers/reference/")
        page.locator("main details").evaluate_all("all => all.forEach((details) => { details.open = true; })")
        page.locator("#try-key").fill("sk-tch_test_wrong")
        page.locator("form[data-path]").first.evaluate("form => form.requestSubmit()")
        page.wait_for_timeout(1000)
    with camera.state(page, "webhooks-refused"):
        page.goto(f"{home}developers/webhooks/")
        page.locator("main form [name=url]").fill("ftp://nowhere")
        page.locator("main form:has([name=url])").evaluate("form => form.requestSubmit()")
        page.wait_for_selector(".problem")
    for path in ("hook", "gone"):
        with camera.state(page, f"webhook-{path}-added"):
            page.goto(f"{home}developers/webhooks/")
            page.locator("main form [name=url]").fill(f"http://{receiver_host}/{path}")
            page.locator("main form:has([name=url])").evaluate("form => form.requestSubmit()")
            page.wait_for_selector(".secret-panel")
        with camera.state(page, f"webhook-{path}-log"):
            page.locator("form[action$='/test/']").first.evaluate("form => form.requestSubmit()")
            page.wait_for_selector(".messages :is(.state-delivered, .state-failed)", timeout=30_000)
            page.reload()
        with camera.state(page, f"webhook-{path}-message"):
            page.locator(".messages a").first.click()
            page.wait_for_selector("#attempts")
    camera.visit(page, "webhooks", f"{home}developers/webhooks/")
    with camera.state(page, "webhooks-how"):
        page.locator("details.how summary").click()


def picture_settings(camera: Photographer, page: Page) -> None:
    """A person's own settings."""
    for name, path in {
        "settings-email": "/accounts/email/",
        "settings-password": "/accounts/password/change/",
        "settings-two-factor": "/accounts/2fa/",
        "settings-sessions": "/account/sessions/",
        "settings-keys": "/account/keys/",
        "settings-data": "/account/data/",
        "settings-password-reset": "/accounts/password/reset/key/done/",
        "sign-out": "/accounts/logout/",
        "settings-reauthenticate": "/accounts/2fa/totp/activate/",
    }.items():
        camera.visit(page, name, path)
    with camera.state(page, "settings-deletion-refused"):
        page.goto("/account/data/")
        page.locator("[name=email]").fill("somebody@example.org")
        page.locator(".account-form").evaluate("form => form.requestSubmit()")
        page.wait_for_selector(".problem")
    with camera.state(page, "settings-two-factor-start"):
        page.goto("/accounts/2fa/totp/activate/")
        page.locator("[name=password]").fill(PASSWORD)
        page.locator("[name=password]").press("Enter")
        # A new secret each time.
        page.locator("main img").first.evaluate("image => { image.src = 'data:,'; image.alt = ''; }")
        page.locator("main input:is([disabled], [readonly])").evaluate_all(
            "all => all.forEach((input) => { input.value = ''; })"
        )


def picture_team(
    camera: Photographer, browser: Browser, studio: RunningStudio, page: Page, home: str, language: str
) -> None:
    """A workspace of two people, from the invitation to a request for approval."""
    camera.visit(page, "team-alone", f"{home}team/")
    link = ""
    with camera.state(page, "team-link"):
        page.goto(f"{home}team/")
        page.locator("form[action$='/invite/link/'] button").click()
        link = page.locator("#created-link").input_value()
        page.locator("#created-link").evaluate("input => { input.value = location.origin + '/invitations/…/'; }")
    member = signed_in(browser, studio, NEWCOMER, language)
    with camera.state(member, "invitation"):
        member.goto(link)
    with camera.state(member, "create-joined"):
        member.locator("form[action$='/invitations/accept/'] button").click()
        member.wait_for_url(re.compile("/create/"))
    with camera.state(member, "invitation-used"):
        member.goto(link)
    with camera.state(page, "team"):
        page.goto(f"{home}team/")
        row = page.locator(".members tr", has_text=NEWCOMER)
        row.locator(".edit summary").click()
        row.locator("[name=budget_credits]").fill("1000")
        row.locator(".edit .btn").click()
        row.locator("meter").wait_for()
    with camera.state(member, "create-over-budget"):
        member.goto(f"{home}create/")
        member.locator("[name=prompt]").fill(PROMPTS[1])
        member.locator("button.generate").click()
        member.locator("#composer-summary button").wait_for()
    with camera.state(member, "create-parked"):
        member.locator("#composer-summary button").click()
        member.locator(".is-parked").wait_for()
    camera.visit(page, "requests", f"{home}team/budgets/")
    camera.visit(member, "gallery-workspace", f"{home}gallery/?scope=workspace")
    camera.visit(member, "team-of-a-creator", f"{home}team/")
    with camera.state(page, "team-removal"):
        page.goto(f"{home}team/")
        page.locator(".members tr", has_text=NEWCOMER).locator(".do summary").click()
        page.locator("form[action$='/remove/'] button").click()
        page.wait_for_selector(".danger")
    for name, path in {
        "activity": f"{home}team/activity/",
        "activity-nothing-matches": f"{home}team/activity/?kind=bin.emptied",
        "workspace-settings": f"{home}settings/",
        "workspace-ownership": f"{home}settings/ownership/",
        "workspace-leave": f"{home}settings/leave/",
        "workspaces": "/workspaces/",
        "workspace-new": "/workspaces/new/",
        "site-people": "/site/people/",
        "site-workspaces": "/site/workspaces/",
        "site-prices": "/site/prices/",
        "site-new-prices": "/site/prices/new/",
        "site-activity": "/site/activity/",
        "site-audit": "/site/audit/",
        "audit": f"{home}audit/",
        "audit-row": f"{home}audit/rows/1/",
        "notices": "/notices/",
        "notices-preferences": "/account/notices/",
        "own-invitations": "/account/invitations/",
    }.items():
        camera.visit(page, name, path)
    member.context.close()


def picture_sandbox(
    camera: Photographer, browser: Browser, folder: Path, options: dict[str, Any], language: str
) -> None:
    with receiver() as receiver_host, running(folder, STUDIO_OUTBOUND_ALLOW=receiver_host, **options) as studio:
        admin, newcomer = provision(studio, ADMIN), provision(studio, NEWCOMER)
        picture_strangers(camera, browser, studio, language)
        picture_newcomer(camera, browser, studio, f"/w/{newcomer['workspace']}/", language)
        api, home = Api(studio, admin["api_key"]), f"/w/{admin['workspace']}/"
        clips = {
            "wide": api.make(PROMPTS[0]),
            "tall": api.make(PROMPTS[1], aspect_ratio="9:16", generate_audio=False),
            "square": api.make(PROMPTS[2], aspect_ratio="1:1", model="kling-v3", duration=2),
        }
        page = signed_in(browser, studio, ADMIN, language)
        camera.visit(page, "create-filled", f"{home}create/")
        picture_composer(camera, page, home, folder)
        picture_gallery(camera, page, home, clips)
        picture_shell(camera, page, home)
        picture_credits(camera, page, home)
        picture_developers(camera, page, home, receiver_host)
        picture_team(camera, browser, studio, page, home, language)
        without_script = new_context(
            browser, studio, language, storage_state=page.context.storage_state(), java_script_enabled=False
        ).new_page()
        camera.scripted = False
        camera.visit(without_script, "create-without-script", f"{home}create/")
        camera.scripted = True
        without_script.context.close()
        page.context.close()


# --- Live mode --------------------------------------------------------------------------------------------------------


def picture_live(camera: Photographer, browser: Browser, folder: Path, options: dict[str, Any], language: str) -> None:
    """Clips in every state that a provider brings about."""
    with ExitStack() as stack:
        upstream = stack.enter_context(RunningUpstream(folder / "upstream", job_seconds=None))
        studio = stack.enter_context(
            running(
                folder,
                STUDIO_PROVIDER_API_KEY=upstream.api_key,
                STUDIO_PROVIDER_URL=upstream.base_url,
                STUDIO_UNKNOWN_DEADLINE_SECONDS="1",
                **options,
            )
        )
        admin, newcomer = provision(studio, ADMIN), provision(studio, NEWCOMER)
        api, home = Api(studio, admin["api_key"]), f"/w/{admin['workspace']}/"

        def at_provider(prompt: str) -> str:
            wait_for(lambda: upstream.control.jobs(prompt=prompt), seconds=WITHIN_SECONDS, what=f"{prompt} is sent")
            return upstream.control.jobs(prompt=prompt)[0].id

        upstream.control.arm("create", "drop_after_commit")
        lost = api.start("Sent, and no answer came")
        api.wait(lost, "failed")
        failed = api.start("Refused by the model")
        upstream.control.fail(
            at_provider("Refused by the model"), "content_policy_violation", "The prompt was refused."
        )
        api.wait(failed, "failed")
        done = api.start("Finished by the provider")
        upstream.control.finish(at_provider("Finished by the provider"))
        api.wait(done, "completed")
        begun = api.start("In work at the provider")
        upstream.control.begin(at_provider("In work at the provider"))
        api.wait(begun, "processing")
        waiting = api.start("In the provider's line")
        at_provider("In the provider's line")
        preview = Api(studio, admin["test_api_key"]).make(PROMPTS[0])
        page = signed_in(browser, studio, ADMIN, language)
        clips = {"lost": lost, "failed": failed, "done": done, "begun": begun, "waiting": waiting}
        camera.visit(page, "live-create", f"{home}create/")
        camera.visit(page, "live-gallery", f"{home}gallery/")
        for name, job_id in clips.items():
            camera.visit(page, f"live-clip-{name}", f"{home}clips/{page_id(job_id)}/")
        camera.visit(page, "live-clip-preview", f"{home}clips/{preview}/")
        camera.visit(page, "live-credits", f"{home}credits/")
        camera.visit(page, "live-exposure", f"{home}credits/exposure/")

        upstream.control.arm("create", "insufficient_credits", times=None)
        api.start("Waits for the studio's account")
        api.cancel(api.start("Cancelled while it waited"))
        with camera.state(page, "live-account-refused"):
            deadline = time.monotonic() + WITHIN_SECONDS
            page.goto(f"{home}create/")
            while not (page.locator("aside.alert").count() and page.locator(".card.is-queued").count()):
                assert time.monotonic() < deadline, "no notice of the refused account, or nothing waits for it"
                page.wait_for_timeout(500)
                page.reload()
        page.context.close()
        member = signed_in(browser, studio, NEWCOMER, language)
        camera.visit(member, "live-create-empty", f"/w/{newcomer['workspace']}/create/")
        member.context.close()
        stranger = new_context(browser, studio, language).new_page()
        camera.visit(stranger, "live-sign-up-closed", "/accounts/signup/")
        stranger.context.close()


# --- Taking and comparing ---------------------------------------------------------------------------------------------


@contextmanager
def running(folder: Path, *, checkout: Path, python: str, **environment: str) -> Iterator[RunningStudio]:
    """A studio of `checkout`, with a database and files of its own in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "studio.sqlite3"
    database = Database(name=str(path), url=f"sqlite:///{path}")
    # Whoever waits for a clip asks often.
    limits = {"STUDIO_API_RPM_PER_KEY": "100000", "STUDIO_API_RPM_PER_ADDRESS": "100000"}
    with RunningStudio(folder / "studio", database, checkout, python, **limits, **environment) as studio:
        yield studio


def take(folder: Path, *, checkout: Path, python: str, language: str, only: str) -> int:
    """Picture everything; the exit code."""
    camera = Photographer(folder, only)
    options: dict[str, Any] = {"checkout": checkout, "python": python}
    chromium = found_chromium()
    if chromium is None:
        sys.exit("There is no Chromium here: set CHROMIUM, or install one.")
    pictured: list[Callable[..., None]] = [picture_sandbox, picture_live]
    with tempfile.TemporaryDirectory(prefix="studio-screenshots-") as temporary, sync_playwright() as playwright:
        # Else a picture's colours and edges would depend on the machine's graphics.
        arguments = [*CHROMIUM_ARGUMENTS, "--force-color-profile=srgb", "--hide-scrollbars"]
        browser = playwright.chromium.launch(executable_path=chromium, headless=True, args=arguments)
        for picture in pictured:
            picture(camera, browser, Path(temporary, picture.__name__), options, language)
        browser.close()
    print(f"{camera.count} pictures in {folder}")
    if camera.missed:
        print("Not reached: " + ", ".join(camera.missed))
    return bool(camera.missed)


def difference(before: Image.Image, after: Image.Image) -> Image.Image | None:
    """Both pictures side by side, with what differs in red at the right; None when they are the same."""
    first, second = before.convert("RGB"), after.convert("RGB")
    size = (max(first.width, second.width), max(first.height, second.height))
    canvases = []
    for picture in (first, second):
        canvas = Image.new("RGB", size, "magenta")
        canvas.paste(picture)
        canvases.append(canvas)
    changed = ImageChops.difference(*canvases).convert("L").point(lambda value: 255 if value else 0)
    if changed.getbbox() is None and first.size == second.size:
        return None
    marked = canvases[1].convert("L").convert("RGB")
    marked.paste("red", mask=changed)
    sheet = Image.new("RGB", (size[0] * 3, size[1]))
    for number, picture in enumerate([*canvases, marked]):
        sheet.paste(picture, (size[0] * number, 0))
    return sheet


def compare(before: Path, after: Path, to: Path | None) -> int:
    """Name every picture that differs or is missing; the exit code."""
    names = sorted({path.name for folder in (before, after) for path in folder.glob("*.png")})
    differing = []
    for name in names:
        if not ((before / name).exists() and (after / name).exists()):
            differing.append(f"{name}: only in {before if (before / name).exists() else after}")
            continue
        sheet = difference(Image.open(before / name), Image.open(after / name))
        if sheet is None:
            continue
        differing.append(name)
        if to:
            to.mkdir(parents=True, exist_ok=True)
            sheet.save(to / name)
    print(*differing, f"{len(differing)} of {len(names)} pictures differ", sep="\n")
    return bool(differing)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.browser.screenshots", description=__doc__)
    commands = parser.add_subparsers(required=True)
    taking = commands.add_parser("take", help="picture every page and state")
    taking.add_argument("folder", type=Path)
    taking.add_argument("--checkout", type=Path, default=Path.cwd(), help="the version of the studio to picture")
    taking.add_argument("--python", default=sys.executable, help="what to run it with")
    taking.add_argument("--language", default="en")
    taking.add_argument("--only", default="", help="only states whose name fits this regular expression")
    taking.set_defaults(run=take)
    comparing = commands.add_parser("compare", help="name what differs")
    comparing.add_argument("before", type=Path)
    comparing.add_argument("after", type=Path)
    comparing.add_argument("--to", type=Path, help="a folder for pictures of the differences")
    comparing.set_defaults(run=compare)
    arguments = vars(parser.parse_args())
    run: Callable[..., int] = arguments.pop("run")
    return run(**arguments)


if __name__ == "__main__":
    sys.exit(main())
