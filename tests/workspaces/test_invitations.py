"""Invitations: who may invite whom, what is stored, what ends them, and that a link lets one person in."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.mail.backends.base import BaseEmailBackend
from django.db import connections
from django.utils import timezone, translation
from pytest_django import Settings

from tchavi_studio.notices.models import Notice, NoticeKind
from tchavi_studio.notices.services import set_preference
from tchavi_studio.workspaces import invitations
from tchavi_studio.workspaces.invitations import (
    EndedError,
    Ending,
    GoneError,
    SentAMomentAgoError,
    TooManyAddressesError,
    TooManyMailsError,
    TooManyWaitingError,
    accept_invitation,
    addresses_in,
    create_link,
    delete_old_invitations,
    ending_of,
    invitation_with,
    invitations_to,
    invite_addresses,
    owner_names,
    send_again,
    token_hash,
    waiting_invitations,
    withdraw_invitation,
)
from tchavi_studio.workspaces.members import NotAllowedError
from tchavi_studio.workspaces.models import ActivityRow, Guard, Invitation, Membership, Role, User, Workspace
from tchavi_studio.workspaces.services import delete_account
from tests.conftest import make_person
from tests.databases import Database
from tests.plans import listed_by_index

ORIGIN = "https://studio.example.org"


def invite(inviter: Membership, *addresses: str, role: Role = Role.CREATOR) -> invitations.Invited:
    return invite_addresses(inviter=inviter, addresses=addresses, role=role, origin=ORIGIN)


def token_in(message: Any) -> str:
    [link] = [word for word in message.body.split() if word.startswith(f"{ORIGIN}/invitations/")]
    return str(link.removeprefix(f"{ORIGIN}/invitations/").strip("/"))


def join(workspace: Workspace, user: User, role: Role) -> Membership:
    return Membership.objects.create(workspace=workspace, user=user, role=role)


def let_a_minute_pass() -> None:
    Guard.objects.filter(key__startswith="invitations: sent").delete()


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("a@x.org", ["a@x.org"]),
        (" A@X.org;b@x.org,\n c@x.org  d@x.org a@x.org ", ["a@x.org", "b@x.org", "c@x.org", "d@x.org"]),
        ("Awa Koné <Awa@x.org>, Fatou <f@x.org>", ["awa@x.org", "f@x.org"]),
        ("hello", ["hello"]),
        (" ,;\n", []),
    ],
)
def test_addresses_are_found_in_pasted_text(text: str, addresses: list[str]) -> None:
    assert addresses_in(text) == addresses


def test_a_mail_carries_the_only_copy_of_the_token(membership: Membership, workspace: Workspace) -> None:
    assert invite(membership, "fatou@x.org") == invitations.Invited(sent=["fatou@x.org"], refused=[], unsent=[])
    [message], row = mail.outbox, Invitation.objects.get()
    token = token_in(message)
    assert (len(token), row.token_hash) == (43, token_hash(token))
    assert (row.email, row.role, row.inviter_id) == ("fatou@x.org", "creator", membership.user_id)
    assert row.expires_at - row.created_at < timedelta(days=7, seconds=1)
    assert (message.subject, message.to) == ("Alice invites you to Alice's studio", ["fatou@x.org"])
    assert message.reply_to == ["alice@example.org"]
    [(html, kind)] = message.alternatives  # type: ignore[attr-defined]
    assert kind == "text/html"
    assert f'href="{ORIGIN}/invitations/{token}/"' in html
    activity = ActivityRow.objects.get(kind="invitation.sent")
    assert (activity.actor_id, activity.reference) == (membership.user_id, row.pk)
    assert activity.details == {"role": "creator", "by_mail": True}, "and no address"
    assert token not in repr([vars(row), activity.details])


def test_whoever_wants_no_mails_of_invitations_finds_theirs_in_the_page(membership: Membership, bob: User) -> None:
    EmailAddress.objects.create(user=bob, email=bob.email, verified=True, primary=True)
    set_preference(user=bob, kind=NoticeKind.INVITATION, in_page=True, mail=False)
    assert invite(membership, bob.email, "fatou@x.org").sent == [bob.email, "fatou@x.org"]
    assert [message.to for message in mail.outbox] == [["fatou@x.org"]]
    [invitation] = invitations_to(bob)
    assert [notice.reference for notice in Notice.objects.filter(user=bob)] == [invitation.pk]
    let_a_minute_pass()
    send_again(manager=membership, invitation_id=invitation.pk, origin=ORIGIN)
    assert len(mail.outbox) == 1


def test_mails_are_in_the_inviters_language(membership: Membership) -> None:
    with translation.override("fr"):
        invite(membership, "fatou@x.org", role=Role.VIEWER)
    [message] = mail.outbox
    assert message.subject == "Alice vous invite dans Alice's studio"
    assert "Votre rôle serait : Lecteur." in str(message.body).replace("\N{NO-BREAK SPACE}", " ")


def test_each_address_that_is_not_invited_is_named(membership: Membership, bob: User, workspace: Workspace) -> None:
    join(workspace, bob, Role.VIEWER)
    invited = invite(membership, "nonsense", "bob@example.org", "fatou@x.org")
    assert invited.sent == ["fatou@x.org"]
    assert invited.refused == [("nonsense", "isn't an email address"), ("bob@example.org", "is a member already")]
    assert [message.to for message in mail.outbox] == [["fatou@x.org"]]
    assert invite(membership, "fatou@x.org").refused == [("fatou@x.org", "was invited a moment ago")]


def test_inviting_again_replaces_the_link(membership: Membership) -> None:
    invite(membership, "fatou@x.org")
    let_a_minute_pass()
    invite(membership, "fatou@x.org", role=Role.VIEWER)
    first, second = map(token_in, mail.outbox)
    row = Invitation.objects.get()
    assert (row.role, row.token_hash) == ("viewer", token_hash(second))
    assert invitation_with(hash_of_token=token_hash(first)) is None
    assert list(ActivityRow.objects.order_by("sequence").values_list("kind", flat=True)) == [
        "invitation.sent",
        "invitation.resent",
    ]


def test_bounds(membership: Membership, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TooManyAddressesError):
        invite(membership, *(f"p{number}@x.org" for number in range(51)))
    monkeypatch.setattr(invitations, "MAX_WAITING", 3)
    invite(membership, "a@x.org", "b@x.org")
    with pytest.raises(TooManyWaitingError):
        invite(membership, "c@x.org", "d@x.org")
    link = create_link(inviter=membership, role=Role.VIEWER)
    with pytest.raises(TooManyWaitingError):
        create_link(inviter=membership, role=Role.VIEWER)
    withdraw_invitation(manager=membership, invitation_id=link.invitation.pk)
    monkeypatch.setattr(invitations, "MAX_MAILS_PER_HOUR", 3)
    let_a_minute_pass()
    with pytest.raises(TooManyMailsError, match="can send 1 more invitation within the hour"):
        invite(membership, "a@x.org", "b@x.org")
    assert invite(membership, "c@x.org").sent == ["c@x.org"]
    assert len(mail.outbox) == 3
    Guard.objects.filter(key__startswith="invitations: mails").update(expires_at=timezone.now())
    let_a_minute_pass()
    assert invite(membership, "a@x.org").sent == ["a@x.org"], "an hour later"


class BrokenMail(BaseEmailBackend):
    """A mail server that goes down after the first mail."""

    sent = 0

    def send_messages(self, email_messages: Any) -> int:
        if BrokenMail.sent:
            raise ConnectionRefusedError
        BrokenMail.sent += 1
        return 1


def test_what_could_not_be_mailed_is_named_and_waits(
    membership: Membership, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.EMAIL_BACKEND = f"{__name__}.BrokenMail"
    monkeypatch.setattr(BrokenMail, "sent", 0)
    invited = invite(membership, "a@x.org", "b@x.org", "c@x.org")
    assert (invited.sent, invited.unsent) == (["a@x.org"], ["b@x.org", "c@x.org"])
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    rows = {row.email: row for row in Invitation.objects.all()}
    send_again(manager=membership, invitation_id=rows["b@x.org"].pk, origin=ORIGIN)
    with pytest.raises(SentAMomentAgoError):
        send_again(manager=membership, invitation_id=rows["a@x.org"].pk, origin=ORIGIN)
    assert [message.to for message in mail.outbox] == [["b@x.org"]]


def test_nobody_invites_above_their_role(workspace: Workspace, membership: Membership, bob: User) -> None:
    admin = join(workspace, bob, Role.ADMIN)
    assert invitations.roles_to_invite_as(membership) == ["admin", "creator", "viewer", "auditor"]
    assert invitations.roles_to_invite_as(admin) == ["admin", "creator", "viewer", "auditor"]
    for inviter, role in ((membership, Role.OWNER), (admin, Role.OWNER)):
        with pytest.raises(NotAllowedError):
            create_link(inviter=inviter, role=role)
    for role in (Role.CREATOR, Role.VIEWER, Role.AUDITOR):
        Membership.objects.filter(pk=admin.pk).update(role=role)
        # As they were when the page was opened: what counts is what they are now.
        with pytest.raises(NotAllowedError):
            create_link(inviter=admin, role=Role.VIEWER)
    assert not Invitation.objects.exists()


def test_a_link_lets_one_person_in(membership: Membership, workspace: Workspace, bob: User) -> None:
    link = create_link(inviter=membership, role=Role.CREATOR)
    joined = accept_invitation(invitation=link.invitation, user=bob)
    assert (joined.workspace, joined.role) == (workspace, "creator")
    row = Invitation.objects.get()
    assert (row.accepted_by, ending_of(row)) == (bob, Ending.USED)
    bob.refresh_from_db()
    assert bob.current_workspace == workspace
    activity = ActivityRow.objects.get(kind="member.joined")
    assert (activity.actor, activity.reference, activity.details) == (bob, row.pk, {"role": "creator"})
    with pytest.raises(EndedError) as ended:
        accept_invitation(invitation=row, user=make_person("Carla"))
    assert ended.value.ending == Ending.USED
    assert workspace.memberships.count() == 2


def test_members_keep_their_role_and_the_invitation(membership: Membership, workspace: Workspace, bob: User) -> None:
    join(workspace, bob, Role.VIEWER)
    link = create_link(inviter=membership, role=Role.ADMIN)
    assert accept_invitation(invitation=link.invitation, user=bob).role == "viewer"
    assert ending_of(Invitation.objects.get()) is None


@pytest.mark.own_database
def test_of_two_at_once_one_joins(own_database: Database, alice: User) -> None:
    membership = Membership.objects.get(user=alice)
    link = create_link(inviter=membership, role=Role.CREATOR)
    people = [make_person(f"Person{number}") for number in range(6)]

    def accept(user: User) -> str:
        try:
            return accept_invitation(invitation=link.invitation, user=user).role
        except EndedError as ended:
            return ended.ending.value
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(people)) as pool:
        answers = list(pool.map(accept, people))
    assert sorted(answers) == ["creator", *["used"] * 5]
    assert membership.workspace.memberships.count() == 2
    assert ActivityRow.objects.filter(kind="member.joined").count() == 1


def test_the_inviter_is_judged_at_acceptance(membership: Membership, workspace: Workspace, bob: User) -> None:
    admin = join(workspace, bob, Role.ADMIN)
    link = create_link(inviter=admin, role=Role.ADMIN)
    carla = make_person("Carla")

    def ending() -> Ending | None:
        return ending_of(Invitation.objects.get())

    assert ending() is None
    for role in (Role.CREATOR, Role.VIEWER, Role.AUDITOR):
        Membership.objects.filter(pk=admin.pk).update(role=role)
        assert ending() == Ending.VOID, role
    Membership.objects.filter(pk=admin.pk).update(role=Role.ADMIN)
    User.objects.filter(pk=bob.pk).update(is_active=False)
    assert ending() == Ending.VOID, "blocked"
    User.objects.filter(pk=bob.pk).update(is_active=True)
    Workspace.objects.filter(pk=workspace.pk).update(archived_at=timezone.now())
    assert ending() == Ending.ARCHIVED
    Workspace.objects.filter(pk=workspace.pk).update(archived_at=None)
    admin.delete()
    assert ending() == Ending.VOID, "removed"
    with pytest.raises(EndedError) as ended:
        accept_invitation(invitation=link.invitation, user=carla)
    assert ended.value.ending == Ending.VOID
    assert not workspace.memberships.filter(user=carla).exists()
    # Whoever sends it again vouches for it.
    renewed = send_again(manager=membership, invitation_id=link.invitation.pk, origin=ORIGIN)
    assert isinstance(renewed, invitations.CreatedLink)
    assert accept_invitation(invitation=renewed.invitation, user=carla).role == "admin"
    assert owner_names(workspace) == ["Alice"]


def test_expired_ones_can_be_sent_again_for_seven_days(membership: Membership, workspace: Workspace, bob: User) -> None:
    link = create_link(inviter=membership, role=Role.CREATOR)
    now = timezone.now()
    Invitation.objects.update(expires_at=now)
    with pytest.raises(EndedError) as ended:
        accept_invitation(invitation=link.invitation, user=bob)
    assert ended.value.ending == Ending.EXPIRED
    assert [row.has_expired for row in waiting_invitations(workspace=workspace)] == [True]
    renewed = send_again(manager=membership, invitation_id=link.invitation.pk, origin=ORIGIN)
    assert isinstance(renewed, invitations.CreatedLink)
    with pytest.raises(EndedError):
        accept_invitation(invitation=link.invitation, user=bob)
    assert accept_invitation(invitation=renewed.invitation, user=bob).role == "creator"


def test_old_ones_are_deleted_with_their_addresses(membership: Membership, workspace: Workspace) -> None:
    invite(membership, "a@x.org", "b@x.org", "c@x.org")
    now = timezone.now()
    for email, days in (("a@x.org", 8), ("b@x.org", 7), ("c@x.org", 6)):
        Invitation.objects.filter(email=email).update(expires_at=now - timedelta(days=days))
    assert [row.email for row in waiting_invitations(workspace=workspace)] == ["c@x.org"]
    with listed_by_index(Invitation):
        assert delete_old_invitations(max_count=5) == 2
    assert [row.email for row in Invitation.objects.all()] == ["c@x.org"]


def test_withdrawn_ones_stop(membership: Membership, bob: User) -> None:
    link = create_link(inviter=membership, role=Role.CREATOR)
    withdraw_invitation(manager=membership, invitation_id=link.invitation.pk)
    with pytest.raises(EndedError) as ended:
        accept_invitation(invitation=link.invitation, user=bob)
    assert ended.value.ending == Ending.WITHDRAWN
    with pytest.raises(GoneError):
        withdraw_invitation(manager=membership, invitation_id=link.invitation.pk)
    with pytest.raises(GoneError):
        send_again(manager=membership, invitation_id=link.invitation.pk, origin=ORIGIN)


def test_other_workspaces_invitations_are_out_of_reach(membership: Membership, bob: User) -> None:
    link = create_link(inviter=membership, role=Role.CREATOR)
    elsewhere = Membership.objects.get(user=bob)
    with pytest.raises(GoneError):
        withdraw_invitation(manager=elsewhere, invitation_id=link.invitation.pk)
    with pytest.raises(GoneError):
        send_again(manager=elsewhere, invitation_id=link.invitation.pk, origin=ORIGIN)


def test_people_with_an_account_find_it_there_once_their_address_is_confirmed(
    membership: Membership, workspace: Workspace, bob: User, settings: Settings
) -> None:
    address = EmailAddress.objects.create(user=bob, email=bob.email, primary=True, verified=False)
    invite(membership, bob.email)
    assert invitations_to(bob) == []
    assert not Notice.objects.exists(), "it may be somebody else's address"
    address.verified = True
    address.save()
    [invitation] = invitations_to(bob)
    withdraw_invitation(manager=membership, invitation_id=invitation.pk)
    assert invitations_to(bob) == []
    let_a_minute_pass()
    invite(membership, bob.email)
    assert Notice.objects.get().user == bob


def test_a_deleted_account_leaves_no_address(membership: Membership, workspace: Workspace, bob: User) -> None:
    invite(membership, bob.email)
    accept_invitation(invitation=Invitation.objects.get(), user=bob)
    delete_account(user=bob)
    assert Invitation.objects.get().email == ""


def test_lists_are_read_by_their_indexes(membership: Membership, workspace: Workspace) -> None:
    create_link(inviter=membership, role=Role.CREATOR)
    with listed_by_index(Invitation, Membership):
        assert len(waiting_invitations(workspace=workspace)[:100]) == 1
        assert owner_names(workspace) == ["Alice"]
        assert invitation_with(hash_of_token="0" * 64) is None
