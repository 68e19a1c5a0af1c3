"""Recompute the whole ledger from its rows and compare.

Chains are read in ranges of their sequence, so memory doesn't grow with the ledger, and nothing is locked: transfers
written during the run are verified too. A complete rewrite, hashes included, is consistent in itself; it only shows
against a head that was exported earlier and kept elsewhere.
"""

import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from django.db import connection
from django.db.models import Count, Exists, OuterRef, Sum
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from tchavi_studio.records.chain import GENESIS_HASH, hash_of

from .append_only import ENTRIES, TRANSFERS
from .chain import HASH_VERSION, canonical_bytes
from .findings import Finding
from .models import Account, AccountName, Kind, SpendingLimit, Transfer
from .queries import counted_credits
from .statement_verification import verify_statement

__all__ = ["Finding", "Head", "ledger_heads", "verify_chain", "verify_ledger"]

CHUNK_SIZE = 2000

WALLET = AccountName.WALLET.value

ACCOUNTS_BY_KIND: dict[str, frozenset[tuple[str, str]]] = {
    Kind.GRANT: frozenset({(AccountName.GRANTED, AccountName.WALLET)}),
    Kind.CHARGE: frozenset({(AccountName.WALLET, AccountName.SPENT)}),
    Kind.REFUND: frozenset({(AccountName.SPENT, AccountName.WALLET)}),
    Kind.ADJUSTMENT: frozenset({(AccountName.GRANTED, AccountName.WALLET), (AccountName.WALLET, AccountName.GRANTED)}),
}
"""The (debit, credit) accounts that each kind of transfer may move credits between."""


@dataclass(frozen=True, kw_only=True)
class Head:
    """The last hash of one workspace's chain in one book, now or when it was exported."""

    workspace_id: uuid.UUID
    book: str
    hash: str


def ledger_heads() -> Iterator[Head]:
    """The head of every chain. Keep them out of reach of anybody who could rewrite the ledger."""
    wallets = Account.objects.filter(name=AccountName.WALLET).order_by("workspace_id", "book")
    for wallet in wallets.iterator(chunk_size=CHUNK_SIZE):
        yield Head(workspace_id=wallet.workspace_id, book=wallet.book, hash=wallet.last_hash)


def verify_ledger(*, expected_heads: Iterable[Head] = ()) -> Iterator[Finding]:
    """Yield every problem as it is found; nothing if the ledger is sound.

    Each of `expected_heads` must still be in its chain, as the head or an earlier row.
    """
    yield from _verify_triggers()
    yield from _verify_total()
    yield from _verify_references()
    yield from _find_orphans()
    yield from _verify_limits()
    wallets = Account.objects.filter(name=AccountName.WALLET).order_by("workspace_id", "book")
    for workspace_id, book in wallets.values_list("workspace_id", "book").iterator(chunk_size=CHUNK_SIZE):
        yield from verify_chain(workspace_id=workspace_id, book=book)
        yield from verify_statement(workspace_id=workspace_id, book=book)
    for head in expected_heads:
        known = Transfer.objects.filter(workspace=head.workspace_id, book=head.book, hash=head.hash)
        if head.hash != GENESIS_HASH and not known.exists():
            yield Finding(
                code="head",
                message=_("The chain no longer holds the exported head %(hash)s.") % {"hash": head.hash},
                workspace_id=head.workspace_id,
                book=head.book,
            )


def verify_chain(*, workspace_id: uuid.UUID, book: str) -> Iterator[Finding]:
    """Yield every problem with one workspace's transfers and balances in one book."""
    # One query, so that the balances and the head are of the same moment, whatever is being written.
    accounts = {account.name: account for account in Account.objects.filter(workspace=workspace_id, book=book)}
    head = accounts[AccountName.WALLET]
    names = {account.pk: account.name for account in accounts.values()}
    chain = _Chain(workspace_id=workspace_id, book=book, account_names=names)
    head_seen = head.last_sequence == 0
    if head_seen:
        yield from chain.compare(accounts)
    for row in _rows_in_order(workspace_id, book):
        yield from chain.add(row)
        if row.sequence == head.last_sequence:
            head_seen = True
            yield from chain.compare(accounts)
    if not head_seen:
        yield chain.finding(
            "head",
            _("The wallet counts %(head)s transfers, but the last one found is #%(last)s.")
            % {"head": head.last_sequence, "last": chain.sequence},
        )
        yield from chain.compare(accounts)
    elif chain.sequence > head.last_sequence:
        # Written since the accounts were read, or slipped in past the head?
        now = Account.objects.get(pk=head.pk)
        if now.last_sequence < chain.sequence:
            yield chain.finding("head", _("The wallet doesn't count this transfer."), chain.sequence)


