"""What a form selects, and what the selection bar says of it."""

from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.http import QueryDict
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tchavi_studio.gallery.bulk import selection
from tchavi_studio.gallery.bulk.selection import (
    NothingSelectedError,
    TooManySelectedError,
    read_selection,
    summary_for_viewer,
)
from tchavi_studio.generations.bulk.selection import Listed, Named
from tchavi_studio.generations.library.filters import Filters
from tchavi_studio.generations.library.models import LibraryEntry
from tchavi_studio.generations.models import Generation, State
from tchavi_studio.generations.services import delete_clip
from tchavi_studio.generations.visibility import Scope
from tchavi_studio.workspaces.models import Membership, Role, Visibility
from tests.gallery.bulk.conftest import Address
from tests.gallery.conftest import MakeClip, change, text_of
from tests.plans import listed_by_index

LIST = Listed(scope=Scope.MINE, filters=Filters())


def form(**fields: Any) -> QueryDict:
    filled = QueryDict(mutable=True)
    for name, value in fields.items():
        filled.setlist(name, value if isinstance(value, list) else [value])
    return filled


def test_named_clips() -> None:
    ids = [uuid4() for _number in range(1_000)]
    texts = [str(clip_id) for clip_id in ids]
    assert read_selection(form(clips=[*texts, texts[0]]), user_id=1) == Named(ids)
    with pytest.raises(TooManySelectedError, match="Up to 1,000 clips"):
        read_selection(form(clips=[*texts, str(uuid4())]), user_id=1)
    with pytest.raises(NothingSelectedError):
        read_selection(form(all="", query=""), user_id=1)
    with pytest.raises(ValueError, match="badly formed"):
        read_selection(form(clips="12"), user_id=1)


def test_all_results_of_a_list() -> None:
    asked = form(all="1", query="scope=workspace&q=rain&by=me", clips=[str(uuid4())], after="", until="12")
    wanted = Filters(text="rain", creator=7)
    assert read_selection(asked, user_id=7) == Listed(scope=Scope.WORKSPACE, filters=wanted, until=12)
    assert read_selection(form(all="1"), user_id=7) == LIST
    for key in ("-1", "x", "9" * 20, str(2**63)):
        with pytest.raises(ValueError, match="isn't a key"):
            read_selection(form(all="1", after=key), user_id=7)


def test_a_thousand_clips_fit_in_a_form(alice_browser: Client, address: Address, make_clip: MakeClip) -> None:
    clips = [str(make_clip().pk), *(str(uuid4()) for _number in range(999))]
    answer = alice_browser.post(address("selected"), {"clips": clips, "query": "", "all": ""})
    assert "<b>1 selected</b>" in text_of(answer)


def test_sums(alice_browser: Client, membership: Membership, address: Address, make_clip: MakeClip) -> None:
    clips = [make_clip(), make_clip(State.FAILED), make_clip(State.QUEUED), make_clip(resolution="720p")]
    chosen = Named([clip.pk for clip in clips])
    found = summary_for_viewer(chosen, membership=membership)
    assert (found.count, found.has_more, found.spent_credits) == (4, False, 1_300 + 1_300 + 2_900)
    assert (found.seconds, found.byte_count) == (20, 8)
    answer = alice_browser.post(address("selected"), {"clips": [str(clip.pk) for clip in clips]})
    assert "<b>4 selected</b> <small>5,500 credits spent · 20 s · 8 bytes</small>" in text_of(answer)
    assert summary_for_viewer(LIST, membership=membership) == found


def test_more_than_are_added_up(
    alice_browser: Client, address: Address, make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selection, "MAX_NAMED", 2)
    for _number in range(3):
        make_clip()
    answer = text_of(alice_browser.post(address("selected"), {"all": "1"}))
    assert "<b>2+ selected</b> <small>All results of this list</small>" in answer
    assert "credits" not in answer


def test_nothing_selected(alice_browser: Client, address: Address) -> None:
    assert text_of(alice_browser.post(address("selected"), {"all": ""})) == "<b>Selected clips</b>"
    assert alice_browser.post(address("selected"), {"clips": "x"}).status_code == 400
    assert alice_browser.post(address("selected"), {"clips": [str(uuid4())] * 1_001}).status_code == 200


def can(membership: Membership, *clips: Generation) -> set[str]:
    found = summary_for_viewer(Named([clip.pk for clip in clips]), membership=membership)
    names = ("download", "delete", "restore", "share", "make_private")
    return {name for name in names if getattr(found, f"may_{name}")}


def test_what_may_be_done(membership: Membership, bob_here: Membership, make_clip: MakeClip) -> None:
    own, running = make_clip(), make_clip(State.QUEUED)
    shared = make_clip(visibility=Visibility.WORKSPACE)
    hidden = make_clip(creator=bob_here.user)
    binned = make_clip()
    delete_clip(generation=binned, actor=None)
    assert can(membership, own) == {"download", "delete", "share"}
    assert can(membership, running) == {"share"}
    assert can(membership, shared) == {"download", "delete", "make_private"}
    assert can(membership, binned) == {"download", "restore", "share"}
    assert can(membership, hidden) == set()
    assert can(bob_here, own, shared) == {"download"}
    Membership.objects.filter(pk=bob_here.pk).update(role=Role.ADMIN)
    bob_here.refresh_from_db()
    assert can(bob_here, own, shared) == {"download", "delete", "make_private"}
    Membership.objects.filter(pk=bob_here.pk).update(role=Role.VIEWER)
    bob_here.refresh_from_db()
    assert can(bob_here, shared, hidden) == {"download"}


def test_private_clips_of_others_count_for_nothing(
    bob_here: Membership, client: Client, address: Address, make_clip: MakeClip
) -> None:
    client.force_login(bob_here.user)
    clips = [make_clip(), make_clip(visibility=Visibility.WORKSPACE)]
    answer = client.post(address("selected"), {"clips": [str(clip.pk) for clip in clips]})
    assert "<b>1 selected</b> <small>1,300 credits spent · 5 s · 4 bytes</small>" in text_of(answer)


def test_cost(alice_browser: Client, address: Address, make_clip: MakeClip) -> None:
    alice_browser.post(address("selected"))  # The first request of a day writes down the visit.
    counts = []
    for number in (1, 2):
        clips = [str(change(make_clip(), is_shared=False).pk) for _clip in range(number)]
        for fields in ({"clips": clips}, {"all": "1"}):
            with CaptureQueriesContext(connection) as captured:
                alice_browser.post(address("selected"), fields)
            counts.append(len(captured))
    assert counts[0] == counts[2]
    assert counts[1] == counts[3] == counts[0] + 1
    with listed_by_index(LibraryEntry, Generation):
        alice_browser.post(address("selected"), {"all": "1", "query": "model=seedance-2"})
