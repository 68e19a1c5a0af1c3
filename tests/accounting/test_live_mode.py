"""What is seen of the live book, of the provider's account, and of what the provider may have billed in vain."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from tchavi_studio.accounting import queries
from tchavi_studio.accounting.reasons import reason_label
from tchavi_studio.generations.lifecycle import fail_generation
from tchavi_studio.generations.models import AccountPause, Generation, RemoteJob, State
from tchavi_studio.ledger.models import Transfer
from tchavi_studio.ledger.services import grant_credits
from tchavi_studio.workspaces.models import User, Workspace

from .conftest import StartClip, text

CREDITS = "/w/alices-studio/credits/"
EXPOSURE = "/w/alices-studio/credits/exposure/"
TRY_AGAIN = "/w/alices-studio/credits/provider/try-again/"
SENT_AT = datetime(2026, 11, 23, 12, 5, tzinfo=UTC)

pytestmark = pytest.mark.usefixtures("live")
Expose = Callable[..., RemoteJob]


@pytest.fixture
def live(workspace: Workspace, settings: Settings) -> None:
    settings.STUDIO_MODE = settings.STUDIO_BOOK = "live"
    settings.STUDIO_SIGNUP_CREDITS = 0
    settings.TCHAVI_API_KEY = "sk-tch_test"


@pytest.fixture
def expose(workspace: Workspace, start_clip: StartClip) -> Expose:
    """A clip of 1,300 credits that was sent, failed and was refunded, and what the provider said of it."""

    def make(code: str = "upstream_unknown", *, workspace: Workspace = workspace, **facts: Any) -> RemoteJob:
        grant_credits(workspace=workspace, book="live", amount_credits=1_300, reason="for the test")
        clip = start_clip(workspace=workspace)
        Generation.objects.filter(pk=clip.pk).update(state=State.PROCESSING)
        known = {"reference": clip.pk, "generation": clip, "attempt_id": uuid4(), "sent_at": SENT_AT}
        job = RemoteJob.objects.create(**(known | facts))
        assert fail_generation(clip.pk, code=code, sources={State.PROCESSING}, needs_review=True)
        return job

    return make


def pause(model: str = "", **changes: Any) -> AccountPause:
    facts = {"code": "insufficient_credits", "message": "Top <b>up</b>.", "since": SENT_AT}
    return AccountPause.objects.create(
        model=model, try_again_at=timezone.now() + timedelta(hours=1), **(facts | changes)
    )


def banner(response: Any) -> str:
    found = re.search(r'<aside class="banner.*?</aside>', response.content.decode(), re.DOTALL)
    return text(found[0]) if found else ""


def rows(response: Any) -> list[list[str]]:
    """The table's cells, row by row, without the clip's id."""
    body = unescape(response.content.decode())
    found = re.findall(r'<tr role="row" id="exposure-.*?</tr>', body, re.DOTALL)
    return [
        [re.sub(r" Clip [0-9a-f-]{36}$", "", text(cell)) for cell in re.findall(r"<td .*?</td>", row, re.DOTALL)]
        for row in found
    ]


# --- The live book ----------------------------------------------------------------------------------------------------


def test_in_live_mode_there_is_no_sandbox_left(alice_browser: Client, workspace: Workspace) -> None:
    grant_credits(workspace=workspace, book="live", amount_credits=5_000, reason="Project")
    for path in (CREDITS, "/w/alices-studio/create/", "/w/alices-studio/gallery/"):
        page = alice_browser.get(path)
        assert banner(page) == ""
        said = text(page.content.decode())
        assert not any(word in said for word in ("Sandbox", "play credits", "play money", "Play money"))
        assert '<a class="bal" id="balance" href="/w/alices-studio/credits/">5,000' in page.content.decode()


def test_an_empty_live_wallet_says_whom_to_ask(alice_browser: Client, bob_browser: Client) -> None:
    assert "This wallet is empty. Ask Alice for credits." in text(
        bob_browser.get("/w/bobs-studio/credits/").content.decode()
    )
    own = text(alice_browser.get(CREDITS).content.decode())
    assert "This wallet is empty. You are the site's admin: grant it credits below." in own


def test_a_wallet_with_credits_asks_nobody(alice_browser: Client, workspace: Workspace) -> None:
    grant_credits(workspace=workspace, book="live", amount_credits=1, reason="Project")
    assert "This wallet is empty" not in alice_browser.get(CREDITS).content.decode()


@pytest.mark.parametrize(
    ("reason", "label"),
    [
        ("account_unavailable", "The provider refused the studio's account"),
        ("upstream_unknown", "The provider's answer was lost"),
        ("upstream_timeout", "The provider didn't finish in time"),
        ("upstream_failed", "The provider couldn't make it"),
        ("reference_refused", "The provider didn't accept a reference"),
        ("reference_unreadable", "A reference couldn't be read"),
        ("first_frame_unreadable", "A reference couldn't be read"),
        ("content_policy", "The provider refused it: content_policy"),
    ],
)
def test_refunds_say_why(reason: str, label: str) -> None:
    assert reason_label(reason, is_refund=True) == label


def test_a_persons_words_stay_theirs() -> None:
    assert (reason_label("Project lagoon"), reason_label("", is_refund=True)) == ("Project lagoon", "")


# --- The provider's account -------------------------------------------------------------------------------------------


def test_while_the_account_is_refused_every_page_tells_the_sites_admins(alice_browser: Client) -> None:
    pause()
    for path in (CREDITS, EXPOSURE, "/w/alices-studio/create/", "/w/alices-studio/gallery/", "/accounts/email/"):
        assert banner(alice_browser.get(path)) == (
            "The provider is refusing the studio's account. Since Nov. 23, 2026, 12:05 p.m. it has answered: "
            "Top <b>up</b>. insufficient_credits Add credits to the studio's provider account. Clips wait until this "
            "is fixed. None fails and nothing is charged twice; any still waiting after 24 hours are refunded. "
            "Try again now"
        )


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        ("invalid_api_key", "Check TCHAVI_API_KEY. If you change it, restart the studio."),
        ("http_402", "Add credits to the studio's provider account."),
        ("http_404", "Check TCHAVI_BASE_URL: nothing at that address accepts clips."),
        ("something_else", "Check TCHAVI_API_KEY, the credits in the studio's provider account and the models"),
    ],
)
def test_what_to_do_depends_on_the_answer(alice_browser: Client, code: str, remedy: str) -> None:
    pause(code=code)
    assert remedy in banner(alice_browser.get(CREDITS))


def test_one_models_refusal_names_it(alice_browser: Client, settings: Settings) -> None:
    settings.STUDIO_ACCOUNT_WAIT_SECONDS = 3_600
    pause("kling-v3", code="model_not_allowed")
    said = banner(alice_browser.get(CREDITS))
    assert said.startswith("The provider is refusing Kling v3 for the studio's account.")
    assert "Ask the provider to enable this model for the studio's account." in said
    assert "any still waiting after 1 hour are refunded" in said


def test_nobody_else_sees_what_the_provider_said(bob_browser: Client) -> None:
    pause()
    page = bob_browser.get("/w/bobs-studio/credits/")
    assert banner(page) == ""
    assert "insufficient_credits" not in page.content.decode()


def test_an_account_in_order_costs_one_question_and_the_sandbox_none(
    alice_browser: Client, django_assert_num_queries: DjangoAssertNumQueries, settings: Settings
) -> None:
    alice_browser.get(EXPOSURE)
    with django_assert_num_queries(7) as asked:
        alice_browser.get(EXPOSURE)
    assert sum("accountpause" in query["sql"] for query in asked.captured_queries) == 1
    settings.STUDIO_MODE = settings.STUDIO_BOOK = "sandbox"
    with django_assert_num_queries(6):
        alice_browser.get(EXPOSURE)


def test_try_again_now_lets_what_waits_be_sent_at_once(alice_browser: Client) -> None:
    pause()
    response = alice_browser.post(TRY_AGAIN, {"next": "/w/alices-studio/gallery/"})
    assert (response.status_code, response["Location"]) == (302, "/w/alices-studio/gallery/")
    assert AccountPause.objects.get().try_again_at <= timezone.now()


@pytest.mark.parametrize("target", ["", "https://evil.example/", "//evil.example"])
def test_try_again_leads_to_no_other_site(alice_browser: Client, target: str) -> None:
    assert alice_browser.post(TRY_AGAIN, {"next": target})["Location"] == CREDITS


# --- Exposure ---------------------------------------------------------------------------------------------------------


def test_what_may_have_been_billed_in_vain_is_listed_oldest_first(
    alice_browser: Client, bob: User, expose: Expose
) -> None:
    theirs = Workspace.objects.get(memberships__user=bob)
    expose(
        "upstream_timeout",
        sent_at=SENT_AT + timedelta(minutes=1),
        remote_id="job_1",
        billed_credits=1_300,
        refunded_credits=0,
        settled_late_at=SENT_AT + timedelta(hours=1),
        output_url="https://there/late.mp4",
    )
    expose(workspace=theirs)
    expose("output_unreadable", sent_at=SENT_AT + timedelta(minutes=2), remote_id="job_2", billed_credits=1_400)
    ours = ["charged1,300 refunded1,300"]
    assert rows(alice_browser.get(EXPOSURE)) == [
        [
            "Seedance 2 · 5 s · 480p Bob's studio · Alice Sent Nov. 23, 2026, 12:05 p.m. UTC",
            "Answer lost",
            *ours,
            "billednot known refundednot known Job not known",
            "Reviewed",
        ],
        [
            "Seedance 2 · 5 s · 480p Alice's studio · Alice Sent Nov. 23, 2026, 12:06 p.m. UTC",
            "Too late It was finished after all: Nov. 23, 2026, 1:05 p.m.",
            *ours,
            "billed1,300 refunded0 Job job_1",
            "Reviewed",
        ],
        [
            "Seedance 2 · 5 s · 480p Alice's studio · Alice Sent Nov. 23, 2026, 12:07 p.m. UTC",
            "Damaged",
            *ours,
            "billed1,400 refundednot known Job job_2",
            "Reviewed",
        ],
    ]


def test_nothing_to_review_teaches_what_would_stand_there(alice_browser: Client) -> None:
    page = text(alice_browser.get(EXPOSURE).content.decode())
    assert "Nothing to review When the provider's answer is lost," in page


def test_a_reviewed_clip_leaves_the_list_and_no_credits_move(
    alice_browser: Client, alice: User, expose: Expose
) -> None:
    job, other = expose(), expose()
    transfer_count = Transfer.objects.count()
    response = alice_browser.post(f"{EXPOSURE}{job.pk}/reviewed/")
    assert (response.status_code, response["Location"]) == (302, EXPOSURE)
    job.refresh_from_db()
    assert job.reviewed_by == alice
    first_review = job.reviewed_at
    assert [row.job for row in queries.exposure_list().rows] == [other]
    # Pressed twice: the first review stands.
    assert alice_browser.post(f"{EXPOSURE}{job.pk}/reviewed/").status_code == 302
    job.refresh_from_db()
    assert job.reviewed_at == first_review
    assert Transfer.objects.count() == transfer_count


def test_the_credits_page_and_the_banner_lead_there_with_a_count(alice_browser: Client, expose: Expose) -> None:
    assert "Nothing to review" in alice_browser.get(CREDITS).content.decode()
    expose()
    expose()
    assert "2 clips to review" in text(alice_browser.get(CREDITS).content.decode())
    pause()
    assert banner(alice_browser.get("/w/alices-studio/gallery/")).endswith("Try again now 2 clips to review")


def test_to_others_the_page_does_not_exist(bob_browser: Client, expose: Expose) -> None:
    job = expose()
    for method, path in (("get", ""), ("post", f"{job.pk}/reviewed/")):
        assert getattr(bob_browser, method)(f"/w/bobs-studio/credits/exposure/{path}").status_code == 404
    assert bob_browser.post("/w/bobs-studio/credits/provider/try-again/").status_code == 404
    assert "xposure" not in bob_browser.get("/w/bobs-studio/credits/").content.decode()
    job.refresh_from_db()
    assert job.reviewed_at is None


def test_a_long_list_is_cut_and_says_so(alice_browser: Client, expose: Expose, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "MAX_EXPOSURES", 2)
    expose()
    expose()
    assert "oldest. The next ones come" not in alice_browser.get(EXPOSURE).content.decode()
    expose()
    page = alice_browser.get(EXPOSURE)
    assert len(rows(page)) == 2
    assert "These are the 2 oldest. The next ones come as you review these." in text(page.content.decode())


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_asks_as_much_for_three_as_for_one(
    alice_browser: Client, expose: Expose, django_assert_num_queries: DjangoAssertNumQueries, count: int
) -> None:
    for _number in range(count):
        expose()
    alice_browser.get(EXPOSURE)
    with django_assert_num_queries(8):
        alice_browser.get(EXPOSURE)


def test_what_failed_over_there_after_its_refund_says_so(alice_browser: Client, expose: Expose) -> None:
    expose("upstream_timeout", remote_id="job_1", settled_late_at=SENT_AT + timedelta(hours=1))
    assert rows(alice_browser.get(EXPOSURE))[0][1] == "Too late It failed there too: Nov. 23, 2026, 1:05 p.m."
