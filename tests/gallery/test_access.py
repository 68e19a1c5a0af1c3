"""Access: every view with every kind of visitor."""

import pytest
from django.test import Client

from tchavi_studio.generations.models import Generation, State
from tchavi_studio.workspaces.models import Membership, Role, User, Workspace
from tests.gallery.conftest import HTMX, MakeClip, Url

PAGES = ["gallery", "bin"]
CLIP_PAGES = ["clip", "download"]
ACTIONS = {"cancel": State.QUEUED, "dismiss": State.FAILED, "delete": State.COMPLETED, "restore": State.COMPLETED}


@pytest.mark.parametrize("name", PAGES)
def test_signed_out_visitor_is_sent_to_sign_in_and_back(client: Client, url: Url, name: str) -> None:
    response = client.get(url(name))
    assert (response.status_code, response["Location"]) == (302, f"/accounts/login/?next={url(name)}")


@pytest.mark.parametrize("name", CLIP_PAGES)
def test_signed_out_visitor_cannot_see_a_clip(client: Client, url: Url, make_clip: MakeClip, name: str) -> None:
    address = url(name, make_clip())
    response = client.get(address)
    assert (response.status_code, response["Location"]) == (302, f"/accounts/login/?next={address}")


@pytest.mark.parametrize("name", ACTIONS)
def test_signed_out_visitor_cannot_change_a_clip(client: Client, url: Url, make_clip: MakeClip, name: str) -> None:
    clip = make_clip(ACTIONS[name])
    assert client.post(url(name, clip)).status_code == 302
    assert Generation.objects.get(pk=clip.pk).version == clip.version


def test_expired_session_redirects_the_whole_page(client: Client, url: Url) -> None:
    headers = {**HTMX, "HX-Current-URL": f"http://testserver{url('gallery')}?show=done"}
    response = client.get(url("updates"), headers=headers)
    assert (response.status_code, response["HX-Redirect"]) == (
        200,
        f"/accounts/login/?next={url('gallery')}%3Fshow%3Ddone",
    )


@pytest.mark.parametrize("name", [*PAGES, "updates"])
def test_non_member_gets_404_for_the_pages(client: Client, bob: User, url: Url, name: str) -> None:
    client.force_login(bob)
    assert client.get(url(name)).status_code == 404


@pytest.mark.parametrize("name", CLIP_PAGES)
def test_non_member_gets_404_for_a_clip(client: Client, bob: User, url: Url, make_clip: MakeClip, name: str) -> None:
    client.force_login(bob)
    assert client.get(url(name, make_clip())).status_code == 404


@pytest.mark.parametrize("name", [*CLIP_PAGES, *ACTIONS])
def test_member_gets_404_for_another_members_clip(
    alice_browser: Client, bob: User, workspace: Workspace, url: Url, make_clip: MakeClip, name: str
) -> None:
    Membership.objects.create(workspace=workspace, user=bob, role=Role.CREATOR)
    clip = make_clip(ACTIONS.get(name, State.COMPLETED), creator=bob)
    response = alice_browser.post(url(name, clip)) if name in ACTIONS else alice_browser.get(url(name, clip))
    assert response.status_code == 404
    assert Generation.objects.get(pk=clip.pk).version == clip.version


@pytest.mark.parametrize("name", ACTIONS)
def test_viewer_cannot_change_a_clip(
    alice_browser: Client, workspace: Workspace, url: Url, make_clip: MakeClip, name: str
) -> None:
    clip = make_clip(ACTIONS[name])
    Membership.objects.filter(workspace=workspace).update(role=Role.VIEWER)
    assert alice_browser.post(url(name, clip)).status_code == 403
    assert Generation.objects.get(pk=clip.pk).version == clip.version


def test_viewer_is_offered_no_actions(
    alice_browser: Client, workspace: Workspace, url: Url, make_clip: MakeClip
) -> None:
    for state in (State.QUEUED, State.FAILED, State.COMPLETED):
        make_clip(state)
    Membership.objects.filter(workspace=workspace).update(role=Role.VIEWER)
    page = alice_browser.get(url("gallery")).content.decode()
    assert [word for word in ("/delete/", "/cancel/", "/dismiss/", "remix=") if word in page] == []


@pytest.mark.parametrize("name", [*PAGES, "updates"])
def test_pages_refuse_post(alice_browser: Client, url: Url, name: str) -> None:
    assert alice_browser.post(url(name)).status_code == 405


@pytest.mark.parametrize("name", CLIP_PAGES)
def test_clip_pages_refuse_post(alice_browser: Client, url: Url, make_clip: MakeClip, name: str) -> None:
    assert alice_browser.post(url(name, make_clip())).status_code == 405


@pytest.mark.parametrize("name", ACTIONS)
def test_actions_refuse_get(alice_browser: Client, url: Url, make_clip: MakeClip, name: str) -> None:
    clip = make_clip(ACTIONS[name])
    assert alice_browser.get(url(name, clip)).status_code == 405
    assert Generation.objects.get(pk=clip.pk).version == clip.version
