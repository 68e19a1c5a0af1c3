"""What PostgreSQL really plans for a page's statements, with its statistics of a filled database."""

from collections.abc import Iterable, Iterator
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

MANY_ROWS = 2_000
"""A page may sort the few rows that it shows, but not many more."""


def plan_remarks(captured: Iterable[dict[str, Any]], connection: BaseDatabaseWrapper) -> list[str]:
    """What reads or sorts many rows. Nothing on SQLite, which plans without statistics: the suite asserts its plans."""
    if connection.vendor != "postgresql":
        return []
    remarks: dict[str, None] = {}
    for query in captured:
        sql = query["sql"]
        if not sql.lstrip("( ").upper().startswith(("SELECT", "WITH")):
            continue
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN (FORMAT JSON) {sql.replace('%', '%%')}")
            remarks |= dict.fromkeys(_remarks(cursor.fetchone()[0][0]["Plan"]))
    return list(remarks)


def _remarks(node: dict[str, Any]) -> Iterator[str]:
    kind, below = node["Node Type"], node.get("Plans", [])
    if kind == "Seq Scan" and node["Plan Rows"] > MANY_ROWS:
        yield f"Seq Scan of {node['Relation Name']}"
    if kind == "Sort" and below[0]["Plan Rows"] > MANY_ROWS:
        yield f"Sort of {below[0]['Plan Rows']:,} rows by {', '.join(node['Sort Key'])}"
    for child in below:
        yield from _remarks(child)
