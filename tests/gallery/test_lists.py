"""What pages cost the database doesn't grow with the number of clips: every list is read by its index."""

import re
from html import unescape

import pytest
from django.db import connection
from django.test import Client

from tchavi_studio.gallery import queries
from tchavi_studio.gallery.library import queries as library_queries
from tchavi_studio.generations.models import Generation, LibraryEntry, LibraryMonth, State
from tchavi_studio.generations.services import delete_clip
from tchavi_studio.workspaces.models import Membership, Visibility
from tests.gallery.conftest import HTMX, MakeClip, Url, cards_of, change
from tests.gallery.test_updates import OpenPage
from tests.plans import listed_by_index

STATES = [State.QUEUED, State.FAILED, State.COMPLETED]


@pytest.fixture(autouse=True)
def short_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "PAGE_LENGTH", 1)
    monkeypatch.setattr(library_queries, "PAGE_LENGTH", 1)


@pytest.mark.parametrize("show", ["all", "running", "failed", "done"])
def test_the_feed(alice_browser: Client, membership: Membership, url: Url, make_clip: MakeClip, show: str) -> None:
    for state in STATES * 2:
        make_clip(state)
    with listed_by_index(Generation, LibraryEntry, LibraryMonth):
        assert len(cards_of(alice_browser.get(url("gallery"), {"show": show}))) == 1
    next_page = {"show": show, "before": queries.feed_for_viewer(membership=membership, show=show).next_page}
    with listed_by_index(Generation):
        assert len(cards_of(alice_browser.get(url("older"), next_page, headers=HTMX))) == 1


@pytest.mark.parametrize(
    "query",
    [
        "",
        "scope=workspace",
        "scope=workspace&by=me",
        "model=seedance-2",
        "q=dawn",
        "q=dawn&state=done",
        "scope=workspace&q=-dusk",
        "state=done&sound=yes",
        "sort=longest",
        "sort=rated&state=done",
        "sort=oldest",
    ],
)
def test_the_gallery(alice_browser: Client, url: Url, make_clip: MakeClip, query: str) -> None:
    # At least two are left on the last page: SQLite sorts a single one that was found by its key.
    for _number in range(4):
        make_clip(visibility=Visibility.WORKSPACE)
    address = f"{url('gallery')}?{query}"
    # The few matches of a filter are sorted in other orders; PostgreSQL's text index knows no order at all.
    is_sorted = query == "sort=rated&state=done" or ("q=" in query and connection.vendor == "postgresql")
    for _page in range(2):
        with listed_by_index(*([LibraryMonth] if is_sorted else [Generation, LibraryEntry, LibraryMonth])):
            page = alice_browser.get(address)
        assert len(cards_of(page)) == 1
        (more,) = re.findall(r'<a class="more" href="([^"]+)"', page.content.decode())
        address = unescape(more)
        with listed_by_index(*([LibraryMonth] if is_sorted else [Generation, LibraryEntry, LibraryMonth])):
            assert len(cards_of(alice_browser.get(address, headers=HTMX))) == 1


def test_the_bin(alice_browser: Client, membership: Membership, url: Url, make_clip: MakeClip) -> None:
    for _number in range(2):
        delete_clip(generation=make_clip(), actor=None)
    next_page = queries.bin_page_for_viewer(membership=membership).next_page
    for query in ({}, {"before": next_page}):
        with listed_by_index(Generation):
            assert b"binned-" in alice_browser.get(url("bin"), query).content


def test_a_clip_and_its_remixes(alice_browser: Client, url: Url, make_clip: MakeClip) -> None:
    clip = make_clip()
    for _number in range(2):
        change(make_clip(), parent=clip)
    with listed_by_index(Generation):
        assert alice_browser.get(url("clip", clip)).content.count(b'<li class="relative">') == 2


def test_an_open_page(alice_browser: Client, url: Url, make_clip: MakeClip) -> None:
    clip = make_clip(State.QUEUED)
    page = OpenPage(alice_browser, url("gallery"))
    with listed_by_index(Generation):
        assert page.poll().status_code == 204
    change(clip, state=State.PROCESSING)
    with listed_by_index(Generation):
        assert page.poll().status_code == 200
