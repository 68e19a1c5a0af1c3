"""Pages and counts of the gallery's lists: what they show, and at what cost."""

from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from tchavi_studio.generations.library import pages
from tchavi_studio.generations.library.entries import change_entries, entries_of
from tchavi_studio.generations.library.filters import Filters, Sort
from tchavi_studio.generations.library.models import LibraryEntry, LibraryMonth, first_key_at
from tchavi_studio.generations.library.pages import (
    Count,
    LibraryPage,
    clips_beside,
    entries_among,
    library_count,
    library_page,
    months_of_lists,
    position_text,
    read_position,
)
from tchavi_studio.generations.models import Generation
from tchavi_studio.generations.organising.marks import mark_favourite
from tchavi_studio.generations.visibility import FEEDS, Scope
from tchavi_studio.workspaces.models import Membership, Visibility
from tests.plans import listed_by_index

Start = Callable[..., Generation]


def page(membership: Membership, *, sort: Sort = Sort.NEWEST, length: int = 24, **filters: Any) -> LibraryPage:
    scope = filters.pop("scope", Scope.MINE)
    after = filters.pop("after", None)
    return library_page(
        membership=membership, scope=scope, filters=Filters(**filters), sort=sort, length=length, after=after
    )


def names(found: LibraryPage) -> str:
    """The first letters of the prompts, in order."""
    return "".join(entry.words[0] for entry in found.entries)


@pytest.fixture
def alphabet(start: Start) -> dict[str, Generation]:
    """Six clips, a to f, made in this order."""
    clips = {
        "a": start(prompt="a dawn", model="kling-v3", duration=5),
        "b": start(prompt="b dawn", resolution="720p", duration=4, visibility=Visibility.WORKSPACE),
        "c": start(prompt="c dusk", aspect_ratio="9:16", duration=5),
        "d": start(prompt="d dusk dawn", generate_audio=False, duration=3, visibility=Visibility.WORKSPACE),
        "e": start(prompt="e noon", duration=5),
        "f": start(prompt="f dawn", model="kling-v3", resolution="720p", duration=3),
    }
    change_entries(entries_of([clips["e"].pk]), rating=450)
    change_entries(entries_of([clips["b"].pk]), rating=300, outcome="failed")
    change_entries(entries_of([clips["c"].pk]), has_references=True)
    return clips


@pytest.mark.usefixtures("alphabet")
@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, "fedcba"),
        ({"scope": Scope.WORKSPACE}, "db"),
        ({"model": "kling-v3"}, "fa"),
        ({"outcome": "failed"}, "b"),
        ({"aspect_ratio": "9:16"}, "c"),
        ({"resolution": "720p"}, "fb"),
        ({"billed_seconds": 5}, "eca"),
        ({"has_sound": False}, "d"),
        ({"has_sound": True}, "fecba"),
        ({"has_references": True}, "c"),
        ({"is_shared": True}, "db"),
        ({"is_shared": False}, "feca"),
        ({"text": "dawn"}, "fdba"),
        ({"text": "dawn -dusk", "model": "seedance-2"}, "b"),
        ({"model": "kling-v3", "resolution": "720p"}, "f"),
        ({"scope": Scope.WORKSPACE, "text": "dawn", "has_sound": True}, "b"),
        ({"sort": Sort.OLDEST}, "abcdef"),
        ({"sort": Sort.OLDEST, "text": "dawn"}, "abdf"),
        ({"sort": Sort.LONGEST}, "ecabfd"),
        ({"sort": Sort.DEAREST}, "bfecad"),
        ({"sort": Sort.BEST_RATED}, "ebfdca"),
        ({"sort": Sort.LONGEST, "text": "dawn"}, "abfd"),
        ({"sort": Sort.DEAREST, "model": "kling-v3"}, "fa"),
    ],
    ids=str,
)
def test_every_filter_and_order(membership: Membership, filters: dict[str, Any], expected: str) -> None:
    # The few matches of a rare word, or of a filter, are sorted; PostgreSQL's text index knows no order at all.
    is_few = len(filters) > 1 and filters.get("sort", Sort.NEWEST) not in (Sort.NEWEST, Sort.OLDEST)
    is_sorted = is_few or ("text" in filters and connection.vendor == "postgresql")
    with nullcontext() if is_sorted else listed_by_index(LibraryEntry):
        found = page(membership, **filters)
    assert (names(found), found.next_position, found.searched_to) == (expected, None, None)
    listed, after = "", None
    for _page in range(len(expected)):
        part = page(membership, length=2, after=after, **filters)
        listed += names(part)
        after = part.next_position
        if after is None:
            break
        assert read_position(position_text(after), filters.get("sort", Sort.NEWEST)) == after
    assert listed == expected


