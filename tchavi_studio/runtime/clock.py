"""What to do about moments that lie further ahead than they can: somebody has set the machine's clock back.

Leases and due times are moments. One that was to come in seconds may then lie hours ahead, and its row would wait for
it. So each app regularly brings such moments back to as far ahead as they can be. They don't end at once: whoever holds
the row may be alive, and renews its lease.
"""

from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone


def bring_back(rows: QuerySet[Any], moment: str, *, at_most: timedelta) -> int:
    """Where the field `moment` is more than `at_most` ahead, set it to that. Returns how many rows there were."""
    latest = timezone.now() + at_most
    too_late = rows.filter(**{f"{moment}__gt": latest})
    # Usually there are none, and then nothing should wait for SQLite's write lock.
    return too_late.update(**{moment: latest}) if too_late.exists() else 0
