"""Who gets which workspace, and who becomes the site's admin."""

import pytest

from tchavi_studio.workspaces.models import Role, User, Workspace
from tchavi_studio.workspaces.queries import home_membership
from tchavi_studio.workspaces.services import create_workspace


def test_the_first_person_is_the_sites_admin_and_no_other(alice: User, bob: User) -> None:
    assert (alice.is_founder, alice.is_staff, alice.is_superuser) == (True, True, True)
    assert (bob.is_founder, bob.is_staff, bob.is_superuser) == (False, False, False)


def test_everybody_owns_a_workspace_and_is_led_to_it(alice: User, bob: User) -> None:
    home = home_membership(bob)
    assert home is not None
    assert home.workspace.name == "Bob's studio"
    assert [(m.user, m.role) for m in home.workspace.memberships.all()] == [(bob, Role.OWNER)]


@pytest.mark.parametrize(
    ("name", "slug"), [("Lagune Films", "lagune-films"), ("Été à Lomé", "ete-a-lome"), ("★", "workspace")]
)
def test_a_workspaces_slug_comes_from_its_name(alice: User, name: str, slug: str) -> None:
    assert create_workspace(name=name, owner=alice).slug == slug


def test_two_workspaces_of_one_name_differ_in_their_slugs(alice: User) -> None:
    create_workspace(name="Lagune", owner=alice)
    second = create_workspace(name="Lagune", owner=alice)
    assert second.slug.startswith("lagune-")
    assert Workspace.objects.filter(name="Lagune").count() == 2
