"""An opened clip: its player, its frames, what it was made from and what is made from it."""

import re
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from tchavi_studio.generations.models import Generation, Remix
from tchavi_studio.workspaces.models import User
from tests.browser.conftest import sign_in
from tests.running_studio import RunningStudio

pytestmark = [pytest.mark.browser, pytest.mark.one_database]

PROMPT = "A kite over the harbour"


def generate(composer: Page, prompt: str | None = None) -> None:
    """Start a clip of two seconds, and wait until it is done."""
    done = composer.locator(".card.is-completed").count()
    if prompt is not None:
        composer.get_by_label("Prompt", exact=True).fill(prompt)
    composer.get_by_role("button", name="Generate").click()
    expect(composer.locator(".card.is-completed")).to_have_count(done + 1, timeout=120_000)


@pytest.fixture
def opened(composer: Page, person: User) -> Page:
    """The page of a finished clip, whose player waits at its start."""
    composer.emulate_media(reduced_motion="reduce")
    generate(composer, PROMPT)
    clip = Generation.objects.get(creator=person)
    composer.goto(f"/w/{clip.workspace.slug}/clips/{clip.pk}/")
    expect(composer.locator(".player .timecode b")).to_have_text("0:00.00")
    return composer


def player(page: Page) -> Locator:
    return page.locator(".player")


def seconds(page: Page) -> float:
    return float(page.locator(".player video").evaluate("video => video.currentTime"))


def test_the_player_goes_by_frames(opened: Page, person: User) -> None:
    page, now = opened, opened.locator(".player .timecode b")
    expect(page.locator(".player video[controls]")).to_have_count(0)
    rate = float(player(page).get_attribute("data-frame-rate") or 0)
    count = int(player(page).get_attribute("data-frame-count") or 0)
    assert (rate, count) == (24, 120)
    expect(page.locator(".player .timecode")).to_contain_text("/ 0:05.00")
    for key, shown in ((".", "0:00.01"), (".", "0:00.02"), (",", "0:00.01"), (",", "0:00.00"), (",", "0:00.00")):
        page.keyboard.press(key)
        expect(now).to_have_text(shown)
    page.get_by_role("button", name="One frame on").click()
    expect(now).to_have_text("0:00.01")

    # The shape of the sound is the scrubber, by frames.
    scrub = page.get_by_label("Position, frame by frame")
    expect(page.locator(".player .sound:not(.is-silent)")).to_have_count(1)
    box = scrub.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(now).to_have_text(re.compile(r"^0:02\.(1[1-3])$"))
    page.keyboard.press("End")
    expect(now).to_have_text("0:04.23")
    page.keyboard.press("ArrowLeft")
    expect(now).to_have_text("0:04.22")
    expect(scrub).to_have_attribute("aria-valuetext", "0:04.22")

    # Space plays wherever no field has the focus, at the chosen speed, in a loop or not.
    scrub.fill("100")
    page.get_by_label("Speed").select_option("2")
    page.get_by_role("button", name="Loop").click()
    page.locator("h1").click()
    page.keyboard.press("Space")
    expect(page.locator("[data-do='play']")).to_have_attribute("aria-pressed", "true")
    expect(now).to_have_text("0:04.23")
    expect(page.locator("[data-do='play']")).to_have_attribute("aria-pressed", "false")
    page.get_by_label("Add a tag").press_sequentially("one, two. three")
    expect(page.get_by_label("Add a tag")).to_have_value("one, two. three")
    expect(now).to_have_text("0:04.23")

    page.get_by_label("Volume", exact=True).fill("40")
    page.get_by_role("button", name="Full screen").click()
    expect(page.locator(".player:fullscreen")).to_have_count(1)
    page.get_by_role("button", name="Full screen").click()
    expect(page.locator(".player:fullscreen")).to_have_count(0)

    # A refresh of the clip's part of the page and a reload keep the place, the speed and the volume.
    scrub.fill("30")
    expect(now).to_have_text("0:01.06")
    page.get_by_role("button", name="Make private").click()
    expect(page.get_by_role("button", name="Share", exact=True)).to_be_visible()
    expect(now).to_have_text("0:01.06")
    page.reload()
    expect(now).to_have_text("0:01.06")
    expect(page.get_by_label("Speed")).to_have_value("2")
    expect(page.get_by_role("button", name="Loop")).to_have_attribute("aria-pressed", "false")
    expect(page.get_by_label("Volume", exact=True)).to_have_value("40")
    page.get_by_role("link", name="Gallery", exact=True).last.click()
    page.wait_for_url("**/gallery/")
    page.go_back()
    expect(now).to_have_text("0:01.06")


