"""The page of references: upload, find, use in the composer, and delete once no clip waits for the file."""

import re

import pytest
from playwright.sync_api import FilePayload, Page, expect

from tchavi_studio.assets.models import Asset
from tchavi_studio.generations.models import Generation, State
from tchavi_studio.workspaces.models import User, Workspace
from tests.browser.composing import photo, prompt
from tests.browser.conftest import Complaints
from tests.gallery.conftest import change

pytestmark = [pytest.mark.browser, pytest.mark.one_database]


@pytest.fixture
def references(signed_up_page: Page, person: User) -> Page:
    workspace = Workspace.objects.get(memberships__user=person)
    signed_up_page.goto(f"/w/{workspace.slug}/references/")
    return signed_up_page


def names(page: Page) -> list[str]:
    return page.locator(".ref h2").all_inner_texts()


def upload(page: Page, *files: str) -> None:
    page.set_input_files(".ref-file", [photo(name, seed) for seed, name in enumerate(files)])
    expect(page.locator(".ref")).to_have_count(len(files))


def test_upload_find_use_and_delete(references: Page, person: User) -> None:
    page = references
    expect(page.get_by_role("heading", name="What you upload stays at hand")).to_be_visible()
    upload(page, "Été à la plage.jpg", "harbour_01.jpg", "harbour_02.jpg")
    assert names(page) == ["harbour_02.jpg", "harbour_01.jpg", "Été à la plage.jpg"]

    # Found while it is typed, and by the address.
    page.get_by_role("searchbox", name="Search in names").type("ete")
    expect(page.locator(".ref")).to_have_count(1)
    expect(page).to_have_url(re.compile("q=ete"))
    page.reload()
    assert names(page) == ["Été à la plage.jpg"]
    page.get_by_text("Videos", exact=True).click()
    expect(page.get_by_text("No name here has words that begin like")).to_be_visible()
    page.get_by_text("Images", exact=True).click()
    expect(page.locator(".ref")).to_have_count(1)

    # One click, and it is in the composer; the prompt that was there stays.
    page.get_by_role("button", name="Use in composer").click()
    chip = page.locator(".group-images .chip")
    expect(chip.locator(".chip-name")).to_have_text("Image1")
    expect(page.locator("[name=mode]:checked")).to_have_value("references")
    page.get_by_label("Prompt", exact=True).fill("[Image1] The tide comes in")
    page.get_by_role("button", name="Generate").click()
    expect(page.locator(".card.is-completed")).to_have_count(1, timeout=60_000)
    clip = Generation.objects.get(creator=person)

    # While the clip isn't finished, the file stays.
    page.goto(page.url.partition("/create/")[0] + "/references/")
    change(clip, state=State.QUEUED, finished_at=None)
    card = page.locator(".ref", has_text="Été à la plage.jpg")
    card.get_by_role("link", name="Delete").click()
    expect(page.get_by_text("1 clip that you see loses this reference.")).to_be_visible()
    page.get_by_role("button", name="Delete this file").click()
    refusal = "This file is an image of a clip that isn't finished. Nothing was deleted and no credits moved."
    expect(page.locator(".toast.error")).to_contain_text(refusal)
    expect(page.locator(".ref")).to_have_count(3)
    change(clip, state=State.COMPLETED, finished_at=clip.finished_at)

    card.get_by_role("link", name="Used in 1 clip").click()
    expect(page.locator(".card")).to_contain_text("The tide comes in")
    page.go_back()
    card.get_by_role("link", name="Delete").click()
    page.get_by_role("button", name="Delete this file").click()
    expect(page.locator(".toast")).to_contain_text("Été à la plage.jpg is deleted.")
    assert names(page) == ["harbour_02.jpg", "harbour_01.jpg"]
    assert Asset.objects.filter(created_by=person).exclude(origin="output").count() == 2
    assert clip.references.count() == 0


def test_two_files_one_after_the_other_stay_in_the_composer(references: Page) -> None:
    page = references
    address = page.url
    upload(page, "one.jpg", "two.jpg")
    for name in ("one.jpg", "two.jpg"):
        page.goto(address)
        page.locator(".ref", has_text=name).get_by_role("button", name="Use in composer").click()
        expect(page.locator(f".chip-face[title='{name}']")).to_be_visible()
        page.get_by_label("Prompt", exact=True).fill("A kite")
        page.wait_for_load_state("networkidle")
    expect(page.locator(".group-images .chip")).to_have_count(2)
    assert prompt(page) == "A kite"


def test_on_a_phone_the_composer_opens_with_the_file(references: Page) -> None:
    page = references
    page.set_viewport_size({"width": 390, "height": 844})
    upload(page, "one.jpg")
    page.get_by_role("button", name="Use in composer").click()
    expect(page.locator("dialog.composer-sheet .chip-face[title='one.jpg']")).to_be_visible()


def test_what_is_refused_says_why_beside_what_was_stored(references: Page, complaints: Complaints) -> None:
    complaints.expect("422")
    page = references
    text: FilePayload = {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"no picture at all" * 9}
    page.set_input_files(".ref-file", [text, photo("beach.jpg", 1)])
    expect(page.locator(".ref h2")).to_have_text("beach.jpg")
    expect(page.locator(".uploads li")).to_have_count(1)
    expect(page.locator(".uploads li")).to_contain_text("notes.txtThis file type isn't supported.")


def test_files_are_dropped_anywhere_on_the_page(references: Page) -> None:
    page = references
    page.locator("[data-drop]").evaluate(
        """async (area) => {
            const canvas = Object.assign(document.createElement("canvas"), { width: 400, height: 400 });
            const blob = await new Promise((resolve) => canvas.getContext("2d") && canvas.toBlob(resolve, "image/png"));
            const dataTransfer = new DataTransfer();
            dataTransfer.items.add(new File([blob], "dropped.png", { type: "image/png" }));
            for (const name of ["dragenter", "dragover", "drop"]) {
                area.dispatchEvent(new DragEvent(name, { dataTransfer, bubbles: true, cancelable: true }));
            }
        }"""
    )
    expect(page.locator(".ref h2")).to_have_text("dropped.png")
