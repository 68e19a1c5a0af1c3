"""Exactly what a transfer's hash covers (see `tchavi_studio.records.chain` for how).

Version 1 has exactly these members:

- `actor`: the user's numeric id, or null;
- `amount_credits`, `balance_after_credits` (the wallet's, after this row), `sequence`: integers;
- `book`, `kind`, `reason`: strings as stored;
- `created_at`: UTC with six decimals and a Z, like `2026-11-23T13:45:00.000000Z`;
- `credit`, `debit`: the accounts' names (`wallet`, `granted`, `spent`);
- `previous_hash`: the hash of the row whose sequence is one less; 64 zeros for the first;
- `reference`: the generation's UUID, lowercase with hyphens, or null;
- `version`: 1;
- `workspace`: the workspace's UUID, lowercase with hyphens.
"""

import datetime
import uuid

from tchavi_studio.records.chain import canonical_bytes_of, canonical_time

HASH_VERSION = 1


def canonical_bytes(
    *,
    workspace_id: uuid.UUID,
    book: str,
    sequence: int,
    kind: str,
    debit: str,
    credit: str,
    amount_credits: int,
    balance_after_credits: int,
    reference: uuid.UUID | None,
    reason: str,
    actor_id: int | None,
    created_at: datetime.datetime,
    previous_hash: str,
) -> bytes:
    """The bytes of a transfer that version 1 hashes. `created_at` must be timezone-aware."""
    members = {
        "actor": actor_id,
        "amount_credits": amount_credits,
        "balance_after_credits": balance_after_credits,
        "book": book,
        "created_at": canonical_time(created_at),
        "credit": credit,
        "debit": debit,
        "kind": kind,
        "previous_hash": previous_hash,
        "reason": reason,
        "reference": str(reference) if reference else None,
        "sequence": sequence,
        "version": HASH_VERSION,
        "workspace": str(workspace_id),
    }
    return canonical_bytes_of(members)
