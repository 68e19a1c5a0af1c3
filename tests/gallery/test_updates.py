"""Updates of an open page: exactly what changed, once, and when to stop polling."""

import re

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from tchavi_studio.gallery import queries as gallery_queries
from tchavi_studio.generations import queries as generation_queries
from tchavi_studio.generations.models import Generation, State
from tchavi_studio.generations.organising.marks import mark_favourite, rate_clip, unmark_favourite
from tchavi_studio.generations.organising.tags import tag_clips, untag_clips
from tchavi_studio.generations.services import delete_clip, dismiss_failure, restore_clip, unshare_clip
from tchavi_studio.generations.visibility import Scope
from tchavi_studio.workspaces.models import Membership, Role, User, Visibility, Workspace
from tests.gallery.conftest import HTMX, Answer, MakeClip, Url, cards_of, change, end, latest_of, seconds_ago, text_of


class OpenPage:
    """A page of clips open in a browser, polling as static/js/cards.js would."""

    def __init__(self, browser: Client, address: str) -> None:
        self._browser = browser
        self._read(browser.get(address))

    def _read(self, response: Answer) -> None:
        (poller,) = re.findall(r'<div id="updates"[^>]*>', response.content.decode())
        self._next = re.search(r'hx-get="([^"]+)"', poller)[1].replace("&amp;", "&")  # type: ignore[index]
        self.is_polling = 'data-poll="on"' in poller

    def poll(self, **asked: str) -> Answer:
        query = "".join(f"&{name}={value}" for name, value in asked.items())
        response: Answer = self._browser.get(self._next + query, headers=HTMX)
        if response.status_code == 200:
            self._read(response)
        return response


def replaced(response: Answer) -> list[str]:
    """The ids of the elements that the response replaces."""
    return re.findall(r'<\w+ [^>]*?id="([\w-]+)"[^>]*?hx-swap-oob="true"', response.content.decode())


def added(response: Answer) -> list[str]:
    """The ids of the clips that the response adds on top of the feed."""
    parts = re.findall(
        r'<div hx-swap-oob="afterbegin:#clips">(.*?)</article>\s*</div>', response.content.decode(), re.S
    )
    return re.findall(r'<article id="clip-([0-9a-f-]{36})"', "".join(parts))


def announced(response: Answer) -> list[str]:
    return re.findall(r'<div hx-swap-oob="innerHTML:#announcer">(.*?)</div>', response.content.decode())


AROUND = ["balance"]


@pytest.fixture
def open_page(alice_browser: Client, url: Url) -> OpenPage:
    """Alice's gallery, opened before the test's clips are made."""
    return OpenPage(alice_browser, url("gallery"))


def test_a_page_without_open_clips_waits_for_others_or_not_at_all(
    alice_browser: Client, url: Url, make_clip: MakeClip, workspace: Workspace
) -> None:
    clip = make_clip()
    pages = [latest_of(workspace), url("gallery"), url("clip", clip)]
    assert [polling_of(alice_browser.get(page)) for page in pages] == ["off", "slow", "slow"]


def test_no_changes_is_204(alice_browser: Client, url: Url, make_clip: MakeClip) -> None:
    make_clip(State.PROCESSING)
    page = OpenPage(alice_browser, url("gallery"))
    assert page.is_polling is True
    response = page.poll()
    assert (response.status_code, response.content) == (204, b"")


def test_open_clip_updates_only_its_phase(alice_browser: Client, url: Url, make_clip: MakeClip) -> None:
    clip = make_clip(State.QUEUED)
    page = OpenPage(alice_browser, url("gallery"))
    change(clip, state=State.PROCESSING, progress_percent=10)
    response = page.poll()
    assert replaced(response) == [f"phase-{clip.pk}", *AROUND]
    assert cards_of(response) == []
    assert (page.is_polling, announced(response)) == (True, [])
    assert page.poll().status_code == 204


