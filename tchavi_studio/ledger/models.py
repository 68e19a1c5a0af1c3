"""The ledger's tables: accounts, the transfers between them, statements of the wallets, and spending limits.

Each row is one transfer: an amount leaves the debit account and reaches the credit account. So unbalanced entries are
impossible, and the balances of all accounts always add up to 0.

| kind       | debit             | credit            | `reference`     |
|------------|-------------------|-------------------|-----------------|
| grant      | granted           | wallet            | –               |
| charge     | wallet            | spent             | the generation  |
| refund     | spent             | wallet            | the generation  |
| adjustment | granted or wallet | wallet or granted | –               |
"""

import datetime
import uuid
from typing import ClassVar
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Abs, Coalesce
from django.utils.translation import gettext_lazy as _

from tchavi_studio.records.chain import GENESIS_HASH
from tchavi_studio.workspaces.models import Workspace

MAX_AMOUNT_CREDITS = 10**12
"""The largest single transfer; keeps balances far below the limit of a 64-bit integer."""


class Book(models.TextChoices):
    """Sandbox and live credits are kept apart: play credits can never buy a real clip."""

    SANDBOX = "sandbox", _("Sandbox")
    LIVE = "live", _("Live")


class AccountName(models.TextChoices):
    """A workspace's accounts in each book. Credits come from `granted` and go to `spent`."""

    WALLET = "wallet", _("Wallet")
    GRANTED = "granted", _("Granted")
    SPENT = "spent", _("Spent")


class Account(models.Model):
    """One account. Its balance, credits minus debits, is updated in each transfer's transaction.

    The wallet's row also holds the head of its book's chain of transfers (`last_sequence`, `last_hash`, `last_at`), and
    writing a transfer requires this row's lock. The other two accounts leave these fields at their defaults.
    """

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="accounts")
    book = models.CharField(max_length=10, choices=Book)
    name = models.CharField(max_length=10, choices=AccountName)
    balance_credits = models.BigIntegerField(default=0)
    last_sequence = models.PositiveBigIntegerField(default=0)
    last_hash = models.CharField(max_length=64, default=GENESIS_HASH)
    last_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace", "book", "name"], name="one_account_per_name"),
            models.CheckConstraint(condition=Q(book__in=Book.values), name="account_book_known"),
            models.CheckConstraint(condition=Q(name__in=AccountName.values), name="account_name_known"),
            models.CheckConstraint(
                condition=~Q(name=AccountName.WALLET) | Q(balance_credits__gte=0), name="wallet_not_below_zero"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.workspace_id} {self.book} {self.name}"


class Kind(models.TextChoices):
    """Why credits moved."""

    GRANT = "grant", _("Grant")
    CHARGE = "charge", _("Charge")
    REFUND = "refund", _("Refund")
    ADJUSTMENT = "adjustment", _("Adjustment")


HAS_NO_REFERENCE = Q(reference__isnull=True)
"""Grants and adjustments, in the words of partial indexes: SQLite can't look up a list of kinds in one."""


