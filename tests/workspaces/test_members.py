"""Members: who may change whose role, and what ends with a membership."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connections
from django.test import Client
from django.utils import timezone

from tchavi_studio.api.models import ApiKey
from tchavi_studio.api.services import create_key
from tchavi_studio.workspaces import members
from tchavi_studio.workspaces.members import (
    LastOwnerError,
    NoMemberError,
    NotAllowedError,
    change_role,
    has_several_owners,
    member_count,
    members_of,
    remove_member,
    roles_to_give,
)
from tchavi_studio.workspaces.models import ActivityRow, Membership, Role, User, Workspace
from tchavi_studio.workspaces.services import create_workspace
from tests.api.conftest import Program
from tests.conftest import make_person
from tests.databases import Database
from tests.plans import listed_by_index


def join(workspace: Workspace, user: User, role: Role) -> Membership:
    return Membership.objects.create(workspace=workspace, user=user, role=role)


MANAGES = {Role.OWNER, Role.ADMIN}
ALL_ROLES = list(Role)


@pytest.mark.parametrize("manager_role", ALL_ROLES)
def test_every_change_of_role(workspace: Workspace, bob: User, manager_role: Role) -> None:
    """Owners may give any role, admins any but owner's and to nobody who is one, the others none."""
    manager = join(workspace, bob, manager_role)
    member = join(workspace, make_person("Carla"), Role.VIEWER)
    for before in ALL_ROLES:
        for after in ALL_ROLES:
            Membership.objects.filter(pk=member.pk).update(role=before)
            is_allowed = manager_role == Role.OWNER or (
                manager_role == Role.ADMIN and Role.OWNER not in (before, after)
            )
            try:
                changed = change_role(manager=manager, member_id=member.pk, role=after)
            except NotAllowedError:
                assert not is_allowed, (before, after)
                member.refresh_from_db()
                assert member.role == before
            else:
                assert is_allowed, (before, after)
                assert changed.role == after
                shown = roles_to_give(manager=manager, member=changed, has_several_owners=True)
                assert shown == [role for role in ALL_ROLES if manager_role == Role.OWNER or role != Role.OWNER]


def test_a_change_is_written_down_once(membership: Membership, workspace: Workspace, bob: User) -> None:
    member = join(workspace, bob, Role.CREATOR)
    for _press in range(2):
        change_role(manager=membership, member_id=member.pk, role=Role.AUDITOR)
    row = ActivityRow.objects.get(kind="member.role_changed")
    assert (row.actor_id, row.subject, row.details) == (
        membership.user_id,
        bob,
        {"old_role": "creator", "role": "auditor"},
    )


def test_the_last_owner_stays(membership: Membership, workspace: Workspace, bob: User) -> None:
    assert not has_several_owners(workspace=workspace)
    assert roles_to_give(manager=membership, member=membership, has_several_owners=False) == []
    with pytest.raises(LastOwnerError):
        change_role(manager=membership, member_id=membership.pk, role=Role.ADMIN)
    join(workspace, bob, Role.OWNER)
    assert has_several_owners(workspace=workspace)
    assert change_role(manager=membership, member_id=membership.pk, role=Role.ADMIN).role == "admin"


@pytest.mark.own_database
def test_of_two_owners_who_lower_each_other_one_stays(own_database: Database, alice: User, bob: User) -> None:
    first = Membership.objects.get(user=alice)
    second = join(first.workspace, bob, Role.OWNER)

    def lower(pair: tuple[Membership, Membership]) -> str:
        try:
            return change_role(manager=pair[0], member_id=pair[1].pk, role=Role.VIEWER).role
        except NotAllowedError:
            return "refused"
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(lower, [(first, second), (second, first)])) == ["refused", "viewer"]
    assert first.workspace.memberships.filter(role=Role.OWNER).count() == 1


def test_removal_ends_pages_and_keys_and_keeps_the_rest(
    membership: Membership, workspace: Workspace, bob: User, client: Client
) -> None:
    member = join(workspace, bob, Role.CREATOR)
    key = create_key(workspace=workspace, user=bob, name="Nightly")
    other = create_key(workspace=Workspace.objects.get(slug="bobs-studio"), user=bob, name="Own")
    client.force_login(bob)
    page = f"/w/{workspace.slug}/gallery/"
    assert client.get(page).status_code == 200
    assert Program(key.key).get("/models").status_code == 200
    remove_member(manager=membership, member_id=member.pk)
    assert client.get(page).status_code == 404
    assert client.get("/", follow=True).redirect_chain[-1][0] == "/w/bobs-studio/create/", "still signed in"
    assert Program(key.key).get("/models").status_code == 401
    assert Program(other.key).get("/models").status_code == 200
    # Coming back brings no key back.
    join(workspace, bob, Role.CREATOR)
    assert ApiKey.objects.get(pk=key.row.pk).is_revoked
    row = ActivityRow.objects.get(kind="member.removed")
    assert (row.actor_id, row.subject, row.details) == (membership.user_id, bob, {"role": "creator"})


def test_nobody_is_removed_from_below_or_by_themselves(membership: Membership, workspace: Workspace, bob: User) -> None:
    admin = join(workspace, bob, Role.ADMIN)
    for manager, member in ((admin, membership), (admin, admin), (membership, membership)):
        with pytest.raises(NotAllowedError):
            remove_member(manager=manager, member_id=member.pk)
    for role in (Role.CREATOR, Role.VIEWER, Role.AUDITOR):
        Membership.objects.filter(pk=admin.pk).update(role=role)
        with pytest.raises(NotAllowedError):
            remove_member(manager=admin, member_id=membership.pk)
    assert workspace.memberships.count() == 2


def test_members_of_other_workspaces_are_out_of_reach(membership: Membership, bob: User) -> None:
    elsewhere = Membership.objects.get(user=bob)
    with pytest.raises(NoMemberError):
        remove_member(manager=membership, member_id=elsewhere.pk)
    with pytest.raises(NoMemberError):
        change_role(manager=membership, member_id=elsewhere.pk, role=Role.VIEWER)


def test_pages_of_members(membership: Membership, workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(members, "MEMBERS_PER_PAGE", 2)
    joined = [join(workspace, make_person(f"Person{number}"), Role.VIEWER) for number in range(3)]
    with listed_by_index(Membership):
        first = members_of(workspace=workspace)
        second = members_of(workspace=workspace, after=first.after)
        assert member_count(workspace=workspace) == 4
    assert (first.rows, first.after) == ([membership, joined[0]], joined[0].pk)
    assert (second.rows, second.after) == (joined[1:], None)


def test_when_somebody_was_last_here_is_known_to_five_minutes(
    membership: Membership, workspace: Workspace, alice: User, alice_browser: Client
) -> None:
    other = create_workspace(name="Lagune", owner=alice)

    def seen() -> object:
        membership.refresh_from_db()
        return membership.seen_at

    assert seen() is None
    alice_browser.get(f"/w/{workspace.slug}/gallery/")
    first = seen()
    assert first is not None
    alice_browser.get(f"/w/{workspace.slug}/gallery/")
    assert seen() == first
    Membership.objects.filter(pk=membership.pk).update(seen_at=timezone.now() - timedelta(minutes=5))
    alice_browser.get(f"/w/{workspace.slug}/gallery/")
    assert membership.seen_at is not None
    assert seen() > first  # type: ignore[operator]
    assert Membership.objects.get(workspace=other).seen_at is None
