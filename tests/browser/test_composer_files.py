"""Files in the composer under real hands: in by every way, put in order, cut, and out again."""

import io
import wave

import numpy as np
import pytest
from playwright.sync_api import FilePayload, Page, Route, expect

from tchavi_studio.assets.models import Asset
from tchavi_studio.generations.models import Generation
from tchavi_studio.workspaces.models import User
from tests.browser.composing import attach_photos, choose, names, photo, prompt, quoted
from tests.browser.conftest import Complaints

pytestmark = [pytest.mark.browser, pytest.mark.one_database]


def test_a_chip_puts_its_token_at_the_cursor(composer: Page) -> None:
    attach_photos(composer, 2)
    composer.locator("[name=prompt]").fill("Before  after")
    composer.locator("[name=prompt]").evaluate("area => area.setSelectionRange(7, 7)")
    composer.locator(".chip-face").nth(1).click()
    composer.keyboard.type("!")
    assert prompt(composer) == "Before [Image2]! after"
    expect(composer.locator(".prompt-mirror mark")).to_have_text(["[Image2]"])


def test_photos_attached_to_a_text_become_references(composer: Page) -> None:
    attach_photos(composer, 1)
    expect(composer.locator("[name=mode][value=references]")).to_be_checked()


def test_keys_reorder_and_the_tokens_follow(composer: Page) -> None:
    attach_photos(composer, 3)
    order = names(composer)
    composer.locator("[name=prompt]").fill("[Image1] [Image2] [Image3]")
    composer.locator(".group-images .chip-face").nth(2).focus()
    quoted(composer, lambda: composer.keyboard.press("Alt+ArrowLeft"))
    assert names(composer) == [order[0], order[2], order[1]]
    assert prompt(composer) == "[Image1] [Image3] [Image2]"
    composer.reload()
    assert names(composer) == [order[0], order[2], order[1]]


def test_a_hand_reorders_and_the_tokens_follow(composer: Page) -> None:
    attach_photos(composer, 3)
    order = names(composer)
    composer.locator("[name=prompt]").fill("[Image1] [Image3]")
    faces = composer.locator(".group-images .chip-face")
    first, third = faces.nth(0).bounding_box(), faces.nth(2).bounding_box()
    assert first is not None
    assert third is not None
    composer.mouse.move(first["x"] + 30, first["y"] + 30)
    composer.mouse.down()
    composer.mouse.move(third["x"] + 40, third["y"] + 34, steps=12)
    quoted(composer, composer.mouse.up)
    assert names(composer) == [order[1], order[2], order[0]]
    # Pressing to drag is no click: nothing was inserted.
    assert prompt(composer) == "[Image3] [Image2]"


def test_removing_can_be_undone_with_its_tokens(composer: Page) -> None:
    attach_photos(composer, 2)
    composer.locator("[name=prompt]").fill("[Image1] meets [Image2]")
    composer.locator(".group-images .chip-remove").first.click()
    expect(composer.locator("[name=prompt]")).to_have_value(" meets [Image1]")
    expect(composer.locator(".chip[data-asset]")).to_have_count(1)
    composer.get_by_role("button", name="Undo").click()
    expect(composer.locator("[name=prompt]")).to_have_value("[Image1] meets [Image2]")
    expect(composer.locator(".chip[data-asset]")).to_have_count(2)


def test_a_refused_file_says_why_in_its_place(composer: Page, complaints: Complaints) -> None:
    complaints.expect("422")
    file: FilePayload = {"name": "tiny.jpg", "mimeType": "image/jpeg", "buffer": b"no picture at all"}
    composer.set_input_files(".prompt-tools input[type=file]", [file])
    expect(composer.locator(".chip-failed .chip-refusal")).to_contain_text("Nothing was stored.")
    composer.locator(".chip-failed .chip-remove").click()
    expect(composer.locator(".chip")).to_have_count(0)


def test_the_same_file_twice_is_one_chip(composer: Page) -> None:
    attach_photos(composer, 1)
    composer.set_input_files(".prompt-tools input[type=file]", [photo("again.jpg", 0)])
    expect(composer.locator(".note-line")).to_have_text("That file is here already.")
    expect(composer.locator(".chip")).to_have_count(1)


def test_what_a_mode_cannot_use_is_set_aside_and_comes_back(composer: Page) -> None:
    attach_photos(composer, 1)
    title = composer.locator(".aside-title")
    expect(title).to_be_hidden()
    choose(composer, "mode", "frames")
    expect(title).to_be_visible()
    choose(composer, "mode", "references")
    expect(title).to_be_hidden()
    expect(composer.locator(".group-images .chip")).to_be_visible()


