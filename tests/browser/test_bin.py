"""Many clips at once, in the bin: ticked and restored, with scripts and without."""

import pytest
from playwright.sync_api import Browser, Page, expect

from tchavi_studio.generations.models import Generation
from tchavi_studio.generations.services import delete_clip
from tchavi_studio.workspaces.models import User
from tests.browser.clips import failed_clip
from tests.browser.conftest import sign_in
from tests.running_studio import RunningStudio

pytestmark = [pytest.mark.browser, pytest.mark.one_database]


@pytest.fixture
def bin_address(person: User) -> str:
    """The bin of somebody with three failed clips in it."""
    for number in range(3):
        delete_clip(generation=failed_clip(person, f"Take {number}"), actor=person)
    return f"/w/{person.workspaces.get().slug}/gallery/bin/"


def test_restore_what_is_ticked(signed_up_page: Page, person: User, bin_address: str) -> None:
    page = signed_up_page
    page.goto(bin_address)
    bar = page.get_by_role("form", name="Selection")
    expect(bar).to_be_hidden()
    for prompt in ("Take 0", "Take 2"):
        page.locator(".card", has_text=prompt).get_by_role("checkbox", name="Select").check()
    expect(bar).to_be_visible()
    bar.get_by_role("button", name="Clear the selection").click()
    expect(bar).to_be_hidden()
    for prompt in ("Take 0", "Take 2"):
        page.locator(".card", has_text=prompt).get_by_role("checkbox", name="Select").check()
    bar.get_by_role("button", name="Restore").click()
    expect(page.locator("[data-toast]")).to_contain_text("2 clips restored.")
    expect(page.locator(".card:visible")).to_have_count(1)
    expect(page.locator(".card:visible")).to_contain_text("Take 1")
    expect(bar).to_be_hidden()
    assert Generation.objects.get(creator=person, deleted_at__isnull=False).prompt == "Take 1"


def test_restore_without_scripts(browser: Browser, studio: RunningStudio, person: User, bin_address: str) -> None:
    context = browser.new_context(base_url=studio.address, locale="en", java_script_enabled=False)
    sign_in(context, person, studio)
    page = context.new_page()
    page.goto(bin_address)
    page.locator(".card", has_text="Take 1").get_by_role("checkbox", name="Select").check()
    page.get_by_role("form", name="Selection").get_by_role("button", name="Restore").click()
    expect(page.locator(".toast")).to_contain_text("1 clip restored.")
    expect(page.locator(".card")).to_have_count(2)
    context.close()
