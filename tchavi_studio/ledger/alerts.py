"""Who is told that a budget or a wallet runs out, in the transaction of the charge that did it."""

from datetime import date

from tchavi_studio.notices.models import NoticeKind
from tchavi_studio.notices.services import notify
from tchavi_studio.workspaces.models import Membership, Role, User, Workspace

MAX_MANAGERS = 50

KINDS = {80: NoticeKind.BUDGET_80, 100: NoticeKind.BUDGET_100}
"""The shares of a budget that are announced once they are spent, in percent."""


def percent_reached(limit_credits: int | None, spent_credits: int) -> int:
    """The highest of these shares that is spent; 0 if none is, or without a limit."""
    if limit_credits is None:
        return 0
    return max((percent for percent in KINDS if spent_credits * 100 >= limit_credits * percent), default=0)


def managers_of(workspace: Workspace) -> list[User]:
    """Up to MAX_MANAGERS owners and admins, in the order of their ids."""
    managers = Membership.objects.filter(workspace=workspace, role__in=[Role.OWNER, Role.ADMIN])
    return [membership.user for membership in managers.select_related("user").order_by("user_id")[:MAX_MANAGERS]]


def tell_of_budget(
    *, workspace: Workspace, spender: User, percent: int, limit_credits: int, spent_credits: int, period: str
) -> None:
    """Tell the member, and the workspace's owners and admins, that so much of a budget is spent."""
    people = {user.pk: user for user in [spender, *managers_of(workspace)]}
    for _pk, person in sorted(people.items()):
        notify(
            user=person,
            kind=KINDS[percent],
            workspace=workspace,
            details={"spent_credits": spent_credits, "budget_credits": limit_credits},
            actor=None if person == spender else spender,
            # A raised budget may be spent too, and is another.
            dedupe_key=f"{workspace.pk.hex} {spender.pk} {period} {limit_credits}",
        )


def tell_of_low_balance(*, workspace: Workspace, book: str, balance_credits: int, day: date) -> None:
    """Tell the workspace's owners and admins that its wallet has fallen below STUDIO_LOW_BALANCE_CREDITS.

    Once a day, however often refunds and grants lift it above that and charges lower it again.
    """
    for person in managers_of(workspace):
        notify(
            user=person,
            kind=NoticeKind.LOW_BALANCE,
            workspace=workspace,
            details={"balance_credits": balance_credits},
            dedupe_key=f"{workspace.pk.hex} {book} {day}",
        )
