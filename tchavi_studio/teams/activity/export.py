"""Activity as a file: CSV for spreadsheets, JSON lines for programs."""

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from tchavi_studio.site.spreadsheets import spreadsheet_line
from tchavi_studio.workspaces.models import ActivityRow

from .sentences import sentence_of

COLUMNS = ("sequence", "time", "kind", "actor_id", "actor", "subject_id", "subject", "reference", "sentence", "hash")


def as_csv(rows: Iterable[ActivityRow]) -> Iterator[str]:
    """The columns' names and a line a row."""
    yield spreadsheet_line(COLUMNS)
    for row in rows:
        yield spreadsheet_line(_record(row).values())


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
