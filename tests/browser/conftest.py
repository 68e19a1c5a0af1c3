"""A real Chromium and a real studio."""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Playwright,
    Request,
    ViewportSize,
    expect,
    sync_playwright,
)
from pytest_django import DjangoDbBlocker

from tchavi_studio.workspaces.models import User
from tchavi_studio.workspaces.sessions import SessionStore
from tests.conftest import make_person
from tests.databases import Template, connected_to
from tests.run import CHROMIUM_ARGUMENTS, HEADLESS_SHELL, found_chromium
from tests.running_studio import RunningStudio

VIEWPORT: ViewportSize = {"width": 1440, "height": 900}
EXPECTED_WITHIN_MILLISECONDS = 20_000
"""Generous, so that a busy machine only delays failures and doesn't cause them."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Let fixtures know during teardown whether their test failed."""
    report = yield
    item.stash.setdefault(FAILED, False)
    item.stash[FAILED] |= report.failed  # type: ignore[attr-defined]
    return report


FAILED = pytest.StashKey[bool]()


@pytest.fixture(scope="session")
def studio(
    database_template: Template, prepared_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningStudio]:
    """One studio for all browser tests."""
    folder = tmp_path_factory.mktemp("studio")
    shutil.copytree(prepared_data, folder / "data")
    with database_template.copy() as database, RunningStudio(folder, database) as studio:
        yield studio


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """What drives browsers."""
    with sync_playwright() as playwright:
        # Playwright runs an event loop in this thread, which Django mistakes for an async caller of its models.
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
        expect.set_options(timeout=EXPECTED_WITHIN_MILLISECONDS)
        yield playwright


@contextmanager
def chromium(playwright: Playwright, executable: str | None) -> Iterator[Browser]:
    """A running Chromium. Skips the test where there is none."""
    if executable is None:
        pytest.skip("Chromium is missing: install it or set CHROMIUM")
    browser = playwright.chromium.launch(executable_path=executable, headless=True, args=CHROMIUM_ARGUMENTS)
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """Chromium, started once."""
    with chromium(playwright, found_chromium(HEADLESS_SHELL)) as browser:
        yield browser


class Complaints:
    """What the browser complained about: console errors (including the CSP's), exceptions, failed requests."""

    def __init__(self) -> None:
        self._heard: list[str] = []
        self._expected: list[str] = []

    def expect(self, pattern: str) -> None:
        """Expect complaints that match a regular expression, because the test causes them on purpose."""
        self._expected.append(pattern)

    def listen_to(self, page: Page) -> None:
        def console(message: ConsoleMessage) -> None:
            # htmx logs an error for a request that is replaced by a newer one.
            if message.type == "error" and not re.match(r"htmx:(sendAbort|afterRequest),", message.text):
                self._heard.append(f"console: {message.text} ({message.location['url']})")

        def failed(request: Request) -> None:
            # Navigation aborts what is still loading, and players abort what they don't need.
            if request.failure != "net::ERR_ABORTED":
                self._heard.append(f"request: {request.method} {request.url} {request.failure}")

        page.on("console", console)
        page.on("pageerror", lambda error: self._heard.append(f"exception: {error}"))
        page.on("requestfailed", failed)

    @property
    def unexpected(self) -> list[str]:
        """All complaints that the test didn't expect."""
        return [line for line in self._heard if not any(re.search(pattern, line) for pattern in self._expected)]


@pytest.fixture
def complaints() -> Complaints:
    """The page's complaints, where a test declares those it expects."""
    return Complaints()


@pytest.fixture
def page(
    studio: RunningStudio, browser: Browser, complaints: Complaints, request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[Page]:
    """A new visitor's page. Any unexpected complaint of the browser fails the test."""
    context = browser.new_context(base_url=studio.address, viewport=VIEWPORT, locale="en")
    context.set_default_timeout(15_000)
    page = context.new_page()
    complaints.listen_to(page)
    yield page
    if request.node.stash.get(FAILED, False):
        page.screenshot(path=tmp_path / "failed.png", full_page=True)
        print(f"Screenshot: {tmp_path}/failed.png\nThe studio's log:\n{studio.log}")
    context.close()
    studio.require_alive()
    assert complaints.unexpected == []


@pytest.fixture
def models(studio: RunningStudio, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Connect Django's models to the running studio's database."""
    with django_db_blocker.unblock(), connected_to(studio.database):
        yield


@pytest.fixture
def person(models: None) -> User:
    """Somebody who has just signed up, with their own workspace."""
    return make_person(f"Awa {User.objects.count()}".replace(" ", "-"))


@pytest.fixture
def signed_up_page(page: Page, person: User, studio: RunningStudio) -> Page:
    """`person`'s page, signed in, at `/`. Uses a session instead of the sign-in form, which is rate-limited."""
    sign_in(page.context, person, studio)
    page.goto("/")
    return page


@pytest.fixture
def composer(signed_up_page: Page) -> Page:
    """The Create page of a new person."""
    expect(signed_up_page.locator("form.composer")).to_be_visible()
    return signed_up_page


OpenAs = Callable[[User | None], Page]


@pytest.fixture
def open_as(studio: RunningStudio, browser: Browser, complaints: Complaints, models: None) -> Iterator[OpenAs]:
    """A page in a browser of its own: of somebody who is signed in, or of a visitor (None)."""
    contexts = []

    def open_page(user: User | None) -> Page:
        context = browser.new_context(base_url=studio.address, viewport=VIEWPORT, locale="en")
        context.set_default_timeout(15_000)
        contexts.append(context)
        if user is not None:
            sign_in(context, user, studio)
        page = context.new_page()
        complaints.listen_to(page)
        return page

    yield open_page
    for context in contexts:
        context.close()


def sign_in(context: BrowserContext, person: User, studio: RunningStudio) -> None:
    """Sign a browser in as `person` at `studio`. The models must be connected to that studio's database."""
    session = SessionStore()
    session[SESSION_KEY] = str(person.pk)
    session[BACKEND_SESSION_KEY] = "allauth.account.auth_backends.AuthenticationBackend"
    session[HASH_SESSION_KEY] = person.get_session_auth_hash()
    session.create()
    assert session.session_key is not None
    context.add_cookies([{"name": "sessionid", "value": session.session_key, "url": studio.address}])
