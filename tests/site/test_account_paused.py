"""The banner that tells site admins when the provider is refusing the studio's account."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from tchavi_studio.generations.lifecycle import fail_generation
from tchavi_studio.generations.models import AccountPause, RemoteJob, State
from tchavi_studio.generations.orders import Order
from tchavi_studio.generations.services import start_generation
from tchavi_studio.generations.validation import validate
from tchavi_studio.ledger.services import grant_credits
from tchavi_studio.workspaces.models import User, Workspace

CREDITS = "/w/alices-studio/credits/"
EXPOSURE = "/w/alices-studio/credits/exposure/"
SENT_AT = datetime(2026, 11, 23, 12, 5, tzinfo=UTC)

pytestmark = pytest.mark.usefixtures("live")


@pytest.fixture
def live(workspace: Workspace, settings: Settings) -> None:
    settings.STUDIO_MODE = settings.STUDIO_BOOK = "live"
    settings.STUDIO_SIGNUP_CREDITS = 0
    settings.STUDIO_PROVIDER_API_KEY = "sk-tch_test"


def pause(model: str = "", code: str = "insufficient_credits") -> AccountPause:
    return AccountPause.objects.create(
        model=model,
        code=code,
        message="Top <b>up</b>.",
        since=SENT_AT,
        try_again_at=timezone.now() + timedelta(hours=1),
    )


def banner(response: Any) -> str:
    """The banner's text; "" if there is none."""
    found = re.search(r'<aside class="banner.*?</aside>', response.content.decode(), re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", "", found[0])).split()) if found else ""


def start_exposed_clip(workspace: Workspace, creator: User) -> None:
    """Make a clip that was refunded although the provider may have billed it."""
    grant_credits(workspace=workspace, book="live", amount_credits=1_300, reason="for the test")
    params = validate({"model": "seedance-2", "prompt": "Dawn over the lagoon"}).params
    assert params is not None
    order = Order(workspace=workspace, creator=creator, params=params, submission_id=uuid4())
    (clip,) = start_generation(order).generations
    RemoteJob.objects.create(reference=clip.pk, generation=clip, attempt_id=uuid4(), sent_at=SENT_AT)
    assert fail_generation(clip.pk, code="upstream_unknown", sources={State.QUEUED}, needs_review=True)


def test_site_admins_see_the_banner_on_every_page(alice_browser: Client) -> None:
    pause()
    for path in (CREDITS, EXPOSURE, "/w/alices-studio/create/", "/w/alices-studio/gallery/", "/accounts/email/"):
        assert banner(alice_browser.get(path)) == (
            "The provider is refusing the studio's account. Since Nov. 23, 2026, 12:05 p.m. UTC it has answered: "
            "Top <b>up</b>. insufficient_credits Add credits to the studio's provider account. Clips wait until this "
            "is fixed. None fails and nothing is charged twice; any still waiting after 24 hours are refunded. "
            "Try again now"
        )


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        ("invalid_api_key", "Check STUDIO_PROVIDER_API_KEY. If you change it, restart the studio."),
        ("http_402", "Add credits to the studio's provider account."),
        ("http_404", "Check STUDIO_PROVIDER_URL: nothing at that address accepts clips."),
        ("something_else", "Check STUDIO_PROVIDER_API_KEY, the credits in the studio's provider account and the"),
    ],
)
def test_remedy_depends_on_the_code(alice_browser: Client, code: str, remedy: str) -> None:
    pause(code=code)
    assert remedy in banner(alice_browser.get(CREDITS))


def test_refusal_of_one_model_names_it(alice_browser: Client, settings: Settings) -> None:
    settings.STUDIO_ACCOUNT_WAIT_SECONDS = 3_600
    pause("kling-v3", code="model_not_allowed")
    words = banner(alice_browser.get(CREDITS))
    assert words.startswith("The provider is refusing Kling v3 for the studio's account.")
    assert "Ask the provider to enable this model for the studio's account." in words
    assert "any still waiting after 1 hour are refunded" in words


def test_other_people_see_no_banner(client: Client, bob: User) -> None:
    pause()
    client.force_login(bob)
    page = client.get("/w/bobs-studio/credits/")
    assert banner(page) == ""
    assert "insufficient_credits" not in page.content.decode()


def test_banner_links_to_clips_that_need_review(alice_browser: Client, alice: User, workspace: Workspace) -> None:
    pause()
    for _number in range(2):
        start_exposed_clip(workspace, alice)
    assert banner(alice_browser.get("/w/alices-studio/gallery/")).endswith("Try again now 2 clips to review")


def test_check_for_refusals_costs_one_query_and_none_in_the_sandbox(
    alice_browser: Client, django_assert_num_queries: DjangoAssertNumQueries, settings: Settings
) -> None:
    alice_browser.get(EXPOSURE)
    with django_assert_num_queries(9) as made:
        alice_browser.get(EXPOSURE)
    assert sum("accountpause" in query["sql"] for query in made.captured_queries) == 1
    settings.STUDIO_MODE = settings.STUDIO_BOOK = "sandbox"
    with django_assert_num_queries(8):
        alice_browser.get(EXPOSURE)
