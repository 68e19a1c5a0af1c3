"""The way in, the shell around every page, the theme, and the pages for when something is wrong."""

import re

import pytest
from django.conf import settings
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.test import Client, RequestFactory
from django.urls import reverse

from tchavi_studio.workspaces.models import Membership, User, Workspace
from tchavi_studio.workspaces.services import create_workspace
from tchavi_studio.workspaces.views import THEME_KEPT_SECONDS
from tests.conftest import PASSWORD


@pytest.fixture
def gallery_url(workspace: Workspace) -> str:
    return reverse("gallery:gallery", args=[workspace.slug])


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


# --- The shell --------------------------------------------------------------------------------------------------------


def test_the_shell_leads_to_every_page_that_exists(alice_browser: Client, workspace: Workspace) -> None:
    page = alice_browser.get(reverse("gallery:gallery", args=[workspace.slug])).content.decode()
    navigation = page[page.index('<nav class="nav"') : page.index("</nav>")]
    entries = re.findall(r'<a href="([^"]+)"( aria-current="page")?>([^<]+)</a>', navigation)
    base = f"/w/{workspace.slug}"
    assert entries == [
        (f"{base}/create/", "", "Create"),
        (f"{base}/gallery/", ' aria-current="page"', "Gallery"),
        (f"{base}/credits/", "", "Credits"),
    ]


def test_no_page_has_anything_inline(alice_browser: Client, client: Client, gallery_url: str) -> None:
    for address in (gallery_url, "/accounts/login/", "/accounts/signup/", "/accounts/email/", "/accounts/2fa/"):
        page = alice_browser.get(address).content.decode()
        assert re.findall(r"<style|<script(?![^>]*\b(?:src=|type=\"application/json\"))|\sstyle=|\son\w+=", page) == []


def test_the_balance_is_the_wallets(alice_browser: Client, gallery_url: str) -> None:
    page = " ".join(alice_browser.get(gallery_url).content.decode().split())
    assert '/credits/">10,000 <span>credits</span></a>' in page


def test_several_workspaces_make_a_menu(alice_browser: Client, alice: User, gallery_url: str) -> None:
    assert '<summary class="ws">' not in alice_browser.get(gallery_url).content.decode()
    create_workspace(name="Lagune", owner=alice)
    page = alice_browser.get(gallery_url).content.decode()
    menu = page[page.index('<summary class="ws">') : page.index('<nav class="nav"')]
    assert re.findall(r'href="(/w/[^"]+)"( aria-current="true")?', menu) == [
        ("/w/alices-studio/create/", ' aria-current="true"'),
        ("/w/lagune/create/", ""),
    ]


@pytest.mark.parametrize(("mode", "count"), [("sandbox", 1), ("live", 0)])
def test_only_the_sandbox_calls_itself_one(
    alice_browser: Client, gallery_url: str, monkeypatch: pytest.MonkeyPatch, mode: str, count: int
) -> None:
    monkeypatch.setattr(settings, "STUDIO_MODE", mode)
    monkeypatch.setattr(settings, "STUDIO_BOOK", mode)
    assert alice_browser.get(gallery_url).content.decode().count("credits are play money") == count


def test_messages_become_toasts(alice_browser: Client, gallery_url: str) -> None:
    response = alice_browser.post("/accounts/email/", {"action_add": "", "email": "second@example.org"}, follow=True)
    page = response.content.decode()
    toasts = page[page.index('<div id="toasts"') : page.index('<template id="error-toast">')]
    assert toasts.count("data-toast") == 1


# --- When something is wrong ------------------------------------------------------------------------------------------


def test_what_is_not_there_is_said_calmly_with_a_way_on(alice_browser: Client) -> None:
    response = alice_browser.get("/w/nowhere/gallery/")
    assert response.status_code == 404
    page = response.content.decode()
    assert "There is nothing here" in page
    assert '<a class="btn" href="/">Back to the studio</a>' in page


def test_a_form_without_its_token_is_explained(alice: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alice)
    response = browser.post("/theme/", {"theme": "dark"})
    assert response.status_code == 403
    assert "This form was open for too long" in response.content.decode()


@pytest.mark.parametrize(("template", "title"), [("400.html", "could not read"), ("500.html", "broke on our side")])
def test_pages_for_broken_requests_need_neither_a_session_nor_a_database(template: str, title: str) -> None:
    page = render_to_string(template)
    assert title in page
    assert 'class="tabbar"' not in page


def test_a_role_that_does_not_allow_it_is_told_whom_to_ask(rf: RequestFactory) -> None:
    request: HttpRequest = rf.get("/")
    assert "Ask one of its owners or admins." in render_to_string("403.html", request=request)


# --- The door ---------------------------------------------------------------------------------------------------------


def test_a_new_person_lands_in_a_studio_of_their_own(client: Client, db: None) -> None:
    page = client.get("/accounts/signup/").content.decode()
    names = re.findall(r'<input type="(?:text|email|password)" name="(\w+)"', page)
    assert names == ["name", "email", "password1"]
    sent = {"name": "Awa", "email": "awa@example.org", "password1": "golden hour 17"}
    response = client.post("/accounts/signup/", sent)
    assert (response.status_code, response["Location"]) == (302, "/")
    assert client.get("/")["Location"] == "/w/awas-studio/create/"


def test_a_wrong_password_is_said_beside_the_form(client: Client, alice: User) -> None:
    response = client.post("/accounts/login/", {"login": alice.email, "password": "no"})
    page = response.content.decode()
    assert 'class="notice error" role="alert"' in page
    assert "not correct" in page


def test_two_step_verification_shows_its_picture_without_loosening_the_policy(alice_browser: Client) -> None:
    alice_browser.post("/accounts/reauthenticate/", {"password": PASSWORD})
    response = alice_browser.get("/accounts/2fa/totp/activate/")
    assert response.status_code == 200
    assert 'src="data:image/svg+xml' in response.content.decode()
    assert "img-src 'self' blob: data:" in response["Content-Security-Policy"]


def test_a_closed_door_says_how_people_get_in(client: Client, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "STUDIO_SIGNUP", "invite")
    page = client.get("/accounts/signup/").content.decode()
    assert "This studio is by invitation" in page
