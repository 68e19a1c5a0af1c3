"""Which rows of a wallet's statement, and of its daily sums, somebody may see. Every read of them starts here."""

from django.db.models import QuerySet

from tchavi_studio.workspaces.models import Membership, Permission, Workspace

from .models import Account, AccountName, DailySpending, StatementEntry


def wallet_of(*, workspace: Workspace, book: str) -> Account | None:
    """A workspace's wallet; None if it was never opened."""
    return Account.objects.filter(workspace=workspace, book=book, name=AccountName.WALLET).first()


def sees_all_credits(membership: Membership) -> bool:
    """Whether this member sees everybody's rows, or only their own. The balance is everybody's."""
    return membership.can(Permission.AUDIT)


def entries_for_viewer(
    membership: Membership, wallet: Account | None, *, only_own: bool = False
) -> QuerySet[StatementEntry]:
    """The rows that this member sees of their workspace's wallet, or `only_own`, newest first."""
    if wallet is None or wallet.workspace_id != membership.workspace_id:
        return StatementEntry.objects.none()
    rows = StatementEntry.objects.filter(wallet=wallet).order_by("-row_number")
    return rows.filter(member=membership.user_id) if only_own or not sees_all_credits(membership) else rows


def spending_for_viewer(
    membership: Membership, wallet: Account | None, *, only_own: bool = False
) -> QuerySet[DailySpending]:
    """The daily sums of the rows that `entries_for_viewer` shows, by day."""
    if wallet is None or wallet.workspace_id != membership.workspace_id:
        return DailySpending.objects.none()
    sums = DailySpending.objects.filter(wallet=wallet).order_by("day")
    return sums.filter(member=membership.user_id) if only_own or not sees_all_credits(membership) else sums
