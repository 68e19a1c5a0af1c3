"""A real Chromium against a real studio."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    ViewportSize,
    expect,
    sync_playwright,
)
from pytest_django import DjangoDbBlocker

from tchavi_studio.workspaces.models import User
from tests.conftest import make_person
from tests.databases import PostgreSQLTemplate, SQLiteTemplate, connected_to
from tests.run import CHROMIUM_ARGUMENTS, found_chromium
from tests.running_studio import RunningStudio

VIEWPORT: ViewportSize = {"width": 1440, "height": 900}
EXPECTED_WITHIN_MILLISECONDS = 20_000
"""Generous: a test fails later on a busy machine, not more often."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Let fixtures know, when they are torn down, whether their test has failed."""
    report = yield
    item.stash.setdefault(FAILED, False)
    item.stash[FAILED] |= report.failed  # type: ignore[attr-defined]
    return report


FAILED = pytest.StashKey[bool]()


@pytest.fixture(scope="session")
def studio(
    database_template: SQLiteTemplate | PostgreSQLTemplate, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningStudio]:
    """The one studio of all browser tests."""
    with (
        database_template.copy() as database,
        RunningStudio(tmp_path_factory.mktemp("studio"), database) as studio,
    ):
        yield studio


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, started once."""
    executable = found_chromium()
    if executable is None:
        pytest.skip("no Chromium here: set CHROMIUM, or install one")
    with sync_playwright() as playwright:
        # Playwright keeps an event loop in this thread, which Django takes for an async caller of its models.
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
        expect.set_options(timeout=EXPECTED_WITHIN_MILLISECONDS)
        browser = playwright.chromium.launch(executable_path=executable, headless=True, args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()


class Complaints:
    """What the browser had to complain of: errors in the console (the CSP's too), exceptions, failed requests."""

    def __init__(self) -> None:
        self._heard: list[str] = []
        self._expected: list[str] = []

    def expect(self, pattern: str) -> None:
        """A regular expression of complaints that this test brings about on purpose."""
        self._expected.append(pattern)

    def listen_to(self, page: Page) -> None:
        def console(message: ConsoleMessage) -> None:
            # htmx tells of a request that a newer one replaced as of an error.
            if message.type == "error" and not re.match(r"htmx:(sendAbort|afterRequest),", message.text):
                self._heard.append(f"console: {message.text} ({message.location['url']})")

        def failed(request: Request) -> None:
            # A navigation aborts what is still loading, and a player what it need not load.
            if request.failure != "net::ERR_ABORTED":
                self._heard.append(f"request: {request.method} {request.url} {request.failure}")

        page.on("console", console)
        page.on("pageerror", lambda error: self._heard.append(f"exception: {error}"))
        page.on("requestfailed", failed)

    @property
    def unexpected(self) -> list[str]:
        """Every complaint that the test did not expect."""
        return [line for line in self._heard if not any(re.search(pattern, line) for pattern in self._expected)]


@pytest.fixture
def complaints() -> Complaints:
    """The page's complaints; a test says here which it expects."""
    return Complaints()


@pytest.fixture
def page(
    studio: RunningStudio, browser: Browser, complaints: Complaints, request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[Page]:
    """A page of a fresh visitor. Whatever the browser complains of, the test fails."""
    context = browser.new_context(base_url=studio.address, viewport=VIEWPORT, locale="en")
    context.set_default_timeout(15_000)
    page = context.new_page()
    complaints.listen_to(page)
    yield page
    if request.node.stash.get(FAILED, False):
        page.screenshot(path=tmp_path / "failed.png", full_page=True)
        print(f"The page as it was: {tmp_path}/failed.png\nThe studio said:\n{studio.log}")
    context.close()
    studio.require_alive()
    assert complaints.unexpected == []


@pytest.fixture
def models(studio: RunningStudio, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Within, Django's models are the running studio's."""
    with django_db_blocker.unblock(), connected_to(studio.database):
        yield


@pytest.fixture
def person(models: None) -> User:
    """Somebody who has just signed up, alone in a workspace."""
    return make_person(f"Awa {User.objects.count()}".replace(" ", "-"))


@pytest.fixture
def signed_up_page(page: Page, person: User, studio: RunningStudio) -> Page:
    """`person`'s page, signed in, where `/` leads. By a session rather than the form, which is limited in how often."""
    sign_in(page.context, person, studio)
    page.goto("/")
    return page


@pytest.fixture
def composer(signed_up_page: Page) -> Page:
    """The Create page of somebody new."""
    expect(signed_up_page.locator("form.composer")).to_be_visible()
    return signed_up_page


def sign_in(context: BrowserContext, person: User, studio: RunningStudio) -> None:
    """Make a browser `person`'s at `studio`; to be called with the models connected to that studio's."""
    session = SessionStore()
    session[SESSION_KEY] = str(person.pk)
    session[BACKEND_SESSION_KEY] = "allauth.account.auth_backends.AuthenticationBackend"
    session[HASH_SESSION_KEY] = person.get_session_auth_hash()
    session.create()
    assert session.session_key is not None
    context.add_cookies([{"name": "sessionid", "value": session.session_key, "url": studio.address}])
