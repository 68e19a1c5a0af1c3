"""Activity as a file: CSV for spreadsheets, JSON lines for programs."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from tchavi_studio.workspaces.models import ActivityRow

from .sentences import sentence_of

COLUMNS = ("sequence", "time", "kind", "actor_id", "actor", "subject_id", "subject", "reference", "sentence", "hash")
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def as_csv(rows: Iterable[ActivityRow]) -> Iterator[str]:
    """The columns' names and a line a row. What a spreadsheet would take for a formula begins with an apostrophe."""
    yield _line(COLUMNS)
    for row in rows:
        yield _line(_harmless(value) for value in _record(row).values())


def as_json_lines(rows: Iterable[ActivityRow]) -> Iterator[str]:
    """An object a line, with all details, as far as its hash covers them."""
    for row in rows:
        yield json.dumps({**_record(row), "details": row.details}, ensure_ascii=False) + "\n"


FORMATS: dict[str, tuple[str, Callable[[Iterable[ActivityRow]], Iterator[str]]]] = {
    "csv": ("text/csv; charset=utf-8", as_csv),
    "jsonl": ("application/jsonl; charset=utf-8", as_json_lines),
}
"""The content type and the writer of each format, by the file's extension."""


def _record(row: ActivityRow) -> dict[str, Any]:
    return {
        "sequence": row.sequence,
        "time": row.created_at.isoformat(),
        "kind": row.kind,
        "actor_id": row.actor_id,
        "actor": row.actor.display_name if row.actor else "",
        "subject_id": row.subject_id,
        "subject": row.subject.display_name if row.subject else "",
        "reference": str(row.reference or ""),
        "sentence": sentence_of(row),
        "hash": row.hash,
    }


def _harmless(value: object) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def _line(values: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(values)
    return line.getvalue()
