"""The Credits page: its contents, its pages and who may see it."""

import re
import uuid
from datetime import UTC, date, datetime, timedelta
from html import unescape
from typing import Any
from unittest.mock import patch

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries, Settings

from tchavi_studio.accounting.statement import queries
from tchavi_studio.accounting.statement.chart import chart_of
from tchavi_studio.accounting.statement.totals import MonthTotals, month_totals, pace_of
from tchavi_studio.generations.models import Generation
from tchavi_studio.generations.services import cancel_generation, unshare_clip
from tchavi_studio.ledger.models import Account, StatementEntry, Transfer
from tchavi_studio.ledger.services import adjust_credits, charge_credits, grant_credits
from tchavi_studio.ledger.statements import wallet_of
from tchavi_studio.workspaces.models import Membership, Role, User, Workspace
from tests.plans import listed_by_index

from .conftest import StartClip, shown_rows, text

CREDITS = "/w/alices-studio/credits/"
KEY = uuid.UUID(int=77)
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
    figures = "Seedance 2 · 5 s · 480p"
    assert [row[:3] + row[4:] for row in shown_rows(response.content)] == [
        ["typed twice Adjustment · #4", "", "", "−200", "Balance 9,800"],
        [
            "A pirogue glides <slowly> Refund · Cancelled before it began · #3", figures, "Alice", "+1,300",
            "Balance 10,000",
        ],
        ["A pirogue glides <slowly> Charge · #2", figures, "Alice", "−1,300", "Balance 8,700"],
        ["Welcome credits Grant · #1", "", "Alice", "+10,000", "Balance 10,000"],
    ]  # fmt: skip
    assert [row[3] for row in shown_rows(response.content)][:3] == ["Nov. 23, 2036 12:05 p.m."] * 3
    links = re.findall(r'href="(/w/alices-studio/clips/[^"]*)"', response.content.decode())
    assert links == [f"/w/alices-studio/clips/{clip.pk}/"] * 2


def test_numbers_and_dates_are_localized(alice_browser: Client, start_clip: StartClip) -> None:
    with patch("django.utils.timezone.now", return_value=NOON):
        start_clip()
    response = alice_browser.get(CREDITS, headers={"Accept-Language": "fr"})
    when, amount, after = shown_rows(response.content)[0][3:]
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


@pytest.mark.parametrize("role", [Role.CREATOR, Role.VIEWER])
def test_members_see_their_own_rows_only(
    bob: User, bob_browser: Client, workspace: Workspace, start_clip: StartClip, role: Role
) -> None:
    Membership.objects.create(workspace=workspace, user=bob, role=role)
    start_clip("Alice's scene")
    cancel_generation(generation=start_clip("Bob's scene", creator=bob))
    page = bob_browser.get(CREDITS)
    assert [row[0] for row in shown_rows(page.content)] == [
        "Bob's scene Refund · Cancelled before it began · #4",
        "Bob's scene Charge · #3",
    ]
    # The totals are those of the rows; the balance is everybody's.
    assert (page.context["totals"].total_credits, page.context["pace"].credits_a_day) == (0, 0)
    assert balance(page.content) == "8,700 credits"
    assert "Alice" not in text(page.content.decode().partition('<main id="main"')[2]).replace("Alice's studio", "")
    for query in ("?scope=", f"?member={bob.pk + 1}", "?q=Alice", "?kind=grant"):
        assert "Alice&#x27;s scene" not in bob_browser.get(f"{CREDITS}{query}").content.decode()


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.ADMIN])
def test_another_members_private_clip_shows_no_prompt(
    bob: User, bob_browser: Client, workspace: Workspace, start_clip: StartClip, role: Role
) -> None:
    Membership.objects.create(workspace=workspace, user=bob, role=role)
    clip = start_clip("Alice's secret scene")
    unshare_clip(generation=clip, actor=None)
    page = bob_browser.get(CREDITS)
    assert shown_rows(page.content)[0][:3] == ["A private clip Charge · #2", "Seedance 2 · 5 s · 480p", "Alice"]
    assert "secret" not in page.content.decode()
    assert "/clips/" not in page.content.decode()
    # Its words don't find it either, but its id does.
    assert shown_rows(bob_browser.get(f"{CREDITS}?q=secret").content) == []
    assert len(shown_rows(bob_browser.get(f"{CREDITS}?q={clip.pk}").content)) == 1
    assert shown_rows(bob_browser.get(f"{CREDITS}?scope=mine").content) == []


