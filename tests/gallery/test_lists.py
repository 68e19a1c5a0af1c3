"""What pages cost the database doesn't grow with the number of clips: every list is read by its index."""

import pytest
from django.test import Client

from tchavi_studio.gallery import queries
from tchavi_studio.generations.models import Generation, State
from tchavi_studio.generations.services import delete_clip
from tchavi_studio.workspaces.models import Membership
from tests.gallery.conftest import HTMX, MakeClip, Url, cards_of, change
from tests.gallery.test_updates import OpenPage
from tests.plans import listed_by_index

STATES = [State.QUEUED, State.FAILED, State.COMPLETED]


@pytest.fixture(autouse=True)
def short_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "PAGE_LENGTH", 1)


@pytest.mark.parametrize("show", ["all", "running", "failed", "done"])
def test_the_feed(alice_browser: Client, membership: Membership, url: Url, make_clip: MakeClip, show: str) -> None:
    for state in STATES * 2:
        make_clip(state)
    with listed_by_index(Generation):
        assert len(cards_of(alice_browser.get(url("gallery"), {"show": show}))) == 1
    next_page = {"show": show, "before": queries.feed_for_viewer(membership=membership, show=show).next_page}
    for headers in ({}, HTMX):
        with listed_by_index(Generation):
            assert len(cards_of(alice_browser.get(url("gallery"), next_page, headers=headers))) == 1


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
        assert alice_browser.get(url("clip", clip)).content.count(b"Remixed as") == 1


def test_an_open_page(alice_browser: Client, url: Url, make_clip: MakeClip) -> None:
    clip = make_clip(State.QUEUED)
    page = OpenPage(alice_browser, url("gallery"))
    with listed_by_index(Generation):
        assert page.poll().status_code == 204
    change(clip, state=State.PROCESSING)
    with listed_by_index(Generation):
        assert page.poll().status_code == 200
