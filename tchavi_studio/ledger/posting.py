"""The SQL statements that write a transfer: four, one more for what counts as spending, and three more for limits.

Plain SQL, because the ORM needs several times longer to build such a statement than the database needs to run it, and
other writers are waiting. The order on PostgreSQL: lock the wallet, then anything else.
"""

import uuid
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import NamedTuple

from django.db import connection
from django.db.backends.utils import CursorWrapper

from .models import AccountName, Kind, Transfer

LOCK_ACCOUNTS = """
    SELECT wallet.id, wallet.balance_credits, wallet.last_sequence, wallet.last_hash, wallet.last_at, counterpart.id,
        EXISTS (SELECT 1 FROM ledger_transfer WHERE reference = %s AND kind = %s)
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
        last_hash = CASE id WHEN %s THEN %s ELSE last_hash END,
        last_at = CASE id WHEN %s THEN %s ELSE last_at END
    WHERE id IN (%s, %s)
"""

INSERT_ENTRY = """
    INSERT INTO ledger_statemententry (transfer_id, wallet_id, row_number, kind, change_credits, balance_after_credits,
        member_id, key_id, model, reference, created_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""

# The conflict is with the constraint `one_sum_per_day_and_cause`.
COUNT_DAY = """
    INSERT INTO ledger_dailyspending (wallet_id, day, model, member_id, key_id, charged_credits, refunded_credits)
    VALUES (%s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (wallet_id, day, model, COALESCE(member_id, 0), COALESCE(key_id, '{no_key}')) DO UPDATE SET
        charged_credits = ledger_dailyspending.charged_credits + excluded.charged_credits,
        refunded_credits = ledger_dailyspending.refunded_credits + excluded.refunded_credits
"""
NO_KEY = uuid.UUID(int=0)

# A statement of its own: on PostgreSQL, LOCK_ACCOUNTS would see what these rows held before it waited for the wallet.
LOCK_LIMITS = """
    SELECT id, CASE WHEN key_id IS NULL THEN 0 ELSE 1 END, limit_credits, own_limit_credits, period, spent_credits,
        alerted_percent
    FROM ledger_spendinglimit
    WHERE (workspace_id = %s AND user_id = %s) OR (workspace_id = %s AND key_id = %s)
"""

COUNT_SPENDING = """
    UPDATE ledger_spendinglimit SET period = %s, spent_credits = %s, alerted_percent = %s WHERE id = %s
"""

INSERT_COUNTED = "INSERT INTO ledger_limitedcharge (limit_id, reference, period) VALUES "


class LockedAccounts(NamedTuple):
    """A wallet, locked until the transaction ends, and the account that it exchanges credits with."""

    wallet_id: int
    balance_credits: int
    last_sequence: int
    last_hash: str
    last_at: datetime | None
    counterpart_id: int
    is_charged: bool
    """Whether the generation already has its charge."""


class Cause(NamedTuple):
    """Whom and what credits moved for, as statements tell it: a member, an API key, a model."""

    member_id: int | None = None
    key_id: uuid.UUID | None = None
    model: str = ""


class LockedLimit(NamedTuple):
    """A row of `SpendingLimit`, locked until the transaction ends: of an API key (`is_of_key`) or of a member."""

    id: uuid.UUID | str
    is_of_key: bool
    limit_credits: int | None
    own_limit_credits: int | None
    period: str
    spent_credits: int
    alerted_percent: int


def lock_accounts(
    cursor: CursorWrapper,
    *,
    workspace_id: uuid.UUID,
    book: str,
    counterpart: AccountName,
    reference: uuid.UUID | None,
) -> LockedAccounts | None:
    """Lock the wallet and read what a transfer needs to know; None if the accounts were never opened."""
    lock = "FOR UPDATE OF wallet" if connection.features.has_select_for_update_of else ""
    cursor.execute(
        LOCK_ACCOUNTS + lock,
        [
            _stored(reference),
            Kind.CHARGE.value,
            counterpart.value,
            _stored(workspace_id),
            book,
            AccountName.WALLET.value,
        ],
    )
    row = cursor.fetchone()
    if row is None:
        return None
    accounts = LockedAccounts(*row)
    if accounts.last_at is not None and accounts.last_at.tzinfo is None:
        # SQLite stores UTC without saying so.
        return accounts._replace(last_at=accounts.last_at.replace(tzinfo=UTC))
    return accounts


def lock_limits(
    cursor: CursorWrapper, *, workspace_id: uuid.UUID, actor_id: int | None, key_id: uuid.UUID | None
) -> list[LockedLimit]:
    """Lock the limits that a charge counts against: its actor's and its API key's. The wallet must be locked."""
    lock = "FOR UPDATE" if connection.features.has_select_for_update else ""
    workspace = _stored(workspace_id)
    cursor.execute(LOCK_LIMITS + lock, [workspace, actor_id, workspace, _stored(key_id)])
    return [LockedLimit(*row) for row in cursor.fetchall()]


def count_spending(cursor: CursorWrapper, limits: Sequence[LockedLimit], *, reference: uuid.UUID) -> None:
    """Store what these locked limits count from now on, and that the generation's charge counts in their periods."""
    for limit in limits:
        cursor.execute(COUNT_SPENDING, [limit.period, limit.spent_credits, limit.alerted_percent, limit.id])
    rows = [(limit.id, _stored(reference), limit.period) for limit in limits]
    cursor.execute(INSERT_COUNTED + ", ".join(["(%s, %s, %s)"] * len(rows)), [value for row in rows for value in row])


def write_transfer(
    cursor: CursorWrapper, transfer: Transfer, *, accounts: LockedAccounts, change_credits: int, cause: Cause
) -> bool:
    """Insert the transfer and its statement entry, and move its credits, `change_credits` of them into the wallet.

    False, and nothing written, if there already is one of this kind for its generation.
    """
    written_at = connection.ops.adapt_datetimefield_value(transfer.created_at)
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
            written_at,
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
            *(wallet_id, written_at),
            *(wallet_id, counterpart_id),
        ],
    )
    transfer.pk = inserted[0]
    cursor.execute(
        INSERT_ENTRY,
        [
            transfer.pk,
            wallet_id,
            transfer.sequence,
            transfer.kind,
            change_credits,
            transfer.balance_after_credits,
            cause.member_id,
            _stored(cause.key_id),
            cause.model,
            _stored(transfer.reference),
            written_at,
        ],
    )
    if transfer.kind in SPENDING:
        day = utc_day(transfer.created_at)
        count_days(cursor, wallet_id, [(day, cause, *spending(transfer.kind, transfer.amount_credits))])
    transfer._state.adding, transfer._state.db = False, connection.alias
    return True


