"""Workspaces are created, left, handed over and archived; races have one winner."""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from threading import Barrier

import pytest
from django.db import connections
from django.utils import timezone
from pytest_django import Settings

from tchavi_studio.api.services import create_key
from tchavi_studio.workspaces.activity import Kind
from tchavi_studio.workspaces.models import ActivityRow, Invitation, Membership, Role, User, Workspace
from tchavi_studio.workspaces.ownership import (
    HeirGoneError,
    LastOwnerError,
    NotAnOwnerError,
    TooManyWorkspacesError,
    archive_workspace,
    found_workspace,
    hand_over,
    leave_workspace,
    may_create_workspaces,
    unarchive_workspace,
)
from tests.databases import Database


def join(workspace: Workspace, user: User, role: Role = Role.CREATOR) -> Membership:
    return Membership.objects.create(workspace=workspace, user=user, role=role)


def activity(workspace: Workspace) -> list[tuple[str, str | None, str | None, dict[str, object]]]:
    rows = ActivityRow.objects.filter(workspace=workspace).order_by("sequence").select_related("actor", "subject")
    return [
        (row.kind, row.actor.name if row.actor else None, row.subject.name if row.subject else None, row.details)
        for row in rows
    ]


def roles(workspace: Workspace) -> dict[str, str]:
    return dict(workspace.memberships.values_list("user__name", "role"))


def outcomes_of(calls: Sequence[Callable[[], object]]) -> Counter[str]:
    gate = Barrier(len(calls))

    def run(call: Callable[[], object]) -> str:
        gate.wait(60)
        try:
            return type(call()).__name__
        except Exception as error:
            return type(error).__name__
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(calls)) as pool:
        return Counter(pool.map(run, calls))


def test_a_person_owns_no_more_than_the_setting_allows(alice: User, settings: Settings) -> None:
    settings.STUDIO_WORKSPACES_PER_PERSON = 2
    lagune = found_workspace(name="Lagune", user=alice)
    assert (lagune.slug, roles(lagune)) == ("lagune", {"Alice": "owner"})
    assert activity(lagune) == [("workspace.created", "Alice", None, {"name": "Lagune"})]
    with pytest.raises(TooManyWorkspacesError) as refused:
        found_workspace(name="One more", user=alice)
    assert refused.value.message == (
        "You own 2 workspaces, and nobody may own more here. Nothing was created. Hand one over first, or ask a site "
        "admin."
    )
    assert Workspace.objects.count() == 2


def test_who_may_create_is_a_setting(alice: User, bob: User, settings: Settings) -> None:
    assert (may_create_workspaces(alice), may_create_workspaces(bob)) == (True, True)
    settings.STUDIO_WORKSPACE_CREATION = "admins"
    assert (may_create_workspaces(alice), may_create_workspaces(bob)) == (True, False)


def test_leaving_ends_the_membership_and_the_keys(workspace: Workspace, bob: User) -> None:
    key = create_key(workspace=workspace, user=bob, name="Nightly").row
    leave_workspace(membership=join(workspace, bob))
    assert roles(workspace) == {"Alice": "owner"}
    key.refresh_from_db()
    assert key.is_revoked
    assert activity(workspace)[-1] == ("member.left", "Bob", "Bob", {"role": "creator"})


def test_the_last_owner_stays(workspace: Workspace, membership: Membership, bob: User) -> None:
    member = join(workspace, bob)
    with pytest.raises(LastOwnerError):
        leave_workspace(membership=membership)
    Membership.objects.filter(pk=member.pk).update(role=Role.OWNER)
    leave_workspace(membership=membership)
    assert roles(workspace) == {"Bob": "owner"}


def test_handing_over_makes_the_old_owner_an_admin(workspace: Workspace, alice: User, bob: User) -> None:
    with pytest.raises(HeirGoneError):
        hand_over(workspace=workspace, owner=alice, heir=bob)
    join(workspace, bob)
    hand_over(workspace=workspace, owner=alice, heir=bob)
    assert roles(workspace) == {"Alice": "admin", "Bob": "owner"}
    assert activity(workspace) == [("workspace.handed_over", "Alice", "Bob", {"role": "creator"})]
    with pytest.raises(NotAnOwnerError):
        hand_over(workspace=workspace, owner=alice, heir=bob)
    User.objects.filter(pk=alice.pk).update(is_active=False)
    with pytest.raises(HeirGoneError):
        hand_over(workspace=workspace, owner=bob, heir=alice)


def test_archiving_voids_invitations_and_can_be_undone(workspace: Workspace, alice: User) -> None:
    open_one = Invitation.objects.create(
        workspace=workspace, role=Role.VIEWER, token_hash="a", inviter=alice, expires_at=timezone.now() + timedelta(7)
    )
    for _press in range(2):
        archive_workspace(workspace=workspace, owner=alice)
    open_one.refresh_from_db()
    workspace.refresh_from_db()
    assert open_one.withdrawn_at == workspace.archived_at is not None
    member = Membership.objects.select_related("workspace").get(workspace=workspace)
    assert [member.can(permission) for permission in ("view", "create", "manage", "own")] == [True, False, False, True]
    for _press in range(2):
        unarchive_workspace(workspace=workspace, owner=alice)
    assert not Workspace.objects.exclude(archived_at=None).exists()
    assert [kind for kind, *_rest in activity(workspace)] == [Kind.WORKSPACE_ARCHIVED, Kind.WORKSPACE_UNARCHIVED]


@pytest.mark.own_database
def test_of_two_owners_who_leave_at_once_one_stays(own_database: Database, alice: User, bob: User) -> None:
    workspace = Workspace.objects.get(memberships__user=alice)
    members = [Membership.objects.get(workspace=workspace, user=alice), join(workspace, bob, Role.OWNER)]
    calls = [partial(leave_workspace, membership=each) for each in members]
    assert outcomes_of(calls) == {"NoneType": 1, "LastOwnerError": 1}
    assert list(roles(workspace).values()) == ["owner"]


@pytest.mark.own_database
def test_of_two_hand_overs_at_once_one_happens(own_database: Database, alice: User, bob: User) -> None:
    workspace = Workspace.objects.get(memberships__user=alice)
    chloe = User.objects.create_user("chloe@example.org", name="Chloé")
    for user in (bob, chloe):
        join(workspace, user)
    calls = [partial(hand_over, workspace=workspace, owner=alice, heir=heir) for heir in (bob, chloe)]
    assert outcomes_of(calls) == {"NoneType": 1, "NotAnOwnerError": 1}
    assert Counter(roles(workspace).values()) == {"owner": 1, "admin": 1, "creator": 1}


@pytest.mark.own_database
def test_workspaces_created_at_once_do_not_pass_the_limit(
    own_database: Database, alice: User, settings: Settings
) -> None:
    settings.STUDIO_WORKSPACES_PER_PERSON = 2
    calls = [lambda: found_workspace(name="Lagune", user=alice)] * 3
    assert outcomes_of(calls) == {"Workspace": 1, "TooManyWorkspacesError": 2}
