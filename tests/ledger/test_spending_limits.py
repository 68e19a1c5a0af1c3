"""Monthly spending limits: exact, even for concurrent charges, and restored by refunds."""

import threading
import uuid
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from django.db import IntegrityError, connections
from django.utils import timezone

from tchavi_studio.ledger.models import LimitedCharge, SpendingLimit, period_of
from tchavi_studio.ledger.queries import Spending, spending_of_keys, wallet_balance
from tchavi_studio.ledger.services import (
    SpendingLimitError,
    charge_credits,
    grant_credits,
    refund_charge,
    set_member_budget,
    set_spending_limit,
)
from tchavi_studio.workspaces.models import User, Workspace
from tests.databases import Database

KEY = uuid.UUID(int=1)


def spend(
    workspace: Workspace, amount_credits: int, *, key_id: uuid.UUID | None = None, actor: User | None = None
) -> uuid.UUID:
    reference = uuid.uuid4()
    charge_credits(
        workspace=workspace, book="live", amount_credits=amount_credits, reference=reference, actor=actor, key_id=key_id
    )
    return reference


def limit_key(workspace: Workspace, limit_credits: int) -> SpendingLimit:
    return set_spending_limit(workspace=workspace, limit_credits=limit_credits, key_id=KEY)


def spent(key_id: uuid.UUID = KEY) -> int:
    return spending_of_keys([key_id], book="live")[key_id].spent_credits


@pytest.fixture
def lagune(workspace: Workspace) -> Workspace:
    """A workspace with 10,000 live credits."""
    grant_credits(workspace=workspace, book="live", amount_credits=10_000, reason="for the tests")
    return workspace


def test_limit_can_be_used_up_but_not_exceeded(lagune: Workspace) -> None:
    limit_key(lagune, 2_600)
    spend(lagune, 1_300, key_id=KEY)
    spend(lagune, 1_300, key_id=KEY)
    with pytest.raises(SpendingLimitError) as refused:
        spend(lagune, 1, key_id=KEY)
    assert str(refused.value) == (
        "This needs 1 credits, but only 0 of this month's limit of 2,600 are left. No credits moved."
    )
    assert spending_of_keys([KEY], book="live") == {KEY: Spending(limit_credits=2_600, spent_credits=2_600)}
    assert wallet_balance(workspace=lagune, book="live") == 7_400


def test_limit_applies_only_to_its_key(lagune: Workspace, alice: User) -> None:
    limit_key(lagune, 0)
    spend(lagune, 1_300, actor=alice)
    spend(lagune, 1_300, actor=alice, key_id=uuid.UUID(int=2))
    assert spent() == 0


def test_members_limit_applies_with_and_without_a_key(lagune: Workspace, alice: User, bob: User) -> None:
    set_member_budget(workspace=lagune, user=alice, budget_credits=2_600)
    spend(lagune, 1_300, actor=alice)
    spend(lagune, 1_300, actor=alice, key_id=KEY)
    spend(lagune, 1_300, actor=bob)
    with pytest.raises(SpendingLimitError):
        spend(lagune, 1, actor=alice)


def test_refusal_by_one_limit_does_not_count_against_another(lagune: Workspace, alice: User) -> None:
    limit_key(lagune, 5_000)
    set_member_budget(workspace=lagune, user=alice, budget_credits=1_000)
    with pytest.raises(SpendingLimitError):
        spend(lagune, 1_300, actor=alice, key_id=KEY)
    limits = SpendingLimit.objects.filter(workspace=lagune)
    assert set(limits.values_list("limit_credits", "spent_credits")) == {(5_000, 0), (1_000, 0)}
    assert not LimitedCharge.objects.exists()
    assert wallet_balance(workspace=lagune, book="live") == 10_000


def test_changing_a_limit_keeps_what_was_spent(lagune: Workspace) -> None:
    limit_key(lagune, 2_600)
    spend(lagune, 1_300, key_id=KEY)
    limit_key(lagune, 1_000)
    assert spending_of_keys([KEY], book="live") == {KEY: Spending(limit_credits=1_000, spent_credits=1_300)}


@pytest.mark.parametrize("subject", ["nobody", "both"])
def test_database_requires_a_key_or_a_member(lagune: Workspace, bob: User, subject: str) -> None:
    binds = {} if subject == "nobody" else {"key_id": KEY, "user": bob}
    with pytest.raises(IntegrityError, match="limit_binds_key_or_member"):
        SpendingLimit.objects.create(workspace=lagune, limit_credits=1, **binds)


def test_refund_restores_the_limit_once(lagune: Workspace) -> None:
    limit_key(lagune, 1_300)
    clip = spend(lagune, 1_300, key_id=KEY)
    for _time in range(2):
        refund_charge(reference=clip)
    assert spent() == 0
    spend(lagune, 1_300, key_id=KEY)


def test_new_month_starts_at_zero_despite_old_refunds(lagune: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    limit_key(lagune, 1_300)

    def travel(*when: int) -> None:
        monkeypatch.setattr(timezone, "now", lambda: datetime(*when, tzinfo=UTC))  # type: ignore[arg-type, misc]

    travel(2026, 11, 30, 23, 59, 59)
    november = spend(lagune, 1_300, key_id=KEY)
    travel(2026, 12, 1)
    assert spent() == 0
    spend(lagune, 1_000, key_id=KEY)
    refund_charge(reference=november)
    assert spent() == 1_000


def test_each_book_has_its_own_period(lagune: Workspace) -> None:
    limit_key(lagune, 1_300)
    spend(lagune, 1_300, key_id=KEY)
    assert spending_of_keys([KEY], book="sandbox")[KEY].spent_credits == 0
    assert period_of("live", datetime(2026, 11, 23, tzinfo=UTC), ZoneInfo("UTC")) == "live 2026-11"


def test_limit_applies_only_in_its_workspace(lagune: Workspace, alice: User, bob: User) -> None:
    bobs = Workspace.objects.get(memberships__user=bob)
    set_member_budget(workspace=bobs, user=alice, budget_credits=0)
    limit_key(bobs, 0)
    spend(lagune, 1_300, actor=alice, key_id=KEY)
    assert wallet_balance(workspace=lagune, book="live") == 8_700


@pytest.mark.own_database
def test_concurrent_charges_do_not_exceed_a_limit(own_database: Database, workspace: Workspace) -> None:
    grant_credits(workspace=workspace, book="live", amount_credits=100_000, reason="for the tests")
    limit_key(workspace, 3_000)
    gate = threading.Barrier(8)
    refused = []

    def charge() -> None:
        try:
            gate.wait()
            spend(workspace, 1_000, key_id=KEY)
        except SpendingLimitError as error:
            refused.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=charge) for _number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(refused), spent()) == (5, 3_000)
    assert wallet_balance(workspace=workspace, book="live") == 97_000
