"""Rate limits per key and per address, counted in the database for all of the server's processes.

One statement per request counts for both, so the count is exact under any concurrency. Limits apply per clock minute;
`Retry-After` is what is left of the current one.

While nothing can be written (`outages.py`), requests that only read are answered without being counted: a reader who
stays within the limits shouldn't notice. Requests that write are refused, as they would be anyway.
"""

import ipaddress
import time
from dataclasses import dataclass

from django.conf import settings
from django.db import connection
from django.http import HttpRequest
from django.utils.translation import gettext as _

from tchavi_studio.workspaces.addresses import client_address

from .errors import ApiError, too_many_requests
from .models import ApiKey, RequestCount

IPV6_NETWORK_BITS = 64
"""A household or a server usually has a network of this size to itself, so it counts as one address."""

# Plain SQL, since Django's bulk_create can't add to an existing value. It works on SQLite and PostgreSQL.
# Addresses come before keys in every statement, so two of them can't deadlock.
COUNT_REQUEST = """
    INSERT INTO api_requestcount (subject, minute, count) VALUES {rows}
    ON CONFLICT (subject) DO UPDATE SET
        count = CASE WHEN api_requestcount.minute = excluded.minute THEN api_requestcount.count + 1 ELSE 1 END,
        minute = excluded.minute
    RETURNING subject, count
"""


@dataclass(frozen=True, kw_only=True)
class Budget:
    """One subject's requests in this minute, including this one."""

    limit: int
    count: int
    retry_after_seconds: int

    @property
    def remaining(self) -> int:
        return max(self.limit - self.count, 0)

    @property
    def is_exceeded(self) -> bool:
        return self.count > self.limit


@dataclass(frozen=True, kw_only=True)
class Budgets:
    """The budgets of the caller's address, and of the key if there is one."""

    address: Budget
    key: Budget | None = None

    def check(self) -> None:
        """Raise the contract's 429 if one of them is exceeded."""
        if self.address.is_exceeded:
            raise _refusal("rate_limit_exceeded", self.address)
        if self.key and self.key.is_exceeded:
            raise _refusal("user_rate_limit_exceeded", self.key)


def _refusal(code: str, budget: Budget) -> ApiError:
    message = _("More than %(limit)s requests in a minute. No credits moved: try again in %(seconds)s s.") % {
        "limit": budget.limit,
        "seconds": budget.retry_after_seconds,
    }
    return too_many_requests(code, message, retry_after_seconds=budget.retry_after_seconds)


def count_request(*, address: str, key: ApiKey | None) -> Budgets:
    """Count one request for `address` and for `key`, and return their budgets. Raises what the database does."""
    now = int(time.time())
    minute, retry_after_seconds = now // 60, 60 - now % 60
    subjects = [f"address {address}", *([f"key {key.pk.hex}"] if key else [])]
    rows = ", ".join(["(%s, %s, 1)"] * len(subjects))
    values = [value for subject in subjects for value in (subject, minute)]
    with connection.cursor() as cursor:
        cursor.execute(COUNT_REQUEST.format(rows=rows), values)
        counts = dict(cursor.fetchall())

    def budget(subject: str, limit: int) -> Budget:
        return Budget(limit=limit, count=counts[subject], retry_after_seconds=retry_after_seconds)

    address_budget = budget(subjects[0], settings.STUDIO_API_RPM_PER_ADDRESS)
    if address_budget.count == 1:
        # The first request of a minute clears old counts, so the table holds only recent callers.
        RequestCount.objects.filter(minute__lt=minute - 1).delete()
    return Budgets(address=address_budget, key=budget(subjects[1], settings.STUDIO_API_RPM_PER_KEY) if key else None)


def caller_address(request: HttpRequest) -> str:
    """The caller's IP address, by the same rules as at sign-in: only configured proxies are trusted."""
    known = client_address(request)
    if known is None:
        return "unknown"
    address = ipaddress.ip_address(known)
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ipaddress.IPv6Network((address, IPV6_NETWORK_BITS), strict=False))
    return str(address)
