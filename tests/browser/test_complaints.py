"""The `page` fixture notices everything that should fail a test."""

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Complaints

pytestmark = [pytest.mark.browser, pytest.mark.one_database]


def test_errors_exceptions_and_policy_violations_are_noticed(page: Page, complaints: Complaints) -> None:
    page.goto("/accounts/login/")
    assert complaints.unexpected == []
    page.evaluate("console.error('a broken thing')")
    page.evaluate("setTimeout(() => { throw new Error('a thrown thing') })")
    page.evaluate("document.head.append(Object.assign(document.createElement('script'), {textContent: '1'}))")
    page.evaluate("fetch('http://127.0.0.1:9/').catch(() => null)")
    page.wait_for_timeout(200)
    noticed = "\n".join(complaints.unexpected)
    for kind in ("a broken thing", "a thrown thing", "script-src", "connect-src"):
        assert kind in noticed
    complaints.expect(".")
    assert complaints.unexpected == []
