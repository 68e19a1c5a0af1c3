"""Credits: from the statement to a clip and back, filtered, as of a moment, and downloaded."""

import re
from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

from tchavi_studio.ledger.models import StatementEntry
from tchavi_studio.ledger.services import adjust_credits
from tchavi_studio.workspaces.models import User, Workspace
from tests.browser.clips import failed_clip

pytestmark = [pytest.mark.browser, pytest.mark.one_database]


def test_the_statement_leads_to_clips_and_files(signed_up_page: Page, person: User) -> None:
    workspace = Workspace.objects.get(memberships__user=person)
    word = f"harbour{uuid4().hex[:6]}"
    clip = failed_clip(person, f"A {word} at dawn")
    adjust_credits(workspace=workspace, book="sandbox", amount_credits=-7, reason="typed twice")
    page = signed_up_page
    page.goto(f"/w/{workspace.slug}/credits/")
    rows = page.locator(".statement tbody tr")
    expect(rows).to_have_count(4)
    expect(page.locator(".band")).to_contain_text("Lasts until")

    # The day's bar says what it cost, by the keyboard too.
    today = page.locator(".chart .day").last
    today.focus()
    expect(today.locator(".says")).to_have_css("opacity", "1")
    page.get_by_text("As a table").click()
    expect(page.locator(".as-table table")).to_be_visible()

    # Filtered by a chip, then by the clip's words.
    page.locator(".statement").get_by_text("Kind", exact=True).click()
    page.get_by_role("link", name="Refunds").click()
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("#3")
    page.get_by_role("link", name="Remove the filter Kind").click()
    page.get_by_label("Search by clip").fill(word)
    page.get_by_label("Search by clip").press("Enter")
    expect(rows).to_have_count(2)

    # The clip, its row, and back with the filters.
    rows.first.get_by_role("link", name=re.compile(word)).click()
    expect(page).to_have_url(re.compile(f"/clips/{clip.pk}/"))
    page.get_by_role("link", name="Refunded · #3").click()
    expect(page.locator("#transfer-3")).to_be_in_viewport()
    page.go_back()
    page.go_back()
    expect(rows).to_have_count(2)
    expect(page.get_by_label("Search by clip")).to_have_value(word)

    # As of the grant, before anything else happened.
    first = StatementEntry.objects.get(wallet__workspace=workspace, row_number=1)
    page.goto(f"/w/{workspace.slug}/credits/?as_of={first.created_at.strftime('%Y-%m-%dT%H:%M:%S.%fZ')}")
    expect(page.locator(".as-of")).to_contain_text("After row #1.")
    expect(page.locator(".as-of .amount")).to_have_text("10,000 credits")
    page.get_by_role("link", name="Back to now").click()

    # The file.
    page.locator(".statement").get_by_text("Download", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").first.click()
    lines = download.value.path().read_text().splitlines()
    assert len(lines) == 5
    assert lines[1].startswith("4,adjustment,")
