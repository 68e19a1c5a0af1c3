"""The whole ledger, recomputed from its rows: what it says must follow from them and from nothing else.

Rows are streamed, so memory does not grow with the ledger, and nothing is locked: transfers written meanwhile are
verified too. A rewrite of everything, hashes included, is consistent in itself; it shows against a head that was
exported earlier and kept elsewhere.
"""

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.db import connection
from django.db.models import Count, Exists, OuterRef, Sum
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from .append_only import missing_triggers
from .chain import HASH_VERSION, canonical_bytes, transfer_hash
from .models import GENESIS_HASH, Account, AccountName, Kind, Transfer

ROWS_AT_A_TIME = 1000

LEGS: dict[str, frozenset[tuple[str, str]]] = {
    Kind.GRANT: frozenset({(AccountName.GRANTED, AccountName.WALLET)}),
    Kind.CHARGE: frozenset({(AccountName.WALLET, AccountName.SPENT)}),
    Kind.REFUND: frozenset({(AccountName.SPENT, AccountName.WALLET)}),
    Kind.ADJUSTMENT: frozenset({(AccountName.GRANTED, AccountName.WALLET), (AccountName.WALLET, AccountName.GRANTED)}),
}
"""Which debit and credit accounts a transfer of each kind moves between."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something in the ledger that must not be. `code` is for programs, `message` for people."""

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
    """Where one workspace's chain in one book ends, or ended when it was exported."""

    workspace_id: uuid.UUID
    book: str
    hash: str


def ledger_heads() -> Iterator[Head]:
    """The head of every chain, to be kept where whoever could rewrite the ledger cannot reach."""
    wallets = Account.objects.filter(name=AccountName.WALLET).order_by("workspace_id", "book")
    for wallet in wallets.iterator(chunk_size=ROWS_AT_A_TIME):
        yield Head(workspace_id=wallet.workspace_id, book=wallet.book, hash=wallet.last_hash)


