"""Selecting many clips in the gallery: by ticks, ranges, months, keys; what is done to them, and Undo."""

import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tchavi_studio.generations.models import Collection, Generation, LibraryEntry, Tagging
from tchavi_studio.workspaces.models import User
from tests.browser.clips import seed_ended_clips

pytestmark = pytest.mark.one_database


@pytest.fixture
def gallery(signed_up_page: Page, person: User, capsys: pytest.CaptureFixture[str]) -> Page:
    """The gallery of somebody with about a hundred clips, most of them finished."""
    workspace = person.memberships.get().workspace
    seed_ended_clips(person, 100, capsys)
    signed_up_page.route("**/media/**", lambda route: route.fulfill(status=204))
    signed_up_page.goto(f"/w/{workspace.slug}/gallery/?state=done")
    return signed_up_page


def clip_count(tick: Locator) -> int:
    """How many clips a tick selects: of a stack all takes."""
    return len((tick.get_attribute("value") or "").split(","))


def test_clips_are_selected_deleted_and_brought_back(gallery: Page, person: User) -> None:
    bar = gallery.get_by_role("form", name="Selection")
    ticks = gallery.locator("#clips .card .tick > input")
    expect(bar).to_be_hidden()
    ticks.nth(0).click()
    expect(bar).to_contain_text(f"{clip_count(ticks.nth(0))} selected")
    ticks.nth(2).click(modifiers=["Shift"])
    expect(gallery.locator("#clips .card .tick > :checked")).to_have_count(3)
    expect(bar).to_contain_text("credits spent")
    gallery.keyboard.press("Escape")
    expect(bar).to_be_hidden()

    month = gallery.locator("[data-select-month]").first
    month.click()
    expect(bar).to_be_visible()
    selected = gallery.locator("#clips .card .tick > :checked").count()
    assert selected > 0
    month.click()
    expect(bar).to_be_hidden()

    card = gallery.locator("#clips .card").first
    card.locator(".meta a").focus()
    gallery.keyboard.press("ArrowRight")
    gallery.keyboard.press("x")
    expect(gallery.locator("#clips .card").nth(1).locator(".tick > input")).to_be_checked()
    gone = gallery.locator("#clips .card").nth(1).get_attribute("id")
    bar.get_by_role("button", name="Delete").click()
    expect(gallery.locator(f"[id='{gone}']")).to_be_hidden()
    expect(bar).to_be_hidden()
    assert Generation.objects.filter(creator=person, deleted_at__gt=person.date_joined).exists()
    gallery.get_by_role("button", name="Undo").click()
    expect(gallery.locator("#toasts")).to_contain_text("restored")
    gallery.reload()
    expect(gallery.locator(f"[id='{gone}']")).to_be_visible()


def test_all_results_are_shared_at_once(gallery: Page, person: User) -> None:
    private = Generation.objects.filter(
        creator=person, is_shared=False, state="completed", deleted_at=None, is_test=False
    )
    assert private.count() > 20
    gallery.locator("#clips .card").first.locator(".meta a").focus()
    gallery.keyboard.press("Control+a")
    bar = gallery.get_by_role("form", name="Selection")
    expect(bar).to_contain_text(f"{_done(person)} selected")
    bar.get_by_role("button", name="Share").click()
    expect(gallery.locator("#toasts")).to_contain_text("shared")
    expect(bar).to_be_hidden()
    assert private.count() == 0


def _done(person: User) -> int:
    return Generation.objects.filter(creator=person, state="completed", deleted_at=None, is_test=False).count()


def test_a_zip_has_the_selected_clips(gallery: Page, tmp_path: Path) -> None:
    gallery.locator("#clips .card .tick > input").first.click()
    with gallery.expect_download() as download:
        gallery.get_by_role("button", name="Download zip").click()
    path = tmp_path / "clips.zip"
    download.value.save_as(path)
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert "manifest.json" in archive.namelist()


def test_selected_clips_go_into_a_new_collection_and_get_a_tag(gallery: Page, person: User) -> None:
    bar = gallery.get_by_role("form", name="Selection")
    ticks = gallery.locator("#clips .card .tick > input")
    ticks.nth(0).click()
    ticks.nth(1).click()
    expect(bar).to_contain_text(f"{clip_count(ticks.nth(0)) + clip_count(ticks.nth(1))} selected")
    bar.get_by_text("Add to collection").click()
    name = bar.get_by_label("Name of the new collection")
    name.fill("Spring")
    name.press("Enter")
    expect(gallery.locator("#toasts")).to_contain_text("added to the collection")
    expect(bar).to_be_hidden()
    workspace = person.memberships.get().workspace
    collection = Collection.objects.get(workspace=workspace)
    assert (collection.name, collection.items.count() >= 2) == ("Spring", True)

    ticks.nth(0).click()
    bar.get_by_role("button", name="Select all results").click()
    expect(bar).to_contain_text("selected")
    bar.get_by_text("Tag", exact=True).click()
    bar.get_by_label("Add a tag").fill("Night")
    bar.get_by_role("button", name="Add", exact=True).click()
    expect(gallery.locator("#toasts")).to_contain_text("clips tagged")
    done = LibraryEntry.objects.filter(workspace=workspace, creator=person, outcome="done", is_listed=True)
    tagged = Tagging.objects.filter(tag__name="Night").values_list("entry", flat=True)
    assert set(tagged) == set(done.values_list("key", flat=True))
