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
from types import MappingProxyType
from typing import Any, NamedTuple

from django.db.models import Count, Exists, OuterRef, QuerySet, Sum
from django.utils.translation import gettext_noop

from tchavi_studio.long_lists import batches_of, ranges_of, rows_after
from tchavi_studio.records.chain import GENESIS_HASH, hash_of
from tchavi_studio.records.verification import (
    FROM_THE_BEGINNING,
    Finding,
    Head,
    Mark,
    Scalar,
    Step,
    VerifiedHeads,
    findings_in,
    missing_head,
    verify_triggers,
)

from .chain import HASH_VERSION, canonical_bytes
from .models import Account, AccountName, Kind, SpendingLimit, Transfer
from .queries import counted_credits, wallets_in_order
from .statement_verification import statement_steps

CHUNK_SIZE = 2000
HEADS_AT_ONCE = 500

WALLET = AccountName.WALLET.value

ACCOUNTS_BY_KIND: dict[str, frozenset[tuple[str, str]]] = {
    Kind.GRANT: frozenset({(AccountName.GRANTED, AccountName.WALLET)}),
    Kind.CHARGE: frozenset({(AccountName.WALLET, AccountName.SPENT)}),
    Kind.REFUND: frozenset({(AccountName.SPENT, AccountName.WALLET)}),
    Kind.ADJUSTMENT: frozenset({(AccountName.GRANTED, AccountName.WALLET), (AccountName.WALLET, AccountName.GRANTED)}),
}
"""The (debit, credit) accounts that each kind of transfer may move credits between."""


def ledger_heads() -> Iterator[Head]:
    """The head of every chain. Keep them out of reach of anybody who could rewrite the ledger."""
    for wallet in wallets_in_order().iterator(chunk_size=CHUNK_SIZE):
        yield Head(workspace_id=wallet.workspace_id, book=wallet.book, hash=wallet.last_hash)


def verify_ledger(*, expected_heads: Iterable[Head] = ()) -> Iterator[Finding]:
    """Yield every problem as it is found; nothing if the ledger is sound.

    Each of `expected_heads` must still be in its chain, as the head or an earlier row.
    """
    yield from verify_triggers()
    yield from verify_total()
    yield from findings_in(reference_steps())
    yield from find_orphans()
    yield from findings_in(limit_steps())
    yield from findings_in(statement_steps())
    yield from findings_in(chain_steps())
    yield from map(missing_head, missing_heads(expected_heads))


def missing_heads(heads: Iterable[Head]) -> Iterator[Head]:
    """Those of the heads that aren't in their chains any more."""
    for batch in batches_of(heads, length=HEADS_AT_ONCE):
        rows = Transfer.objects.filter(hash__in=[head.hash for head in batch])
        known = set(rows.values_list("workspace_id", "book", "hash"))
        for head in batch:
            if head.hash != GENESIS_HASH and (head.workspace_id, head.book, head.hash) not in known:
                yield head


def count_transfers() -> int:
    """How many transfers the wallets count."""
    return wallets_in_order().order_by().aggregate(count=Sum("last_sequence"))["count"] or 0


def verify_chain(*, workspace_id: uuid.UUID, book: str) -> Iterator[Finding]:
    """Yield every problem with one workspace's transfers and balances in one book."""
    return findings_in(_steps_along(_Chain(workspace_id=workspace_id, book=book)))


def chain_steps(position: Any = None, verified: VerifiedHeads = FROM_THE_BEGINNING) -> Iterator[Step]:
    """Verify all chains, each from its verified head or its beginning; go on from a mark's position if given."""
    wallets = wallets_in_order()
    if position:
        chain = _Chain.at(position)
        if not chain.is_done:
            yield from _steps_along(chain)
        wallets = rows_after(wallets, chain.workspace_id, chain.book)
    while names := list(wallets.values_list("workspace_id", "book")[:CHUNK_SIZE]):
        for workspace_id, book in names:
            chain = _Chain(workspace_id=workspace_id, book=book)
            if start := verified.start_of(workspace_id, book):
                chain.start_from(start)
            yield from _steps_along(chain)
        wallets = rows_after(wallets_in_order(), *names[-1])


