"""Insert many rows fast: COPY on PostgreSQL, a prepared statement on SQLite."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, models

Row = Sequence[Any]


def insert_rows(model: type[models.Model], columns: Sequence[str], rows: Iterable[Row]) -> None:
    """Insert `rows`, which hold the values of `columns`; every other column gets its field's default.

    Datetimes are in UTC, JSON is text. Signals aren't sent; constraints and triggers apply.
    """
    defaults = {
        field.column: field.get_db_prep_save(field.get_default(), connection)
        for field in model._meta.concrete_fields
        if field.column not in columns and not field.primary_key
    }
    others = list(defaults.values())
    table, names = model._meta.db_table, ", ".join(f'"{name}"' for name in [*columns, *defaults])
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            marks = ", ".join(["%s"] * (len(columns) + len(defaults)))
            statement = f'INSERT INTO "{table}" ({names}) VALUES ({marks})'  # noqa: S608  # our own names
            cursor.executemany(statement, [[*map(_sqlite_value, row), *others] for row in rows])
            return
        with cursor.copy(f'COPY "{table}" ({names}) FROM STDIN') as copy:
            for row in rows:
                copy.write_row([*row, *others])


def _sqlite_value(value: Any) -> Any:
    """A value as Django stores it."""
    if isinstance(value, UUID):
        return value.hex
    return str(value)[:-6] if isinstance(value, datetime) else value
