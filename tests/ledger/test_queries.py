"""The queries that other apps use."""

import uuid
from datetime import datetime, timedelta

from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from tchavi_studio.ledger.models import Transfer
from tchavi_studio.ledger.queries import (
    charge_for,
    granted_since,
    refund_for,
    transfers_for_reference,
    transfers_for_references,
    wallet_balance,
)
from tchavi_studio.ledger.services import charge_credits, grant_credits, refund_charge
from tchavi_studio.workspaces.models import Workspace
from tests.plans import listed_by_index

CLIPS = [uuid.UUID(int=number) for number in range(1, 5)]


def test_unopened_wallet_is_empty(lagune: Workspace) -> None:
    assert wallet_balance(workspace=lagune, book="live") == 0


def test_charges_and_refunds_are_found_by_clip(
    lagune: Workspace, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    grant_credits(workspace=lagune, book="live", amount_credits=1000, reason="")
    charges = [charge_credits(workspace=lagune, book="live", amount_credits=100, reference=clip) for clip in CLIPS[:3]]
    refund = refund_charge(reference=CLIPS[1])
    assert [charge_for(clip) for clip in CLIPS] == [*charges, None]
    assert [refund_for(clip) for clip in CLIPS] == [None, refund, None, None]
    assert transfers_for_reference(CLIPS[1]) == [charges[1], refund]
    assert transfers_for_reference(CLIPS[3]) == []
    with django_assert_num_queries(1):
        found = transfers_for_references(CLIPS)
        assert [transfer.change_credits for transfer in found[CLIPS[1]]] == [-100, 100]
    assert found == {CLIPS[0]: [charges[0]], CLIPS[1]: [charges[1], refund], CLIPS[2]: [charges[2]]}


def test_granted_since_sums_grants(lagune: Workspace) -> None:
    now = timezone.now()
    for book, reason in (
        ("sandbox", "Play credits"),
        ("sandbox", "Play credits"),
        ("sandbox", "gift"),
        ("live", "gift"),
    ):
        grant_credits(workspace=lagune, book=book, amount_credits=100, reason=reason)
    charge_credits(workspace=lagune, book="sandbox", amount_credits=50, reference=CLIPS[0])
    refund_charge(reference=CLIPS[0])

    def granted(reason: str, since: datetime = now) -> int:
        return granted_since(since, workspace=lagune, book="sandbox", reason=reason)

    with listed_by_index(Transfer):
        assert granted("Play credits") == 200
    assert granted("gift") == 100
    assert granted("Play credits", since=now + timedelta(hours=1)) == 0
