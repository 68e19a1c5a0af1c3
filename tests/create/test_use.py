"""A file from the page of references into the draft, and files uploaded there."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tchavi_studio.assets.models import Asset
from tchavi_studio.create.models import Draft
from tchavi_studio.create.queries import draft_for_viewer
from tchavi_studio.create.services import save_draft
from tchavi_studio.create.values import default_values
from tchavi_studio.workspaces.models import Membership, Role, User, Workspace
from tests.assets import media
from tests.assets.conftest import make_asset

Url = Callable[[str], str]

pytestmark = pytest.mark.one_database


def words(client: Client, path: str) -> str:
    return " ".join(client.get(path).content.decode().split())


@pytest.mark.parametrize(
    ("mode", "kind", "field", "then"),
    [
        ("text", "image", "reference_images", "references"),
        ("text", "audio", "reference_audios", "references"),
        ("frames", "image", "image_url", "frames"),
        ("frames", "video", "reference_videos", "frames"),
        ("references", "image", "reference_images", "references"),
    ],
)
def test_a_file_goes_where_the_composer_would_put_it(
    alice_browser: Client, membership: Membership, url: Url, mode: str, kind: str, field: str, then: str
) -> None:
    values = default_values()
    values["mode"], values["prompt"] = mode, "A pirogue at dawn"
    save_draft(workspace=membership.workspace, user=membership.user, values=values)
    asset = make_asset(membership.workspace, kind, created_by=membership.user)
    answer = alice_browser.post(url("use"), {"add": asset.pk})
    assert (answer.status_code, answer.headers["Location"]) == (302, f"{url('page')}?file")
    draft = draft_for_viewer(membership=membership)
    assert (draft["mode"], draft["prompt"], draft.getlist(field)) == (then, "A pirogue at dawn", [str(asset.pk)])
    page = words(alice_browser, f"{url('page')}?file")
    assert f'data-asset="{asset.pk}"' in page
    assert "data-unsaved" in page  # which opens the composer on a phone
    assert " added</p>" in page


def test_files_add_up_and_one_is_not_added_twice(alice_browser: Client, membership: Membership, url: Url) -> None:
    assets = [make_asset(membership.workspace, created_by=membership.user) for _number in range(2)]
    for asset in [*assets, assets[0]]:
        alice_browser.post(url("use"), {"add": asset.pk})
    assert draft_for_viewer(membership=membership).getlist("reference_images") == [str(asset.pk) for asset in assets]
    assert "That file is here already." in words(alice_browser, url("page"))


def test_nobody_uses_what_they_may_not_open(
    alice_browser: Client, workspace: Workspace, bob: User, client: Client, url: Url
) -> None:
    theirs = make_asset(Workspace.objects.get(memberships__user=bob), created_by=bob)
    for add in (str(theirs.pk), "x", ""):
        assert alice_browser.post(url("use"), {"add": add}).status_code == 404
    Membership.objects.create(workspace=workspace, user=bob, role=Role.VIEWER)
    client.force_login(bob)
    assert client.post(url("use"), {"add": make_asset(workspace).pk}).status_code == 403
    assert not Draft.objects.exists()


def test_a_plain_form_uploads_and_comes_back(
    alice_browser: Client, workspace: Workspace, alice: User, url: Url, tmp_path: Path
) -> None:
    back = f"/w/{workspace.slug}/references/?scope=mine"
    photo = media.make_image(tmp_path / "beach.jpg")
    for file in (
        SimpleUploadedFile("beach.jpg", photo.read_bytes(), "image/jpeg"),
        SimpleUploadedFile("b.jpg", b"no picture at all" * 9),
    ):
        answer = alice_browser.post(url("upload"), {"new-files": file, "next": back})
        assert (answer.status_code, answer.headers["Location"]) == (302, back)
    asset = Asset.objects.get()
    assert (asset.created_by, asset.original_name) == (alice, "beach.jpg")
    page = words(alice_browser, back)
    assert "beach.jpg is uploaded." in page
    assert "This file type isn&#x27;t supported." in page
    assert f'id="reference-{asset.pk}"' in page


def test_the_form_leads_nowhere_else(alice_browser: Client, workspace: Workspace, url: Url) -> None:
    answer = alice_browser.post(url("upload"), {"next": "https://example.org/"})
    assert answer.headers["Location"] == f"/w/{workspace.slug}/references/"
