"""Workspaces without members or credits."""

from collections.abc import Callable

import pytest

from tchavi_studio.ledger.chain import canonical_bytes
from tchavi_studio.ledger.models import Transfer
from tchavi_studio.records.chain import hash_of
from tchavi_studio.workspaces.models import Workspace

MakeWorkspace = Callable[[str], Workspace]


@pytest.fixture
def make_workspace(db: None) -> MakeWorkspace:
    """Make a workspace with a slug."""
    return lambda slug: Workspace.objects.create(slug=slug, name=slug)


@pytest.fixture
def lagune(make_workspace: MakeWorkspace) -> Workspace:
    """The workspace under test."""
    return make_workspace("lagune")


def recomputed_hash(transfer: Transfer) -> str:
    """The hash that a transfer's contents require."""
    return hash_of(
        canonical_bytes(
            workspace_id=transfer.workspace_id,
            book=transfer.book,
            sequence=transfer.sequence,
            kind=transfer.kind,
            debit=transfer.debit_account.name,
            credit=transfer.credit_account.name,
            amount_credits=transfer.amount_credits,
            balance_after_credits=transfer.balance_after_credits,
            reference=transfer.reference,
            reason=transfer.reason,
            actor_id=transfer.actor_id,
            created_at=transfer.created_at,
            previous_hash=transfer.previous_hash,
        )
    )
