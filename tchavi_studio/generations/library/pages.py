"""Pages of the gallery's lists, and counts: at a cost that grows neither with the list nor with what doesn't match.

Each list, each order of it and each filter alone has an index. Filters together walk the one that leads furthest, for
no more than MAX_EXAMINED of its rows; the page says how far that was, and goes on from there.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from operator import attrgetter
from uuid import UUID

from django.db.models import Q, QuerySet

from tchavi_studio.generations.queries import CARD_RELATIONS
from tchavi_studio.generations.visibility import Scope, entries_in_scope
from tchavi_studio.long_lists import count_up_to, rows_after, rows_up_to
from tchavi_studio.workspaces.models import Membership

from .filters import Filters, Sort
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
) -> LibraryPage:
    """The next clips of a list that the viewer may see, after a position of an earlier page.

    `relations` are what is read with them, as `select_related` takes it.
    """
    entries, floor = _candidates(membership, scope, filters, sort, length, after)
    rows = rows_after(entries, *after) if after else entries
    rows = rows_up_to(rows, *floor) if floor else rows
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


def newer_position(
    *, membership: Membership, scope: Scope, filters: Filters, sort: Sort, length: int, after: Position
) -> Position | None:
    """Where the page of `length` clips begins that ends at `after`; None if that is the list's top, or a search's."""
    if filters.search:
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
    entries = entries_in_scope(membership, scope).filter(*filters.facets, generation__in=list(generations))
    entries = entries.filter(filters.is_made_in_time(membership.workspace))
    return _with_words(entries, filters).order_by("-key")


def _with_words(entries: QuerySet[LibraryEntry], filters: Filters) -> QuerySet[LibraryEntry]:
    return entries.alias(spaced_words=SPACED_WORDS).filter(has_words(filters.search)) if filters.search else entries


# --- Which rows are looked at -----------------------------------------------------------------------------------------


def _candidates(
    membership: Membership, scope: Scope, filters: Filters, sort: Sort, length: int, after: Position | None
) -> tuple[QuerySet[LibraryEntry], Position | None]:
    """What matches, in the list's order, and the position up to which it may be read; None if that is all of it."""
    listed = entries_in_scope(membership, scope).filter(filters.is_made_in_time(membership.workspace))
    entries = listed.filter(*filters.facets).order_by(*sort.order)
    if filters.search and sort.is_by_time:
        return _found_by_words(entries, membership, scope, filters, sort, length, after)
    if sort.is_by_time:
        floor = _deepest_floor(listed.order_by(*sort.order), filters.facets, after) if len(filters.facets) > 1 else None
        return entries, floor
    if filters == Filters():
        return entries, None
    few = _few_keys(listed, membership, scope, filters)
    if few is not None:
        return _with_words(entries, filters).filter(key__in=few), None
    in_order = entries_in_scope(membership, scope).order_by(*sort.order)
    return _with_words(entries, filters), _floor(in_order, after)


def _found_by_words(
    entries: QuerySet[LibraryEntry],
    membership: Membership,
    scope: Scope,
    filters: Filters,
    sort: Sort,
    length: int,
    after: Position | None,
) -> tuple[QuerySet[LibraryEntry], Position | None]:
    """Try a few of the clips whose words match, and MAX_EXAMINED if the filters leave too few of those."""
    has_filters = replace(filters, text="") != Filters()
    position = after[0] if after else None
    for max_count in (FEW, MAX_EXAMINED) if has_filters else (length + 1,):
        keys = matching_keys(
            filters.search,
            membership=membership,
            scope=scope,
            max_count=max_count,
            after=position,
            oldest_first=sort == Sort.OLDEST,
        )
        found = entries.filter(key__in=keys)
        is_all = len(keys) < max_count
        if is_all or not has_filters or found[: length + 1].count() > length:
            return found, None
    return found, (keys[-1],)


def _few_keys(
    listed: QuerySet[LibraryEntry], membership: Membership, scope: Scope, filters: Filters
) -> list[int] | None:
    """The keys that match one of the filters, if those are few enough to be sorted; else None."""
    if filters.search:
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
