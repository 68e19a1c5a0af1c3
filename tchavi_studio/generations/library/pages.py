"""Pages of the gallery's lists, and counts: at a cost that grows neither with the list nor with what doesn't match.

Each list, each order of it and each filter alone has an index. Filters together walk the one that leads furthest, for
no more than MAX_EXAMINED of its rows; the page says how far that was, and goes on from there. So do filters by what
people made of clips (see `marks.py`), even alone: their indexes have clips of all lists.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any
from uuid import UUID

from django.db.models import Case, Q, QuerySet, Value, When

from tchavi_studio.generations.queries import CARD_RELATIONS
from tchavi_studio.generations.visibility import Scope, entries_in_scope, is_in_scope
from tchavi_studio.long_lists import count_up_to, rows_after, rows_among, rows_up_to
from tchavi_studio.workspaces.models import Membership

from .filters import Filters, Sort
from .marks import Walk, bounded_keys, is_marked, walk_through, walks_by_marks
from .models import LibraryEntry, LibraryMonth, moment_of
from .search import SPACED_WORDS, has_words
from .text_index import matching_keys

MAX_EXAMINED = 20_000
FEW = 500
"""With filters, so many clips whose words match are tried before MAX_EXAMINED are."""

MAX_COUNT = 1_000
CLIP_RELATIONS = tuple(f"generation__{name}" for name in CARD_RELATIONS if name != "entry")

Position = tuple[int, ...]
"""Where a page ends: the values that the list is sorted by."""


@dataclass(frozen=True, kw_only=True)
class LibraryPage:
    """Some clips of a list. `next_position` is where the next page starts, None if there is none.

    `searched_to` is when the last clip that was looked at was made, if that wasn't all and too few matched.
    """

    entries: list[LibraryEntry]
    next_position: Position | None
    searched_to: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Count:
    """How many clips match: `number`, or at least so many."""

    number: int
    is_exact: bool


def read_position(text: str, sort: Sort) -> Position:
    """The position that `position_text` wrote. Raises ValueError for anything else."""
    position = tuple(map(_read_number, text.split(".")))
    if len(position) != len(sort.order):
        raise ValueError("A position of another order.")
    return position


def _read_number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 19 and int(text) < 2**63):
        raise ValueError(f"{text!r} isn't a position.")
    return int(text)


def position_text(position: Position) -> str:
    return ".".join(map(str, position))


def library_page(
    *,
    membership: Membership,
    scope: Scope,
    filters: Filters,
    sort: Sort,
    length: int,
    after: Position | None = None,
    relations: Sequence[str] = CLIP_RELATIONS,
    backward: bool = False,
) -> LibraryPage:
    """The next clips of a list that the viewer may see, after a position of an earlier page.

    `relations` are what is read with them, as `select_related` takes it. `backward` leads to the list's top instead.
    """
    entries, floor = _candidates(membership, scope, filters, sort, length, after, backward=backward)
    rows = rows_up_to(entries, *floor) if floor else entries
    found = list((rows.select_related(*relations) if relations else rows)[: length + 1])
    if len(found) > length:
        return LibraryPage(entries=found[:length], next_position=sort.position_of(found[length - 1]))
    searched_to = moment_of(floor[-1]) if floor else None
    return LibraryPage(entries=found, next_position=floor, searched_to=searched_to)


def library_count(*, membership: Membership, scope: Scope, filters: Filters) -> Count:
    """How many clips of a list match, counted up to MAX_COUNT, and with filters together up to MAX_EXAMINED rows.

    Of a list without filters, `months_of_lists` knows it.
    """
    entries, floor = _candidates(membership, scope, filters, Sort.NEWEST, MAX_COUNT, None)
    number = count_up_to(rows_up_to(entries, *floor) if floor else entries, MAX_COUNT)
    return Count(number=number, is_exact=floor is None and number < MAX_COUNT)


@dataclass(frozen=True, kw_only=True)
class Beside:
    """What is around a clip in a list. `before` and `after` are None at the ends, and where filters together were
    stopped. `number` is its place, from 1; None beyond MAX_COUNT, if it took too long, and if the list doesn't show it.
    """

    before: LibraryEntry | None
    after: LibraryEntry | None
    number: int | None


def clips_beside(entry: LibraryEntry, *, membership: Membership, scope: Scope, filters: Filters, sort: Sort) -> Beside:
    """The clips before and after one that the viewer sees, in a list that it is in or was in, and its place there."""
    position = sort.position_of(entry)

    def neighbour(*, backward: bool) -> LibraryEntry | None:
        page = library_page(
            membership=membership,
            scope=scope,
            filters=filters,
            sort=sort,
            length=1,
            after=position,
            relations=(),
            backward=backward,
        )
        return next(iter(page.entries), None)

    earlier, floor = _candidates(membership, scope, filters, sort, MAX_COUNT, position, backward=True)
    count = MAX_COUNT if floor else count_up_to(earlier, MAX_COUNT)
    is_listed = entries_among([entry.generation_id], membership=membership, scope=scope, filters=filters).exists()
    return Beside(
        before=neighbour(backward=True),
        after=neighbour(backward=False),
        number=count + 1 if is_listed and count < MAX_COUNT else None,
    )


def newer_position(
    *, membership: Membership, scope: Scope, filters: Filters, sort: Sort, length: int, after: Position
) -> Position | None:
    """Where the page of `length` clips begins that ends at `after`; None if that is the list's top, or unknown.

    It is unknown of searches, and of filters by what people made of clips.
    """
    if filters.search or _is_by_marks(scope, filters):
        return None
    entries, _floor_of_first = _candidates(membership, scope, filters, sort, length, None)
    before = rows_up_to(entries, *after).reverse()
    first = before[length : length + 1]
    return next((sort.position_of(entry) for entry in first), None)


def months_of_lists(membership: Membership) -> dict[Scope, list[LibraryMonth]]:
    """The months of each list that have clips, the latest first: as many as the workspace is old."""
    owners = {membership.user_id: Scope.MINE, 0: Scope.WORKSPACE}
    months = LibraryMonth.objects.filter(workspace=membership.workspace_id, owner_id__in=owners, clip_count__gt=0)
    lists: dict[Scope, list[LibraryMonth]] = {scope: [] for scope in owners.values()}
    for month in sorted(months, key=attrgetter("month"), reverse=True):
        lists[owners[month.owner_id]].append(month)
    return lists


def entries_among(
    generations: Iterable[UUID], *, membership: Membership, scope: Scope, filters: Filters
) -> QuerySet[LibraryEntry]:
    """Which of these clips a list shows with these filters, newest first."""
    shown = _with_words(LibraryEntry.objects.filter(_is_match(membership, scope, filters)), filters)
    return rows_among(shown, generations, by="generation").order_by("-key")


def _with_words(entries: QuerySet[LibraryEntry], filters: Filters) -> QuerySet[LibraryEntry]:
    return entries.alias(spaced_words=SPACED_WORDS).filter(has_words(filters.search)) if filters.search else entries


# --- Which rows are looked at -----------------------------------------------------------------------------------------


def _is_by_marks(scope: Scope, filters: Filters) -> bool:
    marks = Filters(
        stars=filters.stars, tag=filters.tag, collection=filters.collection, is_favourite=filters.is_favourite
    )
    return scope == Scope.FAVOURITES or marks != Filters()


def _is_match(membership: Membership, scope: Scope, filters: Filters) -> Q:
    """The condition that a list shows an entry with these filters, except for the words."""
    matching = is_in_scope(membership, scope) & filters.is_made_in_time(membership.workspace)
    for condition in (*filters.facets, is_marked(membership, filters)):
        matching &= condition
    return matching


def _candidates(
    membership: Membership,
    scope: Scope,
    filters: Filters,
    sort: Sort,
    length: int,
    after: Position | None,
    *,
    backward: bool = False,
) -> tuple[QuerySet[LibraryEntry], Position | None]:
    """What matches after a position, in order, and the position up to which it may be read; None if that is all."""
    if backward and sort.is_by_time:
        sort, backward = (Sort.NEWEST if sort == Sort.OLDEST else Sort.OLDEST), False
    order = sort.backward if backward else sort.order

    def following(rows: QuerySet[LibraryEntry]) -> QuerySet[LibraryEntry]:
        rows = rows.order_by(*order)
        return rows_after(rows, *after) if after else rows

    listed = entries_in_scope(membership, scope).filter(filters.is_made_in_time(membership.workspace))
    entries = following(LibraryEntry.objects.filter(_is_match(membership, scope, filters)))
    if sort.is_by_time:
        if filters.search or _is_by_marks(scope, filters):
            return _found_by_walks(membership, scope, filters, sort, length, after)
        floor = _deepest_floor(listed.order_by(*sort.order), filters.facets, after) if len(filters.facets) > 1 else None
        return entries, floor
    is_in_order = filters == Filters() or (sort == Sort.BEST_RATED and filters == Filters(stars=filters.stars))
    if is_in_order and scope != Scope.FAVOURITES:
        return entries, None
    few = _few_keys(listed, membership, scope, filters)
    if few is not None:
        return _first(following(_with_words(_by_keys(few, membership, scope, filters), filters)), length), None
    in_order = entries_in_scope(membership, scope).order_by(*order)
    return _with_words(entries, filters), _floor(in_order, after)


def _first(rows: QuerySet[LibraryEntry], length: int) -> QuerySet[LibraryEntry]:
    """The first `length` of these rows and one more, found by sorting keys alone rather than all that a page reads."""
    keys = list(rows.values_list("key", flat=True)[: length + 1])
    return LibraryEntry.objects.filter(key__in=keys).order_by(*rows.query.order_by)


Keys = Sequence[int] | QuerySet[Any]


def _by_keys(keys: Keys, membership: Membership, scope: Scope, filters: Filters) -> QuerySet[LibraryEntry]:
    """Those of these entries that match, looked up by their keys.

    CASE hides the condition from the planners. SQLite's would take one of the list's indexes instead, and read all of
    it, where nobody ran ANALYZE.
    """
    matching = Case(When(_is_match(membership, scope, filters), then=Value(True)), default=Value(False))
    return LibraryEntry.objects.filter(key__in=keys).alias(is_match=matching).filter(is_match=True)


def _found_by_walks(
    membership: Membership,
    scope: Scope,
    filters: Filters,
    sort: Sort,
    length: int,
    after: Position | None,
) -> tuple[QuerySet[LibraryEntry], Position | None]:
    """Try a few of the clips that one filter leads to, and MAX_EXAMINED if the others leave too few of those.

    A search that is all there is leads to what the list shows, and to nothing else.
    """
    is_search = filters == Filters(text=filters.text) and scope != Scope.FAVOURITES
    oldest_first = sort == Sort.OLDEST
    walks = _walks(membership, scope, filters, after=after[0] if after else None, oldest_first=oldest_first)
    bounded = bounded_keys(membership, scope, filters)
    for max_count in (length + 1,) if is_search else (FEW, MAX_EXAMINED):
        if max_count == MAX_EXAMINED and bounded is not None:
            found = _with_words(_by_keys(bounded, membership, scope, filters), filters).order_by(*sort.order)
            return _first(rows_after(found, *after) if after else found, length), None
        keys = _keys_that_lead_furthest(walks, max_count, oldest_first=oldest_first)
        found = _by_keys(keys, membership, scope, filters).order_by(*sort.order)
        found = _with_words(found, filters) if _is_by_marks(scope, filters) else found
        is_all = len(keys) < max_count
        if is_all or is_search or found[: length + 1].count() > length:
            return found, None
    return found, (keys[-1],)


def _walks(
    membership: Membership, scope: Scope, filters: Filters, *, after: int | None, oldest_first: bool
) -> list[Walk]:
    """The ways to find what matches in order of time: first those that are likely to be short."""
    listed = entries_in_scope(membership, scope).filter(filters.is_made_in_time(membership.workspace))
    by_marks = walks_by_marks(membership, scope, filters, listed, after=after, oldest_first=oldest_first)
    if scope == Scope.FAVOURITES:
        return by_marks
    walks = list(by_marks)
    if filters.search:
        walks.append(
            lambda max_count: matching_keys(
                filters.search,
                membership=membership,
                scope=scope,
                max_count=max_count,
                after=after,
                oldest_first=oldest_first,
            )
        )
    if by_marks:
        # Those of marks also lead to what the list doesn't show: it may be shorter itself.
        indexes = [listed.filter(facet) for facet in filters.facets] or [listed]
        walks += [walk_through(rows, after=after, oldest_first=oldest_first) for rows in indexes]
    return walks


def _keys_that_lead_furthest(walks: Iterable[Walk], max_count: int, *, oldest_first: bool) -> list[int]:
    """Up to `max_count` keys by the walk that comes to its end with them, or else furthest."""
    furthest: list[int] = []
    for walk in walks:
        keys = walk(max_count)
        if len(keys) < max_count:
            return keys
        if not furthest or (keys[-1] > furthest[-1]) == oldest_first:
            furthest = keys
    return furthest


def _few_keys(listed: QuerySet[LibraryEntry], membership: Membership, scope: Scope, filters: Filters) -> Keys | None:
    """The keys that match one of the filters, if those are few enough to be sorted; else None.

    As many of a person's favourites or of a collection are never too many.
    """
    bounded = bounded_keys(membership, scope, filters)
    if bounded is not None:
        return bounded
    for walk in walks_by_marks(membership, scope, filters, listed, after=None, oldest_first=False):
        keys = walk(MAX_EXAMINED + 1)
        if len(keys) <= MAX_EXAMINED:
            return keys
    if filters.search and scope != Scope.FAVOURITES:
        keys = matching_keys(filters.search, membership=membership, scope=scope, max_count=MAX_COUNT + 1)
        if len(keys) <= MAX_COUNT:
            return keys
    for facet in filters.facets:
        keys = list(listed.filter(facet).order_by("-key").values_list("key", flat=True)[: MAX_COUNT + 1])
        if len(keys) <= MAX_COUNT:
            return keys
    return None


def _floor(rows: QuerySet[LibraryEntry], after: Position | None) -> Position | None:
    """Where MAX_EXAMINED rows of a list end; None if there are no more."""
    following = rows_after(rows, *after) if after else rows
    names = [str(name).removeprefix("-") for name in rows.query.order_by]
    last = following.values_list(*names)[MAX_EXAMINED : MAX_EXAMINED + 1]
    return next(iter(last), None)


def _deepest_floor(rows: QuerySet[LibraryEntry], facets: Sequence[Q], after: Position | None) -> Position | None:
    """`_floor` by the filter whose index leads furthest, of lists in order of time."""
    floors = [_floor(rows.filter(facet), after) for facet in facets]
    known = [floor for floor in floors if floor is not None]
    if len(known) < len(floors):
        return None
    return max(known) if rows.query.order_by == ("key",) else min(known)
