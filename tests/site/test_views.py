"""The home redirect and the theme."""

from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from tchavi_studio.site.views import THEME_MAX_AGE_SECONDS
from tchavi_studio.workspaces.models import Invitation, Membership, Role, User, Workspace
from tchavi_studio.workspaces.services import create_workspace
from tests.plans import listed_by_index

# --- Home -------------------------------------------------------------------------------------------------------------


def test_home_asks_signed_out_visitors_to_sign_in(client: Client, db: None) -> None:
    response = client.get("/")
    assert (response.status_code, response["Location"]) == (302, "/accounts/login/?next=/")


def test_home_redirects_to_the_workspace_last_visited(alice_browser: Client, alice: User, workspace: Workspace) -> None:
    other = create_workspace(name="Lagune", owner=alice)
    assert alice_browser.get("/")["Location"] == f"/w/{workspace.slug}/create/"
    alice_browser.get(reverse("gallery:gallery", args=[other.slug]))
    assert alice_browser.get("/")["Location"] == "/w/lagune/create/"


def test_each_browser_remembers_its_own_workspace(alice: User, workspace: Workspace) -> None:
    create_workspace(name="Lagune", owner=alice)
    browsers = {"alices-studio": Client(), "lagune": Client()}
    for slug, browser in browsers.items():
        browser.force_login(alice)
        browser.get(f"/w/{slug}/credits/")
    assert {slug: browser.get("/")["Location"] for slug, browser in browsers.items()} == {
        "alices-studio": "/w/alices-studio/create/",
        "lagune": "/w/lagune/create/",
    }
    # A new one goes where the person was last; so does one that remembers what isn't theirs any more.
    elsewhere = Client()
    elsewhere.force_login(alice)
    assert elsewhere.get("/")["Location"] == "/w/lagune/create/"
    Membership.objects.filter(workspace=workspace).delete()
    assert browsers["alices-studio"].get("/")["Location"] == "/w/lagune/create/"


def test_only_pages_that_are_opened_change_where_home_leads(alice_browser: Client, alice: User) -> None:
    create_workspace(name="Lagune", owner=alice)
    alice_browser.get("/w/alices-studio/credits/")
    for headers in ({"Sec-Fetch-Dest": "empty"}, {"Sec-Fetch-Dest": "image"}, {"HX-Request": "true"}):
        assert "workspace" not in alice_browser.get("/w/lagune/gallery/", headers=headers).cookies
    assert alice_browser.get("/")["Location"] == "/w/alices-studio/create/"


def test_whoever_is_in_no_workspace_is_told_what_to_do(
    alice: User, bob: User, workspace: Workspace, client: Client, settings: Settings
) -> None:
    for email, verified in (("bob@example.org", True), ("bob@example.com", False)):
        EmailAddress.objects.create(user=bob, email=email, verified=verified)
    for number, email in enumerate(("bob@example.org", "bob@example.com", "other@example.org")):
        Invitation.objects.create(
            workspace=workspace, role=Role.VIEWER, email=email, token_hash=str(number), inviter=alice,
            expires_at=timezone.now() + timedelta(days=7),
        )  # fmt: skip
    bob.memberships.all().delete()
    client.force_login(bob)
    with listed_by_index(Invitation):
        page = client.get("/").content.decode()
    assert "You are in no workspace" in page
    assert page.count("Alice has invited you to “Alice&#x27;s studio”, until ") == 1
    assert '<a class="btn" href="/account/invitations/">' in page
    assert '<a class="btn quiet" href="/workspaces/new/">' in page
    settings.STUDIO_WORKSPACE_CREATION = "admins"
    page = client.get("/").content.decode()
    assert "Ask an owner of a workspace to invite you, or a site admin to create one: Alice." in page
    assert "/workspaces/new/" not in page


def test_account_pages_work_without_a_workspace(alice_browser: Client) -> None:
    Membership.objects.all().delete()
    for path in (
        "/", "/account/data/", "/account/sessions/", "/account/keys/", "/accounts/email/", "/accounts/password/change/",
        "/accounts/2fa/", "/workspaces/", "/workspaces/new/", "/site/people/", "/site/workspaces/", "/site/activity/",
        "/nowhere/",
    ):  # fmt: skip
        answer = alice_browser.get(path)
        assert answer.status_code == (404 if path == "/nowhere/" else 200), path
        assert "Sign out" in answer.content.decode(), path


# --- Theme ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_chosen_theme_is_remembered_and_applied(client: Client, db: None, theme: str) -> None:
    response = client.post("/theme/", {"theme": theme, "next": "/accounts/login/"})
    assert (response.status_code, response["Location"]) == (302, "/accounts/login/")
    cookie = response.cookies["theme"]
    assert (cookie.value, cookie["max-age"], cookie["httponly"], cookie["samesite"]) == (
        theme,
        THEME_MAX_AGE_SECONDS,
        True,
        "Lax",
    )
    assert f'<html lang="en" data-theme="{theme}">' in client.get("/accounts/login/").content.decode()


@pytest.mark.parametrize("theme", ["", "pink", '"><script>'])
def test_any_other_theme_follows_the_system(client: Client, db: None, theme: str) -> None:
    client.cookies["theme"] = "dark"
    client.post("/theme/", {"theme": theme})
    assert '<html lang="en">' in client.get("/accounts/login/").content.decode()


def test_unknown_theme_cookie_is_ignored(client: Client, db: None) -> None:
    client.cookies["theme"] = "pink"
    assert '<html lang="en">' in client.get("/accounts/login/").content.decode()


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "javascript:alert(1)", ""])
def test_theme_never_redirects_to_another_site(client: Client, db: None, target: str) -> None:
    assert client.post("/theme/", {"theme": "dark", "next": target})["Location"] == "/"


def test_theme_cannot_be_changed_by_get(client: Client, db: None) -> None:
    assert client.get("/theme/").status_code == 405
