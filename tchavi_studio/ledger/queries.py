"""Reads on the ledger."""

import datetime
import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import BigIntegerField, Exists, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from tchavi_studio.workspaces.models import Workspace

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


def statement(*, workspace: Workspace, book: str) -> QuerySet[Transfer]:
    """A workspace's transfers in one book, newest first, with the credit accounts and actors preloaded."""
    return (
        Transfer.objects.filter(workspace=workspace, book=book)
        .select_related("credit_account", "actor")
        .order_by("-sequence")
    )


def charge_for(reference: uuid.UUID) -> Transfer | None:
    """The charge of one generation; None if it was free or doesn't exist."""
    return Transfer.objects.select_related("workspace").filter(reference=reference, kind=Kind.CHARGE).first()


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
    period = period_of(book, timezone.now())
    return {
        limit.key_id: Spending(
            limit_credits=limit.limit_credits, spent_credits=limit.spent_credits if limit.period == period else 0
        )
        for limit in SpendingLimit.objects.filter(key_id__in=list(key_ids))
        if limit.key_id
    }