def test_a_dropped_photo_fills_the_frame_it_is_dropped_on(composer: Page) -> None:
    choose(composer, "mode", "frames")
    content = list(photo("end.jpg", 4)["buffer"])
    composer.locator("[data-field=last_frame_image_url]").evaluate(
        """(slot, content) => {
            const dataTransfer = new DataTransfer();
            dataTransfer.items.add(new File([new Uint8Array(content)], "end.jpg", { type: "image/jpeg" }));
            slot.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
        }""",
        content,
    )
    expect(composer.locator("input[type=hidden][name=last_frame_image_url]")).to_have_count(1)
    composer.locator(".swap").click()
    expect(composer.locator("input[type=hidden][name=image_url]")).to_have_count(1)


def test_a_photo_from_the_clipboard_is_attached(composer: Page) -> None:
    content = list(photo("pasted.jpg", 6)["buffer"])
    composer.locator("[name=prompt]").evaluate(
        """(area, content) => {
            const clipboardData = new DataTransfer();
            clipboardData.items.add(new File([new Uint8Array(content)], "pasted.jpg", { type: "image/jpeg" }));
            area.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
        }""",
        content,
    )
    expect(composer.locator(".chip[data-asset]")).to_have_count(1)


def test_generate_waits_for_files_on_their_way(composer: Page, person: User) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    composer.route("**/create/upload/", hold)
    composer.locator("[name=prompt]").fill("[Image1]")
    composer.set_input_files(".prompt-tools input[type=file]", [photo("slow.jpg", 1)])
    composer.locator(".generate").click()
    expect(composer.locator("#composer-summary")).to_contain_text("Some files are still uploading.")
    assert Generation.objects.filter(creator=person).count() == 0
    held[0].continue_()
    expect(composer.locator(".chip[data-asset]")).to_have_count(1)


def test_an_interrupted_upload_can_be_tried_again(composer: Page, complaints: Complaints) -> None:
    complaints.expect("Failed to load resource|create/upload")
    composer.route("**/create/upload/", lambda route: route.abort("connectionreset"), times=1)
    composer.set_input_files(".prompt-tools input[type=file]", [photo("again.jpg", 1)])
    composer.get_by_role("button", name="Try again").click()
    expect(composer.locator(".chip[data-asset]")).to_have_count(1)
    expect(composer.locator(".chip")).to_have_count(1)


def speech(name: str, seconds: int) -> FilePayload:
    """A sound of this length."""
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setparams((1, 2, 8_000, 0, "NONE", ""))
        sound.writeframes(np.random.default_rng(seconds).integers(-9_000, 9_000, 8_000 * seconds, np.int16).tobytes())
    return {"name": name, "mimeType": "audio/wav", "buffer": file.getvalue()}


def test_the_ends_of_a_list_offer_no_move_beyond_them(composer: Page) -> None:
    attach_photos(composer, 3)
    shown = []
    for chip in composer.locator(".group-images .chip").all():
        chip.hover()
        shown.append([chip.locator(f"[data-move='{step}']").is_visible() for step in (-1, 1)])
    assert shown == [[False, True], [True, True], [True, False]]


def test_moves_asked_for_in_one_breath_are_made_one_after_the_other(composer: Page) -> None:
    attach_photos(composer, 3)
    order = names(composer)
    composer.locator("[name=prompt]").fill("[Image1] [Image2] [Image3]")
    face = composer.locator(".group-images .chip-face").nth(2)
    face.focus()
    face.evaluate(
        """face => {
            const chip = () => document.querySelector(`[data-key="${face.parentElement.dataset.key}"]`);
            for (let count = 0; count < 2; count += 1) chip().querySelector("[data-move='-1']").click();
        }"""
    )
    expect(composer.locator("[name=prompt]")).to_have_value("[Image2] [Image3] [Image1]")
    assert names(composer) == [order[2], order[0], order[1]]
    # The keys stay with the chip that they move.
    expect(composer.locator(".group-images .chip-face").first).to_be_focused()


def test_words_written_while_a_file_is_moved_are_kept(composer: Page) -> None:
    attach_photos(composer, 2)
    composer.locator("[name=prompt]").fill("[Image1]")

    def write_meanwhile(route: Route) -> None:
        composer.locator("[name=prompt]").evaluate("area => { area.value += ' at dawn'; }")
        route.continue_()

    composer.route("**/create/arrange/", write_meanwhile, times=1)
    composer.locator(".group-images .chip").nth(1).locator("[data-move='-1']").dispatch_event("click")
    expect(composer.locator("[name=prompt]")).to_have_value("[Image2] at dawn")


