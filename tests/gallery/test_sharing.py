"""Clips that the workspace shares: who sees them, who may do what with them, and how open pages hear of them."""

import re
from collections.abc import Callable

import pytest
from django.core.files.base import ContentFile
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from tchavi_studio.gallery.queries import changes_for_viewer, feed_for_viewer
from tchavi_studio.generations.models import Generation, State
from tchavi_studio.generations.queries import Cursor
from tchavi_studio.generations.services import delete_clip, restore_clip, share_clip, unshare_clip
from tchavi_studio.generations.visibility import Scope, visible_to
from tchavi_studio.workspaces.models import ActivityRow, Membership, Role, User, Visibility, Workspace
from tests.assets.conftest import make_asset
from tests.gallery.conftest import HTMX, MakeClip, Url, cards_of, change, latest_of, text_of
from tests.plans import listed_by_index

WORKSPACE, PRIVATE = Visibility.WORKSPACE, Visibility.PRIVATE
SHARED: dict[str, str] = {"scope": "workspace"}

JoinAs = Callable[[str], Membership]


@pytest.fixture
def bob_joins(workspace: Workspace, bob: User) -> JoinAs:
    """Bob as a member of Alice's workspace, in the role that is given."""

    def join(role: str) -> Membership:
        member, _created = Membership.objects.update_or_create(workspace=workspace, user=bob, defaults={"role": role})
        return member

    return join


@pytest.fixture
def bobs_browser(bob: User) -> Client:
    client = Client()
    client.force_login(bob)
    return client


def status_of(client: Client, address: str) -> int:
    """What a GET answers; a file is read to its end, which closes it."""
    response = client.get(address)
    b"".join(response)
    return int(response.status_code)


# --- Who sees what ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", Role)
def test_everybody_in_the_workspace_sees_shared_clips_and_nobody_private_ones(
    bobs_browser: Client, bob_joins: JoinAs, url: Url, make_clip: MakeClip, role: str
) -> None:
    bob_joins(role)
    shared, private = make_clip(visibility=WORKSPACE), make_clip(prompt="A secret")
    assert cards_of(bobs_browser.get(url("gallery"), SHARED)) == [str(shared.pk)]
    assert cards_of(bobs_browser.get(url("gallery"))) == []
    for name, there in (("clip", shared), ("download", shared)):
        assert status_of(bobs_browser, url(name, there)) == 200
        assert status_of(bobs_browser, url(name, private)) == 404


def test_other_workspaces_see_nothing(bobs_browser: Client, bob: User, url: Url, make_clip: MakeClip) -> None:
    clip = make_clip(visibility=WORKSPACE)
    own = Membership.objects.get(user=bob)
    assert not visible_to(own).exists()
    assert bobs_browser.get(url("gallery"), SHARED).status_code == 404
    assert bobs_browser.get(url("clip", clip).replace("alices", "bobs")).status_code == 404


def test_new_clips_are_seen_as_the_workspace_wants_it(workspace: Workspace, make_clip: MakeClip) -> None:
    for default, is_shared in ((WORKSPACE, True), (PRIVATE, False)):
        workspace.default_visibility = default
        clip = make_clip(visibility=None)
        assert (clip.is_shared, clip.shared_at == (clip.created_at if is_shared else None)) == (is_shared, True)


@pytest.mark.parametrize(("role", "sees_references"), [("creator", True), ("viewer", False), ("auditor", False)])
def test_files_of_private_clips_stay_closed(
    bobs_browser: Client, bob_joins: JoinAs, workspace: Workspace, url: Url, make_clip: MakeClip, role: str,
    sees_references: bool,
) -> None:  # fmt: skip
    bob_joins(role)
    photo = make_asset(workspace)
    photo.file.save("a.webp", ContentFile(b"photo"))
    clip = make_clip()
    clip.references.create(role="reference_image", position=1, asset=photo)
    assert clip.output is not None
    addresses = [f"/w/{workspace.slug}/media/{pk}/file" for pk in (clip.output.pk, photo.pk)]
    asked = [status_of(bobs_browser, address) for address in addresses]
    # Who makes clips may open any reference whose id they know.
    assert asked == [404, 200 if sees_references else 404]
    share_clip(generation=clip, actor=clip.creator)
    assert [status_of(bobs_browser, address) for address in addresses] == [200, 200]
    unshare_clip(generation=clip, actor=clip.creator)
    assert status_of(bobs_browser, addresses[0]) == 404


