"""Clips made by the provider: their text in each phase, and places in line that stay up to date."""

import re
from html import unescape
from uuid import uuid4

import pytest
from django.template.loader import render_to_string
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from tchavi_studio.gallery.queries import Card, cards
from tchavi_studio.gallery.templatetags.gallery import is_in_current_book
from tchavi_studio.generations.models import AccountPause, Engine, Generation, RemoteJob, State
from tchavi_studio.generations.queries import Estimate, Wait
from tchavi_studio.workspaces.models import Membership, User, Workspace
from tests.conftest import PutInForce
from tests.gallery.conftest import HTMX, Answer, MakeClip, Url, cards_of, change, end, seconds_ago
from tests.gallery.test_updates import OpenPage, replaced

pytestmark = pytest.mark.usefixtures("live")


def pause(model: str = "", **changes: str) -> AccountPause:
    facts = {"code": "insufficient_credits", "message": "Top up.", **changes}
    return AccountPause.objects.create(model=model, try_again_at=timezone.now(), **facts)


def send(clip: Generation, **changes: object) -> RemoteJob:
    """Record that a clip was sent."""
    facts = {"reference": clip.pk, "generation": clip, "attempt_id": uuid4(), "sent_at": timezone.now()}
    return RemoteJob.objects.create(**(facts | changes))


def text_of(response: Answer) -> str:
    return " ".join(unescape(response.content.decode()).split())


def phase_of(browser: Client, url: Url, clip: Generation, page_name: str = "gallery") -> str:
    """The text of a clip's phase in the gallery or on the clip page ("clip"), without the time."""
    page = text_of(browser.get(url(page_name, *([clip] if page_name == "clip" else []))))
    phase = re.search(rf'<div class="phase" id="phase-{clip.pk}".*?</div>', page)
    assert phase, page
    words = re.sub(r"<time.*?</time>|<[^>]+>", " ", phase[0])
    return " ".join(unescape(words).split())


def place_of(browser: Client, url: Url, clip: Generation) -> str:
    return phase_of(browser, url, clip).removeprefix("Waiting ").removesuffix(" Cancel")


def test_waiting_clip_shows_its_place_in_line(alice_browser: Client, url: Url, make_clip: MakeClip) -> None:
    clips = [make_clip(State.QUEUED, created_at=seconds_ago(30 - number)) for number in range(3)]
    assert [clip.engine for clip in clips] == [Engine.TCHAVI] * 3
    assert [place_of(alice_browser, url, clip) for clip in clips] == [
        "Next in line",
        "1 clip ahead",
        "2 clips ahead",
    ]


