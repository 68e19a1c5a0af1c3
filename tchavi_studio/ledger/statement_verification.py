"""Compare the wallets' statements and daily sums with their transfers.

Like the chains, they are read in ranges, without a lock. What is written after the comparison of a wallet began is left
to the next one.
"""

import uuid
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from django.db.models import FilteredRelation, Q
from django.utils.translation import gettext_noop

from tchavi_studio.long_lists import rows_after
from tchavi_studio.records.verification import (
    FROM_THE_BEGINNING,
    Finding,
    Head,
    Mark,
    Scalar,
    Step,
    VerifiedHeads,
    findings_in,
)

from .models import Account, AccountName, DailySpending, Kind, StatementEntry, Transfer
from .posting import SPENDING, Cause, spending, utc_day
from .queries import wallets_in_order

CHUNK_SIZE = 2000

Sums = dict[tuple[date, Cause], tuple[int, int]]
"""Credits charged and refunded, by day and by what for."""


class _Entry(NamedTuple):
    """What a row of the statement says."""

    wallet_id: int
    row_number: int
    kind: str
    change_credits: int
    balance_after_credits: int
    member_id: int | None
    key_id: uuid.UUID | None
    model: str
    reference: uuid.UUID | None
    created_at: datetime


class _Moved(NamedTuple):
    """What verification reads of a transfer."""

    sequence: int
    kind: str
    credit_account_id: int
    amount_credits: int
    balance_after_credits: int
    reference: uuid.UUID | None
    actor_id: int | None
    created_at: datetime


def verify_statement(*, workspace_id: uuid.UUID, book: str) -> Iterator[Finding]:
    """Yield every row of one wallet's statement that its transfer contradicts, and every day's wrong sum."""
    return findings_in(_steps_along(_Statement(workspace_id=workspace_id, book=book)))


def statement_steps(position: Any = None, verified: VerifiedHeads = FROM_THE_BEGINNING) -> Iterator[Step]:
    """Compare all statements, each from its verified head or its beginning; go on from a mark's position if given.

    Of the day that a verified head is on, rows are compared, but the sums are left to a comparison of all days.
    """
    wallets = wallets_in_order()
    if position:
        statement = _Statement.at(position)
        if not statement.is_done:
            yield from _steps_along(statement)
        wallets = rows_after(wallets, statement.workspace_id, statement.book)
    while names := list(wallets.values_list("workspace_id", "book")[:CHUNK_SIZE]):
        for workspace_id, book in names:
            statement = _Statement(workspace_id=workspace_id, book=book)
            if start := verified.start_of(workspace_id, book):
                statement.start_from(start)
            yield from _steps_along(statement)
        wallets = rows_after(wallets_in_order(), *names[-1])


def _steps_along(statement: "_Statement") -> Iterator[Step]:
    wallet = Account.objects.get(workspace=statement.workspace_id, book=statement.book, name=AccountName.WALLET)
    statement.read_latest(wallet)
    for rows in _ranges(wallet, after=statement.sequence, until=statement.latest.sequence):
        causes = _causes_of_charges(rows)
        for moved, entry in rows:
            yield from statement.compare(moved, entry, causes)
            if entry is not None and moved.kind in SPENDING:
                yield from statement.count(moved, entry)
        yield Mark(position=statement.position, row_count=len(rows))
    yield from statement.compare_days(until=statement.latest.since)
    yield from statement.compare_latest_days()
    statement.is_done = True
    yield Mark(position=statement.position, row_count=0)


class _Latest(NamedTuple):
    """A wallet's last row and the sums of its latest days, all of one moment."""

    sequence: int
    at: datetime | None
    since: date
    """The first of the latest days. The sums of these may change any moment, those before don't."""
    sums: Sums


