"""Recompute the whole ledger from its rows and compare.

Rows are streamed, so memory doesn't grow with the ledger, and nothing is locked: transfers written during the run are
verified too. A complete rewrite, hashes included, is consistent in itself; it only shows against a head that was
exported earlier and kept elsewhere.
"""

import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from django.db import connection
from django.db.models import Count, Exists, OuterRef, Sum
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from .append_only import missing_triggers
from .chain import HASH_VERSION, canonical_bytes, transfer_hash
from .models import GENESIS_HASH, Account, AccountName, Kind, Transfer

CHUNK_SIZE = 1000

ACCOUNTS_BY_KIND: dict[str, frozenset[tuple[str, str]]] = {
    Kind.GRANT: frozenset({(AccountName.GRANTED, AccountName.WALLET)}),
    Kind.CHARGE: frozenset({(AccountName.WALLET, AccountName.SPENT)}),
    Kind.REFUND: frozenset({(AccountName.SPENT, AccountName.WALLET)}),
    Kind.ADJUSTMENT: frozenset({(AccountName.GRANTED, AccountName.WALLET), (AccountName.WALLET, AccountName.GRANTED)}),
}
"""The (debit, credit) accounts that each kind of transfer may move credits between."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something wrong in the ledger. `code` is for programs, `message` for people."""

    code: str
    message: str
    workspace_id: uuid.UUID | None = None
    book: str = ""
    sequence: int | None = None

    def __str__(self) -> str:
        place = f"{self.workspace_id}:{self.book}" if self.workspace_id else _("whole ledger")
        row = f" #{self.sequence}" if self.sequence is not None else ""
        return f"{place}{row} {self.code}: {self.message}"


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
    for trigger in missing_triggers(connection):
        yield Finding(code="trigger", message=_("The trigger %(name)s is missing or was changed.") % {"name": trigger})
    yield from _verify_total()
    yield from _verify_references()
    yield from _find_orphans()
    wallets = Account.objects.filter(name=AccountName.WALLET).order_by("workspace_id", "book")
    for workspace_id, book in wallets.values_list("workspace_id", "book").iterator(chunk_size=CHUNK_SIZE):
        yield from verify_chain(workspace_id=workspace_id, book=book)
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
    chain = _Chain(workspace_id=workspace_id, book=book)
    head_seen = head.last_sequence == 0
    if head_seen:
        yield from chain.compare(accounts)
    rows = Transfer.objects.filter(workspace=workspace_id, book=book).order_by("sequence")
    for row in rows.select_related("debit_account", "credit_account").iterator(chunk_size=CHUNK_SIZE):
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


@dataclass(kw_only=True)
class _Chain:
    """One chain, recomputed from the rows added so far."""

    workspace_id: uuid.UUID
    book: str
    balances: dict[str, int] = field(default_factory=lambda: dict.fromkeys(AccountName.values, 0))
    sequence: int = 0
    last_hash: str = GENESIS_HASH
    wallet_credits: int = 0

    def finding(self, code: str, message: str, sequence: int | None = None) -> Finding:
        return Finding(code=code, message=message, workspace_id=self.workspace_id, book=self.book, sequence=sequence)

    def add(self, row: Transfer) -> Iterator[Finding]:
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
        if row.hash_version != HASH_VERSION or row.hash != recomputed_hash(row):
            yield self.finding("hash", _("It was changed: its hash doesn't match its contents."), row.sequence)
        debit, credit = row.debit_account, row.credit_account
        if {(account.workspace_id, account.book) for account in (debit, credit)} != {(self.workspace_id, self.book)}:
            yield self.finding("accounts", _("It moves credits of another workspace or book."), row.sequence)
        if (debit.name, credit.name) not in ACCOUNTS_BY_KIND.get(row.kind, frozenset()):
            yield self.finding(
                "accounts", _("A transfer of this kind can't move credits between these accounts."), row.sequence
            )
        self.balances[debit.name] -= row.amount_credits
        self.balances[credit.name] += row.amount_credits
        if row.balance_after_credits != self.wallet_credits + row.change_credits:
            yield self.finding(
                "running-balance",
                _("It gives the wallet's balance as %(stored)s, but the transfers so far add up to %(recomputed)s.")
                % {
                    "stored": number_format(row.balance_after_credits),
                    "recomputed": number_format(self.wallet_credits + row.change_credits),
                },
                row.sequence,
            )
        if self.balances[AccountName.WALLET] < 0:
            yield self.finding("below-zero", _("The wallet's balance fell below 0."), row.sequence)
        # Continue from what the row says, so that one wrong balance isn't reported for every later row too.
        self.sequence, self.last_hash, self.wallet_credits = row.sequence, row.hash, row.balance_after_credits

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


def recomputed_hash(transfer: Transfer) -> str:
    """The hash that a transfer's contents require; reads its two accounts."""
    return transfer_hash(
        canonical_bytes(
            workspace_id=transfer.workspace_id,
            book=transfer.book,
            sequence=transfer.sequence,
            kind=transfer.kind,
            debit=transfer.debit_account.name,
            credit=transfer.credit_account.name,
            amount_credits=transfer.amount_credits,
            balance_after_credits=transfer.balance_after_credits,
            reference=transfer.reference,
            reason=transfer.reason,
            actor_id=transfer.actor_id,
            created_at=transfer.created_at,
            previous_hash=transfer.previous_hash,
        )
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
    repeated = (
        Transfer.objects.filter(kind__in=[Kind.CHARGE, Kind.REFUND])
        .values("reference", "kind")
        .annotate(count=Count("pk"))
        .filter(count__gt=1)
        .order_by()
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
    unmatched = Transfer.objects.filter(~Exists(charge), kind=Kind.REFUND)
    for refund in unmatched.iterator(chunk_size=CHUNK_SIZE):
        yield Finding(
            code="refund",
            message=_("It refunds a charge that clip %(reference)s never had.") % {"reference": refund.reference},
            workspace_id=refund.workspace_id,
            book=refund.book,
            sequence=refund.sequence,
        )


def _find_orphans() -> Iterator[Finding]:
    wallet = Account.objects.filter(workspace=OuterRef("workspace"), book=OuterRef("book"), name=AccountName.WALLET)
    orphans = Transfer.objects.filter(~Exists(wallet)).values_list("workspace_id", "book").distinct().order_by()
    for workspace_id, book in orphans.iterator(chunk_size=CHUNK_SIZE):
        yield Finding(
            code="wallet", message=_("There are transfers but no wallet."), workspace_id=workspace_id, book=book
        )
