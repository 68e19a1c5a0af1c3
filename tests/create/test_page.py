"""The Create page: what it opens with, and what it costs the database."""

from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.base import ContentFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from tchavi_studio.assets.models import Asset, Origin
from tchavi_studio.create.examples import EXAMPLES
from tchavi_studio.create.models import Draft
from tchavi_studio.generations.models import Generation, State
from tchavi_studio.workspaces.models import Membership, User, Workspace
from tests.assets.media import make_video
from tests.plans import listed_by_index

from .conftest import MakeAsset, make_values, sent

Url = Callable[[str], str]


def form_of(response: Any) -> Any:
    return response.context["composer"].form


def test_the_first_visit_offers_three_priced_examples(alice_browser: Client, url: Url) -> None:
    response = alice_browser.get(url("page"))
    assert response.status_code == 200
    assert [example.price_credits for example in EXAMPLES] == [1_300, 1_300, 4_640]
    body = unescape(response.content.decode())
    for example in EXAMPLES:
        assert str(example.prompt) in body
    assert "4,640 credits" in body


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_an_example_fills_a_composer_that_could_be_sent_at_once(alice_browser: Client, url: Url, number: int) -> None:
    form = form_of(alice_browser.get(url("page"), {"example": number}))
    assert form.is_valid()
    assert form.total_credits == EXAMPLES[number].price_credits


@pytest.mark.parametrize("query", [{"example": "3"}, {"example": "x"}, {"remix": "x"}, {"remix": str(uuid4())}])
def test_what_is_not_there_is_not_found(alice_browser: Client, url: Url, query: dict[str, str]) -> None:
    assert alice_browser.get(url("page"), query).status_code == 404


def test_each_page_is_a_submission_of_its_own_and_is_not_cached(alice_browser: Client, url: Url) -> None:
    first, second = alice_browser.get(url("page")), alice_browser.get(url("page"))
    assert form_of(first).values["submission_id"] != form_of(second).values["submission_id"]
    assert "no-store" in first["Cache-Control"]


@pytest.fixture
def clip(alice_browser: Client, url: Url, make_asset: MakeAsset) -> Generation:
    """A clip of Alice's with all that a remix could take over."""
    photo, film = make_asset(), make_asset("video")
    values = make_values(
        prompt="[Image1] walks as in [Video1]",
        mode="references",
        model="kling-v3",
        duration_auto="on",
        resolution="720p",
        aspect_ratio="1:1",
        generate_audio=None,
        seed="99",
        price_credits="5800",
        reference_images=[photo.pk],
        reference_videos=[film.pk],
    )
    alice_browser.post(url("submit"), sent(values))
    Draft.objects.all().delete()
    return Generation.objects.get()


@pytest.mark.parametrize(("keep", "seed"), [("everything", "99"), ("no-seed", "")])
def test_a_remix_fills_the_composer(alice_browser: Client, url: Url, clip: Generation, keep: str, seed: str) -> None:
    form = form_of(alice_browser.get(url("page"), {"remix": str(clip.pk), "keep": keep}))
    assert form.values["seed"] == seed
    assert (form.values["parent"], form.values["remix"]) == (str(clip.pk), keep)
    assert form.is_valid()
    params = form.params
    assert (params.model, params.prompt, params.duration_seconds) == ("kling-v3", clip.prompt, -1)
    assert (params.resolution, params.aspect_ratio, params.generate_audio) == ("720p", "1:1", False)
    assert [reference.asset_id for reference in params.reference_images] == [
        clip.references.get(role="reference_image").asset_id
    ]
    assert [reference.asset_id for reference in params.reference_videos] == [
        clip.references.get(role="reference_video").asset_id
    ]


def test_a_remix_of_the_prompt_alone_keeps_the_settings_that_are_there(
    alice_browser: Client, url: Url, clip: Generation
) -> None:
    alice_browser.post(url("quote"), sent(make_values(prompt="mine", duration="3", resolution="480p")))
    form = form_of(alice_browser.get(url("page"), {"remix": str(clip.pk), "keep": "prompt"}))
    assert (form.values["prompt"], form.values["duration"], form.values["resolution"]) == (clip.prompt, "3", "480p")
    assert (form.values["parent"], form.values["remix"]) == (str(clip.pk), "prompt")


def finish(clip: Generation, video: Path) -> Asset:
    """Give the clip a real file of two seconds."""
    output = Asset(
        workspace=clip.workspace,
        kind="video",
        origin=Origin.OUTPUT,
        content_type="video/mp4",
        width=640,
        height=640,
        duration_seconds=2.0,
        frame_rate=24.0,
        byte_count=video.stat().st_size,
        source_sha256=uuid4().hex * 2,
        content_sha256=uuid4().hex * 2,
    )
    output.file.save(f"{output.pk}.mp4", ContentFile(video.read_bytes()), save=False)
    output.save()
    Generation.objects.filter(pk=clip.pk).update(output=output, state=State.COMPLETED, finished_at=timezone.now())
    return output


