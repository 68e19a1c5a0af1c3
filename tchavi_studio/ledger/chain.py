"""The hash chain: exactly what is hashed, so that anybody can recompute it in any language.

Version 1. `hash` is the lowercase hex SHA-256 of a JSON object in the canonical form of RFC 8785 (sorted keys, no
whitespace, UTF-8, only the escapes JSON requires, integers in full), with exactly these members:

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
import hashlib
import json
import uuid

HASH_VERSION = 1

_canonical_json = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


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
    utc = created_at.astimezone(datetime.UTC).isoformat(timespec="microseconds")
    members = {
        "actor": actor_id,
        "amount_credits": amount_credits,
        "balance_after_credits": balance_after_credits,
        "book": book,
        "created_at": utc.removesuffix("+00:00") + "Z",
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
    return _canonical_json(members).encode()


def transfer_hash(canonical: bytes) -> str:
    """The hash of a transfer's canonical bytes."""
    return hashlib.sha256(canonical).hexdigest()
