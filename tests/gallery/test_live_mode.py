"""Clips that the provider makes: what is said of them at each step, and that a place in line does not lie for long."""

import re
from html import unescape
from uuid import uuid4

import pytest
from django.template.loader import render_to_string
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from tchavi_studio.gallery.queries import Card, cards
from tchavi_studio.gallery.templatetags.gallery import is_of_book_in_force
from tchavi_studio.generations.models import AccountPause, Engine, Generation, RemoteJob, State
from tchavi_studio.generations.queries import Estimate, Wait
from tchavi_studio.workspaces.models import User, Workspace
from tests.gallery.conftest import HTMX, Answer, MakeClip, Url, cards_of, change, end, seconds_ago
from tests.gallery.test_updates import OpenPage, replaced

pytestmark = pytest.mark.usefixtures("live")


def pause(model: str = "", **changes: str) -> AccountPause:
    facts = {"code": "insufficient_credits", "message": "Top up.", **changes}
    return AccountPause.objects.create(model=model, try_again_at=timezone.now(), **facts)


def send(clip: Generation, **changes: object) -> RemoteJob:
    """Write down that a clip was sent."""
    facts = {"reference": clip.pk, "generation": clip, "attempt_id": uuid4(), "sent_at": timezone.now()}
    return RemoteJob.objects.create(**(facts | changes))


def text_of(response: Answer) -> str:
    return " ".join(unescape(response.content.decode()).split())


def phase_of(browser: Client, url: Url, clip: Generation, page_name: str = "gallery") -> str:
    """The words of a clip's phase on the gallery's page or on its own ("clip"), without the time."""
    page = text_of(browser.get(url(page_name, *([clip] if page_name == "clip" else []))))
    phase = re.search(rf'<div class="phase" id="phase-{clip.pk}".*?</div>', page)
    assert phase, page
    words = re.sub(r"<time.*?</time>|<[^>]+>", " ", phase[0])
    return " ".join(unescape(words).split())


def place_of(browser: Client, url: Url, clip: Generation) -> str:
    return phase_of(browser, url, clip).removeprefix("Waiting ").removesuffix(" Cancel")


def test_a_waiting_clip_tells_its_place_in_line(alice_browser: Client, url: Url, make_clip: MakeClip) -> None:
    clips = [make_clip(State.QUEUED, created_at=seconds_ago(30 - number)) for number in range(3)]
    assert [clip.engine for clip in clips] == [Engine.TCHAVI] * 3
    assert [place_of(alice_browser, url, clip) for clip in clips] == [
        "Next in line",
        "1 clip ahead of it",
        "2 clips ahead of it",
    ]


@pytest.mark.parametrize("model", ["", "seedance-2"])
def test_while_the_account_is_refused_it_is_said_that_nothing_is_lost(
    alice_browser: Client, url: Url, make_clip: MakeClip, model: str
) -> None:
    clip = make_clip(State.QUEUED)
    pause(model)
    assert phase_of(alice_browser, url, clip) == (
        "Waiting for the studio's account at the provider No credits are lost; nothing has to be done here. Cancel"
    )


def test_another_models_pause_holds_nothing_up(alice_browser: Client, url: Url, make_clip: MakeClip) -> None:
    clip = make_clip(State.QUEUED)
    pause("kling-v3")
    assert place_of(alice_browser, url, clip) == "Next in line"


CANT_STOP = "The provider can't be stopped any more. If the clip fails, you are refunded. You can close this tab."


@pytest.mark.parametrize(
    ("state", "is_running", "words"),
    [
        (State.SUBMITTING, False, f"Sending to the provider {CANT_STOP}"),
        (
            State.UNKNOWN,
            False,
            "Checking with the provider Its answer was lost. If the clip can't be found within 10 minutes of "
            f"sending, you are refunded. {CANT_STOP}",
        ),
        (State.PROCESSING, False, f"In the provider's queue {CANT_STOP}"),
        (State.PROCESSING, True, f"Rendering at the provider {CANT_STOP}"),
        (State.SAVING, True, "Saving You can close this tab."),
    ],
)
def test_every_step_at_the_provider_has_its_words_and_offers_no_cancel(
    alice_browser: Client, url: Url, make_clip: MakeClip, state: State, is_running: bool, words: str
) -> None:
    clip = make_clip(state)
    send(clip, is_running=is_running)
    assert phase_of(alice_browser, url, clip) == words
    assert phase_of(alice_browser, url, clip, "clip") == words


