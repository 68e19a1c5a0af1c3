"""Reads for the site's own pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db.models import OuterRef

from tchavi_studio.assets.models import StorageUse
from tchavi_studio.ledger.models import Account, AccountName
from tchavi_studio.long_lists import CountUpTo
from tchavi_studio.workspaces.models import Membership, Workspace
from tchavi_studio.workspaces.queries import workspaces_found

MAX_MEMBERS = 100


@dataclass(frozen=True, kw_only=True)
class WorkspaceRow:
    """A workspace as site admins see it: figures, and nothing of what is in it. `member_count` stops at MAX_MEMBERS."""

    workspace: Workspace
    used_bytes: int
    balance_credits: int
    member_count: int

    @property
    def has_more_members(self) -> bool:
        return self.member_count >= MAX_MEMBERS


def workspace_rows(*, search: str, after: str) -> tuple[list[WorkspaceRow], str]:
    """A page of all workspaces and the slug to go on from; see `workspaces_found`."""
    page = workspaces_found(search=search, after=after)
    return _rows(page.rows), page.after


def workspace_row(workspace_id: UUID) -> WorkspaceRow | None:
    """One workspace; None if there is none such, or it is closed."""
    found = Workspace.objects.filter(pk=workspace_id, closed_at=None)
    return next(iter(_rows(list(found))), None)


def _rows(workspaces: Sequence[Workspace]) -> list[WorkspaceRow]:
    ids = [workspace.pk for workspace in workspaces]
    used = dict(StorageUse.objects.filter(pk__in=ids).values_list("pk", "byte_count"))
    wallets = Account.objects.filter(workspace__in=ids, book=settings.STUDIO_BOOK, name=AccountName.WALLET)
    balances = dict(wallets.values_list("workspace", "balance_credits"))
    members = CountUpTo(Membership.objects.filter(workspace=OuterRef("pk")), MAX_MEMBERS)
    counts = dict(Workspace.objects.filter(pk__in=ids).values_list("pk", members))
    return [
        WorkspaceRow(
            workspace=workspace,
            used_bytes=used.get(workspace.pk, 0),
            balance_credits=balances.get(workspace.pk, 0),
            member_count=counts[workspace.pk],
        )
        for workspace in workspaces
    ]
