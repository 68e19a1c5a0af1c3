"""Statements that Django compiles only once, for requests so frequent that compiling costs more than the rest."""

from collections.abc import Callable
from functools import cache
from typing import Any

from django.db import connection
from django.db.models import Expression, Field, QuerySet
from django.db.models.sql.compiler import SQLCompiler


class Parameter(Expression):
    """Stands for a value that is given when the statement runs; `output_field` is the field it is compared with."""

    def __init__(self, name: str, output_field: "Field[Any, Any]") -> None:
        super().__init__(output_field=output_field)
        self.name = name

    def as_sql(self, compiler: SQLCompiler, connection: Any) -> tuple[str, tuple[Any, ...]]:
        return "%s", (self,)


class Prepared:
    """The statement of a queryset with `Parameter`s, whose rows are tuples of what the database's driver returns."""

    def __init__(self, queryset: Callable[[], QuerySet[Any, Any]]) -> None:
        self._queryset = queryset
        self._compiled = cache(self._compile)

    def _compile(self, vendor: str) -> tuple[str, tuple[Any, ...]]:
        return self._queryset().query.sql_with_params()

    def rows(self, **values: object) -> list[tuple[Any, ...]]:
        """Run it with a value for each parameter."""
        sql, parameters = self._compiled(connection.vendor)
        given = [
            part.output_field.get_db_prep_value(values[part.name], connection) if isinstance(part, Parameter) else part
            for part in parameters
        ]
        with connection.cursor() as cursor:
            cursor.execute(sql, given)
            return list(cursor.fetchall())
