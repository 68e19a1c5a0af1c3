"""The list of shortcuts, and turning single characters off."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from tchavi_studio.site.shortcuts import shortcut_groups
from tchavi_studio.workspaces.models import User, Workspace
from tests.gallery.conftest import text_of


def test_every_page_has_the_table(alice_browser: Client, workspace: Workspace) -> None:
    page = text_of(alice_browser.get(reverse("gallery:gallery", args=[workspace.slug])))
    dialog = page.partition('<dialog id="shortcuts"')[2].partition("</dialog>")[0]
    named = dict(re.findall(r'data-shortcut="(\w+)" data-keys="([^"]+)"', dialog))
    assert named == {
        "shortcuts": "?",
        "search": "/",
        "play": "Space",
        "select": "x",
        "favourite": "f",
        "select_nothing": "Escape",
        "play_clip": "Space",
        "frame_back": ",",
        "frame_on": ".",
        "previous_clip": "ArrowLeft",
        "next_clip": "ArrowRight",
    }
    assert dialog.count("<dt>") == sum(len(group.shortcuts) for group in shortcut_groups)
    assert f'href="{reverse("site:shortcuts")}" data-shortcuts' in page


def test_single_characters_are_turned_off_and_on(alice: User, alice_browser: Client) -> None:
    address = reverse("site:shortcuts")
    assert "data-no-letters" not in text_of(alice_browser.get(address))
    assert alice_browser.post(address, {}).headers["Location"] == address
    alice.refresh_from_db()
    assert alice.uses_letter_keys is False
    assert "data-no-letters" in text_of(alice_browser.get(address))
    alice_browser.post(address, {"letters": "on"})
    alice.refresh_from_db()
    assert alice.uses_letter_keys is True


@pytest.mark.django_db
def test_visitors_have_none() -> None:
    assert 'id="shortcuts"' not in text_of(Client().get(reverse("account_login")))