@pytest.mark.parametrize(
    ("state", "for_account", "is_told"),
    [
        (State.QUEUED, False, True),
        (State.QUEUED, True, False),
        (State.UNKNOWN, False, False),
        (State.PROCESSING, False, True),
    ],
)
def test_no_estimate_is_told_while_nothing_moves(
    make_clip: MakeClip, state: State, for_account: bool, is_told: bool
) -> None:
    clip = make_clip(state)
    card = Card(
        clip=clip,
        estimate=Estimate(half_seconds=48, nine_in_ten_seconds=80),
        wait=Wait(place=1, for_account=for_account) if state == State.QUEUED else None,
    )
    context = {"card": card, "clip": clip, "workspace": clip.workspace}
    assert ("half are done in" in render_to_string("gallery/_phase.html", context)) == is_told


def test_the_time_for_a_lost_answer_is_the_operators(
    alice_browser: Client, url: Url, make_clip: MakeClip, settings: Settings
) -> None:
    settings.STUDIO_UNKNOWN_DEADLINE_SECONDS = 61
    assert "within 2 minutes of sending" in phase_of(alice_browser, url, make_clip(State.UNKNOWN))


# --- Places change without the clip -----------------------------------------------------------------------------------


def test_a_new_place_in_line_comes_once_and_then_there_is_silence(
    alice_browser: Client, url: Url, make_clip: MakeClip
) -> None:
    first, second = (
        make_clip(State.QUEUED, created_at=seconds_ago(age), updated_at=seconds_ago(age)) for age in (9, 8)
    )
    page = OpenPage(alice_browser, url("gallery"))
    assert page.poll().status_code == 204
    Generation.objects.filter(pk=first.pk).update(
        dismissed_at=timezone.now(), state=State.CANCELLED, finished_at=timezone.now()
    )
    response = page.poll()
    assert (response.status_code, replaced(response)) == (200, [f"phase-{second.pk}"])
    assert "Next in line" in text_of(response)
    assert f'data-version="{second.version}"' in text_of(response)
    assert page.poll().status_code == 204


def test_a_pause_of_the_account_reaches_an_open_page(alice_browser: Client, url: Url, make_clip: MakeClip) -> None:
    clip = make_clip(State.QUEUED, updated_at=seconds_ago(9))
    page = OpenPage(alice_browser, url("clip", clip))
    page.poll()
    assert page.poll().status_code == 204
    pause()
    response = page.poll()
    assert replaced(response) == [f"phase-{clip.pk}"]
    assert "No credits are lost" in text_of(response)
    AccountPause.objects.all().delete()
    assert "Next in line" in text_of(page.poll())
    assert page.poll().status_code == 204


def test_others_places_are_not_told(alice_browser: Client, url: Url, make_clip: MakeClip, bob: User) -> None:
    theirs = make_clip(State.QUEUED, creator=bob, workspace=Workspace.objects.get(memberships__user=bob))
    mine = make_clip(State.QUEUED, created_at=seconds_ago(9), updated_at=seconds_ago(9))
    page = OpenPage(alice_browser, url("gallery"))
    change(theirs, state=State.SUBMITTING)
    response = page.poll()
    assert str(theirs.pk) not in text_of(response)
    assert cards_of(response) == []
    assert place_of(alice_browser, url, mine) == "Next in line"


@pytest.mark.parametrize("count", [1, 3])
def test_silence_costs_as_much_for_three_waiting_clips_as_for_one(
    alice_browser: Client, url: Url, make_clip: MakeClip, django_assert_num_queries: DjangoAssertNumQueries, count: int
) -> None:
    for _number in range(count):
        make_clip(State.QUEUED, updated_at=seconds_ago(9))
    page = OpenPage(alice_browser, url("gallery"))
    # Beside the sandbox's five: the clips in line, estimates, the account, and the two for the order of the line.
    with django_assert_num_queries(10):
        assert page.poll().status_code == 204


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("state", [State.QUEUED, State.PROCESSING, State.COMPLETED])
def test_the_gallery_asks_as_much_for_three_provider_clips_as_for_one(
    alice_browser: Client,
    url: Url,
    make_clip: MakeClip,
    django_assert_num_queries: DjangoAssertNumQueries,
    state: State,
    count: int,
) -> None:
    for _number in range(count):
        clip = make_clip(state)
        if state != State.QUEUED:
            send(clip, is_running=True)
    # The banner's one beside the sandbox's; estimates for what is open; and for what waits the account and the line.
    with django_assert_num_queries({State.QUEUED: 14, State.PROCESSING: 11, State.COMPLETED: 10}[state]):
        alice_browser.get(url("gallery"))