def test_another_members_shared_clip_is_linked(
    bob: User, bob_browser: Client, workspace: Workspace, start_clip: StartClip
) -> None:
    Membership.objects.create(workspace=workspace, user=bob, role=Role.AUDITOR)
    clip = start_clip("For everybody")
    page = bob_browser.get(CREDITS)
    assert shown_rows(page.content)[0][0] == "For everybody Charge · #2"
    assert f"/clips/{clip.pk}/" in page.content.decode()


# --- Filters ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "sequences"), [("", [4, 3, 2, 1]), ("grant", [1]), ("charge", [2]), ("refund", [3]), ("adjustment", [4])]
)
def test_statement_can_be_filtered_by_kind(
    alice_browser: Client, workspace: Workspace, start_clip: StartClip, kind: str, sequences: list[int]
) -> None:
    cancel_generation(generation=start_clip())
    adjust_credits(workspace=workspace, book="sandbox", amount_credits=-200, reason="typed twice")
    response = alice_browser.get(CREDITS, {"kind": kind})
    assert numbers(response) == sequences


def numbers(response: Any) -> list[int]:
    return [row.entry.row_number for row in response.context["statement"].rows]


@pytest.fixture
def history(workspace: Workspace, alice: User, bob: User) -> Workspace:
    """Ten charges after the first grant, a day apart, of two members, two models and a key."""
    Membership.objects.create(workspace=workspace, user=bob, role=Role.CREATOR)
    for number in range(10):
        with patch("django.utils.timezone.now", return_value=NOON + timedelta(days=number)):
            charge_credits(
                workspace=workspace,
                book="sandbox",
                amount_credits=100 + number % 3,
                reference=uuid.UUID(int=number + 1),
                actor=bob if number % 2 else alice,
                key_id=KEY if number == 7 else None,
                model="kling-v3" if number < 4 else "seedance-2",
            )
    return workspace


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("member={bob}", [11, 9, 7, 5, 3]),
        ("scope=mine", [10, 8, 6, 4, 2, 1]),
        ("model=kling-v3", [5, 4, 3, 2]),
        (f"key={uuid.UUID(int=77)}", [9]),
        ("amount=102", [10, 7, 4]),
        ("amount=10,000", [1]),
        ("since=2036-11-30", [11, 10, 9]),
        ("since=2036-11-24&until=2036-11-25", [4, 3]),
        ("until=2036-11-22", [1]),
        ("since=2037-01-01", []),
        ("member={bob}&model=kling-v3", [5, 3]),
        ("member={bob}&model=seedance-2&kind=charge&amount=101&until=2036-11-30", [9]),
    ],
)
def test_statement_can_be_filtered(
    alice_browser: Client, history: Workspace, bob: User, query: str, expected: list[int]
) -> None:
    with listed_by_index(StatementEntry, Transfer, Generation):
        response = alice_browser.get(f"{CREDITS}?{query.format(bob=bob.pk)}")
    assert numbers(response) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("q=00000000-0000-0000-0000-000000000003", [4]),
        ("q=job_00000000000000000000000000000003&kind=refund", []),
        ("q=nowhere", []),
    ],
)
def test_rows_of_clips_are_found(alice_browser: Client, history: Workspace, query: str, expected: list[int]) -> None:
    assert numbers(alice_browser.get(f"{CREDITS}?{query}")) == expected