class _Row(NamedTuple):
    """What verification reads of a transfer."""

    sequence: int
    kind: str
    debit_account_id: int
    credit_account_id: int
    amount_credits: int
    balance_after_credits: int
    reference: uuid.UUID | None
    reason: str
    actor_id: int | None
    created_at: datetime
    hash_version: int
    previous_hash: str
    hash: str


def _rows_in_order(workspace_id: uuid.UUID, book: str) -> Iterator[_Row]:
    chain = Transfer.objects.filter(workspace=workspace_id, book=book).order_by("sequence")
    rows, sequences = chain.values_list(*_Row._fields), chain.values_list("sequence", flat=True)
    start = sequences.first()
    while start is not None:
        end = start + CHUNK_SIZE
        # The range has no LIMIT, so that a sequence number that exists twice isn't passed over.
        yield from map(_Row._make, rows.filter(sequence__gte=start, sequence__lt=end))
        start = sequences.filter(sequence__gte=end).first()


@dataclass(kw_only=True)
class _Chain:
    """One chain, recomputed from the rows added so far."""

    workspace_id: uuid.UUID
    book: str
    account_names: Mapping[int, str]
    """The chain's own accounts, by id."""
    balances: Counter[str] = field(default_factory=Counter)
    sequence: int = 0
    last_hash: str = GENESIS_HASH
    wallet_credits: int = 0

    def finding(self, code: str, message: str, sequence: int | None = None) -> Finding:
        return Finding(code=code, message=message, workspace_id=self.workspace_id, book=self.book, sequence=sequence)

    def add(self, row: _Row) -> Iterator[Finding]:
        """Yield every problem with the next row, then take it into account."""
        if row.sequence != self.sequence + 1:
            yield self.finding(
                "sequence",
                _("A transfer is missing: #%(after)s follows #%(before)s.")
                % {"after": row.sequence, "before": self.sequence},
                row.sequence,
            )
        if row.previous_hash != self.last_hash:
            yield self.finding("chain", _("Its previous hash doesn't match the transfer before it."), row.sequence)
        debit, credit = self._name_of(row.debit_account_id), self._name_of(row.credit_account_id)
        if row.hash_version != HASH_VERSION or row.hash != self._hash_of(row, debit, credit):
            yield self.finding("hash", _("It was changed: its hash doesn't match its contents."), row.sequence)
        if row.debit_account_id not in self.account_names or row.credit_account_id not in self.account_names:
            yield self.finding("accounts", _("It moves credits of another workspace or book."), row.sequence)
        if (debit, credit) not in ACCOUNTS_BY_KIND.get(row.kind, frozenset()):
            yield self.finding(
                "accounts", _("A transfer of this kind can't move credits between these accounts."), row.sequence
            )
        wallet_credits = self.wallet_credits + (row.amount_credits if credit == WALLET else -row.amount_credits)
        self.balances[debit] -= row.amount_credits
        self.balances[credit] += row.amount_credits
        if row.balance_after_credits != wallet_credits:
            yield self.finding(
                "running-balance",
                _("It gives the wallet's balance as %(stored)s, but the transfers so far add up to %(recomputed)s.")
                % {
                    "stored": number_format(row.balance_after_credits),
                    "recomputed": number_format(wallet_credits),
                },
                row.sequence,
            )
        if self.balances[WALLET] < 0:
            yield self.finding("below-zero", _("The wallet's balance fell below 0."), row.sequence)
        # Continue from what the row says, so that one wrong balance isn't reported for every later row too.
        self.sequence, self.last_hash, self.wallet_credits = row.sequence, row.hash, row.balance_after_credits

    def _name_of(self, account_id: int) -> str:
        if (own := self.account_names.get(account_id)) is not None:
            return own
        return Account.objects.filter(pk=account_id).values_list("name", flat=True).first() or ""

    def _hash_of(self, row: _Row, debit: str, credit: str) -> str:
        """The hash that the row's contents require."""
        return hash_of(
            canonical_bytes(
                workspace_id=self.workspace_id,
                book=self.book,
                sequence=row.sequence,
                kind=row.kind,
                debit=debit,
                credit=credit,
                amount_credits=row.amount_credits,
                balance_after_credits=row.balance_after_credits,
                reference=row.reference,
                reason=row.reason,
                actor_id=row.actor_id,
                created_at=row.created_at,
                previous_hash=row.previous_hash,
            )
        )

    def compare(self, accounts: Mapping[str, Account]) -> Iterator[Finding]:
        """Yield every difference between the stored accounts and the rows so far."""
        for name in AccountName:
            stored = accounts[name].balance_credits if name in accounts else None
            if stored != self.balances[name]:
                yield self.finding(
                    "balance",
                    _("The balance of account %(name)s is %(stored)s, but its transfers add up to %(recomputed)s.")
                    % {
                        "name": name.value,
                        "stored": "–" if stored is None else number_format(stored),
                        "recomputed": number_format(self.balances[name]),
                    },
                )
        if accounts[AccountName.WALLET].last_hash != self.last_hash:
            yield self.finding(
                "head", _("The wallet's last hash doesn't match its last transfer."), self.sequence or None
            )


