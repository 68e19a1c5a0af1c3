"""The composer of a studio that generates with the real models: the free preview, and files out of reach."""

from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from tchavi_studio.create.composer import out_of_reach
from tchavi_studio.create.models import Draft
from tchavi_studio.generations.models import Engine, Generation, State, UpstreamAccount
from tchavi_studio.ledger.models import Transfer
from tchavi_studio.ledger.queries import wallet_balance
from tchavi_studio.ledger.services import grant_credits
from tchavi_studio.workspaces.models import User, Workspace

from .conftest import MakeAsset, make_values, sent

Url = Callable[[str], str]
HTMX = {"HX-Request": "true"}
PREVIEW_BUTTON = '<button class="preview-free" name="engine" value="preview"'
UNREACHABLE = (
    "The provider can't fetch reference files from this studio, because it has no public address. No credits moved. "
    "Ask the site's admin to set STUDIO_PUBLIC_URL, or make the clip from text alone. Preview · free works with them "
    "anyway."
)

pytestmark = pytest.mark.usefixtures("live")


@pytest.fixture
def live(workspace: Workspace, settings: Settings) -> None:
    """Live, with nothing in the wallet yet, and on an address that nobody outside can open."""
    settings.STUDIO_MODE = settings.STUDIO_BOOK = "live"
    settings.STUDIO_SIGNUP_CREDITS = 0
    settings.STUDIO_PROVIDER_API_KEY = "sk-tch_test"
    settings.STUDIO_PUBLIC_URL = "http://127.0.0.1:8000"


@pytest.fixture
def funded(workspace: Workspace) -> Workspace:
    """Alice's workspace with 10,000 live credits."""
    grant_credits(workspace=workspace, book="live", amount_credits=10_000, reason="for the test")
    return workspace


def text_of(response: Any) -> str:
    return " ".join(unescape(response.content.decode()).split())


def clips() -> list[tuple[str, int]]:
    return list(Generation.objects.order_by("created_at").values_list("engine", "price_credits"))


def charges() -> int:
    return Transfer.objects.filter(kind="charge").count()


# --- Preview · free ---------------------------------------------------------------------------------------------------


def test_only_in_live_mode_there_is_a_second_button(alice_browser: Client, url: Url, settings: Settings) -> None:
    assert PREVIEW_BUTTON in text_of(alice_browser.get(url("page")))
    settings.STUDIO_MODE = settings.STUDIO_BOOK = "sandbox"
    assert "preview-free" not in text_of(alice_browser.get(url("page")))


def test_generate_charges_the_live_wallet_and_waits_for_the_provider(
    alice_browser: Client, url: Url, funded: Workspace
) -> None:
    alice_browser.post(url("submit"), sent(make_values()))
    assert clips() == [("tchavi", 1_300)]
    assert (wallet_balance(workspace=funded, book="live"), wallet_balance(workspace=funded, book="sandbox")) == (
        8_700,
        10_000,
    )


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_a_preview_costs_nothing_whatever_the_wallet_holds_and_writes_no_row(
    alice_browser: Client, workspace: Workspace, url: Url, headers: dict[str, str]
) -> None:
    response = alice_browser.post(url("submit"), sent(make_values(engine="preview", seed="77")), headers=headers)
    assert response.status_code == (200 if headers else 302)
    clip = Generation.objects.get()
    assert (clip.engine, clip.price_credits, clip.seed, clip.state) == (Engine.PREVIEW, 0, 77, State.QUEUED)
    assert charges() == 0
    assert wallet_balance(workspace=workspace, book="live") == 0


@pytest.mark.parametrize("seen", ["", "1", "abc"])
def test_a_previews_price_needs_no_confirming(alice_browser: Client, url: Url, seen: str) -> None:
    values = make_values(engine="preview", price_credits=seen if seen != "abc" else None)
    assert alice_browser.post(url("submit"), sent(values), headers=HTMX).status_code == 200
    assert clips() == [("preview", 0)]


def test_two_quick_presses_make_one_preview(alice_browser: Client, url: Url) -> None:
    values = sent(make_values(engine="preview"))
    alice_browser.post(url("submit"), values, headers=HTMX)
    again = alice_browser.post(url("submit"), values, headers=HTMX)
    assert "This was already sent. Press again for another take." in text_of(again)
    assert clips() == [("preview", 0)]


def test_the_same_submission_is_not_charged_after_its_preview(
    alice_browser: Client, url: Url, funded: Workspace
) -> None:
    values = make_values(engine="preview")
    alice_browser.post(url("submit"), sent(values), headers=HTMX)
    values.setlist("engine", [])
    assert "Already started" in text_of(alice_browser.post(url("submit"), sent(values), headers=HTMX))
    assert (clips(), charges()) == ([("preview", 0)], 0)


