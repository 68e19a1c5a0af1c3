"""The account pages: where one is signed in."""

import sqlite3
from datetime import timedelta

import pytest
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from tchavi_studio.site.devices import device_label
from tchavi_studio.workspaces.models import Session, User
from tests.conftest import PASSWORD
from tests.plans import listed_by_index

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 "
    "Mobile/15E148 Safari/604.1"
)


def signed_in(user: User, device: str, address: str) -> Client:
    """A browser of this user, somewhere."""
    browser = Client(headers={"User-Agent": device}, REMOTE_ADDR=address)
    browser.post("/accounts/login/", {"login": user.email, "password": PASSWORD})
    return browser


@pytest.fixture
def desk(alice: User) -> Client:
    return signed_in(alice, FIREFOX, "192.0.2.1")


@pytest.fixture
def phone(alice: User, desk: Client) -> Client:
    return signed_in(alice, SAFARI, "2001:db8::7")


def is_signed_in(browser: Client) -> bool:
    return browser.get("/")["Location"] != "/accounts/login/?next=/"


@pytest.mark.parametrize(
    ("user_agent", "label"),
    [
        (FIREFOX, "Firefox, Linux"),
        (SAFARI, "Safari, iPhone"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0", "Edge, Windows"),
        ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36", "Chrome, Android"),
        ("curl/8.5.0", "curl/8.5.0"),
        ("", "Unknown device"),
    ],
)
def test_device_names(user_agent: str, label: str) -> None:
    assert device_label(user_agent) == label


def test_sessions_are_listed_with_device_and_address(alice: User, desk: Client, phone: Client, bob: User) -> None:
    signed_in(bob, FIREFOX, "192.0.2.99")
    with listed_by_index(Session):
        page = desk.get("/account/sessions/").content.decode()
    for text in ("Firefox, Linux", "192.0.2.1", "Safari, iPhone", "2001:db8::7"):
        assert page.count(text) == 1, text
    assert page.count("This device") == 1
    assert "192.0.2.99" not in page
    # Whoever reads the page must not learn how to take the other session over.
    assert not any(key in page for key in Session.objects.values_list("pk", flat=True))


def test_a_session_is_ended(alice: User, desk: Client, phone: Client, bob: User) -> None:
    theirs = signed_in(bob, FIREFOX, "192.0.2.99")
    other = Session.objects.get(user=alice, address="2001:db8::7")
    theirs.post("/account/sessions/end/", {"session": other.public_id})
    assert is_signed_in(phone)
    answer = desk.post("/account/sessions/end/", {"session": other.public_id}, follow=True)
    assert "Signed out there." in answer.content.decode()
    assert [is_signed_in(browser) for browser in (desk, phone, theirs)] == [True, False, True]


def test_all_other_sessions_are_ended(alice: User, desk: Client, phone: Client, bob: User) -> None:
    theirs = signed_in(bob, FIREFOX, "192.0.2.99")
    answer = desk.post("/account/sessions/end-others/", follow=True)
    assert "Signed out in 1 other session." in answer.content.decode()
    assert [is_signed_in(browser) for browser in (desk, phone, theirs)] == [True, False, True]


def test_a_new_password_ends_the_other_sessions(alice: User, desk: Client, phone: Client) -> None:
    new = "silver hour 18"
    desk.post("/accounts/password/change/", {"oldpassword": PASSWORD, "password1": new, "password2": new})
    assert [is_signed_in(browser) for browser in (desk, phone)] == [True, False]
    assert Session.objects.filter(user=alice).count() == 1


def test_signing_out_ends_the_session(alice: User, desk: Client) -> None:
    desk.post("/accounts/logout/")
    assert not Session.objects.filter(user=alice).exists()


def test_use_is_noted_every_minute(alice: User, desk: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    start = Session.objects.get().seen_at
    seen = []
    desk.defaults["REMOTE_ADDR"] = "192.0.2.2"
    for seconds in (50, 70, 80, 130):
        monkeypatch.setattr("django.utils.timezone.now", lambda seconds=seconds: start + timedelta(seconds=seconds))
        desk.get("/account/sessions/")
        seen.append(Session.objects.get().seen_at - start)
    assert seen == [timedelta(seconds=seconds) for seconds in (0, 70, 70, 130)]
    assert Session.objects.get().address == "192.0.2.2"


def test_pages_work_when_use_cannot_be_noted(alice: User, desk: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: object) -> None:
        full = sqlite3.OperationalError("database or disk is full")
        full.sqlite_errorcode = sqlite3.SQLITE_FULL
        raise OperationalError("database or disk is full") from full

    monkeypatch.setattr("tchavi_studio.workspaces.sessions.SessionStore.note_use", fail)
    Session.objects.update(seen_at=timezone.now() - timedelta(hours=1))
    assert desk.get("/account/sessions/").status_code == 200
