"""The parts that every page shares."""

import re
from datetime import datetime, timedelta, timezone

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import formats, translation
from django.utils.text import slugify

from tchavi_studio.site.templatetags.site import moment
from tchavi_studio.workspaces.models import Membership, Role, User, Workspace
from tchavi_studio.workspaces.services import create_workspace
from tests.conftest import PASSWORD
from tests.plans import listed_by_index


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
        (f"{base}/references/", "", "References"),
        (f"{base}/credits/", "", "Credits"),
        (f"{base}/team/", "", "Team"),
        (f"{base}/audit/", "", "Audit"),
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


def workspace_menu(browser: Client, url: str) -> str:
    page = browser.get(url).content.decode()
    return page[page.index('<summary class="ws">') : page.index('<nav class="nav"')]


def test_workspace_menu_leads_to_the_others_and_to_what_can_be_done(
    alice_browser: Client, alice: User, gallery_url: str
) -> None:
    create_workspace(name="Lagune", owner=alice)
    menu = workspace_menu(alice_browser, gallery_url)
    assert re.findall(r'href="([^"]+)"( aria-current="true")?', menu) == [
        ("/w/alices-studio/create/", ' aria-current="true"'),
        ("/w/lagune/create/", ""),
        ("/workspaces/new/", ""),
        ("/w/alices-studio/settings/", ""),
    ]
    assert 'type="search"' not in menu
    Membership.objects.filter(workspace__slug="alices-studio").update(role=Role.CREATOR)
    assert 'href="/w/alices-studio/leave/"' not in menu
    assert 'href="/w/alices-studio/settings/leave/"' in workspace_menu(alice_browser, gallery_url)


def test_many_workspaces_are_searched(alice_browser: Client, alice: User, gallery_url: str) -> None:
    names = [f"Studio {number:02}" for number in range(25)]
    Membership.objects.bulk_create(
        Membership(workspace=Workspace.objects.create(name=name, slug=slugify(name)), user=alice, role=Role.VIEWER)
        for name in names
    )
    menu = workspace_menu(alice_browser, gallery_url)
    assert 'type="search"' in menu
    assert len(re.findall(r'href="/w/[^"]+/create/"', menu)) == 20
    assert 'href="/workspaces/"' in menu
    with listed_by_index(Membership, Workspace):
        first = alice_browser.get("/workspaces/").content.decode()
    assert re.findall(r"<span>(Studio \d\d)</span><small", first) == names[:19]
    rest = re.search(r'rel="next" href="([^"]+)"', first)
    assert rest is not None
    page = alice_browser.get(f"/workspaces/{rest.group(1)}").content.decode()
    assert re.findall(r"<span>(Studio \d\d)</span><small", page) == names[19:]
    # In the menu, what is typed is found at once.
    found = alice_browser.get("/workspaces/", {"q": "o 07"}, headers={"HX-Request": "true"}).content.decode()
    assert re.findall(r'href="([^"]+)"', found) == ["/w/studio-07/create/"]
    assert alice_browser.get("/workspaces/", {"after": "x"}).status_code == 400


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
