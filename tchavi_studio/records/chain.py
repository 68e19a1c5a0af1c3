"""The hash chain: each row's hash covers the row and the hash before it, so that tampering shows.

What is hashed is a JSON object in the canonical form of RFC 8785 (sorted keys, no whitespace, UTF-8, only the escapes
JSON requires, integers in full), so that anybody can recompute it in any language.
"""

import datetime
import hashlib
import json
from collections.abc import Mapping

GENESIS_HASH = "0" * 64
"""The `previous_hash` of a chain's first row."""

_canonical_json = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


def canonical_bytes_of(members: Mapping[str, object]) -> bytes:
    """The bytes of a row that are hashed. Numbers must be integers."""
    return _canonical_json(members).encode()


def canonical_time(moment: datetime.datetime) -> str:
    """UTC with six decimals and a Z, like `2026-11-23T13:45:00.000000Z`. `moment` must be timezone-aware."""
    utc = moment.astimezone(datetime.UTC).isoformat(timespec="microseconds")
    return utc.removesuffix("+00:00") + "Z"


def hash_of(canonical: bytes) -> str:
    """The lowercase hex SHA-256 of a row's canonical bytes."""
    return hashlib.sha256(canonical).hexdigest()
