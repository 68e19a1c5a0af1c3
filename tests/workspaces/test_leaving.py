"""Deleting an account: what goes, what stays, and when it is refused."""

from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.http import QueryDict
from django.test import Client
from django.utils import timezone

from tchavi_studio.api.models import ApiKey
from tchavi_studio.api.services import create_key
from tchavi_studio.create.models import Draft
from tchavi_studio.create.services import save_draft
from tchavi_studio.ledger.models import Transfer
from tchavi_studio.ledger.verification import verify_ledger
from tchavi_studio.workspaces.models import Membership, Role, Session, User, Workspace
from tchavi_studio.workspaces.queries import workspaces_found
from tchavi_studio.workspaces.services import OnlyOwnerError, OnlySiteAdminError, create_workspace, delete_account
from tests.conftest import PASSWORD

PATH = "/account/data/delete/"


@pytest.fixture
def bob_browser(bob: User) -> Client:
    browser = Client()
    browser.force_login(bob)
    return browser


def confirm_password(browser: Client, path: str = PATH) -> object:
    return browser.post(f"/accounts/reauthenticate/?next={path}", {"password": PASSWORD})


def test_deletion_takes_the_address_and_the_password(bob_browser: Client, bob: User) -> None:
    wrong = bob_browser.post(PATH, {"email": "alice@example.org"})
    assert wrong.status_code == 422
    assert "That isn&#x27;t your email address. Nothing was deleted." in wrong.content.decode()
    asked = bob_browser.post(PATH, {"email": "Bob@example.org"})
    assert asked["Location"].startswith("/accounts/reauthenticate/")
    bob.refresh_from_db()
    assert bob.is_active
    answer = bob_browser.post(f"/accounts/reauthenticate/?next={PATH}", {"password": PASSWORD}, follow=True)
    assert answer.redirect_chain == [("/accounts/login/", 302)]
    assert "Your account is deleted." in answer.content.decode()
    assert bob_browser.get("/")["Location"] == "/accounts/login/?next=/"


def test_the_page_says_what_happens(bob_browser: Client, bob: User) -> None:
    page = bob_browser.get("/account/data/").content.decode()
    assert "“Bob&#x27;s studio” is closed, because nobody else uses it." in page
    assert "its 10,000 credits are lost" in page
    assert f"you become “Former member {bob.pk}”" in page


def test_everything_personal_goes_and_the_number_stays(
    bob_browser: Client, bob: User, workspace: Workspace, client: Client
) -> None:
    own = Workspace.objects.get(memberships__user=bob)
    Membership.objects.create(workspace=workspace, user=bob, role=Role.CREATOR)
    create_key(workspace=own, user=bob, name="Nightly")
    create_key(workspace=workspace, user=bob, name="Trailers")
    EmailAddress.objects.create(user=bob, email=bob.email, primary=True)
    TOTP.activate(bob, generate_totp_secret())
    save_draft(workspace=workspace, user=bob, values=QueryDict("prompt=Secret", mutable=True))
    before = list(Transfer.objects.values())
    delete_account(user=bob)
    bob.refresh_from_db()
    assert (bob.name, bob.email, bob.is_active) == ("", f"former-member-{bob.pk}@account.invalid", False)
    assert not bob.has_usable_password()
    assert (bob.display_name, bob.initials) == (f"Former member {bob.pk}", "FM")
    for model in (Session, ApiKey, EmailAddress, Authenticator, Draft, Membership):
        assert not model.objects.filter(user=bob).exists(), model
    assert bob_browser.get("/").status_code == 302
    assert list(Transfer.objects.values()) == before
    assert list(verify_ledger()) == []
    own.refresh_from_db()
    assert (own.name, own.slug[:7], own.closed_at is not None) == ("Closed workspace", "closed-", True)
    assert [row.slug for row in workspaces_found(search="").rows] == ["alices-studio"]
    # The address is free again, for anybody.
    fields = {"name": "Bob", "email": "bob@example.org", "password1": "golden hour 17"}
    assert client.post("/accounts/signup/", fields)["Location"] == "/"


def test_the_statement_names_a_former_member(alice_browser: Client, bob: User, workspace: Workspace) -> None:
    Membership.objects.create(workspace=workspace, user=bob, role=Role.CREATOR)
    bob_browser = Client()
    bob_browser.force_login(bob)
    bob_browser.post("/w/alices-studio/credits/play/")
    delete_account(user=bob)
    page = alice_browser.get("/w/alices-studio/credits/").content.decode()
    assert f"Former member {bob.pk}" in page
    assert "Bob" not in page


def test_refused_to_the_only_owner_of_what_others_use(bob: User, bob_browser: Client, alice: User) -> None:
    lagune = create_workspace(name="Lagune", owner=bob)
    member = Membership.objects.create(workspace=lagune, user=alice, role=Role.ADMIN)
    confirm_password(bob_browser)
    answer = bob_browser.post(PATH, {"email": bob.email})
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "You alone own a workspace that others use: Lagune. Nothing was deleted." in page
    bob.refresh_from_db()
    assert (bob.is_active, bob.memberships.count()) == (True, 2)
    assert not Workspace.objects.exclude(closed_at=None).exists()
    member.role = Role.OWNER
    member.save()
    delete_account(user=bob)
    assert [m.user for m in lagune.memberships.all()] == [alice]
    lagune.refresh_from_db()
    assert lagune.closed_at is None


def test_refused_to_the_only_site_admin(alice: User, bob: User) -> None:
    with pytest.raises(OnlySiteAdminError):
        delete_account(user=alice)
    User.objects.filter(pk=bob.pk).update(is_staff=True)
    delete_account(user=alice)
    alice.refresh_from_db()
    assert (alice.is_staff, alice.is_superuser, alice.is_founder) == (False, False, True)


def test_refused_before_anything_is_changed(alice: User, bob: User) -> None:
    lagune = create_workspace(name="Lagune", owner=bob)
    Membership.objects.create(workspace=lagune, user=alice, role=Role.CREATOR)
    Session.objects.create(session_key="k", user=bob, expire_date=timezone.now() + timedelta(days=1))
    with pytest.raises(OnlyOwnerError):
        delete_account(user=bob)
    assert Session.objects.filter(user=bob).exists()
