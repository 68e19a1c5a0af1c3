"""Two workspaces with transfers, and clips of Alice's."""

import pytest

from tchavi_studio.generations.models import PurgedClip, State
from tchavi_studio.ledger.services import adjust_credits, charge_credits, grant_credits, refund_charge
from tchavi_studio.workspaces.models import Workspace
from tests.generations.conftest import start
from tests.ledger.conftest import MakeWorkspace, lagune, make_workspace
from tests.ledger.test_verification import CLIPS

__all__ = ["lagune", "make_workspace", "start"]
"""Fixtures of other apps' tests."""


@pytest.fixture
def history(lagune: Workspace, make_workspace: MakeWorkspace) -> Workspace:
    """A workspace with five transfers for two clips, which are gone, and another without any problems."""
    other = make_workspace("other")
    for workspace in (lagune, other):
        grant_credits(workspace=workspace, book="live", amount_credits=5000, reason="Invoice 17")
    for clip, price, state in ((CLIPS[0], 1300, State.FAILED), (CLIPS[1], 2600, State.COMPLETED)):
        charge_credits(workspace=lagune, book="live", amount_credits=price, reference=clip)
        PurgedClip.objects.create(reference=clip, workspace=lagune, book="live", state=state, price_credits=price)
    refund_charge(reference=CLIPS[0], reason="upstream_error")
    adjust_credits(workspace=lagune, book="live", amount_credits=-400, reason="typed twice")
    return lagune
