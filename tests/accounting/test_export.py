"""The statement and the months as files."""

import csv
import json
import uuid
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any
from unittest.mock import patch

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tchavi_studio.accounting.statement import queries
from tchavi_studio.accounting.statement.export import month_records
from tchavi_studio.accounting.statement.filters import Filters
from tchavi_studio.ledger.services import adjust_credits, charge_credits, refund_charge
from tchavi_studio.ledger.statements import wallet_of
from tchavi_studio.workspaces.models import ActivityRow, Membership, Role, User, Workspace

CREDITS = "/w/alices-studio/credits/"
NOON = datetime(2036, 11, 30, 23, 30, tzinfo=UTC)
CLIPS = [uuid.UUID(int=number) for number in range(1, 4)]


@pytest.fixture
def history(workspace: Workspace, alice: User, bob: User) -> Workspace:
    """Charges of Alice and Bob on the last evening of November, and a refund and an adjustment in December."""
    Workspace.objects.filter(pk=workspace.pk).update(time_zone="Africa/Lagos")
    Membership.objects.create(workspace=workspace, user=bob, role=Role.CREATOR)
    with patch("django.utils.timezone.now", return_value=NOON):
        for clip, person in zip(CLIPS, (alice, bob, bob), strict=True):
            charge_credits(
                workspace=workspace,
                book="sandbox",
                amount_credits=1_300,
                reference=clip,
                actor=person,
                model="kling-v3",
            )
    with patch("django.utils.timezone.now", return_value=NOON + timedelta(hours=1)):
        refund_charge(reference=CLIPS[1], reason="render_failed")
        adjust_credits(workspace=workspace, book="sandbox", amount_credits=-7, reason="=1+1")
    return workspace


def downloaded(browser: Client, path: str) -> str:
    answer = browser.get(CREDITS + path)
    assert answer.status_code == 200, path
    return b"".join(answer).decode()


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_statement_as_csv_is_harmless_and_has_both_times(alice_browser: Client, history: Workspace, bob: User) -> None:
    rows = list(csv.DictReader(StringIO(downloaded(alice_browser, "statement.csv"))))
    assert [row["row"] for row in rows] == ["6", "5", "4", "3", "2", "1"]
    assert rows[0]["reason"] == "'=1+1"
    assert rows[1] == {
        "row": "5",
        "kind": "refund",
        "time_utc": "2036-12-01T00:30:00+00:00",
        "time": "2036-12-01T01:30:00+01:00",
        "time_zone": "Africa/Lagos",
        "change_credits": "1300",
        "balance_after_credits": "7400",
        "member_id": str(bob.pk),
        "member": "Bob",
        "key_id": "",
        "key": "",
        "model": "kling-v3",
        "clip_id": str(CLIPS[1]),
        "reason": "The preview couldn't be rendered",
    }


def test_filters_apply_and_members_get_their_own_rows(alice_browser: Client, history: Workspace, bob: User) -> None:
    assert [row["row"] for row in lines(downloaded(alice_browser, f"statement.jsonl?member={bob.pk}&kind=charge"))] == [
        4,
        3,
    ]
    browser = Client()
    browser.force_login(bob)
    assert [row["row"] for row in lines(downloaded(browser, "statement.jsonl"))] == [5, 4, 3]
    assert [row["spent_credits"] for row in lines(downloaded(browser, "months.jsonl"))] == [2_600, -1_300]


def test_with_its_row_the_file_is_the_same_later(alice_browser: Client, history: Workspace) -> None:
    before = downloaded(alice_browser, "statement.csv?row=6")
    adjust_credits(workspace=history, book="sandbox", amount_credits=-1, reason="later")
    assert downloaded(alice_browser, "statement.csv?row=6") == before
    assert downloaded(alice_browser, "statement.csv") != before


def test_months_by_member_and_model(history: Workspace, alice: User, bob: User) -> None:
    membership = Membership.objects.select_related("workspace").get(workspace=history, user=alice)
    wallet = wallet_of(workspace=history, book="sandbox")
    months = [tuple(record.values()) for record in month_records(membership, wallet, Filters())]
    assert months == [
        ("2036-11", alice.pk, "Alice", "kling-v3", 1_300, 0, 1_300),
        ("2036-11", bob.pk, "Bob", "kling-v3", 2_600, 0, 2_600),
        ("2036-12", bob.pk, "Bob", "kling-v3", 0, 1_300, -1_300),
    ]
    of_bob = month_records(membership, wallet, Filters(member_id=bob.pk))
    assert sum(record["spent_credits"] for record in of_bob) == 1_300


def test_rows_are_read_page_by_page(alice_browser: Client, history: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "ROWS_PER_READ", 2)
    with CaptureQueriesContext(connection) as captured:
        assert len(downloaded(alice_browser, "statement.csv").splitlines()) == 7
    assert sum('FROM "ledger_statemententry"' in query["sql"] for query in captured) == 3


def test_a_download_is_a_row_of_the_activity(alice_browser: Client, history: Workspace, alice: User) -> None:
    downloaded(alice_browser, "statement.csv")
    downloaded(alice_browser, "months.jsonl")
    rows = ActivityRow.objects.filter(workspace=history, kind="credits.exported").order_by("sequence")
    assert list(rows.values_list("actor", "details")) == [
        (alice.pk, {"what": "statement", "format": "csv", "row": 6}),
        (alice.pk, {"what": "months", "format": "jsonl", "row": 6}),
    ]
    page = alice_browser.get("/w/alices-studio/team/activity/").content.decode()
    assert "<b>Alice</b> downloaded the statement, up to row #6" in page
    assert "<b>Alice</b> downloaded what was spent by month" in page


def test_one_download_at_a_time(alice_browser: Client, history: Workspace) -> None:
    first = alice_browser.get(f"{CREDITS}statement.csv")
    assert alice_browser.get(f"{CREDITS}months.csv").status_code == 302
    assert ActivityRow.objects.filter(kind="credits.exported").count() == 1
    b"".join(first)


@pytest.mark.parametrize("path", ["statement.pdf", "clips.csv"])
def test_other_files_are_404(alice_browser: Client, path: str) -> None:
    assert alice_browser.get(CREDITS + path).status_code == 404
