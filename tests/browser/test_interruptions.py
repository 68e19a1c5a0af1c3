"""Interruptions, background tabs and keyboard use."""

import re

import pytest
from playwright.sync_api import Page, expect

from tchavi_studio.workspaces.models import User

from .clips import failed_clip, start_clip
from .conftest import Complaints

pytestmark = [pytest.mark.browser, pytest.mark.one_database]


def test_expired_session_loses_no_text(signed_up_page: Page) -> None:
    page = signed_up_page
    prompt = page.locator("[name=prompt]")
    cookies = page.context.cookies()
    with page.expect_response(re.compile("/quote/")):
        prompt.fill("Kept on the server")
    page.context.clear_cookies(name="sessionid")
    prompt.fill("Written after the session had ended")
    expect(page.locator("#composer-summary")).to_contain_text("You are signed out.")
    expect(prompt).to_have_value("Written after the session had ended")
    page.locator("button.generate").click()
    page.wait_for_url(re.compile("/accounts/login/"))
    # Sign in again with the session instead of the form, which is rate-limited.
    page.context.add_cookies([cookie for cookie in cookies if cookie["name"] == "sessionid"])  # type: ignore[misc]
    page.goto("/")
    expect(prompt).to_have_value("Written after the session had ended")


def test_arrow_keys_move_between_clips(signed_up_page: Page, person: User) -> None:
    page = signed_up_page
    for prompt in ("oldest", "middle", "newest"):
        failed_clip(person, prompt)
    page.reload()
    page.locator(".card .meta a").first.click()
    title = page.locator("#clip-dialog h1")
    expect(title).to_have_text("newest")
    for key, prompt in (("ArrowRight", "middle"), ("ArrowRight", "oldest"), ("ArrowLeft", "middle")):
        page.keyboard.press(key)
        expect(title).to_have_text(prompt)


def test_closing_the_dialog_returns_to_the_clip_last_seen(signed_up_page: Page, person: User) -> None:
    page = signed_up_page
    for prompt in ("oldest", "newest"):
        failed_clip(person, prompt)
    page.reload()
    page.locator(".card .meta a").first.click()
    expect(page.locator("#clip-dialog h1")).to_have_text("newest")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#clip-dialog h1")).to_have_text("oldest")
    page.keyboard.press("Escape")
    expect(page.locator("#clip-dialog")).not_to_be_visible()
    expect(page.locator(".card", has_text="oldest").locator(".meta a")).to_be_focused()


def test_back_after_a_reload_shows_the_page_of_the_address(signed_up_page: Page, person: User) -> None:
    page = signed_up_page
    failed_clip(person, "A kite")
    page.reload()
    create = page.url
    page.locator(".card .meta a").first.click()
    expect(page.locator("#clip-dialog h1")).to_have_text("A kite")
    page.reload()
    expect(page.locator("main h1.detail-prompt")).to_have_text("A kite")
    page.go_back()
    expect(page).to_have_url(create)
    expect(page.locator("#composer-prompt")).to_be_visible()


def test_a_clip_that_cannot_be_loaded_says_so_in_its_place(
    signed_up_page: Page, person: User, complaints: Complaints
) -> None:
    page = signed_up_page
    complaints.expect("htmx:sendError|ERR_FAILED|/clips/")
    failed_clip(person, "A kite")
    page.reload()
    page.route("**/clips/**", lambda route: route.abort())
    page.locator(".card .meta a").first.click()
    expect(page.locator("#clip-dialog [role=alert]")).to_contain_text("The clip couldn't be loaded.")
    expect(page.locator("[data-toast].error")).to_have_count(0)
    page.unroute("**/clips/**")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#clip-dialog h1")).to_have_text("A kite")
    # What is announced while the dialog is open is inside it: everything else is inert.
    expect(page.locator("#clip-dialog #announcer")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.locator("body > #announcer")).to_have_count(1)


def test_visible_again_tab_shows_new_clips(signed_up_page: Page, person: User) -> None:
    page = signed_up_page
    expect(page.locator("#clips .card")).to_have_count(0)
    start_clip(person, "Started elsewhere")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.locator("#clips .card")).to_have_count(1)
    expect(page.locator("header .bal")).to_contain_text("9,740")


def test_back_closes_the_sheet_on_a_phone(signed_up_page: Page) -> None:
    page = signed_up_page
    page.set_viewport_size({"width": 390, "height": 844})
    address = page.url
    for leave in (page.go_back, lambda: page.keyboard.press("Escape")):
        page.locator(".composer-fab").click()
        expect(page.locator(".composer-sheet")).to_have_attribute("open", "")
        leave()
        expect(page.locator(".composer-sheet")).not_to_have_attribute("open", "")
        assert page.url == address
