"""What invited people see, with and without an account, and what a link that has ended says, and doesn't."""

from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from tchavi_studio.workspaces.invitations import create_link, invite_addresses, withdraw_invitation
from tchavi_studio.workspaces.models import Guard, Invitation, Membership, Role, Session, User, Workspace
from tests.conftest import PASSWORD, make_person

PATH = "/invitations/accept/"


@pytest.fixture
def token(membership: Membership) -> str:
    """A link's, for one creator."""
    return create_link(inviter=membership, role=Role.CREATOR).token


@pytest.fixture
def mailed_token(membership: Membership) -> str:
    """That of a mail to fatou@example.org."""
    invite_addresses(inviter=membership, addresses=["fatou@example.org"], role=Role.VIEWER, origin="http://testserver")
    [link] = [word for word in str(mail.outbox[-1].body).split() if "/invitations/" in word]
    return link.split("/")[-2]


@pytest.fixture
def closed(settings: Settings) -> None:
    """As in live mode with mail."""
    settings.STUDIO_SIGNUP = "invite"
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"


def opened(client: Client, token: str) -> Any:
    return client.get(f"/invitations/{token}/", follow=True)


def sign_up(client: Client, email: str) -> Any:
    fields = {"name": "Fatou", "email": email, "password1": PASSWORD, "next": PATH}
    return client.post("/accounts/signup/", fields, follow=True)


def test_the_token_leaves_the_address_and_is_stored_nowhere(client: Client, token: str) -> None:
    answer = opened(client, token)
    assert answer.redirect_chain == [(PATH, 302)]
    page = answer.content.decode()
    assert "Alice invites you to Alice&#x27;s studio" in page
    assert "Your role would be: Creator." in page
    assert "Generate clips, tag and collect them, upload references, make API keys" in page
    assert "Hand over the workspace" not in page
    assert token not in page
    assert token not in str(Session.objects.get().get_decoded())
    assert Invitation.objects.get().opened_count == 1


def test_a_stranger_signs_up_and_joins(client: Client, token: str, workspace: Workspace) -> None:
    opened(client, token)
    answer = sign_up(client, "fatou@example.org")
    assert answer.redirect_chain == [(PATH, 302), (f"/w/{workspace.slug}/create/", 302)]
    fatou = User.objects.get(email="fatou@example.org")
    assert workspace.memberships.get(user=fatou).role == "creator"
    # In the sandbox they have their own as well.
    assert set(fatou.workspaces.values_list("slug", flat=True)) == {workspace.slug, "fatous-studio"}


def test_in_live_mode_only_the_invitation_opens_sign_up(
    client: Client, closed: None, mailed_token: str, workspace: Workspace, settings: Settings
) -> None:
    settings.STUDIO_MODE, settings.STUDIO_WORKSPACE_CREATION = "live", "admins"
    assert "invite-only" in client.get("/accounts/signup/").content.decode()
    page = opened(client, mailed_token).content.decode()
    assert 'href="/accounts/signup/?email=fatou%40example.org&amp;next=/invitations/accept/"' in page
    form = client.get(f"/accounts/signup/?email=fatou%40example.org&next={PATH}").content.decode()
    assert 'value="fatou@example.org"' in form
    answer = sign_up(client, "fatou@example.org")
    # The mail with the link has confirmed the address, so there is no second one.
    assert answer.redirect_chain[-1] == (f"/w/{workspace.slug}/create/", 302)
    fatou = User.objects.get(email="fatou@example.org")
    assert EmailAddress.objects.get(user=fatou).verified
    assert len(mail.outbox) == 1
    assert list(fatou.workspaces.values_list("slug", flat=True)) == [workspace.slug]
    assert "invite-only" in Client().get("/accounts/signup/").content.decode()
    # One link makes one account.
    again = Client()
    assert "This link was used already" in opened(again, mailed_token).content.decode()
    assert "invite-only" in sign_up(again, "other@example.org").content.decode()
    assert not User.objects.filter(email="other@example.org").exists()


def test_another_address_than_the_mailed_one_has_to_be_confirmed(
    client: Client, closed: None, mailed_token: str, workspace: Workspace
) -> None:
    opened(client, mailed_token)
    answer = sign_up(client, "private@example.org")
    assert answer.redirect_chain == [("/accounts/confirm-email/", 302)]
    assert not EmailAddress.objects.get(email="private@example.org").verified
    assert client.get(f"/w/{workspace.slug}/gallery/").status_code == 302, "not signed in"
    [link] = [word for word in str(mail.outbox[-1].body).split() if "/confirm-email/" in word]
    client.post(link.removeprefix("http://testserver"))
    assert client.get(f"/w/{workspace.slug}/gallery/").status_code == 200


