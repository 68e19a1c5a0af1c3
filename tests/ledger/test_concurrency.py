"""Concurrent, real transactions: nobody overspends, nothing is refunded twice, and nothing deadlocks."""

import threading
import uuid
from collections import Counter
from collections.abc import Callable

import pytest
from django.db import connections

from tchavi_studio.ledger.models import Account, Transfer
from tchavi_studio.ledger.queries import wallet_balance
from tchavi_studio.ledger.services import InsufficientCreditsError, charge_credits, grant_credits, refund_charge
from tchavi_studio.ledger.verification import verify_ledger
from tchavi_studio.workspaces.models import Workspace
from tests.databases import Database

pytestmark = pytest.mark.own_database
MAX_WAIT_SECONDS = 60


def outcomes_of(calls: list[Callable[[], object]]) -> Counter[str]:
    """Make all calls at the same moment, each in its own thread; count the types they returned or raised."""
    outcomes: list[str] = []
    gate = threading.Barrier(len(calls))

    def run(call: Callable[[], object]) -> None:
        gate.wait(MAX_WAIT_SECONDS)
        try:
            outcomes.append(type(call()).__name__)
        except Exception as error:
            outcomes.append(type(error).__name__)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(call,), daemon=True) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(MAX_WAIT_SECONDS)
    return Counter(outcomes)


def test_concurrent_charges_do_not_overspend(own_database: Database, lagune: Workspace) -> None:
    grant_credits(workspace=lagune, book="live", amount_credits=7 * 1300 + 1299, reason="room for seven")

    def charge() -> object:
        return charge_credits(workspace=lagune, book="live", amount_credits=1300, reference=uuid.uuid4())

    assert outcomes_of([charge] * 20) == {"Transfer": 7, "InsufficientCreditsError": 13}
    assert wallet_balance(workspace=lagune, book="live") == 1299
    assert list(verify_ledger()) == []


def test_clip_is_charged_once_and_refunded_once(own_database: Database, lagune: Workspace) -> None:
    grant_credits(workspace=lagune, book="live", amount_credits=50_000, reason="plenty")
    clip = uuid.uuid4()
    charge = [lambda: charge_credits(workspace=lagune, book="live", amount_credits=1300, reference=clip)]
    assert outcomes_of([*charge * 8]) == {"Transfer": 1, "AlreadyChargedError": 7}
    assert outcomes_of([lambda: refund_charge(reference=clip)] * 8) == {"Transfer": 8}
    assert Transfer.objects.filter(kind="refund").count() == 1
    assert wallet_balance(workspace=lagune, book="live") == 50_000


def test_concurrent_grants_open_the_accounts_once(own_database: Database, lagune: Workspace) -> None:
    def grant() -> object:
        return grant_credits(workspace=lagune, book="live", amount_credits=10, reason="first of all")

    assert outcomes_of([grant] * 10) == {"Transfer": 10}
    assert Account.objects.count() == 3
    assert wallet_balance(workspace=lagune, book="live") == 100
    assert sorted(Transfer.objects.values_list("sequence", flat=True)) == list(range(1, 11))
    assert list(verify_ledger()) == []


def test_grants_charges_and_refunds_do_not_deadlock(own_database: Database, lagune: Workspace) -> None:
    grant_credits(workspace=lagune, book="live", amount_credits=1000, reason="start")
    clips = [uuid.uuid4() for _ in range(6)]
    for clip in clips:
        charge_credits(workspace=lagune, book="live", amount_credits=100, reference=clip)

    def charge() -> object:
        return charge_credits(workspace=lagune, book="live", amount_credits=100, reference=uuid.uuid4())

    def grant() -> object:
        return grant_credits(workspace=lagune, book="live", amount_credits=50, reason="more")

    refunds = [lambda clip=clip: refund_charge(reference=clip) for clip in clips]
    outcomes = outcomes_of([*refunds, *[charge] * 4, *[grant] * 4])
    assert outcomes == {"Transfer": 14}
    assert InsufficientCreditsError.__name__ not in outcomes
    assert wallet_balance(workspace=lagune, book="live") == 1000 - 400 + 200
    assert list(verify_ledger()) == []


def test_transfers_written_during_verification_are_no_findings(own_database: Database, lagune: Workspace) -> None:
    grant_credits(workspace=lagune, book="live", amount_credits=1000, reason="start")

    def write() -> object:
        for _ in range(15):
            charge_credits(workspace=lagune, book="live", amount_credits=10, reference=uuid.uuid4())
        return None

    def verify() -> object:
        for _ in range(10):
            assert list(verify_ledger()) == []
        return None

    assert outcomes_of([write, write, verify]) == {"NoneType": 3}
