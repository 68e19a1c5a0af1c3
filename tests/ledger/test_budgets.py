"""Budgets of members: everybody is counted, in the workspace's month; a budget and a limit of one's own bind."""

import multiprocessing
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import IntegrityError, connections
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from tchavi_studio.ledger.models import LimitedCharge, SpendingLimit
from tchavi_studio.ledger.queries import (
    Budget,
    BudgetTotal,
    budget_of_member,
    budget_total,
    budgets_of_members,
    wallet_balance,
)
from tchavi_studio.ledger.services import (
    LimitKind,
    SpendingLimitError,
    charge_credits,
    grant_credits,
    refund_charge,
    set_member_budget,
    set_own_limit,
    set_spending_limit,
)
from tchavi_studio.ledger.verification import verify_ledger
from tchavi_studio.notices.models import Notice
from tchavi_studio.workspaces.models import ActivityRow, Membership, Role, User, Workspace
from tchavi_studio.workspaces.months import Month, month_at
from tchavi_studio.workspaces.time_zones import zone_at
from tests.databases import Database
from tests.plans import listed_by_index

Travel = Callable[..., None]


@pytest.fixture(autouse=True)
def studio(workspace: Workspace) -> Workspace:
    """Alice's workspace, with 100,000 live credits."""
    grant_credits(workspace=workspace, book="live", amount_credits=100_000, reason="for the tests")
    return workspace


@pytest.fixture
def travel(monkeypatch: pytest.MonkeyPatch) -> Travel:
    """Make it another moment, in UTC."""
    return lambda *when: monkeypatch.setattr(timezone, "now", lambda: datetime(*when, tzinfo=UTC))  # type: ignore[misc]


def spend(workspace: Workspace, user: User, amount_credits: int, **options: Any) -> uuid.UUID:
    reference = uuid.uuid4()
    charge_credits(
        workspace=workspace, book="live", amount_credits=amount_credits, reference=reference, actor=user, **options
    )
    return reference


def spent(membership: Membership) -> int:
    return budget_of_member(membership, book="live").spent_credits


# --- Who is counted ---------------------------------------------------------------------------------------------------


def test_every_member_is_counted_from_the_start_with_the_default_budget(workspace: Workspace, bob: User) -> None:
    assert SpendingLimit.objects.get(workspace=workspace).limit_credits is None
    workspace.default_budget_credits = 30_000
    workspace.save()
    bobs = Membership.objects.create(workspace=workspace, user=bob, role=Role.CREATOR)
    assert budget_of_member(bobs, book="live").limit_credits == 30_000
    assert SpendingLimit.objects.get(workspace=workspace, user=bob).spent_credits == 0


def test_without_a_limit_all_is_counted_and_nothing_refused(membership: Membership) -> None:
    spend(membership.workspace, membership.user, 60_000)
    assert spent(membership) == 60_000
    assert budget_of_member(membership, book="live").left_credits is None


def test_who_comes_back_goes_on_counting(workspace: Workspace, bob: User) -> None:
    first = Membership.objects.create(workspace=workspace, user=bob, role=Role.CREATOR)
    set_member_budget(workspace=workspace, user=bob, budget_credits=10_000)
    spend(workspace, bob, 4_000)
    first.delete()
    workspace.default_budget_credits = 5_000
    workspace.save()
    again = Membership.objects.create(workspace=workspace, user=bob, role=Role.CREATOR)
    budget = budget_of_member(again, book="live")
    assert (budget.limit_credits, budget.spent_credits, budget.left_credits) == (5_000, 4_000, 1_000)


def test_whoever_has_no_counter_gets_one_with_the_charge(workspace: Workspace, alice: User) -> None:
    SpendingLimit.objects.all().delete()
    workspace.default_budget_credits = 1_000
    workspace.save()
    with pytest.raises(SpendingLimitError):
        spend(workspace, alice, 1_001)
    spend(workspace, alice, 1_000)
    assert SpendingLimit.objects.get(user=alice).spent_credits == 1_000


# --- What binds -------------------------------------------------------------------------------------------------------


def test_budget_and_own_limit_bind_whichever_is_lower(workspace: Workspace, alice: User) -> None:
    set_member_budget(workspace=workspace, user=alice, budget_credits=2_000)
    set_own_limit(workspace=workspace, user=alice, limit_credits=1_500)
    spend(workspace, alice, 1_300)
    with pytest.raises(SpendingLimitError) as refused:
        spend(workspace, alice, 300)
    assert refused.value.kind == LimitKind.OWN
    assert refused.value.message == (
        "This needs 300 credits, but only 200 of the 1,500 that you allow yourself this month are left. "
        "No credits moved. You can change your own limit on the Team page."
    )
    with pytest.raises(SpendingLimitError) as refused:
        spend(workspace, alice, 1_300)
    assert refused.value.kind == LimitKind.BUDGET
    assert refused.value.message == (
        "This needs 1,300 credits, but only 700 of your budget of 2,000 for this month are left. No credits moved. "
        "Ask an owner or an admin of the workspace, or wait for the next month."
    )
    set_own_limit(workspace=workspace, user=alice, limit_credits=None)
    spend(workspace, alice, 700)


