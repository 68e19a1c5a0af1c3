"""Limits on what may be spent in a month: exact, also for charges at the same moment, and given back by refunds."""

import threading
import uuid
from datetime import UTC, datetime

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


def test_a_limit_can_be_spent_to_the_last_credit_and_no_further(lagune: Workspace) -> None:
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


def test_a_limit_binds_its_key_alone(lagune: Workspace, alice: User) -> None:
    limit_key(lagune, 0)
    spend(lagune, 1_300, actor=alice)
    spend(lagune, 1_300, actor=alice, key_id=uuid.UUID(int=2))
    assert spent() == 0


def test_a_members_limit_binds_whatever_they_spend(lagune: Workspace, alice: User, bob: User) -> None:
    set_spending_limit(workspace=lagune, limit_credits=2_600, user=alice)
    spend(lagune, 1_300, actor=alice)
    spend(lagune, 1_300, actor=alice, key_id=KEY)
    spend(lagune, 1_300, actor=bob)
    with pytest.raises(SpendingLimitError):
        spend(lagune, 1, actor=alice)


def test_of_two_limits_the_tighter_one_refuses_and_the_other_keeps_its_room(lagune: Workspace, alice: User) -> None:
    limit_key(lagune, 5_000)
    set_spending_limit(workspace=lagune, limit_credits=1_000, user=alice)
    with pytest.raises(SpendingLimitError):
        spend(lagune, 1_300, actor=alice, key_id=KEY)
    assert set(SpendingLimit.objects.values_list("limit_credits", "spent_credits")) == {(5_000, 0), (1_000, 0)}
    assert not LimitedCharge.objects.exists()
    assert wallet_balance(workspace=lagune, book="live") == 10_000


def test_setting_a_limit_again_changes_it_and_forgets_nothing(lagune: Workspace) -> None:
    limit_key(lagune, 2_600)
    spend(lagune, 1_300, key_id=KEY)
    limit_key(lagune, 1_000)
    assert spending_of_keys([KEY], book="live") == {KEY: Spending(limit_credits=1_000, spent_credits=1_300)}


@pytest.mark.parametrize("subject", ["nobody", "both"])
def test_the_database_wants_a_limit_to_bind_a_key_or_a_member(lagune: Workspace, alice: User, subject: str) -> None:
    binds = {} if subject == "nobody" else {"key_id": KEY, "user": alice}
    with pytest.raises(IntegrityError, match="limit_binds_key_or_member"):
        SpendingLimit.objects.create(workspace=lagune, limit_credits=1, **binds)


def test_a_refund_gives_the_room_back_once(lagune: Workspace) -> None:
    limit_key(lagune, 1_300)
    clip = spend(lagune, 1_300, key_id=KEY)
    for _time in range(2):
        refund_charge(reference=clip)
    assert spent() == 0
    spend(lagune, 1_300, key_id=KEY)


def test_a_new_month_begins_at_nothing_and_old_refunds_leave_it_alone(
    lagune: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
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


def test_a_book_has_a_period_of_its_own(lagune: Workspace) -> None:
    limit_key(lagune, 1_300)
    spend(lagune, 1_300, key_id=KEY)
    assert spending_of_keys([KEY], book="sandbox")[KEY].spent_credits == 0
    assert period_of("live", datetime(2026, 11, 23, tzinfo=UTC)) == "live 2026-11"


def test_a_limit_binds_in_its_own_workspace_alone(lagune: Workspace, alice: User, bob: User) -> None:
    bobs = Workspace.objects.get(memberships__user=bob)
    set_spending_limit(workspace=bobs, limit_credits=0, user=alice)
    limit_key(bobs, 0)
    spend(lagune, 1_300, actor=alice, key_id=KEY)
    assert wallet_balance(workspace=lagune, book="live") == 8_700


@pytest.mark.own_database
def test_charges_at_the_same_moment_do_not_pass_a_limit_together(own_database: Database, workspace: Workspace) -> None:
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
