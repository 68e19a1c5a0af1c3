"""Sign-ins from a new device are written down, once."""

from django.test import Client

from tchavi_studio.workspaces.models import ActivityRow, User
from tests.conftest import PASSWORD


def sign_in(browser: Client, email: str = "bob@example.org") -> None:
    answer = browser.post(
        "/accounts/login/", {"login": email, "password": PASSWORD}, headers={"User-Agent": "Mozilla/5.0 Firefox/140.0"}
    )
    assert answer["Location"] == "/"


def rows() -> list[tuple[str | None, str, dict[str, str]]]:
    found = ActivityRow.objects.order_by("pk").select_related("workspace", "actor")
    return [
        (row.workspace.slug if row.workspace else None, row.actor.name if row.actor else "", row.details)
        for row in found
    ]


def test_a_new_device_is_one_row_in_the_workspace_last_used(bob: User) -> None:
    browser, details = Client(), {"device": "Mozilla/5.0 Firefox/140.0"}
    for _time in range(2):
        sign_in(browser)
        browser.post("/accounts/logout/")
    assert rows() == [("bobs-studio", "Bob", details)]
    # Another browser is another device, and another person in the same browser another matter.
    sign_in(Client())
    sign_in(browser, "alice@example.org")
    assert [(slug, name) for slug, name, _details in rows()[1:]] == [("bobs-studio", "Bob"), ("alices-studio", "Alice")]
    browser.post("/accounts/logout/")
    sign_in(browser)
    assert len(rows()) == 3


def test_without_a_workspace_it_is_the_sites(bob: User) -> None:
    bob.memberships.all().delete()
    sign_in(Client())
    assert [(slug, name) for slug, name, _details in rows()] == [(None, "Bob")]


def test_nobody_makes_up_that_a_device_is_known(bob: User) -> None:
    for made_up in (f"[{bob.pk}]", "W10:1xYz:forged"):
        browser = Client()
        browser.cookies["known"] = made_up
        sign_in(browser)
    assert len(rows()) == 2


def test_signing_up_is_no_new_device(db: None) -> None:
    browser = Client()
    browser.post("/accounts/signup/", {"name": "Awa", "email": "awa@example.org", "password1": PASSWORD})
    assert rows() == []
    browser.post("/accounts/logout/")
    sign_in(browser, "awa@example.org")
    assert rows() == []
