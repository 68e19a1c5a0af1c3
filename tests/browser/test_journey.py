"""The main journeys, from a prompt in a browser to a playing clip, with every credit accounted for."""

import re
from pathlib import Path
from uuid import uuid4

import av
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tchavi_studio.assets.models import Asset
from tchavi_studio.generations.models import OPEN_STATES, Generation, State
from tchavi_studio.generations.orders import Order
from tchavi_studio.generations.services import start_generation
from tchavi_studio.generations.validation import validate
from tchavi_studio.ledger.models import Transfer
from tchavi_studio.ledger.services import grant_credits
from tchavi_studio.workspaces.models import User
from tests.assets.media import make_image, make_video, make_wav
from tests.browser.conftest import Complaints
from tests.running_studio import RunningStudio, wait_for

pytestmark = pytest.mark.browser

CLIP_WITHIN_SECONDS = 60
REFUSED_SUBMISSION = r"status of 422 .*/create/submit/"
DONE = re.compile(r"\bis-completed\b")
FAILED = re.compile(r"\bis-failed\b")


def choose(page: Page, name: str, value: str) -> None:
    """Choose a radio button by its label, as people do."""
    page.locator(f"label:has([name={name}][value='{value}'])").click()


def add_frame(page: Page, field: str, path: Path) -> None:
    """Add a first or last frame and wait until it is uploaded."""
    page.set_input_files(f"[name=new-{field}]", path)
    expect(page.locator(f"[data-field={field}] .chip[data-asset] img")).to_be_visible()


def set_duration(page: Page, seconds: int) -> None:
    page.locator("[name=duration]").fill(str(seconds))


def price_in_button(page: Page) -> Locator:
    return page.locator("button.generate .price")


def balance(page: Page) -> Locator:
    return page.locator("header .bal")


def card(page: Page) -> Locator:
    return page.locator("#clips .card")


def transfers(generation: Generation) -> list[tuple[str, int]]:
    rows = Transfer.objects.filter(reference=generation.pk).order_by("sequence")
    return list(rows.values_list("kind", "amount_credits"))


def file_of(studio: RunningStudio, asset: Asset) -> Path:
    """The path of an asset's file in the running studio."""
    return studio.folder / "data" / "media" / str(asset.file.name)


def test_sign_up_and_make_a_clip_from_two_photos(
    page: Page, studio: RunningStudio, models: None, tmp_path: Path
) -> None:
    page.goto("/")
    page.get_by_role("link", name="Create an account").click()
    email = f"{uuid4().hex}@example.org"
    page.get_by_label("Your name").fill("Awa Koffi")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password", exact=True).fill("golden hour 17")
    page.get_by_role("button", name="Create account").click()
    expect(balance(page)).to_contain_text("10,000")

    choose(page, "mode", "frames")
    add_frame(page, "image_url", make_image(tmp_path / "first.jpg", 900, 1600))
    add_frame(page, "last_frame_image_url", make_image(tmp_path / "last.png", 640, 480))
    page.locator("[name=prompt]").fill("She walks out onto the terrace at golden hour")
    choose(page, "aspect_ratio", "9:16")
    choose(page, "resolution", "720p")
    expect(price_in_button(page)).to_have_text("2,900 credits")
    page.locator("button.generate").click()

    expect(card(page)).to_have_count(1)
    expect(card(page)).to_have_class(DONE, timeout=CLIP_WITHIN_SECONDS * 1000)
    expect(balance(page)).to_contain_text("7,100")

    card(page).locator(".meta a").click()
    player = page.locator("dialog video")
    expect(player).to_be_visible()
    assert player.evaluate("video => video.play().then(() => !video.paused)") is True
    # Not page.wait_for_function(), which evaluates a string in the page: the content security policy forbids that.
    wait_for(lambda: player.evaluate("video => video.currentTime > 0.2"), seconds=10, what="the clip to play")

    generation = Generation.objects.get(creator__email=email)
    assert generation.output is not None
    with av.open(file_of(studio, generation.output)) as clip:
        video, audio = clip.streams.video[0], clip.streams.audio[0]
        assert (video.codec_context.name, video.width, video.height) == ("h264", 720, 1280)
        assert (str(video.average_rate), video.frames, audio.codec_context.name) == ("24", 120, "aac")
        assert video.duration is not None
        assert video.time_base is not None
        assert float(video.duration * video.time_base) == pytest.approx(5.0, abs=1 / 24)
    assert transfers(generation) == [("charge", 2_900)]


def test_broken_reference_fails_and_is_refunded(
    signed_up_page: Page, person: User, studio: RunningStudio, tmp_path: Path
) -> None:
    page = signed_up_page
    choose(page, "mode", "frames")
    add_frame(page, "image_url", make_image(tmp_path / "photo.jpg", 640, 480))
    file_of(studio, Asset.objects.get(workspace__memberships__user=person)).write_bytes(b"no picture any more")
    page.locator("[name=prompt]").fill("A slow dolly in")
    set_duration(page, 1)
    expect(price_in_button(page)).to_have_text("260 credits")
    page.locator("button.generate").click()

    expect(card(page)).to_have_class(FAILED, timeout=CLIP_WITHIN_SECONDS * 1000)
    expect(card(page)).to_contain_text("The first frame couldn't be read.")
    expect(card(page)).to_contain_text("Try again with another file.")
    expect(card(page)).to_contain_text("260 credits refunded")
    expect(card(page).get_by_role("link", name="Edit and retry")).to_be_visible()
    expect(balance(page)).to_contain_text("10,000")
    card(page).get_by_role("link", name="260 credits refunded").click()
    expect(page.locator("main")).to_contain_text("Refund")
    assert transfers(Generation.objects.get(creator=person)) == [("charge", 260), ("refund", 260)]