@dataclass(kw_only=True)
class _Statement:
    """One wallet's statement, recomputed from the transfers so far."""

    workspace_id: uuid.UUID
    book: str
    wallet_id: int = 0
    sequence: int = 0
    last_at: datetime | None = None
    compared_until: date = date.min
    sums: Sums = field(default_factory=lambda: defaultdict(lambda: (0, 0)))
    """Of the days since `compared_until`."""
    latest: _Latest = field(default_factory=lambda: _Latest(0, None, date.min, {}))
    is_done: bool = False

    def start_from(self, head: Head) -> None:
        """Take the rows up to a verified head as compared."""
        wallet = Account.objects.filter(workspace=self.workspace_id, book=self.book, name=AccountName.WALLET)
        row = StatementEntry.objects.filter(wallet__in=wallet, row_number=head.sequence or 0).first()
        if row is None:
            # Whatever happened to it, all rows are compared.
            return
        self.sequence, self.last_at = row.row_number, row.created_at
        self.compared_until = utc_day(row.created_at) + timedelta(days=1)

    @property
    def position(self) -> list[Any]:
        """What `at` makes the same statement of."""
        sums = [[day.isoformat(), *_as_json(cause), *both] for (day, cause), both in self.sums.items()]
        last_at = self.last_at.isoformat() if self.last_at else None
        place = [str(self.workspace_id), self.book, self.is_done]
        return [*place, self.sequence, last_at, self.compared_until.isoformat(), sums]

    @classmethod
    def at(cls, position: list[Any]) -> "_Statement":
        workspace_id, book, is_done, sequence, last_at, compared_until, sums = position
        statement = cls(
            workspace_id=uuid.UUID(workspace_id),
            book=book,
            is_done=is_done,
            sequence=sequence,
            last_at=datetime.fromisoformat(last_at) if last_at else None,
            compared_until=date.fromisoformat(compared_until),
        )
        for day, member_id, key_id, model, charged, refunded in sums:
            cause = Cause(member_id, uuid.UUID(key_id) if key_id else None, model)
            statement.sums[date.fromisoformat(day), cause] = (charged, refunded)
        return statement

    def read_latest(self, wallet: Account) -> None:
        """Find out how far to compare, and what the sums of the latest days should come to, in one statement."""
        since = utc_day(wallet.last_at) if wallet.last_at else date.min
        rows = list(
            Account.objects.filter(pk=wallet.pk)
            .annotate(latest=FilteredRelation("daily_spending", condition=Q(daily_spending__day__gte=since)))
            .values_list(
                "last_sequence",
                "last_at",
                "latest__day",
                "latest__member",
                "latest__key_id",
                "latest__model",
                "latest__charged_credits",
                "latest__refunded_credits",
            )
        )
        sums: Sums = {
            (day, Cause(*cause)): (charged, refunded)
            for _sequence, _at, day, *cause, charged, refunded in rows
            if day is not None
        }
        self.wallet_id = wallet.pk
        self.latest = _Latest(sequence=rows[0][0], at=rows[0][1], since=since, sums=sums)

    def finding(
        self,
        code: str,
        text: str,
        values: Mapping[str, Scalar],
        *,
        expected: object,
        found: object,
        sequence: int | None = None,
    ) -> Finding:
        return Finding(
            code=code,
            text=text,
            values=values | {"stored": _shown(found), "expected": _shown(expected)},  # type: ignore[operator]
            workspace_id=self.workspace_id,
            book=self.book,
            sequence=sequence,
            expected=_shown(expected),
            found=_shown(found),
        )

    def compare(
        self, moved: _Moved, entry: _Entry | None, causes: Mapping[uuid.UUID | None, Cause]
    ) -> Iterator[Finding]:
        """Yield what the row says otherwise than its transfer, and take it into account."""
        self.sequence = moved.sequence
        # Transfers of earlier versions may go back in time; statements never do.
        self.last_at = max(moved.created_at, self.last_at) if self.last_at else moved.created_at
        if entry is None:
            yield Finding(
                code="statement",
                text=gettext_noop("It is missing in the statement."),
                workspace_id=self.workspace_id,
                book=self.book,
                sequence=moved.sequence,
            )
        else:
            yield from self._differences_of_row(moved, entry, causes)
        if moved.sequence == self.latest.sequence and self.latest.at != self.last_at:
            text = gettext_noop("The wallet's last time is %(stored)s; expected %(expected)s.")
            yield self.finding("head", text, {}, expected=self.last_at, found=self.latest.at, sequence=moved.sequence)

    def _differences_of_row(
        self, moved: _Moved, entry: _Entry, causes: Mapping[uuid.UUID | None, Cause]
    ) -> Iterator[Finding]:
        is_income = moved.credit_account_id == self.wallet_id
        # Nothing but the statement tells a charge's key and model; the clips are compared with them.
        cause = Cause(moved.actor_id, entry.key_id, entry.model) if moved.kind == Kind.CHARGE else None
        cause = cause or (causes.get(moved.reference) if moved.kind == Kind.REFUND else Cause(moved.actor_id))
        assert self.last_at is not None
        expected = _Entry(
            wallet_id=self.wallet_id,
            row_number=moved.sequence,
            kind=moved.kind,
            change_credits=moved.amount_credits if is_income else -moved.amount_credits,
            balance_after_credits=moved.balance_after_credits,
            reference=moved.reference,
            created_at=self.last_at,
            **(cause or Cause())._asdict(),
        )
        for name, stored, wanted in zip(_Entry._fields, entry, expected, strict=True):
            if stored != wanted:
                text = gettext_noop("The statement gives %(field)s as %(stored)s; expected %(expected)s.")
                yield self.finding(
                    "statement", text, {"field": name}, expected=wanted, found=stored, sequence=moved.sequence
                )

    def count(self, moved: _Moved, entry: _Entry) -> Iterator[Finding]:
        """Add the transfer to its day's sums. Yield what is wrong with the days before, if they are over."""
        assert self.last_at is not None
        day, cause = utc_day(self.last_at), Cause(entry.member_id, entry.key_id, entry.model)
        if day < self.compared_until:
            return
        if self.sums and (day, cause) not in self.sums:
            yield from self.compare_days(until=min(day, self.latest.since))
        charged, refunded = self.sums[day, cause]
        more_charged, more_refunded = spending(moved.kind, moved.amount_credits)
        self.sums[day, cause] = (charged + more_charged, refunded + more_refunded)

    def compare_days(self, *, until: date) -> Iterator[Finding]:
        """Yield what is wrong with the days before `until` that weren't compared yet."""
        if until <= self.compared_until:
            return
        stored = DailySpending.objects.filter(wallet=self.wallet_id, day__gte=self.compared_until, day__lt=until)
        rows = stored.order_by("day").values_list(
            "day", "member", "key_id", "model", "charged_credits", "refunded_credits"
        )
        found: Sums = {
            (day, Cause(member_id, key_id, model)): (charged, refunded)
            for day, member_id, key_id, model, charged, refunded in rows
        }
        over: Sums = {key: self.sums.pop(key) for key in list(self.sums) if key[0] < until}
        self.compared_until = until
        yield from self._differences_of_days(over, found)

    def compare_latest_days(self) -> Iterator[Finding]:
        """Yield what is wrong with the days that aren't over, once all rows are counted."""
        stored = {(day, cause): both for (day, cause), both in self.latest.sums.items() if day >= self.compared_until}
        yield from self._differences_of_days(self.sums, stored)

    def _differences_of_days(self, expected: Sums, stored: Sums) -> Iterator[Finding]:
        """Yield every sum that differs."""
        for day, cause in sorted({*expected, *stored}, key=str):
            wanted, found = expected.get((day, cause), (0, 0)), stored.get((day, cause), (0, 0))
            if wanted != found:
                text = gettext_noop(
                    "%(day)s, member %(member)s, key %(key)s, model %(model)s: the sums are %(stored)s; expected "
                    "%(expected)s (charged, refunded)."
                )
                names = {"member": cause.member_id, "key": cause.key_id, "model": cause.model}
                values = {"day": day.isoformat(), **{name: str(value or "–") for name, value in names.items()}}
                yield self.finding("daily-spending", text, values, expected=wanted, found=found)


