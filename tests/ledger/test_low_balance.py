"""Owners and admins are told when a workspace's credits run low."""

from collections.abc import Callable
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from pytest_django import DjangoAssertNumQueries, Settings
from time_machine import TimeMachineFixture

from tchavi_studio.ledger.services import charge_credits, grant_credits, refund_charge
from tchavi_studio.notices.models import Notice
from tchavi_studio.workspaces.models import Membership, Role, User, Workspace

Charge = Callable[[int], None]


@pytest.fixture
def charge(workspace: Workspace, alice: User, bob: User) -> Charge:
    """Charge Bob, an admin, from the 10,000 credits of Alice's workspace."""
    Membership.objects.create(workspace=workspace, user=bob, role=Role.ADMIN)

    def charged(amount_credits: int) -> None:
        charge_credits(workspace=workspace, book="sandbox", amount_credits=amount_credits, reference=uuid4(), actor=bob)

    return charged


def told() -> list[tuple[str, int]]:
    notices = Notice.objects.filter(kind="low_balance").order_by("id").select_related("user")
    return [(notice.user.name, notice.details["balance_credits"]) for notice in notices]


def test_once_when_it_falls_below(charge: Charge) -> None:
    charge(5_000)
    assert told() == [], "5,000 credits are left, no fewer"
    charge(1)
    assert told() == [("Alice", 4_999), ("Bob", 4_999)]
    charge(1)
    assert len(told()) == 2


def test_again_on_another_day_only(
    charge: Charge, workspace: Workspace, time_machine: TimeMachineFixture, bob: User
) -> None:
    moment = datetime(2026, 11, 26, 23, 30, tzinfo=UTC)
    time_machine.move_to(moment)
    reference = uuid4()
    charge_credits(workspace=workspace, book="sandbox", amount_credits=6_000, reference=reference, actor=bob)
    refund_charge(reference=reference)
    charge(6_000)
    assert len(told()) == 2, "refunds lift it above, and the next charge lowers it again"
    grant_credits(workspace=workspace, book="sandbox", amount_credits=6_000, reason="more")
    time_machine.move_to(moment.replace(day=27))
    charge(6_000)
    assert len(told()) == 4


def test_zero_tells_never(charge: Charge, settings: Settings) -> None:
    settings.STUDIO_LOW_BALANCE_CREDITS = 0
    charge(10_000)
    assert told() == []


def test_other_charges_cost_nothing_more(charge: Charge, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    charge(10)
    with django_assert_num_queries(8):
        charge(10)
