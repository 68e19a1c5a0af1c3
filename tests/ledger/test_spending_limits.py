"""Limits on what may be spent in a month: exact, also for charges at the same moment, and given back by refunds."""

import threading
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from tchavi_studio.ledger.models import LimitedCharge, SpendingLimit, period_of
from tchavi_studio.ledger.queries import Spending, spending_of_limits, wallet_balance
from tchavi_studio.ledger.services import (
    SpendingLimitError,
    charge_credits,
    grant_credits,
    refund_charge,
    set_spending_limit,
)
from tchavi_studio.workspaces.models import Workspace
from tests.databases import Database


def spend(workspace: Workspace, amount_credits: int, *limits: SpendingLimit) -> uuid.UUID:
    reference = uuid.uuid4()
    charge_credits(
        workspace=workspace,
        book="live",
        amount_credits=amount_credits,
        reference=reference,
        spending_limit_ids=[limit.pk for limit in limits],
    )
    return reference


def spent(limit: SpendingLimit) -> int:
    return spending_of_limits([limit.pk], book="live")[limit.pk].spent_credits


@pytest.fixture
def lagune(workspace: Workspace) -> Workspace:
    """A workspace with 10,000 live credits."""
    grant_credits(workspace=workspace, book="live", amount_credits=10_000, reason="for the tests")
    return workspace


def test_a_limit_can_be_spent_to_the_last_credit_and_no_further(lagune: Workspace) -> None:
    limit = set_spending_limit(workspace=lagune, limit_credits=2_600)
    spend(lagune, 1_300, limit)
    spend(lagune, 1_300, limit)
    with pytest.raises(SpendingLimitError) as refused:
        spend(lagune, 1, limit)
    assert str(refused.value) == (
        "This needs 1 credits, and of the limit of 2,600 for this month 0 are left. No credits were moved."
    )
    assert spending_of_limits([limit.pk], book="live") == {limit.pk: Spending(limit_credits=2_600, spent_credits=2_600)}
    assert wallet_balance(workspace=lagune, book="live") == 7_400


def test_charges_that_name_no_limit_are_not_bound_by_it(lagune: Workspace) -> None:
    limit = set_spending_limit(workspace=lagune, limit_credits=0)
    spend(lagune, 1_300)
    assert spent(limit) == 0


def test_of_two_limits_the_tighter_one_refuses_and_the_other_keeps_its_room(lagune: Workspace) -> None:
    wide, tight = (set_spending_limit(workspace=lagune, limit_credits=most) for most in (5_000, 1_000))
    with pytest.raises(SpendingLimitError):
        spend(lagune, 1_300, wide, tight)
    assert (spent(wide), spent(tight)) == (0, 0)
    assert not LimitedCharge.objects.exists()
    assert wallet_balance(workspace=lagune, book="live") == 10_000


def test_a_refund_gives_the_room_back_once(lagune: Workspace) -> None:
    limit = set_spending_limit(workspace=lagune, limit_credits=1_300)
    clip = spend(lagune, 1_300, limit)
    for _time in range(2):
        refund_charge(reference=clip)
    assert spent(limit) == 0
    spend(lagune, 1_300, limit)


def test_a_new_month_begins_at_nothing_and_old_refunds_leave_it_alone(
    lagune: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = set_spending_limit(workspace=lagune, limit_credits=1_300)

    def travel(*when: int) -> None:
        monkeypatch.setattr(timezone, "now", lambda: datetime(*when, tzinfo=UTC))  # type: ignore[arg-type, misc]

    travel(2026, 11, 30, 23, 59, 59)
    november = spend(lagune, 1_300, limit)
    travel(2026, 12, 1)
    assert spent(limit) == 0
    spend(lagune, 1_000, limit)
    refund_charge(reference=november)
    assert spent(limit) == 1_000


def test_a_book_has_a_period_of_its_own(lagune: Workspace) -> None:
    limit = set_spending_limit(workspace=lagune, limit_credits=1_300)
    spend(lagune, 1_300, limit)
    assert spending_of_limits([limit.pk], book="sandbox")[limit.pk].spent_credits == 0
    assert period_of("live", datetime(2026, 11, 23, tzinfo=UTC)) == "live 2026-11"


def test_another_workspaces_limit_is_none(lagune: Workspace, bob: Any) -> None:
    bobs = Workspace.objects.get(memberships__user=bob)
    limit = set_spending_limit(workspace=bobs, limit_credits=10_000)
    with pytest.raises(SpendingLimit.DoesNotExist):
        spend(lagune, 1_300, limit)
    assert wallet_balance(workspace=lagune, book="live") == 10_000


@pytest.mark.own_database
def test_charges_at_the_same_moment_do_not_pass_a_limit_together(own_database: Database, workspace: Workspace) -> None:
    grant_credits(workspace=workspace, book="live", amount_credits=100_000, reason="for the tests")
    limit = set_spending_limit(workspace=workspace, limit_credits=3_000)
    gate = threading.Barrier(8)
    refused = []

    def charge() -> None:
        try:
            gate.wait()
            spend(workspace, 1_000, limit)
        except SpendingLimitError as error:
            refused.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=charge) for _number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(refused), spent(limit)) == (5, 3_000)
    assert wallet_balance(workspace=workspace, book="live") == 97_000