def test_finished_clip_is_sent_and_announced_once_and_ends_polling(
    alice_browser: Client, workspace: Workspace, make_clip: MakeClip
) -> None:
    clip = make_clip(State.SAVING)
    page = OpenPage(alice_browser, latest_of(workspace))
    end(clip, State.COMPLETED)
    response = page.poll()
    assert replaced(response) == [f"clip-{clip.pk}", "pills", *AROUND]
    assert (page.is_polling, announced(response)) == (False, ["Clip finished."])
    last = page.poll()
    assert (last.status_code, replaced(last), announced(last)) == (200, [], [])


@pytest.mark.parametrize(
    ("finished", "failed", "words"),
    [
        (2, 0, "2 clips finished."),
        (0, 1, "Clip failed, credits refunded."),
        (1, 2, "Clip finished. 2 clips failed, credits refunded."),
    ],
)
def test_clips_that_end_together_are_announced_together(
    alice_browser: Client, url: Url, make_clip: MakeClip, finished: int, failed: int, words: str
) -> None:
    clips = [make_clip(State.PROCESSING) for _number in range(finished + failed)]
    page = OpenPage(alice_browser, url("gallery"))
    for number, clip in enumerate(clips):
        end(clip, State.COMPLETED if number < finished else State.FAILED)
    assert announced(page.poll()) == [words]


def test_a_free_failure_is_announced_without_a_refund(alice_browser: Client, url: Url, make_clip: MakeClip) -> None:
    clip = make_clip(State.PROCESSING, price_credits=0)
    page = OpenPage(alice_browser, url("gallery"))
    end(clip, State.FAILED)
    assert announced(page.poll()) == ["Clip failed."]


def test_new_clip_is_added_on_top(open_page: OpenPage, make_clip: MakeClip) -> None:
    older, newer = make_clip(State.PROCESSING), make_clip(State.QUEUED)
    response = open_page.poll()
    assert added(response) == [str(newer.pk), str(older.pk)]
    assert open_page.is_polling is True
    assert added(open_page.poll()) == []


def test_new_clip_hidden_by_the_filter_is_not_added(alice_browser: Client, url: Url, make_clip: MakeClip) -> None:
    page = OpenPage(alice_browser, f"{url('gallery')}?show=done")
    make_clip(State.PROCESSING)
    finished = make_clip()
    assert added(page.poll()) == [str(finished.pk)]


def test_changed_old_clip_is_not_added_on_top(alice_browser: Client, url: Url, make_clip: MakeClip) -> None:
    clip = make_clip(State.PROCESSING, created_at=seconds_ago(60))
    page = OpenPage(alice_browser, url("gallery"))
    end(clip, State.COMPLETED)
    assert added(page.poll()) == []


def test_deleted_or_dismissed_clip_leaves_a_placeholder(alice_browser: Client, url: Url, make_clip: MakeClip) -> None:
    kept, gone, failure = make_clip(State.PROCESSING), make_clip(), make_clip(State.FAILED)
    page = OpenPage(alice_browser, url("gallery"))
    delete_clip(generation=gone, actor=gone.creator)
    dismiss_failure(generation=failure)
    response = page.poll()
    assert replaced(response) == [f"clip-{gone.pk}", f"clip-{failure.pk}", *AROUND]
    assert (cards_of(response), announced(response)) == ([], [])
    assert response.content.decode().count(" hidden hx-swap-oob") == 2

    restore_clip(generation=gone, actor=gone.creator)
    assert cards_of(page.poll()) == [str(gone.pk)]
    assert Generation.objects.get(pk=kept.pk).is_open


def test_balance_and_counts_are_updated(alice_browser: Client, make_clip: MakeClip, workspace: Workspace) -> None:
    clip = make_clip(State.PROCESSING)
    page = OpenPage(alice_browser, latest_of(workspace))
    end(clip, State.COMPLETED)
    text = " ".join(page.poll().content.decode().split())
    # 10,000 at sign-up and 20,000 for the test, less the clip.
    assert 'hx-swap-oob="true">28,700 <span>credits</span></a>' in text
    assert "Done 1</a>" in text


