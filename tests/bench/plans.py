"""What PostgreSQL really plans for a page's statements, with its statistics of a filled database."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

MANY_ROWS = 2_000
"""A page may sort the few rows that it shows, and scan a table that has few, but not many more."""


def plan_remarks(captured: Iterable[dict[str, Any]], connection: BaseDatabaseWrapper) -> list[str]:
    """What scans a long table or sorts many rows, as of an ANALYZE.

    Nothing on SQLite, which plans without statistics: the suite asserts its plans.
    """
    if connection.vendor != "postgresql":
        return []
    remarks: dict[str, None] = {}
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        cursor.execute("SELECT relname, reltuples FROM pg_class WHERE relkind = 'r'")
        row_counts = dict(cursor.fetchall())
        for query in captured:
            sql = query["sql"]
            if sql.lstrip("( \n").upper().startswith(("SELECT", "WITH", "UPDATE", "DELETE", "INSERT")):
                cursor.execute(f"EXPLAIN (FORMAT JSON) {sql.replace('%', '%%')}")
                plan = cursor.fetchone()[0][0]["Plan"]
                remarks |= dict.fromkeys(plan_problems(plan, row_counts))
    return list(remarks)


def plan_problems(
    node: Mapping[str, Any], row_counts: Mapping[str, float], *, max_rows: int | None = None
) -> Iterator[str]:
    """Each Seq Scan of a long table, whatever it is expected to find there, and each Sort of many rows.

    A LIMIT, as in a bounded count, may end a scan early: then the remark says after how many rows.
    """
    kind, below = node["Node Type"], node.get("Plans", [])
    if kind == "Seq Scan" and row_counts.get(node["Relation Name"], 0) > MANY_ROWS:
        bound = f" until {max_rows:,} rows are found" if max_rows is not None else ""
        yield f"Seq Scan of {node['Relation Name']}{bound}"
    if kind == "Sort" and below[0]["Plan Rows"] > MANY_ROWS:
        yield f"Sort of {below[0]['Plan Rows']:,} rows by {', '.join(node['Sort Key'])}"
    if kind == "Limit":
        max_rows = node["Plan Rows"]
    elif kind in ("Sort", "Hash", "Aggregate", "Nested Loop", "Hash Join", "Merge Join"):
        # These need more rows than they give, if not all of them.
        max_rows = None
    for child in below:
        yield from plan_problems(child, row_counts, max_rows=max_rows)
