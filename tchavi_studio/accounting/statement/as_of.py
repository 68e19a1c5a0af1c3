"""A wallet as it was at a moment: its statement up to a row.

Which row that is, is read under the wallet's lock: whoever writes a transfer holds the lock from before it is dated
until it is committed, so no row can be added before a moment that has passed. The row number is part of the address,
which then shows the same for ever.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from tchavi_studio.ledger.models import Account, StatementEntry
from tchavi_studio.refusals import UserFacingError


class NotPastError(UserFacingError):
    """The moment hasn't passed yet."""

    def __init__(self) -> None:
        super().__init__(_("Choose a time before now. The balance of later times isn't known yet."))


class NoSuchRowError(Exception):
    """The statement has no such row, or it was written after the moment."""


@dataclass(frozen=True, kw_only=True)
class AsOf:
    """A wallet after one of its rows; before the first one, `row_number` is 0."""

    row_number: int
    balance_credits: int
    moment: datetime | None


@transaction.atomic
def row_at(moment: datetime, *, wallet: Account | None) -> int:
    """The number of the last row that was written at a moment or before it; 0 if there was none.

    Raises NotPastError.
    """
    if wallet is not None:
        Account.objects.select_for_update().get(pk=wallet.pk)
    if moment >= timezone.now():
        raise NotPastError
    rows = StatementEntry.objects.filter(wallet=wallet, created_at__lte=moment)
    return rows.order_by("-created_at", "-row_number").values_list("row_number", flat=True).first() or 0


def as_of_row(row_number: int, *, wallet: Account | None, moment: datetime | None) -> AsOf:
    """The wallet after a row, which was the last one at `moment`. Raises NoSuchRowError."""
    if row_number == 0:
        return AsOf(row_number=0, balance_credits=0, moment=moment)
    row = StatementEntry.objects.filter(wallet=wallet, row_number=row_number).first()
    if row is None or (moment is not None and row.created_at > moment):
        raise NoSuchRowError
    return AsOf(row_number=row_number, balance_credits=row.balance_after_credits, moment=moment)
