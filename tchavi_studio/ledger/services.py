"""Writes to the ledger. Each is one transaction (or part of the caller's) that holds the lock on the wallet's row.

The wallet is always locked first and is the only row that writers in a workspace contend for, so transfers can't
deadlock. Never hold the lock during an HTTP call.
"""

import uuid

from django.db import transaction
from django.db.models import Case, F, When
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from tchavi_studio.refusals import UserFacingError
from tchavi_studio.workspaces.models import User, Workspace

from .chain import HASH_VERSION, canonical_bytes, transfer_hash
from .models import (
    MAX_AMOUNT_CREDITS,
    Account,
    AccountName,
    Kind,
    LimitedCharge,
    SpendingLimit,
    Transfer,
    period_of,
)
from .queries import charge_for, limits_for_charge, refund_for


class InsufficientCreditsError(UserFacingError):
    """The wallet holds fewer credits than needed."""

    def __init__(self, needed_credits: int, available_credits: int) -> None:
        super().__init__(
            _("This needs %(needed)s credits, but the wallet holds only %(available)s. No credits moved.")
            % {"needed": number_format(needed_credits), "available": number_format(available_credits)}
        )
        self.needed_credits = needed_credits
        self.available_credits = available_credits


class AlreadyChargedError(UserFacingError):
    """The generation already has its charge."""

    def __init__(self, reference: uuid.UUID) -> None:
        super().__init__(_("This clip has already been charged. No credits moved."))
        self.reference = reference


class SpendingLimitError(UserFacingError):
    """The charge would exceed this month's spending limit."""

    def __init__(self, needed_credits: int, limit_credits: int, available_credits: int) -> None:
        super().__init__(
            _(
                "This needs %(needed)s credits, but only %(available)s of this month's limit of %(limit)s are left. "
                "No credits moved."
            )
            % {
                "needed": number_format(needed_credits),
                "available": number_format(available_credits),
                "limit": number_format(limit_credits),
            }
        )
        self.needed_credits = needed_credits
        self.limit_credits = limit_credits
        self.available_credits = available_credits


def open_accounts(*, workspace: Workspace, book: str) -> dict[str, Account]:
    """Create the workspace's accounts in this book if they don't exist; returns all three by name."""
    Account.objects.bulk_create(
        [Account(workspace=workspace, book=book, name=name) for name in AccountName], ignore_conflicts=True
    )
    return {account.name: account for account in Account.objects.filter(workspace=workspace, book=book)}


def lock_wallet(*, workspace: Workspace, book: str) -> Account:
    """The wallet, opened if necessary and locked until the transaction ends, so that later reads stay true.

    Call it inside a transaction. On SQLite the transaction itself is the lock (IMMEDIATE).
    """
    wallets = Account.objects.select_for_update().filter(workspace=workspace, book=book, name=AccountName.WALLET)
    wallet = wallets.first()
    if wallet is None:
        open_accounts(workspace=workspace, book=book)
        wallet = wallets.get()
    return wallet


@transaction.atomic
def grant_credits(
    *, workspace: Workspace, book: str, amount_credits: int, reason: str, actor: User | None = None
) -> Transfer | None:
    """Put new credits into a wallet. An amount of 0 writes no row and returns None."""
    return _record_transfer(
        kind=Kind.GRANT,
        workspace=workspace,
        book=book,
        counterpart=AccountName.GRANTED,
        change_credits=_checked(amount_credits),
        reason=reason,
        actor=actor,
    )


@transaction.atomic
def charge_credits(
    *,
    workspace: Workspace,
    book: str,
    amount_credits: int,
    reference: uuid.UUID,
    actor: User | None = None,
    key_id: uuid.UUID | None = None,
    reason: str = "",
) -> Transfer | None:
    """Take the price of one generation (`reference`) out of a wallet. A price of 0 writes no row and returns None.

    It counts against every spending limit of `actor` and of the API key `key_id` in this workspace.

    Raises InsufficientCreditsError if the wallet holds less, SpendingLimitError if a limit would be exceeded, and
    AlreadyChargedError if the generation was already charged.
    """
    charge = _record_transfer(
        kind=Kind.CHARGE,
        workspace=workspace,
        book=book,
        counterpart=AccountName.SPENT,
        change_credits=-_checked(amount_credits),
        reference=reference,
        reason=reason,
        actor=actor,
    )
    if charge is not None:
        for limit in limits_for_charge(workspace=workspace, actor=actor, key_id=key_id):
            _count_against_limit(charge, limit)
    return charge


def set_spending_limit(
    *, workspace: Workspace, limit_credits: int, key_id: uuid.UUID | None = None, user: User | None = None
) -> SpendingLimit:
    """Limit what an API key (`key_id`) or a member (`user`) may spend in a month. Give exactly one of the two."""
    limit, _is_new = SpendingLimit.objects.update_or_create(
        workspace=workspace, key_id=key_id, user=user, defaults={"limit_credits": _checked(limit_credits)}
    )
    return limit


