"""Statements that Django compiles only once, for requests so frequent that compiling costs more than the rest."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache, partial
from typing import Any

from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.db.models import Expression, Field, Model, QuerySet
from django.db.models.sql import UpdateQuery
from django.db.models.sql.compiler import SQLCompiler


class Parameter(Expression):
    """Stands for a value that is given when the statement runs; `output_field` is the field it is compared with."""

    def __init__(self, name: str, output_field: "Field[Any, Any]") -> None:
        super().__init__(output_field=output_field)
        self.name = name

    def as_sql(self, compiler: SQLCompiler, connection: Any) -> tuple[str, tuple[Any, ...]]:
        return "%s", (self,)


class Prepared:
    """The statement of a queryset with `Parameter`s: of `values_list`, or with `changes` to its rows.

    `changes` are the keyword arguments of `update`, and may have parameters too.
    """

    def __init__(self, queryset: Callable[[], QuerySet[Any, Any]], **changes: object) -> None:
        self._queryset = queryset
        self._changes = changes
        self._compiled = cache(self._compile)

    def _compile(self, vendor: str) -> tuple[str, tuple[Any, ...], Callable[[list[tuple[Any, ...]]], Any]]:
        query: Any = self._queryset().query
        if self._changes:
            query = query.chain(UpdateQuery)
            query.add_update_values(self._changes)
        compiler = query.get_compiler(connection=connection)
        sql, parameters = compiler.as_sql()
        converters = compiler.get_converters([column for column, _sql, _alias in compiler.select or ()])
        return sql, parameters, partial(compiler.apply_converters, converters=converters)

    def values(self, **values: object) -> list[list[Any]]:
        """Run it with a value for each parameter. The rows have the values that `values_list` would have."""
        _sql, _parameters, converted = self._compiled(connection.vendor)
        return list(converted(self.rows(**values)))

    def rows(self, **values: object) -> list[tuple[Any, ...]]:
        """Run it with a value for each parameter. The rows are tuples of what the database's driver returns."""
        with self._executed(values) as cursor:
            return list(cursor.fetchall())

    def update(self, **values: object) -> int:
        """Make the changes with a value for each parameter; returns how many rows were changed."""
        with self._executed(values) as cursor:
            return int(cursor.rowcount)

    @contextmanager
    def _executed(self, values: Mapping[str, object]) -> Iterator[CursorWrapper]:
        sql, parameters, _converted = self._compiled(connection.vendor)
        given = [
            part.output_field.get_db_prep_value(values[part.name], connection) if isinstance(part, Parameter) else part
            for part in parameters
        ]
        with connection.cursor() as cursor:
            cursor.execute(sql, given)
            yield cursor


def insert_row(row: Model) -> bool:
    """Insert a new row whose primary key is set already. False, and nothing written, if it breaks a uniqueness rule.

    Unlike `save`, it sends no signals and takes no savepoint.
    """
    given = [field.get_db_prep_save(field.pre_save(row, True), connection) for field in row._meta.concrete_fields]
    with connection.cursor() as cursor:
        cursor.execute(_insert_statement(type(row)), given)
        is_new = bool(cursor.rowcount == 1)
    row._state.adding, row._state.db = not is_new, connection.alias
    return is_new


@cache
def _insert_statement(model: type[Model]) -> str:
    columns = ", ".join(f'"{field.column}"' for field in model._meta.concrete_fields)
    places = ", ".join(["%s"] * len(model._meta.concrete_fields))
    return f'INSERT INTO "{model._meta.db_table}" ({columns}) VALUES ({places}) ON CONFLICT DO NOTHING'  # noqa: S608