def test_what_somebody_binned_is_gone_for_all_but_them_and_admins(
    bobs_browser: Client, alice_browser: Client, bob_joins: JoinAs, url: Url, make_clip: MakeClip
) -> None:
    clip = make_clip(visibility=WORKSPACE)
    delete_clip(generation=clip, actor=clip.creator)
    for role, status in (("viewer", 404), ("creator", 404), ("admin", 200)):
        bob_joins(role)
        assert bobs_browser.get(url("clip", clip)).status_code == status
        assert cards_of(bobs_browser.get(url("gallery"), SHARED)) == []
        assert str(clip.pk) not in text_of(bobs_browser.get(url("bin")))
    assert alice_browser.get(url("clip", clip)).status_code == 200


# --- Sharing ----------------------------------------------------------------------------------------------------------


def test_sharing_and_back(alice_browser: Client, url: Url, make_clip: MakeClip, alice: User) -> None:
    clip = make_clip(prompt="Nothing of this in the activity")
    page = text_of(alice_browser.post(url("share", clip), headers=HTMX))
    assert "Shared: everybody in the workspace sees this clip." in page
    clip.refresh_from_db()
    assert clip.is_shared
    assert clip.shared_at == clip.updated_at
    shared_at = clip.shared_at
    alice_browser.post(url("share", clip))
    clip.refresh_from_db()
    assert clip.shared_at == shared_at, "the second press changed nothing"
    alice_browser.post(url("unshare", clip))
    clip.refresh_from_db()
    assert (clip.is_shared, clip.shared_at) == (False, shared_at)
    rows = ActivityRow.objects.filter(reference=clip.pk).order_by("sequence")
    assert [(row.kind, row.actor, row.subject, row.details) for row in rows] == [
        ("clip.shared", alice, alice, {}),
        ("clip.unshared", alice, alice, {}),
    ]


ACTS = {"cancel": State.QUEUED, "dismiss": State.FAILED, "share": State.COMPLETED, "unshare": State.COMPLETED,
        "delete": State.COMPLETED, "restore": State.COMPLETED}  # fmt: skip


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize(
    ("role", "allowed"),
    [("admin", {"unshare", "delete", "restore"}), ("creator", set()), ("viewer", set()), ("auditor", set())],
)
def test_only_admins_may_remove_others_shared_clips(
    bobs_browser: Client, bob_joins: JoinAs, url: Url, make_clip: MakeClip, act: str, role: str, allowed: set[str]
) -> None:
    bob_joins(role)
    clip = make_clip(ACTS[act], visibility=WORKSPACE)
    response = bobs_browser.post(url(act, clip), headers=HTMX)
    assert response.status_code == (200 if act in allowed else 403)
    changed = Generation.objects.get(pk=clip.pk).version != clip.version
    assert changed == (act in allowed and act != "restore")


def test_an_admin_removes_and_restores_somebody_elses_clip(
    bobs_browser: Client, alice_browser: Client, bob_joins: JoinAs, bob: User, url: Url, make_clip: MakeClip
) -> None:
    bob_joins("admin")
    clip = make_clip(visibility=WORKSPACE)
    assert "Undo" in text_of(bobs_browser.post(url("delete", clip), headers=HTMX))
    assert str(clip.pk) in text_of(alice_browser.get(url("bin"))), "it is in its creator's bin"
    assert "Restored." in text_of(bobs_browser.post(url("restore", clip), headers=HTMX))
    hidden = text_of(bobs_browser.post(url("unshare", clip), headers=HTMX))
    assert "Private: only its creator sees this clip now." in hidden
    assert re.search(rf'<article id="clip-{clip.pk}" hidden', hidden)
    kinds = ActivityRow.objects.filter(reference=clip.pk, actor=bob).order_by("sequence").values_list("kind", flat=True)
    assert list(kinds) == ["clip.deleted", "clip.restored", "clip.unshared"]


