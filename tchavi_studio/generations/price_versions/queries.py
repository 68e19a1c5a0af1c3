"""Which prices are in force.

Nearly every page shows a price, so each process keeps the versions for KNOWN_FOR instead of reading them each time.
That is safe because a new version comes into force LEAD after it was written at the earliest, and all processes know it
by then: at any moment they all charge the same.
"""

import time
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from .models import PriceVersion

KNOWN_FOR = timedelta(minutes=1)
LEAD = timedelta(minutes=2)
MAX_SCHEDULED = 10
"""How many versions may wait to come into force. So the latest few always include the one that is in force."""


def latest_versions() -> QuerySet[PriceVersion]:
    """The version in force and those that may follow it, newest first."""
    return all_versions()[: MAX_SCHEDULED + 1]


def all_versions() -> QuerySet[PriceVersion]:
    """All versions, newest first."""
    # The condition says nothing, but leads into the index.
    return PriceVersion.objects.filter(number__gte=1).order_by("-number")


def version_at(moment: datetime, versions: Sequence[PriceVersion]) -> PriceVersion:
    """Which of the `latest_versions` is in force at `moment`, now or later; the oldest if a clock was set back."""
    return next((version for version in versions if version.valid_from <= moment), versions[-1])


def version_in_force() -> PriceVersion:
    """The version that is charged now, most often without a statement."""
    return version_at(timezone.now(), known_versions.latest())


class KnownVersions:
    """The latest versions as this process knows them."""

    def __init__(self) -> None:
        self._versions: list[PriceVersion] = []
        self._until_seconds = 0.0

    def latest(self) -> list[PriceVersion]:
        """The latest versions, read at most KNOWN_FOR ago."""
        if time.monotonic() >= self._until_seconds:
            asked_at = time.monotonic()
            self._versions = list(latest_versions())
            self._until_seconds = asked_at + KNOWN_FOR.total_seconds()
        return self._versions

    def forget(self) -> None:
        """Read them again when they are needed next."""
        self._until_seconds = 0.0


known_versions = KnownVersions()


def ignored_overrides() -> dict[str, int]:
    """What STUDIO_PRICES asks for and isn't in force, by names such as "kling-v3.720p", in credits per second.

    Only the first version took its prices from there.
    """
    prices = version_in_force().price_list
    return {
        f"{model}.{name}": credits
        for model, changed in settings.STUDIO_PRICES.items()
        for name, credits in changed.items()
        if prices[model][name] != credits
    }
