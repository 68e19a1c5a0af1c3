"""The balance and the statement as they were at a moment."""

import threading
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.db import connections, transaction
from django.test import Client
from time_machine import TimeMachineFixture

from tchavi_studio.accounting.statement.as_of import NotPastError, row_at
from tchavi_studio.ledger.models import Account, StatementEntry
from tchavi_studio.ledger.services import charge_credits, grant_credits
from tchavi_studio.ledger.statements import wallet_of
from tchavi_studio.workspaces.models import Membership, Role, User, Workspace
from tests.databases import Database
from tests.plans import listed_by_index

CREDITS = "/w/alices-studio/credits/"


@pytest.fixture
def begun_at() -> datetime:
    return datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=5)


@pytest.fixture
def history(workspace: Workspace, alice: User, time_machine: TimeMachineFixture, begun_at: datetime) -> Workspace:
    """After the first grant, a charge of 100 at each of three full minutes, and the next minute has begun."""
    for minute in range(3):
        time_machine.move_to(begun_at + timedelta(minutes=minute), tick=False)
        charge(workspace, alice)
    time_machine.move_to(begun_at + timedelta(minutes=3), tick=False)
    return workspace


def charge(workspace: Workspace, person: User) -> None:
    charge_credits(
        workspace=workspace, book="sandbox", amount_credits=100, reference=uuid.uuid4(), actor=person, model="kling-v3"
    )


def shown(page: Any) -> str:
    """What is between the header and the footer, which say what there is now."""
    main: str = page.content.decode().partition("<main")[2].partition("</main>")[0]
    return main


def test_moment_leads_to_its_row(alice_browser: Client, history: Workspace, begun_at: datetime) -> None:
    moment = begun_at + timedelta(minutes=1)
    with listed_by_index(StatementEntry, Account):
        led = alice_browser.get(CREDITS, {"as_of": moment.isoformat(), "kind": "charge"})
    assert (led.status_code, led["Location"]) == (
        302,
        f"{CREDITS}?as_of={moment.isoformat().replace(':', '%3A').replace('+', '%2B')}&kind=charge&row=3",
    )
    page = alice_browser.get(led["Location"])
    assert (page.context["as_of"].balance_credits, page.context["as_of"].row_number) == (9_800, 3)
    assert [row.entry.row_number for row in page.context["statement"].rows] == [3, 2]
    assert "After row #3." in shown(page)


def test_the_address_shows_the_same_bytes_later(alice_browser: Client, history: Workspace, alice: User) -> None:
    address = f"{CREDITS}?row=3"
    before = shown(alice_browser.get(address))
    charge(history, alice)
    grant_credits(workspace=history, book="sandbox", amount_credits=5, reason="later")
    assert shown(alice_browser.get(address)) == before


@pytest.mark.parametrize(
    ("shift", "row"), [(-timedelta(days=9), 0), (timedelta(seconds=119), 3), (timedelta(minutes=2), 4)]
)
def test_row_is_the_last_one_then(history: Workspace, begun_at: datetime, shift: timedelta, row: int) -> None:
    assert row_at(begun_at + shift, wallet=wallet_of(workspace=history, book="sandbox")) == row


def test_before_the_first_row_there_is_nothing(alice_browser: Client, history: Workspace) -> None:
    page = alice_browser.get(f"{CREDITS}?row=0")
    assert (page.context["as_of"].balance_credits, page.context["statement"].rows) == (0, [])


def test_later_times_are_refused(alice_browser: Client, history: Workspace, begun_at: datetime) -> None:
    wallet = wallet_of(workspace=history, book="sandbox")
    with pytest.raises(NotPastError):
        row_at(begun_at + timedelta(minutes=3), wallet=wallet)
    led = alice_browser.get(CREDITS, {"as_of": "2999-01-01T00:00"})
    assert (led.status_code, led["Location"]) == (302, f"{CREDITS}?")
    (message,) = get_messages(led.wsgi_request)
    assert str(message) == "Choose a time before now. The balance of later times isn't known yet."


@pytest.mark.parametrize("query", ["row=5", "row=-1", "row=4&as_of=2020-01-01T00:00", "as_of=yesterday"])
def test_rows_that_do_not_fit_are_400(alice_browser: Client, history: Workspace, query: str) -> None:
    assert alice_browser.get(f"{CREDITS}?{query}").status_code == 400


def test_members_see_the_balance_and_their_own_rows(client: Client, history: Workspace, bob: User) -> None:
    Membership.objects.create(workspace=history, user=bob, role=Role.CREATOR)
    charge(history, bob)
    client.force_login(bob)
    page = client.get(f"{CREDITS}?row=5")
    assert page.context["as_of"].balance_credits == 9_600
    assert [row.entry.row_number for row in page.context["statement"].rows] == [5]


@pytest.mark.own_database
def test_the_row_waits_for_transfers_under_way(own_database: Database, workspace: Workspace) -> None:
    wallet = wallet_of(workspace=workspace, book="sandbox")
    written, found = threading.Event(), list[int]()

    def read() -> None:
        written.wait(30)
        found.append(row_at(datetime.now(UTC) - timedelta(microseconds=1), wallet=wallet))
        connections.close_all()

    reader = threading.Thread(target=read)
    reader.start()
    with transaction.atomic():
        grant_credits(workspace=workspace, book="sandbox", amount_credits=5, reason="under way")
        written.set()
        # Time for the reader to come too early, if nothing kept it waiting.
        reader.join(0.3)
        assert found == []
    reader.join(30)
    assert found == [2]