def _steps_along(chain: "_Chain") -> Iterator[Step]:
    # One query, so that the balances and the head are of the same moment, whatever is being written.
    found = Account.objects.filter(workspace=chain.workspace_id, book=chain.book)
    accounts = {account.name: account for account in found}
    head = accounts.get(AccountName.WALLET)
    if head is None:
        yield _no_wallet(chain.workspace_id, chain.book)
        return
    chain.account_names = {account.pk: account.name for account in accounts.values()}
    head_seen = head.last_sequence == chain.sequence
    if head_seen:
        yield from chain.compare(accounts)
    for rows in _ranges_of(chain.workspace_id, chain.book, after=chain.sequence):
        row_count = 0
        for row in map(_Row._make, rows.values_list(*_Row._fields)):
            yield from chain.add(row)
            row_count += 1
            if row.sequence == head.last_sequence:
                head_seen = True
                yield from chain.compare(accounts)
        yield Mark(position=chain.position, row_count=row_count)
    if not head_seen:
        yield chain.finding(
            "head",
            gettext_noop("The wallet counts %(head)s transfers, but the last one found is #%(last)s."),
            {"head": head.last_sequence, "last": str(chain.sequence)},
            expected=head.last_sequence,
            found=chain.sequence,
        )
        yield from chain.compare(accounts)
    elif chain.sequence > head.last_sequence:
        # Written since the accounts were read, or slipped in past the head?
        now = Account.objects.get(pk=head.pk)
        if now.last_sequence < chain.sequence:
            yield chain.finding(
                "head",
                gettext_noop("The wallet doesn't count this transfer."),
                sequence=chain.sequence,
                expected=now.last_sequence,
                found=chain.sequence,
            )
    chain.is_done = True
    yield Mark(position=chain.position, row_count=0, head=chain.head)


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


def _ranges_of(workspace_id: uuid.UUID, book: str, *, after: int) -> Iterator[QuerySet[Transfer]]:
    chain = Transfer.objects.filter(workspace=workspace_id, book=book).order_by("sequence")
    sequences = chain.values_list("sequence", flat=True)
    # A row numbered 0 or less, which no constraint of ours allows, is read too.
    start = (sequences.filter(sequence__gt=after) if after else sequences).first()
    while start is not None:
        end = start + CHUNK_SIZE
        # The range has no LIMIT, so that a sequence number that exists twice isn't passed over.
        yield chain.filter(sequence__gte=start, sequence__lt=end)
        start = sequences.filter(sequence__gte=end).first()