def test_a_clip_is_continued_from_its_last_frame(
    alice_browser: Client, alice: User, workspace: Workspace, clip: Generation, tmp_path: Path
) -> None:
    output = finish(clip, make_video(tmp_path / "clip.mp4"))
    answer = alice_browser.post(reverse("create:continue", args=[workspace.slug, clip.pk]))
    frame = output.derived.get()
    assert (frame.created_by, frame.origin, frame.width, frame.height) == (alice, Origin.UPLOAD, 640, 640)
    assert frame.original_name == f"image1-walks-as-in-video1-{clip.pk.hex[:8]}-0-01-23.png"
    form = form_of(alice_browser.get(answer["Location"]))
    assert (form.values["parent"], form.values["remix"]) == (str(clip.pk), "last-frame")
    assert form.is_valid()
    params = form.params
    assert params.first_frame is not None
    assert params.first_frame.asset_id == frame.pk
    assert (params.prompt, params.model, params.resolution, params.seed) == (
        "walks as in",
        "kling-v3",
        "720p",
        None,
    )
    assert (params.reference_images, params.reference_videos) == ((), ())
    # The same frame is the same file, for whoever took it.
    assert (
        alice_browser.post(reverse("create:continue", args=[workspace.slug, clip.pk]))["Location"]
        == (answer["Location"])
    )
    assert not Draft.objects.exists()


def test_an_unfinished_clip_is_not_continued(
    alice_browser: Client, url: Url, workspace: Workspace, clip: Generation
) -> None:
    assert alice_browser.post(reverse("create:continue", args=[workspace.slug, clip.pk])).status_code == 404
    for frame in ("", "x", str(uuid4())):
        query = {"remix": str(clip.pk), "keep": "last-frame", "frame": frame}
        assert alice_browser.get(url("page"), query).status_code == 404


def test_looking_at_a_remix_leaves_the_draft_alone(alice_browser: Client, url: Url, clip: Generation) -> None:
    alice_browser.post(url("quote"), sent(make_values(prompt="mine")))
    alice_browser.get(url("page"), {"remix": str(clip.pk), "keep": "everything"})
    assert Draft.objects.get().values["prompt"] == ["mine"]


def test_an_unknown_way_to_remix_is_not_found(alice_browser: Client, url: Url, clip: Generation) -> None:
    assert alice_browser.get(url("page"), {"remix": str(clip.pk), "keep": "half"}).status_code == 404


def test_a_viewer_sees_the_feed_without_a_composer(alice_browser: Client, workspace: Workspace, url: Url) -> None:
    Membership.objects.filter(workspace=workspace).update(role="viewer")
    response = alice_browser.get(url("page"))
    assert response.status_code == 200
    assert response.context["composer"] is None
    assert 'id="composer"' not in response.content.decode()


def test_an_outsider_finds_nothing_here(client: Client, bob: User, url: Url) -> None:
    client.force_login(bob)
    assert client.get(url("page")).status_code == 404


def test_nobody_signed_in_is_led_to_sign_in_and_back(client: Client, url: Url) -> None:
    response = client.get(url("page"))
    assert (response.status_code, response["Location"]) == (302, f"/accounts/login/?next={url('page')}")


@pytest.mark.parametrize("file_count", [1, 3])
def test_the_page_asks_as_much_for_many_files_as_for_one(
    alice_browser: Client,
    url: Url,
    make_asset: MakeAsset,
    django_assert_num_queries: DjangoAssertNumQueries,
    file_count: int,
) -> None:
    files = [make_asset().pk for _number in range(file_count)]
    alice_browser.post(url("quote"), sent(make_values(mode="references", reference_images=files)))
    with django_assert_num_queries(16):
        alice_browser.get(url("page"))


def test_the_page_reads_its_lists_by_their_indexes(alice_browser: Client, url: Url) -> None:
    alice_browser.post(url("submit"), sent(make_values()))
    with listed_by_index(Generation, Asset):
        alice_browser.get(url("page"))


def test_the_last_different_prompts_are_there_to_walk_through(alice_browser: Client, url: Url) -> None:
    for prompt in ("one", "two", "one"):
        alice_browser.post(url("submit"), sent(make_values(prompt=prompt)))
    composer = alice_browser.get(url("page")).context["composer"]
    assert composer.earlier_prompts == ["one", "two"]


def test_nothing_inline_breaks_the_strict_policy(alice_browser: Client, url: Url) -> None:
    body = alice_browser.get(url("page")).content.decode()
    assert " style=" not in body
    assert "<style" not in body
    assert "hx-on" not in body
