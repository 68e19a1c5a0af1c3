"""The Credits page: its contents, its pages and who may see it."""

import re
import uuid
from datetime import UTC, datetime
from unittest.mock import patch

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries, Settings

from tchavi_studio.accounting import queries
from tchavi_studio.generations.models import Generation
from tchavi_studio.generations.services import cancel_generation
from tchavi_studio.ledger.models import Account, Transfer
from tchavi_studio.ledger.services import adjust_credits, charge_credits, grant_credits
from tchavi_studio.workspaces.models import Membership, Role, User, Workspace
from tests.plans import listed_by_index

from .conftest import StartClip, shown_rows, text

CREDITS = "/w/alices-studio/credits/"
NOON = datetime(2036, 11, 23, 12, 5, tzinfo=UTC)


def balance(page: bytes) -> str:
    """The big number."""
    found = re.search(r'<p class="amount">(.*?)</p>', page.decode(), re.DOTALL)
    assert found
    return text(found[1])


def test_statement_lists_every_transfer(alice_browser: Client, workspace: Workspace, start_clip: StartClip) -> None:
    with patch("django.utils.timezone.now", return_value=NOON):
        clip = start_clip("A pirogue glides <slowly>")
        cancel_generation(generation=clip)
        adjust_credits(workspace=workspace, book="sandbox", amount_credits=-200, reason="typed twice")
    response = alice_browser.get(CREDITS)
    assert balance(response.content) == "9,800 credits"
    assert [row[:1] + row[2:] for row in shown_rows(response.content)] == [
        ["typed twice Adjustment · #4", "−200", "Balance 9,800"],
        ["A pirogue glides <slowly> Refund · Cancelled before it began · #3", "+1,300", "Balance 10,000"],
        ["A pirogue glides <slowly> Charge · Alice · #2", "−1,300", "Balance 8,700"],
        ["Welcome credits Grant · Alice · #1", "+10,000", "Balance 10,000"],
    ]
    assert [row[1] for row in shown_rows(response.content)][:3] == ["Nov. 23, 2036 12:05 p.m."] * 3
    links = re.findall(r'href="(/w/alices-studio/clips/[^"]*)"', response.content.decode())
    assert links == [f"/w/alices-studio/clips/{clip.pk}/"] * 2


def test_numbers_and_dates_are_localized(alice_browser: Client, start_clip: StartClip) -> None:
    with patch("django.utils.timezone.now", return_value=NOON):
        start_clip()
    response = alice_browser.get(CREDITS, headers={"Accept-Language": "fr"})
    when, amount, after = shown_rows(response.content)[0][1:]
    assert (when, amount, after.split(maxsplit=1)[1]) == ("23 novembre 2036 12:05", "−1 300", "8 700")


def test_another_workspaces_clip_is_not_shown(
    alice_browser: Client, workspace: Workspace, bob: User, start_clip: StartClip
) -> None:
    theirs = start_clip("Bob's secret scene", workspace=Workspace.objects.get(memberships__user=bob), creator=bob)
    theirs.pk, theirs.submission_id = uuid.uuid4(), uuid.uuid4()
    theirs.save(force_insert=True)
    charge_credits(workspace=workspace, book="sandbox", amount_credits=1, reference=theirs.pk)
    response = alice_browser.get(CREDITS)
    assert shown_rows(response.content)[0][0] == "A permanently deleted clip Charge · #2"
    assert "secret" not in response.content.decode()
    assert "/clips/" not in response.content.decode()


def test_another_members_clip_shows_no_prompt(
    bob: User, bob_browser: Client, workspace: Workspace, start_clip: StartClip
) -> None:
    Membership.objects.create(workspace=workspace, user=bob, role=Role.CREATOR)
    clip = start_clip("Alice's secret scene")
    Generation.objects.filter(pk=clip.pk).update(is_shared=False)
    for role, title in (
        (Role.CREATOR, "Another member's clip"),
        (Role.VIEWER, "Another member's clip"),
        (Role.AUDITOR, "A private clip · Seedance 2 · 5 s · 480p"),
        (Role.ADMIN, "A private clip · Seedance 2 · 5 s · 480p"),
    ):
        Membership.objects.filter(workspace=workspace, user=bob).update(role=role)
        page = bob_browser.get(CREDITS)
        assert shown_rows(page.content)[0][0] == f"{title} Charge · Alice · #2"
        assert "secret" not in page.content.decode()
        assert "/clips/" not in page.content.decode()


def test_another_members_shared_clip_is_linked(
    bob: User, bob_browser: Client, workspace: Workspace, start_clip: StartClip
) -> None:
    Membership.objects.create(workspace=workspace, user=bob, role=Role.VIEWER)
    clip = start_clip("For everybody")
    page = bob_browser.get(CREDITS)
    assert shown_rows(page.content)[0][0] == "For everybody Charge · Alice · #2"
    assert f"/clips/{clip.pk}/" in page.content.decode()


@pytest.mark.parametrize(
    ("kind", "sequences"), [("", [4, 3, 2, 1]), ("grant", [1]), ("charge", [2]), ("refund", [3]), ("adjustment", [4])]
)
def test_statement_can_be_filtered_by_kind(
    alice_browser: Client, workspace: Workspace, start_clip: StartClip, kind: str, sequences: list[int]
) -> None:
    cancel_generation(generation=start_clip())
    adjust_credits(workspace=workspace, book="sandbox", amount_credits=-200, reason="typed twice")
    response = alice_browser.get(CREDITS, {"kind": kind})
    assert [row.transfer.sequence for row in response.context["statement"].rows] == sequences
    current = re.findall(r'<a href="[^"]*" aria-current="page">([^<]*)</a>', response.content.decode())
    names = {"": "All", "grant": "Grants", "charge": "Charges", "refund": "Refunds", "adjustment": "Adjustments"}
    assert current == ["Credits", names[kind]]