class Transfer(models.Model):
    """One movement of credits. Rows are only ever added: triggers refuse every change (`append_only.py`).

    `sequence` counts from 1 within a workspace and book; `created_at` is never before that of the row before it. `hash`
    covers the row and the hash before it (`chain.py`).
    `reference` is a generation's id, not a foreign key: the ledger doesn't know the apps above it.
    """

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="transfers")
    book = models.CharField(max_length=10, choices=Book)
    sequence = models.PositiveBigIntegerField()
    kind = models.CharField(max_length=10, choices=Kind)
    debit_account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="debits")
    credit_account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="credits")
    amount_credits = models.BigIntegerField()
    balance_after_credits = models.BigIntegerField()
    reference = models.UUIDField(null=True)
    reason = models.TextField(blank=True)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="transfers")
    created_at = models.DateTimeField()
    hash_version = models.PositiveSmallIntegerField(default=1)
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64, unique=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace", "book", "sequence"], name="one_transfer_per_sequence"),
            # NULLs are distinct, so this applies to charges and refunds but not to grants and adjustments.
            models.UniqueConstraint(fields=["reference", "kind"], name="one_charge_and_one_refund"),
            models.CheckConstraint(condition=Q(book__in=Book.values), name="transfer_book_known"),
            models.CheckConstraint(
                condition=Q(kind__in=[Kind.CHARGE, Kind.REFUND], reference__isnull=False)
                | Q(kind__in=[Kind.GRANT, Kind.ADJUSTMENT], reference__isnull=True),
                name="reference_on_charge_and_refund",
            ),
            models.CheckConstraint(condition=~Q(debit_account=F("credit_account")), name="transfer_between_two"),
            models.CheckConstraint(
                condition=Q(amount_credits__gte=1, amount_credits__lte=MAX_AMOUNT_CREDITS), name="amount_in_range"
            ),
            models.CheckConstraint(condition=Q(balance_after_credits__gte=0), name="balance_after_not_below_zero"),
            models.CheckConstraint(condition=Q(sequence__gte=1), name="sequence_from_one"),
        ]
        indexes: ClassVar = [
            # Both are small: most transfers are charges and refunds.
            models.Index(
                fields=["workspace", "book", "kind", "reason", "created_at"],
                condition=HAS_NO_REFERENCE,
                name="transfer_grants_by_reason",
            ),
            models.Index(
                fields=["actor", "kind", "reason"], condition=HAS_NO_REFERENCE, name="transfer_grants_by_actor"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.workspace_id} {self.book} #{self.sequence}: {self.kind} {self.amount_credits}"

    @property
    def raises_wallet(self) -> bool:
        """Whether this row put credits into the wallet (a charge takes them out). Reads `credit_account`."""
        return self.credit_account.name == AccountName.WALLET

    @property
    def change_credits(self) -> int:
        """The signed change to the wallet. Reads `credit_account`: use select_related for lists."""
        return self.amount_credits if self.raises_wallet else -self.amount_credits

    @property
    def clip_id(self) -> uuid.UUID | None:
        """The generation that was charged or refunded; None for grants and adjustments."""
        return self.reference


class StatementEntry(models.Model):
    """A transfer as its wallet's statement shows it, with whom and what it was for. Only ever added, like transfers.

    `row_number` is the transfer's sequence; `change_credits` is positive for what came into the wallet. A refund has
    the `member`, the API key and the model of its charge; a grant or an adjustment has who made it as its `member`.
    `key_id` and `reference` aren't foreign keys: keys and generations belong to apps above.

    Times never go back from row to row, so a range of days is a range of row numbers, and each filter of a statement,
    with or without days, is a range of one index.
    """

    transfer = models.OneToOneField(Transfer, on_delete=models.PROTECT, primary_key=True, related_name="entry")
    wallet = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="entries", db_index=False)
    row_number = models.PositiveBigIntegerField()
    kind = models.CharField(max_length=10, choices=Kind)
    change_credits = models.BigIntegerField()
    balance_after_credits = models.BigIntegerField()
    member = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    key_id = models.UUIDField(null=True)
    model = models.CharField(max_length=20, blank=True)
    reference = models.UUIDField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["wallet", "row_number"], name="one_entry_per_row_number"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["wallet", "kind", "row_number"], name="entries_by_kind"),
            models.Index(fields=["wallet", "member", "row_number"], name="entries_by_member"),
            models.Index(fields=["wallet", "model", "row_number"], name="entries_by_model"),
            models.Index(
                fields=["wallet", "key_id", "row_number"], condition=Q(key_id__isnull=False), name="entries_by_key"
            ),
            models.Index(F("wallet"), Abs("change_credits"), F("row_number"), name="entries_by_amount"),
            models.Index(fields=["wallet", "created_at", "row_number"], name="entries_by_time"),
        ]

    def __str__(self) -> str:
        return f"#{self.row_number}: {self.kind} {self.change_credits}"


