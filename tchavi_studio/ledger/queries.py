"""Reads on the ledger."""

import datetime
import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import BigIntegerField, Exists, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from tchavi_studio.workspaces.models import Membership, Workspace
from tchavi_studio.workspaces.months import Month, month_at
from tchavi_studio.workspaces.time_zones import zone_at

from .models import (
    HAS_NO_REFERENCE,
    Account,
    AccountName,
    Kind,
    LimitedCharge,
    SpendingLimit,
    Transfer,
    period_of,
)


def wallet_balance(*, workspace: Workspace, book: str) -> int:
    """The credits in a workspace's wallet; 0 if it was never opened."""
    balances = Account.objects.filter(workspace=workspace, book=book, name=AccountName.WALLET)
    return balances.values_list("balance_credits", flat=True).first() or 0


def wallets_in_order() -> QuerySet[Account]:
    """The wallets of all workspaces and books, in the order in which they are verified."""
    return Account.objects.filter(name=AccountName.WALLET).order_by("workspace", "book")


def charge_for(reference: uuid.UUID) -> Transfer | None:
    """The charge of one generation, with its statement entry; None if it was free or doesn't exist."""
    return Transfer.objects.select_related("workspace", "entry").filter(reference=reference, kind=Kind.CHARGE).first()


def refund_for(reference: uuid.UUID) -> Transfer | None:
    """The refund of one generation; None if there is none."""
    return Transfer.objects.select_related("workspace").filter(reference=reference, kind=Kind.REFUND).first()


def transfers_for_references(references: Iterable[uuid.UUID]) -> dict[uuid.UUID, list[Transfer]]:
    """Charges and refunds of many generations, in one query. Generations with neither are left out."""
    found: dict[uuid.UUID, list[Transfer]] = {}
    rows = Transfer.objects.filter(reference__in=list(references)).select_related("credit_account", "actor")
    for transfer in rows.order_by("sequence"):
        assert transfer.reference is not None
        found.setdefault(transfer.reference, []).append(transfer)
    return found


def transfers_for_reference(reference: uuid.UUID) -> list[Transfer]:
    """The charge and then the refund of one generation, if they exist."""
    return transfers_for_references([reference]).get(reference, [])


def grants_for(reason: str, *, workspace: Workspace, book: str) -> QuerySet[Transfer]:
    """A workspace's grants for one exact reason, in no order."""
    return Transfer.objects.filter(HAS_NO_REFERENCE, workspace=workspace, book=book, kind=Kind.GRANT, reason=reason)


def granted_since(since: datetime.datetime, *, workspace: Workspace, book: str, reason: str) -> int:
    """Credits granted at or after `since` for one exact `reason`, of which there are few.

    To enforce a cap, call this while holding the wallet's lock (`services.lock_wallet`).
    """
    grants = grants_for(reason, workspace=workspace, book=book).filter(created_at__gte=since)
    return sum(grants.values_list("amount_credits", flat=True))


def counted_credits(period: str | OuterRef) -> Coalesce:
    """For a query of spending limits: what the charges that count in `period` add up to, refunds left out."""
    refund = Transfer.objects.filter(kind=Kind.REFUND, reference=OuterRef("reference"))
    charge = Transfer.objects.filter(~Exists(refund), kind=Kind.CHARGE, reference=OuterRef("reference"))
    counted = LimitedCharge.objects.filter(limit=OuterRef("pk"), period=period).order_by()
    total = counted.values("limit").annotate(total=Sum(Subquery(charge.values("amount_credits")[:1])))
    return Coalesce(Subquery(total.values("total")), 0, output_field=BigIntegerField())


@dataclass(frozen=True, kw_only=True)
class Spending:
    """A monthly limit and how much of it is spent this month."""

    limit_credits: int
    spent_credits: int


def spending_of_keys(key_ids: Iterable[uuid.UUID], *, book: str) -> dict[uuid.UUID, Spending]:
    """This month's spending of API keys in `book`, by key, in one query. Keys without a limit are left out."""
    now = timezone.now()
    limits = SpendingLimit.objects.select_related("workspace").filter(key_id__in=list(key_ids))
    return {
        limit.key_id: Spending(limit_credits=limit.limit_credits, spent_credits=_spent_at(limit, book, now))
        for limit in limits
        if limit.key_id and limit.limit_credits is not None
    }


