"""Reading long lists at a cost that doesn't grow with them: pages by keyset, and counts that stop at a bound.

A page starts after a row, not at an offset: new rows don't shift it, and a deep page costs what the first one does. The
list needs an index on what it is filtered by, then on its order.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Generic, TypeVar

from django.db.models import (
    BooleanField,
    Exists,
    Expression,
    F,
    Func,
    IntegerField,
    Model,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
)

Row = TypeVar("Row", bound=Model)
Item = TypeVar("Item")


def rows_after(rows: QuerySet[Row], *position: object) -> QuerySet[Row]:
    """The rows that come after `position` in their order.

    `rows` is ordered by fields of its own table, all ascending or all descending and unique together; `position` has a
    row's values of them. They are compared as a row, `(created_at, id) < (…, …)`, which databases look up in an index;
    they don't look up `created_at < … OR created_at = … AND id < …`, which Django would make of it on SQLite.
    """
    return _compared_with(rows, position, ascending=">", descending="<")


def rows_up_to(rows: QuerySet[Row], *position: object) -> QuerySet[Row]:
    """The rows that come before `position` in their order, and the one at it (see `rows_after`)."""
    return _compared_with(rows, position, ascending="<=", descending=">=")


def _compared_with(
    rows: QuerySet[Row], position: Sequence[object], *, ascending: str, descending: str
) -> QuerySet[Row]:
    names = [str(name) for name in rows.query.order_by]
    (sign,) = {descending if name.startswith("-") else ascending for name in names}
    fields = {field.name: field for field in rows.model._meta.fields}
    ordered = [fields[name.removeprefix("-")] for name in names]
    values = [Value(value, output_field=field) for field, value in zip(ordered, position, strict=True)]
    return rows.filter(compared([F(field.name) for field in ordered], sign, values))


def compared(here: Sequence[Expression | F], sign: str, there: Sequence[Expression | F]) -> Func:
    """The condition that expressions, compared as a row, come before ("<", "<=") or after (">", ">=") others."""
    rows = Func(*here, function=""), Func(*there, function="")
    return Func(*rows, template="%(expressions)s", arg_joiner=f" {sign} ", output_field=BooleanField())


def page_of(rows: QuerySet[Row], *, length: int, after: tuple[object, ...] = ()) -> tuple[list[Row], bool]:
    """Up to `length` rows, the first ones or those after a position (see `rows_after`), and whether more follow."""
    found = list((rows_after(rows, *after) if after else rows)[: length + 1])
    return found[:length], len(found) > length


def sparse_page_of(
    rows: QuerySet[Row], which: Q, *, length: int, max_examined: int, after: tuple[object, ...] = ()
) -> tuple[list[Row], tuple[object, ...]]:
    """Up to `length` of those `rows` for which `which` holds, and the position to go on from, () at the end.

    For conditions that no index serves. No more than `max_examined` rows are looked at: after those the page ends with
    what was found, which may be nothing, and the next one goes on where it stopped.
    """
    names = [str(name).removeprefix("-") for name in rows.query.order_by]
    rest = rows_after(rows, *after) if after else rows
    edge = list(rest.values_list(*names)[max_examined - 1 : max_examined + 1])
    within = rest
    if len(edge) == 2:
        within = rows_up_to(rest, *edge[0])
    found = list(within.filter(which)[: length + 1])
    if len(found) > length:
        return found[:length], tuple(getattr(found[length - 1], name) for name in names)
    return found, edge[0] if len(edge) == 2 else ()


@dataclass(frozen=True, kw_only=True)
class Range(Generic[Row]):
    """`length` rows of a table that follow each other by primary key, the last of which is `last`."""

    rows: QuerySet[Row]
    last: Any
    length: int


def ranges_of(rows: QuerySet[Row], *, length: int, after: Any = None) -> Iterator[Range[Row]]:
    """All `rows` in ranges of their primary keys, from the start or after a key; for work on a whole table."""
    keys_in_order = rows.model._default_manager.order_by("pk").values_list("pk", flat=True)
    while keys := list((keys_in_order if after is None else keys_in_order.filter(pk__gt=after))[:length]):
        within = rows.filter(pk__lte=keys[-1]) if after is None else rows.filter(pk__gt=after, pk__lte=keys[-1])
        yield Range(rows=within.order_by("pk"), last=keys[-1], length=len(keys))
        after = keys[-1]


def batches_of(items: Iterable[Item], *, length: int) -> Iterator[list[Item]]:
    """The items in lists of up to `length`, for statements that look many up at once."""
    rest = iter(items)
    while batch := list(islice(rest, length)):
        yield batch


def rows_among(rows: QuerySet[Row], keys: Iterable[object], *, by: str = "pk") -> QuerySet[Row]:
    """Those of `rows` whose field `by`, which is unique, is one of `keys`; in no order.

    `rows` are a list, such as a workspace's. Its conditions are looked at row by row: beside a few dozen keys, SQLite
    takes any of them for more selective than the keys, and reads the whole list.
    """
    found = rows.model._default_manager.filter(**{f"{by}__in": list(keys)})
    return found.filter(Exists(rows.order_by().filter(pk=OuterRef("pk"))))


class CountUpTo(Subquery):
    """How many rows there are, counted up to `max_count`: that number means "at least so many"."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) AS counted)"
    output_field = IntegerField()

    def __init__(self, rows: QuerySet[Any], max_count: int) -> None:
        super().__init__(rows.order_by().values("pk")[:max_count])


def count_up_to(rows: QuerySet[Any], max_count: int) -> int:
    """How many rows there are, counted up to `max_count`: that number means "at least so many"."""
    return rows.order_by()[:max_count].count()
