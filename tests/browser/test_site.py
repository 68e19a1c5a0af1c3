"""Sign-up, and the redirect after signing in."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.conftest import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.one_database]


def test_sign_up_leads_to_the_composer(page: Page) -> None:
    page.goto("/accounts/signup/")
    page.locator("input[name=name]").fill("Ama Mensah")
    page.locator("input[name=email]").fill("ama@example.org")
    page.locator("input[name=password1]").fill(PASSWORD)
    page.locator("form:has(input[name=password1]) [type=submit]").click()
    expect(page).to_have_url(re.compile(r"/w/ama-mensahs-studio/create/$"))


def test_home_redirects_to_the_workspace(signed_up_page: Page) -> None:
    expect(signed_up_page).to_have_url(re.compile(r"/w/awa-\d+s-studio/create/$"))