@dataclass(kw_only=True)
class _Chain:
    """One chain, recomputed from the rows added so far."""

    workspace_id: uuid.UUID
    book: str
    account_names: Mapping[int, str] = field(default_factory=dict)
    """The chain's own accounts, by id."""
    balances: Counter[str] = field(default_factory=Counter)
    sequence: int = 0
    last_hash: str = GENESIS_HASH
    wallet_credits: int = 0
    is_done: bool = False

    def start_from(self, head: Head) -> None:
        """Take the rows up to a verified head as added."""
        assert head.sequence is not None
        self.sequence, self.last_hash = head.sequence, head.hash
        self.balances = Counter(head.balances)
        self.wallet_credits = self.balances[WALLET]

    @property
    def head(self) -> Head:
        return Head(
            workspace_id=self.workspace_id,
            book=self.book,
            hash=self.last_hash,
            sequence=self.sequence,
            balances=dict(self.balances),
        )

    @property
    def position(self) -> list[Any]:
        """What `at` makes the same chain of."""
        place = [str(self.workspace_id), self.book, self.is_done]
        return [*place, self.sequence, self.last_hash, self.wallet_credits, dict(self.balances)]

    @classmethod
    def at(cls, position: list[Any]) -> "_Chain":
        workspace_id, book, is_done, sequence, last_hash, wallet_credits, balances = position
        return cls(
            workspace_id=uuid.UUID(workspace_id),
            book=book,
            is_done=is_done,
            sequence=sequence,
            last_hash=last_hash,
            wallet_credits=wallet_credits,
            balances=Counter(balances),
        )

    def finding(
        self,
        code: str,
        text: str,
        values: Mapping[str, Scalar] = MappingProxyType({}),
        *,
        sequence: int | None = None,
        expected: Scalar = None,
        found: Scalar = None,
    ) -> Finding:
        return Finding(
            code=code,
            text=text,
            values=values,
            workspace_id=self.workspace_id,
            book=self.book,
            sequence=sequence,
            expected=expected,
            found=found,
        )

    def add(self, row: _Row) -> Iterator[Finding]:
        """Yield every problem with the next row, then take it into account."""
        if row.sequence != self.sequence + 1:
            yield self.finding(
                "sequence",
                gettext_noop("A transfer is missing: #%(after)s follows #%(before)s."),
                {"after": str(row.sequence), "before": str(self.sequence)},
                sequence=row.sequence,
                expected=self.sequence + 1,
                found=row.sequence,
            )
        if row.previous_hash != self.last_hash:
            yield self.finding(
                "chain",
                gettext_noop("Its previous hash doesn't match the transfer before it."),
                sequence=row.sequence,
                expected=self.last_hash,
                found=row.previous_hash,
            )
        debit, credit = self._name_of(row.debit_account_id), self._name_of(row.credit_account_id)
        recomputed_hash = self._hash_of(row, debit, credit)
        if row.hash_version != HASH_VERSION or row.hash != recomputed_hash:
            yield self.finding(
                "hash",
                gettext_noop("It was changed: its hash doesn't match its contents."),
                sequence=row.sequence,
                expected=recomputed_hash,
                found=row.hash,
            )
        if row.debit_account_id not in self.account_names or row.credit_account_id not in self.account_names:
            yield self.finding(
                "accounts", gettext_noop("It moves credits of another workspace or book."), sequence=row.sequence
            )
        if (debit, credit) not in ACCOUNTS_BY_KIND.get(row.kind, frozenset()):
            yield self.finding(
                "accounts",
                gettext_noop("A transfer of this kind can't move credits between these accounts."),
                sequence=row.sequence,
                expected=row.kind,
                found=f"{debit} → {credit}",
            )
        wallet_credits = self.wallet_credits + (row.amount_credits if credit == WALLET else -row.amount_credits)
        self.balances[debit] -= row.amount_credits
        self.balances[credit] += row.amount_credits
        if row.balance_after_credits != wallet_credits:
            yield self.finding(
                "running-balance",
                gettext_noop(
                    "It gives the wallet's balance as %(stored)s, but the transfers so far add up to %(recomputed)s."
                ),
                {"stored": row.balance_after_credits, "recomputed": wallet_credits},
                sequence=row.sequence,
                expected=wallet_credits,
                found=row.balance_after_credits,
            )
        if self.balances[WALLET] < 0:
            yield self.finding(
                "below-zero",
                gettext_noop("The wallet's balance fell below 0."),
                sequence=row.sequence,
                found=self.balances[WALLET],
            )
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
                    gettext_noop(
                        "The balance of account %(name)s is %(stored)s, but its transfers add up to %(recomputed)s."
                    ),
                    {
                        "name": name.value,
                        "stored": "–" if stored is None else stored,
                        "recomputed": self.balances[name],
                    },
                    expected=self.balances[name],
                    found=stored,
                )
        wallet = accounts[AccountName.WALLET]
        if wallet.last_hash != self.last_hash:
            yield self.finding(
                "head",
                gettext_noop("The wallet's last hash doesn't match its last transfer."),
                sequence=self.sequence or None,
                expected=self.last_hash,
                found=wallet.last_hash,
            )


