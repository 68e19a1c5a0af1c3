"""The table of roles: who may give which, and what an archived workspace still allows."""

from django.utils import timezone

from tchavi_studio.workspaces.models import Membership, Permission, Role, Workspace
from tchavi_studio.workspaces.roles import may_give


def test_nobody_gives_a_role_above_their_own() -> None:
    given = {giver.value: {role.value for role in Role if may_give(giver, role)} for giver in Role}
    assert given == {
        "owner": {"owner", "admin", "creator", "viewer", "auditor"},
        "admin": {"admin", "creator", "viewer", "auditor"},
        "creator": set(),
        "viewer": set(),
        "auditor": set(),
    }


def test_an_archived_workspace_can_only_be_read() -> None:
    open_one, archived = Workspace(), Workspace(archived_at=timezone.now())
    allowed = {
        (workspace is archived, role.value): {
            p.value for p in Permission if Membership(workspace=workspace, role=role).can(p)
        }
        for workspace in (open_one, archived)
        for role in Role
    }
    assert allowed == {
        (False, "owner"): {"view", "comment", "create", "manage", "own", "audit"},
        (False, "admin"): {"view", "comment", "create", "manage", "audit"},
        (False, "creator"): {"view", "comment", "create"},
        (False, "viewer"): {"view", "comment"},
        (False, "auditor"): {"view", "audit"},
        (True, "owner"): {"view", "own", "audit"},
        (True, "admin"): {"view", "audit"},
        (True, "creator"): {"view"},
        (True, "viewer"): {"view"},
        (True, "auditor"): {"view", "audit"},
    }
