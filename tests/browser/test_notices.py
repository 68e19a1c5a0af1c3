"""The bell of an idle page, and notices that the browser itself shows."""

import re
from collections.abc import Iterator

import pytest
from django.db import transaction
from playwright.sync_api import Browser, Page, Playwright, expect

from tchavi_studio.generations.models import Generation, State
from tchavi_studio.notices.models import Notice, NoticeKind
from tchavi_studio.notices.services import notify
from tchavi_studio.workspaces.models import User, Workspace
from tests.browser.conftest import chromium
from tests.run import found_chromium
from tests.running_studio import RunningStudio, wait_for

pytestmark = [pytest.mark.browser, pytest.mark.one_database]

ASKS_AFTER = 26_000
"""Milliseconds; the tests' pages have clocks of their own."""

# Headless Chromium never puts a page into the background.
IN_THE_BACKGROUND = """() => {
  Object.defineProperty(document, "hidden", { get: () => true });
}"""
SHOWN = """async () => {
  const registration = await navigator.serviceWorker.ready;
  return (await registration.getNotifications()).map((each) => [each.title, each.body]);
}"""


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """The whole Chromium: the headless shell has no notifications."""
    with chromium(playwright, found_chromium()) as browser:
        yield browser


def tell(person: User) -> None:
    with transaction.atomic():
        workspace = Workspace.objects.get(memberships__user=person)
        notify(user=person, kind=NoticeKind.LOW_BALANCE, workspace=workspace, details={"balance_credits": 120})


def test_the_bell_of_an_idle_page_follows(signed_up_page: Page, person: User) -> None:
    page = signed_up_page
    page.clock.install()
    page.goto("/account/notices/")
    expect(page.locator("#bell")).to_have_attribute("data-count", "")
    tell(person)
    page.clock.fast_forward(ASKS_AFTER)
    expect(page.locator("#bell")).to_have_attribute("data-count", "1")
    expect(page.locator("#bell")).to_contain_text("Notices: 1 unread")


def test_notices_in_the_browser_on_request(signed_up_page: Page, person: User, studio: RunningStudio) -> None:
    page = signed_up_page
    page.context.grant_permissions(["notifications"], origin=studio.address)
    page.context.clock.install()
    page.goto("/account/notices/")
    switch = page.get_by_label("Show notices here while the studio is open in the background")
    expect(switch).not_to_be_checked()
    switch.check()
    page.reload()
    expect(switch).to_be_checked()

    # Two tabs in the background: one notification.
    other = page.context.new_page()
    other.goto("/notices/")
    for each in (page, other):
        each.evaluate(IN_THE_BACKGROUND)
    tell(person)
    page.context.clock.fast_forward(ASKS_AFTER)
    expect(page.locator("#bell")).to_have_attribute("data-count", "1")
    expect(other.locator("#bell")).to_have_attribute("data-count", "1")
    assert wait_for(lambda: page.evaluate(SHOWN), seconds=20, what="the notification") == [
        [f"Credits are running low in {Workspace.objects.get(memberships__user=person).name}", "120 credits are left."]
    ]
    assert Notice.objects.get(user=person).seen_at is None, "shown isn't read"

    # Switched off, a page in the background doesn't even ask.
    switch.uncheck()
    tell(person)
    page.context.clock.fast_forward(ASKS_AFTER)
    expect(page.locator("#bell")).to_have_attribute("data-count", "1")
    page.reload()
    expect(switch).not_to_be_checked()
    expect(page.locator("#bell")).to_have_attribute("data-count", "2")
    assert len(page.evaluate(SHOWN)) == 1


def test_a_clip_that_ends_in_a_hidden_tab_is_shown(composer: Page, person: User, studio: RunningStudio) -> None:
    composer.clock.install()
    composer.context.grant_permissions(["notifications"], origin=studio.address)
    composer.evaluate("localStorage.setItem('browser-notices', 'on')")
    composer.reload()
    composer.get_by_label("Prompt", exact=True).fill("A heron lifts off from the reeds")
    composer.get_by_role("button", name="Generate").click()
    expect(composer.locator(".card.is-open")).to_have_count(1)
    composer.evaluate(IN_THE_BACKGROUND)
    is_done = Generation.objects.filter(state=State.COMPLETED, creator=person).exists
    wait_for(is_done, seconds=60, what="the clip")
    composer.clock.fast_forward(ASKS_AFTER)
    expect(composer.locator(".card.is-completed")).to_have_count(1)
    shown = wait_for(lambda: composer.evaluate(SHOWN), seconds=20, what="the notification")
    assert [body for _title, body in shown] == ["Clip finished."]


def test_the_switch_is_absent_where_the_browser_cannot(signed_up_page: Page) -> None:
    page = signed_up_page
    page.add_init_script("delete window.Notification")
    page.goto("/account/notices/")
    expect(page.get_by_role("heading", name="Notices")).to_be_visible()
    expect(page.get_by_text(re.compile("Show notices here"))).to_be_hidden()
