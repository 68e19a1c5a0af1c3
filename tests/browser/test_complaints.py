"""The `page` fixture hears what would make a test fail."""

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Complaints

pytestmark = [pytest.mark.browser, pytest.mark.one_database]


def test_errors_exceptions_and_breaches_of_the_policy_are_heard(page: Page, complaints: Complaints) -> None:
    page.goto("/accounts/login/")
    assert complaints.unexpected == []
    page.evaluate("console.error('a broken thing')")
    page.evaluate("setTimeout(() => { throw new Error('a thrown thing') })")
    page.evaluate("document.head.append(Object.assign(document.createElement('script'), {textContent: '1'}))")
    page.evaluate("fetch('http://127.0.0.1:9/').catch(() => null)")
    page.wait_for_timeout(200)
    heard = "\n".join(complaints.unexpected)
    for kind in ("a broken thing", "a thrown thing", "script-src", "connect-src"):
        assert kind in heard
    complaints.expect(".")
    assert complaints.unexpected == []
