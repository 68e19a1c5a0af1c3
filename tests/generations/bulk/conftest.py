"""Several clips, and a second member."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from tchavi_studio.generations.bulk import jobs
from tchavi_studio.generations.models import Generation
from tchavi_studio.generations.orders import Order
from tchavi_studio.generations.services import start_generation
from tchavi_studio.ledger.services import grant_credits
from tchavi_studio.workspaces.models import Membership, Role, User, Visibility, Workspace
from tests.generations.conftest import make_params

MakeClips = Callable[..., list[Generation]]


@pytest.fixture
def bob_here(workspace: Workspace, bob: User) -> Membership:
    """Bob, as a creator in Alice's workspace."""
    return Membership.objects.create(workspace=workspace, user=bob, role=Role.CREATOR)


@pytest.fixture
def make_clips(workspace: Workspace, alice: User, complete: Callable[[Generation], None]) -> MakeClips:
    """Make completed clips, of Alice's and private unless told otherwise."""

    def make(
        count: int,
        *,
        creator: User = alice,
        visibility: Visibility = Visibility.PRIVATE,
        is_open: bool = False,
        **asked: Any,
    ) -> list[Generation]:
        clips = []
        for _number in range(count):
            grant_credits(workspace=workspace, book="sandbox", amount_credits=1_300, actor=None, reason="for the test")
            order = Order(
                workspace=workspace,
                creator=creator,
                params=make_params(**asked),
                submission_id=uuid4(),
                visibility=visibility,
            )
            clips += start_generation(order).generations
        for clip in [] if is_open else clips:
            complete(clip)
        return clips

    return make


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two clips a batch, and more than four in the background."""
    monkeypatch.setattr(jobs, "BATCH_LENGTH", 2)
    monkeypatch.setattr(jobs, "MAX_AT_ONCE", 4)
