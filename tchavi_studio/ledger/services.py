"""Writes to the ledger. Each is one transaction (or part of the caller's) that holds the lock on the wallet's row.

The wallet is always locked first and is the only row that writers in a workspace contend for, so transfers can't
deadlock. Never hold the lock during an HTTP call.

Refusals come before anything is written, so a caller's transaction can go on after one and needs no savepoint.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial

from django.conf import settings
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.db.models import F
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from tchavi_studio.records.chain import hash_of
from tchavi_studio.refusals import UserFacingError
from tchavi_studio.workspaces.activity import Kind as ActivityKind
from tchavi_studio.workspaces.activity import record_activity
from tchavi_studio.workspaces.models import User, Workspace
from tchavi_studio.workspaces.time_zones import zone_at

from .alerts import percent_reached, tell_of_budget, tell_of_low_balance
from .chain import HASH_VERSION, canonical_bytes
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
from .posting import Cause, LockedLimit, count_spending, lock_accounts, lock_limits, write_transfer
from .queries import charge_for, counted_credits, refund_for

EPOCH = datetime.fromtimestamp(0, tz=UTC)


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


class LimitKind(StrEnum):
    """Whose limit refuses a charge: the member's budget, the lower limit they set themselves, or the API key's."""

    BUDGET = "budget"
    OWN = "own"
    KEY = "key"


class SpendingLimitError(UserFacingError):
    """The charge would exceed this month's spending limit, of which `available_credits` are left."""

    def __init__(self, kind: LimitKind, *, needed_credits: int, limit_credits: int, available_credits: int) -> None:
        texts = {
            LimitKind.BUDGET: _(
                "This needs %(needed)s credits, but only %(available)s of your budget of %(limit)s for this month are "
                "left. No credits moved. Ask an owner or an admin of the workspace, or wait for the next month."
            ),
            LimitKind.OWN: _(
                "This needs %(needed)s credits, but only %(available)s of the %(limit)s that you allow yourself this "
                "month are left. No credits moved. You can change your own limit on the Team page."
            ),
            LimitKind.KEY: _(
                "This needs %(needed)s credits, but only %(available)s of this month's limit of %(limit)s are left. "
                "No credits moved."
            ),
        }
        super().__init__(
            texts[kind]
            % {
                "needed": number_format(needed_credits),
                "available": number_format(available_credits),
                "limit": number_format(limit_credits),
            }
        )
        self.kind = kind
        self.needed_credits = needed_credits
        self.limit_credits = limit_credits
        self.available_credits = available_credits


@contextmanager
def _one_transaction() -> Iterator[None]:
    if connection.in_atomic_block:
        yield
    else:
        with transaction.atomic():
            yield


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


@_one_transaction()
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


@_one_transaction()
def charge_credits(
    *,
    workspace: Workspace,
    book: str,
    amount_credits: int,
    reference: uuid.UUID,
    actor: User | None = None,
    key_id: uuid.UUID | None = None,
    model: str = "",
    reason: str = "",
    is_approved: bool = False,
) -> Transfer | None:
    """Take the price of one generation (`reference`) out of a wallet. A price of 0 writes no row and returns None.

    It counts against every spending limit of `actor` and of the API key `key_id` in this workspace, in the
    workspace's month. What somebody approved (`is_approved`) counts too, and may exceed the actor's. The statement
    names `actor`, `key_id` and the `model`.

    Raises InsufficientCreditsError if the wallet holds less, SpendingLimitError if a limit would be exceeded, and
    AlreadyChargedError if the generation was already charged.
    """
    return _record_transfer(
        kind=Kind.CHARGE,
        workspace=workspace,
        book=book,
        counterpart=AccountName.SPENT,
        change_credits=-_checked(amount_credits),
        reference=reference,
        reason=reason,
        actor=actor,
        cause=Cause(actor.pk if actor else None, key_id, model),
        is_approved=is_approved,
    )


def set_spending_limit(*, workspace: Workspace, limit_credits: int, key_id: uuid.UUID) -> SpendingLimit:
    """Limit what an API key may spend in a month."""
    limit, _is_new = SpendingLimit.objects.update_or_create(
        workspace=workspace, key_id=key_id, defaults={"limit_credits": _checked(limit_credits)}
    )
    return limit


