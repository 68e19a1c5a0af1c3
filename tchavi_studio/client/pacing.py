"""How long to wait before another attempt, and between two polls of a job. Pure functions of numbers."""

import math
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

FIRST_RETRY_SECONDS = 0.5
MAX_RETRY_SECONDS = 8.0
MAX_RETRY_AFTER_SECONDS = 60.0
"""If a server asks for a longer wait than this, there is no retry: the error is raised, with the time it gave."""

FIRST_POLL_SECONDS = 2.0
POLL_GROWTH = 1.25
MAX_POLL_SECONDS = 10.0
RATE_WINDOW_SECONDS = 60.0


def backoff_seconds(attempt: int, *, chance: float) -> float:
    """The pause after failed attempt number `attempt` (from 0): doubling to a maximum, up to a quarter less by chance.

    `chance` is a random fraction in [0, 1), so that clients that failed together don't come back together.
    """
    exponent = min(attempt, 16)  # far past the maximum already; keeps 2**attempt small
    return float(min(FIRST_RETRY_SECONDS * 2**exponent, MAX_RETRY_SECONDS) * (1 - 0.25 * chance))


def retry_after_seconds(value: str | None, *, now: datetime) -> float | None:
    """Read a `Retry-After` header: seconds or an HTTP date (counted from `now`). None if missing or senseless."""
    if value is None:
        return None
    text = value.strip()
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
        seconds = float(text)
        return seconds if math.isfinite(seconds) else None
    try:
        moment = parsedate_to_datetime(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return max(0.0, (moment - now).total_seconds())
    except (TypeError, ValueError, IndexError, OverflowError):
        return None


def poll_seconds(poll: int, *, chance: float) -> float:
    """The pause before poll number `poll` (from 0) of a job: 2 s growing to 10 s, a quarter more or less by chance."""
    exponent = min(poll, 32)
    return float(min(FIRST_POLL_SECONDS * POLL_GROWTH**exponent, MAX_POLL_SECONDS) * (0.75 + 0.5 * chance))


def rate_budget_seconds(*, limit: int | None, remaining: int | None) -> float:
    """The shortest pause that stays within the server's requests per minute.

    The server doesn't say when its minute ends, so what remains is spread over a full one. That suits a fixed and a
    sliding window, and is never faster than `limit` allows. 0 if nothing is known.
    """
    from_limit = RATE_WINDOW_SECONDS / limit if limit and limit > 0 else 0.0
    from_remaining = RATE_WINDOW_SECONDS / (max(remaining, 0) + 1) if remaining is not None else 0.0
    return min(max(from_limit, from_remaining), RATE_WINDOW_SECONDS)