def test_cards_offer_what_the_viewer_may_do(
    bobs_browser: Client, alice_browser: Client, bob_joins: JoinAs, url: Url, make_clip: MakeClip
) -> None:
    make_clip(visibility=WORKSPACE)
    make_clip(State.FAILED, visibility=WORKSPACE)
    make_clip(State.QUEUED, visibility=WORKSPACE)

    def offered(client: Client) -> list[str]:
        page, _bar, _acts = text_of(client.get(url("gallery"), SHARED)).partition('class="selection-bar"')
        words = ["Remix everything", "Make private", "Move to the bin", "Dismiss", "Cancel"]
        return [word for word in words if re.search(rf">{word}<", page)]

    assert offered(alice_browser) == ["Remix everything", "Make private", "Move to the bin", "Dismiss", "Cancel"]
    for role, words in {
        "admin": ["Remix everything", "Make private", "Move to the bin"],
        "creator": ["Remix everything"],
        "viewer": [],
    }.items():
        bob_joins(role)
        assert offered(bobs_browser) == words


def test_remixes_of_private_clips_are_not_named_to_others(
    bobs_browser: Client, bob_joins: JoinAs, url: Url, make_clip: MakeClip
) -> None:
    bob_joins("creator")
    clip = make_clip(visibility=WORKSPACE)
    make_clip(prompt="A shared take", parent=clip, visibility=WORKSPACE)
    make_clip(prompt="A private take", parent=clip)
    page = text_of(bobs_browser.get(url("clip", clip)))
    assert ("A shared take" in page, "A private take" in page) == (True, False)


# --- The list ---------------------------------------------------------------------------------------------------------


def test_the_last_shared_comes_first_in_a_feed_and_the_last_made_in_the_gallery(
    alice: User,
    bob: User,
    alice_browser: Client,
    bob_joins: JoinAs,
    workspace: Workspace,
    url: Url,
    make_clip: MakeClip,
) -> None:
    bob_joins("creator")
    old = make_clip()
    bobs, mine = make_clip(creator=bob, visibility=WORKSPACE), make_clip(visibility=WORKSPACE)
    for page in (url("gallery"), latest_of(workspace)):
        assert cards_of(alice_browser.get(page, SHARED)) == [str(mine.pk), str(bobs.pk)]
    share_clip(generation=old, actor=alice)
    assert cards_of(alice_browser.get(latest_of(workspace), SHARED)) == [str(old.pk), str(mine.pk), str(bobs.pk)]
    assert cards_of(alice_browser.get(url("gallery"), SHARED)) == [str(mine.pk), str(bobs.pk), str(old.pk)]


@pytest.mark.parametrize("show", ["all", "running", "failed", "done"])
@pytest.mark.usefixtures("short_pages")
def test_pages_come_from_indexes(membership: Membership, make_clip: MakeClip, show: str) -> None:
    for state in (State.QUEUED, State.FAILED, State.COMPLETED):
        for _number in range(3):
            make_clip(state, visibility=WORKSPACE)
    make_clip()
    seen: list[Generation] = []
    before = ""
    with listed_by_index(Generation):
        while True:
            feed = feed_for_viewer(membership=membership, scope=Scope.WORKSPACE, show=show, before=before)
            seen += [card.clip for card in feed.cards]
            before = feed.next_page
            if not before:
                break
    assert len(seen) == len(set(seen)) == (9 if show == "all" else 3)
    assert [clip.shared_at for clip in seen] == sorted((clip.shared_at for clip in seen), reverse=True)  # type: ignore[type-var]


@pytest.mark.parametrize("count", [1, 3])
def test_query_count_is_constant(
    alice_browser: Client, url: Url, make_clip: MakeClip, django_assert_num_queries: DjangoAssertNumQueries, count: int
) -> None:
    for _number in range(count):
        make_clip(visibility=WORKSPACE)
    alice_browser.get(url("gallery"), SHARED)
    with django_assert_num_queries(14):
        assert len(cards_of(alice_browser.get(url("gallery"), SHARED))) == count