def test_what_was_approved_may_exceed_the_budget_and_counts(membership: Membership) -> None:
    workspace, alice = membership.workspace, membership.user
    set_member_budget(workspace=workspace, user=alice, budget_credits=1_000)
    set_own_limit(workspace=workspace, user=alice, limit_credits=500)
    clip = spend(workspace, alice, 1_300, is_approved=True)
    budget = budget_of_member(membership, book="live")
    assert (budget.spent_credits, budget.left_credits, budget.own_left_credits, budget.percent) == (1_300, 0, 0, 100)
    with pytest.raises(SpendingLimitError):
        spend(workspace, alice, 1)
    refund_charge(reference=clip)
    assert spent(membership) == 0
    assert list(verify_ledger()) == []


def test_approval_does_not_lift_a_keys_limit(workspace: Workspace, alice: User) -> None:
    key_id = uuid.UUID(int=1)
    set_spending_limit(workspace=workspace, limit_credits=100, key_id=key_id)
    with pytest.raises(SpendingLimitError) as refused:
        spend(workspace, alice, 101, key_id=key_id, is_approved=True)
    assert refused.value.kind == LimitKind.KEY


def test_database_refuses_a_key_without_a_limit(workspace: Workspace) -> None:
    with pytest.raises(IntegrityError, match="limit_binds_key_or_member"):
        SpendingLimit.objects.create(workspace=workspace, key_id=uuid.UUID(int=1))


def test_setting_a_budget_returns_the_earlier_one(workspace: Workspace, alice: User) -> None:
    assert set_member_budget(workspace=workspace, user=alice, budget_credits=50_000) is None
    assert set_member_budget(workspace=workspace, user=alice, budget_credits=60_000) == 50_000
    assert set_member_budget(workspace=workspace, user=alice, budget_credits=60_000) == 60_000
    assert set_member_budget(workspace=workspace, user=alice, budget_credits=None, actor=alice) == 60_000
    rows = ActivityRow.objects.filter(workspace=workspace, kind="budget.changed").order_by("sequence")
    assert [(row.actor, row.subject, row.details) for row in rows] == [
        (None, alice, {"old_credits": None, "new_credits": 50_000}),
        (None, alice, {"old_credits": 50_000, "new_credits": 60_000}),
        (alice, alice, {"old_credits": 60_000, "new_credits": None}),
    ]


# --- Months -----------------------------------------------------------------------------------------------------------


def test_months_follow_the_workspaces_time_zone(membership: Membership, travel: Travel) -> None:
    workspace, alice = membership.workspace, membership.user
    workspace.time_zone = "Pacific/Auckland"
    workspace.save()
    set_member_budget(workspace=workspace, user=alice, budget_credits=1_300)
    travel(2026, 11, 30, 10, 59, 59)
    november = spend(workspace, alice, 1_300)
    with pytest.raises(SpendingLimitError):
        spend(workspace, alice, 1)
    travel(2026, 11, 30, 11)
    assert spent(membership) == 0
    spend(workspace, alice, 1_000)
    refund_charge(reference=november)
    assert spent(membership) == 1_000
    assert list(LimitedCharge.objects.order_by("pk").values_list("period", flat=True)) == [
        "live 2026-11",
        "live 2026-12",
    ]
    assert list(verify_ledger()) == []


def test_a_new_time_zone_is_in_force_from_its_moment_on(workspace: Workspace) -> None:
    workspace.time_zone, workspace.next_time_zone = "UTC", "Africa/Lagos"
    workspace.next_time_zone_at = datetime(2026, 12, 1, tzinfo=UTC)
    assert zone_at(workspace, datetime(2026, 11, 30, 23, 59, tzinfo=UTC)) == ZoneInfo("UTC")
    assert zone_at(workspace, datetime(2026, 12, 1, tzinfo=UTC)) == ZoneInfo("Africa/Lagos")
    lagos = ZoneInfo("Africa/Lagos")
    assert month_at(workspace, datetime(2026, 12, 15, tzinfo=UTC)) == Month(
        starts_at=datetime(2026, 12, 1, tzinfo=lagos), ends_at=datetime(2027, 1, 1, tzinfo=lagos)
    )


# --- Shown ------------------------------------------------------------------------------------------------------------


