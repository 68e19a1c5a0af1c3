"""A person's keys in all workspaces, to which a new password leads."""

from datetime import timedelta

from django.test import Client
from django.utils import timezone

from tchavi_studio.api.models import ApiKey
from tchavi_studio.api.services import create_key
from tchavi_studio.workspaces.models import Membership, Role, User, Workspace
from tchavi_studio.workspaces.services import create_workspace
from tests.conftest import PASSWORD
from tests.plans import listed_by_index


def test_a_new_password_leads_to_the_usable_keys_of_all_workspaces(
    alice_browser: Client, alice: User, bob: User, workspace: Workspace
) -> None:
    lagune = create_workspace(name="Lagune", owner=alice)
    Membership.objects.create(workspace=workspace, user=bob, role=Role.CREATOR)
    create_key(workspace=workspace, user=alice, name="Nightly")
    create_key(workspace=lagune, user=alice, name="Trailers", is_test=True)
    create_key(workspace=lagune, user=alice, name="Expired", expires_at=timezone.now() - timedelta(days=1))
    revoked = create_key(workspace=lagune, user=alice, name="Revoked").row
    ApiKey.objects.filter(pk=revoked.pk).update(revoked_at=timezone.now())
    create_key(workspace=workspace, user=bob, name="Bob's")
    new = {"oldpassword": PASSWORD, "password1": "silver hour 18", "password2": "silver hour 18"}
    with listed_by_index(ApiKey):
        answer = alice_browser.post("/accounts/password/change/", new, follow=True)
    assert answer.redirect_chain == [("/account/keys/", 302)]
    page = answer.content.decode()
    assert "revoke those you don't recognise" in page
    names = ("Trailers", "Nightly", "Expired", "Revoked", "Bob")
    assert [f"<b>{name}" in page for name in names] == [True, True, False, False, False]
    assert page.index("<b>Trailers") < page.index("<b>Nightly")


def test_without_keys_the_page_says_so(alice_browser: Client) -> None:
    assert "You have no API keys" in alice_browser.get("/account/keys/").content.decode()


def test_only_own_keys_are_revoked(alice_browser: Client, alice: User, bob: User, workspace: Workspace) -> None:
    own = create_key(workspace=workspace, user=alice, name="Nightly").row
    theirs = create_key(workspace=workspace, user=bob, name="Bob's").row
    assert alice_browser.post(f"/account/keys/{theirs.pk}/revoke/").status_code == 404
    answer = alice_browser.post(f"/account/keys/{own.pk}/revoke/", follow=True)
    assert "Key “Nightly” revoked." in answer.content.decode()
    assert {key.name: key.is_revoked for key in ApiKey.objects.all()} == {"Nightly": True, "Bob's": False}


def test_a_reset_password_leads_there_too(client: Client, db: None) -> None:
    page = client.get("/accounts/password/reset/key/done/").content.decode()
    assert 'href="/accounts/login/?next=/account/keys/"' in page