class DailySpending(models.Model):
    """What was charged and refunded on one day (UTC) for one member, API key and model, counted with each transfer.

    A refund counts on the day it is made, not on that of its charge.
    """

    wallet = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="daily_spending", db_index=False)
    day = models.DateField()
    model = models.CharField(max_length=20, blank=True)
    member = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    key_id = models.UUIDField(null=True)
    charged_credits = models.BigIntegerField(default=0)
    refunded_credits = models.BigIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            # NULLs are distinct, so they stand for 0 here; `posting.py` names these expressions too.
            models.UniqueConstraint(
                F("wallet"),
                F("day"),
                F("model"),
                Coalesce("member", Value(0)),
                Coalesce("key_id", Value(uuid.UUID(int=0), output_field=models.UUIDField())),
                name="one_sum_per_day_and_cause",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["wallet", "member", "day"], name="daily_spending_of_member")]

    def __str__(self) -> str:
        return f"{self.day} {self.model}: {self.charged_credits} - {self.refunded_credits}"

    @property
    def spent_credits(self) -> int:
        """What was charged less what was refunded; negative on a day that only refunds earlier ones."""
        return self.charged_credits - self.refunded_credits


class SpendingLimit(models.Model):
    """What one API key or one member spends in a calendar month of their workspace, and how much that may be at most.

    It applies either to `key_id` or to `user`; `key_id` isn't a foreign key, because keys belong to an app above. Every
    member has one, with or without a limit: `limit_credits` is their budget, None meaning no limit, and
    `own_limit_credits` a lower limit that they set for themselves. A key's row exists only while it has a limit.

    `spent_credits` counts within `period` (see `period_of`) and restarts at 0 in the next; refunds lower it. A limit
    may be set below what is already spent, which blocks further spending. `alerted_percent` is the last share of the
    budget that was announced in this period (`alerts.py`).
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="spending_limits")
    key_id = models.UUIDField(null=True, unique=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="+")
    limit_credits = models.PositiveBigIntegerField(null=True)
    own_limit_credits = models.PositiveBigIntegerField(null=True)
    period = models.CharField(max_length=20, default="")
    spent_credits = models.BigIntegerField(default=0)
    alerted_percent = models.PositiveSmallIntegerField(default=0, db_default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace", "user"], name="one_limit_per_member"),
            models.CheckConstraint(
                condition=Q(key_id__isnull=False, user__isnull=True, limit_credits__isnull=False)
                | Q(key_id__isnull=True, user__isnull=False),
                name="limit_binds_key_or_member",
            ),
            models.CheckConstraint(condition=Q(limit_credits__lte=MAX_AMOUNT_CREDITS), name="limit_in_range"),
            models.CheckConstraint(condition=Q(own_limit_credits__lte=MAX_AMOUNT_CREDITS), name="own_limit_in_range"),
            models.CheckConstraint(condition=Q(spent_credits__gte=0), name="spent_not_below_zero"),
        ]

    def __str__(self) -> str:
        return f"{self.spent_credits} of {self.limit_credits} in {self.period or 'no period yet'}"


class LimitedCharge(models.Model):
    """A charge that counted against a limit, so that its refund can be subtracted from the same period."""

    limit = models.ForeignKey(SpendingLimit, on_delete=models.CASCADE, related_name="charges")
    reference = models.UUIDField(db_index=True)
    period = models.CharField(max_length=20)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["limit", "reference"], name="one_count_per_limit_and_charge"),
        ]
        indexes: ClassVar = [models.Index(fields=["limit", "period"], name="counts_in_period")]

    def __str__(self) -> str:
        return f"{self.reference} in {self.period}"


def period_of(book: str, moment: datetime.datetime, zone: ZoneInfo) -> str:
    """The period that a limit counts in: a month of one book, "live 2026-11"."""
    return f"{book} {moment.astimezone(zone):%Y-%m}"