def test_a_frame_is_saved_kept_and_made_the_poster(opened: Page, person: User, tmp_path: Path) -> None:
    page = opened
    clip = Generation.objects.select_related("output").get(creator=person)
    page.get_by_label("Position, frame by frame").fill("50")
    page.get_by_label("This frame").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download this frame").click()
    assert download.value.suggested_filename == f"a-kite-over-the-harbour-{clip.pk.hex[:8]}-0-02-02.png"
    download.value.save_as(tmp_path / "frame.png")
    with Image.open(tmp_path / "frame.png") as image:
        assert (image.format, image.size) == ("PNG", (864, 496))

    page.get_by_label("This frame").click()
    page.get_by_role("button", name="Save it as a reference").click()
    toasts = page.locator("#toasts")
    expect(toasts.get_by_text("The frame at 0:02.02 is among your references now, ready for")).to_be_visible()

    # In the dialog: the card behind it shows the new poster at once, and the player stays where it is.
    page.goto(f"/w/{clip.workspace.slug}/gallery/")
    poster = page.locator(".card .open img")
    before = poster.get_attribute("src")
    page.locator(".card .meta [data-clip]").click()
    page.get_by_label("Position, frame by frame").fill("80")
    page.locator(".player video").evaluate("video => { video.dataset.same = 'yes'; }")
    page.get_by_label("This frame").click()
    page.get_by_role("button", name="Use this frame as poster").click()
    expect(toasts.get_by_text("This frame is the clip's poster now.")).to_be_visible()
    expect(poster).to_have_attribute("src", re.compile(re.escape(before or "") + r"\?[0-9a-f]{8}$"))
    expect(page.locator(".player video[data-same]")).to_have_count(1)
    expect(page.locator(".player .timecode b")).to_have_text("0:03.08")
    page.keyboard.press(".")
    expect(page.locator(".player .timecode b")).to_have_text("0:03.09")
    page.keyboard.press("Escape")
    expect(page.locator("#clip-dialog")).to_be_hidden()
    page.goto(f"/w/{clip.workspace.slug}/references/")
    expect(page.get_by_text("a-kite-over-the-harbour").first).to_be_visible()


def test_remixes_of_every_kind_and_their_lineage(opened: Page, person: User) -> None:
    page = opened
    clip = Generation.objects.select_related("workspace").get(creator=person)
    address = f"/w/{clip.workspace.slug}/clips/{clip.pk}/"

    def remix(name: str) -> None:
        page.goto(address)
        page.locator(".detail-actions summary", has_text="Remix").click()
        page.locator(".detail-actions .item", has_text=name).click()
        page.wait_for_url("**/create/**")

    seed = page.locator("#composer [name=seed]")
    remix("Remix everything")
    expect(seed).to_have_value(str(clip.seed))
    remix("Everything but the seed")
    expect(seed).to_have_value("")
    generate(page)
    remix("Only the prompt")
    expect(page.get_by_label("Prompt", exact=True)).to_have_value(PROMPT)
    remix("Continue from the last frame")
    expect(page.locator(".chip[data-asset]")).to_have_count(1)
    expect(page.locator("[name=image_url]")).to_have_count(1)
    expect(page.get_by_label("Prompt", exact=True)).to_have_value(PROMPT)
    generate(page, "The kite goes on")
    children = Generation.objects.filter(parent=clip).order_by("created_at")
    assert [child.remix for child in children] == [Remix.NO_SEED, Remix.LAST_FRAME]
    first_frame = children[1].references.get(role="first_frame").asset
    assert first_frame is not None
    assert (first_frame.content_type, first_frame.width, first_frame.height) == ("image/png", 864, 496)

    page.goto(address)
    lineage = page.locator(".lineage")
    expect(lineage).to_contain_text("This branch: 3 clips · 3,900 credits")
    expect(lineage.locator(".relative b")).to_have_text(["This clip", "Last frame on", "All but the seed"])
    lineage.get_by_role("link", name="Last frame on").click()
    expect(page.get_by_role("heading", name="The kite goes on")).to_be_visible()
    expect(lineage).to_contain_text("with its parent 2,600")
    expect(lineage.locator(".how")).to_have_text("Last frame on")


def test_a_phone_shows_one_part_at_a_time(opened: Page) -> None:
    page = opened
    page.set_viewport_size({"width": 390, "height": 844})
    expect(page.locator(".facts")).to_be_visible()
    expect(page.locator(".organise")).to_be_hidden()
    expect(page.locator(".clip-tabs label")).to_have_text(["Details", "Organise"])
    page.locator(".clip-tabs label", has_text="Organise").click()
    expect(page.locator(".organise")).to_be_visible()
    expect(page.locator(".facts")).to_be_hidden()
    page.get_by_role("button", name="4 stars").click()
    expect(page.get_by_text("4.0 from 1 rating")).to_be_visible()
    page.reload()
    expect(page.locator(".organise")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_without_scripts_the_browser_plays(opened: Page, person: User, browser: Browser, studio: RunningStudio) -> None:
    context = browser.new_context(base_url=studio.address, java_script_enabled=False)
    sign_in(context, person, studio)
    page = context.new_page()
    page.goto(opened.url)
    expect(page.locator(".player video[controls]")).to_be_visible()
    expect(page.locator(".transport")).to_be_hidden()
    context.close()