def _spent_at(limit: SpendingLimit, book: str, now: datetime.datetime) -> int:
    """What counts against the limit in the month of `now`. Reads `workspace`: use select_related for lists."""
    return limit.spent_credits if limit.period == period_of(book, now, zone_at(limit.workspace, now)) else 0


# --- Budgets of members -----------------------------------------------------------------------------------------------

NEAR_PERCENT = 90
"""From this share on, a budget is shown as almost spent."""


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What a member has spent this month, and may: their budget and the limit of their own, None meaning no limit."""

    limit_credits: int | None
    own_limit_credits: int | None
    spent_credits: int
    month: Month
    read_at: datetime.datetime

    @property
    def percent(self) -> int:
        """The share of the budget that is spent, 100 at most, rounded down; 0 without a budget."""
        if self.limit_credits is None:
            return 0
        return min(self.spent_credits * 100 // self.limit_credits, 100) if self.limit_credits else 100

    @property
    def is_near(self) -> bool:
        """Whether NEAR_PERCENT of the budget are spent."""
        return self.limit_credits is not None and self.percent >= NEAR_PERCENT

    @property
    def left_credits(self) -> int | None:
        """What is left of the budget; None without one."""
        return None if self.limit_credits is None else max(self.limit_credits - self.spent_credits, 0)

    @property
    def own_left_credits(self) -> int | None:
        """What is left of the limit that the member set themselves; None without one."""
        return None if self.own_limit_credits is None else max(self.own_limit_credits - self.spent_credits, 0)

    @property
    def pace_credits(self) -> int | None:
        """What will be spent by the end of the month at this pace, to two digits; None while it is too early to say."""
        share = self.month.share_elapsed(self.read_at)
        if share < MIN_SHARE_FOR_PACE or not self.spent_credits:
            return None
        pace = round(self.spent_credits / share)
        step = int(10 ** max(len(str(pace)) - 2, 0))
        return round(pace / step) * step


MIN_SHARE_FOR_PACE = 0.2


def budgets_of_members(memberships: Iterable[Membership], *, book: str) -> dict[int, Budget]:
    """The budgets of members of one workspace this month, by user, in one query. Reads `membership.workspace`."""
    found = list(memberships)
    if not found:
        return {}
    workspace, now = found[0].workspace, timezone.now()
    users = [membership.user_id for membership in found]
    month, period = month_at(workspace, now), period_of(book, now, zone_at(workspace, now))
    limits = SpendingLimit.objects.filter(workspace=workspace, user__in=users)
    return {
        limit.user_id: Budget(
            limit_credits=limit.limit_credits,
            own_limit_credits=limit.own_limit_credits,
            spent_credits=limit.spent_credits if limit.period == period else 0,
            month=month,
            read_at=now,
        )
        for limit in limits
        if limit.user_id is not None
    }


def budget_of_member(membership: Membership, *, book: str) -> Budget:
    """One member's budget this month."""
    found = budgets_of_members([membership], book=book).get(membership.user_id)
    if found is not None:
        return found
    now = timezone.now()
    return Budget(
        limit_credits=membership.workspace.default_budget_credits,
        own_limit_credits=None,
        spent_credits=0,
        month=month_at(membership.workspace, now),
        read_at=now,
    )


MAX_ADDED_UP = 1_000


@dataclass(frozen=True, kw_only=True)
class BudgetTotal:
    """What the members with a budget have spent of their budgets this month. `month` is the workspace's."""

    limit_credits: int
    spent_credits: int
    month: Month


def budget_total(*, workspace: Workspace, book: str) -> BudgetTotal | None:
    """The budgets of all members added up; None if nobody has one, or more than MAX_ADDED_UP have."""
    now = timezone.now()
    period = period_of(book, now, zone_at(workspace, now))
    is_member = Exists(Membership.objects.filter(workspace=workspace, user=OuterRef("user")))
    limits = SpendingLimit.objects.filter(
        is_member, workspace=workspace, user__isnull=False, limit_credits__isnull=False
    )
    rows = list(limits.values_list("limit_credits", "period", "spent_credits")[: MAX_ADDED_UP + 1])
    if not rows or len(rows) > MAX_ADDED_UP:
        return None
    return BudgetTotal(
        limit_credits=sum(limit or 0 for limit, _period, _spent in rows),
        spent_credits=sum(spent for _limit, of, spent in rows if of == period),
        month=month_at(workspace, now),
    )
