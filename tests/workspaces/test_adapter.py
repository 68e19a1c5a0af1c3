"""Signing up, in and out of trouble: what mails and redirects say, and what they don't."""

from typing import Any

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core import mail
from django.core.mail.backends.base import BaseEmailBackend
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from tchavi_studio.workspaces.models import User, Workspace
from tests.conftest import PASSWORD


class BrokenMail(BaseEmailBackend):
    """A mail server that is down."""

    def send_messages(self, email_messages: Any) -> int:
        raise ConnectionRefusedError


@pytest.fixture
def with_mail(settings: Settings) -> None:
    """As with EMAIL_URL."""
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"


def sign_up(client: Client, email: str) -> Any:
    fields = {"name": "Awa", "email": email, "password1": "golden hour 17"}
    return client.post("/accounts/signup/", fields, follow=True)


@pytest.mark.parametrize(
    ("wanted", "reached"),
    [
        ("/w/alices-studio/credits/", "/w/alices-studio/credits/"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("http://testserver/", "/"),
        # Accepted as a host name, and somebody else's server perhaps.
        ("http://localhost/", "/"),
        ("https://studio.example.org/", "/"),
        ("javascript:alert(1)", "/"),
        ("/\\evil.example", "/"),
    ],
)
def test_sign_in_never_leads_to_another_site(
    client: Client, alice: User, settings: Settings, wanted: str, reached: str
) -> None:
    settings.ALLOWED_HOSTS = ["*", "testserver", "localhost", "studio.example.org"]
    answer = client.post("/accounts/login/", {"login": alice.email, "password": PASSWORD, "next": wanted})
    assert (answer.status_code, answer["Location"]) == (302, reached)
    assert client.get(f"/accounts/login/?next={wanted}")["Location"] == reached


@pytest.mark.parametrize("host", ["testserver", "localhost:9999", "127.0.0.1"])
def test_links_in_mails_lead_to_the_public_address(
    client: Client, alice: User, settings: Settings, with_mail: None, host: str
) -> None:
    settings.ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
    settings.STUDIO_PUBLIC_URL = "https://studio.example.org"
    client.defaults["HTTP_HOST"] = host
    for email in (alice.email, "stranger@example.org"):
        client.post("/accounts/password/reset/", {"email": email})
        sign_up(client, email)
    subjects_and_links = [
        (message.subject, [line for line in str(message.body).split() if "://" in line]) for message in mail.outbox
    ]
    assert [subject for subject, _links in subjects_and_links] == [
        "Choose a new password for Tchavi Studio",
        "Account Already Exists",
        "Unknown Account",
        "Please Confirm Your Email Address",
    ]
    for subject, links in subjects_and_links:
        assert links, subject
        assert all(link.startswith("https://studio.example.org") for link in links), subject
    assert not any(host in str(message.body) for message in mail.outbox)


def test_a_reset_link_works(client: Client, alice: User) -> None:
    client.post("/accounts/password/reset/", {"email": alice.email})
    (link,) = [line for line in str(mail.outbox[0].body).split() if line.startswith("http://testserver/")]
    page = client.get(link.removeprefix("http://testserver"), follow=True)
    fields = {"password1": "silver hour 18", "password2": "silver hour 18"}
    client.post(page.redirect_chain[-1][0], fields)
    alice.refresh_from_db()
    assert alice.check_password("silver hour 18")


def test_guesses_count_together_whatever_host_name_they_are_sent_to(
    client: Client, alice: User, settings: Settings
) -> None:
    settings.ALLOWED_HOSTS = ["localhost"]
    answers = [
        client.post("/accounts/login/", {"login": alice.email, "password": "no"}, HTTP_HOST=f"localhost:{port}")
        for port in range(6)
    ]
    assert ["Too many failed" in answer.content.decode() for answer in answers] == [False] * 5 + [True]


def test_sign_up_does_not_tell_who_is_registered(client: Client, alice: User, with_mail: None) -> None:
    answers = [sign_up(Client(), email) for email in (alice.email, "stranger@example.org")]
    chains = [answer.redirect_chain for answer in answers]
    assert chains == [[("/accounts/confirm-email/", 302)]] * 2
    registered, unknown = (answer.content.decode().replace("stranger@example.org", alice.email) for answer in answers)
    assert [line for line in registered.splitlines() if "csrf" not in line.lower()] == [
        line for line in unknown.splitlines() if "csrf" not in line.lower()
    ]
    assert [message.to for message in mail.outbox] == [[alice.email], ["stranger@example.org"]]


def test_sign_up_does_the_same_work_for_a_registered_address(
    alice: User, with_mail: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[str] = []
    encode = MD5PasswordHasher.encode

    def note(self: MD5PasswordHasher, password: str, salt: str) -> str:
        hashed.append(password)
        return encode(self, password, salt)

    monkeypatch.setattr(MD5PasswordHasher, "encode", note)
    costs = []
    for email in ("stranger@example.org", alice.email):
        client = Client()
        hashed.clear()
        with CaptureQueriesContext(connection) as queries:
            client.post("/accounts/signup/", {"name": "Awa", "email": email, "password1": "golden hour 17"})
        writes = [query["sql"] for query in queries if query["sql"].startswith(("INSERT", "UPDATE"))]
        costs.append((len(hashed), len(writes)))
    (unknown_hashes, unknown_writes), (registered_hashes, registered_writes) = costs
    assert (unknown_hashes, registered_hashes) == (1, 1)
    assert abs(unknown_writes - registered_writes) <= 2
    # What was done for the registered address was taken back.
    assert User.objects.count() == Workspace.objects.count() == 2


def test_without_mail_people_sign_up_and_in_at_once(client: Client, db: None) -> None:
    assert sign_up(client, "awa@example.org").redirect_chain == [("/", 302), ("/w/awas-studio/create/", 302)]
    page = Client().post(
        "/accounts/signup/", {"name": "Awa", "email": "awa@example.org", "password1": "golden hour 17"}
    )
    assert "A user is already registered with this email address." in page.content.decode()
    assert mail.outbox == []


def test_with_mail_the_link_in_it_signs_in(client: Client, db: None, with_mail: None) -> None:
    assert sign_up(client, "awa@example.org").redirect_chain == [("/accounts/confirm-email/", 302)]
    assert client.get("/")["Location"] == "/accounts/login/?next=/"
    (link,) = [line for line in str(mail.outbox[0].body).split() if "/confirm-email/" in line]
    answer = client.post(link.removeprefix("http://testserver"))
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert client.get("/")["Location"] == "/w/awas-studio/create/"


def test_people_are_told_when_mail_cannot_be_sent(
    alice: User, with_mail: None, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.EMAIL_BACKEND = f"{__name__}.BrokenMail"
    client = Client()
    answers = [
        client.post("/accounts/password/reset/", {"email": alice.email}, follow=True),
        *(sign_up(Client(), email) for email in (alice.email, "stranger@example.org")),
    ]
    assert [answer.status_code for answer in answers] == [503] * 3
    assert all("mail server doesn't answer" in answer.content.decode() for answer in answers)
    assert caplog.messages[0] == "Couldn't send mail: check EMAIL_URL."