# --- Previews ---------------------------------------------------------------------------------------------------------


def test_a_finished_preview_offers_the_real_clip_with_its_seed(
    alice_browser: Client, url: Url, make_clip: MakeClip, workspace: Workspace
) -> None:
    preview = make_clip(engine=Engine.PREVIEW, price_credits=0, seed=77)
    address = f"/w/{workspace.slug}/create/?remix={preview.pk}&keep=everything"
    for page in (url("gallery"), url("clip", preview)):
        text = text_of(alice_browser.get(page))
        offer = re.search(
            r'<a class="[^"]*" href="([^"]*)"><svg[^>]*>(?:(?!</svg>).)*</svg>(Generate for [^<]*)</a>', text
        )
        assert offer, text
        assert offer.groups() == (address, "Generate for 1,300 credits")
    assert '<span class="tag">Preview</span>' in text_of(alice_browser.get(url("gallery")))
    composer = text_of(alice_browser.get(address))
    assert re.search(r'name="seed"[^>]*value="77"', composer)
    assert f'<input type="hidden" name="parent" value="{preview.pk}">' in composer


@pytest.mark.parametrize("engine", [Engine.PREVIEW, Engine.TCHAVI])
def test_only_finished_previews_are_offered_as_real_clips(
    alice_browser: Client, url: Url, make_clip: MakeClip, engine: Engine
) -> None:
    make_clip(State.PROCESSING if engine == Engine.PREVIEW else State.COMPLETED, engine=engine)
    assert "Generate for" not in text_of(alice_browser.get(url("gallery")))


def test_in_the_sandbox_a_clip_is_what_it_is(
    alice_browser: Client, url: Url, settings: Settings, make_clip: MakeClip
) -> None:
    settings.STUDIO_MODE = settings.STUDIO_BOOK = "sandbox"
    make_clip()
    text = text_of(alice_browser.get(url("gallery")))
    assert "Generate for" not in text
    assert '<span class="tag">Preview</span>' not in text


def test_the_real_price_is_todays(make_clip: MakeClip, settings: Settings) -> None:
    preview = make_clip(engine=Engine.PREVIEW, price_credits=0)
    settings.STUDIO_PRICES = {"seedance-2": {"480p": 300}}
    assert cards([preview])[0].real_price_credits == 1_500


# --- Failures ---------------------------------------------------------------------------------------------------------

LOST = "The provider's answer was lost, so we don't know whether the clip was made."


@pytest.mark.parametrize(
    ("is_reviewed", "words"),
    [
        (False, "Your credits are back. The studio's admins are looking into"),
        (True, "Your credits are back. The studio's admins have looked into"),
    ],
)
def test_a_doubtful_failure_says_that_the_credits_are_back_and_who_looks_into_it(
    alice_browser: Client, url: Url, make_clip: MakeClip, is_reviewed: bool, words: str
) -> None:
    clip = make_clip(State.FAILED, error_code="upstream_unknown", needs_review=True)
    send(clip, reviewed_at=timezone.now() if is_reviewed else None)
    for page in (url("gallery"), url("clip", clip)):
        text = text_of(alice_browser.get(page))
        assert LOST in text
        assert words in text
        assert "1,300 credits refunded" in text


def test_a_plain_failure_speaks_of_no_review(alice_browser: Client, url: Url, make_clip: MakeClip) -> None:
    send(make_clip(State.FAILED, error_code="refused", error_message="No."))
    assert "admins" not in text_of(alice_browser.get(url("gallery")))


# --- Clips of the sandbox, once the studio is live --------------------------------------------------------------------


def test_a_sandbox_clips_price_is_told_without_leading_to_the_live_statement(
    alice_browser: Client, url: Url, make_clip: MakeClip, settings: Settings
) -> None:
    settings.STUDIO_MODE = settings.STUDIO_BOOK = "sandbox"
    done, failed = make_clip(), make_clip(State.FAILED)
    settings.STUDIO_MODE = settings.STUDIO_BOOK = "live"
    assert (is_of_book_in_force(done), is_of_book_in_force(end(make_clip(), State.COMPLETED))) == (False, True)
    page = text_of(alice_browser.get(url("clip", done), headers=HTMX))
    assert "1,300 play credits" in page
    assert "#transfer-" not in page
    assert "?kind=refund" not in text_of(alice_browser.get(url("clip", failed), headers=HTMX))
