"""Who may do what in a workspace: the one table. The Team page and docs/roles.md show it."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    """A member's role; see `ROLE_PERMISSIONS` for what each may do."""

    OWNER = "owner", _("Owner")
    ADMIN = "admin", _("Admin")
    CREATOR = "creator", _("Creator")
    VIEWER = "viewer", _("Viewer")
    AUDITOR = "auditor", _("Auditor")


class Permission(models.TextChoices):
    """What a role can allow inside a workspace."""

    VIEW = "view", _("See the workspace's clips and balance, and one's own credits")
    COMMENT = "comment", _("Comment on clips, rate them, mark favourites")
    CREATE = "create", _("Generate clips, tag and collect them, upload references, make API keys")
    MANAGE = "manage", _("Invite people, change roles, budgets, settings and webhooks, answer requests")
    OWN = "own", _("Hand over the workspace, archive it")
    AUDIT = "audit", _("Read everybody's credits and the activity, review differences, close months")


ROLE_PERMISSIONS: dict[str, frozenset[str]] = {
    Role.OWNER: frozenset(Permission),
    Role.ADMIN: frozenset(Permission) - {Permission.OWN},
    Role.CREATOR: frozenset({Permission.VIEW, Permission.COMMENT, Permission.CREATE}),
    Role.VIEWER: frozenset({Permission.VIEW, Permission.COMMENT}),
    # Moves no credits and generates nothing; of private clips it sees figures, never words or pictures.
    Role.AUDITOR: frozenset({Permission.VIEW, Permission.AUDIT}),
}

WRITING = frozenset({Permission.COMMENT, Permission.CREATE, Permission.MANAGE})
"""What nobody may do in an archived workspace. Its owners may still take it out of the archive or hand it over."""

RANKS = {role: rank for rank, role in enumerate([Role.VIEWER, Role.AUDITOR, Role.CREATOR, Role.ADMIN, Role.OWNER])}


def may_give(giver: str, role: str) -> bool:
    """Whether a member with the role `giver` may give somebody `role`, or take it away.

    That takes the right to manage people, and a role that is no lower.
    """
    return Permission.MANAGE in ROLE_PERMISSIONS[giver] and RANKS[Role(role)] <= RANKS[Role(giver)]