def test_generate_waits_for_a_move_on_its_way(composer: Page, person: User) -> None:
    attach_photos(composer, 2)
    quoted(composer, lambda: composer.locator("[name=prompt]").fill("[Image1]"))
    held: list[Route] = []
    composer.route("**/create/arrange/", lambda route: held.append(route), times=1)
    composer.locator(".group-images .chip").nth(1).locator("[data-move='-1']").dispatch_event("click")
    composer.locator(".generate").click()
    composer.wait_for_timeout(150)
    assert Generation.objects.filter(creator=person).count() == 0
    held[0].continue_()
    expect(composer.locator("#clips .card")).to_have_count(1)
    clip = Generation.objects.get(creator=person)
    assert clip.prompt == "[Image2]"
    assert [reference.asset.original_name for reference in clip.references.order_by("position")] == names(composer)


def test_a_move_that_the_studio_does_not_hear_of_is_taken_back(composer: Page, complaints: Complaints) -> None:
    complaints.expect("Failed to load resource|create/arrange")
    attach_photos(composer, 2)
    order = names(composer)
    composer.route("**/create/arrange/", lambda route: route.abort("connectionreset"), times=1)
    faces = composer.locator(".group-images .chip-face")
    first, second = faces.nth(0).bounding_box(), faces.nth(1).bounding_box()
    assert first is not None
    assert second is not None
    composer.mouse.move(first["x"] + 30, first["y"] + 30)
    composer.mouse.down()
    composer.mouse.move(second["x"] + 40, second["y"] + 34, steps=8)
    assert names(composer) == order[::-1]
    composer.mouse.up()
    expect(composer.locator(".note-line")).to_have_text("The studio couldn't be reached. Nothing was changed.")
    assert names(composer) == order
    expect(composer.locator(".group-images .chip-name")).to_have_text(["Image1", "Image2"])


def test_no_more_files_go_up_than_fit(composer: Page) -> None:
    sent: list[str] = []
    composer.on("request", lambda request: sent.append(request.url))
    choose(composer, "mode", "frames")
    composer.set_input_files(".prompt-tools input[type=file]", [photo(f"photo-{n}.jpg", n) for n in range(3)])
    expect(composer.locator(".frame-slot .chip[data-asset]")).to_have_count(2)
    expect(composer.locator(".note-line")).to_have_text("Both frames are set. Remove one first.")
    assert sum("/create/upload/" in url for url in sent) == 2


def test_a_url_is_as_good_as_a_file(composer: Page, person: User) -> None:
    attach_photos(composer, 1)
    asset = Asset.objects.get(created_by=person)
    choose(composer, "mode", "frames")
    composer.locator(".from-link summary").click()
    # The studio's own URL of a file: it is there already, nothing need be fetched.
    composer.locator("[name=new-url]").fill(composer.url.replace("/create/", f"/media/{asset.pk}/file"))
    composer.locator("[name=new-url]").press("Enter")
    expect(composer.locator(f"[name=image_url][value='{asset.pk}']")).to_have_count(1)
    expect(composer.locator(".chip-pending")).to_have_count(0)


def paste_text(page: Page, text: str) -> bool:
    """Paste into the prompt; whether the composer takes it for itself."""
    taken: bool = page.locator("[name=prompt]").evaluate(
        """(area, text) => {
            const clipboardData = new DataTransfer();
            clipboardData.setData("text/plain", text);
            return !area.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
        }""",
        text,
    )
    return taken


def test_a_pasted_url_of_media_is_fetched_and_any_other_is_text(composer: Page, complaints: Complaints) -> None:
    complaints.expect("422")
    assert not paste_text(composer, "https://example.org/about")
    assert not paste_text(composer, "as in https://example.org/beach.jpg")
    assert paste_text(composer, "http://127.0.0.1:1/beach.JPG?size=2")
    expect(composer.locator(".group-images .chip-failed .chip-refusal")).to_contain_text("couldn't be fetched")


def test_a_long_sound_is_trimmed_where_it_stands(composer: Page, person: User) -> None:
    composer.set_input_files(".prompt-tools input[type=file]", [speech("speech.wav", 20)])
    slider = composer.locator(".trim input[type=range]")
    slider.fill("4.5")
    expect(composer.locator(".trim-shown")).to_have_text("0:05 – 0:20")
    # What happens beside it leaves the slider alone.
    composer.set_input_files(".prompt-tools input[type=file]", [photo("photo.jpg", 1)])
    expect(composer.locator(".group-images .chip[data-asset]")).to_have_count(1)
    assert slider.input_value() == "4.5"
    composer.locator(".trim button").click()
    expect(composer.locator(".trim")).to_have_count(0)
    cut = Asset.objects.get(created_by=person, origin="trim")
    expect(composer.locator(f"[name=reference_audios][value='{cut.pk}']")).to_have_count(1)
    expect(composer.locator(".group-audios .chip")).to_have_count(1)
