"""What was spent in a month: by day, model, member and API key, and how long the balance lasts at this pace.

Spending is what was charged less what was refunded. Days and months are in UTC, like the daily sums.
"""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from tchavi_studio.generations.params import MODELS
from tchavi_studio.ledger.models import Account, Kind, StatementEntry
from tchavi_studio.ledger.statements import entries_for_viewer, sees_all_credits, spending_for_viewer
from tchavi_studio.workspaces.models import Membership, User

MAX_SUMS = 20_000
"""As many daily sums are added up for a page."""

PACE_DAYS = 14
FEW_DAYS = 7
"""With credits for fewer days than this, the page says whom to ask."""


@dataclass(frozen=True, kw_only=True)
class MonthTotals:
    """What was spent in the month that begins with `first`. All four breakdowns add up to `total_credits`.

    `is_cut` if there were more than MAX_SUMS daily sums; then there are no figures.
    """

    first: date
    by_day: dict[date, Counter[str]]
    by_model: dict[str, int]
    by_member: dict[int | None, int]
    by_key: dict[UUID | None, int]
    is_cut: bool

    @property
    def total_credits(self) -> int:
        return sum(self.by_model.values())

    @property
    def models(self) -> list[str]:
        """All models, and "" if clips were charged of which the model isn't known any more."""
        return [*MODELS, ""] if "" in self.by_model else list(MODELS)

    @property
    def days(self) -> list[date]:
        """All days of the month."""
        return [self.first + timedelta(days=number) for number in range((next_month(self.first) - self.first).days)]


def next_month(first: date) -> date:
    """The first day of the month after the one that begins with `first`."""
    return (first + timedelta(days=32)).replace(day=1)


def month_totals(*, membership: Membership, wallet: Account | None, first: date, only_own: bool = False) -> MonthTotals:
    """What the viewer may see was spent in the month that begins with `first`, most first. One query."""
    sums = spending_for_viewer(membership, wallet, only_own=only_own).filter(day__gte=first, day__lt=next_month(first))
    rows = list(
        sums.values_list("day", "model", "member", "key_id", "charged_credits", "refunded_credits")[: MAX_SUMS + 1]
    )
    is_cut = len(rows) > MAX_SUMS
    by_day: dict[date, Counter[str]] = {}
    by_model, by_member, by_key = Counter[str](), Counter[int | None](), Counter[UUID | None]()
    for day, model, member_id, key_id, charged, refunded in [] if is_cut else rows:
        spent = charged - refunded
        by_day.setdefault(day, Counter())[model] += spent
        by_model[model] += spent
        by_member[member_id] += spent
        by_key[key_id] += spent
    return MonthTotals(
        first=first,
        by_day=by_day,
        by_model=dict(by_model),
        by_member=dict(by_member.most_common()),
        by_key=dict(by_key.most_common()),
        is_cut=is_cut,
    )


def people_named(ids: Iterable[int | None]) -> dict[int, User]:
    """The people with these ids, members or not any more."""
    return User.objects.in_bulk([pk for pk in ids if pk is not None])


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How fast credits go: the mean of the last `days` days, which include today."""

    credits_a_day: int
    days: int
    balance_credits: int
    now: datetime

    @property
    def ends_on(self) -> date | None:
        """The day on which the wallet is empty at this pace; None if nothing goes, or in more than ten years."""
        if self.credits_a_day <= 0 or self.balance_credits > self.credits_a_day * 3650:
            return None
        return (self.now + timedelta(days=self.balance_credits / self.credits_a_day)).astimezone(UTC).date()

    @property
    def days_left(self) -> int | None:
        """How many days that is from today."""
        return (self.ends_on - self.now.astimezone(UTC).date()).days if self.ends_on else None

    @property
    def is_short(self) -> bool:
        return self.days_left is not None and self.days_left < FEW_DAYS


def pace_of(*, membership: Membership, wallet: Account | None, now: datetime, only_own: bool = False) -> Pace:
    """The pace at which what the viewer sees is spent: of the last PACE_DAYS, or since the statement's first row."""
    today = now.astimezone(UTC).date()
    since = today - timedelta(days=PACE_DAYS - 1)
    opened = StatementEntry.objects.filter(wallet=wallet, row_number=1).values_list("created_at", flat=True).first()
    if opened is not None:
        since = max(since, opened.astimezone(UTC).date())
    days = (today - since).days + 1
    sums = spending_for_viewer(membership, wallet, only_own=only_own).filter(day__gte=since, day__lte=today)
    spent = sum(
        charged - refunded for charged, refunded in sums.values_list("charged_credits", "refunded_credits")[:MAX_SUMS]
    )
    return Pace(
        credits_a_day=math.ceil(spent / days),
        days=days,
        balance_credits=wallet.balance_credits if wallet else 0,
        now=now,
    )


def last_top_up(*, membership: Membership, wallet: Account | None) -> StatementEntry | None:
    """The latest grant, for who sees everybody's rows."""
    if not sees_all_credits(membership):
        return None
    return entries_for_viewer(membership, wallet).filter(kind=Kind.GRANT).first()
