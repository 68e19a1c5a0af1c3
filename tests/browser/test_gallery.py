"""Finding clips in a gallery: search, filters, months, long scrolls."""

import re

import pytest
from playwright.sync_api import Page, expect

from tchavi_studio.generations.models import LibraryEntry
from tchavi_studio.generations.services import share_clip
from tchavi_studio.workspaces.models import User
from tests.browser.clips import seed_ended_clips

pytestmark = pytest.mark.one_database
CLIPS = 700


@pytest.fixture
def gallery(signed_up_page: Page, person: User, capsys: pytest.CaptureFixture[str]) -> Page:
    """The gallery of somebody with 700 clips of a year and a half, without pictures."""
    workspace = person.memberships.get().workspace
    seed_ended_clips(person, CLIPS, capsys)
    signed_up_page.route("**/media/**", lambda route: route.fulfill(status=204))
    signed_up_page.goto(f"/w/{workspace.slug}/gallery/")
    return signed_up_page


def test_clips_are_found_by_words_filters_and_months(gallery: Page) -> None:
    chips = gallery.locator(".filter-chips")
    assert chips.evaluate("chips => chips.offsetHeight") < 50, "the filters are one line"
    gallery.keyboard.press("/")
    search = gallery.get_by_role("searchbox", name="Search in prompts")
    expect(search).to_be_focused()
    chip = gallery.locator(".filter-chip.is-on")
    # As one types, without losing the focus.
    search.press_sequentially("lagoon state:done")
    expect(chip).to_have_text("State: Done")
    expect(search).to_be_focused()
    expect(search).to_have_value("lagoon")
    expect(gallery).to_have_url(re.compile(r"\?q=lagoon&state=done$"))
    for card in gallery.locator(".card").all():
        expect(card.locator(".meta p")).to_contain_text("lagoon", ignore_case=True)
    gallery.get_by_role("link", name="Remove the filter State").click()
    expect(chip).to_be_hidden()

    gallery.locator(".filter-chips summary", has_text="Model").click()
    gallery.get_by_role("link", name="Kling v3").click()
    expect(chip).to_have_text("Model: Kling v3")
    gallery.go_back()
    expect(chip).to_be_hidden()
    chips.get_by_text("More filters").click()
    chips.locator(".rare-filter > summary", has_text="Sound").click()
    chips.get_by_role("link", name="With sound", exact=True).click()
    expect(chip).to_have_text("Sound: With sound")
    gallery.get_by_role("link", name="Remove the filter Sound").click()
    expect(chip).to_be_hidden()
    expect(search).to_have_value("lagoon")

    search.fill("zanzibar")
    expect(gallery.get_by_role("heading", name="No clip matches")).to_be_visible()
    gallery.get_by_role("link", name="Show all clips").click()
    month = gallery.locator(".rail [data-month]").nth(8)
    wanted = month.get_attribute("data-month")
    month.click()
    expect(gallery.locator("#clips > .month").first).to_have_id(f"month-{wanted}")
    gallery.get_by_role("link", name="Back to the top").click()
    expect(gallery.locator(".rail [aria-current]")).to_have_attribute("data-month", f"{_newest(gallery)}")

    # On a phone, a bubble names the month while the page scrolls, and is dragged to another one.
    gallery.set_viewport_size({"width": 390, "height": 844})
    bubble = gallery.locator(".rail-bubble")
    expect(bubble).to_be_hidden()
    gallery.mouse.wheel(0, 300)
    expect(bubble).to_be_visible()
    gallery.mouse.move(350, 90)
    gallery.mouse.down()
    gallery.mouse.move(350, 400)
    gallery.mouse.move(350, 700)
    oldest = gallery.locator(".rail [data-month]").last
    expect(bubble).to_have_text(str(oldest.get_attribute("data-label")))
    gallery.mouse.up()
    expect(gallery.locator("#clips > .month").first).to_have_id(f"month-{oldest.get_attribute('data-month')}")
    expect(bubble).to_be_hidden()


def _newest(gallery: Page) -> str:
    return str(gallery.locator(".rail [data-month]").first.get_attribute("data-month"))


def test_a_long_scroll_keeps_the_page_light(gallery: Page) -> None:
    first = gallery.locator("#clips > .card").first.get_attribute("id")
    seen: set[str] = set()
    most = 0
    for _step in range(200):
        ids = gallery.locator("#clips > .card").evaluate_all("cards => cards.map(card => card.id)")
        seen |= set(ids)
        most = max(most, len(ids))
        if not gallery.locator("#clips > .more").count() and _is_at_the_end(gallery):
            break
        gallery.mouse.wheel(0, 1_800)
        gallery.wait_for_timeout(60)
    assert len(seen) > 480
    assert most < 260
    assert gallery.locator(".gap").count() > 3
    gallery.evaluate("scrollTo(0, 0)")
    expect(gallery.locator(f"[id='{first}']")).to_be_in_viewport()
    assert gallery.locator("#clips > .card").count() < 260
    # The menu of a narrow card at the edge stays within the page.
    card = gallery.locator("#clips > .card:has(details.menu)").first
    card.evaluate("card => { card.style.flex = '0 0 120px'; card.style.order = -1; }")
    card.locator(".media").hover()
    card.locator("details.menu > summary").click()
    box = card.locator("details.menu > div").bounding_box()
    assert box is not None
    assert box["x"] == 8