def test_updates_cover_only_the_viewers_clips(open_page: OpenPage, bob: User, make_clip: MakeClip) -> None:
    make_clip(State.PROCESSING, creator=bob)
    response = open_page.poll()
    assert (added(response), replaced(response), open_page.is_polling) == ([], [], False)


def test_two_changes_at_the_same_moment_are_both_sent(alice_browser: Client, url: Url, make_clip: MakeClip) -> None:
    first, second = make_clip(State.PROCESSING), make_clip(State.PROCESSING)
    page = OpenPage(alice_browser, url("gallery"))
    moment = timezone.now()
    change(first, progress_percent=10, updated_at=moment)
    assert replaced(page.poll()) == [f"phase-{first.pk}", *AROUND]
    change(second, progress_percent=10, updated_at=moment)
    assert replaced(page.poll()) == [f"phase-{second.pk}", *AROUND]


@pytest.mark.parametrize("query", ["", "after=x&since=0", "after=0&since=x", "after=0", f"after={10**30}&since=0"])
def test_invalid_cursor_is_refused(alice_browser: Client, url: Url, query: str) -> None:
    assert alice_browser.get(f"{url('updates')}?{query}").status_code == 400


@pytest.mark.parametrize("count", [1, 3])
def test_update_query_count_is_constant(
    alice_browser: Client, url: Url, make_clip: MakeClip, django_assert_num_queries: DjangoAssertNumQueries, count: int
) -> None:
    clips = [make_clip(State.QUEUED) for _number in range(count)]
    page = OpenPage(alice_browser, url("gallery"))
    for clip in clips:
        change(clip, state=State.PROCESSING)
    with django_assert_num_queries(10):
        assert replaced(page.poll()) == [*(f"phase-{clip.pk}" for clip in clips), *AROUND]


@pytest.mark.parametrize("scope", Scope)
def test_idle_poll_query_count(
    alice_browser: Client,
    url: Url,
    make_clip: MakeClip,
    django_assert_num_queries: DjangoAssertNumQueries,
    scope: Scope,
) -> None:
    make_clip(visibility=Visibility.WORKSPACE)
    page = OpenPage(alice_browser, f"{url('gallery')}?scope={scope}")
    # The session, the user, and all that the poll asks.
    with django_assert_num_queries(3):
        assert page.poll().status_code == 204


