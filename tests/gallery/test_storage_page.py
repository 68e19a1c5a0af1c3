"""The storage page: what is used by whom, what can be freed, and the largest clips that the viewer may see."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tchavi_studio.assets.models import Asset, PersonStorageUse
from tchavi_studio.assets.services import recount_storage
from tchavi_studio.gallery.storage import queries
from tchavi_studio.generations.models import Generation
from tchavi_studio.generations.services import delete_clip
from tchavi_studio.workspaces.models import Membership, Role, User, Visibility, Workspace
from tests.assets.conftest import make_asset
from tests.gallery.conftest import HTMX, Answer, MakeClip, change, text_of
from tests.plans import listed_by_index


@pytest.fixture
def address(workspace: Workspace) -> str:
    return f"/w/{workspace.slug}/storage/"


@pytest.fixture
def bobs_browser(bob: User) -> Client:
    client = Client()
    client.force_login(bob)
    return client


def sized(clip: Generation, byte_count: int) -> Generation:
    """The clip, as large as that and its creator's."""
    assert clip.output is not None
    Asset.objects.filter(pk=clip.output.pk).update(byte_count=byte_count, created_by=clip.creator)
    return clip


def clips_of(response: Answer) -> list[str]:
    (shown,) = re.findall(r'<ul class="largest">(.*?)</ul>', response.content.decode(), flags=re.DOTALL)
    return re.findall(r"/clips/([0-9a-f-]{36})/\"", shown)


def text(response: Answer) -> str:
    assert response.status_code == 200
    return text_of(response).replace("\xa0", " ")


def test_what_is_used_and_left(alice_browser: Client, alice: User, workspace: Workspace, address: str) -> None:
    Workspace.objects.update(quota_bytes=4_096)
    assert "0 bytes of 4.0 KB" in text(alice_browser.get(address))
    assert "You store nothing" not in text(alice_browser.get(address))
    for _number in range(3):
        make_asset(workspace, created_by=alice)
    page = text(alice_browser.get(address))
    assert "3.0 KB of 4.0 KB" in page
    assert '<progress class="room" value="75" max="100" aria-labelledby="used-title">' in page
    assert "1.0 KB left for uploads and clips." in page
    make_asset(workspace, created_by=alice)
    full = text(alice_browser.get(address))
    assert '<progress class="room is-scarce" value="100"' in full
    assert "Nothing more can be uploaded. Clips that cost credits are stored all the same." in full


@pytest.mark.parametrize("role", Role.values)
def test_use_by_member_is_for_those_who_manage_or_audit(
    bobs_browser: Client, alice: User, bob: User, workspace: Workspace, address: str, role: str
) -> None:
    Membership.objects.create(workspace=workspace, user=bob, role=role)
    left = User.objects.create_user("left@example.org", "x", name="Yao")
    for owner, count in ((alice, 2), (bob, 1), (left, 3), (None, 1)):
        for _number in range(count):
            make_asset(workspace, created_by=owner)
    make_asset(Workspace.objects.exclude(pk=workspace.pk).get(memberships__user=bob), created_by=bob)
    page = text(bobs_browser.get(address))
    shown = re.findall(r"<li> <span>(\w+)(?: <small>([\w ]+)</small>)?</span> <b class=\"num\">([\d.]+) KB</b>", page)
    everybody = [("Yao", "no longer a member", "3.0"), ("Alice", "", "2.0"), ("Bob", "", "1.0")]
    sees_all = role in (Role.OWNER, Role.ADMIN, Role.AUDITOR)
    assert shown == (everybody if sees_all else [("Bob", "", "1.0")])
    assert "7.0 KB of" in page  # the total is for all
    assert ("By member" in page) == sees_all
    assert ("What you can free" in page) == (role in (Role.OWNER, Role.ADMIN, Role.CREATOR))


def test_members_come_in_pages(
    alice_browser: Client, alice: User, bob: User, workspace: Workspace, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "PAGE_LENGTH", 1)
    Membership.objects.create(workspace=workspace, user=bob, role=Role.CREATOR)
    make_asset(workspace, created_by=alice)
    make_asset(workspace, created_by=bob)
    first = text(alice_browser.get(address))
    (after,) = re.findall(r"after=([0-9~]+)", first)
    second = text(alice_browser.get(address, {"after": after}))
    shown = [("<span>Alice</span>" in page, "<span>Bob</span>" in page) for page in (first, second)]
    assert shown == [(False, True), (True, False)]
    assert "More members" not in second


def test_what_the_bin_and_unused_files_hold(
    alice_browser: Client, alice: User, workspace: Workspace, address: str, make_clip: MakeClip
) -> None:
    assert text(alice_browser.get(address)).count('<span class="muted">Nothing</span>') == 2
    delete_clip(generation=sized(make_clip(), 2_048), actor=alice)
    make_asset(workspace, created_by=alice)
    page = text(alice_browser.get(address))
    for size, act in (("2.0 KB", "empty"), ("1.0 KB", "unused")):
        link = f'<a class="btn quiet small" href="/w/{workspace.slug}/gallery/bin/{act}/">'
        assert f"1 file, {size}</span> {link}" in page