def open_member_limit(*, workspace: Workspace, user: User) -> None:
    """Begin to count what a new member spends, with the workspace's default budget.

    Somebody who was a member before goes on counting where they left off.
    """
    SpendingLimit.objects.update_or_create(
        workspace=workspace,
        user=user,
        defaults={"limit_credits": workspace.default_budget_credits, "own_limit_credits": None},
    )


@_one_transaction()
def set_member_budget(
    *, workspace: Workspace, user: User, budget_credits: int | None, actor: User | None = None
) -> int | None:
    """Set what a member may spend in a month, None for no limit, and write it down; returns what it was.

    What is already spent counts. Shares of the new budget that are spent already aren't announced any more.
    """
    limit = _member_limit(workspace, user)
    earlier, limit.limit_credits = limit.limit_credits, _checked_limit(budget_credits)
    if earlier == budget_credits:
        return earlier
    limit.alerted_percent = percent_reached(limit.limit_credits, _spent_now(limit))
    limit.save(update_fields=["limit_credits", "alerted_percent"])
    record_activity(
        workspace=workspace,
        kind=ActivityKind.BUDGET_CHANGED,
        actor=actor,
        subject=user,
        details={"old_credits": earlier, "new_credits": budget_credits},
    )
    return earlier


@_one_transaction()
def set_own_limit(*, workspace: Workspace, user: User, limit_credits: int | None) -> None:
    """Set what a member allows themselves to spend in a month, None for whatever their budget allows."""
    limit = _member_limit(workspace, user)
    limit.own_limit_credits = _checked_limit(limit_credits)
    limit.save(update_fields=["own_limit_credits"])


def _member_limit(workspace: Workspace, user: User) -> SpendingLimit:
    """The member's row, locked until the transaction ends."""
    limits = SpendingLimit.objects.select_for_update().filter(workspace=workspace, user=user)
    limit = limits.first()
    if limit is None:
        open_member_limit(workspace=workspace, user=user)
        limit = limits.get()
    return limit


def _checked_limit(limit_credits: int | None) -> int | None:
    return None if limit_credits is None else _checked(limit_credits)


def _spent_now(limit: SpendingLimit) -> int:
    """What a member spent in the current month of the book that the row counts."""
    now = timezone.now()
    book = limit.period.partition(" ")[0]
    return limit.spent_credits if limit.period == period_of(book, now, zone_at(limit.workspace, now)) else 0


@_one_transaction()
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
    for counted in LimitedCharge.objects.filter(reference=reference).order_by("limit"):
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
        cause=Cause(charge.entry.member_id, charge.entry.key_id, charge.entry.model),
    )


