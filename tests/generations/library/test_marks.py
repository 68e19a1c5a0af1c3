"""Lists filtered by what people made of clips: favourites, stars, tags and collections."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as some

from tchavi_studio.generations.library import pages
from tchavi_studio.generations.library.entries import change_entries, entries_of
from tchavi_studio.generations.library.filters import Filters, Sort
from tchavi_studio.generations.library.models import LibraryEntry
from tchavi_studio.generations.library.pages import Count, entries_among, library_count, library_page, newer_position
from tchavi_studio.generations.models import (
    Collection,
    CollectionItem,
    Favourite,
    Generation,
    Rating,
    Tag,
    Tagging,
)
from tchavi_studio.generations.organising.collections import MAX_CLIPS, collect_clips, create_collection
from tchavi_studio.generations.organising.marks import MAX_FAVOURITES, mark_favourite, rate_clip
from tchavi_studio.generations.organising.tags import tag_clips
from tchavi_studio.generations.visibility import Scope
from tchavi_studio.workspaces.models import Membership, Visibility
from tests.generations.library.test_pages import names, page
from tests.plans import listed_by_index

Start = Callable[..., Generation]
Clips = dict[str, Generation]


@pytest.fixture
def clips(start: Start, membership: Membership, bob_here: Membership) -> Clips:
    """Eight clips, a to h, made in this order: g and h are Bob's, h private; b, d and g are shared, f is in the bin.

    Alice marked b, c, f and g, and what she saw of h before it was private. All but a are tagged, b, e, f and h are in
    a collection, in another order.
    """
    shared = Visibility.WORKSPACE
    found = {
        "a": start(prompt="a dawn", duration=5),
        "b": start(prompt="b dawn", duration=4, visibility=shared),
        "c": start(prompt="c dusk", duration=5),
        "d": start(prompt="d dusk dawn", duration=3, visibility=shared),
        "e": start(prompt="e noon", duration=5),
        "f": start(prompt="f dawn", duration=3),
        "g": start(prompt="g noon", duration=4, visibility=shared),
        "h": start(prompt="h dawn", duration=3, visibility=shared),
    }
    for name in "gh":
        Generation.objects.filter(pk=found[name].pk).update(creator=bob_here.user)
        change_entries(entries_of([found[name].pk]), creator_id=bob_here.user_id)
    for name in "bcfgh":
        mark_favourite(membership=membership, generation_id=found[name].pk)
    mark_favourite(membership=bob_here, generation_id=found["d"].pk)
    tag_clips(membership=membership, generation_ids=[found[name].pk for name in "bcdefgh"], name="Rushes")
    tag_clips(membership=membership, generation_ids=[found["a"].pk], name="Other")
    reel = create_collection(membership=membership, name="Reel")
    collect_clips(membership=membership, collection_id=reel.pk, generation_ids=[found[name].pk for name in "hebf"])
    for name, stars in {"a": 1, "b": 4, "c": 5, "d": 3, "f": 5, "g": 4, "h": 5}.items():
        rate_clip(membership=membership, generation_id=found[name].pk, stars=stars)
    rate_clip(membership=bob_here, generation_id=found["d"].pk, stars=4)
    change_entries(entries_of([found["f"].pk]), is_listed=False)
    Generation.objects.filter(pk=found["h"].pk).update(is_shared=False)
    change_entries(entries_of([found["h"].pk]), is_shared=False)
    return found


def wanted(**filters: Any) -> dict[str, Any]:
    """The filters, with the ids of the tag and the collection where they are asked for by True."""
    ids = {"tag": Tag.objects.filter(name="Rushes"), "collection": Collection.objects.all()}
    return {name: ids[name].get().pk if name in ids else value for name, value in filters.items()}


@pytest.mark.usefixtures("clips")
@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"scope": Scope.FAVOURITES}, "gcb"),
        ({"scope": Scope.FAVOURITES, "sort": Sort.OLDEST}, "bcg"),
        ({"scope": Scope.FAVOURITES, "sort": Sort.LONGEST}, "cgb"),
        ({"scope": Scope.FAVOURITES, "sort": Sort.BEST_RATED}, "cgb"),
        ({"scope": Scope.FAVOURITES, "text": "dawn"}, "b"),
        ({"scope": Scope.FAVOURITES, "text": "dawn", "sort": Sort.DEAREST}, "b"),
        ({"scope": Scope.FAVOURITES, "billed_seconds": 4}, "gb"),
        ({"scope": Scope.FAVOURITES, "stars": 5}, "c"),
        ({"scope": Scope.FAVOURITES, "tag": True, "collection": True}, "b"),
        ({"is_favourite": True}, "cb"),
        ({"is_favourite": True, "scope": Scope.WORKSPACE}, "gb"),
        ({"is_favourite": True, "scope": Scope.WORKSPACE, "sort": Sort.OLDEST}, "bg"),
        ({"tag": True}, "edcb"),
        ({"tag": True, "scope": Scope.WORKSPACE}, "gdb"),
        ({"tag": True, "sort": Sort.LONGEST}, "ecbd"),
        ({"tag": True, "text": "dusk"}, "dc"),
        ({"tag": True, "text": "-dusk"}, "eb"),
        ({"tag": True, "billed_seconds": 5, "outcome": "open"}, "ec"),
        ({"collection": True}, "eb"),
        ({"collection": True, "scope": Scope.WORKSPACE}, "b"),
        ({"collection": True, "sort": Sort.OLDEST}, "be"),
        ({"stars": 1}, "dcba"),
        ({"stars": 3}, "dcb"),
        ({"stars": 4}, "dcb"),
        ({"stars": 5}, "c"),
        ({"stars": 4, "scope": Scope.WORKSPACE}, "gdb"),
        ({"stars": 4, "sort": Sort.OLDEST}, "bcd"),
        ({"stars": 4, "sort": Sort.BEST_RATED}, "cbd"),
        ({"stars": 4, "sort": Sort.LONGEST}, "cbd"),
        ({"stars": 4, "text": "dawn"}, "db"),
        ({"stars": 4, "tag": True, "collection": True, "is_favourite": True}, "b"),
    ],
    ids=str,
)
def test_every_filter(membership: Membership, filters: dict[str, Any], expected: str) -> None:
    asked = wanted(**filters)
    found = page(membership, **asked)
    assert (names(found), found.next_position, found.searched_to) == (expected, None, None)
    listed, after = "", None
    for _page in range(len(expected)):
        part = page(membership, length=1, after=after, **asked)
        listed += names(part)
        after = part.next_position
        if after is None:
            break
    assert listed == expected
    sort = asked.pop("sort", Sort.NEWEST)
    scope = asked.pop("scope", Scope.MINE)
    filters_asked = Filters(**asked)
    counted = library_count(membership=membership, scope=scope, filters=filters_asked)
    assert counted == Count(number=len(expected), is_exact=True)
    ids = list(Generation.objects.values_list("pk", flat=True))
    among = entries_among(ids, membership=membership, scope=scope, filters=filters_asked)
    assert sorted(entry.words[0] for entry in among) == sorted(expected)
    assert sort in Sort


@pytest.mark.usefixtures("clips")
@pytest.mark.parametrize("sort", [Sort.NEWEST, Sort.OLDEST])
@pytest.mark.parametrize("scope", list(Scope))
@pytest.mark.parametrize("name", ["tag", "collection", "is_favourite", "stars"])
def test_every_filter_alone_is_read_by_an_index(membership: Membership, name: str, scope: Scope, sort: Sort) -> None:
    asked = wanted(**{name: 4 if name == "stars" else True})
    # At least two clips are left: SQLite sorts a single one.
    after = (LibraryEntry.objects.order_by("key")[5 if sort == Sort.NEWEST else 1].key,)
    with listed_by_index(LibraryEntry, Favourite, Tagging, CollectionItem):
        page(membership, scope=scope, sort=sort, length=2, **asked)
        page(membership, scope=scope, sort=sort, length=2, after=after, **asked)


@pytest.mark.usefixtures("clips")
@pytest.mark.parametrize("scope", [Scope.MINE, Scope.WORKSPACE])
def test_stars_are_a_range_of_what_is_sorted_by_them(membership: Membership, scope: Scope) -> None:
    with listed_by_index(LibraryEntry):
        page(membership, scope=scope, sort=Sort.BEST_RATED, stars=4)


@pytest.mark.one_database
@pytest.mark.usefixtures("clips")
def test_whole_stars_have_an_index(membership: Membership) -> None:
    """The walk by stars looks up each number of them. PostgreSQL takes any index of so few rows."""
    statements: list[tuple[str, Any]] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        statements.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        page(membership, stars=3)
    sql, params = next(one for one in statements if "/ 100" in one[0])
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}", params)
        plan = " ".join(str(row[-1]) for row in cursor.fetchall())
    assert plan.count("library_mine_stars") == 3


def test_nobody_sees_what_they_may_not(clips: Clips, bob_here: Membership, membership: Membership) -> None:
    everything = wanted(tag=True)
    assert names(page(bob_here, **everything)) == "hg"
    assert names(page(bob_here, scope=Scope.WORKSPACE, **everything)) == "gdb"
    assert names(page(bob_here, scope=Scope.FAVOURITES)) == "d"
    assert names(page(bob_here, **wanted(collection=True))) == "h"
    assert names(page(bob_here, is_favourite=True)) == ""
    elsewhere = Membership.objects.exclude(workspace=membership.workspace).get(user=bob_here.user)
    for scope in Scope:
        for filters in (wanted(tag=True), wanted(collection=True), {"stars": 1}, {"is_favourite": True}):
            assert names(page(elsewhere, scope=scope, **filters)) == ""


@pytest.mark.usefixtures("clips")
def test_where_the_page_before_begins_is_unknown(membership: Membership) -> None:
    after = page(membership, length=2, **wanted(tag=True)).next_position
    assert after is not None
    for scope, filters in ((Scope.MINE, Filters(**wanted(tag=True))), (Scope.FAVOURITES, Filters())):
        assert (
            newer_position(membership=membership, scope=scope, filters=filters, sort=Sort.NEWEST, length=2, after=after)
            is None
        )


def test_what_has_to_be_sorted_ends() -> None:
    assert max(MAX_FAVOURITES, MAX_CLIPS) <= pages.MAX_EXAMINED


@pytest.mark.usefixtures("clips")
@pytest.mark.parametrize("sort", list(Sort))
def test_few_keys_are_sorted_before_anything_else_is_read(
    membership: Membership, monkeypatch: pytest.MonkeyPatch, sort: Sort
) -> None:
    """Of a page, with what its cards need, or to count: only keys are sorted, whatever else is read of a clip."""
    monkeypatch.setattr(pages, "FEW", 1)
    with CaptureQueriesContext(connection) as captured:
        page(membership, scope=Scope.FAVOURITES, outcome="done", sort=sort, length=1)
    reads = [query["sql"] for query in captured.captured_queries if "favourite" in query["sql"]]
    assert reads
    assert not [sql for sql in reads if "prompt" in sql]
    assert len(captured) <= 5


@pytest.mark.usefixtures("clips")
def test_a_walk_stops_and_goes_on(membership: Membership, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "MAX_EXAMINED", 2)
    monkeypatch.setattr(pages, "FEW", 1)
    # Favourites are few enough to be looked at as a whole, unlike the clips of a tag.
    monkeypatch.setattr(pages, "bounded_keys", lambda *_filter: None)
    listed, stops, after = [], [], None
    for _part in range(5):
        part = page(membership, scope=Scope.FAVOURITES, after=after)
        listed.append(names(part))
        stops.append(part.searched_to is not None)
        after = part.next_position
        if after is None:
            break
    # h and f are looked at, and not shown.
    assert (listed, stops) == (["g", "c", "b"], [True, True, False])
    count = library_count(membership=membership, scope=Scope.FAVOURITES, filters=Filters())
    assert count == Count(number=1, is_exact=False)


@hypothesis_settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    filters=some.builds(
        dict,
        stars=some.sampled_from([None, 1, 4, 5]),
        tag=some.sampled_from([None, True]),
        collection=some.sampled_from([None, True]),
        is_favourite=some.booleans(),
        text=some.sampled_from(["", "dawn", "-dusk"]),
        billed_seconds=some.sampled_from([None, None, 5]),
    ),
    scope=some.sampled_from(Scope),
    sort=some.sampled_from(Sort),
    length=some.integers(1, 3),
    limit=some.integers(2, 5),
)
def test_any_filters_together_show_just_what_matches(
    membership: Membership,
    clips: Clips,
    monkeypatch: pytest.MonkeyPatch,
    filters: dict[str, Any],
    scope: Scope,
    sort: Sort,
    length: int,
    limit: int,
) -> None:
    monkeypatch.setattr(pages, "MAX_EXAMINED", limit)
    monkeypatch.setattr(pages, "FEW", 1)
    monkeypatch.setattr(pages, "MAX_COUNT", 1)
    asked = Filters(**wanted(**{name: value for name, value in filters.items() if value not in (None, False, "")}))
    shown = {Scope.MINE: "abcde", Scope.WORKSPACE: "bdg", Scope.FAVOURITES: "bcg"}[scope]
    facts = {
        "tag": (asked.tag, "bcdefgh"),
        "collection": (asked.collection, "befh"),
        "is_favourite": (asked.is_favourite, "bcfgh"),
        "stars": (asked.stars, {1: "abcdfgh", 4: "bcdfgh", 5: "cfh"}.get(asked.stars or 0, "")),
        "text": (asked.text, {"dawn": "abdfh", "-dusk": "abefgh"}.get(asked.text, "")),
        "billed_seconds": (asked.billed_seconds, "ace"),
    }
    expected = [name for name in shown if all(name in having for value, having in facts.values() if value)]
    listed, after = "", None
    for _part in range(30):
        part = library_page(membership=membership, scope=scope, filters=asked, sort=sort, length=length, after=after)
        listed += names(part)
        after = part.next_position
        if after is None:
            break
    assert after is None
    assert sorted(listed) == expected
    if sort.is_by_time:
        assert listed == "".join(sorted(expected, reverse=sort == Sort.NEWEST))
    count = library_count(membership=membership, scope=scope, filters=asked)
    assert count.number <= len(expected)
    assert replace(count, number=len(expected)) == count or not count.is_exact
    assert Rating.objects.count() == 8
    assert len(clips) == 8
