"""A wallet's transfers in bulk, chained and balanced exactly as the ledger's own services write them one by one.

They are dated like their clips if the wallet is empty, as it is with STUDIO_SIGNUP_CREDITS=0; else all of them like the
wallet's last row, because statements never go back in time.
"""

import heapq
from datetime import date, datetime
from uuid import UUID

from django.db import connection
from django.db.models import F

from tchavi_studio.ledger.chain import HASH_VERSION, canonical_bytes
from tchavi_studio.ledger.models import Account, AccountName, Book, Kind, StatementEntry, Transfer
from tchavi_studio.ledger.posting import SPENDING, Cause, count_days, spending, utc_day
from tchavi_studio.ledger.services import lock_wallet
from tchavi_studio.records.chain import hash_of
from tchavi_studio.workspaces.models import User, Workspace

from .rows import Row, insert_rows

GRANT_CREDITS = 500_000
GRANT_REASON = "demo"

COLUMNS = (
    "workspace_id", "book", "sequence", "kind", "debit_account_id", "credit_account_id", "amount_credits",
    "balance_after_credits", "reference", "reason", "actor_id", "created_at", "hash_version", "previous_hash", "hash",
)  # fmt: skip

ENTRY_COLUMNS = (
    "row_number", "kind", "change_credits", "balance_after_credits", "member_id", "key_id", "model", "reference",
    "created_at", "wallet_id", "transfer_id",
)  # fmt: skip

ACCOUNTS = {
    Kind.GRANT: (AccountName.GRANTED, AccountName.WALLET),
    Kind.CHARGE: (AccountName.WALLET, AccountName.SPENT),
    Kind.REFUND: (AccountName.SPENT, AccountName.WALLET),
}
"""Debit and credit of each kind of transfer."""


class Statement:
    """Transfers to add to a workspace's sandbox wallet. Whenever it can't pay, it is granted more play credits."""

    def __init__(self, workspace: Workspace, actor: User) -> None:
        wallet = lock_wallet(workspace=workspace, book=Book.SANDBOX)
        self._workspace, self._actor = workspace, actor
        accounts = Account.objects.filter(workspace=workspace, book=Book.SANDBOX)
        self._account_ids = dict(accounts.values_list("name", "pk"))
        self._changes = dict.fromkeys(AccountName, 0)
        self._balance, self._sequence, self._hash = wallet.balance_credits, wallet.last_sequence, wallet.last_hash
        self._first_sequence, self._last_at = wallet.last_sequence + 1, wallet.last_at
        self._due_refunds: list[tuple[datetime, UUID, int, str, Cause]] = []
        self._rows: list[Row] = []
        self._entries: list[Row] = []
        self._sums: dict[tuple[date, Cause], tuple[int, int]] = {}

    def charge(self, *, at: datetime, reference: UUID, amount_credits: int, cause: Cause) -> None:
        """Charge a clip. Clips must come in the order of their times."""
        while self._due_refunds and self._due_refunds[0][0] <= at:
            self._refund_next()
        if self._balance < amount_credits:
            self._add(Kind.GRANT, at, GRANT_CREDITS, None, GRANT_REASON, Cause(self._actor.pk))
        self._add(Kind.CHARGE, at, amount_credits, reference, "", cause)

    def refund(self, *, at: datetime, reference: UUID, amount_credits: int, reason: str, cause: Cause) -> None:
        """Refund a clip, in its turn among later clips' charges."""
        heapq.heappush(self._due_refunds, (at, reference, amount_credits, reason, cause))

    def write(self) -> None:
        """Write the transfers and bring the accounts up to date. Call it in the transaction that the clips are in."""
        while self._due_refunds:
            self._refund_next()
        insert_rows(Transfer, COLUMNS, self._rows)
        written = Transfer.objects.filter(
            workspace=self._workspace, book=Book.SANDBOX, sequence__gte=self._first_sequence
        )
        ids = written.order_by("sequence").values_list("pk", flat=True).iterator()
        wallet_id = self._account_ids[AccountName.WALLET]
        entries = ((*entry, wallet_id, pk) for entry, pk in zip(self._entries, ids, strict=True))
        insert_rows(StatementEntry, ENTRY_COLUMNS, list(entries))
        with connection.cursor() as cursor:
            count_days(cursor, wallet_id, [(day, cause, *sums) for (day, cause), sums in self._sums.items()])
        for name, change_credits in self._changes.items():
            head = {"last_sequence": self._sequence, "last_hash": self._hash, "last_at": self._last_at}
            if name != AccountName.WALLET:
                head = {}
            Account.objects.filter(pk=self._account_ids[name]).update(
                balance_credits=F("balance_credits") + change_credits, **head
            )

    def _refund_next(self) -> None:
        at, reference, amount_credits, reason, cause = heapq.heappop(self._due_refunds)
        self._add(Kind.REFUND, at, amount_credits, reference, reason, cause)

    def _add(
        self, kind: Kind, at: datetime, amount_credits: int, reference: UUID | None, reason: str, cause: Cause
    ) -> None:
        debit, credit = ACCOUNTS[kind]
        # A batch ends with refunds that come after the next one's first clips.
        at = self._last_at = max(at, self._last_at) if self._last_at else at
        change_credits = amount_credits if credit == AccountName.WALLET else -amount_credits
        self._changes[debit] -= amount_credits
        self._changes[credit] += amount_credits
        self._balance += change_credits
        self._sequence += 1
        previous_hash = self._hash
        self._hash = hash_of(
            canonical_bytes(
                workspace_id=self._workspace.pk,
                book=Book.SANDBOX.value,
                sequence=self._sequence,
                kind=kind.value,
                debit=debit.value,
                credit=credit.value,
                amount_credits=amount_credits,
                balance_after_credits=self._balance,
                reference=reference,
                reason=reason,
                actor_id=self._actor.pk,
                created_at=at,
                previous_hash=previous_hash,
            )
        )
        self._rows.append(
            (
                self._workspace.pk, Book.SANDBOX.value, self._sequence, kind.value, self._account_ids[debit],
                self._account_ids[credit], amount_credits, self._balance, reference, reason, self._actor.pk, at,
                HASH_VERSION, previous_hash, self._hash,
            )
        )  # fmt: skip
        self._entries.append((self._sequence, kind.value, change_credits, self._balance, *cause, reference, at))
        if kind.value in SPENDING:
            charged, refunded = self._sums.get((utc_day(at), cause), (0, 0))
            more_charged, more_refunded = spending(kind.value, amount_credits)
            self._sums[utc_day(at), cause] = (charged + more_charged, refunded + more_refunded)
