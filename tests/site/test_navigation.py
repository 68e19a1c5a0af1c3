"""The main navigation consists of the entries that page apps add."""

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from tchavi_studio.site import navigation
from tchavi_studio.workspaces.models import Membership, Permission, Role, Workspace


def entry(position: int, url_name: str, permission: Permission = Permission.VIEW) -> navigation.Entry:
    return navigation.Entry(position=position, label=_("Gallery"), icon="x", url_name=url_name, permission=permission)


GALLERY = entry(2, "gallery:gallery")
CREDITS = entry(1, "accounting:page")
KEYS = entry(3, "developers:keys", Permission.CREATE)


@pytest.fixture
def entries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only these three entries, added out of order."""
    monkeypatch.setattr(navigation, "_entries", [])
    for each in (KEYS, GALLERY, CREDITS):
        navigation.add_entry(each)


@pytest.mark.parametrize(
    ("role", "shown"),
    [
        (Role.OWNER, [CREDITS, GALLERY, KEYS]),
        (Role.ADMIN, [CREDITS, GALLERY, KEYS]),
        (Role.CREATOR, [CREDITS, GALLERY, KEYS]),
        (Role.VIEWER, [CREDITS, GALLERY]),
        (Role.AUDITOR, [CREDITS, GALLERY]),
    ],
)
def test_members_see_the_entries_their_role_allows_in_order(
    entries: None, role: Role, shown: list[navigation.Entry]
) -> None:
    assert navigation.entries_for_viewer(Membership(workspace=Workspace(), role=role)) == shown


@pytest.mark.parametrize("path", ["gallery/", "nowhere/", "/accounts/email/"])
def test_every_page_has_the_navigation(entries: None, alice_browser: Client, workspace: Workspace, path: str) -> None:
    Membership.objects.update(role=Role.VIEWER)
    page = alice_browser.get(path if path.startswith("/") else f"/w/{workspace.slug}/{path}").content.decode()
    for bar in ('<nav class="nav"', '<nav class="tabbar"'):
        links = page[page.index(bar) :].partition("</nav>")[0]
        assert f'href="{reverse("accounting:page", args=[workspace.slug])}"' in links
        assert reverse("developers:keys", args=[workspace.slug]) not in links


def test_first_entry_is_the_home_page(entries: None, alice_browser: Client, workspace: Workspace) -> None:
    assert navigation.home_url(workspace) == f"/w/{workspace.slug}/credits/"
    assert alice_browser.get("/")["Location"] == f"/w/{workspace.slug}/credits/"
