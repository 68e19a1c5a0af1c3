"""Saving a search, opening, renaming and deleting it, by forms alone."""

from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from tchavi_studio.generations.library.models import NamedSearch
from tchavi_studio.workspaces.models import Membership, Role, User, Workspace
from tests.gallery.conftest import HTMX, text_of


def test_a_search_is_saved_opened_renamed_and_deleted(alice_browser: Client, workspace: Workspace) -> None:
    def address(name: str, *arguments: int) -> str:
        return reverse(f"gallery:{name}", args=[workspace.slug, *arguments])

    page = text_of(alice_browser.get(address("gallery")))
    assert address("save_search") not in page
    page = text_of(alice_browser.get(address("gallery") + "?state=done&scope=workspace&junk=1"))
    assert 'name="query" value="scope=workspace&amp;state=done"' in page
    answer = alice_browser.post(
        address("save_search"),
        {
            "name": "Done",
            "query": "scope=workspace&state=done&junk=1",
            "next": address("gallery") + "?scope=workspace&state=done",
        },
    )
    assert answer.headers["Location"] == address("gallery") + "?scope=workspace&state=done"
    assert [str(message) for message in get_messages(answer.wsgi_request)] == [
        "Saved as Done. It is in the menu Searches."
    ]
    search = NamedSearch.objects.get()
    assert (search.name, search.query) == ("Done", "scope=workspace&state=done")
    page = text_of(alice_browser.get(address("gallery") + "?scope=workspace&state=done"))
    menu = f"{address('searches')}?query=scope%3Dworkspace%26state%3Ddone"
    assert f'hx-get="{menu}"' in page
    assert f'<a class="item" href="{address("searches")}">' in page
    items = text_of(alice_browser.get(menu, headers=HTMX))
    assert f'href="{address("gallery")}?scope=workspace&amp;state=done"' in items
    assert 'aria-current="true"><span>Done</span>' in items

    again = alice_browser.post(address("save_search"), {"name": "DONE", "query": ""})
    assert [message.level_tag for message in get_messages(again.wsgi_request)][-1] == "error"
    assert NamedSearch.objects.count() == 1

    renamed = alice_browser.post(address("rename_search", search.pk), {"name": "Finished"})
    assert renamed.headers["Location"] == address("searches")
    assert 'value="Finished"' in text_of(alice_browser.get(address("searches")))
    alice_browser.post(address("delete_search", search.pk))
    assert "No searches yet" in text_of(alice_browser.get(address("searches")))


def test_others_searches_arent_found(alice_browser: Client, workspace: Workspace, bob: User) -> None:
    Membership.objects.create(workspace=workspace, user=bob, role=Role.VIEWER)
    theirs = NamedSearch.objects.create(user=bob, workspace=workspace, name="Bob's", folded="bob's", query="")
    for name in ("rename_search", "delete_search"):
        address = reverse(f"gallery:{name}", args=[workspace.slug, theirs.pk])
        assert alice_browser.post(address, {"name": "Mine"}).status_code == 404
    assert "Bob" not in text_of(alice_browser.get(reverse("gallery:searches", args=[workspace.slug])))
