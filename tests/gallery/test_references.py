"""The page of references: who sees which, what is found, where each was used, and what becomes of those deleted."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.files.storage import default_storage
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tchavi_studio.assets.models import Asset, ReferenceWord
from tchavi_studio.gallery.references import queries
from tchavi_studio.generations.models import ApprovalRequest, Generation, GenerationReference, State
from tchavi_studio.generations.orders import Order
from tchavi_studio.generations.params import MediaReference
from tchavi_studio.generations.services import delete_clip, restore_clip, share_clip, start_generation, unshare_clip
from tchavi_studio.generations.validation import validate
from tchavi_studio.ledger.services import grant_credits
from tchavi_studio.workspaces.models import Membership, Role, User, Visibility, Workspace
from tests.assets.conftest import make_asset
from tests.gallery.conftest import HTMX, Answer, MakeClip, cards_of, text_of
from tests.plans import listed_by_index

Use = Callable[..., Generation]
Address = Callable[..., str]


@pytest.fixture
def use(make_clip: MakeClip) -> Use:
    """Make a clip from these files."""

    def make(*assets: Asset, state: State = State.COMPLETED, role: str = "reference_image", **more: Any) -> Generation:
        clip = make_clip(state, **more)
        for position, asset in enumerate(assets, start=1):
            clip.references.create(role=role, position=position, asset=asset)
        if clip.is_shared:  # as if it had been shared with them
            unshare_clip(generation=clip, actor=None)
            clip.refresh_from_db()
            share_clip(generation=clip, actor=None)
        return clip

    return make


@pytest.fixture
def address(workspace: Workspace) -> Address:
    def address_of(asset: Asset | None = None, page: str = "") -> str:
        return f"/w/{workspace.slug}/references/" + (f"{asset.pk}/{page}/" if asset else "")

    return address_of


@pytest.fixture
def bobs_browser(bob: User) -> Client:
    client = Client()
    client.force_login(bob)
    return client


def join(workspace: Workspace, user: User, role: str) -> Membership:
    membership, _is_new = Membership.objects.update_or_create(workspace=workspace, user=user, defaults={"role": role})
    return membership


def listed(response: Answer) -> list[UUID]:
    assert response.status_code == 200
    return [UUID(pk) for pk in re.findall(r'id="reference-([0-9a-f-]{36})"', response.content.decode())]


SHARED = {"scope": "workspace"}

# --- Who sees which ---------------------------------------------------------------------------------------------------


def test_mine_are_the_viewers_own_the_newest_first(
    alice_browser: Client, alice: User, bob: User, workspace: Workspace, address: Address
) -> None:
    hers = [make_asset(workspace, created_by=alice, origin=origin) for origin in ("upload", "url", "trim")]
    make_asset(workspace, created_by=bob)
    make_asset(workspace, "video", created_by=alice, origin="output")
    make_asset(Workspace.objects.get(memberships__user=bob), created_by=alice)
    assert listed(alice_browser.get(address())) == [asset.pk for asset in reversed(hers)]


@pytest.mark.parametrize("role", Role.values)
def test_the_workspace_lists_the_files_of_shared_clips_and_of_no_private_one(
    bobs_browser: Client, bob: User, alice: User, workspace: Workspace, address: Address, use: Use, role: str
) -> None:
    join(workspace, bob, role)
    unused, private, shared = (make_asset(workspace, created_by=alice, original_name=f"{n}.jpg") for n in range(3))
    use(private)
    clip = use(shared, visibility=Visibility.WORKSPACE)
    use(shared, private)
    page = bobs_browser.get(address(), SHARED)
    assert listed(page) == [shared.pk]
    assert "Used in 1 clip<" in text_of(page)
    assert not re.search(r"[01]\.jpg", text_of(page))
    for other in (unused, private):
        # Its id is no way to more than the file, for who makes clips.
        assert bobs_browser.get(address(other, "clips")).status_code in (200, 404)
        assert cards_of(bobs_browser.get(address(other, "clips"))) == []
    unshare_clip(generation=clip, actor=None)
    assert listed(bobs_browser.get(address(), SHARED)) == []


def test_a_file_is_listed_from_when_a_clip_is_shared_until_none_is(
    alice_browser: Client, alice: User, workspace: Workspace, address: Address, use: Use
) -> None:
    photo = make_asset(workspace, created_by=alice)

    def is_listed() -> bool:
        return listed(alice_browser.get(address(), SHARED)) == [photo.pk]

    clip = use(photo)
    seen = [is_listed()]
    for act in (share_clip, delete_clip, restore_clip, unshare_clip, share_clip):
        act(generation=clip, actor=alice)
        clip.refresh_from_db()
        seen.append(is_listed())
    assert seen == [False, True, False, True, False, True]


def test_a_clip_that_starts_shared_lists_its_files(
    alice_browser: Client, alice: User, workspace: Workspace, membership: Membership, address: Address
) -> None:
    photo, output = make_asset(workspace, created_by=alice), make_asset(workspace, "video", origin="output")
    media = {
        kind: MediaReference(kind=kind, asset_id=asset.pk, width=640, height=640, duration_seconds=seconds)
        for kind, asset, seconds in (("image", photo, None), ("video", output, 5.0))
    }
    asked = {"prompt": "[Image1]", "reference_images": [media["image"]], "reference_videos": [media["video"]]}
    params = validate({"model": "seedance-2", **asked}).params
    assert params is not None
    grant_credits(workspace=workspace, book="sandbox", amount_credits=9_000, actor=None, reason="for the test")
    for visibility in (Visibility.PRIVATE, Visibility.WORKSPACE):
        assert listed(alice_browser.get(address(), SHARED)) == []
        start_generation(
            Order(workspace=workspace, creator=alice, params=params, submission_id=uuid4(), visibility=visibility)
        )
    # A finished clip may be a reference, but nobody uploaded it.
    assert listed(alice_browser.get(address(), SHARED)) == [photo.pk]


def test_whoever_makes_no_clips_begins_with_the_workspaces(
    bobs_browser: Client, bob: User, workspace: Workspace, address: Address
) -> None:
    join(workspace, bob, Role.VIEWER)
    page = text_of(bobs_browser.get(address()))
    assert "No shared clip uses a file yet" in page
    assert not any(word in page for word in ("Use in composer", ">Upload", "scope=mine"))


# --- Found ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("", "abc"), ("tete", "a"), ("TÊ", "a"), ("jp", "ab"), ("plage jpg", "b"), ("jpg plag", "b"), ("lage", ""),
        ("plage wav", ""), ("soupe_de-nuit", "c"), ("---", "abc"), ("%", "abc"), ("p\x00lage", "b"), ("12", "b"),
    ],
)  # fmt: skip
def test_names_are_found_by_how_their_words_begin(
    alice_browser: Client, alice: User, workspace: Workspace, address: Address, search: str, found: str
) -> None:
    names = {"a": "Tête.JPG", "b": "plage_1234.jpg", "c": "Soupe de nuit.wav"}
    assets = {
        letter: make_asset(workspace, "audio" if letter == "c" else "image", created_by=alice, original_name=name)
        for letter, name in names.items()
    }
    expected = [assets[letter].pk for letter in reversed(found)]
    assert listed(alice_browser.get(address(), {"q": search})) == expected


def test_a_kind_can_be_asked_for(alice_browser: Client, alice: User, workspace: Workspace, address: Address) -> None:
    assets = {kind: make_asset(workspace, kind, created_by=alice) for kind in ("image", "video", "audio")}
    for kind, asset in assets.items():
        assert listed(alice_browser.get(address(), {"kind": kind})) == [asset.pk]
        assert listed(alice_browser.get(address(), {"kind": kind, "q": "source"})) == [asset.pk]
    assert len(listed(alice_browser.get(address(), {"kind": "film"}))) == 3
    assert "Nothing of this kind is here." not in text_of(alice_browser.get(address(), {"kind": "film"}))
    assets["audio"].delete()
    assert "Nothing of this kind is here." in text_of(alice_browser.get(address(), {"kind": "audio"}))
    assert "No name here has words that begin like “sun &amp; sea”." in text_of(
        alice_browser.get(address(), {"q": "sun & sea"})
    )


def test_pages_follow_one_another(
    alice_browser: Client, alice: User, workspace: Workspace, address: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "PAGE_LENGTH", 2)
    assets = [make_asset(workspace, created_by=alice) for _number in range(5)]
    found, before = [], ""
    for length in (2, 2, 1):
        part = alice_browser.get(address(), {"kind": "image", "before": before}, headers=HTMX if before else {})
        assert ("<h1" in text_of(part)) == (before == "")
        # Without a script, the same address is a whole page.
        assert listed(alice_browser.get(address(), {"kind": "image", "before": before})) == listed(part)
        assert len(listed(part)) == length
        found += listed(part)
        before = next(iter(re.findall(r"before=([0-9a-f~]+)", part.content.decode())), "")
    assert found == [asset.pk for asset in reversed(assets)]
    assert before == ""


def test_a_search_stops_after_enough_rows_and_goes_on_from_there(
    alice_browser: Client, alice: User, workspace: Workspace, address: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "MAX_EXAMINED", 2)
    day = timezone.now().replace(year=2025, month=3, day=31, hour=12)
    wanted = make_asset(workspace, created_by=alice, original_name="kite.jpg", created_at=day - timedelta(days=9))
    for number in range(4):
        make_asset(workspace, created_by=alice, created_at=day - timedelta(days=number))
    query: dict[str, str] = {"q": "kite"}
    for until in ("March 30, 2025", "March 28, 2025"):
        page = alice_browser.get(address(), query)
        assert listed(page) == []
        assert f"Searched back to {until}." in text_of(page)
        assert "No name here" not in text_of(page)
        query["before"] = re.findall(r"before=([0-9a-f~]+)", page.content.decode())[-1]
    last = alice_browser.get(address(), query)
    assert listed(last) == [wanted.pk]
    assert "Searched back" not in text_of(last)


# --- What a card says -------------------------------------------------------------------------------------------------


def test_a_card_says_what_the_file_is(
    alice_browser: Client, alice: User, workspace: Workspace, address: Address
) -> None:
    make_asset(workspace, "image", created_by=alice, original_name="<b>beach</b>.jpg", width=1600, height=1200)
    make_asset(workspace, "audio", created_by=alice, original_name="", peaks=[5, 100])
    page = text_of(alice_browser.get(address()))
    assert "&lt;b&gt;beach&lt;/b&gt;.jpg" in page
    assert "Image · 1600 × 1200 · 1.0 KB" in page.replace("\xa0", " ")
    assert "Without a name" in page
    assert "0:16" in page
    assert page.count('width="3" height=') == 16
    assert page.count("Not used yet") == 2
    assert page.count("· Alice") == 2


def test_uses_are_counted_up_to_a_bound(
    alice_browser: Client, alice: User, workspace: Workspace, address: Address, use: Use,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    photo = make_asset(workspace, created_by=alice)
    use(photo, photo)  # in two places of one clip
    use(photo)
    assert "Used in 2 clips<" in text_of(alice_browser.get(address()))
    monkeypatch.setattr(queries, "MAX_USES", 2)
    # Of the latest two uses, one is the first clip's second.
    assert "Used in at least 1 clip<" in text_of(alice_browser.get(address()))


def test_the_clips_made_from_a_file_are_those_that_the_viewer_sees(
    alice_browser: Client, bobs_browser: Client, alice: User, bob: User, workspace: Workspace, address: Address,
    use: Use, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(queries, "PAGE_LENGTH", 2)
    join(workspace, bob, Role.CREATOR)
    photo = make_asset(workspace, created_by=alice)
    clips = [use(photo, photo), use(photo), use(photo, visibility=Visibility.WORKSPACE)]
    delete_clip(generation=use(photo), actor=alice)
    pks = [str(clip.pk) for clip in clips]
    first = alice_browser.get(address(photo, "clips"))
    assert cards_of(first) == [pks[2], pks[1]]
    (before,) = set(re.findall(r"before=(\d+)", first.content.decode()))
    second = alice_browser.get(address(photo, "clips"), {"before": before}, headers=HTMX)
    assert (cards_of(second), "before=" in text_of(second)) == ([pks[0]], False)
    assert cards_of(bobs_browser.get(address(photo, "clips"))) == [pks[2]]


def test_a_finished_clip_is_no_reference(alice_browser: Client, address: Address, make_clip: MakeClip) -> None:
    output = make_clip().output
    assert output is not None
    for page in ("clips", "delete"):
        assert alice_browser.get(address(output, page)).status_code == 404


# --- Deletion ---------------------------------------------------------------------------------------------------------


def test_a_file_is_deleted_after_saying_which_clips_lose_it(
    alice_browser: Client, alice: User, workspace: Workspace, address: Address, use: Use,
    django_capture_on_commit_callbacks: Any,
) -> None:  # fmt: skip
    photo = make_asset(workspace, created_by=alice, original_name="beach.jpg")
    clips = [use(photo), use(photo, state=State.FAILED)]
    question = text_of(alice_browser.get(address(photo, "delete")))
    assert "2 clips that you see lose this reference. Finished clips stay as they are" in question
    assert "which frees 1.0 KB. No credits move." in question.replace("\xa0", " ")
    with django_capture_on_commit_callbacks(execute=True):
        answer = alice_browser.post(address(photo, "delete"), follow=True)
    assert "beach.jpg is deleted." in text_of(answer)
    assert not Asset.objects.filter(pk=photo.pk).exists()
    assert not ReferenceWord.objects.exists()
    assert not any(default_storage.exists(str(file.name)) for file in (photo.file, photo.thumbnail))
    assert [clip.references.count() for clip in clips] == [0, 0]
    assert Generation.objects.count() == 2
    assert alice_browser.post(address(photo, "delete")).status_code == 404


ROLES = {
    "first_frame": "is the first frame",
    "last_frame": "is the last frame",
    "reference_image": "is an image",
    "reference_video": "is a video",
    "reference_audio": "is a sound",
}


@pytest.mark.parametrize("role", ROLES)
def test_a_file_that_a_waiting_clip_needs_stays(
    alice_browser: Client, alice: User, workspace: Workspace, address: Address, use: Use, role: str
) -> None:
    photo = make_asset(workspace, created_by=alice)
    use(photo)
    clip = use(photo, state=State.QUEUED, role=role)
    answer = alice_browser.post(address(photo, "delete"), follow=True)
    assert (
        f"This file {ROLES[role]} of a clip that isn&#x27;t finished. Nothing was deleted and no credits moved. "
        "Cancel the clip, which is still waiting, or let it finish, then delete the file."
    ) in text_of(answer)
    Generation.objects.filter(pk=clip.pk).update(state=State.PROCESSING)
    assert "no credits moved. Let it finish, then delete" in text_of(
        alice_browser.post(address(photo, "delete"), follow=True)
    )
    assert GenerationReference.objects.filter(asset=photo).count() == 2


def test_a_clip_that_one_does_not_see_is_not_described(
    bobs_browser: Client, alice: User, bob: User, workspace: Workspace, address: Address, use: Use
) -> None:
    join(workspace, bob, Role.ADMIN)
    photo = make_asset(workspace, created_by=bob)
    use(photo)
    waiting = use(photo, state=State.QUEUED, role="first_frame")
    assert "No clip that you see was made from this file." in text_of(bobs_browser.get(address(photo, "delete")))
    answer = text_of(bobs_browser.post(address(photo, "delete"), follow=True))
    assert "A clip that isn&#x27;t finished needs this file. Nothing was deleted and no credits moved." in answer
    answer = answer.partition('<dialog id="shortcuts"')[0]
    assert not any(word in answer for word in ("frame", "waiting,", str(waiting.pk), waiting.prompt))
    assert Asset.objects.filter(pk=photo.pk).exists()


@pytest.mark.parametrize("role", Role.values)
def test_only_whoever_sent_a_file_and_admins_delete_it(
    bobs_browser: Client, alice: User, bob: User, workspace: Workspace, address: Address, use: Use, role: str
) -> None:
    join(workspace, bob, role)
    hers, his = make_asset(workspace, created_by=alice), make_asset(workspace, created_by=bob)
    use(hers, his, visibility=Visibility.WORKSPACE)
    is_admin = role in (Role.OWNER, Role.ADMIN)
    expected = {hers.pk: 302 if is_admin else 403, his.pk: 302 if is_admin or role == Role.CREATOR else 403}
    links = bobs_browser.get(address(), SHARED).content.decode()
    assert {pk: f"{pk}/delete/" in links for pk in expected} == {pk: code == 302 for pk, code in expected.items()}
    for asset in (hers, his):
        assert bobs_browser.post(address(asset, "delete")).status_code == expected[asset.pk]


def test_a_request_that_waits_with_the_file_ends(
    alice: User, workspace: Workspace, alice_browser: Client, address: Address
) -> None:
    photo = make_asset(workspace, created_by=alice)
    request = ApprovalRequest.objects.create(
        workspace=workspace, asker=alice, submission_id=UUID(int=1), variations=1, model="seedance-2", prompt="x",
        duration_seconds=5, resolution="480p", aspect_ratio="16:9", generate_audio=True, width=864, height=496,
        engine="preview", total_credits=5, expires_at=timezone.now() + timedelta(days=1),
    )  # fmt: skip
    request.references.create(role="reference_image", position=1, asset=photo)
    alice_browser.post(address(photo, "delete"))
    request.refresh_from_db()
    assert request.ending == "file_deleted"


# --- What it costs ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scope", ["mine", "workspace"])
@pytest.mark.parametrize("kind", ["", "image"])
@pytest.mark.parametrize("search", ["", "source"])
def test_every_list_is_read_by_its_index(
    alice_browser: Client, alice: User, workspace: Workspace, address: Address, use: Use,
    monkeypatch: pytest.MonkeyPatch, scope: str, kind: str, search: str,
) -> None:  # fmt: skip
    monkeypatch.setattr(queries, "PAGE_LENGTH", 1)
    for _number in range(3):
        use(make_asset(workspace, created_by=alice), visibility=Visibility.WORKSPACE)
    query = {"scope": scope, "kind": kind, "q": search}
    before = re.findall(r"before=([0-9a-f~]+)", alice_browser.get(address(), query).content.decode())[0]
    for position in ("", before):
        with listed_by_index(Asset, Generation, GenerationReference):
            assert len(listed(alice_browser.get(address(), {**query, "before": position}))) == 1


def test_the_clips_of_a_file_are_read_by_index(
    alice_browser: Client, alice: User, workspace: Workspace, address: Address, use: Use,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(queries, "PAGE_LENGTH", 1)
    photo = make_asset(workspace, created_by=alice)
    use(photo)
    use(photo)
    with listed_by_index(Asset, Generation, GenerationReference):
        page = alice_browser.get(address(photo, "clips"))
    before = re.findall(r"before=(\d+)", page.content.decode())[0]
    for part, query in (("clips", {"before": before}), ("delete", {})):
        with listed_by_index(Asset, Generation, GenerationReference):
            assert alice_browser.get(address(photo, part), query).status_code == 200
    with listed_by_index(Asset, Generation):
        assert alice_browser.post(address(photo, "delete")).status_code == 302


@pytest.mark.one_database
def test_clips_are_looked_up_one_by_one_never_all_of_the_workspace(
    alice_browser: Client, alice: User, workspace: Workspace, address: Address, use: Use
) -> None:
    """An index of all clips of the workspace is an index too, so `listed_by_index` doesn't mind it."""
    photo = make_asset(workspace, created_by=alice)
    use(photo, visibility=Visibility.WORKSPACE)
    steps: list[str] = []

    def explain(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "generations_generationreference" in sql:
            with connection.cursor() as cursor:
                # Without the wrapper: this is no statement of the page.
                cursor.cursor.execute(f"EXPLAIN QUERY PLAN {sql}", params)
                steps.extend(row[3] for row in cursor.fetchall())
        return execute(sql, params, many, context)

    with connection.execute_wrapper(explain):
        for path, query in ((address(), {}), (address(), SHARED), (address(photo, "clips"), {})):
            alice_browser.get(path, query)
    searched = {step.partition(" USING ")[2] for step in steps if step.startswith("SEARCH")}
    assert not [step for step in searched if "INDEX generation_" in step], searched
    assert any("sqlite_autoindex_generations_generation_1 (id=?)" in step for step in searched)
    assert any("generations_generationreference_generation_id" in step for step in searched)


def test_a_page_takes_as_many_statements_for_three_files_as_for_one(
    alice_browser: Client, alice: User, workspace: Workspace, address: Address, use: Use
) -> None:
    asked: list[dict[str, str]] = [{}, SHARED, {"q": "source"}]
    counts = []
    for _number in range(3):
        use(make_asset(workspace, created_by=alice), visibility=Visibility.WORKSPACE)
        alice_browser.get(address())
        for query in asked:
            with CaptureQueriesContext(connection) as captured:
                alice_browser.get(address(), query)
            counts.append(len(captured))
    assert counts[:3] == counts[-3:]
    assert max(counts) <= 10
