"""Files into the composer: with a script one by one, without one with the form."""

from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tchavi_studio.assets.models import Asset
from tchavi_studio.assets.services import FETCHES
from tchavi_studio.create.models import Draft
from tchavi_studio.generations.models import Generation
from tchavi_studio.workspaces.models import Membership, User, Workspace
from tests.assets import media

from .conftest import MakeAsset, make_values, sent

Url = Callable[[str], str]


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return media.make_image(tmp_path_factory.mktemp("photo") / "beach.jpg")


def as_upload(path: Path) -> SimpleUploadedFile:
    return SimpleUploadedFile(path.name, path.read_bytes(), "image/jpeg")


UNSUPPORTED = (
    "This file type isn't supported. Add a JPEG, PNG, WebP, BMP, TIFF, GIF or HEIC photo, an MP4 or MOV video, or WAV "
    "or MP3 audio. Nothing was stored."
)


def test_an_upload_is_stored_and_answers_its_id(
    alice_browser: Client, workspace: Workspace, alice: User, url: Url, photo: Path
) -> None:
    response = alice_browser.post(url("upload"), {"new-files": as_upload(photo)})
    asset = Asset.objects.get()
    assert (asset.workspace, asset.created_by, asset.kind) == (workspace, alice, "image")
    assert (response.status_code, response.json()) == (200, {"asset": str(asset.pk)})


def test_a_refused_file_says_why_and_stores_nothing(alice_browser: Client, url: Url) -> None:
    response = alice_browser.post(url("upload"), {"new-files": SimpleUploadedFile("a.jpg", b"no picture at all" * 9)})
    assert (response.status_code, response.json()) == (422, {"refusal": UNSUPPORTED})
    assert Asset.objects.count() == 0


@pytest.mark.parametrize("address", ["http://127.0.0.1/x.jpg", "ftp://example.org/x.jpg", "nonsense", ""])
def test_a_refused_address_says_so(alice_browser: Client, url: Url, address: str) -> None:
    response = alice_browser.post(url("upload"), {"new-url": address})
    assert response.status_code == 422
    assert "The file couldn't be fetched from this URL." in response.json()["refusal"]


def test_a_person_fetches_few_links_at_once(alice_browser: Client, alice: User, url: Url) -> None:
    with FETCHES.place(owner=alice.pk), FETCHES.place(owner=alice.pk):
        response = alice_browser.post(url("upload"), {"new-url": "https://example.org/x.jpg"})
    assert (response.status_code, response["Retry-After"]) == (429, "5")
    assert response.json() == {
        "refusal": "Too many links are being fetched right now. Nothing was stored and no credits moved: try again in "
        "5 s.",
        "may_retry": True,
    }


def test_a_viewer_uploads_nothing(alice_browser: Client, workspace: Workspace, url: Url, photo: Path) -> None:
    Membership.objects.filter(workspace=workspace).update(role="viewer")
    assert alice_browser.post(url("upload"), {"new-files": as_upload(photo)}).status_code == 403
    assert Asset.objects.count() == 0


# --- Into their slots, for a script -----------------------------------------------------------------------------------


def arranged(browser: Client, url: Url, values: Any, **fields: str) -> dict[str, Any]:
    """What a script is answered when it asks for a change."""
    response = browser.post(url("arrange"), {**sent(values), **fields}, headers={"HX-Request": "true"})
    assert response.status_code == 200
    answer: dict[str, Any] = response.json()
    return answer


def test_a_script_gets_the_chips_and_all_that_may_have_changed(
    alice_browser: Client, url: Url, make_asset: MakeAsset
) -> None:
    first, second = make_asset(), make_asset()
    values = make_values(prompt="one\ntwo", reference_images=[first.pk])
    answer = arranged(alice_browser, url, values, add=str(second.pk), to="files")
    images = answer["chips"].pop("reference_images")
    assert [images.count(f'name="reference_images" value="{asset.pk}"') for asset in (first, second)] == [1, 1]
    assert images.index(str(first.pk)) < images.index(str(second.pk))
    assert f'data-key="reference_images:{second.pk}" data-token="[Image2]"' in images
    assert {name: chips.strip() for name, chips in answer.pop("chips").items()} == {
        "image_url": "",
        "last_frame_image_url": "",
        "reference_videos": "",
        "reference_audios": "",
    }
    assert answer == {"mode": "references", "prompt": "one\ntwo", "announcement": "Image2 added", "refusals": []}
    assert draft()["reference_images"] == [str(first.pk), str(second.pk)]


def test_what_has_no_room_is_refused_and_the_rest_stays(alice_browser: Client, url: Url, make_asset: MakeAsset) -> None:
    photo = make_asset()
    answer = arranged(alice_browser, url, make_values(reference_images=[photo.pk]), add=str(photo.pk))
    assert (answer["refusals"], answer["announcement"]) == (["That file is here already."], "")
    assert answer["chips"]["reference_images"].count("<li") == 1


