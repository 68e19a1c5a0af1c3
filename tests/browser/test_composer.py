"""The composer under real hands: the prompt, the settings, drafts, the sheet, and Generate pressed in every way."""

import re

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tchavi_studio.create.models import Draft
from tchavi_studio.generations.models import Generation
from tchavi_studio.workspaces.models import User
from tests.browser.composing import choose, names, photo, prompt, quoted
from tests.browser.conftest import Complaints
from tests.running_studio import RunningStudio

pytestmark = [pytest.mark.browser, pytest.mark.one_database]


def test_the_letters_behind_stand_exactly_under_those_in_front(composer: Page) -> None:
    composer.locator("[name=prompt]").fill("A long scene with [Image1] and words that wrap. " * 12 + "\n\n")
    mirror, area = composer.locator(".prompt-mirror").bounding_box(), composer.locator("[name=prompt]").bounding_box()
    assert mirror == area
    overflow = composer.locator("[name=prompt]").evaluate("area => area.scrollHeight - area.clientHeight")
    assert overflow == 0


def test_a_draft_survives_a_reload(composer: Page) -> None:
    quoted(composer, lambda: composer.locator("[name=prompt]").fill("Half a thou"))
    quoted(composer, lambda: composer.locator("[name=duration]").fill("9"))
    composer.reload()
    assert prompt(composer) == "Half a thou"
    expect(composer.locator(".generate")).to_contain_text("2,340 credits")


def test_a_change_while_a_quote_is_on_its_way_is_priced_and_kept(composer: Page) -> None:
    held: list[Route] = []
    composer.clock.install()
    composer.reload()
    composer.route("**/create/quote/", lambda route: route.continue_() if held else held.append(route))
    with composer.expect_request("**/create/quote/"):
        choose(composer, "aspect_ratio", "9:16")
        composer.clock.run_for(300)
    # The next change, answered for the one before it until it is asked for itself.
    composer.clock.pause_at(composer.evaluate("Date.now() + 1000"))
    choose(composer, "resolution", "720p")
    with composer.expect_response("**/create/quote/"):
        held[0].continue_()
    composer.clock.resume()
    expect(composer.locator(".generate")).to_contain_text("2,900 credits")
    composer.reload()
    expect(composer.locator(".generate")).to_contain_text("2,900 credits")


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


def test_keys_send_the_form_and_a_double_click_makes_one_clip(
    composer: Page, person: User, complaints: Complaints
) -> None:
    complaints.expect("422")
    quoted(composer, lambda: composer.locator("[name=prompt]").fill("Dawn over the lagoon"))
    # As if the price had risen since it was shown: nothing is made before the new one was seen.
    composer.locator("[name=price_credits]").evaluate("input => input.value = '1200'")
    composer.locator("[name=prompt]").press("Control+Enter")
    expect(composer.locator("#composer-summary")).to_contain_text("The price is now 1,300 credits")
    expect(composer.locator("#clips .card")).to_have_count(0)
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