def test_clip_far_behind_shows_that(
    alice_browser: Client, url: Url, make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    clips = [make_clip(State.QUEUED, created_at=seconds_ago(30 - number)) for number in range(3)]
    monkeypatch.setattr("tchavi_studio.generations.upstream.submission.MAX_PLACE", 2)
    monkeypatch.setattr("tchavi_studio.gallery.phases.MAX_PLACE", 2)
    assert place_of(alice_browser, url, clips[1]) == "1 clip ahead"
    assert place_of(alice_browser, url, clips[2]) == "More than 1 clips ahead"


@pytest.mark.parametrize("model", ["", "seedance-2"])
def test_paused_account_shows_that_no_credits_are_lost(
    alice_browser: Client, url: Url, make_clip: MakeClip, model: str
) -> None:
    clip = make_clip(State.QUEUED)
    pause(model)
    assert phase_of(alice_browser, url, clip) == (
        "Waiting for the studio's account at the provider No credits are lost, and there's nothing you need to do. "
        "Cancel"
    )


def test_another_models_pause_does_not_matter(alice_browser: Client, url: Url, make_clip: MakeClip) -> None:
    clip = make_clip(State.QUEUED)
    pause("kling-v3")
    assert place_of(alice_browser, url, clip) == "Next in line"


TOO_LATE = "It's too late to cancel. If the clip fails, you'll be refunded. You can close this tab."


@pytest.mark.parametrize(
    ("state", "is_running", "words"),
    [
        (State.SUBMITTING, False, f"Sending to the provider {TOO_LATE}"),
        (
            State.UNKNOWN,
            False,
            "Checking with the provider The answer was lost. If we can't find the clip within 10 minutes of "
            f"sending it, you'll be refunded. {TOO_LATE}",
        ),
        (State.PROCESSING, False, f"In the provider's queue {TOO_LATE}"),
        (State.PROCESSING, True, f"Rendering at the provider {TOO_LATE}"),
        (State.SAVING, True, "Saving You can close this tab."),
    ],
)
def test_each_provider_phase_has_its_text_and_no_cancel_button(
    alice_browser: Client, url: Url, make_clip: MakeClip, state: State, is_running: bool, words: str
) -> None:
    clip = make_clip(state)
    send(clip, is_running=is_running)
    assert phase_of(alice_browser, url, clip) == words
    assert phase_of(alice_browser, url, clip, "clip") == words


@pytest.mark.parametrize(
    ("state", "for_account", "is_shown"),
    [
        (State.QUEUED, False, True),
        (State.QUEUED, True, False),
        (State.UNKNOWN, False, False),
        (State.PROCESSING, False, True),
    ],
)
def test_no_estimate_while_stalled(make_clip: MakeClip, state: State, for_account: bool, is_shown: bool) -> None:
    clip = make_clip(state)
    card = Card(
        clip=clip,
        estimate=Estimate(half_seconds=48, nine_in_ten_seconds=80),
        wait=Wait(place=1, for_account=for_account) if state == State.QUEUED else None,
    )
    context = {"card": card, "clip": clip, "workspace": clip.workspace}
    assert ("half finish in" in render_to_string("gallery/_phase.html", context)) == is_shown


def test_lost_answer_deadline_follows_the_setting(
    alice_browser: Client, url: Url, make_clip: MakeClip, settings: Settings
) -> None:
    settings.STUDIO_UNKNOWN_DEADLINE_SECONDS = 61
    assert "within 2 minutes of sending it" in phase_of(alice_browser, url, make_clip(State.UNKNOWN))


# --- Places in line change without the clip ---------------------------------------------------------------------------


def test_new_place_in_line_is_sent_once(alice_browser: Client, url: Url, make_clip: MakeClip) -> None:
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


def test_account_pause_reaches_an_open_page(alice_browser: Client, url: Url, make_clip: MakeClip) -> None:
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


def test_other_peoples_waiting_clips_are_not_sent(
    alice_browser: Client, url: Url, make_clip: MakeClip, bob: User
) -> None:
    theirs = make_clip(State.QUEUED, creator=bob, workspace=Workspace.objects.get(memberships__user=bob))
    mine = make_clip(State.QUEUED, created_at=seconds_ago(9), updated_at=seconds_ago(9))
    page = OpenPage(alice_browser, url("gallery"))
    change(theirs, state=State.SUBMITTING)
    response = page.poll()
    assert str(theirs.pk) not in text_of(response)
    assert cards_of(response) == []
    assert place_of(alice_browser, url, mine) == "Next in line"


@pytest.mark.parametrize("count", [1, 3])
def test_idle_poll_query_count_is_constant_for_waiting_clips(
    alice_browser: Client, url: Url, make_clip: MakeClip, django_assert_num_queries: DjangoAssertNumQueries, count: int
) -> None:
    for _number in range(count):
        make_clip(State.QUEUED, updated_at=seconds_ago(9))
    page = OpenPage(alice_browser, url("gallery"))
    # The session, the user, the membership, what changed, the clips in line, estimates, the account pause, three for
    # the order of the line.
    with django_assert_num_queries(12):
        assert page.poll().status_code == 204


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("state", [State.QUEUED, State.PROCESSING, State.COMPLETED])
def test_gallery_query_count_is_constant_for_provider_clips(
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
    # On top of the sandbox's: the banner; estimates for open clips; the account pause and the line for waiting ones.
    with django_assert_num_queries({State.QUEUED: 21, State.PROCESSING: 17, State.COMPLETED: 16}[state]):
        alice_browser.get(url("gallery"))


# --- Previews ---------------------------------------------------------------------------------------------------------


def test_finished_preview_offers_the_real_clip_with_its_seed(
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
def test_only_finished_previews_offer_the_real_clip(
    alice_browser: Client, url: Url, make_clip: MakeClip, engine: Engine
) -> None:
    make_clip(State.PROCESSING if engine == Engine.PREVIEW else State.COMPLETED, engine=engine)
    assert "Generate for" not in text_of(alice_browser.get(url("gallery")))


def test_sandbox_clips_are_not_marked_as_previews(
    alice_browser: Client, url: Url, settings: Settings, make_clip: MakeClip
) -> None:
    settings.STUDIO_MODE = settings.STUDIO_BOOK = "sandbox"
    make_clip()
    text = text_of(alice_browser.get(url("gallery")))
    assert "Generate for" not in text
    assert '<span class="tag">Preview</span>' not in text


def test_real_price_is_the_current_one(make_clip: MakeClip, membership: Membership, put_in_force: PutInForce) -> None:
    preview = make_clip(engine=Engine.PREVIEW, price_credits=0)
    put_in_force({"seedance-2": {"480p": 300}})
    assert cards([preview], membership=membership)[0].real_price_credits == 1_500


# --- Failures ---------------------------------------------------------------------------------------------------------

LOST = "The provider's answer was lost, so we don't know whether the clip was made."


@pytest.mark.parametrize(
    ("is_reviewed", "words"),
    [
        (False, "Your credits are back. The site admins are checking"),
        (True, "Your credits are back. The site admins have checked"),
    ],
)
def test_failure_under_review_shows_refund_and_review(
    alice_browser: Client, url: Url, make_clip: MakeClip, is_reviewed: bool, words: str
) -> None:
    clip = make_clip(State.FAILED, error_code="upstream_unknown", needs_review=True)
    send(clip, reviewed_at=timezone.now() if is_reviewed else None)
    for page in (url("gallery"), url("clip", clip)):
        text = text_of(alice_browser.get(page))
        assert LOST in text
        assert words in text
        assert "1,300 credits refunded" in text


def test_ordinary_failure_mentions_no_review(alice_browser: Client, url: Url, make_clip: MakeClip) -> None:
    send(make_clip(State.FAILED, error_code="refused", error_message="No."))
    assert "admins" not in text_of(alice_browser.get(url("gallery")))


# --- Sandbox clips, once the studio is live ---------------------------------------------------------------------------


def test_sandbox_clip_price_does_not_link_to_the_live_statement(
    alice_browser: Client, url: Url, make_clip: MakeClip, settings: Settings
) -> None:
    settings.STUDIO_MODE = settings.STUDIO_BOOK = "sandbox"
    done, failed = make_clip(), make_clip(State.FAILED)
    settings.STUDIO_MODE = settings.STUDIO_BOOK = "live"
    assert (is_in_current_book(done), is_in_current_book(end(make_clip(), State.COMPLETED))) == (False, True)
    page = text_of(alice_browser.get(url("clip", done), headers=HTMX))
    assert "1,300 play credits" in page
    assert "#transfer-" not in page
    assert "?kind=refund" not in text_of(alice_browser.get(url("clip", failed), headers=HTMX))