SPENDING = (Kind.CHARGE.value, Kind.REFUND.value)
"""The kinds of transfers that daily sums count."""


def utc_day(moment: datetime) -> date:
    """The day that daily sums count a transfer of this moment on."""
    return moment.astimezone(UTC).date()


def spending(kind: str, amount_credits: int) -> tuple[int, int]:
    """The credits that a transfer of this kind adds to what was charged and to what was refunded."""
    return (amount_credits, 0) if kind == Kind.CHARGE else (0, amount_credits)


def count_days(cursor: CursorWrapper, wallet_id: int, sums: Iterable[tuple[date, Cause, int, int]]) -> None:
    """Add credits charged and refunded to a wallet's daily sums. The wallet must be locked."""
    statement = COUNT_DAY.format(no_key=_stored(NO_KEY))
    for day, cause, charged_credits, refunded_credits in sums:
        cursor.execute(
            statement,
            [
                wallet_id,
                connection.ops.adapt_datefield_value(day),
                cause.model,
                cause.member_id,
                _stored(cause.key_id),
                charged_credits,
                refunded_credits,
            ],
        )


def _stored(value: uuid.UUID | None) -> uuid.UUID | str | None:
    """A UUID as the database stores it."""
    if value is None or connection.features.has_native_uuid_field:
        return value
    return value.hex