def test_a_full_answer_is_followed_up_at_once(
    alice_browser: Client, url: Url, make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an act on many clips, an open page of somebody else's learns of all of them without a pause."""
    monkeypatch.setattr(generation_queries, "MAX_CHANGES", 2)
    monkeypatch.setattr(gallery_queries, "MAX_CHANGES", 2)
    clips = [make_clip(State.QUEUED) for _number in range(3)]
    page = OpenPage(alice_browser, url("gallery"))
    for clip in clips:
        end(clip, State.COMPLETED)
    polls = []
    for _poll in range(2):
        response = page.poll()
        polls.append((len(cards_of(response)), polling_of(response)))
    assert polls == [(2, "now"), (1, "slow")]


def polling_of(response: Answer) -> str:
    (how,) = re.findall(r'data-poll="(\w+)"', response.content.decode())
    return str(how)


# --- What people make of clips ----------------------------------------------------------------------------------------


@pytest.fixture
def bob_here(workspace: Workspace, bob: User) -> Membership:
    return Membership.objects.create(workspace=workspace, user=bob, role=Role.CREATOR)


@pytest.mark.parametrize("query", ["", "?scope=workspace", "?scope=favourites", "?view=list"])
def test_ratings_and_tags_of_others_reach_every_list(
    alice_browser: Client, url: Url, make_clip: MakeClip, membership: Membership, bob_here: Membership, query: str
) -> None:
    clip = make_clip(visibility=Visibility.WORKSPACE)
    mark_favourite(membership=membership, generation_id=clip.pk)
    page = OpenPage(alice_browser, url("gallery") + query)
    rate_clip(membership=bob_here, generation_id=clip.pk, stars=4)
    rated = page.poll()
    assert replaced(rated) == [f"clip-{clip.pk}", *AROUND]
    assert ("4.0" in text_of(rated)) == (query != "?view=list")
    tag_clips(membership=bob_here, generation_ids=[clip.pk], name="Rushes")
    assert replaced(page.poll()) == [f"clip-{clip.pk}", *AROUND]
    untag_clips(membership=bob_here, generation_ids=[clip.pk], name="Rushes")
    assert replaced(page.poll()) == [f"clip-{clip.pk}", *AROUND]
    assert page.poll().status_code == 204
    mark_favourite(membership=bob_here, generation_id=clip.pk)
    assert page.poll().status_code == 204, "nobody hears of others' favourites"


def test_a_clips_page_hears_of_it_and_reads_what_people_made_of_it(
    alice_browser: Client, url: Url, make_clip: MakeClip, bob_here: Membership
) -> None:
    theirs = make_clip(visibility=Visibility.WORKSPACE, creator=bob_here.user)
    page = OpenPage(alice_browser, url("clip", theirs))
    rate_clip(membership=bob_here, generation_id=theirs.pk, stars=4)
    assert replaced(page.poll()) == [f"clip-{theirs.pk}", *AROUND]
    part = alice_browser.get(url("organised", theirs), headers=HTMX)
    assert replaced(part) == [f"favourite-{theirs.pk}", f"organise-{theirs.pk}"]
    assert "<b>4.0</b> from 1 rating" in text_of(part)
    assert alice_browser.get(url("organised", make_clip(creator=bob_here.user))).status_code == 404


def test_what_was_marked_in_another_tab_comes_where_it_belongs(
    alice_browser: Client, url: Url, make_clip: MakeClip, membership: Membership, bob_here: Membership
) -> None:
    clip = make_clip(created_at=seconds_ago(60))
    secret = make_clip(creator=bob_here.user)
    lists = [OpenPage(alice_browser, url("gallery") + query) for query in ("", "?scope=favourites", "?scope=workspace")]
    mark_favourite(membership=membership, generation_id=clip.pk)
    marked = f"{clip.pk}.{secret.pk}"
    answers = [page.poll(marked=marked) for page in lists]
    assert [answer.status_code for answer in answers] == [200, 200, 204]
    assert [added(answer) for answer in answers[:2]] == [[str(clip.pk)], [str(clip.pk)]]
    assert 'data-marks="10"' in text_of(answers[0])
    unmark_favourite(membership=membership, generation_id=clip.pk)
    assert added(lists[1].poll(marked=marked)) == []
    assert alice_browser.get(f"{url('updates')}?after=0&since=0&marked=x").status_code == 400


def test_a_favourite_that_others_delete_or_unshare_leaves_the_list(
    alice_browser: Client, url: Url, make_clip: MakeClip, membership: Membership, bob_here: Membership
) -> None:
    deleted, unshared = (make_clip(visibility=Visibility.WORKSPACE, creator=bob_here.user) for _number in range(2))
    for clip in (deleted, unshared):
        mark_favourite(membership=membership, generation_id=clip.pk)
    page = OpenPage(alice_browser, f"{url('gallery')}?scope=favourites")
    delete_clip(generation=deleted, actor=None)
    unshare_clip(generation=unshared, actor=None)
    answer = page.poll()
    assert replaced(answer) == [f"clip-{deleted.pk}", f"clip-{unshared.pk}", *AROUND]
    assert answer.content.decode().count(" hidden hx-swap-oob") == 2


def test_a_table_gets_rows(alice_browser: Client, url: Url, make_clip: MakeClip) -> None:
    old = make_clip(State.PROCESSING)
    page = OpenPage(alice_browser, f"{url('gallery')}?view=list")
    new = make_clip(State.QUEUED)
    end(old, State.COMPLETED)
    answer = page.poll()
    text = text_of(answer)
    (rows,) = re.findall(r'<template><tbody hx-swap-oob="afterbegin:#clips">(.*?)</tbody></template>', text)
    assert re.findall(r'<tr id="clip-([0-9a-f-]{36})"', rows) == [str(new.pk)]
    assert replaced(answer) == [f"clip-{new.pk}", f"clip-{old.pk}", *AROUND]
    assert "<article" not in text
