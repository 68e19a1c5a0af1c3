"""What pages cost the database doesn't grow with the number of clips: every list is read by its index."""

import re
from datetime import UTC, datetime
from html import unescape

import pytest
from django.db import connection
from django.test import Client

from tchavi_studio.gallery import loading, queries
from tchavi_studio.gallery.library import queries as library_queries
from tchavi_studio.generations.models import Generation, LibraryEntry, LibraryMonth, State
from tchavi_studio.generations.organising.collections import collect_clips, create_collection
from tchavi_studio.generations.services import delete_clip
from tchavi_studio.workspaces.models import Membership, Visibility, Workspace
from tests.gallery.conftest import HTMX, MakeClip, Url, cards_of, change, latest_of, text_of
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


# --- Pages that load more by themselves -------------------------------------------------------------------------------


@pytest.mark.parametrize("query", ["", "?view=list", "?sort=longest"])
def test_a_long_page_ends_with_a_link_to_the_next_one(
    alice_browser: Client, url: Url, make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    monkeypatch.setattr(loading, "MAX_LOADED", 2)
    clips = [make_clip(created_at=datetime(2026, 3, 20 - number, 12, tzinfo=UTC)) for number in range(3)]

    def shown(address: str, **headers: str) -> tuple[list[str], str, str]:
        """The clips, what loads more by itself, and the link that doesn't."""
        page = text_of(alice_browser.get(address, headers=headers))
        ids = re.findall(r'id="clip-([0-9a-f-]{36})"', page)
        loads = re.findall(r'hx-get="([^"]+)" hx-trigger="revealed"', page)
        links = re.findall(
            r'<a class="btn quiet" href="([^"]+)">([\w ]+)<|<a class="link" href="([^"]+after[^"]+)"', page
        )
        return ids, "".join(map(unescape, loads)), "".join(unescape(a or b) for a, _label, b in links[-1:])

    ids, loads, _link = shown(url("gallery") + query)
    assert ids == [str(clips[0].pk)]
    assert loads.endswith("&loaded=1")
    ids, nothing, link = shown(loads, **HTMX)
    assert (ids, nothing) == ([str(clips[1].pk)], "")
    # A page of its own counts anew, whatever the address says.
    assert shown(link + "&loaded=2")[0] == [str(clips[2].pk)]


def test_the_link_says_the_month(
    alice_browser: Client, url: Url, make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "MAX_LOADED", 1)
    for number in range(2):
        make_clip(created_at=datetime(2026, 3, 20 - number, 12, tzinfo=UTC))
    for query in ("", "?view=list"):
        assert ">Continue from March 2026</a>" in text_of(alice_browser.get(url("gallery") + query))


def test_other_long_pages_end_too(
    alice_browser: Client,
    workspace: Workspace,
    membership: Membership,
    url: Url,
    make_clip: MakeClip,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(loading, "MAX_LOADED", 1)
    monkeypatch.setattr("tchavi_studio.gallery.organising.queries.PAGE_LENGTH", 1)
    clips = [make_clip() for _number in range(2)]
    reel = create_collection(membership=membership, name="Reel")
    collect_clips(membership=membership, collection_id=reel.pk, generation_ids=[clip.pk for clip in clips])
    collection = f"{url('collections')}{reel.pk}/"
    pages = [text_of(alice_browser.get(address)) for address in (latest_of(workspace), collection)]
    for clip in clips:
        delete_clip(generation=clip, actor=None)
    for page in [*pages, text_of(alice_browser.get(url("bin")))]:
        assert '<p class="more"><a class="btn quiet"' in page
        assert 'hx-trigger="revealed"' not in page
