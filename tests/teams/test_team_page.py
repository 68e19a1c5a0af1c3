"""The Team page: what each role sees of it, and its forms, which work without scripts."""

import re
from collections.abc import Callable
from uuid import uuid4

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from tchavi_studio.generations.models import Generation
from tchavi_studio.generations.orders import Order
from tchavi_studio.generations.services import start_generation
from tchavi_studio.workspaces import members
from tchavi_studio.workspaces.invitations import create_link
from tchavi_studio.workspaces.models import Invitation, Membership, Role, User, Workspace
from tests.conftest import make_person
from tests.generations.conftest import make_params
from tests.plans import listed_by_index


@pytest.fixture
def path(workspace: Workspace) -> str:
    return f"/w/{workspace.slug}/team/"


@pytest.fixture
def member(workspace: Workspace, bob: User) -> Membership:
    """Bob, a creator in Alice's workspace."""
    return Membership.objects.create(workspace=workspace, user=bob, role=Role.CREATOR)


def make_clip(workspace: Workspace, creator: User) -> None:
    order = Order(workspace=workspace, creator=creator, params=make_params(), submission_id=uuid4())
    start_generation(order)


def test_what_each_role_sees(path: str, member: Membership, membership: Membership, client: Client) -> None:
    create_link(inviter=membership, role=Role.VIEWER)
    client.force_login(member.user)
    shown = {}
    for role in Role:
        Membership.objects.filter(pk=member.pk).update(role=role)
        page = client.get(path).content.decode()
        assert "alice@example.org" in page
        assert "bob@example.org" in page
        assert page.count('scope="col">') == 5, "one table of what roles do"
        shown[role] = tuple(
            text in page for text in ("Last active", 'id="invite"', "Link for one person", "Remove from the workspace")
        )
    assert shown == {
        Role.OWNER: (True, True, True, True),
        Role.ADMIN: (True, True, True, False),
        Role.CREATOR: (False, False, False, False),
        Role.VIEWER: (False, False, False, False),
        Role.AUDITOR: (True, False, False, False),
    }