def test_several_filters_look_at_so_many_rows_and_go_on(
    alice_browser: Client, history: Workspace, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "MAX_EXAMINED", 2)
    found = alice_browser.get(f"{CREDITS}?member={bob.pk}&model=kling-v3")
    assert numbers(found) == []
    assert "Nothing found so far" in found.content.decode()
    (following,) = re.findall(r'rel="next" href="([^"]*)"', found.content.decode())
    assert following == f"?member={bob.pk}&amp;model=kling-v3&amp;before=9"
    found = alice_browser.get(f"{CREDITS}{unescape(following)}")
    assert numbers(found) == [5]
    assert numbers(alice_browser.get(f"{CREDITS}?member={bob.pk}&model=kling-v3&before=5")) == [3]


def test_clips_are_found_by_their_words(alice_browser: Client, start_clip: StartClip) -> None:
    start_clip("A lagoon at dusk")
    cancel_generation(generation=start_clip("Harbour lights"))
    assert numbers(alice_browser.get(f"{CREDITS}?q=harb")) == [4, 3]
    assert numbers(alice_browser.get(f"{CREDITS}?q=harb&kind=refund")) == [4]


def test_chips_say_what_is_chosen_and_drop_it(alice_browser: Client, history: Workspace, bob: User) -> None:
    page = alice_browser.get(f"{CREDITS}?kind=charge&member={bob.pk}&before=9").content.decode()
    chosen = re.findall(r'<span class="pick is-on">([^<]*)<b>([^<]*)</b><a href="([^"]*)"', page)
    assert chosen == [
        ("Kind: ", "Charges", f"?member={bob.pk}#statement"),
        ("Member: ", "Bob", "?kind=charge#statement"),
    ]


# --- Totals -----------------------------------------------------------------------------------------------------------


def test_totals_agree_with_each_other(history: Workspace, alice: User, bob: User) -> None:
    def totals(user: User, month: int) -> MonthTotals:
        membership = Membership.objects.select_related("workspace").get(workspace=history, user=user)
        wallet = wallet_of(workspace=history, book="sandbox")
        return month_totals(membership=membership, wallet=wallet, first=date(2036, month, 1))

    november = totals(alice, 11)
    assert november.total_credits == 807
    assert november.by_model == {"seedance-2": 404, "kling-v3": 403}
    assert november.by_member == {bob.pk: 404, alice.pk: 403}
    assert november.by_key == {None: 706, KEY: 101}
    assert sum(sum(models.values()) for models in november.by_day.values()) == 807
    assert totals(alice, 12).total_credits == 202
    # Of a creator only what they spent themselves.
    assert (totals(bob, 11).by_member, totals(bob, 11).by_model) == (
        {bob.pk: 404},
        {"seedance-2": 203, "kling-v3": 201},
    )


@pytest.mark.parametrize(
    ("days", "credits_a_day", "ends_on"),
    [(9, 73, date(2037, 4, 4)), (18, 37, date(2037, 8, 11)), (30, 0, None)],
)
def test_pace_says_how_long_the_balance_lasts(
    history: Workspace, days: int, credits_a_day: int, ends_on: date | None
) -> None:
    membership = Membership.objects.select_related("workspace").get(workspace=history, role=Role.OWNER)
    wallet = wallet_of(workspace=history, book="sandbox")
    pace = pace_of(membership=membership, wallet=wallet, now=NOON + timedelta(days=days))
    assert (pace.credits_a_day, pace.days, pace.ends_on, pace.is_short) == (credits_a_day, 14, ends_on, False)


def test_chart_is_a_bar_for_each_day(history: Workspace) -> None:
    membership = Membership.objects.select_related("workspace").get(workspace=history, role=Role.OWNER)
    wallet = wallet_of(workspace=history, book="sandbox")
    totals = month_totals(membership=membership, wallet=wallet, first=date(2036, 11, 1))
    chart = chart_of(totals, today=date(2036, 11, 28), pace=None, address_of=str)
    assert (len(chart.bars), [bar.day.day for bar in chart.bars if bar.is_to_come]) == (30, [29, 30])
    assert [line.credits for line in chart.lines] == [30, 60, 90, 120]
    day = chart.bars[23]
    assert (day.label, day.address) == ("November 24: 101 credits (Kling v3 101)", "2036-11-24")
    (part,) = day.parts
    assert (part.hue, part.y, part.height) == (2, "57.9", "147.1")
    assert chart.bars[2].parts == []