def test_pace_and_share_are_of_the_month(membership: Membership, travel: Travel) -> None:
    workspace, alice = membership.workspace, membership.user
    set_member_budget(workspace=workspace, user=alice, budget_credits=60_000)
    travel(2026, 11, 5)
    spend(workspace, alice, 26_860)
    assert budget_of_member(membership, book="live").pace_credits is None
    travel(2026, 11, 26)
    spend(workspace, alice, 30_000)
    budget = budget_of_member(membership, book="live")
    assert (budget.percent, budget.is_near, budget.left_credits) == (94, True, 3_140)
    assert budget.pace_credits == 68_000


def test_one_query_for_a_page_of_budgets_and_one_for_their_total(
    workspace: Workspace, alice: User, bob: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    Membership.objects.create(workspace=workspace, user=bob, role=Role.CREATOR)
    assert budget_total(workspace=workspace, book="live") is None
    set_member_budget(workspace=workspace, user=alice, budget_credits=60_000)
    spend(workspace, alice, 40_120)
    spend(workspace, bob, 5_000)
    members = list(workspace.memberships.select_related("workspace").order_by("pk"))
    for shown in (members[:1], members):
        with listed_by_index(SpendingLimit), django_assert_num_queries(1):
            budgets = budgets_of_members(shown, book="live")
        assert len(budgets) == len(shown)
    assert isinstance(budgets[bob.pk], Budget)
    assert (budgets[alice.pk].limit_credits, budgets[alice.pk].spent_credits) == (60_000, 40_120)
    assert (budgets[bob.pk].limit_credits, budgets[bob.pk].spent_credits) == (None, 5_000)
    with listed_by_index(SpendingLimit, Membership), django_assert_num_queries(1):
        total = budget_total(workspace=workspace, book="live")
    assert total == BudgetTotal(limit_credits=60_000, spent_credits=40_120, month=month_at(workspace, timezone.now()))


# --- Alerts -----------------------------------------------------------------------------------------------------------


def test_each_share_is_announced_once_a_month_and_again_for_a_new_budget(
    workspace: Workspace, bob: User, travel: Travel
) -> None:
    Membership.objects.create(workspace=workspace, user=bob, role=Role.CREATOR)

    def told_since() -> list[tuple[str, str, int, str]]:
        rows = Notice.objects.select_related("user", "actor").order_by("pk")
        told = [
            (row.user.name, str(row.kind), row.details["spent_credits"], row.actor.name if row.actor else "")
            for row in rows
        ]
        Notice.objects.all().delete()
        return told

    travel(2026, 11, 3)
    set_member_budget(workspace=workspace, user=bob, budget_credits=1_000)
    spend(workspace, bob, 799)
    assert told_since() == []
    clip = spend(workspace, bob, 1)
    assert told_since() == [("Alice", "budget_80", 800, "Bob"), ("Bob", "budget_80", 800, "")]
    refund_charge(reference=clip)
    spend(workspace, bob, 100)
    assert told_since() == []
    spend(workspace, bob, 101)
    assert told_since() == [("Alice", "budget_100", 1_000, "Bob"), ("Bob", "budget_100", 1_000, "")]
    set_member_budget(workspace=workspace, user=bob, budget_credits=2_000)
    spend(workspace, bob, 600)
    assert told_since() == [("Alice", "budget_80", 1_600, "Bob"), ("Bob", "budget_80", 1_600, "")]
    travel(2026, 12, 3)
    spend(workspace, bob, 2_000)
    assert told_since() == [("Alice", "budget_100", 2_000, "Bob"), ("Bob", "budget_100", 2_000, "")]


# --- Many at once -----------------------------------------------------------------------------------------------------


def charge_three_times(workspace_id: uuid.UUID, user_id: int, gate: Any, accepted: Any) -> None:
    """In a process of its own."""
    connections.close_all()
    workspace, user = Workspace.objects.get(pk=workspace_id), User.objects.get(pk=user_id)
    gate.wait()
    for _charge in range(3):
        try:
            spend(workspace, user, 1_000)
        except SpendingLimitError:
            continue
        with accepted.get_lock():
            accepted.value += 1
    connections.close_all()


@pytest.mark.own_database
@pytest.mark.processes
def test_eight_processes_spend_exactly_what_a_budget_holds(own_database: Database, membership: Membership) -> None:
    workspace, alice = membership.workspace, membership.user
    set_member_budget(workspace=workspace, user=alice, budget_credits=10_999)
    forked = multiprocessing.get_context("fork")
    gate, accepted = forked.Barrier(8), forked.Value("i", 0)
    connections.close_all()
    arguments = (workspace.pk, alice.pk, gate, accepted)
    processes = [forked.Process(target=charge_three_times, args=arguments) for _number in range(8)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 8
    assert accepted.value == 10
    assert spent(membership) == 10_000
    assert wallet_balance(workspace=workspace, book="live") == 90_000
    assert list(verify_ledger()) == []
