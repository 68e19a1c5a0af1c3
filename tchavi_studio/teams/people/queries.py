"""Reads for the Team page."""

from dataclasses import dataclass

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from tchavi_studio.generations.queries import MAX_COUNT as MAX_CLIP_COUNT
from tchavi_studio.generations.queries import clip_counts_of
from tchavi_studio.ledger.queries import Budget, budgets_of_members
from tchavi_studio.notices.models import Notice
from tchavi_studio.workspaces.invitations import ending_of
from tchavi_studio.workspaces.members import has_several_owners, may_remove, members_of, roles_to_give
from tchavi_studio.workspaces.models import Invitation, Membership, Permission, Role
from tchavi_studio.workspaces.roles import ROLE_PERMISSIONS
from tchavi_studio.workspaces.services import SEEN_RESOLUTION


@dataclass(frozen=True, kw_only=True)
class MemberRow:
    """A member as the page shows them.

    `clip_count` is None for those who may not know it, and for who makes none; so is `budget`.
    """

    member: Membership
    is_viewer: bool
    roles: list[Role]
    may_be_removed: bool
    clip_count: int | None
    budget: Budget | None

    @property
    def is_here(self) -> bool:
        """Whether the member has used the workspace within the resolution of `seen_at`."""
        seen_at = self.member.seen_at
        return seen_at is not None and seen_at > timezone.now() - SEEN_RESOLUTION

    @property
    def has_more_clips(self) -> bool:
        return self.clip_count is not None and self.clip_count >= MAX_CLIP_COUNT


@dataclass(frozen=True, kw_only=True)
class MemberList:
    """A page of members; `after` is the id to go on from, None at the end."""

    rows: list[MemberRow]
    after: int | None


def member_list(*, viewer: Membership, after: int | None) -> MemberList:
    """A page of the members of the viewer's workspace, and what the viewer may do with each of them."""
    page = members_of(workspace=viewer.workspace, after=after)
    manages, audits = viewer.can(Permission.MANAGE), viewer.can(Permission.AUDIT)
    several = has_several_owners(workspace=viewer.workspace) if manages else False
    counts = clip_counts_of(page.rows) if audits else {}
    budgets = budgets_of_members(page.rows, book=settings.STUDIO_BOOK) if audits else {}
    rows = [
        MemberRow(
            member=member,
            is_viewer=member.user_id == viewer.user_id,
            roles=roles_to_give(manager=viewer, member=member, has_several_owners=several) if manages else [],
            may_be_removed=manages and may_remove(manager=viewer, member=member),
            clip_count=_clip_count(member, counts),
            budget=budgets.get(member.user_id),
        )
        for member in page.rows
    ]
    return MemberList(rows=rows, after=page.after)


def _clip_count(member: Membership, counts: dict[int, int]) -> int | None:
    count = counts.get(member.user_id)
    makes_clips = Permission.CREATE in ROLE_PERMISSIONS[member.role]
    return count if makes_clips or count else None


def role_table() -> list[tuple[str, list[bool]]]:
    """What each role may do: each permission, and whether each role of `Role` has it."""
    return [
        (str(permission.label), [permission in ROLE_PERMISSIONS[role] for role in Role]) for permission in Permission
    ]


def permissions_of(role: str) -> list[str]:
    """What a role may do, in words."""
    return [str(permission.label) for permission in Permission if permission in ROLE_PERMISSIONS[role]]


def path_of_invitation(notice: Notice) -> str | None:
    """Where a notice of an invitation leads: to the person's own invitations, while it is open."""
    found = Invitation.objects.select_related("workspace")
    invitation = found.filter(pk=notice.reference).first() if notice.reference else None
    return reverse("own_invitations:list") if invitation and ending_of(invitation) is None else None
