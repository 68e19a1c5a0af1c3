"""Compare a wallet's statement and its daily sums with its transfers.

Like the chain, both are read in ranges, without a lock: what is written during the run is compared too, or not at all.
"""

import uuid
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple

from django.db.models import FilteredRelation, Q
from django.utils.translation import gettext as _

from .findings import Finding
from .models import Account, AccountName, DailySpending, Kind, StatementEntry, Transfer
from .posting import SPENDING, Cause, spending, utc_day

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
    wallet = Account.objects.get(workspace=workspace_id, book=book, name=AccountName.WALLET)
    statement = _Statement(wallet)
    last_sequence, latest = statement.read_latest()
    for rows in _ranges(wallet):
        causes = _causes_of_charges(rows)
        for moved, entry in rows:
            yield from statement.compare(moved, entry, causes)
            if entry is not None and moved.sequence <= last_sequence and moved.kind in SPENDING:
                yield from statement.count(moved, entry)
    yield from statement.compare_days(until=statement.since)
    yield from statement.differences(statement.sums, latest)


@dataclass
class _Statement:
    """One wallet's statement, recomputed from the transfers so far."""

    wallet: Account
    last_at: datetime | None = None
    compared_until: date = date.min
    sums: Sums = field(default_factory=lambda: defaultdict(lambda: (0, 0)))
    """Of the days since `compared_until`."""

    @property
    def since(self) -> date:
        """The latest day, whose sums may change any moment."""
        return utc_day(self.wallet.last_at) if self.wallet.last_at else date.min

    def read_latest(self) -> tuple[int, Sums]:
        """The wallet's last sequence and the sums of its latest days, of one moment: in one statement."""
        rows = list(
            Account.objects.filter(pk=self.wallet.pk)
            .annotate(
                latest=FilteredRelation("daily_spending", condition=Q(daily_spending__day__gte=self.since)),
            )
            .values_list(
                "last_sequence",
                "latest__day",
                "latest__member",
                "latest__key_id",
                "latest__model",
                "latest__charged_credits",
                "latest__refunded_credits",
            )
        )
        return rows[0][0], {
            (day, Cause(*cause)): (charged, refunded)
            for _last, day, *cause, charged, refunded in rows
            if day is not None
        }

    def finding(self, code: str, message: str, sequence: int | None = None) -> Finding:
        return Finding(
            code=code, message=message, workspace_id=self.wallet.workspace_id, book=self.wallet.book, sequence=sequence
        )

    def compare(
        self, moved: _Moved, entry: _Entry | None, causes: Mapping[uuid.UUID | None, Cause]
    ) -> Iterator[Finding]:
        """Yield what the row says otherwise than its transfer."""
        # Transfers of earlier versions may go back in time; statements never do.
        self.last_at = max(moved.created_at, self.last_at) if self.last_at else moved.created_at
        if entry is None:
            yield self.finding("statement", _("It is missing in the statement."), moved.sequence)
        else:
            is_income = moved.credit_account_id == self.wallet.pk
            # Nothing but the statement tells a charge's key and model; the clips are compared with them.
            cause = Cause(moved.actor_id, entry.key_id, entry.model) if moved.kind == Kind.CHARGE else None
            cause = cause or (causes.get(moved.reference) if moved.kind == Kind.REFUND else Cause(moved.actor_id))
            expected = _Entry(
                wallet_id=self.wallet.pk,
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
                    yield self.finding(
                        "statement",
                        _("The statement gives %(field)s as %(stored)s; expected %(expected)s.")
                        % {"field": name, "stored": stored, "expected": wanted},
                        moved.sequence,
                    )
        if moved.sequence == self.wallet.last_sequence and self.wallet.last_at != self.last_at:
            yield self.finding(
                "head",
                _("The wallet's last time is %(stored)s; expected %(expected)s.")
                % {"stored": self.wallet.last_at, "expected": self.last_at},
                moved.sequence,
            )

    def count(self, moved: _Moved, entry: _Entry) -> Iterator[Finding]:
        """Add the transfer to its day's sums. Yield what is wrong with the days before, if they are over."""
        assert self.last_at is not None
        day, cause = utc_day(self.last_at), Cause(entry.member_id, entry.key_id, entry.model)
        if self.sums and (day, cause) not in self.sums:
            yield from self.compare_days(until=min(day, self.since))
        charged, refunded = self.sums[day, cause]
        more_charged, more_refunded = spending(moved.kind, moved.amount_credits)
        self.sums[day, cause] = (charged + more_charged, refunded + more_refunded)

    def compare_days(self, *, until: date) -> Iterator[Finding]:
        """Yield what is wrong with the days before `until` that weren't compared yet."""
        if until <= self.compared_until:
            return
        stored = DailySpending.objects.filter(wallet=self.wallet, day__gte=self.compared_until, day__lt=until)
        rows = stored.order_by("day").values_list(
            "day", "member", "key_id", "model", "charged_credits", "refunded_credits"
        )
        found: Sums = {
            (day, Cause(member_id, key_id, model)): (charged, refunded)
            for day, member_id, key_id, model, charged, refunded in rows
        }
        over: Sums = {key: self.sums.pop(key) for key in list(self.sums) if key[0] < until}
        self.compared_until = until
        yield from self.differences(over, found)

    def differences(self, expected: Sums, stored: Sums) -> Iterator[Finding]:
        """Yield every sum that differs."""
        for day, cause in sorted({*expected, *stored}, key=str):
            wanted, found = expected.get((day, cause), (0, 0)), stored.get((day, cause), (0, 0))
            if wanted != found:
                yield self.finding(
                    "daily-spending",
                    _(
                        "%(day)s, member %(member)s, key %(key)s, model %(model)s: the sums are %(stored)s; expected "
                        "%(expected)s (charged, refunded)."
                    )
                    % {
                        "day": day,
                        "member": cause.member_id or "–",
                        "key": cause.key_id or "–",
                        "model": cause.model or "–",
                        "stored": found,
                        "expected": wanted,
                    },
                )


def _ranges(wallet: Account) -> Iterator[list[tuple[_Moved, _Entry | None]]]:
    """The wallet's transfers in order, each with its row of the statement, in ranges of their sequence."""
    chain = Transfer.objects.filter(workspace=wallet.workspace_id, book=wallet.book).order_by("sequence")
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
