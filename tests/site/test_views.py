"""The home redirect and the theme."""

import pytest
from django.test import Client
from django.urls import reverse

from tchavi_studio.site.views import THEME_MAX_AGE_SECONDS
from tchavi_studio.workspaces.models import Membership, User, Workspace
from tchavi_studio.workspaces.services import create_workspace

# --- Home -------------------------------------------------------------------------------------------------------------


def test_home_asks_signed_out_visitors_to_sign_in(client: Client, db: None) -> None:
    response = client.get("/")
    assert (response.status_code, response["Location"]) == (302, "/accounts/login/?next=/")


def test_home_redirects_to_the_workspace_last_visited(alice_browser: Client, alice: User, workspace: Workspace) -> None:
    other = create_workspace(name="Lagune", owner=alice)
    assert alice_browser.get("/")["Location"] == f"/w/{workspace.slug}/create/"
    alice_browser.get(reverse("gallery:gallery", args=[other.slug]))
    assert alice_browser.get("/")["Location"] == "/w/lagune/create/"


def test_home_is_404_without_a_workspace(alice_browser: Client) -> None:
    Membership.objects.all().delete()
    assert alice_browser.get("/").status_code == 404


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