def verify_total() -> Iterator[Finding]:
    """All balances add up to 0."""
    total = Account.objects.aggregate(total=Sum("balance_credits"))["total"] or 0
    if total:
        yield Finding(
            code="total",
            text=gettext_noop("All balances add up to %(total)s instead of 0."),
            values={"total": total},
            expected=0,
            found=total,
        )


def reference_steps(position: Any = None) -> Iterator[Step]:
    """Each generation has at most one charge and one refund, and the refund matches its charge and book."""
    if position is None:
        yield from _find_repeated()
    charge = Transfer.objects.filter(
        kind=Kind.CHARGE,
        reference=OuterRef("reference"),
        workspace=OuterRef("workspace"),
        book=OuterRef("book"),
        amount_credits=OuterRef("amount_credits"),
        sequence__lt=OuterRef("sequence"),
    )
    unmatched = Transfer.objects.filter(~Exists(charge), kind=Kind.REFUND)
    for part in ranges_of(unmatched, length=CHUNK_SIZE, after=position):
        for refund in part.rows:
            yield Finding(
                code="refund",
                text=gettext_noop("It refunds a charge that clip %(reference)s never had."),
                values={"reference": str(refund.reference)},
                workspace_id=refund.workspace_id,
                book=refund.book,
                sequence=refund.sequence,
                found=refund.amount_credits,
            )
        yield Mark(position=part.last, row_count=0)


def _find_repeated() -> Iterator[Finding]:
    # In the order of the unique index, so that the database needs no room for sorting.
    repeated = (
        Transfer.objects.filter(reference__isnull=False)
        .values("reference", "kind")
        .annotate(count=Count("pk"))
        .filter(count__gt=1)
        .order_by("reference", "kind")
    )
    for group in repeated.iterator(chunk_size=CHUNK_SIZE):
        for transfer in Transfer.objects.filter(reference=group["reference"], kind=group["kind"]).order_by("pk"):
            yield Finding(
                code="repeated",
                text=gettext_noop("Clip %(reference)s has %(count)s transfers of kind %(kind)s."),
                values={"reference": str(transfer.reference), "count": group["count"], "kind": transfer.kind},
                workspace_id=transfer.workspace_id,
                book=transfer.book,
                sequence=transfer.sequence,
                expected=1,
                found=group["count"],
            )


def find_orphans() -> Iterator[Finding]:
    """Every transfer belongs to a wallet."""
    wallets = Account.objects.filter(name=AccountName.WALLET).values_list("workspace_id", "book")
    orphans = Transfer.objects.values_list("workspace_id", "book").difference(wallets)
    for workspace_id, book in orphans.iterator(chunk_size=CHUNK_SIZE):
        yield _no_wallet(workspace_id, book)


def _no_wallet(workspace_id: uuid.UUID, book: str) -> Finding:
    text = gettext_noop("There are transfers but no wallet.")
    return Finding(code="wallet", text=text, workspace_id=workspace_id, book=book)


def limit_steps(position: Any = None) -> Iterator[Step]:
    """What each limit counts in its period is what the charges that count against it say."""
    limits = SpendingLimit.objects.exclude(period="").annotate(counted=counted_credits(OuterRef("period")))
    for part in ranges_of(limits, length=CHUNK_SIZE, after=position):
        for limit in part.rows:
            if limit.spent_credits != limit.counted:
                yield Finding(
                    code="limit",
                    text=gettext_noop(
                        "Limit %(limit)s counts %(stored)s in %(period)s; its charges add up to %(recomputed)s."
                    ),
                    values={
                        "limit": str(limit.pk),
                        "stored": limit.spent_credits,
                        "period": limit.period,
                        "recomputed": limit.counted,
                    },
                    workspace_id=limit.workspace_id,
                    expected=limit.counted,
                    found=limit.spent_credits,
                )
        yield Mark(position=str(part.last), row_count=0)