@_one_transaction()
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
    cause: Cause | None = None,
    is_approved: bool = False,
) -> Transfer | None:
    """Write a transfer of `change_credits` (positive: into the wallet) between the wallet and `counterpart`."""
    cause = cause or Cause(member_id=actor.pk if actor else None)
    if change_credits == 0:
        return None
    cursor = connection.cursor()
    lock = partial(
        lock_accounts,
        cursor,
        workspace_id=workspace.pk,
        book=book,
        counterpart=counterpart,
        reference=reference,
    )
    accounts = lock()
    if accounts is None:
        open_accounts(workspace=workspace, book=book)
        accounts = lock()
        assert accounts is not None
    now, limits = timezone.now(), list[LockedLimit]()
    # Another machine's clock may be ahead of ours, but a row is never dated before the row before it.
    written_at = max(now, accounts.last_at or EPOCH)
    charged_clip = reference if kind == Kind.CHARGE else None
    if charged_clip and accounts.is_charged:
        raise AlreadyChargedError(charged_clip)
    if accounts.balance_credits + change_credits < 0:
        raise InsufficientCreditsError(needed_credits=-change_credits, available_credits=accounts.balance_credits)
    if charged_clip and (actor or cause.key_id):
        period = period_of(book, now, zone_at(workspace, now))
        before = _lock_limits(cursor, workspace=workspace, actor=actor, key_id=cause.key_id, period=period)
        limits = [_counted(limit, amount_credits=-change_credits, is_approved=is_approved) for limit in before]
    sides = (accounts.wallet_id, accounts.counterpart_id)
    debit_id, credit_id = sides if change_credits < 0 else reversed(sides)
    transfer = Transfer(
        workspace=workspace,
        book=book,
        sequence=accounts.last_sequence + 1,
        kind=kind.value,
        debit_account_id=debit_id,
        credit_account_id=credit_id,
        amount_credits=abs(change_credits),
        balance_after_credits=accounts.balance_credits + change_credits,
        reference=reference,
        reason=reason,
        actor=actor,
        created_at=written_at,
        hash_version=HASH_VERSION,
        previous_hash=accounts.last_hash,
    )
    transfer.hash = hash_of(
        canonical_bytes(
            workspace_id=workspace.pk,
            book=book,
            sequence=transfer.sequence,
            kind=transfer.kind,
            debit=(AccountName.WALLET if change_credits < 0 else counterpart).value,
            credit=(counterpart if change_credits < 0 else AccountName.WALLET).value,
            amount_credits=transfer.amount_credits,
            balance_after_credits=transfer.balance_after_credits,
            reference=reference,
            reason=reason,
            actor_id=transfer.actor_id,
            created_at=written_at,
            previous_hash=transfer.previous_hash,
        )
    )
    with transaction.mark_for_rollback_on_error():
        is_new = write_transfer(cursor, transfer, accounts=accounts, change_credits=change_credits, cause=cause)
    if charged_clip and not is_new:
        raise AlreadyChargedError(charged_clip)
    if charged_clip and limits:
        count_spending(cursor, limits, reference=charged_clip)
        for earlier, limit in zip(before, limits, strict=True):
            if actor and limit.limit_credits is not None and limit.alerted_percent > earlier.alerted_percent:
                tell_of_budget(
                    workspace=workspace,
                    spender=actor,
                    percent=limit.alerted_percent,
                    limit_credits=limit.limit_credits,
                    spent_credits=limit.spent_credits,
                    period=limit.period,
                )
    low_credits = settings.STUDIO_LOW_BALANCE_CREDITS
    if charged_clip and transfer.balance_after_credits < low_credits <= accounts.balance_credits:
        tell_of_low_balance(
            workspace=workspace,
            book=book,
            balance_credits=transfer.balance_after_credits,
            day=now.astimezone(zone_at(workspace, now)).date(),
        )
    return transfer


def _lock_limits(
    cursor: CursorWrapper, *, workspace: Workspace, actor: User | None, key_id: uuid.UUID | None, period: str
) -> list[LockedLimit]:
    """The limits that apply to a charge, its actor's and its API key's, as they count in `period`."""
    lock = partial(lock_limits, cursor, workspace_id=workspace.pk, actor_id=actor.pk if actor else None, key_id=key_id)
    limits = lock()
    if actor and all(limit.is_of_key for limit in limits):
        open_member_limit(workspace=workspace, user=actor)
        limits = lock()
    return [limit if limit.period == period else _restarted(limit, period) for limit in limits]


def _restarted(limit: LockedLimit, period: str) -> LockedLimit:
    # Usually nothing yet, but a studio that changes its mode may come back to a period.
    counted = SpendingLimit.objects.filter(pk=limit.id).values_list(counted_credits(period), flat=True).get()
    return limit._replace(period=period, spent_credits=counted, alerted_percent=0)


def _counted(limit: LockedLimit, *, amount_credits: int, is_approved: bool) -> LockedLimit:
    """The limit with a charge counted in it. Writes nothing. Raises SpendingLimitError."""
    spent_credits = limit.spent_credits + amount_credits
    bounds = {LimitKind.KEY if limit.is_of_key else LimitKind.BUDGET: limit.limit_credits}
    bounds[LimitKind.OWN] = limit.own_limit_credits
    for kind, bound in bounds.items():
        if bound is not None and spent_credits > bound and (limit.is_of_key or not is_approved):
            raise SpendingLimitError(
                kind,
                needed_credits=amount_credits,
                limit_credits=bound,
                available_credits=max(bound - limit.spent_credits, 0),
            )
    reached = 0 if limit.is_of_key else percent_reached(limit.limit_credits, spent_credits)
    return limit._replace(spent_credits=spent_credits, alerted_percent=max(limit.alerted_percent, reached))