@pytest.mark.usefixtures("alphabet")
def test_an_others_list_is_their_own(bob_here: Membership) -> None:
    assert names(page(bob_here)) == ""
    assert names(page(bob_here, scope=Scope.WORKSPACE)) == "db"
    alice_id = LibraryEntry.objects.values_list("creator", flat=True)[0]
    assert names(page(bob_here, scope=Scope.WORKSPACE, creator=alice_id)) == "db"
    assert names(page(bob_here, scope=Scope.WORKSPACE, creator=bob_here.user_id)) == ""
    assert names(page(bob_here, creator=alice_id)) == ""


def test_days_are_the_workspaces(alphabet: dict[str, Generation], membership: Membership) -> None:
    workspace = membership.workspace
    workspace.time_zone = "Africa/Abidjan"
    days = [
        datetime(2026, 3, day, hour, tzinfo=UTC) for day, hour in ((1, 0), (1, 23), (2, 0), (2, 12), (3, 0), (4, 0))
    ]
    for clip, moment in zip(alphabet.values(), days, strict=True):
        LibraryEntry.objects.filter(generation=clip).update(key=first_key_at(moment))
    assert names(page(membership, since=date(2026, 3, 2), until=date(2026, 3, 2))) == "dc"
    assert names(page(membership, until=date(2026, 3, 1))) == "ba"
    assert names(page(membership, since=date(2026, 3, 3), sort=Sort.OLDEST)) == "ef"
    workspace.time_zone = "Pacific/Kiritimati"
    assert names(page(membership, until=date(2026, 3, 1))) == "a"
    assert names(page(membership, since=date(2026, 3, 5))) == ""


@pytest.mark.usefixtures("alphabet")
@pytest.mark.parametrize("sort", list(Sort))
def test_filters_together_stop_and_go_on(membership: Membership, monkeypatch: pytest.MonkeyPatch, sort: Sort) -> None:
    monkeypatch.setattr(pages, "MAX_EXAMINED", 2)
    monkeypatch.setattr(pages, "FEW", 1)
    monkeypatch.setattr(pages, "MAX_COUNT", 1)
    together: list[dict[str, Any]] = [
        {"resolution": "480p", "outcome": "open"},
        {"text": "dawn", "outcome": "open"},
    ]
    for filters in together:
        listed, after, stops = "", None, 0
        for _part in range(8):
            part = page(membership, sort=sort, after=after, **filters)
            listed += names(part)
            stops += part.searched_to is not None
            after = part.next_position
            if after is None:
                break
        assert sorted(listed) == (["a", "c", "d", "e"] if "resolution" in filters else ["a", "d", "f"])
        assert stops >= 1


BESIDE: list[dict[str, Any]] = [
    {},
    {"model": "seedance-2"},
    {"text": "dawn"},
    {"text": "dawn", "model": "kling-v3"},
    {"stars": 3},
    {"stars": 3, "text": "dawn"},
    {"scope": Scope.WORKSPACE},
    {"scope": Scope.FAVOURITES},
    {"has_sound": True, "resolution": "720p"},
]


