"""Where `/` leads, and the theme."""

import pytest
from django.test import Client
from django.urls import reverse

from tchavi_studio.site.views import THEME_KEPT_SECONDS
from tchavi_studio.workspaces.models import Membership, User, Workspace
from tchavi_studio.workspaces.services import create_workspace

# --- The way in -------------------------------------------------------------------------------------------------------


def test_a_stranger_is_led_to_the_door(client: Client, db: None) -> None:
    response = client.get("/")
    assert (response.status_code, response["Location"]) == (302, "/accounts/login/?next=/")


def test_a_member_is_led_to_the_remembered_workspace(alice_browser: Client, alice: User, workspace: Workspace) -> None:
    other = create_workspace(name="Lagune", owner=alice)
    assert alice_browser.get("/")["Location"] == f"/w/{workspace.slug}/create/"
    alice_browser.get(reverse("gallery:gallery", args=[other.slug]))
    assert alice_browser.get("/")["Location"] == "/w/lagune/create/"


def test_whoever_is_in_no_workspace_is_told_so(alice_browser: Client) -> None:
    Membership.objects.all().delete()
    assert alice_browser.get("/").status_code == 404


# --- Theme ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_a_chosen_theme_is_kept_and_shown(client: Client, db: None, theme: str) -> None:
    response = client.post("/theme/", {"theme": theme, "next": "/accounts/login/"})
    assert (response.status_code, response["Location"]) == (302, "/accounts/login/")
    cookie = response.cookies["theme"]
    assert (cookie.value, cookie["max-age"], cookie["httponly"], cookie["samesite"]) == (
        theme,
        THEME_KEPT_SECONDS,
        True,
        "Lax",
    )
    assert f'<html lang="en" data-theme="{theme}">' in client.get("/accounts/login/").content.decode()


@pytest.mark.parametrize("theme", ["", "pink", '"><script>'])
def test_anything_else_follows_the_system(client: Client, db: None, theme: str) -> None:
    client.cookies["theme"] = "dark"
    client.post("/theme/", {"theme": theme})
    assert '<html lang="en">' in client.get("/accounts/login/").content.decode()


def test_a_forged_cookie_does_not_reach_the_page(client: Client, db: None) -> None:
    client.cookies["theme"] = "pink"
    assert '<html lang="en">' in client.get("/accounts/login/").content.decode()


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "javascript:alert(1)", ""])
def test_the_theme_leads_nobody_out_of_the_studio(client: Client, db: None, target: str) -> None:
    assert client.post("/theme/", {"theme": "dark", "next": target})["Location"] == "/"


def test_the_theme_is_not_chosen_by_a_link(client: Client, db: None) -> None:
    assert client.get("/theme/").status_code == 405
