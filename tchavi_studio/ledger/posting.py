"""The three SQL statements that write a transfer.

Plain SQL, because the ORM needs several times longer to build such a statement than the database needs to run it, and
other writers are waiting. The order on PostgreSQL: lock the wallet, then anything else.
"""

import uuid
from typing import NamedTuple

from django.db import connection
from django.db.backends.utils import CursorWrapper

from .models import AccountName, Kind, Transfer

LOCK_ACCOUNTS = """
    SELECT wallet.id, wallet.balance_credits, wallet.last_sequence, wallet.last_hash, counterpart.id,
        EXISTS (SELECT 1 FROM ledger_transfer WHERE reference = %s AND kind = %s),
        EXISTS (SELECT 1 FROM ledger_spendinglimit
            WHERE ledger_spendinglimit.workspace_id = wallet.workspace_id AND (user_id = %s OR key_id = %s))
    FROM ledger_account wallet
    JOIN ledger_account counterpart
        ON counterpart.workspace_id = wallet.workspace_id AND counterpart.book = wallet.book AND counterpart.name = %s
    WHERE wallet.workspace_id = %s AND wallet.book = %s AND wallet.name = %s
"""

# A charge that was written while LOCK_ACCOUNTS waited isn't visible to it on PostgreSQL, but it is to this statement.
INSERT_TRANSFER = """
    INSERT INTO ledger_transfer (workspace_id, book, sequence, kind, debit_account_id, credit_account_id,
        amount_credits, balance_after_credits, reference, reason, actor_id, created_at,
        hash_version, previous_hash, hash)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (reference, kind) DO NOTHING RETURNING id
"""

# The table's constraint `wallet_not_below_zero` guards the balance, whatever was read before.
MOVE_CREDITS = """
    UPDATE ledger_account SET
        balance_credits = balance_credits + CASE id WHEN %s THEN %s ELSE %s END,
        last_sequence = CASE id WHEN %s THEN %s ELSE last_sequence END,
        last_hash = CASE id WHEN %s THEN %s ELSE last_hash END
    WHERE id IN (%s, %s)
"""


class LockedAccounts(NamedTuple):
    """A wallet, locked until the transaction ends, and the account that it exchanges credits with."""

    wallet_id: int
    balance_credits: int
    last_sequence: int
    last_hash: str
    counterpart_id: int
    is_charged: bool
    """Whether the generation already has its charge."""
    is_limited: bool
    """Whether a spending limit applies to the actor or the API key."""


def lock_accounts(
    cursor: CursorWrapper,
    *,
    workspace_id: uuid.UUID,
    book: str,
    counterpart: AccountName,
    reference: uuid.UUID | None,
    actor_id: int | None,
    key_id: uuid.UUID | None,
) -> LockedAccounts | None:
    """Lock the wallet and read what a transfer needs to know; None if the accounts were never opened."""
    lock = "FOR UPDATE OF wallet" if connection.features.has_select_for_update_of else ""
    cursor.execute(
        LOCK_ACCOUNTS + lock,
        [
            _stored(reference),
            Kind.CHARGE.value,
            actor_id,
            _stored(key_id),
            counterpart.value,
            _stored(workspace_id),
            book,
            AccountName.WALLET.value,
        ],
    )
    row = cursor.fetchone()
    return LockedAccounts(*row) if row else None


def write_transfer(cursor: CursorWrapper, transfer: Transfer, *, accounts: LockedAccounts, change_credits: int) -> bool:
    """Insert the transfer and move its credits, `change_credits` of them into the wallet.

    False, and nothing written, if there already is one of this kind for its generation.
    """
    cursor.execute(
        INSERT_TRANSFER,
        [
            _stored(transfer.workspace_id),
            transfer.book,
            transfer.sequence,
            transfer.kind,
            transfer.debit_account_id,
            transfer.credit_account_id,
            transfer.amount_credits,
            transfer.balance_after_credits,
            _stored(transfer.reference),
            transfer.reason,
            transfer.actor_id,
            connection.ops.adapt_datetimefield_value(transfer.created_at),
            transfer.hash_version,
            transfer.previous_hash,
            transfer.hash,
        ],
    )
    inserted = cursor.fetchone()
    if not inserted:
        return False
    wallet_id, counterpart_id = accounts.wallet_id, accounts.counterpart_id
    cursor.execute(
        MOVE_CREDITS,
        [
            *(wallet_id, change_credits, -change_credits),
            *(wallet_id, transfer.sequence),
            *(wallet_id, transfer.hash),
            *(wallet_id, counterpart_id),
        ],
    )
    transfer.pk = inserted[0]
    transfer._state.adding, transfer._state.db = False, connection.alias
    return True


def _stored(value: uuid.UUID | None) -> uuid.UUID | str | None:
    """A UUID as the database stores it."""
    if value is None or connection.features.has_native_uuid_field:
        return value
    return value.hex
