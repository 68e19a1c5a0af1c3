"""The Credits page in live mode, and the Exposure page."""

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
from tchavi_studio.ledger.services import charge_credits, grant_credits
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
    settings.STUDIO_PROVIDER_API_KEY = "sk-tch_test"


@pytest.fixture
def expose(workspace: Workspace, start_clip: StartClip) -> Expose:
    """Make a clip of 1,300 credits that was sent, failed and was refunded; `facts` set its RemoteJob."""

    def make(code: str = "upstream_unknown", *, workspace: Workspace = workspace, **facts: Any) -> RemoteJob:
        grant_credits(workspace=workspace, book="live", amount_credits=1_300, reason="for the test")
        clip = start_clip(workspace=workspace)
        Generation.objects.filter(pk=clip.pk).update(state=State.PROCESSING)
        known = {"reference": clip.pk, "generation": clip, "attempt_id": uuid4(), "sent_at": SENT_AT}
        job = RemoteJob.objects.create(**(known | facts))
        assert fail_generation(clip.pk, code=code, sources={State.PROCESSING}, needs_review=True)
        return job

    return make


def rows(response: Any) -> list[list[str]]:
    """The table's cells, row by row, without clip ids."""
    body = unescape(response.content.decode())
    found = re.findall(r'<tr role="row" id="exposure-.*?</tr>', body, re.DOTALL)
    return [
        [re.sub(r" Clip [0-9a-f-]{36}$", "", text(cell)) for cell in re.findall(r"<td .*?</td>", row, re.DOTALL)]
        for row in found
    ]


# --- The live book ----------------------------------------------------------------------------------------------------


def test_live_mode_shows_no_trace_of_the_sandbox(alice_browser: Client, workspace: Workspace) -> None:
    grant_credits(workspace=workspace, book="live", amount_credits=5_000, reason="Project")
    for path in (CREDITS, "/w/alices-studio/create/", "/w/alices-studio/gallery/"):
        page = alice_browser.get(path)
        assert '<aside class="banner' not in page.content.decode()
        words = text(page.content.decode()).lower()
        assert not any(word in words for word in ("sandbox", "play credits", "play money"))
        assert '<a class="bal" id="balance" href="/w/alices-studio/credits/">5,000' in page.content.decode()


def test_empty_live_wallet_names_who_to_ask(alice_browser: Client, bob_browser: Client) -> None:
    assert "This wallet is empty. Ask Alice for credits." in text(
        bob_browser.get("/w/bobs-studio/credits/").content.decode()
    )
    own = text(alice_browser.get(CREDITS).content.decode())
    assert "This wallet is empty. As a site admin, you can grant it credits below." in own


def test_wallet_with_credits_names_nobody(alice_browser: Client, workspace: Workspace) -> None:
    grant_credits(workspace=workspace, book="live", amount_credits=1, reason="Project")
    assert "This wallet is empty" not in alice_browser.get(CREDITS).content.decode()


def test_wallet_that_lasts_a_few_days_names_who_to_ask(alice: User, bob: User, bob_browser: Client) -> None:
    workspace = Workspace.objects.get(memberships__user=bob)
    grant_credits(workspace=workspace, book="live", amount_credits=1_000, reason="Project")
    charge_credits(workspace=workspace, book="live", amount_credits=500, reference=uuid4(), actor=bob)
    page = text(bob_browser.get("/w/bobs-studio/credits/").content.decode())
    assert "1 day at this pace Ask Alice for more." in page


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
def test_refunds_show_why_the_clip_failed(reason: str, label: str) -> None:
    assert reason_label(reason, is_refund=True) == label


def test_typed_reasons_are_shown_unchanged() -> None:
    assert (reason_label("Project lagoon"), reason_label("", is_refund=True)) == ("Project lagoon", "")


# --- Try again now ----------------------------------------------------------------------------------------------------


def test_try_again_ends_the_pause(alice_browser: Client) -> None:
    AccountPause.objects.create(code="http_402", message="No.", try_again_at=timezone.now() + timedelta(hours=1))
    response = alice_browser.post(TRY_AGAIN, {"next": "/w/alices-studio/gallery/"})
    assert (response.status_code, response["Location"]) == (302, "/w/alices-studio/gallery/")
    assert AccountPause.objects.get().try_again_at <= timezone.now()