@pytest.mark.parametrize("sort", list(Sort))
def test_what_is_beside_a_clip(membership: Membership, alphabet: dict[str, Generation], sort: Sort) -> None:
    for clip in alphabet.values():
        mark_favourite(membership=membership, generation_id=clip.pk)
    for filters in BESIDE:
        entries = page(membership, sort=sort, **filters).entries
        assert entries
        asked = Filters(**{name: value for name, value in filters.items() if name != "scope"})
        scope = filters.get("scope", Scope.MINE)
        # Both ends, and some between: each look takes three statements.
        for number in {*range(0, len(entries), 6), len(entries) - 1}:
            entry = entries[number]
            with listed_by_index(LibraryEntry) if asked == Filters() and scope in FEEDS else nullcontext():
                beside = clips_beside(entry, membership=membership, scope=scope, filters=asked, sort=sort)
            before = entries[number - 1] if number else None
            after = entries[number + 1] if number + 1 < len(entries) else None
            assert (beside.before, beside.after, beside.number) == (before, after, number + 1)


def test_a_clip_that_left_the_list_and_far_places(
    membership: Membership, alphabet: dict[str, Generation], monkeypatch: pytest.MonkeyPatch
) -> None:
    def beside(letter: str, **filters: Any) -> str:
        found = clips_beside(
            alphabet[letter].entry,
            membership=membership,
            scope=Scope.MINE,
            filters=Filters(**filters),
            sort=Sort.NEWEST,
        )
        around = "".join(one.words[0] if one else "-" for one in (found.before, found.after))
        return f"{around} {found.number}"

    # "e" has neither of the words.
    assert beside("e", text="dawn") == "fd None"
    monkeypatch.setattr(pages, "MAX_COUNT", 3)
    assert [beside(letter) for letter in "fedcba"] == ["-e 1", "fd 2", "ec 3", "db None", "ca None", "b- None"]


@pytest.mark.usefixtures("alphabet")
def test_counts_stop(membership: Membership, monkeypatch: pytest.MonkeyPatch) -> None:
    def count(**filters: Any) -> Count:
        return library_count(membership=membership, scope=Scope.MINE, filters=Filters(**filters))

    assert count(text="dawn") == Count(number=4, is_exact=True)
    assert count(outcome="open", has_sound=True) == Count(number=4, is_exact=True)
    monkeypatch.setattr(pages, "MAX_COUNT", 3)
    assert count(text="dawn") == Count(number=3, is_exact=False)
    assert count(model="kling-v3") == Count(number=2, is_exact=True)
    assert count(outcome="open") == Count(number=3, is_exact=False)
    monkeypatch.setattr(pages, "MAX_EXAMINED", 1)
    assert count(outcome="open", has_sound=True) == Count(number=2, is_exact=False)


@pytest.mark.usefixtures("alphabet")
def test_months_are_the_lists(membership: Membership) -> None:
    [mine], [shared] = months_of_lists(membership).values()
    assert (mine.clip_count, shared.clip_count) == (6, 2)
    LibraryMonth.objects.create(
        workspace=membership.workspace,
        owner_id=membership.user_id,
        month=mine.month - timedelta(days=40),
        clip_count=0,
        spent_credits=0,
    )
    with listed_by_index(LibraryMonth):
        assert months_of_lists(membership) == {Scope.MINE: [mine], Scope.WORKSPACE: [shared]}


def test_which_of_some_clips_a_list_shows(alphabet: dict[str, Generation], membership: Membership) -> None:
    ids = [alphabet[name].pk for name in "abd"]

    def among(scope: Scope = Scope.MINE, **filters: Any) -> str:
        found = entries_among(ids, membership=membership, scope=scope, filters=Filters(**filters))
        return "".join(entry.words[0] for entry in found)

    assert (among(), among(Scope.WORKSPACE), among(text="dusk"), among(model="kling-v3")) == ("dba", "db", "d", "a")
    assert among(since=date(2000, 1, 1), until=date(2000, 1, 2)) == ""


@pytest.mark.parametrize("text", ["", "x", "1.2", "-1", "²", "1" * 20, "9223372036854775808", "1.", " 1"])
def test_positions_that_nobody_wrote_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="position"):
        read_position(text, Sort.NEWEST)
