"""Statements that Django compiles only once, for requests so frequent that compiling costs more than the rest."""

from collections.abc import Callable
from functools import cache, partial
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
    """The statement of a queryset of `values_list` with `Parameter`s."""

    def __init__(self, queryset: Callable[[], QuerySet[Any, Any]]) -> None:
        self._queryset = queryset
        self._compiled = cache(self._compile)

    def _compile(self, vendor: str) -> tuple[str, tuple[Any, ...], Callable[[list[tuple[Any, ...]]], Any]]:
        compiler = self._queryset().query.get_compiler(connection=connection)
        sql, parameters = compiler.as_sql()
        converters = compiler.get_converters([column for column, _sql, _alias in compiler.select])
        return sql, parameters, partial(compiler.apply_converters, converters=converters)

    def values(self, **values: object) -> list[list[Any]]:
        """Run it with a value for each parameter. The rows have the values that `values_list` would have."""
        _sql, _parameters, converted = self._compiled(connection.vendor)
        return list(converted(self.rows(**values)))

    def rows(self, **values: object) -> list[tuple[Any, ...]]:
        """Run it with a value for each parameter. The rows are tuples of what the database's driver returns."""
        sql, parameters, _converted = self._compiled(connection.vendor)
        given = [
            part.output_field.get_db_prep_value(values[part.name], connection) if isinstance(part, Parameter) else part
            for part in parameters
        ]
        with connection.cursor() as cursor:
            cursor.execute(sql, given)
            return list(cursor.fetchall())
