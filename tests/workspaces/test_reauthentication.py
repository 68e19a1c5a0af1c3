"""What a stolen session can't do: change the address or turn two-factor authentication off. And the owner is told."""

import time
from urllib.parse import urlencode

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.core import mail
from django.test import Client
from pytest_django import Settings

from tchavi_studio.workspaces.models import Guard, User
from tests.conftest import PASSWORD

NEW = "ali@example.org"


@pytest.fixture
def with_mail(settings: Settings) -> None:
    """As with EMAIL_URL."""
    settings.SENDS_MAIL = settings.ACCOUNT_EMAIL_NOTIFICATIONS = True
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"


@pytest.fixture
def confirmed(alice: User) -> EmailAddress:
    """Alice's address, confirmed by mail."""
    return EmailAddress.objects.create(user=alice, email=alice.email, verified=True, primary=True)


def asks_for_password(path: str) -> str:
    """Where a page leads that needs the password."""
    return f"/accounts/reauthenticate/?{urlencode({'next': path})}"


def confirm_password(browser: Client, path: str) -> None:
    answer = browser.post(asks_for_password(path), {"password": PASSWORD})
    assert answer.status_code in (200, 302)


@pytest.mark.parametrize("action", ["action_add", "action_primary", "action_remove"])
def test_changing_the_address_needs_the_password(
    alice_browser: Client, alice: User, confirmed: EmailAddress, action: str
) -> None:
    other = EmailAddress.objects.create(user=alice, email="other@example.org", verified=True)
    email = NEW if action == "action_add" else other.email
    before = list(EmailAddress.objects.values())
    answer = alice_browser.post("/accounts/email/", {action: "", "email": email})
    assert (answer.status_code, answer["Location"]) == (302, asks_for_password("/accounts/email/"))
    assert list(EmailAddress.objects.values()) == before
    page = alice_browser.get(answer["Location"]).content.decode()
    assert "This needs your password again, even though you're signed in." in page
    # With the password, what was asked for happens.
    confirm_password(alice_browser, "/accounts/email/")
    assert list(EmailAddress.objects.values()) != before


def test_the_password_is_asked_for_again_after_five_minutes(
    alice_browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    confirm_password(alice_browser, "/accounts/email/")
    now = time.time()
    monkeypatch.setattr("time.time", lambda: now + 301)
    answer = alice_browser.post("/accounts/email/", {"action_add": "", "email": NEW})
    assert answer["Location"] == asks_for_password("/accounts/email/")


def test_the_old_address_is_told_of_a_new_one(
    alice_browser: Client, alice: User, confirmed: EmailAddress, with_mail: None
) -> None:
    confirm_password(alice_browser, "/accounts/email/")
    alice_browser.post("/accounts/email/", {"action_add": "", "email": NEW})
    assert [(message.to, message.subject) for message in mail.outbox] == [
        ([NEW], "Please Confirm Your Email Address"),
        ([alice.email], "An email address was added to your account"),
    ]
    assert f"The email address {NEW} was added to your account." in mail.outbox[1].body
    (link,) = [line for line in str(mail.outbox[0].body).split() if "/confirm-email/" in line]
    alice_browser.post(link.removeprefix("http://testserver"))
    mail.outbox.clear()
    alice_browser.post("/accounts/email/", {"action_primary": "", "email": NEW})
    assert [message.to for message in mail.outbox] == [[confirmed.email]]
    assert f"Your email has been changed from {confirmed.email} to {NEW}." in mail.outbox[0].body
    alice.refresh_from_db()
    assert alice.email == NEW


def test_turning_two_factor_authentication_off_needs_the_password(
    alice_browser: Client, alice: User, confirmed: EmailAddress, with_mail: None
) -> None:
    TOTP.activate(alice, generate_totp_secret())
    path = "/accounts/2fa/totp/deactivate/"
    for answer in (alice_browser.get(path), alice_browser.post(path)):
        assert (answer.status_code, answer["Location"]) == (302, asks_for_password(path))
    assert Authenticator.objects.filter(user=alice).exists()
    confirm_password(alice_browser, path)
    alice_browser.post(path)
    assert not Authenticator.objects.filter(user=alice).exists()
    assert [message.to for message in mail.outbox] == [[alice.email]]


def test_an_address_belongs_to_whoever_confirms_it(
    alice_browser: Client, alice: User, confirmed: EmailAddress, with_mail: None
) -> None:
    Client().post("/accounts/signup/", {"name": "Eve", "email": NEW, "password1": "silver hour 18"})
    mail.outbox.clear()
    # An address gets a mail every three minutes at most.
    Guard.objects.all().delete()
    confirm_password(alice_browser, "/accounts/email/")
    alice_browser.post("/accounts/email/", {"action_add": "", "email": NEW})
    (link,) = [line for line in str(mail.outbox[0].body).split() if "/confirm-email/" in line]
    alice_browser.post(link.removeprefix("http://testserver"))
    alice_browser.post("/accounts/email/", {"action_primary": "", "email": NEW})
    alice.refresh_from_db()
    assert alice.email == NEW
    assert User.objects.get(name="Eve").email.endswith("@account.invalid")


def test_changes_are_made_even_if_their_mail_fails(
    alice_browser: Client, alice: User, with_mail: None, settings: Settings
) -> None:
    settings.EMAIL_BACKEND = "tests.workspaces.test_adapter.BrokenMail"
    new = {"oldpassword": PASSWORD, "password1": "silver hour 18", "password2": "silver hour 18"}
    assert alice_browser.post("/accounts/password/change/", new)["Location"] == "/account/keys/"
    alice.refresh_from_db()
    assert alice.check_password("silver hour 18")


def test_without_mail_an_address_is_changed_too(alice_browser: Client, alice: User, bob: User) -> None:
    confirm_password(alice_browser, "/accounts/email/")
    # Nobody can prove that an address is theirs, so nobody gets one that somebody else has.
    taken = alice_browser.post("/accounts/email/", {"action_add": "", "email": bob.email})
    assert "A user is already registered with this email address." in taken.content.decode()
    alice_browser.post("/accounts/email/", {"action_add": "", "email": NEW})
    alice_browser.post("/accounts/email/", {"action_primary": "", "email": NEW})
    alice.refresh_from_db()
    assert alice.email == NEW
    assert not any("was added" in message.subject for message in mail.outbox)