def _is_at_the_end(gallery: Page) -> bool:
    return bool(gallery.evaluate("scrollY + innerHeight > document.documentElement.scrollHeight - 10"))


def test_a_clip_shared_later_stands_where_it_was_made(gallery: Page, person: User) -> None:
    workspace = person.memberships.get().workspace
    gallery.clock.install()
    clips = gallery.locator("#clips > [data-key]")
    for view in ("", "&view=list"):
        gallery.goto(f"/w/{workspace.slug}/gallery/?scope=workspace{view}")
        keys = [int(str(clip.get_attribute("data-key"))) for clip in clips.all()]
        private = LibraryEntry.objects.filter(workspace=workspace, is_listed=True, is_shared=False, outcome="done")
        entry = private.filter(key__lt=keys[3], key__gt=keys[-1]).order_by("-key")[0]
        share_clip(generation=entry.generation, actor=person)
        gallery.clock.fast_forward(40_000)
        expect(gallery.locator(f"[id='clip-{entry.generation_id}']")).to_be_visible()
        keys = [int(str(clip.get_attribute("data-key"))) for clip in clips.all()]
        assert entry.key in keys
        assert keys == sorted(keys, reverse=True)


def test_a_clip_leads_through_the_search_it_was_opened_from(gallery: Page, person: User) -> None:
    workspace = person.memberships.get().workspace
    gallery.goto(f"/w/{workspace.slug}/gallery/?state=done")
    dialog = gallery.get_by_role("dialog", name="Clip")
    place = dialog.locator(".clip-place")
    first = gallery.locator(".card .meta a").first
    first.click()
    expect(place).to_have_text(re.compile(r"^1 of \d+$"))
    expect(dialog.get_by_role("button", name="Previous clip")).to_be_disabled()
    expect(dialog.get_by_role("button", name="Next clip")).to_be_enabled()
    # Faster than the clips are loaded, and beyond what the page has loaded.
    for _step in range(3):
        gallery.keyboard.press("ArrowRight")
    expect(place).to_have_text(re.compile(r"^[234] of \d+$"))
    while not (place.text_content() or "").startswith("30 of"):
        shown = place.text_content() or ""
        gallery.keyboard.press("ArrowRight")
        expect(place).not_to_have_text(shown)
        expect(place).not_to_have_text("")
    expect(gallery).to_have_url(re.compile(r"/clips/[0-9a-f-]+/\?in=state%3Ddone$"))

    # As a page of its own.
    gallery.reload()
    place = gallery.locator(".clip-head .clip-place")
    expect(place).to_have_text(re.compile(r"^30 of"))
    gallery.keyboard.press("ArrowLeft")
    expect(place).to_have_text(re.compile(r"^29 of"))
    clip_id = gallery.url.split("/clips/")[1].split("/")[0]
    gallery.get_by_role("link", name="Gallery", exact=True).last.click()
    expect(gallery.locator(f"[id='clip-{clip_id}']")).to_be_in_viewport()
    expect(gallery.locator(".filter-chip.is-on")).to_have_text("State: Done")


def test_keys_are_listed_and_single_ones_turned_off(gallery: Page) -> None:
    dialog = gallery.get_by_role("dialog", name="Keyboard shortcuts")
    gallery.keyboard.press("?")
    expect(dialog).to_contain_text("makes the clip a favourite")
    gallery.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    card = gallery.locator("#clips .card.is-completed").first
    card.locator(".meta a").focus()
    gallery.keyboard.press("f")
    expect(card.locator("[data-favourite]")).to_have_attribute("aria-pressed", "true")

    address = gallery.url
    gallery.goto("/account/shortcuts/")
    gallery.get_by_role("switch", name="Shortcuts of a single character").uncheck()
    gallery.get_by_role("button", name="Save").click()
    expect(gallery.locator("#toasts")).to_contain_text("saved")
    gallery.goto(address)
    card.locator(".meta a").focus()
    for key in ("f", "x", "/", "?"):
        gallery.keyboard.press(key)
    expect(dialog).to_be_hidden()
    expect(card.locator(".meta a")).to_be_focused()
    expect(card.locator(".tick > input")).not_to_be_checked()
    expect(card.locator("[data-favourite]")).to_have_attribute("aria-pressed", "true")
    # What isn't a single character still works.
    gallery.keyboard.press("ArrowRight")
    expect(card.locator(".meta a")).not_to_be_focused()
    expect(gallery.locator("#clips .card .meta a:focus")).to_have_count(1)
    gallery.get_by_label("Account").click()
    gallery.get_by_role("link", name="Keyboard shortcuts").click()
    expect(dialog).to_be_visible()