def test_the_largest_clips_are_those_that_the_viewer_sees(
    alice_browser: Client, bobs_browser: Client, alice: User, bob: User, workspace: Workspace, address: str,
    make_clip: MakeClip,
) -> None:  # fmt: skip
    Membership.objects.create(workspace=workspace, user=bob, role=Role.ADMIN)
    hers = [sized(make_clip(), 100), sized(make_clip(visibility=Visibility.WORKSPACE), 300), sized(make_clip(), 200)]
    his = sized(make_clip(creator=bob, visibility=Visibility.WORKSPACE, prompt="A kite"), 250)
    sized(make_clip(creator=bob), 900)
    delete_clip(generation=sized(make_clip(), 800), actor=alice)
    change(sized(make_clip(), 700), is_test=True)
    mine = [str(hers[number].pk) for number in (1, 2, 0)]
    shared = [str(hers[1].pk), str(his.pk)]
    assert clips_of(alice_browser.get(address)) == clips_of(alice_browser.get(address, {"scope": "mine"})) == mine
    for client in (alice_browser, bobs_browser):
        assert clips_of(client.get(address, {"scope": "workspace"})) == shared
    assert "250 bytes" in text(bobs_browser.get(address, {"scope": "workspace"}))
    Membership.objects.filter(user=bob).update(role=Role.VIEWER)
    assert clips_of(bobs_browser.get(address)) == shared
    assert "/delete/" not in text(bobs_browser.get(address))


def test_a_large_clip_is_moved_to_the_bin_from_here(
    alice_browser: Client, workspace: Workspace, address: str, make_clip: MakeClip
) -> None:
    clip = sized(make_clip(), 5_000)
    (action,) = re.findall(r'action="([^"]+/delete/)"', alice_browser.get(address).content.decode())
    answer = alice_browser.post(action, headers={"Referer": f"http://testserver{address}"})
    assert (answer.status_code, answer.headers["Location"]) == (302, f"http://testserver{address}")
    assert clips_of(alice_browser.get(address)) == []
    assert "1 file, 4.9 KB" in text(alice_browser.get(address))
    assert Generation.objects.get(pk=clip.pk).deleted_at is not None


def test_the_largest_come_in_pages_and_look_no_further_than_a_bound(
    alice_browser: Client, address: str, make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "PAGE_LENGTH", 1)
    pks = [str(sized(make_clip(visibility=Visibility.WORKSPACE), size).pk) for size in (500, 400)]
    for size in (600, 700, 800):
        sized(make_clip(), size)
    shared = {"scope": "workspace"}
    first = alice_browser.get(address, shared)
    assert clips_of(first) == pks[:1]
    before = re.findall(r"before=([0-9a-f~]+)", first.content.decode())[-1]
    second = alice_browser.get(address, {**shared, "before": before}, headers=HTMX)
    assert (pks[1] in text(second), "before=" in text(second), "<h1" in text(second)) == (True, False, False)
    monkeypatch.setattr(queries, "MAX_EXAMINED", 2)
    cut = alice_browser.get(address, shared)
    assert (clips_of(cut), "Look further among smaller files" in text(cut)) == ([], True)
    before = re.findall(r"before=([0-9a-f~]+)", cut.content.decode())[-1]
    assert clips_of(alice_browser.get(address, {**shared, "before": before})) == pks[:1]


def test_all_is_read_by_index(
    alice_browser: Client, alice: User, bob: User, workspace: Workspace, address: str, make_clip: MakeClip,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(queries, "PAGE_LENGTH", 1)
    for number in range(3):
        sized(make_clip(visibility=Visibility.WORKSPACE), 100 + number)
    make_asset(workspace, created_by=bob)
    recount_storage(workspace_id=workspace.pk)
    change(make_clip(), deleted_at=timezone.now(), purge_at=timezone.now() + timedelta(days=1))
    for scope in ("mine", "workspace"):
        page = alice_browser.get(address, {"scope": scope}).content.decode()
        position = {name: re.findall(rf"{name}=([0-9a-f~]+)", page)[-1] for name in ("before", "after")}
        for query in ({}, position):
            with listed_by_index(Asset, Generation, PersonStorageUse):
                assert len(clips_of(alice_browser.get(address, {"scope": scope, **query}))) == 1


def test_a_page_takes_as_many_statements_for_three_clips_as_for_one(
    alice_browser: Client, alice: User, workspace: Workspace, address: str, make_clip: MakeClip
) -> None:
    counts = []
    alice_browser.get(address)
    for number in range(3):
        sized(make_clip(), 100 + number)
        make_asset(workspace, created_by=User.objects.create_user(f"{number}@example.org", "x"))
        with CaptureQueriesContext(connection) as captured:
            alice_browser.get(address)
        counts.append(len(captured))
    assert counts[0] == counts[2]