def test_a_script_moves_and_removes_with_the_tokens(alice_browser: Client, url: Url, make_asset: MakeAsset) -> None:
    first, second = make_asset(), make_asset()
    values = make_values(mode="references", prompt="[Image1] and [Image2]", reference_images=[first.pk, second.pk])
    moved = arranged(alice_browser, url, values, move=f"reference_images:{second.pk}:-1")
    assert (moved["prompt"], moved["announcement"]) == ("[Image2] and [Image1]", "Image2 is now 1 of 2")
    removed = arranged(alice_browser, url, values, remove=f"reference_images:{first.pk}")
    assert (removed["prompt"], removed["announcement"]) == (" and [Image1]", "Image1 removed")


@pytest.mark.parametrize("move", ["reference_images:x:1", "nonsense:-1", "::1"])
def test_a_move_of_nothing_changes_nothing(alice_browser: Client, url: Url, make_asset: MakeAsset, move: str) -> None:
    values = make_values(reference_images=[make_asset().pk], prompt="[Image1]")
    answer = arranged(alice_browser, url, values, move=move)
    assert (answer["prompt"], answer["chips"]["reference_images"].count("<li")) == ("[Image1]", 1)


@pytest.mark.parametrize("move", ["", "nonsense", "reference_images:x:far"])
def test_a_move_that_says_no_number_is_not_found(alice_browser: Client, url: Url, move: str) -> None:
    assert alice_browser.post(url("arrange"), {**sent(make_values()), "move": move}).status_code == 404


@pytest.mark.parametrize("name", ["theirs", "unknown", "nonsense"])
def test_only_the_workspaces_own_files_can_be_added(
    alice_browser: Client, bob: User, url: Url, make_asset: MakeAsset, name: str
) -> None:
    theirs = make_asset(workspace=Workspace.objects.get(memberships__user=bob))
    asset_id = {"theirs": str(theirs.pk), "unknown": str(uuid4()), "nonsense": "../x"}[name]
    assert alice_browser.post(url("arrange"), {**sent(make_values()), "add": asset_id}).status_code == 404


# --- Trims ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def long_sound(alice_browser: Client, url: Url, tmp_path: Path) -> Asset:
    """Sixteen seconds, as uploaded: too long by one."""
    wav = media.make_wav(tmp_path / "speech.wav", seconds=16)
    alice_browser.post(url("upload"), {"new-files": as_upload(wav)})
    return Asset.objects.get(needs_trim=True)


def test_a_long_sound_comes_with_the_offer_to_trim_it(alice_browser: Client, url: Url, long_sound: Asset) -> None:
    values = make_values(reference_audios=[long_sound.pk])
    alice_browser.post(url("quote"), sent(values))
    body = alice_browser.get(url("page")).content.decode()
    assert f'name="trim_start-{long_sound.pk}" min="0" max="1.0" step="0.1"' in body


def test_a_trim_answers_the_id_of_the_extract(alice_browser: Client, url: Url, long_sound: Asset) -> None:
    values = make_values(mode="references", reference_audios=[long_sound.pk])
    key = f"reference_audios:{long_sound.pk}"
    values["trim"] = key
    values[f"trim_start-{long_sound.pk}"] = "0.5"
    response = alice_browser.post(url("trim"), sent(values))
    cut = Asset.objects.get(origin="trim")
    assert (cut.derived_from, cut.needs_trim, round(cut.duration_seconds or 0, 2)) == (long_sound, False, 15.0)
    assert (response.status_code, response.json()) == (200, {"asset": str(cut.pk)})
    answer = arranged(alice_browser, url, values, add=str(cut.pk), to=key)
    assert f'name="reference_audios" value="{cut.pk}"' in answer["chips"]["reference_audios"]
    assert str(long_sound.pk) not in answer["chips"]["reference_audios"]


@pytest.mark.parametrize("start", ["-5", "999"])
def test_a_start_outside_the_slider_is_taken_to_its_end(
    alice_browser: Client, url: Url, long_sound: Asset, start: str
) -> None:
    values = make_values(reference_audios=[long_sound.pk])
    values["trim"] = f"reference_audios:{long_sound.pk}"
    values[f"trim_start-{long_sound.pk}"] = start
    assert alice_browser.post(url("trim"), sent(values)).status_code == 200


@pytest.mark.parametrize(("key", "start"), [("nonsense", "0"), ("reference_audios:x", "0"), ("THIS", "soon")])
def test_a_trim_of_nothing_is_not_found(
    alice_browser: Client, url: Url, long_sound: Asset, key: str, start: str
) -> None:
    values = make_values(reference_audios=[long_sound.pk])
    values["trim"] = f"reference_audios:{long_sound.pk}" if key == "THIS" else key
    values[f"trim_start-{long_sound.pk}"] = start
    assert alice_browser.post(url("trim"), sent(values)).status_code == 404


# --- Without JavaScript -----------------------------------------------------------------------------------------------