@pytest.mark.parametrize("target", ["", "https://evil.example/", "//evil.example"])
def test_try_again_redirects_within_the_studio(alice_browser: Client, target: str) -> None:
    assert alice_browser.post(TRY_AGAIN, {"next": target})["Location"] == CREDITS


# --- Exposure ---------------------------------------------------------------------------------------------------------


def test_exposures_are_listed_oldest_first(alice_browser: Client, bob: User, expose: Expose) -> None:
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
            "billedunknown refundedunknown Job unknown",
            "Reviewed",
        ],
        [
            "Seedance 2 · 5 s · 480p Alice's studio · Alice Sent Nov. 23, 2026, 12:06 p.m. UTC",
            "Too late Finished after all: Nov. 23, 2026, 1:05 p.m. UTC",
            *ours,
            "billed1,300 refunded0 Job job_1",
            "Reviewed",
        ],
        [
            "Seedance 2 · 5 s · 480p Alice's studio · Alice Sent Nov. 23, 2026, 12:07 p.m. UTC",
            "Damaged",
            *ours,
            "billed1,400 refundedunknown Job job_2",
            "Reviewed",
        ],
    ]


def test_empty_exposure_page_explains_itself(alice_browser: Client) -> None:
    page = text(alice_browser.get(EXPOSURE).content.decode())
    assert "Nothing to review When the provider's answer is lost," in page


def test_reviewed_clip_leaves_the_list_and_no_credits_move(alice_browser: Client, alice: User, expose: Expose) -> None:
    job, other = expose(), expose()
    transfer_count = Transfer.objects.count()
    response = alice_browser.post(f"{EXPOSURE}{job.pk}/reviewed/")
    assert (response.status_code, response["Location"]) == (302, EXPOSURE)
    job.refresh_from_db()
    assert job.reviewed_by == alice
    first_review = job.reviewed_at
    assert [row.job for row in queries.exposure_list().rows] == [other]
    # A second click changes nothing.
    assert alice_browser.post(f"{EXPOSURE}{job.pk}/reviewed/").status_code == 302
    job.refresh_from_db()
    assert job.reviewed_at == first_review
    assert Transfer.objects.count() == transfer_count


def test_credits_page_shows_the_number_to_review(alice_browser: Client, expose: Expose) -> None:
    assert "Nothing to review" in alice_browser.get(CREDITS).content.decode()
    expose()
    expose()
    assert "2 clips to review" in text(alice_browser.get(CREDITS).content.decode())


def test_other_people_get_404(bob_browser: Client, expose: Expose) -> None:
    job = expose()
    for method, path in (("get", ""), ("post", f"{job.pk}/reviewed/")):
        assert getattr(bob_browser, method)(f"/w/bobs-studio/credits/exposure/{path}").status_code == 404
    assert bob_browser.post("/w/bobs-studio/credits/provider/try-again/").status_code == 404
    assert "xposure" not in bob_browser.get("/w/bobs-studio/credits/").content.decode()
    job.refresh_from_db()
    assert job.reviewed_at is None


def test_long_list_is_cut_and_says_so(alice_browser: Client, expose: Expose, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "MAX_EXPOSURES", 2)
    expose()
    expose()
    assert "oldest. More appear" not in alice_browser.get(EXPOSURE).content.decode()
    expose()
    page = alice_browser.get(EXPOSURE)
    assert len(rows(page)) == 2
    assert "These are the 2 oldest. More appear as you review them." in text(page.content.decode())


@pytest.mark.parametrize("count", [1, 3])
def test_exposure_query_count_is_constant(
    alice_browser: Client, expose: Expose, django_assert_num_queries: DjangoAssertNumQueries, count: int
) -> None:
    for _number in range(count):
        expose()
    alice_browser.get(EXPOSURE)
    with django_assert_num_queries(10):
        alice_browser.get(EXPOSURE)


def test_exposure_that_failed_late_says_so(alice_browser: Client, expose: Expose) -> None:
    expose("upstream_timeout", remote_id="job_1", settled_late_at=SENT_AT + timedelta(hours=1))
    assert (
        rows(alice_browser.get(EXPOSURE))[0][1] == "Too late Also failed at the provider: Nov. 23, 2026, 1:05 p.m. UTC"
    )
