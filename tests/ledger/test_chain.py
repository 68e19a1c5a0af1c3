"""The canonical form and its hash never change: other programs recompute them from the docs alone."""

import datetime
import uuid

from tchavi_studio.ledger.chain import canonical_bytes
from tchavi_studio.ledger.models import Account, Transfer
from tchavi_studio.ledger.services import charge_credits, grant_credits
from tchavi_studio.records.chain import GENESIS_HASH, hash_of
from tchavi_studio.workspaces.models import Workspace

from .conftest import recomputed_hash

CANONICAL = (
    '{"actor":7,"amount_credits":1300,"balance_after_credits":3700,"book":"live",'
    '"created_at":"2026-11-23T13:45:00.000042Z","credit":"spent","debit":"wallet","kind":"charge",'
    '"previous_hash":"0000000000000000000000000000000000000000000000000000000000000000",'
    '"reason":"Été \\"à\\" Lomé\\n🌅","reference":"11111111-1111-4111-8111-111111111111","sequence":1,"version":1,'
    '"workspace":"22222222-2222-4222-8222-222222222222"}'
)


def test_canonical_form_of_version_1() -> None:
    lome = datetime.timezone(datetime.timedelta(hours=1))
    canonical = canonical_bytes(
        workspace_id=uuid.UUID("22222222-2222-4222-8222-222222222222"),
        book="live",
        sequence=1,
        kind="charge",
        debit="wallet",
        credit="spent",
        amount_credits=1300,
        balance_after_credits=3700,
        reference=uuid.UUID("11111111-1111-4111-8111-111111111111"),
        reason='Été "à" Lomé\n🌅',
        actor_id=7,
        created_at=datetime.datetime(2026, 11, 23, 14, 45, 0, 42, tzinfo=lome),
        previous_hash=GENESIS_HASH,
    )
    assert canonical == CANONICAL.encode()
    assert hash_of(canonical) == "b2c796dc9521ab05ec11d6abe2ad40c0f94532f6b5ce7e6571a49187c1135c44"


def test_rows_hold_the_previous_hash_and_the_wallet_the_last(lagune: Workspace) -> None:
    grant_credits(workspace=lagune, book="live", amount_credits=500, reason="first\x7f\u2028")
    charge_credits(workspace=lagune, book="live", amount_credits=200, reference=uuid.uuid4())
    first, second = Transfer.objects.select_related("debit_account", "credit_account").order_by("sequence")
    assert (first.previous_hash, second.previous_hash) == (GENESIS_HASH, first.hash)
    assert (first.hash, second.hash) == (recomputed_hash(first), recomputed_hash(second))
    wallet = Account.objects.get(name="wallet")
    assert (wallet.last_sequence, wallet.last_hash) == (2, second.hash)