def test_nine_images_three_videos_and_three_audio_files(signed_up_page: Page, person: User, tmp_path: Path) -> None:
    page = signed_up_page
    choose(page, "mode", "references")
    files = [make_photo(tmp_path / f"photo-{number}.png", number) for number in range(9)]
    # Different lengths, so that no two files are equal.
    files += [make_video(tmp_path / f"film-{number}.mp4", seconds=2 + number / 4) for number in range(3)]
    files += [make_wav(tmp_path / f"sound-{number}.wav", seconds=2 + number / 4) for number in range(3)]
    page.set_input_files(".add-any [name=new-files]", files)
    expect(page.locator(".chip[data-asset]")).to_have_count(15, timeout=60_000)
    page.locator("[name=prompt]").fill("[Image1] to [Image9], [Video1], [Audio3]")
    set_duration(page, 1)
    expect(price_in_button(page)).to_have_text("260 credits")
    page.locator("button.generate").click()
    expect(card(page)).to_have_class(DONE, timeout=CLIP_WITHIN_SECONDS * 1000)
    roles = Generation.objects.get(creator=person).references.values_list("role", "position")
    assert sorted(roles) == sorted(
        [("reference_image", number) for number in range(1, 10)]
        + [("reference_video", number) for number in range(1, 4)]
        + [("reference_audio", number) for number in range(1, 4)]
    )


def make_photo(path: Path, number: int) -> Path:
    Image.new("RGB", (400, 300), (20 * number, 90, 160)).save(path)
    return path


def test_invalid_combinations_are_shown_in_the_form(
    signed_up_page: Page, person: User, tmp_path: Path, complaints: Complaints
) -> None:
    page = signed_up_page
    complaints.expect(REFUSED_SUBMISSION)
    page.locator("[name=prompt]").fill("[Audio1] alone")
    choose(page, "mode", "references")
    page.set_input_files(".add-any [name=new-files]", make_wav(tmp_path / "voice.wav", seconds=3))
    expect(page.locator(".chip[data-asset]")).to_have_count(1)
    page.locator("button.generate").click()
    expect(page.locator("#composer")).to_contain_text(
        "Reference audio needs a first frame or at least one reference image."
    )
    choose(page, "mode", "frames")
    add_frame(page, "last_frame_image_url", make_image(tmp_path / "last.png", 640, 480))
    page.locator("button.generate").click()
    expect(page.locator("#composer")).to_contain_text("A last frame needs a first frame.")
    expect(balance(page)).to_contain_text("10,000")
    assert not Generation.objects.filter(creator=person).exists()


def test_double_click_and_reload_make_one_clip(signed_up_page: Page, person: User) -> None:
    page = signed_up_page
    page.locator("[name=prompt]").fill("One boat, not two")
    set_duration(page, 1)
    expect(price_in_button(page)).to_have_text("260 credits")
    page.locator("button.generate").dblclick()
    expect(card(page)).to_have_count(1)
    page.reload()
    expect(card(page)).to_have_count(1)
    generation = Generation.objects.get(creator=person)
    assert transfers(generation)[0] == ("charge", 260)


def test_insufficient_credits(signed_up_page: Page, person: User, complaints: Complaints) -> None:
    page = signed_up_page
    complaints.expect(REFUSED_SUBMISSION)
    page.locator("[name=prompt]").fill("Fifteen seconds of everything")
    choose(page, "resolution", "720p")
    set_duration(page, 15)
    choose(page, "variations", "4")
    expect(price_in_button(page)).to_contain_text("34,800 credits")
    page.locator("button.generate").click()
    expect(page.locator("#composer-summary")).to_contain_text("34,800")
    expect(page.locator("#composer-summary")).to_contain_text("10,000")
    assert not Generation.objects.filter(creator=person).exists()


def test_draft_survives_a_reload(signed_up_page: Page) -> None:
    page = signed_up_page
    choose(page, "aspect_ratio", "3:4")
    with page.expect_response(re.compile("/quote/")):
        page.locator("[name=prompt]").fill("Half a thought")
    page.reload()
    expect(page.locator("[name=prompt]")).to_have_value("Half a thought")
    expect(page.locator("[name=aspect_ratio][value='3:4']")).to_be_checked()


@pytest.mark.one_database
@pytest.mark.parametrize("count", [10, pytest.param(50, marks=pytest.mark.long)])
def test_many_queued_clips_all_complete(signed_up_page: Page, person: User, studio: RunningStudio, count: int) -> None:
    workspace = person.workspaces.get()
    grant_credits(workspace=workspace, book="sandbox", amount_credits=3_000, reason="for fifty")
    params = validate({"model": "seedance-2", "prompt": "One of many", "duration": 1}).params
    assert params is not None
    for _number in range(count):
        start_generation(Order(workspace=workspace, creator=person, params=params, submission_id=uuid4()))
    mine = Generation.objects.filter(creator=person)
    wait_for(lambda: not mine.filter(state__in=OPEN_STATES).exists(), seconds=300, what=f"{count} clips to end")
    assert mine.filter(state=State.COMPLETED).count() == count
    assert Transfer.objects.filter(reference__in=mine.values("pk")).count() == count
    signed_up_page.reload()
    left = f"{13_000 - count * 260:,}"
    expect(balance(signed_up_page)).to_have_text(re.compile(rf"^\s*{left}\s+credits\s*$"))
    studio.manage("verify_ledger")
