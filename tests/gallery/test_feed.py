"""The gallery's grid: order, filters, pages, the bin and query counts."""

import re
from datetime import UTC, datetime

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from tchavi_studio.gallery import queries
from tchavi_studio.gallery.queries import feed_for_viewer
from tchavi_studio.generations.models import State
from tchavi_studio.generations.queries import microseconds
from tchavi_studio.generations.services import delete_clip, dismiss_failure
from tchavi_studio.workspaces.models import Membership, User, Workspace
from tests.gallery.conftest import HTMX, MakeClip, Url, cards_of, latest_of, seconds_ago, text_of


def test_newest_first_without_deleted_or_dismissed_clips(alice_browser: Client, url: Url, make_clip: MakeClip) -> None:
    older, newer = make_clip(created_at=seconds_ago(9)), make_clip(State.PROCESSING, created_at=seconds_ago(1))
    delete_clip(generation=make_clip(), actor=None)
    dismiss_failure(generation=make_clip(State.FAILED))
    assert cards_of(alice_browser.get(url("gallery"))) == [str(newer.pk), str(older.pk)]


def test_other_members_clips_are_hidden(
    alice_browser: Client, bob: User, workspace: Workspace, url: Url, make_clip: MakeClip
) -> None:
    make_clip(creator=bob)
    assert cards_of(alice_browser.get(url("gallery"))) == []


@pytest.mark.parametrize(
    ("show", "states"),
    [
        ("all", [State.QUEUED, State.SAVING, State.FAILED, State.COMPLETED, State.CANCELLED]),
        ("running", [State.QUEUED, State.SAVING]),
        ("failed", [State.FAILED]),
        ("done", [State.COMPLETED]),
        ("nonsense", [State.QUEUED, State.SAVING, State.FAILED, State.COMPLETED, State.CANCELLED]),
    ],
)
def test_each_filter_shows_its_states(
    membership: Membership, make_clip: MakeClip, show: str, states: list[State]
) -> None:
    for number, state in enumerate([State.QUEUED, State.SAVING, State.FAILED, State.COMPLETED, State.CANCELLED]):
        make_clip(state, created_at=seconds_ago(number))
    feed = feed_for_viewer(membership=membership, show=show)
    assert [card.clip.state for card in feed.cards] == states


def test_filters_show_counts_and_the_current_one(
    alice_browser: Client, workspace: Workspace, make_clip: MakeClip
) -> None:
    for state in (State.QUEUED, State.PROCESSING, State.FAILED, State.COMPLETED):
        make_clip(state)
    page = text_of(alice_browser.get(latest_of(workspace), {"show": "failed"}))
    pills = re.findall(
        r'<a href="\?show=(\w+)"[^>]*?( aria-current="true")?>(.*?)</a>', page.partition('id="pills"')[2]
    )
    assert pills == [
        ("all", "", "All"),
        ("running", "", "Running <b>2</b>"),
        ("failed", ' aria-current="true"', "Failed <b>1</b>"),
        ("done", "", "Done 1"),
    ]


@pytest.mark.parametrize(("language", "text"), [("en", "Done 1,000+</a>"), ("fr", "Terminés 1 000+</a>")])
def test_clips_are_counted_up_to_a_thousand(
    alice_browser: Client, workspace: Workspace, monkeypatch: pytest.MonkeyPatch, language: str, text: str
) -> None:
    def thousand(**asked: object) -> dict[str, int]:
        return {"running": 0, "failed": 999, "done": 1_000}

    monkeypatch.setattr(queries, "clip_counts", thousand)
    page = text_of(alice_browser.get(latest_of(workspace), headers={"Accept-Language": language}))
    assert text in page
    assert "<b>999</b>" in page


# --- Pages ------------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("short_pages")
def test_pages_have_no_gaps_when_times_are_equal(membership: Membership, make_clip: MakeClip) -> None:
    moment = timezone.now()
    clips = [make_clip(created_at=moment) for _number in range(5)]
    found, before = [], ""
    for expected_length in (2, 2, 1):
        feed = feed_for_viewer(membership=membership, before=before)
        assert len(feed.cards) == expected_length
        found += [card.clip.pk for card in feed.cards]
        before = feed.next_page
    assert before == ""
    assert found == sorted((clip.pk for clip in clips), reverse=True)


@pytest.mark.usefixtures("short_pages")
def test_new_clip_does_not_shift_the_next_page(membership: Membership, make_clip: MakeClip) -> None:
    first, second, third = (make_clip(created_at=seconds_ago(number)) for number in (10, 20, 30))
    opened = feed_for_viewer(membership=membership)
    make_clip(created_at=timezone.now())
    older = feed_for_viewer(membership=membership, before=opened.next_page)
    assert [card.clip.pk for card in opened.cards] == [first.pk, second.pk]
    assert [card.clip.pk for card in older.cards] == [third.pk]


