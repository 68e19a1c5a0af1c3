"""Files into the composer: with a script one by one, without one with the form."""

from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tchavi_studio.assets.models import Asset
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


def test_an_upload_answers_with_its_chip(
    alice_browser: Client, workspace: Workspace, alice: User, url: Url, photo: Path
) -> None:
    response = alice_browser.post(url("upload"), {"file": as_upload(photo), "field": "reference_images"})
    asset = Asset.objects.get()
    assert (asset.workspace, asset.created_by, asset.kind) == (workspace, alice, "image")
    body = response.content.decode()
    assert response.status_code == 200
    assert f'<input type="hidden" name="reference_images" value="{asset.pk}">' in body
    assert f"/media/{asset.pk}/thumbnail" in body
    assert "<span data-token>Image1</span>" in body


@pytest.mark.parametrize(
    ("wanted", "field"), [("last_frame_image_url", "last_frame_image_url"), ("reference_audios", "reference_images")]
)
def test_a_file_goes_to_the_slot_its_kind_belongs_to(
    alice_browser: Client, url: Url, photo: Path, wanted: str, field: str
) -> None:
    response = alice_browser.post(url("upload"), {"file": as_upload(photo), "field": wanted})
    assert f'data-field="{field}"' in response.content.decode()


def test_a_refused_file_says_why_and_stores_nothing(alice_browser: Client, url: Url) -> None:
    response = alice_browser.post(url("upload"), {"file": SimpleUploadedFile("a.jpg", b"no picture at all" * 9)})
    assert response.status_code == 422
    assert unescape(response.content.decode()).strip() == (
        '<p class="chip-refusal" role="alert">This file type isn\'t supported. Add a JPEG, PNG, WebP, BMP, TIFF, GIF '
        "or HEIC photo, an MP4 or MOV video, or WAV or MP3 audio. Nothing was stored.</p>"
    )
    assert Asset.objects.count() == 0


@pytest.mark.parametrize("address", ["http://127.0.0.1/x.jpg", "ftp://example.org/x.jpg", "nonsense", ""])
def test_a_refused_address_says_so(alice_browser: Client, url: Url, address: str) -> None:
    response = alice_browser.post(url("upload"), {"url": address})
    assert response.status_code == 422
    assert "This URL couldn't be fetched." in unescape(response.content.decode())


def test_a_viewer_uploads_nothing(alice_browser: Client, workspace: Workspace, url: Url, photo: Path) -> None:
    Membership.objects.filter(workspace=workspace).update(role="viewer")
    assert alice_browser.post(url("upload"), {"file": as_upload(photo)}).status_code == 403
    assert Asset.objects.count() == 0


# --- Trims ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def long_sound(alice_browser: Client, url: Url, tmp_path: Path) -> Asset:
    """Sixteen seconds, as uploaded: too long by one."""
    wav = media.make_wav(tmp_path / "speech.wav", seconds=16)
    alice_browser.post(url("upload"), {"file": as_upload(wav)})
    return Asset.objects.get(needs_trim=True)


def test_a_long_sound_comes_with_the_offer_to_trim_it(alice_browser: Client, url: Url, long_sound: Asset) -> None:
    values = make_values(reference_audios=[long_sound.pk])
    alice_browser.post(url("quote"), sent(values))
    body = alice_browser.get(url("page")).content.decode()
    assert f'name="trim_start-{long_sound.pk}" min="0" max="1.0" step="0.1"' in body


def test_a_trim_answers_with_the_chip_of_the_cut(alice_browser: Client, url: Url, long_sound: Asset) -> None:
    values = make_values(mode="references", reference_audios=[long_sound.pk])
    values["trim"] = f"reference_audios:{long_sound.pk}"
    values[f"trim_start-{long_sound.pk}"] = "0.5"
    response = alice_browser.post(url("trim"), sent(values))
    cut = Asset.objects.get(origin="trim")
    assert (cut.derived_from, cut.needs_trim, round(cut.duration_seconds or 0, 2)) == (long_sound, False, 15.0)
    assert response.status_code == 200
    assert f'name="reference_audios" value="{cut.pk}"' in response.content.decode()


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
    moved = press(later=f"reference_images:{first.pk}")
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
    assert "This URL couldn't be fetched." in unescape(response.content.decode())
    assert draft()["prompt"] == ["Dawn over the lagoon"]