def draft() -> dict[str, Any]:
    kept: dict[str, Any] = Draft.objects.get().values
    return kept


def test_files_sent_with_the_form_are_stored_and_used(alice_browser: Client, url: Url, photo: Path) -> None:
    values: dict[str, Any] = sent(make_values(mode="frames", price_credits="1300"))
    alice_browser.post(url("submit"), {**values, "new-image_url": as_upload(photo)})
    clip = Generation.objects.get()
    assert [(reference.role, reference.asset) for reference in clip.references.all()] == [
        ("first_frame", Asset.objects.get())
    ]


@pytest.mark.parametrize(
    ("mode", "field", "mode_after"), [("text", "reference_images", "references"), ("frames", "image_url", "frames")]
)
def test_files_sent_with_the_form_go_where_those_of_a_script_go(
    alice_browser: Client, url: Url, photo: Path, mode: str, field: str, mode_after: str
) -> None:
    values: dict[str, Any] = sent(make_values(mode=mode))
    alice_browser.post(url("arrange"), {**values, "new-files": as_upload(photo)})
    assert (draft()[field], draft()["mode"]) == ([str(Asset.objects.get().pk)], [mode_after])


def test_a_file_that_has_no_room_is_named(alice_browser: Client, url: Url, photo: Path, make_asset: MakeAsset) -> None:
    frames = {"image_url": [make_asset().pk], "last_frame_image_url": [make_asset().pk]}
    values: dict[str, Any] = sent(make_values(mode="frames", **frames))
    response = alice_browser.post(url("arrange"), {**values, "new-files": as_upload(photo)})
    assert response.status_code == 422
    assert "beach.jpg: Both frames are set. Remove one first." in unescape(response.content.decode())


def test_one_refused_file_loses_neither_the_prompt_nor_the_other_file(
    alice_browser: Client, url: Url, photo: Path
) -> None:
    values: dict[str, Any] = sent(make_values(mode="references"))
    files = [as_upload(photo), SimpleUploadedFile("notes.txt", b"no picture")]
    response = alice_browser.post(url("submit"), {**values, "new-files": files})
    body = unescape(response.content.decode())
    assert response.status_code == 422
    assert "notes.txt: This file type isn't supported." in body
    assert f'name="reference_images" value="{Asset.objects.get().pk}"' in body
    assert "Dawn over the lagoon" in body
    assert Generation.objects.count() == 0


def test_plain_buttons_add_remove_move_and_swap(alice_browser: Client, url: Url, make_asset: MakeAsset) -> None:
    first, second = make_asset(), make_asset()

    def press(**pressed: str) -> dict[str, Any]:
        response = alice_browser.post(url("arrange"), {**draft(), **pressed})
        assert (response.status_code, response["Location"]) == (302, url("page"))
        return draft()

    values = make_values(
        mode="references", prompt="[Image1] and [Image2]", reference_images=[first.pk, second.pk], image_url=[first.pk]
    )
    alice_browser.post(url("quote"), sent(values))
    moved = press(move=f"reference_images:{first.pk}:1")
    assert (moved["reference_images"], moved["prompt"]) == ([str(second.pk), str(first.pk)], ["[Image2] and [Image1]"])
    removed = press(remove=f"reference_images:{second.pk}")
    assert (removed["reference_images"], removed["prompt"]) == ([str(first.pk)], ["[Image1] and"])
    swapped = press(swap="1")
    assert (swapped["image_url"], swapped["last_frame_image_url"]) == ([], [str(first.pk)])


def test_a_plain_button_trims(alice_browser: Client, url: Url, long_sound: Asset) -> None:
    values = make_values(reference_audios=[long_sound.pk], trim=f"reference_audios:{long_sound.pk}")
    assert alice_browser.post(url("arrange"), sent(values)).status_code == 302
    assert draft()["reference_audios"] == [str(Asset.objects.get(origin="trim").pk)]


def test_the_link_to_a_parent_can_be_taken_away(alice_browser: Client, url: Url) -> None:
    alice_browser.post(url("arrange"), sent(make_values(parent="5", detach="1")))
    assert draft()["parent"] == [""]


def test_a_file_refused_by_a_plain_button_says_why(alice_browser: Client, url: Url) -> None:
    values: dict[str, Any] = sent(make_values())
    response = alice_browser.post(url("arrange"), {**values, "new-files": SimpleUploadedFile("a.txt", b"text")})
    assert response.status_code == 422
    assert "a.txt: This file type isn't supported." in unescape(response.content.decode())


def test_a_refused_address_loses_nothing(alice_browser: Client, url: Url) -> None:
    response = alice_browser.post(url("arrange"), sent(make_values(**{"new-url": "http://127.0.0.1/x.jpg"})))
    assert response.status_code == 422
    assert "The file couldn't be fetched from this URL." in unescape(response.content.decode())
    assert draft()["prompt"] == ["Dawn over the lagoon"]
