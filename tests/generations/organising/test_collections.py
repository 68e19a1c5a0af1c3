"""Collections: their clips, their order, and what each member sees of them."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from pytest_django import DjangoAssertNumQueries

from tchavi_studio.generations.library.entries import change_entries, entries_of
from tchavi_studio.generations.models import Collection, CollectionItem, Generation, LibraryEntry
from tchavi_studio.generations.organising import collections
from tchavi_studio.generations.organising.collections import (
    CollectionFullError,
    CollectionRefusedError,
    Place,
    TooManyCollectionsError,
    choose_cover,
    collect_clips,
    create_collection,
    delete_collection,
    describe_collection,
    drop_clip,
    move_clip,
    move_clip_beside,
)
from tchavi_studio.generations.organising.queries import (
    CollectionSummary,
    clips_of_collection,
    collection_count,
    collection_for_viewer,
    collection_named,
    collections_for_viewer,
    collections_of_clip,
    favourite_count,
    latest_collections,
    organised_for_viewer,
)
from tchavi_studio.generations.services import (
    WorkspaceArchivedError,
    cancel_generation,
    delete_for_good,
    share_clip,
    unshare_clip,
)
from tchavi_studio.workspaces.models import Membership, Visibility, Workspace
from tests.plans import listed_by_index

Start = Callable[..., Generation]


class Reel:
    """A collection with clips a, b, c, …, as one member changes it."""

    def __init__(self, membership: Membership, start: Start, names: str) -> None:
        self.membership = membership
        self.collection = create_collection(membership=membership, name="Reel")
        self.clips = {name: start(prompt=f"{name} scene", visibility=Visibility.WORKSPACE) for name in names}
        self.add(*names)

    @property
    def here(self) -> dict[str, Any]:
        return {"membership": self.membership, "collection_id": self.collection.pk}

    def add(self, *names: str) -> int:
        return collect_clips(**self.here, generation_ids=[self.clips[name].pk for name in names])

    def move(self, name: str, place: Place, *, by: Membership | None = None) -> None:
        here = self.here | ({"membership": by} if by else {})
        move_clip(**here, generation_id=self.clips[name].pk, place=place)

    def put(self, name: str, other: str, *, is_after: bool) -> None:
        move_clip_beside(
            **self.here, generation_id=self.clips[name].pk, other_id=self.clips[other].pk, is_after=is_after
        )

    def seen_by(self, membership: Membership, length: int = 100) -> str:
        """The names of the clips that a member sees, read in pages."""
        names, after = "", None
        while True:
            items, has_more = clips_of_collection(membership, self.collection, length=length, after=after)
            names += "".join(item.entry.words[0] for item in items)
            if not has_more:
                return names
            after = items[-1].position

    @property
    def names(self) -> str:
        return self.seen_by(self.membership)


@pytest.fixture
def reel(membership: Membership, start: Start) -> Reel:
    return Reel(membership, start, "abcd")


def summary(membership: Membership, collection: Collection) -> CollectionSummary:
    return collection_for_viewer(membership, collection.pk)


def test_clips_come_at_the_end_in_the_order_given(reel: Reel, start: Start) -> None:
    assert reel.names == "abcd"
    reel.clips |= {"e": start(prompt="e scene"), "f": start(prompt="f scene")}
    assert reel.add("f", "a", "e", "f") == 2
    assert reel.names == "abcdfe"
    assert reel.seen_by(reel.membership, length=2) == "abcdfe"


def test_every_move(reel: Reel) -> None:
    moves: list[tuple[str, Place, str]] = [
        ("c", Place.FIRST, "cabd"),
        ("c", Place.FIRST, "cabd"),
        ("c", Place.EARLIER, "cabd"),
        ("a", Place.LATER, "cbad"),
        ("d", Place.EARLIER, "cbda"),
        ("c", Place.LAST, "bdac"),
        ("c", Place.LAST, "bdac"),
        ("c", Place.LATER, "bdac"),
    ]
    for name, place, expected in moves:
        reel.move(name, place)
        assert reel.names == expected
    reel.put("c", "b", is_after=True)
    assert reel.names == "bcda"
    reel.put("a", "b", is_after=False)
    assert reel.names == "abcd"
    reel.put("a", "a", is_after=True)
    assert reel.names == "abcd"


def test_a_move_writes_one_row_and_the_collection(
    reel: Reel, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    before = dict(reel.collection.items.values_list("entry", "position"))
    reel.move("d", Place.FIRST)
    after = dict(reel.collection.items.values_list("entry", "position"))
    assert [key for key in before if before[key] != after[key]] == [entries_of([reel.clips["d"].pk]).get().key]


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    moves=some.lists(
        some.tuples(some.sampled_from("abcd"), some.sampled_from([*Place, *"abcd"]), some.booleans()), max_size=30
    )
)
def test_any_moves_give_the_order_of_a_list(reel: Reel, monkeypatch: pytest.MonkeyPatch, moves: list[Any]) -> None:
    # So that there is often no gap left.
    monkeypatch.setattr(collections, "STEP", 3)
    expected = list(reel.names)
    for name, to, is_after in moves:
        at = expected.index(name)
        if isinstance(to, Place):
            reel.move(name, to)
            targets = {Place.FIRST: 0, Place.LAST: 3, Place.EARLIER: max(at - 1, 0), Place.LATER: min(at + 1, 3)}
            expected.insert(targets[to], expected.pop(at))
        else:
            reel.put(name, to, is_after=is_after)
            if to != name:
                expected.remove(name)
                expected.insert(expected.index(to) + is_after, name)
        assert reel.names == "".join(expected)
    positions = reel.collection.items.values_list("position", flat=True)
    assert all(0 < position < 2**63 for position in positions)


def test_moves_go_beyond_what_one_does_not_see(reel: Reel, membership: Membership, bob_here: Membership) -> None:
    unshare_clip(generation=reel.clips["b"], actor=None)
    unshare_clip(generation=reel.clips["c"], actor=None)
    assert (reel.names, reel.seen_by(bob_here)) == ("abcd", "ad")
    reel.move("d", Place.EARLIER, by=bob_here)
    assert (reel.names, reel.seen_by(bob_here)) == ("dabc", "da")
    reel.move("d", Place.LATER, by=bob_here)
    assert (reel.names, reel.seen_by(bob_here)) == ("adbc", "ad")
    with pytest.raises(LibraryEntry.DoesNotExist):
        reel.move("b", Place.LAST, by=bob_here)
    with pytest.raises(LibraryEntry.DoesNotExist):
        drop_clip(membership=bob_here, collection_id=reel.collection.pk, generation_id=reel.clips["b"].pk)
    with pytest.raises(LibraryEntry.DoesNotExist):
        choose_cover(membership=bob_here, collection_id=reel.collection.pk, generation_id=reel.clips["b"].pk)


def test_everybody_sees_their_part_of_a_collection(reel: Reel, membership: Membership, bob_here: Membership) -> None:
    choose_cover(**reel.here, generation_id=reel.clips["c"].pk)

    def seen(member: Membership) -> tuple[int, str]:
        found = summary(member, reel.collection)
        return found.clip_count, found.cover.words[0] if found.cover else ""

    assert (seen(membership), seen(bob_here)) == ((4, "c"), (4, "c"))
    unshare_clip(generation=reel.clips["c"], actor=None)
    assert (seen(membership), seen(bob_here)) == ((4, "c"), (3, "a"))
    for name in "abd":
        unshare_clip(generation=reel.clips[name], actor=None)
    assert (seen(membership), seen(bob_here)) == ((4, "c"), (0, ""))
    assert reel.seen_by(bob_here) == ""
    share_clip(generation=reel.clips["d"], actor=None)
    assert seen(bob_here) == (1, "d")
    # What is in the bin keeps its place.
    change_entries(entries_of([reel.clips["c"].pk]), is_listed=False)
    assert seen(membership) == (3, "a")
    assert reel.names == "abd"
    elsewhere = Membership.objects.exclude(workspace=membership.workspace).get(user=bob_here.user)
    with pytest.raises(Collection.DoesNotExist):
        summary(elsewhere, reel.collection)
    assert collection_named(elsewhere, reel.collection.pk) == ""
    assert collection_named(membership, reel.collection.pk) == "Reel"


def test_clips_leave(reel: Reel, membership: Membership) -> None:
    choose_cover(**reel.here, generation_id=reel.clips["b"].pk)
    for _time in range(2):
        drop_clip(**reel.here, generation_id=reel.clips["b"].pk)
    found = summary(membership, reel.collection)
    assert (reel.names, found.collection.cover, found.clip_count) == ("acd", None, 3)
    with pytest.raises(CollectionItem.DoesNotExist):
        choose_cover(**reel.here, generation_id=reel.clips["b"].pk)
    choose_cover(**reel.here, generation_id=reel.clips["a"].pk)
    cancel_generation(generation=reel.clips["a"])
    delete_for_good(Generation.objects.filter(pk=reel.clips["a"].pk), max_count=1)
    found = summary(membership, reel.collection)
    assert (reel.names, found.collection.cover, found.clip_count) == ("cd", None, 2)


def test_a_deleted_collection_leaves_its_clips(reel: Reel) -> None:
    delete_collection(**reel.here)
    assert not CollectionItem.objects.exists()
    assert LibraryEntry.objects.count() == 4
    with pytest.raises(Collection.DoesNotExist):
        delete_collection(**reel.here)


def test_names_and_descriptions(membership: Membership) -> None:
    made = create_collection(membership=membership, name="  Été \n 2026 ", description=" One\r\ntwo\n")
    assert (made.name, made.description, made.creator) == ("Été 2026", "One\ntwo", membership.user)
    describe_collection(membership=membership, collection_id=made.pk, name="Summer", description="")
    made.refresh_from_db()
    assert (made.name, made.description) == ("Summer", "")
    assert made.updated_at > made.created_at


@pytest.mark.parametrize(("name", "description"), [(" ", ""), ("x" * 81, ""), ("x", "y" * 2001)])
def test_what_is_too_long_is_refused(membership: Membership, name: str, description: str) -> None:
    with pytest.raises(CollectionRefusedError) as refused:
        create_collection(membership=membership, name=name, description=description)
    assert refused.value.message == (
        "A collection needs a name of at most 80 characters, and its description has at most 2,000. Nothing changed "
        "and no credits moved. Shorten them, then try again."
    )


def test_bounds(reel: Reel, membership: Membership, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collections, "MAX_COLLECTIONS", 1)
    with pytest.raises(TooManyCollectionsError) as too_many:
        create_collection(membership=membership, name="Second")
    assert too_many.value.message == (
        "This workspace has 1 collections, and can't have more. Nothing changed and no credits moved. Delete one "
        "first; its clips stay."
    )
    monkeypatch.setattr(collections, "MAX_CLIPS", 5)
    reel.clips |= {"e": start(prompt="e"), "f": start(prompt="f")}
    with pytest.raises(CollectionFullError) as full:
        reel.add("e", "f")
    assert full.value.message == (
        "A collection can have 5 clips, and these are too many. None was added and no credits moved. Make another "
        "collection for them."
    )
    assert (reel.add("e", "a"), reel.add("a"), reel.names) == (1, 0, "abcde")


def test_an_archived_workspace_is_read_only(reel: Reel, membership: Membership) -> None:
    Workspace.objects.filter(pk=membership.workspace_id).update(archived_at=timezone.now())
    for change in (
        lambda: create_collection(membership=membership, name="Second"),
        lambda: describe_collection(**reel.here, name="x", description=""),
        lambda: reel.add("a"),
        lambda: reel.move("a", Place.LAST),
        lambda: reel.put("a", "b", is_after=True),
        lambda: choose_cover(**reel.here, generation_id=reel.clips["a"].pk),
        lambda: drop_clip(**reel.here, generation_id=reel.clips["a"].pk),
        lambda: delete_collection(**reel.here),
    ):
        with pytest.raises(WorkspaceArchivedError):
            change()


def test_a_clip_that_one_does_not_see_is_not_added(reel: Reel, bob_here: Membership, start: Start) -> None:
    ids = [start().pk, UUID(int=7)]
    assert collect_clips(membership=bob_here, collection_id=reel.collection.pk, generation_ids=ids) == 0
    assert collections_of_clip(bob_here, entries_of([reel.clips["a"].pk]).get()) == [reel.collection]


def test_the_list_of_collections(membership: Membership, start: Start) -> None:
    first, second, third = (create_collection(membership=membership, name=name) for name in ("A", "B", "C"))
    collect_clips(membership=membership, collection_id=first.pk, generation_ids=[start().pk])
    page, has_more = collections_for_viewer(membership, length=2)
    assert ([one.collection for one in page], has_more) == ([first, third], True)
    position = (page[-1].collection.updated_at, page[-1].collection.pk)
    page, has_more = collections_for_viewer(membership, length=2, after=position)
    assert ([one.collection for one in page], has_more) == ([second], False)
    assert latest_collections(membership) == [first, third, second]
    assert counts(membership) == (0, 3)


def counts(membership: Membership) -> tuple[int, int]:
    counted = Membership.objects.values_list(favourite_count(membership), collection_count(membership))
    favourites, collections = counted.get(pk=membership.pk)
    return favourites, collections


@pytest.mark.parametrize("count", [1, 3])
def test_lists_take_the_same_statements_whatever_their_length(
    membership: Membership, start: Start, django_assert_num_queries: DjangoAssertNumQueries, count: int
) -> None:
    clips = [start() for _number in range(count)]
    for number in range(count):
        made = create_collection(membership=membership, name=str(number))
        collect_clips(membership=membership, collection_id=made.pk, generation_ids=[clip.pk for clip in clips])
    with django_assert_num_queries(2):
        assert len(collections_for_viewer(membership, length=5)[0]) == count
    with django_assert_num_queries(1):
        items, _has_more = clips_of_collection(membership, made, length=5)
        assert [item.entry.generation.workspace.pk for item in items] == [membership.workspace_id] * count
    entry = entries_of([clips[0].pk]).get()
    with django_assert_num_queries(4):
        assert len(organised_for_viewer(membership, entry).collections) == count
    with listed_by_index(Collection, CollectionItem, LibraryEntry):
        collections_for_viewer(membership, length=5)
        collections_for_viewer(membership, length=5, after=(made.updated_at, made.pk))
        clips_of_collection(membership, made, length=1)
        clips_of_collection(membership, made, length=5, after=items[0].position)
        organised_for_viewer(membership, entry)
        counts(membership)