def _verify_triggers() -> Iterator[Finding]:
    for table in (TRANSFERS, ENTRIES):
        for trigger in table.missing_triggers(connection):
            yield Finding(
                code="trigger", message=_("The trigger %(name)s is missing or was changed.") % {"name": trigger}
            )
        for trigger in table.foreign_triggers(connection):
            yield Finding(
                code="trigger",
                message=_("%(name)s isn't a trigger or rule of ours, and may change what is written.")
                % {"name": trigger},
            )


def _verify_total() -> Iterator[Finding]:
    total = Account.objects.aggregate(total=Sum("balance_credits"))["total"] or 0
    if total:
        yield Finding(
            code="total",
            message=_("All balances add up to %(total)s instead of 0.") % {"total": number_format(total)},
        )


def _verify_references() -> Iterator[Finding]:
    """Each generation has at most one charge and one refund, and the refund matches its charge and book."""
    # In the order of the unique index, so that the database needs no room for sorting.
    repeated = (
        Transfer.objects.filter(reference__isnull=False)
        .values("reference", "kind")
        .annotate(count=Count("pk"))
        .filter(count__gt=1)
        .order_by("reference", "kind")
    )
    for row in repeated.iterator(chunk_size=CHUNK_SIZE):
        yield Finding(
            code="repeated",
            message=_("Clip %(reference)s has %(count)s transfers of kind %(kind)s.")
            % {"reference": row["reference"], "count": row["count"], "kind": row["kind"]},
        )
    charge = Transfer.objects.filter(
        kind=Kind.CHARGE,
        reference=OuterRef("reference"),
        workspace=OuterRef("workspace"),
        book=OuterRef("book"),
        amount_credits=OuterRef("amount_credits"),
        sequence__lt=OuterRef("sequence"),
    )
    unmatched = Transfer.objects.filter(~Exists(charge), kind=Kind.REFUND).order_by("pk")
    for refund in unmatched.iterator(chunk_size=CHUNK_SIZE):
        yield Finding(
            code="refund",
            message=_("It refunds a charge that clip %(reference)s never had.") % {"reference": refund.reference},
            workspace_id=refund.workspace_id,
            book=refund.book,
            sequence=refund.sequence,
        )


def _find_orphans() -> Iterator[Finding]:
    wallets = Account.objects.filter(name=AccountName.WALLET).values_list("workspace_id", "book")
    orphans = Transfer.objects.values_list("workspace_id", "book").difference(wallets)
    for workspace_id, book in orphans.iterator(chunk_size=CHUNK_SIZE):
        yield Finding(
            code="wallet", message=_("There are transfers but no wallet."), workspace_id=workspace_id, book=book
        )


def _verify_limits() -> Iterator[Finding]:
    """What each limit counts in its period is what the charges that count against it say."""
    limits = SpendingLimit.objects.exclude(period="").annotate(counted=counted_credits(OuterRef("period")))
    for limit in limits.order_by("pk").iterator(chunk_size=CHUNK_SIZE):
        if limit.spent_credits != limit.counted:
            yield Finding(
                code="limit",
                message=_("Limit %(limit)s counts %(stored)s in %(period)s; its charges add up to %(recomputed)s.")
                % {
                    "limit": limit.pk,
                    "stored": number_format(limit.spent_credits),
                    "period": limit.period,
                    "recomputed": number_format(limit.counted),
                },
                workspace_id=limit.workspace_id,
            )
