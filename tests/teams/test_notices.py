"""Where notices of invitations and requests lead, and that an answer takes them off everybody's bell."""

from uuid import uuid4

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.test import Client
from pytest_django import Settings

from tchavi_studio.generations.approvals import ask_for_approval, decline_request
from tchavi_studio.generations.orders import Order
from tchavi_studio.ledger.services import set_member_budget
from tchavi_studio.notices.models import Notice
from tchavi_studio.notices.queries import unseen_count
from tchavi_studio.workspaces.invitations import accept_invitation, invite_addresses, withdraw_invitation
from tchavi_studio.workspaces.models import Invitation, Membership, Role, User, Workspace
from tests.conftest import make_person
from tests.generations.conftest import make_params


@pytest.fixture
def invitation(membership: Membership, bob: User, settings: Settings) -> Invitation:
    """Bob's, by mail to his confirmed address."""
    settings.SENDS_MAIL = True
    EmailAddress.objects.update_or_create(user=bob, email=bob.email, defaults={"verified": True, "primary": True})
    invite_addresses(inviter=membership, addresses=[bob.email], role=Role.CREATOR, origin="http://testserver")
    return Invitation.objects.get()


@pytest.fixture
def bobs_browser(bob: User) -> Client:
    browser = Client()
    browser.force_login(bob)
    return browser


def opened(browser: Client) -> str:
    """Where the person's only notice leads."""
    return browser.get(f"/notices/{Notice.objects.get().pk}/")["Location"]


def test_an_invitation_is_answered_where_its_notice_leads(
    invitation: Invitation, bob: User, bobs_browser: Client, workspace: Workspace
) -> None:
    assert len(mail.outbox) == 1
    assert Notice.objects.get().mail_at is None, "the invitation itself is the mail"
    assert opened(bobs_browser) == "/account/invitations/"
    Notice.objects.update(seen_at=None)
    accept_invitation(invitation=invitation, user=bob)
    assert unseen_count(bob) == 0
    assert opened(bobs_browser) == f"/w/{workspace.slug}/create/"


def test_a_withdrawn_invitation_leaves_the_bell(
    invitation: Invitation, membership: Membership, bob: User, bobs_browser: Client
) -> None:
    assert unseen_count(bob) == 1
    withdraw_invitation(manager=membership, invitation_id=invitation.pk)
    assert unseen_count(bob) == 0
    assert opened(bobs_browser) == "/notices/", "which says that it is gone"


def test_one_answer_settles_a_request_for_all_who_were_asked(
    workspace: Workspace, alice: User, bob: User, alice_browser: Client
) -> None:
    carl = make_person("Carl")
    Membership.objects.create(workspace=workspace, user=bob, role=Role.CREATOR)
    Membership.objects.create(workspace=workspace, user=carl, role=Role.ADMIN)
    set_member_budget(workspace=workspace, user=bob, budget_credits=0)
    order = Order(workspace=workspace, creator=bob, params=make_params(), submission_id=uuid4())
    request = ask_for_approval(order)
    assert [unseen_count(person) for person in (alice, carl)] == [1, 1]
    notice = Notice.objects.get(user=alice)
    assert alice_browser.get(f"/notices/{notice.pk}/")["Location"] == f"/w/{workspace.slug}/team/budgets/"
    decline_request(request=request, approver=alice, word="")
    assert [unseen_count(person) for person in (alice, bob, carl)] == [0, 1, 0]