def test_a_preview_too_many_says_what_to_do(alice_browser: Client, url: Url, settings: Settings) -> None:
    settings.STUDIO_MAX_FREE_PER_WORKSPACE = 1
    alice_browser.post(url("submit"), sent(make_values(engine="preview")), headers=HTMX)
    response = alice_browser.post(url("submit"), sent(make_values(engine="preview")), headers=HTMX)
    assert response.status_code == 422
    assert "No free clip was started" in text_of(response)
    assert "A workspace can have 1 free clip in the making" in text_of(response)
    assert clips() == [("preview", 0)]


def test_a_preview_that_cannot_be_made_says_what_to_do(alice_browser: Client, url: Url) -> None:
    response = alice_browser.post(url("submit"), sent(make_values(engine="preview", prompt="")), headers=HTMX)
    assert response.status_code == 422
    assert "Fix the highlighted fields and try again." in text_of(response)


def test_which_button_was_pressed_is_no_part_of_the_draft(alice_browser: Client, alice: User, url: Url) -> None:
    alice_browser.post(url("submit"), sent(make_values(engine="preview")))
    assert "engine" not in Draft.objects.get(user=alice).values


def test_an_engine_that_no_button_names_is_refused(alice_browser: Client, url: Url, funded: Workspace) -> None:
    assert alice_browser.post(url("submit"), sent(make_values(engine="tchavi")), headers=HTMX).status_code == 422
    assert clips() == []


def test_in_the_sandbox_a_preview_costs_play_credits_however_it_is_asked_for(
    alice_browser: Client, url: Url, settings: Settings
) -> None:
    settings.STUDIO_MODE = settings.STUDIO_BOOK = "sandbox"
    alice_browser.post(url("submit"), sent(make_values(engine="preview")))
    assert clips() == [("preview", 1_300)]


# --- Files out of the provider's reach --------------------------------------------------------------------------------


def with_a_photo(make_asset: MakeAsset, **changes: Any) -> dict[str, list[str]]:
    return sent(make_values(mode="references", reference_images=[make_asset().pk], **changes))


def test_the_remedy_is_the_studios_words() -> None:
    assert out_of_reach() == UNREACHABLE


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_files_that_the_provider_cannot_reach_are_refused_beside_them_before_any_charge(
    alice_browser: Client, url: Url, funded: Workspace, make_asset: MakeAsset, headers: dict[str, str]
) -> None:
    response = alice_browser.post(url("submit"), with_a_photo(make_asset), headers=headers)
    body = text_of(response)
    assert response.status_code == 422
    media = body.partition('id="notes-media"')[2].partition("</ul>")[0]
    assert media.count("<li") == 1
    assert f'<li class="note-error">{UNREACHABLE}</li>' in media
    assert "Nothing was created, no credits moved" in body
    assert (clips(), charges(), wallet_balance(workspace=funded, book="live")) == ([], 0, 10_000)


def test_it_is_told_as_a_hint_before_anything_is_pressed(
    alice_browser: Client, url: Url, make_asset: MakeAsset
) -> None:
    body = text_of(alice_browser.post(url("quote"), with_a_photo(make_asset)))
    assert f'<li class="note-hint">{UNREACHABLE}</li>' in body


def test_a_preview_takes_the_files_all_the_same(alice_browser: Client, url: Url, make_asset: MakeAsset) -> None:
    response = alice_browser.post(url("submit"), with_a_photo(make_asset, engine="preview"), headers=HTMX)
    assert response.status_code == 200
    assert clips() == [("preview", 0)]


def test_what_the_mode_sets_aside_is_in_nobodys_way(
    alice_browser: Client, url: Url, funded: Workspace, make_asset: MakeAsset
) -> None:
    values = sent(make_values(mode="text", reference_images=[make_asset().pk]))
    assert alice_browser.post(url("submit"), values, headers=HTMX).status_code == 200


@pytest.mark.parametrize("way", ["links", "uploads"])
def test_with_a_way_to_the_provider_files_are_taken(
    alice_browser: Client, url: Url, funded: Workspace, make_asset: MakeAsset, settings: Settings, way: str
) -> None:
    if way == "links":
        settings.STUDIO_PUBLIC_URL = "https://studio.example.org"
    else:
        UpstreamAccount.objects.create(pk=1, base_url=settings.STUDIO_PROVIDER_URL, takes_files=True)
    values = with_a_photo(make_asset)
    assert "can't fetch" not in text_of(alice_browser.post(url("quote"), values))
    assert alice_browser.post(url("submit"), values, headers=HTMX).status_code == 200


def test_without_files_nobody_asks_how_they_would_travel(
    alice_browser: Client, url: Url, funded: Workspace, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    alice_browser.post(url("quote"), sent(make_values()))
    with django_assert_num_queries(9) as asked:
        alice_browser.post(url("quote"), sent(make_values()))
    assert not any("upstreamaccount" in query["sql"] for query in asked.captured_queries)
