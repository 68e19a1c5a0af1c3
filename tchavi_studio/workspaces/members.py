"""Who is in a workspace with which role: reads, role changes and removal."""

from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext as _

from tchavi_studio.long_lists import count_up_to, page_of
from tchavi_studio.refusals import UserFacingError

from .activity import Kind, record_activity
from .models import Membership, Permission, Role, Workspace
from .roles import may_give
from .signals import membership_ended

MEMBERS_PER_PAGE = 50
MAX_COUNT = 1000
"""From here on pages say "1,000+"."""


# --- Reads ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class MemberPage:
    """Members with their users, in the order in which they joined; `after` is the id to go on from, None at the end."""

    rows: list[Membership]
    after: int | None


def members_of(*, workspace: Workspace, after: int | None = None) -> MemberPage:
    """A page of the workspace's members."""
    members = Membership.objects.filter(workspace=workspace).select_related("user", "workspace").order_by("id")
    rows, has_more = page_of(members, length=MEMBERS_PER_PAGE, after=() if after is None else (after,))
    return MemberPage(rows=rows, after=rows[-1].pk if has_more else None)


def member_count(*, workspace: Workspace) -> int:
    """How many members there are, up to MAX_COUNT."""
    return count_up_to(Membership.objects.filter(workspace=workspace), MAX_COUNT)


def member_in(*, workspace: Workspace, member_id: int) -> Membership | None:
    """One of the workspace's members; None if there is none such."""
    members = Membership.objects.select_related("workspace", "user")
    return members.filter(workspace=workspace, pk=member_id).first()


def has_several_owners(*, workspace: Workspace) -> bool:
    """Whether an owner may be made something else: a last one keeps the role, for ownership is handed over."""
    return Membership.objects.filter(workspace=workspace, role=Role.OWNER)[:2].count() == 2


def roles_to_give(*, manager: Membership, member: Membership, has_several_owners: bool) -> list[Role]:
    """The roles that `manager` may give `member`, the present one included; none if theirs is not to be changed."""
    if not (manager.can(Permission.MANAGE) and may_give(manager.role, member.role)):
        return []
    if member.role == Role.OWNER and not has_several_owners:
        return []
    return [role for role in Role if may_give(manager.role, role)]


def may_remove(*, manager: Membership, member: Membership) -> bool:
    """Whether `manager` may remove `member`. Whoever wants to go themselves leaves."""
    return manager.can(Permission.MANAGE) and may_give(manager.role, member.role) and manager.user_id != member.user_id


# --- Writes -----------------------------------------------------------------------------------------------------------


class NotAllowedError(UserFacingError):
    """What this person wants to do takes a role that they don't have, or no longer."""

    def __init__(self) -> None:
        super().__init__(_("Your role here no longer allows that. Nothing was changed."))


class LastOwnerError(UserFacingError):
    """Without this person the workspace would have no owner."""

    def __init__(self) -> None:
        super().__init__(
            _("A workspace needs an owner, and this is the only one. Nothing was changed. Hand it over first.")
        )


class NoMemberError(UserFacingError):
    """The person isn't in the workspace any more."""

    def __init__(self) -> None:
        super().__init__(_("This person isn't a member any more. Nothing was changed."))


def lock_workspace(workspace: Workspace) -> Workspace:
    """The workspace as it is now, which nobody else changes until the commit, nor its members."""
    return Workspace.objects.select_for_update().get(pk=workspace.pk)


def managing(manager: Membership) -> Membership:
    """`manager` as they are now, in the transaction that holds the workspace's lock. Raises NotAllowedError."""
    now = Membership.objects.select_related("workspace", "user").filter(pk=manager.pk).first()
    if now is None or not now.can(Permission.MANAGE):
        raise NotAllowedError
    return now


@transaction.atomic
def change_role(*, manager: Membership, member_id: int, role: Role) -> Membership:
    """Give a member of the manager's workspace another role.

    Nobody gives or takes a role above their own. Raises NotAllowedError, LastOwnerError, NoMemberError.
    """
    workspace = lock_workspace(manager.workspace)
    manager, member = managing(manager), _member(workspace, member_id)
    if not (may_give(manager.role, member.role) and may_give(manager.role, role)):
        raise NotAllowedError
    before = member.role
    if before == role:
        return member
    if before == Role.OWNER and not has_several_owners(workspace=workspace):
        raise LastOwnerError
    member.role = role
    member.save(update_fields=["role"])
    record_activity(
        workspace=workspace,
        kind=Kind.ROLE_CHANGED,
        actor=manager.user,
        subject=member.user,
        details={"old_role": before, "role": str(role)},
    )
    return member


@transaction.atomic
def remove_member(*, manager: Membership, member_id: int) -> Membership:
    """End a membership. What the person made stays, their open clips are finished, and their API keys stop at once.

    Raises NotAllowedError, NoMemberError.
    """
    workspace = lock_workspace(manager.workspace)
    manager, member = managing(manager), _member(workspace, member_id)
    if not may_remove(manager=manager, member=member):
        raise NotAllowedError
    membership_ended.send(sender=Membership, workspace=workspace, user=member.user)
    Membership.objects.filter(pk=member.pk).delete()
    record_activity(
        workspace=workspace,
        kind=Kind.MEMBER_REMOVED,
        actor=manager.user,
        subject=member.user,
        details={"role": member.role},
    )
    return member


def _member(workspace: Workspace, member_id: int) -> Membership:
    member = member_in(workspace=workspace, member_id=member_id)
    if member is None:
        raise NoMemberError
    return member
