"""Filters by what people made of clips: favourites, stars, tags and collections.

Such a filter is another table's index, or several ranges of one. Its keys are read in the list's order, and the list's
own conditions say which of those clips it shows.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from django.db.models import Exists, Model, OuterRef, Q, QuerySet

from tchavi_studio.generations.models import CollectionItem, Tagging
from tchavi_studio.generations.organising.models import MAX_STARS
from tchavi_studio.generations.visibility import Scope, favourites_of
from tchavi_studio.workspaces.models import Membership

from .filters import Filters
from .models import STARS, LibraryEntry

Walk = Callable[[int], list[int]]
"""Up to so many keys of a filter, in the order of a list by time."""


def is_marked(membership: Membership, filters: Filters) -> Q:
    """The condition on an entry, for when it is found by another index."""
    condition = filters.has_stars
    for table in _tables(membership, filters):
        condition &= Q(Exists(table.filter(entry=OuterRef("key"))))
    return condition


def walks_by_marks(
    membership: Membership,
    scope: Scope,
    filters: Filters,
    listed: QuerySet[LibraryEntry],
    *,
    after: int | None,
    oldest_first: bool,
) -> list[Walk]:
    """A walk for each of these filters, beyond the key `after`. `listed` is the list without any filter."""
    tables = _tables(membership, filters)
    if scope == Scope.FAVOURITES and not filters.is_favourite:
        tables.append(favourites_of(membership))
    in_time = filters.is_made_in_time(membership.workspace, "entry")
    walks: list[Walk] = []
    for table in tables:
        walks.append(partial(_keys, table.filter(in_time), "entry", after=after, oldest_first=oldest_first))
    if filters.stars is not None and scope != Scope.FAVOURITES:
        ranges = [
            listed.alias(whole_stars=STARS).filter(whole_stars__in=[stars])
            for stars in range(filters.stars, MAX_STARS + 1)
        ]
        walks.append(partial(_keys_of_ranges, ranges, after=after, oldest_first=oldest_first))
    return walks


def bounded_keys(membership: Membership, scope: Scope, filters: Filters) -> QuerySet[Any] | None:
    """The keys of a filter that never has more than pages may look at: favourites, or a collection. Else None."""
    tables = [table for table in _tables(membership, filters) if table.model is not Tagging]
    if scope == Scope.FAVOURITES:
        tables.append(favourites_of(membership))
    return tables[0].order_by().values("entry") if tables else None


def walk_through(rows: QuerySet[LibraryEntry], *, after: int | None, oldest_first: bool) -> Walk:
    """A walk through entries that an index has in order."""
    return partial(_keys, rows, "key", after=after, oldest_first=oldest_first)


def _tables(membership: Membership, filters: Filters) -> list[QuerySet[Any]]:
    """The rows that point to the entries which a filter is about."""
    tables: list[QuerySet[Any]] = []
    if filters.is_favourite:
        tables.append(favourites_of(membership))
    if filters.collection is not None:
        tables.append(CollectionItem.objects.filter(collection=filters.collection))
    if filters.tag is not None:
        tables.append(Tagging.objects.filter(tag=filters.tag))
    return tables


def _keys(rows: QuerySet[Model], name: str, max_count: int, *, after: int | None, oldest_first: bool) -> list[int]:
    return list(_in_order(rows, name, max_count, after=after, oldest_first=oldest_first))


def _keys_of_ranges(
    ranges: Sequence[QuerySet[Any]], max_count: int, *, after: int | None, oldest_first: bool
) -> list[int]:
    # Each is cut in a subquery of its own: SQLite has no LIMIT in the parts of a UNION.
    first, *others = (
        LibraryEntry.objects.filter(key__in=_in_order(one, "key", max_count, after=after, oldest_first=oldest_first))
        for one in ranges
    )
    keys = first.values_list("key", flat=True)
    found = keys.union(*(one.values_list("key", flat=True) for one in others), all=True) if others else keys
    return sorted(found, reverse=not oldest_first)[:max_count]


def _in_order(
    rows: QuerySet[Any], name: str, max_count: int, *, after: int | None, oldest_first: bool
) -> QuerySet[Any, int]:
    if after is not None:
        rows = rows.filter(**{f"{name}__{'gt' if oldest_first else 'lt'}": after})
    return rows.order_by(name if oldest_first else f"-{name}").values_list(name, flat=True)[:max_count]