def test_figures(
    path: str, alice_browser: Client, member: Membership, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _clip in range(3):
        make_clip(workspace, member.user)
    make_clip(Workspace.objects.get(slug="bobs-studio"), member.user)
    Membership.objects.filter(pk=member.pk).update(seen_at=None)
    page = re.sub(r"\s+", " ", alice_browser.get(path).content.decode())
    rows = re.findall(
        r'<td class="figure clips" role="cell">([^<]*)</td> <td class="seen" role="cell">(.*?)</td>', page
    )
    assert rows == [("0", '<span class="now">Now</span>'), ("3", "Never")]
    assert "<p>2 people</p>" in page
    monkeypatch.setattr("tchavi_studio.teams.people.views.members.MAX_COUNT", 2)
    assert "<p>2+ people</p>" in re.sub(r"\s+", " ", alice_browser.get(path).content.decode())


def test_pages_cost_the_same_with_one_and_three_rows(
    path: str, alice_browser: Client, membership: Membership, workspace: Workspace
) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert alice_browser.get(path).status_code == 200
        return len(queries)

    alice_browser.get(path)
    create_link(inviter=membership, role=Role.VIEWER)
    one = cost()
    for number in range(2):
        Membership.objects.create(workspace=workspace, user=make_person(f"Person{number}"), role=Role.OWNER)
        create_link(inviter=membership, role=Role.VIEWER)
    assert cost() == one
    with listed_by_index(Invitation, Generation):
        alice_browser.get(path)


def test_pages(
    path: str, alice_browser: Client, membership: Membership, member: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(members, "MEMBERS_PER_PAGE", 1)
    first = alice_browser.get(path).content.decode()
    assert f'href="?after={membership.pk}"' in first
    second = alice_browser.get(f"{path}?after={membership.pk}").content.decode()
    assert "bob@example.org" in second
    assert "alice@example.org</small></span>" not in second
    assert "More people" not in second


def test_a_role_is_changed_in_place(path: str, alice_browser: Client, member: Membership, client: Client) -> None:
    answer = alice_browser.post(f"{path}members/{member.pk}/role/", {"role": "auditor"}, follow=True)
    assert answer.redirect_chain == [(path, 302)]
    assert "Bob is now: Auditor." in answer.content.decode()
    assert alice_browser.post(f"{path}members/{member.pk}/role/", {"role": "king"}).status_code == 400
    assert alice_browser.post(f"{path}members/{10**9}/role/", {"role": "viewer"}).status_code == 404


def test_what_one_cannot_take_back_is_asked(
    path: str, alice_browser: Client, member: Membership, membership: Membership
) -> None:
    asked = alice_browser.post(f"{path}members/{member.pk}/role/", {"role": "owner"})
    assert "Make Bob an owner?" in asked.content.decode()
    member.refresh_from_db()
    assert member.role == "creator"
    alice_browser.post(f"{path}members/{member.pk}/role/", {"role": "owner", "sure": "yes"})
    member.refresh_from_db()
    assert member.role == "owner"
    asked = alice_browser.post(f"{path}members/{membership.pk}/role/", {"role": "viewer"})
    assert "Change your own role to Viewer?" in asked.content.decode()
    membership.refresh_from_db()
    assert membership.role == "owner"
    answer = alice_browser.post(f"{path}members/{membership.pk}/role/", {"role": "viewer", "sure": "yes"}, follow=True)
    assert "Alice is now: Viewer." in answer.content.decode()
    assert alice_browser.post(f"{path}members/{member.pk}/role/", {"role": "viewer"}).status_code == 403


def test_removal_is_asked(path: str, alice_browser: Client, member: Membership, workspace: Workspace) -> None:
    asked = alice_browser.post(f"{path}members/{member.pk}/remove/")
    assert "Remove Bob from Alice&#x27;s studio?" in asked.content.decode()
    assert workspace.memberships.count() == 2
    answer = alice_browser.post(f"{path}members/{member.pk}/remove/", {"sure": "yes"}, follow=True)
    assert "Bob was removed." in answer.content.decode()
    assert workspace.memberships.count() == 1
    assert alice_browser.post(f"{path}members/{member.pk}/remove/", {"sure": "yes"}).status_code == 404


def test_invitations_by_mail(path: str, alice_browser: Client, settings: Settings, member: Membership) -> None:
    assert alice_browser.post(f"{path}invite/", {"addresses": "f@x.org", "role": "viewer"}).status_code == 404
    assert "This studio sends no mail." in alice_browser.get(path).content.decode()
    settings.SENDS_MAIL = True
    sent = alice_browser.post(f"{path}invite/", {"addresses": "F@x.org", "role": "viewer"}, follow=True)
    assert sent.redirect_chain == [(path, 302)]
    assert "Invitation sent to f@x.org." in sent.content.decode()
    assert [message.to for message in mail.outbox] == [["f@x.org"]]
    fields = {"addresses": "g@x.org, bob@example.org\nh@x.org nonsense", "role": "creator"}
    mixed = alice_browser.post(f"{path}invite/", fields)
    page = mixed.content.decode()
    assert mixed.status_code == 422
    assert "2 invitations sent." in page
    assert "<b>bob@example.org</b> is a member already" in page
    assert "<b>nonsense</b> isn&#x27;t an email address" in page
    assert ">bob@example.org, nonsense</textarea>" in page
    empty = alice_browser.post(f"{path}invite/", {"addresses": " ,", "role": "creator"})
    assert (empty.status_code, "Enter an email address. Nobody was invited." in empty.content.decode()) == (422, True)
    many = {"addresses": " ".join(f"p{number}@x.org" for number in range(51)), "role": "creator"}
    assert "You can invite up to 50 people at once." in alice_browser.post(f"{path}invite/", many).content.decode()
    assert len(mail.outbox) == 3


def test_a_link_is_shown_once(path: str, alice_browser: Client, settings: Settings) -> None:
    settings.STUDIO_PUBLIC_URL = "https://studio.example.org"
    fields = {"invitation_id": str(uuid4()), "role": "viewer"}
    page = alice_browser.post(f"{path}invite/link/", fields)
    [link] = re.findall(r'value="(https://studio\.example\.org/invitations/[\w-]{43}/)"', page.content.decode())
    assert "no-store" in page["Cache-Control"]
    again = alice_browser.post(f"{path}invite/link/", fields, follow=True).content.decode()
    assert link not in again
    assert "That link was shown once already." in again
    row = Invitation.objects.get()
    assert (str(row.pk), row.role, row.email) == (fields["invitation_id"], "viewer", "")
    Invitation.objects.update(expires_at=row.created_at)
    renewed = alice_browser.post(f"{path}invitations/{row.pk}/again/").content.decode()
    [other] = re.findall(r'value="(https://studio\.example\.org/invitations/[\w-]{43}/)"', renewed)
    assert other != link
    answer = alice_browser.post(f"{path}invitations/{row.pk}/withdraw/", follow=True).content.decode()
    assert "The invitation is withdrawn" in answer
    assert "Waiting" not in answer


def test_admins_offer_and_give_no_role_above_theirs(
    path: str, member: Membership, membership: Membership, client: Client
) -> None:
    Membership.objects.filter(pk=member.pk).update(role=Role.ADMIN)
    client.force_login(member.user)
    page = client.get(path).content.decode()
    assert 'value="owner"' not in page
    refused: Callable[[str, dict[str, str]], str] = lambda to, fields: client.post(  # noqa: E731
        path + to, fields, follow=True
    ).content.decode()
    said = "Your role here no longer allows that. Nothing was changed."
    assert said in refused(f"members/{membership.pk}/role/", {"role": "viewer"})
    assert said in refused(f"members/{member.pk}/role/", {"role": "owner", "sure": "yes"})
    assert said in refused(f"members/{membership.pk}/remove/", {"sure": "yes"})
    assert said in refused("invite/link/", {"role": "owner", "invitation_id": str(uuid4())})
    membership.refresh_from_db()
    assert membership.role == "owner"
