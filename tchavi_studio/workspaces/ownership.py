"""Workspaces from beginning to end: create, leave, hand over, archive."""

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from tchavi_studio.refusals import UserFacingError

from .activity import Kind, record_activity
from .models import Membership, Role, User, Workspace
from .services import create_workspace
from .signals import membership_ended, workspace_archived


class TooManyWorkspacesError(UserFacingError):
    """This person owns STUDIO_WORKSPACES_PER_PERSON workspaces."""

    def __init__(self) -> None:
        super().__init__(
            ngettext(
                "You own %(max)s workspace, and nobody may own more here. Nothing was created. Hand one over first, or "
                "ask a site admin.",
                "You own %(max)s workspaces, and nobody may own more here. Nothing was created. Hand one over first, "
                "or ask a site admin.",
                settings.STUDIO_WORKSPACES_PER_PERSON,
            )
            % {"max": settings.STUDIO_WORKSPACES_PER_PERSON}
        )


class LastOwnerError(UserFacingError):
    """Without this person the workspace would have no owner."""

    def __init__(self) -> None:
        super().__init__(
            _(
                "You are the only owner of this workspace, so you can't leave it. Nothing was changed. Hand it over to "
                "another member first, or archive it."
            )
        )


class NotAnOwnerError(UserFacingError):
    """The role of whoever wants this changed a moment ago."""

    def __init__(self) -> None:
        super().__init__(_("You are no longer an owner of this workspace. Nothing was changed."))


class HeirGoneError(UserFacingError):
    """Whoever was to get the workspace can't have it."""

    def __init__(self) -> None:
        super().__init__(
            _("This person is no longer a member, or is blocked. Nothing was changed. Choose somebody else.")
        )


def may_create_workspaces(user: User) -> bool:
    """Whether STUDIO_WORKSPACE_CREATION lets this person create workspaces at all."""
    return settings.STUDIO_WORKSPACE_CREATION == "everyone" or user.is_staff


@transaction.atomic
def found_workspace(*, name: str, user: User) -> Workspace:
    """Create another workspace, without credits, for somebody who may. Raises TooManyWorkspacesError."""
    assert may_create_workspaces(user)
    # Simultaneous requests queue here, so that each counts those before it.
    User.objects.select_for_update(no_key=True).get(pk=user.pk)
    owned = user.memberships.filter(role=Role.OWNER)
    if owned[: settings.STUDIO_WORKSPACES_PER_PERSON].count() >= settings.STUDIO_WORKSPACES_PER_PERSON:
        raise TooManyWorkspacesError
    workspace = create_workspace(name=name, owner=user)
    record_activity(workspace=workspace, kind=Kind.WORKSPACE_CREATED, actor=user, details={"name": workspace.name})
    return workspace


def lock_workspace(workspace: Workspace) -> Workspace:
    """The workspace as it is now, which nobody else changes until the commit. Its owners change under this lock too."""
    return Workspace.objects.select_for_update().get(pk=workspace.pk)


@transaction.atomic
def leave_workspace(*, membership: Membership) -> None:
    """End one's own membership. What one made stays; one's keys stop at once. Raises LastOwnerError."""
    workspace = lock_workspace(membership.workspace)
    others = workspace.memberships.filter(role=Role.OWNER).exclude(user=membership.user_id)
    still = workspace.memberships.filter(user=membership.user_id).first()
    if still is None:
        return
    if still.role == Role.OWNER and not others.exists():
        raise LastOwnerError
    membership_ended.send(sender=Membership, workspace=workspace, user=membership.user)
    still.delete()
    record_activity(
        workspace=workspace,
        kind=Kind.MEMBER_LEFT,
        actor=membership.user,
        subject=membership.user,
        details={"role": still.role},
    )


@transaction.atomic
def hand_over(*, workspace: Workspace, owner: User, heir: User) -> None:
    """Make `heir`, a member, an owner, and `owner` an admin. Raises NotAnOwnerError, HeirGoneError."""
    lock_workspace(workspace)
    roles = {member.user_id: member for member in workspace.memberships.filter(user__in=[owner, heir])}
    if owner.pk not in roles or roles[owner.pk].role != Role.OWNER:
        raise NotAnOwnerError
    if heir.pk not in roles or heir == owner or not User.objects.filter(pk=heir.pk, is_active=True).exists():
        raise HeirGoneError
    before = roles[heir.pk].role
    roles[owner.pk].role, roles[heir.pk].role = Role.ADMIN, Role.OWNER
    for member in roles.values():
        member.save(update_fields=["role"])
    record_activity(
        workspace=workspace, kind=Kind.OWNERSHIP_HANDED_OVER, actor=owner, subject=heir, details={"role": before}
    )


@transaction.atomic
def archive_workspace(*, workspace: Workspace, owner: User) -> None:
    """Make the workspace read-only, until it is taken out again. Open invitations end; open clips are finished."""
    locked = lock_workspace(workspace)
    if locked.archived_at:
        return
    now = timezone.now()
    locked.archived_at = now
    locked.save(update_fields=["archived_at"])
    locked.invitations.filter(accepted_at=None, withdrawn_at=None).update(withdrawn_at=now)
    workspace_archived.send(sender=Workspace, workspace=locked, actor=owner)
    record_activity(workspace=locked, kind=Kind.WORKSPACE_ARCHIVED, actor=owner)


@transaction.atomic
def unarchive_workspace(*, workspace: Workspace, owner: User) -> None:
    """Take the workspace out of the archive: everything works again as its members' roles allow."""
    locked = lock_workspace(workspace)
    if locked.archived_at is None:
        return
    locked.archived_at = None
    locked.save(update_fields=["archived_at"])
    record_activity(workspace=locked, kind=Kind.WORKSPACE_UNARCHIVED, actor=owner)
