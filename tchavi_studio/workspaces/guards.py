"""Throttles and used codes in the database: shared by all processes, and of bounded size whatever strangers send.

This is the cache that django-allauth keeps them in. Its locks and used codes rely on `add`, which is atomic here.
"""

import re
from datetime import datetime, timedelta
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache
from django.utils import timezone
from django.utils.crypto import salted_hmac

from tchavi_studio.prepared import insert_row

from .models import Guard

BUCKETS = 2**16
"""How many rows one limit can have. Strangers choose their addresses, so those are hashed into this many buckets.

Two that share a bucket share its limit, which makes it stricter; the secret key keeps them from being chosen so.
"""

LIMIT = re.compile(r"(?P<limit>allauth:rl:[^:]*:[^:]*:[^:]*):(?P<counted>.*?)(?P<lock>:lock)?", re.DOTALL)
"""allauth's key of one address's or person's attempts: the limit, whose attempts, and whether it is their lock."""


def row_key(key: str) -> str:
    """The primary key of the row for a cache key."""
    match = LIMIT.fullmatch(key)
    if match is None:
        return key
    digest = salted_hmac("tchavi_studio.guards", match["counted"]).digest()
    return f"{match['limit']}:{int.from_bytes(digest[:8]) % BUCKETS}{match['lock'] or ''}"


class GuardCache(BaseCache):
    """Values are JSON, and each has an end. What has ended is deleted by the sweep, never by a new row."""

    def __init__(self, location: str, params: dict[str, Any]) -> None:
        super().__init__(params)

    def add(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        """Store the value if there is none; False, and nothing changed, if there is. Of several at once, one wins."""
        guard = self._guard(key, value, timeout)
        ended = Guard.objects.filter(pk=guard.pk, expires_at__lte=timezone.now())
        return insert_row(guard) or ended.update(value=guard.value, expires_at=guard.expires_at) == 1

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        """The value, or `default` if there is none or it has ended."""
        values = Guard.objects.filter(pk=row_key(key), expires_at__gt=timezone.now()).values_list("value", flat=True)
        return next(iter(values), default)

    def set(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> None:
        """Store the value, in place of any other."""
        fields = ["value", "expires_at"]
        guard = self._guard(key, value, timeout)
        Guard.objects.bulk_create([guard], update_conflicts=True, unique_fields=["key"], update_fields=fields)

    def delete(self, key: str, version: int | None = None) -> bool:
        """Delete the value; returns whether there was one."""
        return Guard.objects.filter(pk=row_key(key)).delete()[0] == 1

    def incr(self, key: str, delta: int = 1, version: int | None = None) -> int:
        """Not supported: Django's own loses counts when two processes count at once."""
        raise NotImplementedError

    def _guard(self, key: str, value: Any, timeout: Any) -> Guard:
        return Guard(key=row_key(key), value=value, expires_at=self._end(timeout))

    def _end(self, timeout: Any) -> datetime:
        seconds = self.default_timeout if timeout is DEFAULT_TIMEOUT else timeout
        if seconds is None:
            raise ValueError("A guard needs an end, or its row would stay for ever.")
        return timezone.now() + timedelta(seconds=seconds)