def test_an_invitation_that_ends_during_sign_up_makes_no_account(
    client: Client, closed: None, token: str, membership: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(client, token)
    # Somebody was faster between the page and the form.
    monkeypatch.setattr("tchavi_studio.workspaces.adapter.ending_of", lambda invitation: None)
    withdraw_invitation(manager=membership, invitation_id=Invitation.objects.get().pk)
    answer = sign_up(client, "fatou@example.org")
    assert answer.status_code == 410
    assert "This invitation was withdrawn" in answer.content.decode()
    assert not User.objects.filter(email="fatou@example.org").exists()


def test_somebody_with_an_account_signs_in_and_joins(
    client: Client, token: str, bob: User, workspace: Workspace
) -> None:
    page = opened(client, token).content.decode()
    assert 'href="/accounts/login/?next=/invitations/accept/"' in page
    answer = client.post("/accounts/login/", {"login": bob.email, "password": PASSWORD, "next": PATH}, follow=True)
    assert answer.redirect_chain == [(PATH, 302)]
    assert "Join as Bob" in answer.content.decode()
    assert client.post(PATH)["Location"] == f"/w/{workspace.slug}/create/"
    assert workspace.memberships.get(user=bob).role == "creator"
    # Members are led there, whatever became of the link.
    assert opened(client, token).redirect_chain[-1] == (f"/w/{workspace.slug}/create/", 302)


def test_the_wrong_account_is_named_and_can_be_switched(client: Client, mailed_token: str, bob: User) -> None:
    client.force_login(bob)
    page = opened(client, mailed_token).content.decode()
    assert "It was sent to fatou@example.org, and you are signed in as bob@example.org." in page
    switched = client.post("/invitations/switch/", follow=True)
    assert switched.redirect_chain == [(PATH, 302)]
    assert "Create an account and join" in switched.content.decode()
    assert client.get("/")["Location"] == "/accounts/login/?next=/"


def test_an_ended_link_says_so_and_whom_to_ask_and_no_more(
    client: Client, token: str, membership: Membership, workspace: Workspace, bob: User
) -> None:
    Workspace.objects.filter(pk=workspace.pk).update(name="Lagune Films")
    opened(client, token)
    now = timezone.now()
    carla = make_person("Carla")
    states: list[tuple[dict[str, Any], str, str]] = [
        ({"accepted_at": now, "accepted_by": bob}, "This link was used already", "Alice"),
        ({"withdrawn_at": now}, "This invitation was withdrawn", "Alice"),
        ({"expires_at": now}, "This invitation has expired", "Alice"),
        ({"inviter": carla}, "This invitation is no longer valid", "Alice"),
    ]
    before = Invitation.objects.values().get()
    for changes, said, asked in states:
        Invitation.objects.update(**changes)
        answer = client.get(PATH)
        page = answer.content.decode()
        assert answer.status_code == 410, said
        assert said in page
        assert f"Ask for a new invitation: {asked}." in page
        for secret in ("Lagune Films", "alice@example.org", "bob@example.org", "Bob", "Carla", workspace.slug):
            assert secret not in page, (said, secret)
        assert opened(Client(), token).status_code == 410
        Invitation.objects.update(**before)
    assert client.get(PATH).status_code == 200
    Workspace.objects.update(archived_at=now)
    assert "The workspace was archived" in client.get(PATH).content.decode()
    assert Invitation.objects.get().opened_count == 1, "ended links aren't counted"


def test_guesses_are_all_alike_and_bounded(client: Client, token: str) -> None:
    guesses = ["x", token[:-1], f"{token}x", token.swapcase(), "0" * 400]
    answers = [opened(client, guess) for guess in guesses]
    assert {answer.status_code for answer in answers} == {404}
    pages = [answer.content.decode().partition("<main")[2].partition("</main>")[0] for answer in answers]
    assert len(set(pages)) == 1
    assert "This link doesn't work" in pages[0]
    statuses = [client.get(f"/invitations/guess{number}/").status_code for number in range(30)]
    assert statuses == [404] * 25 + [429] * 5
    assert opened(client, token).status_code == 200, "a real one still works"
    assert Guard.objects.count() <= 2


def test_without_a_link_there_is_nothing(client: Client, bob: User) -> None:
    assert client.get(PATH).status_code == 404
    assert client.post(PATH).status_code == 404
    client.force_login(bob)
    assert client.post(PATH).status_code == 404


def test_a_person_with_an_account_joins_from_their_list(
    client: Client, membership: Membership, workspace: Workspace, bob: User
) -> None:
    EmailAddress.objects.create(user=bob, email=bob.email, primary=True, verified=True)
    invite_addresses(inviter=membership, addresses=[bob.email], role=Role.AUDITOR, origin="http://testserver")
    client.force_login(bob)
    assert "Alice invites you to" in client.get("/account/invitations/").content.decode()
    path = f"/account/invitations/{Invitation.objects.get().pk}/accept/"
    stranger = Client()
    stranger.force_login(make_person("Carla"))
    assert stranger.post(path)["Location"] == "/account/invitations/"
    assert client.post(path)["Location"] == f"/w/{workspace.slug}/create/"
    assert workspace.memberships.get(user=bob).role == "auditor"
    assert workspace.memberships.count() == 2
    assert "Nobody has invited you" in client.get("/account/invitations/").content.decode()