def test_links_stay_in_the_scope(alice_browser: Client, url: Url, make_clip: MakeClip) -> None:
    make_clip(visibility=WORKSPACE)
    page = alice_browser.get(url("gallery"), SHARED).content.decode()
    assert f'href="{url("gallery")}?scope=workspace&amp;state=done"' in page
    assert "list=gallery&amp;scope=workspace&amp;waits=" in page
    assert re.search(r'scope=workspace" aria-current="page">Workspace <small>1</small><', page)


@pytest.mark.parametrize("role", ["creator", "viewer"])
def test_nothing_shared_yet(bobs_browser: Client, bob_joins: JoinAs, url: Url, role: str) -> None:
    bob_joins(role)
    for page in (url("gallery"), "/w/alices-studio/create/"):
        assert "Nothing is shared here yet" in text_of(bobs_browser.get(page, SHARED))


# --- An open page -----------------------------------------------------------------------------------------------------


class OpenPage:
    """Bob's page of the workspace's clips, polling."""

    def __init__(self, membership: Membership) -> None:
        self.membership = membership
        self.feed = feed_for_viewer(membership=membership, scope=Scope.WORKSPACE)

    def hears(self) -> tuple[list[Generation], list[Generation], list[Generation]] | None:
        """The clips that changed, those that came on top, and those that went."""
        changes = changes_for_viewer(
            membership=self.membership,
            scope=Scope.WORKSPACE,
            show="all",
            cursor=Cursor.parse(self.feed.cursor),
            since=self.feed.since,
        )
        if changes is None:
            return None
        self.feed = changes.feed
        assert changes.finished == changes.failed == [], "nobody is told that somebody else's clip has ended"
        return [card.clip for card in changes.changed], [card.clip for card in changes.added], changes.gone


def test_an_open_page_hears_of_what_others_share(bob_joins: JoinAs, make_clip: MakeClip, alice: User) -> None:
    old = make_clip()
    page = OpenPage(bob_joins("viewer"))
    assert page.feed.poll == "slow"
    assert page.hears() is None
    made = make_clip(State.QUEUED, visibility=WORKSPACE)
    assert page.hears() == ([made], [made], [])
    assert page.feed.poll == "on"
    make_clip()
    assert page.hears() is None, "of a private clip it hears nothing"
    change(made, state=State.FAILED, finished_at=timezone.now())
    assert page.hears() == ([made], [made], [])
    share_clip(generation=old, actor=alice)
    assert page.hears() == ([old], [old], [])
    unshare_clip(generation=old, actor=alice)
    assert page.hears() == ([], [], [old])
    share_clip(generation=old, actor=alice)
    assert page.hears() == ([old], [old], [])
    delete_clip(generation=old, actor=alice)
    assert page.hears() == ([], [], [old])
    restore_clip(generation=old, actor=alice)
    assert page.hears() == ([old], [old], [])
    assert page.hears() is None


def test_an_idle_poll_is_one_statement_more_than_the_session(
    bobs_browser: Client, bob_joins: JoinAs, url: Url, make_clip: MakeClip,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:  # fmt: skip
    make_clip(visibility=WORKSPACE)
    feed = feed_for_viewer(membership=bob_joins("viewer"), scope=Scope.WORKSPACE)
    asked = {**SHARED, "after": feed.cursor, "since": str(feed.since)}
    bobs_browser.get(url("updates"), asked)
    with listed_by_index(Generation), django_assert_num_queries(3):
        assert bobs_browser.get(url("updates"), asked).status_code == 204


def test_a_clip_that_went_is_taken_off_the_page(
    bobs_browser: Client, bob_joins: JoinAs, url: Url, make_clip: MakeClip, alice: User
) -> None:
    clip = make_clip(prompt="Not for Bob any more", visibility=WORKSPACE)
    feed = feed_for_viewer(membership=bob_joins("viewer"), scope=Scope.WORKSPACE)
    unshare_clip(generation=clip, actor=alice)
    answer = text_of(bobs_browser.get(url("updates"), {**SHARED, "after": feed.cursor, "since": str(feed.since)}))
    assert re.search(rf'<article id="clip-{clip.pk}" hidden hx-swap-oob="true" data-version="\d+"></article>', answer)
    assert "Not for Bob" not in answer
