"""Signing up and in."""

import re

import pytest
from django.conf import settings
from django.test import Client

from tchavi_studio.workspaces.models import User
from tests.conftest import PASSWORD


def test_signing_up_leads_to_a_new_workspace(client: Client, db: None) -> None:
    page = client.get("/accounts/signup/").content.decode()
    names = re.findall(r'<input type="(?:text|email|password)" name="(\w+)"', page)
    assert names == ["name", "email", "password1"]
    sent = {"name": "Awa", "email": "awa@example.org", "password1": "golden hour 17"}
    response = client.post("/accounts/signup/", sent)
    assert (response.status_code, response["Location"]) == (302, "/")
    assert client.get("/")["Location"] == "/w/awas-studio/create/"


def test_wrong_password_shows_an_error_in_the_form(client: Client, alice: User) -> None:
    response = client.post("/accounts/login/", {"login": alice.email, "password": "no"})
    page = response.content.decode()
    assert 'class="notice error" role="alert"' in page
    assert "not correct" in page


def test_two_factor_qr_code_needs_no_looser_security_policy(alice_browser: Client) -> None:
    alice_browser.post("/accounts/reauthenticate/", {"password": PASSWORD})
    response = alice_browser.get("/accounts/2fa/totp/activate/")
    assert response.status_code == 200
    assert 'src="data:image/svg+xml' in response.content.decode()
    assert "img-src 'self' blob: data:" in response["Content-Security-Policy"]


def test_closed_sign_up_says_how_to_get_an_invitation(
    client: Client, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "STUDIO_SIGNUP", "invite")
    page = client.get("/accounts/signup/").content.decode()
    assert "This studio is invite-only" in page
    assert "Ask the site admin for an invitation." in page