@pytest.mark.usefixtures("short_pages")
def test_next_page_link_works_with_and_without_htmx(alice_browser: Client, url: Url, make_clip: MakeClip) -> None:
    clips = [make_clip(created_at=seconds_ago(number)) for number in range(3)]
    page = alice_browser.get(url("gallery"), {"state": "done"}).content.decode()
    (more,) = re.findall(r'<a class="more" href="([^"]+)" hx-get="([^"]+)" hx-trigger="revealed"', page)
    assert more[1] == f"{more[0]}&amp;loaded=2"
    address = more[0].replace("&amp;", "&")
    assert address.startswith(f"{url('gallery')}?state=done&after=")

    whole, part = alice_browser.get(address), alice_browser.get(address, headers=HTMX)
    assert cards_of(whole) == cards_of(part) == [str(clips[2].pk)]
    assert (b"<html" in whole.content, b"<html" in part.content) == (True, False)
    varies = "HX-Request, HX-Target, Cookie, Accept-Language, Accept-Encoding"
    assert [response["Vary"] for response in (whole, part)] == [varies, varies]
    assert "Back to the top" in text_of(whole)
    # New clips must not be added on top of an older page.
    assert "&amp;since=0&amp;" in whole.content.decode()


@pytest.mark.usefixtures("short_pages")
def test_a_feed_goes_on_in_the_page_or_in_the_gallery(
    alice_browser: Client, workspace: Workspace, url: Url, make_clip: MakeClip
) -> None:
    clips = [make_clip(created_at=seconds_ago(number)) for number in range(3)]
    page = alice_browser.get(latest_of(workspace), {"show": "done"}).content.decode()
    (more,) = re.findall(r'<a class="more" href="([^"]+)"', page)
    address = more.replace("&amp;", "&")
    assert address.startswith(f"{url('older')}?show=done&before=")
    assert cards_of(alice_browser.get(address, headers=HTMX)) == [str(clips[2].pk)]
    assert cards_of(alice_browser.get(address, follow=True)) == [str(clips[2].pk)]


@pytest.mark.parametrize("token", ["x", "1.x", f"{10**30}.{'0' * 32}", "1.2.", "-"])
@pytest.mark.parametrize(
    ("name", "parameter", "headers"),
    [
        ("gallery", "after", {}),
        ("gallery", "after", HTMX),
        ("older", "before", HTMX),
        ("bin", "before", {}),
        ("bin", "before", HTMX),
    ],
)
def test_invalid_page_token_is_a_bad_request(
    alice_browser: Client, url: Url, name: str, parameter: str, token: str, headers: dict[str, str]
) -> None:
    assert alice_browser.get(url(name), {parameter: token}, headers=headers).status_code == 400


def test_pages_of_old_addresses_still_open(alice_browser: Client, url: Url, make_clip: MakeClip) -> None:
    clips = [make_clip(created_at=seconds_ago(number * 60)) for number in range(3)]
    old = {"show": "done", "before": f"{microseconds(clips[1].created_at)}.{clips[1].pk.hex}"}
    assert cards_of(alice_browser.get(url("gallery"), old)) == [str(clips[2].pk)]
    assert alice_browser.get(url("gallery"), {"before": "x.y"}).status_code == 400


# --- Query counts -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 3])
def test_gallery_query_count_is_constant(
    alice_browser: Client, url: Url, make_clip: MakeClip, django_assert_num_queries: DjangoAssertNumQueries, count: int
) -> None:
    for _number in range(count):
        make_clip(State.PROCESSING)
    with django_assert_num_queries(16):
        assert len(cards_of(alice_browser.get(url("gallery")))) == count


@pytest.mark.parametrize("count", [1, 3])
def test_bin_query_count_is_constant(
    alice_browser: Client, url: Url, make_clip: MakeClip, django_assert_num_queries: DjangoAssertNumQueries, count: int
) -> None:
    for _number in range(count):
        delete_clip(generation=make_clip(), actor=None)
    with django_assert_num_queries(10):
        response = alice_browser.get(url("bin"))
    clips, _bar, _acts = text_of(response).partition('class="selection-bar"')
    assert clips.count("Restore</button>") == count


# --- The bin ----------------------------------------------------------------------------------------------------------


def test_bin_shows_last_deleted_first_and_the_retention(
    alice_browser: Client, url: Url, make_clip: MakeClip, workspace: Workspace
) -> None:
    Workspace.objects.update(bin_days=7)
    until = datetime(2030, 12, 24, 18, tzinfo=UTC)
    first, second = (make_clip(deleted_at=seconds_ago(ago), purge_at=until) for ago in (9, 1))
    make_clip()
    response = alice_browser.get(url("bin"))
    binned = re.findall(r'<article id="binned-([0-9a-f-]{36})"', response.content.decode())
    assert binned == [str(second.pk), str(first.pk)]
    assert "Clips in the bin are permanently deleted after 7 days." in text_of(response)
    assert len(re.findall("kept until <time [^>]+>Dec. 24, 2030<", text_of(response))) == 2


def test_empty_pages_explain_themselves(alice_browser: Client, url: Url) -> None:
    assert "Your clips will appear here" in text_of(alice_browser.get(url("gallery")))
    page = text_of(alice_browser.get(url("gallery"), {"state": "running", "q": "dawn"}))
    assert "No clip matches" in page
    assert re.findall(r'<a class="btn quiet small" href="([^"]+)">([^<]+?) ?<svg', page) == [
        (f"{url('gallery')}?state=running", "“dawn”"),
        (f"{url('gallery')}?q=dawn", "State: Running"),
    ]
    assert "The bin is empty" in text_of(alice_browser.get(url("bin")))
