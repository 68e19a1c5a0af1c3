"""Quotes: the price before anything is sent, the notes beside the fields, and the draft kept with it."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from tchavi_studio.create.models import Draft
from tchavi_studio.workspaces.models import User, Workspace

from .conftest import MakeAsset, make_values, sent

Url = Callable[[str], str]


def quoted(browser: Client, url: Url, **changes: Any) -> Any:
    return browser.post(url("quote"), sent(make_values(**changes)), headers={"HX-Request": "true"})


@pytest.mark.parametrize(
    ("changes", "seen", "shown", "after"),
    [
        ({}, 1_300, "1,300 credits", "8,700"),
        ({"duration_auto": "on"}, 2_600, "2,600 credits", "7,400"),
        ({"duration": "15", "resolution": "720p"}, 8_700, "8,700 credits", "1,300"),
        ({"variations": "4"}, 5_200, "4 clips · 5,200 credits", "4,800"),
        ({"prompt": ""}, 1_300, "1,300 credits", "8,700"),
    ],
)
def test_the_price_and_the_balance_after_it(
    alice_browser: Client, url: Url, changes: dict[str, str], seen: int, shown: str, after: str
) -> None:
    body = quoted(alice_browser, url, **changes).content.decode()
    assert f'<span class="price" id="composer-price" hx-swap-oob="true">{shown}</span>' in body
    assert f'name="price_credits" id="composer-price_credits" value="{seen}"' in body
    assert f"Balance after: {after}" in body


def test_all_notes_are_answered_so_that_old_ones_go(alice_browser: Client, url: Url) -> None:
    body = quoted(alice_browser, url).content.decode()
    for place in ("prompt", "media", "model", "aspect_ratio", "duration", "resolution", "generate_audio", "seed"):
        assert f'<ul class="notes" id="notes-{place}" hx-swap-oob="true"></ul>' in body


def test_what_a_preview_reads_follows_the_words(alice_browser: Client, url: Url, make_asset: MakeAsset) -> None:
    told = quoted(alice_browser, url, prompt="A cat walks. Cut to the sea at night.").content.decode()
    assert '<div id="composer-shots" hx-swap-oob="true">' in told
    assert (told.count("<b>Shot "), told.count("<q>")) == (2, 5)
    with_media = quoted(alice_browser, url, mode="references", reference_images=[str(make_asset().pk)])
    assert "<b>Shot " not in with_media.content.decode()


def test_hints_stand_beside_their_fields(alice_browser: Client, url: Url, make_asset: MakeAsset) -> None:
    response = quoted(
        alice_browser,
        url,
        mode="references",
        model="kling-v3",
        duration="2",
        prompt="[Image2] at dawn",
        reference_images=[make_asset().pk],
    )
    notes = {
        place: [(note.message, note.is_error) for note in told] for place, told in response.context["composer"].notes
    }
    assert {place: told for place, told in notes.items() if told} == {
        "prompt": [("[Image2] doesn't exist.", False), ("[Image1] isn't mentioned in the prompt.", False)],
        "duration": [("Kling v3 natively supports 3–15 s.", False)],
    }


def test_errors_are_told_before_anything_is_sent_but_not_that_nothing_is_written_yet(
    alice_browser: Client, url: Url, make_asset: MakeAsset
) -> None:
    response = quoted(alice_browser, url, mode="references", prompt="", reference_audios=[make_asset("audio").pk])
    told = [(place, note.message) for place, notes in response.context["composer"].notes for note in notes]
    assert told == [("media", "Reference audio needs a first frame or at least one reference image.")]


def test_what_the_wallet_cannot_pay_is_said_before_it_is_tried(alice_browser: Client, url: Url) -> None:
    body = quoted(alice_browser, url, duration="15", resolution="720p", variations="2").content.decode()
    assert "17,400 needed, 10,000 available" in body
    assert "Add play credits" in body


def test_a_quote_keeps_the_draft_and_another_person_does_not_see_it(
    alice_browser: Client, alice: User, bob: User, workspace: Workspace, url: Url, client: Client
) -> None:
    quoted(alice_browser, url, prompt="half a thou", duration="3", generate_audio=None)
    draft = Draft.objects.get()
    assert (draft.user, draft.workspace) == (alice, workspace)
    assert "submission_id" not in draft.values
    form = alice_browser.get(url("page")).context["composer"].form
    assert (form.values["prompt"], form.values["duration"], form.raw["generate_audio"]) == ("half a thou", "3", False)
    workspace.memberships.create(user=bob, role="creator")
    client.force_login(bob)
    assert client.get(url("page")).context["composer"].form.values["prompt"] == ""


def test_a_draft_that_breaks_every_rule_is_kept_too(alice_browser: Client, alice: User, url: Url) -> None:
    response = quoted(alice_browser, url, prompt="a\0b", duration="soon", seed="-5", reference_images=["x"] * 99)
    assert response.status_code == 200
    kept = Draft.objects.get(user=alice).values
    assert (kept["prompt"], kept["duration"], kept["seed"]) == (["ab"], ["soon"], ["-5"])
    assert len(kept["reference_images"]) == 20
    assert alice_browser.get(url("page")).status_code == 200


@pytest.mark.parametrize("file_count", [1, 3])
def test_a_quote_asks_the_same_however_many_files(
    alice_browser: Client,
    url: Url,
    make_asset: MakeAsset,
    django_assert_num_queries: DjangoAssertNumQueries,
    file_count: int,
) -> None:
    files = [make_asset().pk for _number in range(file_count)]
    quoted(alice_browser, url)
    with django_assert_num_queries(10):
        quoted(alice_browser, url, mode="references", reference_images=files)


def test_an_expired_session_comes_back_to_the_page_and_not_to_the_part(client: Client, url: Url) -> None:
    response = client.post(
        url("quote"), headers={"HX-Request": "true", "HX-Current-URL": f"http://testserver{url('page')}"}
    )
    assert response["HX-Redirect"] == f"/accounts/login/?next={url('page')}"


@pytest.mark.parametrize("name", ["submit", "quote", "upload", "trim", "arrange"])
def test_changes_come_by_post_only(alice_browser: Client, url: Url, name: str) -> None:
    assert alice_browser.get(url(name)).status_code == 405