def _shown(value: object) -> Scalar:
    """A value as a finding keeps it."""
    return value if isinstance(value, int | str) else "–" if value is None else str(value)


def _as_json(cause: Cause) -> list[Any]:
    return [cause.member_id, str(cause.key_id) if cause.key_id else None, cause.model]


def _ranges(wallet: Account, *, after: int, until: int) -> Iterator[list[tuple[_Moved, _Entry | None]]]:
    """The wallet's transfers in order, each with its row of the statement, in ranges of their sequence."""
    rows_of_wallet = Transfer.objects.filter(workspace=wallet.workspace_id, book=wallet.book)
    chain = rows_of_wallet.filter(sequence__gt=after, sequence__lte=until).order_by("sequence")
    names = (*_Moved._fields, *(f"entry__{name}" for name in _Entry._fields))
    rows, sequences = chain.values_list(*names), chain.values_list("sequence", flat=True)
    start, width = sequences.first(), len(_Moved._fields)
    while start is not None:
        end = start + CHUNK_SIZE
        yield [
            (_Moved._make(row[:width]), _Entry._make(row[width:]) if row[width] is not None else None)
            for row in rows.filter(sequence__gte=start, sequence__lt=end)
        ]
        start = sequences.filter(sequence__gte=end).first()


def _causes_of_charges(rows: list[tuple[_Moved, _Entry | None]]) -> dict[uuid.UUID | None, Cause]:
    """Whom and what the charges were for that these rows refund, by generation."""
    refunded = [moved.reference for moved, _entry in rows if moved.kind == Kind.REFUND]
    if not refunded:
        return {}
    charges = StatementEntry.objects.filter(transfer__reference__in=refunded, transfer__kind=Kind.CHARGE)
    return {
        reference: Cause(member_id, key_id, model)
        for reference, member_id, key_id, model in charges.values_list(
            "transfer__reference", "member", "key_id", "model"
        )
    }