def test_page_draws_the_chart_without_styles(alice_browser: Client, start_clip: StartClip) -> None:
    start_clip()
    chart = (
        alice_browser.get(CREDITS).content.decode().partition('<div class="chart"')[2].partition("</svg>\n</div>")[0]
    )
    assert (
        len(re.findall(r'<rect class="hue-1" x="[0-9.]+%" y="[0-9.]+" width="[0-9.]+%" height="[0-9.]+"', chart)) == 1
    )
    assert "style=" not in chart


def test_empty_statement_explains_itself(alice_browser: Client, settings: Settings, workspace: Workspace) -> None:
    settings.STUDIO_BOOK = "live"
    response = alice_browser.get(CREDITS)
    assert balance(response.content) == "0 credits"
    assert "No credits have moved yet" in response.content.decode()


@pytest.mark.parametrize(
    "query",
    [
        "month=1999-12",
        "as_of=0001-01-01T00:00%2B14:00",
        "amount=x",
        "member=0",
        "key=1",
        "kind=gift",
        "before=0",
        "before=x",
        "after=-1",
        "after=1.5",
        "before=99999999999999999999",
    ],
)
def test_invalid_query_is_400(alice_browser: Client, query: str) -> None:
    assert alice_browser.get(f"{CREDITS}?{query}").status_code == 400


@pytest.mark.parametrize("query", ["since=0001-01-01", "until=9999-12-31", "month=2000-01", "month=9999-12"])
def test_far_days_are_days_too(alice_browser: Client, query: str) -> None:
    assert numbers(alice_browser.get(f"{CREDITS}?{query}")) == [1]


def test_pages_continue_by_sequence(
    alice_browser: Client, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "ROWS_PER_PAGE", 2)
    for amount_credits in (20, 30, 40, 50):
        grant_credits(workspace=workspace, book="sandbox", amount_credits=amount_credits, reason="more")

    def seen(query: str) -> tuple[list[int], dict[str, str]]:
        response = alice_browser.get(CREDITS + query)
        links = re.findall(r'rel="(prev|next)" href="([^"]*)"', response.content.decode())
        return numbers(response), {rel: unescape(href) for rel, href in links if "month" not in href}

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
        {"prev": "?kind=grant&after=5", "next": "?kind=grant&before=4"},
    )


@pytest.mark.parametrize("clip_count", [1, 3])
def test_query_count_is_constant(
    alice_browser: Client, start_clip: StartClip, django_assert_num_queries: DjangoAssertNumQueries, clip_count: int
) -> None:
    for number in range(clip_count):
        start_clip(f"Scene {number}")
    alice_browser.get(CREDITS)
    with django_assert_num_queries(19):
        alice_browser.get(CREDITS)


@pytest.mark.parametrize(
    "query", ["", "before=3", "after=1", "kind=charge", "kind=refund&before=3", "kind=grant&after=1"]
)
def test_page_is_read_by_index(alice_browser: Client, start_clip: StartClip, query: str) -> None:
    cancel_generation(generation=start_clip())
    with listed_by_index(Transfer, Account, Generation, StatementEntry):
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
    assert ("Welcome credits" in page) == (role in (Role.OWNER, Role.AUDITOR))
    assert ('action="/w/alices-studio/credits/play/"' in page) == may_add
    assert f"{CREDITS}grant/" not in page
    assert bob_browser.post(f"{CREDITS}play/").status_code == (302 if may_add else 403)


def test_play_credits_are_not_added_by_get(alice_browser: Client) -> None:
    assert alice_browser.get(f"{CREDITS}play/").status_code == 405
