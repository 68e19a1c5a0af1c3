"""The composer under real hands: tokens, chips, drafts, the sheet, and Generate pressed in every way."""

import io
import re
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, FilePayload, Page, Route, expect

from tchavi_studio.create.models import Draft
from tchavi_studio.generations.models import Generation
from tchavi_studio.workspaces.models import User
from tests.browser.conftest import Complaints
from tests.running_studio import RunningStudio

pytestmark = [pytest.mark.browser, pytest.mark.one_database]


def photo(name: str, seed: int) -> FilePayload:
    """A small photo of noise, different for each seed."""
    pixels = np.random.default_rng(seed).integers(0, 255, (320, 400, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=60)
    return {"name": name, "mimeType": "image/jpeg", "buffer": file.getvalue()}


@pytest.fixture
def composer(signed_up_page: Page) -> Page:
    """The Create page of somebody new."""
    expect(signed_up_page.locator("form.composer")).to_be_visible()
    return signed_up_page


def choose(page: Page, name: str, value: str) -> None:
    page.locator(f"label:has([name={name}][value='{value}'])").click()


def attach_photos(page: Page, count: int) -> None:
    page.set_input_files(".prompt-tools input[type=file]", [photo(f"photo-{n}.jpg", n) for n in range(count)])
    expect(page.locator(".chip[data-asset]")).to_have_count(count)


def names(page: Page) -> list[str]:
    return [face.get_attribute("title") or "" for face in page.locator(".group-images .chip-face").all()]


def quoted(page: Page, act: Callable[[], None]) -> None:
    """Do something and wait until the studio has quoted, and so kept, it."""
    page.wait_for_load_state("networkidle")
    with page.expect_response(re.compile("/create/quote/")):
        act()
    expect(page.locator("form.composer")).not_to_have_class(re.compile("is-quoting"))


def prompt(page: Page) -> str:
    return page.locator("[name=prompt]").input_value()


def test_a_chip_puts_its_token_at_the_cursor(composer: Page) -> None:
    attach_photos(composer, 2)
    composer.locator("[name=prompt]").fill("Before  after")
    composer.locator("[name=prompt]").evaluate("area => area.setSelectionRange(7, 7)")
    composer.locator(".chip-face").nth(1).click()
    composer.keyboard.type("!")
    assert prompt(composer) == "Before [Image2]! after"
    expect(composer.locator(".prompt-mirror mark")).to_have_text(["[Image2]"])


def test_the_letters_behind_stand_exactly_under_those_in_front(composer: Page) -> None:
    composer.locator("[name=prompt]").fill("A long scene with [Image1] and words that wrap. " * 12 + "\n\n")
    mirror, area = composer.locator(".prompt-mirror").bounding_box(), composer.locator("[name=prompt]").bounding_box()
    assert mirror == area
    overflow = composer.locator("[name=prompt]").evaluate("area => area.scrollHeight - area.clientHeight")
    assert overflow == 0


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
    assert prompt(composer) == " meets [Image1]"
    composer.get_by_role("button", name="Undo").click()
    assert prompt(composer) == "[Image1] meets [Image2]"
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


def test_a_draft_survives_a_reload(composer: Page) -> None:
    quoted(composer, lambda: composer.locator("[name=prompt]").fill("Half a thou"))
    quoted(composer, lambda: composer.locator("[name=duration]").fill("9"))
    composer.reload()
    assert prompt(composer) == "Half a thou"
    expect(composer.locator(".generate")).to_contain_text("2,340 credits")


def test_words_typed_just_before_leaving_are_kept_too(composer: Page, person: User) -> None:
    composer.locator("[name=prompt]").fill("The very last words")
    composer.goto("about:blank")
    kept: list[str] = []
    for _attempt in range(100):
        kept = [draft.values["prompt"][0] for draft in Draft.objects.filter(user=person)]
        if kept == ["The very last words"]:
            break
        composer.wait_for_timeout(100)
    assert kept == ["The very last words"]


def test_keys_send_the_form_and_a_double_click_makes_one_clip(composer: Page, person: User) -> None:
    quoted(composer, lambda: composer.locator("[name=prompt]").fill("Dawn over the lagoon"))
    with composer.expect_response(re.compile("/create/submit/")):
        composer.locator("[name=prompt]").press("Control+Enter")
    expect(composer.locator("#clips .card")).to_have_count(1)
    composer.locator(".generate").dblclick()
    expect(composer.locator("#clips .card")).to_have_count(2)
    # A double click so slow that the first half has been answered: the form holds a fresh submission by now.
    composer.locator(".generate").dispatch_event("click", {"detail": 2})
    expect(composer.locator("#composer-balance-after")).to_have_text("Balance after: 6,100")
    composer.wait_for_load_state("networkidle")
    assert Generation.objects.filter(creator=person).count() == 2


def test_an_empty_prompt_costs_nothing_and_gets_the_focus(composer: Page, complaints: Complaints) -> None:
    complaints.expect("422")
    composer.locator(".generate").click()
    expect(composer.locator("#notes-prompt")).to_have_text("Describe the scene: the prompt is empty.")
    expect(composer.locator("#composer-summary")).to_contain_text("Nothing was created, no credits moved")
    expect(composer.locator("[name=prompt]")).to_be_focused()
    expect(composer.locator("[name=prompt]")).to_have_attribute("aria-invalid", "true")


def test_enter_in_a_small_field_spends_nothing(composer: Page, person: User) -> None:
    quoted(composer, lambda: composer.locator("[name=prompt]").fill("Dawn"))
    composer.locator("[name=seed]").fill("5")
    composer.locator("[name=seed]").press("Enter")
    composer.wait_for_timeout(150)
    assert Generation.objects.filter(creator=person).count() == 0


def test_a_seed_goes_after_its_run_unless_it_is_locked(composer: Page) -> None:
    composer.locator("[name=prompt]").fill("Dawn")
    seed = composer.locator("[name=seed]")
    composer.locator("[data-dice]").click()
    assert seed.input_value().isdigit()
    composer.locator(".generate").click()
    expect(composer.locator("#clips .card")).to_have_count(1)
    expect(seed).to_have_value("")
    seed.fill("77")
    composer.locator("label.lock").click()
    composer.locator(".generate").click()
    expect(composer.locator("#clips .card")).to_have_count(2)
    expect(seed).to_have_value("77")


def test_alt_and_arrows_walk_earlier_prompts(composer: Page) -> None:
    area = composer.locator("[name=prompt]")
    for count, text in enumerate(("one", "two"), start=1):
        area.fill(text)
        composer.locator(".generate").click()
        expect(composer.locator("#clips .card")).to_have_count(count)
    area.fill("three, unsent")
    walked = []
    for key in ("ArrowUp", "ArrowUp", "ArrowUp", "ArrowDown", "ArrowDown"):
        area.press(f"Alt+{key}")
        walked.append(prompt(composer))
    assert walked == ["two", "one", "one", "two", "three, unsent"]


def test_an_expired_session_loses_nothing(composer: Page) -> None:
    quoted(composer, lambda: composer.locator("[name=prompt]").fill("Before the session ended"))
    cookies = composer.context.cookies()
    composer.context.clear_cookies(name="sessionid")
    composer.locator(".generate").click()
    expect(composer).to_have_url(re.compile(r"/accounts/login/\?next=/w/.*/create/$"))
    composer.context.add_cookies(cookies)  # type: ignore[arg-type]
    composer.goto("/")
    assert prompt(composer) == "Before the session ended"


def test_an_example_survives_edits_and_a_reload(composer: Page) -> None:
    quoted(composer, lambda: composer.locator(".examples a").first.click())
    expect(composer).to_have_url(re.compile(r"/create/$"))
    quoted(composer, lambda: composer.locator("[name=prompt]").fill("My own version"))
    composer.reload()
    assert prompt(composer) == "My own version"


def test_on_a_phone_the_composer_is_a_sheet(composer: Page) -> None:
    composer.set_viewport_size({"width": 390, "height": 844})
    expect(composer.locator("form.composer")).to_be_hidden()
    composer.locator(".composer-fab").click()
    sheet = composer.locator(".composer-sheet")
    expect(sheet.locator("[name=prompt]")).to_be_focused()
    composer.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    composer.locator(".composer-fab").click()
    quoted(composer, lambda: composer.locator("[name=prompt]").fill("From a phone"))
    composer.locator(".generate").click()
    expect(sheet).to_be_hidden()
    expect(composer.locator("#clips .card")).to_have_count(1)
    assert composer.evaluate("document.documentElement.scrollWidth <= innerWidth")


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
    expect(composer.locator("#composer-summary")).to_contain_text("Some files are still on their way.")
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


def test_without_a_script_everything_still_works(
    composer: Page, person: User, browser: Browser, studio: RunningStudio
) -> None:
    context = browser.new_context(base_url=studio.address, java_script_enabled=False, locale="en")
    context.add_cookies(composer.context.cookies())  # type: ignore[arg-type]
    page = context.new_page()
    page.goto("/")
    choose(page, "mode", "references")
    page.locator("[name=prompt]").fill("[Image1] meets [Image2]")
    for number in range(2):
        page.set_input_files(".prompt-tools input[type=file]", [photo(f"photo-{number}.jpg", number)])
        page.get_by_role("button", name="Add the chosen files").click()
        expect(page.locator(".chip")).to_have_count(number + 1)
    assert names(page) == ["photo-0.jpg", "photo-1.jpg"]
    page.locator(".chip").first.get_by_role("button", name="Move later").click()
    expect(page.locator("[name=prompt]")).to_have_value("[Image2] meets [Image1]")
    assert names(page) == ["photo-1.jpg", "photo-0.jpg"]
    choose(page, "resolution", "720p")
    page.locator(".go").get_by_role("button", name="Update the price").click()
    expect(page.locator(".generate")).to_contain_text("2,900 credits")
    page.locator(".generate").click()
    expect(page.locator("#clips .card")).to_have_count(1)
    clip = Generation.objects.get(creator=person)
    assert (clip.price_credits, clip.references.count()) == (2_900, 2)
    context.close()
