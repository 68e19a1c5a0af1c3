"""The statement, and the months by member and model, as files: CSV for spreadsheets, JSON lines for programs."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, date
from typing import Any
from uuid import UUID

from django.db.models import Sum

from tchavi_studio.accounting.reasons import reason_label
from tchavi_studio.ledger.models import Account, Kind, StatementEntry
from tchavi_studio.ledger.statements import spending_for_viewer
from tchavi_studio.site.spreadsheets import spreadsheet_line
from tchavi_studio.workspaces.models import Membership, User, Workspace
from tchavi_studio.workspaces.time_zones import zone_at

from .filters import Filters
from .queries import all_rows
from .totals import next_month, people_named

Record = dict[str, Any]

STATEMENT_COLUMNS = (
    "row", "kind", "time_utc", "time", "time_zone", "change_credits", "balance_after_credits", "member_id", "member",
    "key_id", "key", "model", "clip_id", "reason",
)  # fmt: skip
MONTH_COLUMNS = ("month", "member_id", "member", "model", "charged_credits", "refunded_credits", "spent_credits")


def statement_records(membership: Membership, wallet: Account | None, filters: Filters) -> Iterator[Record]:
    """The rows that the viewer may see and the filters let through, newest first, in little memory.

    Times are in UTC, and in the workspace's time zone. There is nothing of clips but their ids.
    """
    workspace = membership.workspace
    key_names: dict[UUID, str] = dict(workspace.api_keys.values_list("pk", "name"))
    for entry in all_rows(membership, wallet, filters):
        yield _statement_record(entry, workspace, key_names)


def _statement_record(entry: StatementEntry, workspace: Workspace, key_names: Mapping[UUID, str]) -> Record:
    zone = zone_at(workspace, entry.created_at)
    values = (
        entry.row_number,
        entry.kind,
        entry.created_at.astimezone(UTC).isoformat(),
        entry.created_at.astimezone(zone).isoformat(),
        zone.key,
        entry.change_credits,
        entry.balance_after_credits,
        entry.member_id,
        _name(entry.member),
        str(entry.key_id or ""),
        key_names.get(entry.key_id, "") if entry.key_id else "",
        entry.model,
        str(entry.reference or ""),
        reason_label(entry.transfer.reason, is_refund=entry.kind == Kind.REFUND),
    )
    return dict(zip(STATEMENT_COLUMNS, values, strict=True))


def month_records(membership: Membership, wallet: Account | None, filters: Filters) -> Iterator[Record]:
    """What each member spent on each model in each month (UTC), oldest month first; one query and one month at a time.

    Of the filters, those of members and models apply.
    """
    sums = spending_for_viewer(membership, wallet, only_own=filters.only_own)
    if filters.member_id is not None:
        sums = sums.filter(member=filters.member_id)
    if filters.model:
        sums = sums.filter(model=filters.model)
    ends = [sums.order_by(order).values_list("day", flat=True).first() for order in ("day", "-day")]
    month: date | None = ends[0].replace(day=1) if ends[0] else None
    while month is not None and ends[1] is not None and month <= ends[1]:
        of_month = sums.filter(day__gte=month, day__lt=next_month(month)).order_by("member", "model")
        rows = list(
            of_month.values_list("member", "model").annotate(
                charged=Sum("charged_credits"), refunded=Sum("refunded_credits")
            )
        )
        people = people_named(member_id for member_id, *_rest in rows)
        for member_id, model, charged, refunded in rows:
            name = _name(people[member_id]) if member_id else ""
            values = (f"{month:%Y-%m}", member_id, name, model, charged, refunded, charged - refunded)
            yield dict(zip(MONTH_COLUMNS, values, strict=True))
        month = next_month(month)


def _name(person: User | None) -> str:
    return person.display_name if person else ""


def as_csv(columns: Iterable[str], records: Iterable[Record]) -> Iterator[str]:
    """The columns' names and a line a record."""
    yield spreadsheet_line(columns)
    for record in records:
        yield spreadsheet_line(record.values())


def as_json_lines(columns: Iterable[str], records: Iterable[Record]) -> Iterator[str]:
    """An object a line."""
    for record in records:
        yield json.dumps(record, ensure_ascii=False) + "\n"


FORMATS: dict[str, tuple[str, Callable[[Iterable[str], Iterable[Record]], Iterator[str]]]] = {
    "csv": ("text/csv; charset=utf-8", as_csv),
    "jsonl": ("application/jsonl; charset=utf-8", as_json_lines),
}
"""The content type and the writer of each format, by the file's extension."""

CONTENTS: dict[str, tuple[tuple[str, ...], Callable[[Membership, Account | None, Filters], Iterator[Record]]]] = {
    "statement": (STATEMENT_COLUMNS, statement_records),
    "months": (MONTH_COLUMNS, month_records),
}
"""The columns and the records of each file, by its name."""