def _count_against_limit(charge: Transfer, limit: SpendingLimit) -> None:
    """Count `charge` against a limit, under the wallet's lock. The UPDATE itself enforces the limit."""
    period = period_of(charge.book, charge.created_at)
    spent = Case(When(period=period, then=F("spent_credits")), default=0)
    limits = SpendingLimit.objects.filter(pk=limit.pk).annotate(spent=spent)
    within = limits.filter(limit_credits__gte=F("spent") + charge.amount_credits)
    if not within.update(spent_credits=spent + charge.amount_credits, period=period):
        now = limits.get()
        raise SpendingLimitError(
            needed_credits=charge.amount_credits,
            limit_credits=now.limit_credits,
            available_credits=max(now.limit_credits - now.spent, 0),
        )
    assert charge.reference is not None
    LimitedCharge.objects.create(limit=limit, reference=charge.reference, period=period)


@transaction.atomic
def refund_charge(*, reference: uuid.UUID, reason: str = "", actor: User | None = None) -> Transfer | None:
    """Refund a generation's whole charge to its wallet, once: a second call returns the same row.

    Spending limits that the charge counted against are restored. Returns None if there was no charge, because the
    price was 0.
    """
    charge = charge_for(reference)
    if charge is None:
        return None
    lock_wallet(workspace=charge.workspace, book=charge.book)
    # Check under the lock: the poller, the sweep and an admin may all get here at the same time.
    refund = refund_for(reference)
    if refund is not None:
        return refund
    for counted in LimitedCharge.objects.filter(reference=reference):
        # Limits of past months need no correction.
        SpendingLimit.objects.filter(pk=counted.limit_id, period=counted.period).update(
            spent_credits=F("spent_credits") - charge.amount_credits
        )
    return _record_transfer(
        kind=Kind.REFUND,
        workspace=charge.workspace,
        book=charge.book,
        counterpart=AccountName.SPENT,
        change_credits=charge.amount_credits,
        reference=reference,
        reason=reason,
        actor=actor,
    )


@transaction.atomic
def adjust_credits(
    *, workspace: Workspace, book: str, amount_credits: int, reason: str, actor: User | None = None
) -> Transfer | None:
    """Correct a wallet manually, up or (with a negative amount) down. 0 writes no row and returns None.

    Raises InsufficientCreditsError if the wallet would fall below 0.
    """
    _checked(abs(amount_credits))
    return _record_transfer(
        kind=Kind.ADJUSTMENT,
        workspace=workspace,
        book=book,
        counterpart=AccountName.GRANTED,
        change_credits=amount_credits,
        reason=reason,
        actor=actor,
    )


def _checked(amount_credits: int) -> int:
    if not 0 <= amount_credits <= MAX_AMOUNT_CREDITS:
        raise ValueError(f"an amount must be 0 to {MAX_AMOUNT_CREDITS} credits, not {amount_credits}")
    return amount_credits


def _record_transfer(
    *,
    kind: Kind,
    workspace: Workspace,
    book: str,
    counterpart: AccountName,
    change_credits: int,
    reason: str,
    actor: User | None,
    reference: uuid.UUID | None = None,
) -> Transfer | None:
    """Write a transfer of `change_credits` (positive: into the wallet) between the wallet and `counterpart`."""
    if change_credits == 0:
        return None
    wallet = lock_wallet(workspace=workspace, book=book)
    if kind == Kind.CHARGE and reference is not None and charge_for(reference) is not None:
        raise AlreadyChargedError(reference)
    other = Account.objects.get(workspace=workspace, book=book, name=counterpart)
    debit, credit = (other, wallet) if change_credits > 0 else (wallet, other)
    transfer = Transfer(
        workspace=workspace,
        book=book,
        sequence=wallet.last_sequence + 1,
        kind=kind,
        debit_account=debit,
        credit_account=credit,
        amount_credits=abs(change_credits),
        balance_after_credits=wallet.balance_credits + change_credits,
        reference=reference,
        reason=reason,
        actor=actor,
        created_at=timezone.now(),
        hash_version=HASH_VERSION,
        previous_hash=wallet.last_hash,
    )
    transfer.hash = transfer_hash(
        canonical_bytes(
            workspace_id=workspace.pk,
            book=book,
            sequence=transfer.sequence,
            kind=kind.value,
            debit=debit.name,
            credit=credit.name,
            amount_credits=transfer.amount_credits,
            balance_after_credits=transfer.balance_after_credits,
            reference=reference,
            reason=reason,
            actor_id=actor.pk if actor else None,
            created_at=transfer.created_at,
            previous_hash=transfer.previous_hash,
        )
    )
    # The UPDATE itself guards the balance, whatever was read before it.
    updated = Account.objects.filter(pk=wallet.pk, balance_credits__gte=-change_credits).update(
        balance_credits=F("balance_credits") + change_credits,
        last_sequence=transfer.sequence,
        last_hash=transfer.hash,
    )
    if not updated:
        raise InsufficientCreditsError(needed_credits=-change_credits, available_credits=wallet.balance_credits)
    Account.objects.filter(pk=other.pk).update(balance_credits=F("balance_credits") - change_credits)
    transfer.save(force_insert=True)
    return transfer