def test_filter_without_matches_explains_itself(alice_browser: Client) -> None:
    response = alice_browser.get(CREDITS, {"kind": "refund"})
    assert shown_rows(response.content) == []
    assert "Nothing of this kind yet" in response.content.decode()


def test_empty_statement_explains_itself(alice_browser: Client, settings: Settings, workspace: Workspace) -> None:
    settings.STUDIO_BOOK = "live"
    response = alice_browser.get(CREDITS)
    assert balance(response.content) == "0 credits"
    assert "No credits have moved yet" in response.content.decode()


@pytest.mark.parametrize(
    "query", ["kind=gift", "before=0", "before=x", "after=-1", "after=1.5", "before=99999999999999999999"]
)
def test_invalid_query_is_400(alice_browser: Client, query: str) -> None:
    assert alice_browser.get(f"{CREDITS}?{query}").status_code == 400


def test_pages_continue_by_sequence(
    alice_browser: Client, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "ROWS_PER_PAGE", 2)
    for amount_credits in (20, 30, 40, 50):
        grant_credits(workspace=workspace, book="sandbox", amount_credits=amount_credits, reason="more")

    def seen(query: str) -> tuple[list[int], dict[str, str]]:
        response = alice_browser.get(CREDITS + query)
        links = re.findall(r'rel="(prev|next)" href="([^"]*)"', response.content.decode())
        return [row.transfer.sequence for row in response.context["statement"].rows], dict(links)

    assert seen("") == ([5, 4], {"next": "?before=4"})
    # A new transfer does not shift the next page.
    grant_credits(workspace=workspace, book="sandbox", amount_credits=60, reason="meanwhile")
    assert seen("?before=4") == ([3, 2], {"prev": "?after=3", "next": "?before=2"})
    assert seen("?before=2") == ([1], {"prev": "?after=1"})
    assert seen("?after=1") == ([3, 2], {"prev": "?after=3", "next": "?before=2"})
    assert seen("?after=3") == ([5, 4], {"prev": "?after=5", "next": "?before=4"})
    assert seen("?after=5") == ([6], {"next": "?before=6"})
    assert seen("?kind=grant&before=6") == (
        [5, 4],
        {"prev": "?kind=grant&amp;after=5", "next": "?kind=grant&amp;before=4"},
    )


@pytest.mark.parametrize("clip_count", [1, 3])
def test_query_count_is_constant(
    alice_browser: Client, start_clip: StartClip, django_assert_num_queries: DjangoAssertNumQueries, clip_count: int
) -> None:
    for number in range(clip_count):
        start_clip(f"Scene {number}")
    alice_browser.get(CREDITS)
    with django_assert_num_queries(11):
        alice_browser.get(CREDITS)


@pytest.mark.parametrize(
    "query", ["", "before=3", "after=1", "kind=charge", "kind=refund&before=3", "kind=grant&after=1"]
)
def test_page_is_read_by_index(alice_browser: Client, start_clip: StartClip, query: str) -> None:
    cancel_generation(generation=start_clip())
    with listed_by_index(Transfer, Account, Generation):
        assert alice_browser.get(f"{CREDITS}?{query}").status_code == 200


def test_clips_of_a_statement_are_read_by_id(alice_browser: Client, start_clip: StartClip) -> None:
    start_clip()
    with CaptureQueriesContext(connection) as captured:
        alice_browser.get(CREDITS)
    (clips,) = [query["sql"] for query in captured if 'FROM "generations_generation"' in query["sql"]]
    assert re.fullmatch(r'SELECT .* WHERE "generations_generation"."id" IN \([^()]*\)', clips)


# --- Access -----------------------------------------------------------------------------------------------------------


def test_non_members_get_404_and_signed_out_visitors_sign_in(
    client: Client, bob_browser: Client, workspace: Workspace
) -> None:
    assert bob_browser.get(CREDITS).status_code == 404
    response = client.get(CREDITS)
    assert (response.status_code, response["Location"]) == (302, "/accounts/login/?next=/w/alices-studio/credits/")


@pytest.mark.parametrize(
    ("role", "may_add"), [(Role.OWNER, True), (Role.CREATOR, True), (Role.VIEWER, False), (Role.AUDITOR, False)]
)
def test_members_see_the_statement_and_creators_may_add_play_credits(
    bob: User, bob_browser: Client, workspace: Workspace, role: Role, may_add: bool
) -> None:
    Membership.objects.create(workspace=workspace, user=bob, role=role)
    page = bob_browser.get(CREDITS).content.decode()
    assert "Welcome credits" in page
    assert ('action="/w/alices-studio/credits/play/"' in page) == may_add
    assert f"{CREDITS}grant/" not in page
    assert bob_browser.post(f"{CREDITS}play/").status_code == (302 if may_add else 403)


def test_play_credits_are_not_added_by_get(alice_browser: Client) -> None:
    assert alice_browser.get(f"{CREDITS}play/").status_code == 405
