"""The site's audit in a browser: verified while one watches, a row opened, heads exported and checked."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tchavi_studio.workspaces.models import User, Workspace

pytestmark = [pytest.mark.browser, pytest.mark.one_database]

VERIFIED_WITHIN = 30_000


def test_from_the_answer_to_a_row(signed_up_page: Page, person: User, tmp_path: Path) -> None:
    User.objects.filter(pk=person.pk).update(is_site_auditor=True)
    workspace = Workspace.objects.get(memberships__user=person)
    page = signed_up_page
    page.goto("/site/audit/")

    # Started, followed and answered without a reload; then the page asks no more.
    page.get_by_role("button", name="Verify everything again").click()
    answer = page.locator("#integrity")
    expect(answer).to_contain_text(f"· {person.name} · everything, from the first row", timeout=VERIFIED_WITHIN)
    expect(answer.locator(".audit-verdict")).to_have_text("Intact")
    expect(answer).not_to_have_attribute("hx-get", re.compile(".*"))

    with page.expect_download() as download:
        page.get_by_role("link", name="Download heads").click()
    export = tmp_path / "heads.json"
    download.value.save_as(export)
    page.get_by_label("An earlier export").set_input_files(export)
    page.get_by_role("button", name="Check", exact=True).click()
    expect(page.locator(".audit-heads .audit-verdict")).to_contain_text("heads are in their chains")

    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"/site/audit/?workspace={workspace.slug}")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.locator("#transfers tbody").get_by_role("link", name="#1", exact=True).click()
    expect(page.locator("h1")).to_have_text("+10,000")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
