"""Creating workspaces, and the first user becoming site admin."""

import pytest

from tchavi_studio.workspaces.models import Role, User, Workspace
from tchavi_studio.workspaces.queries import home_membership
from tchavi_studio.workspaces.services import create_workspace


def test_only_the_first_user_becomes_site_admin(alice: User, bob: User) -> None:
    assert (alice.is_founder, alice.is_staff, alice.is_superuser) == (True, True, True)
    assert (bob.is_founder, bob.is_staff, bob.is_superuser) == (False, False, False)


def test_new_user_owns_a_workspace_and_starts_there(alice: User, bob: User) -> None:
    home = home_membership(bob)
    assert home is not None
    assert home.workspace.name == "Bob's studio"
    assert [(m.user, m.role) for m in home.workspace.memberships.all()] == [(bob, Role.OWNER)]


@pytest.mark.parametrize(
    ("name", "slug"), [("Lagune Films", "lagune-films"), ("Été à Lomé", "ete-a-lome"), ("★", "workspace")]
)
def test_slug_comes_from_the_name(alice: User, name: str, slug: str) -> None:
    assert create_workspace(name=name, owner=alice).slug == slug


def test_workspaces_with_the_same_name_get_different_slugs(alice: User) -> None:
    create_workspace(name="Lagune", owner=alice)
    second = create_workspace(name="Lagune", owner=alice)
    assert second.slug.startswith("lagune-")
    assert Workspace.objects.filter(name="Lagune").count() == 2
