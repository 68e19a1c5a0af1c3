"""Assert that lists are read by their indexes, whatever their length.

    with listed_by_index(Generation, Transfer):
        alice_browser.get("/w/lagune/gallery/")

On SQLite the plan of every statement that reads one of the tables has no scan of a table or index and no temporary
B-tree. Statements are planned with their parameters, as they ran: literals let SQLite use partial indexes that
parameters don't. On PostgreSQL, where sequential scans and sorts are made expensive so that small tables don't hide a
missing index, the plan has neither a Seq Scan of one of the tables nor a Sort of their rows. On both, counts and sums
have a LIMIT: an index doesn't make a count of a million rows fast.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, models, transaction

Statement = tuple[str, Any]
"""An SQL text and its parameters."""


@contextmanager
def listed_by_index(*models_listed: type[models.Model]) -> Iterator[None]:
    """Assert the plans of all statements in the block that read or change rows of these models' tables."""
    tables = {model._meta.db_table for model in models_listed}
    statements: list[Statement] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if _reads(sql, tables):
            statements.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        yield
    assert statements, f"no statement reads {', '.join(sorted(tables))}"
    problems = {sql: found for sql, params in statements if (found := plan_problems(sql, params, tables))}
    assert not problems, "\n\n".join("\n  ".join([sql, *found]) for sql, found in problems.items())


def _reads(sql: str, tables: set[str]) -> bool:
    is_read = sql.lstrip("( \n").upper().startswith(("SELECT", "WITH", "UPDATE", "DELETE"))
    return is_read and any(re.search(rf"\b{table}\b", sql) for table in tables)


def plan_problems(sql: str, params: Any, tables: set[str]) -> list[str]:
    """What makes a statement read more rows the longer these tables are."""
    totals = re.findall(r"\b(COUNT|SUM|AVG)\(", sql) if " LIMIT " not in sql else []
    on_database = _sqlite_problems if connection.vendor == "sqlite" else _postgresql_problems
    return [*(f"{name} without LIMIT" for name in totals), *on_database(sql, params, tables)]


def _sqlite_problems(sql: str, params: Any, tables: set[str]) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}", params)
        steps = [row[3] for row in cursor.fetchall()]
    # A table is named by its alias, if it has one, so every scan counts except those of what isn't stored.
    subqueries = [step.split()[1] for step in steps if step.startswith(("CO-ROUTINE ", "MATERIALIZE "))]
    not_stored = ("SCAN CONSTANT ROW", "SCAN (subquery", "SCAN (join", *(f"SCAN {name}" for name in subqueries))
    return [
        step for step in steps if (step.startswith("SCAN") and not step.startswith(not_stored)) or "TEMP B-TREE" in step
    ]


def _postgresql_problems(sql: str, params: Any, tables: set[str]) -> list[str]:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off")
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", params)
        plan = cursor.fetchone()[0][0]["Plan"]
    return list(_bad_nodes(plan, tables))


def _bad_nodes(node: dict[str, Any], tables: set[str]) -> Iterator[str]:
    kind = node["Node Type"]
    if kind == "Seq Scan" and node["Relation Name"] in tables:
        yield f"Seq Scan on {node['Relation Name']}"
    if kind in ("Sort", "Incremental Sort") and (sorted_tables := _tables_below(node) & tables):
        yield f"{kind} of {', '.join(sorted(sorted_tables))} by {', '.join(node['Sort Key'])}"
    for child in node.get("Plans", []):
        yield from _bad_nodes(child, tables)


def _tables_below(node: dict[str, Any]) -> set[str]:
    own = {node["Relation Name"]} if "Relation Name" in node else set()
    return own.union(*map(_tables_below, node.get("Plans", [])))