def verify_ledger(*, expected_heads: Iterable[Head] = ()) -> Iterator[Finding]:
    """Everything that is wrong, as it is found; nothing at all if the ledger is sound.

    Each of `expected_heads` must still be a hash of its chain: its head then, or a row that others now follow.
    """
    for trigger in missing_triggers(connection):
        yield Finding(code="trigger", message=_("The trigger %(name)s is missing or was changed.") % {"name": trigger})
    yield from _verify_total()
    yield from _verify_references()
    yield from _find_orphans()
    wallets = Account.objects.filter(name=AccountName.WALLET).order_by("workspace_id", "book")
    for workspace_id, book in wallets.values_list("workspace_id", "book").iterator(chunk_size=ROWS_AT_A_TIME):
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
    """Everything that is wrong with one workspace's transfers and balances in one book."""
    # One statement, so the three balances and the head are of the same moment, whatever is written meanwhile.
    accounts = {account.name: account for account in Account.objects.filter(workspace=workspace_id, book=book)}
    head = accounts[AccountName.WALLET]
    recomputed: dict[str, int] = dict.fromkeys(AccountName.values, 0)
    sequence, last_hash, wallet_credits, head_seen = 0, GENESIS_HASH, 0, False

    def finding(code: str, message: str, at: int | None = None) -> Finding:
        return Finding(code=code, message=message, workspace_id=workspace_id, book=book, sequence=at)

    def balance_findings() -> Iterator[Finding]:
        for name in AccountName:
            stored = accounts[name].balance_credits if name in accounts else None
            if stored != recomputed[name]:
                yield finding(
                    "balance",
                    _("The account %(name)s says %(stored)s, its transfers make %(recomputed)s.")
                    % {
                        "name": name.value,
                        "stored": "–" if stored is None else number_format(stored),
                        "recomputed": number_format(recomputed[name]),
                    },
                )
        if head.last_hash != last_hash:
            yield finding("head", _("The wallet names another last hash than its last transfer has."), sequence or None)

    if head.last_sequence == 0:
        head_seen = True
        yield from balance_findings()
    rows = Transfer.objects.filter(workspace=workspace_id, book=book).order_by("sequence")
    rows = rows.select_related("debit_account", "credit_account")
    for row in rows.iterator(chunk_size=ROWS_AT_A_TIME):
        if row.sequence != sequence + 1:
            yield finding(
                "sequence",
                _("A transfer is missing: #%(after)s follows #%(before)s.")
                % {"after": row.sequence, "before": sequence},
                row.sequence,
            )
        if row.previous_hash != last_hash:
            yield finding("chain", _("It does not follow from the transfer before it."), row.sequence)
        if row.hash_version != HASH_VERSION or row.hash != recomputed_hash(row):
            yield finding("hash", _("It was changed: its hash is not the hash of what it says."), row.sequence)
        debit, credit = row.debit_account, row.credit_account
        if {(account.workspace_id, account.book) for account in (debit, credit)} != {(workspace_id, book)}:
            yield finding("accounts", _("It moves credits of another workspace or book."), row.sequence)
        if (debit.name, credit.name) not in LEGS.get(row.kind, frozenset()):
            yield finding("accounts", _("Its kind does not move credits between these accounts."), row.sequence)
        recomputed[debit.name] -= row.amount_credits
        recomputed[credit.name] += row.amount_credits
        if row.balance_after_credits != wallet_credits + row.change_credits:
            yield finding(
                "running-balance",
                _("It says the wallet then held %(stored)s, the transfers up to it make %(recomputed)s.")
                % {
                    "stored": number_format(row.balance_after_credits),
                    "recomputed": number_format(wallet_credits + row.change_credits),
                },
                row.sequence,
            )
        if recomputed[AccountName.WALLET] < 0:
            yield finding("below-zero", _("The wallet fell below 0."), row.sequence)
        # From what the row says, so that one wrong balance is one finding and not one for every row after it.
        sequence, last_hash, wallet_credits = row.sequence, row.hash, row.balance_after_credits
        if sequence == head.last_sequence:
            head_seen = True
            yield from balance_findings()
    if not head_seen:
        yield finding(
            "head",
            _("The wallet counts %(head)s transfers, the last one found is #%(last)s.")
            % {"head": head.last_sequence, "last": sequence},
        )
        yield from balance_findings()
    elif sequence > head.last_sequence:
        # Written since the accounts were read, or slipped in past the head?
        now = Account.objects.get(pk=head.pk)
        if now.last_sequence < sequence:
            yield finding("head", _("The wallet does not count this transfer."), sequence)


def recomputed_hash(transfer: Transfer) -> str:
    """The hash that a transfer must carry for what it says; reads its two accounts."""
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
            message=_("All balances together make %(total)s instead of 0.") % {"total": number_format(total)},
        )


def _verify_references() -> Iterator[Finding]:
    """At most one charge and one refund of each generation, the refund of the whole charge and in the same book."""
    repeated = (
        Transfer.objects.filter(kind__in=[Kind.CHARGE, Kind.REFUND])
        .values("reference", "kind")
        .annotate(count=Count("pk"))
        .filter(count__gt=1)
        .order_by()
    )
    for row in repeated.iterator(chunk_size=ROWS_AT_A_TIME):
        yield Finding(
            code="repeated",
            message=_("Clip %(reference)s has %(count)s transfers of the kind %(kind)s.")
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
    unfounded = Transfer.objects.filter(~Exists(charge), kind=Kind.REFUND)
    for refund in unfounded.iterator(chunk_size=ROWS_AT_A_TIME):
        yield Finding(
            code="refund",
            message=_("It gives back what was not charged for clip %(reference)s.") % {"reference": refund.reference},
            workspace_id=refund.workspace_id,
            book=refund.book,
            sequence=refund.sequence,
        )


def _find_orphans() -> Iterator[Finding]:
    wallet = Account.objects.filter(workspace=OuterRef("workspace"), book=OuterRef("book"), name=AccountName.WALLET)
    orphans = Transfer.objects.filter(~Exists(wallet)).values_list("workspace_id", "book").distinct().order_by()
    for workspace_id, book in orphans.iterator(chunk_size=ROWS_AT_A_TIME):
        yield Finding(
            code="wallet", message=_("There are transfers but no wallet."), workspace_id=workspace_id, book=book
        )
