"""The parts that every page shares."""

import re
from datetime import datetime, timedelta, timezone

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import formats, translation

from tchavi_studio.site.templatetags.site import moment
from tchavi_studio.workspaces.models import Membership, Role, User, Workspace
from tchavi_studio.workspaces.services import create_workspace
from tests.conftest import PASSWORD


@pytest.fixture
def gallery_url(workspace: Workspace) -> str:
    return reverse("gallery:gallery", args=[workspace.slug])


def test_navigation_links_to_each_page_and_marks_the_current_one(alice_browser: Client, workspace: Workspace) -> None:
    page = alice_browser.get(reverse("gallery:gallery", args=[workspace.slug])).content.decode()
    navigation = page[page.index('<nav class="nav"') : page.index("</nav>")]
    entries = re.findall(r'<a href="([^"]+)"( aria-current="page")?>([^<]+)</a>', navigation)
    base = f"/w/{workspace.slug}"
    assert entries == [
        (f"{base}/create/", "", "Create"),
        (f"{base}/gallery/", ' aria-current="page"', "Gallery"),
        (f"{base}/credits/", "", "Credits"),
    ]


def test_the_account_menu_leads_to_the_developers_pages(
    alice_browser: Client, membership: Membership, gallery_url: str
) -> None:
    link = f'href="/w/{membership.workspace.slug}/developers/"'
    assert link in alice_browser.get(gallery_url).content.decode()
    Membership.objects.filter(pk=membership.pk).update(role=Role.VIEWER)
    assert link not in alice_browser.get(gallery_url).content.decode()


def test_pages_have_no_inline_scripts_or_styles(alice_browser: Client, client: Client, gallery_url: str) -> None:
    for path in (gallery_url, "/accounts/login/", "/accounts/signup/", "/accounts/email/", "/accounts/2fa/"):
        page = alice_browser.get(path).content.decode()
        assert re.findall(r"<style|<script(?![^>]*\b(?:src=|type=\"application/json\"))|\sstyle=|\son\w+=", page) == []


def test_header_shows_the_wallet_balance(alice_browser: Client, gallery_url: str) -> None:
    page = " ".join(alice_browser.get(gallery_url).content.decode().split())
    assert '/credits/">10,000 <span>credits</span></a>' in page


def test_workspace_menu_appears_with_a_second_workspace(alice_browser: Client, alice: User, gallery_url: str) -> None:
    assert '<summary class="ws">' not in alice_browser.get(gallery_url).content.decode()
    create_workspace(name="Lagune", owner=alice)
    page = alice_browser.get(gallery_url).content.decode()
    menu = page[page.index('<summary class="ws">') : page.index('<nav class="nav"')]
    assert re.findall(r'href="(/w/[^"]+)"( aria-current="true")?', menu) == [
        ("/w/alices-studio/create/", ' aria-current="true"'),
        ("/w/lagune/create/", ""),
    ]


@pytest.mark.parametrize(("mode", "count"), [("sandbox", 1), ("live", 0)])
def test_only_sandbox_mode_shows_the_sandbox_banner(
    alice_browser: Client, gallery_url: str, monkeypatch: pytest.MonkeyPatch, mode: str, count: int
) -> None:
    monkeypatch.setattr(settings, "STUDIO_MODE", mode)
    monkeypatch.setattr(settings, "STUDIO_BOOK", mode)
    assert alice_browser.get(gallery_url).content.decode().count("credits are play money") == count


def test_french_times_follow_an_a() -> None:
    with translation.override("fr"):
        assert formats.date_format(datetime(2026, 11, 23, 18, 26), "DATETIME_FORMAT") == "23 novembre 2026 à 18:26"


def test_moments_name_utc_until_a_script_shows_the_viewers_own_zone() -> None:
    when = datetime(2026, 11, 23, 18, 26, 5, tzinfo=timezone(timedelta(hours=1)))
    assert moment(when) == (
        '<time datetime="2026-11-23T17:26:05+00:00" data-local="datetime">Nov. 23, 2026, 5:26 p.m. UTC</time>'
    )
    assert moment(when, "date") == '<time datetime="2026-11-23T17:26:05+00:00" data-local="date">Nov. 23, 2026</time>'


def test_messages_become_toasts(alice_browser: Client, gallery_url: str) -> None:
    alice_browser.post("/accounts/reauthenticate/", {"password": PASSWORD})
    response = alice_browser.post("/accounts/email/", {"action_add": "", "email": "second@example.org"}, follow=True)
    page = response.content.decode()
    toasts = page[page.index('<div id="toasts"') : page.index('<template id="error-toast">')]
    assert toasts.count("data-toast") == 1
