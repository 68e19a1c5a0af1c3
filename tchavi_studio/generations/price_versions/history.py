"""The versions of the prices as a list, with what each changed and what became of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.utils import timezone

from tchavi_studio.generations.params import MODELS
from tchavi_studio.generations.price_list import Prices, rise_percent
from tchavi_studio.long_lists import page_of

from .models import PriceVersion
from .queries import MAX_SCHEDULED, all_versions, latest_versions, version_at

VERSIONS_PER_PAGE = 20


class Standing(StrEnum):
    """What has become of a version by now."""

    SCHEDULED = "scheduled"
    IN_FORCE = "in force"
    PAST = "past"
    REPLACED = "replaced"
    """A later version took its place before it came into force."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """One price in two versions, in credits per second; `name` is a resolution or "audio_surcharge"."""

    model: str
    name: str
    old_credits: int
    new_credits: int

    @property
    def model_label(self) -> str:
        return MODELS[self.model]

    @property
    def is_change(self) -> bool:
        return self.old_credits != self.new_credits

    @property
    def rise_percent(self) -> float | None:
        return rise_percent(self.old_credits, self.new_credits)


@dataclass(frozen=True, kw_only=True)
class VersionRow:
    """A version, and where it differs from the one before it."""

    version: PriceVersion
    standing: Standing
    changes: list[Change]


def compared_prices(old: Prices, new: Prices) -> list[Change]:
    """Every price in both lists."""
    return [
        Change(model=model, name=name, old_credits=old[model][name], new_credits=credits)
        for model, prices in new.items()
        for name, credits in prices.items()
    ]


def version_rows(*, before: int | None = None) -> tuple[list[VersionRow], int | None]:
    """A page of versions with their authors, newest first, and the number to go on before; None at the end."""
    now, versions = timezone.now(), all_versions().select_related("author")
    current = version_at(now, list(latest_versions()))
    # Whatever replaced a version was written while both were waiting, so it is one of the next few.
    newer = list(versions.filter(number__gte=before, number__lt=before + MAX_SCHEDULED)) if before else []
    found, _has_more = page_of(versions, length=VERSIONS_PER_PAGE + 1, after=(before,) if before else ())
    rows = [
        VersionRow(
            version=version,
            standing=_standing(version, [*newer, *found[:place]], current=current, now=now),
            changes=_changes(version, found[place + 1 : place + 2]),
        )
        for place, version in enumerate(found[:VERSIONS_PER_PAGE])
    ]
    return rows, rows[-1].version.number if len(found) > VERSIONS_PER_PAGE else None


def scheduled_among(latest: Sequence[PriceVersion]) -> list[PriceVersion]:
    """Those of the `latest_versions` that will be in force one day, unless others replace them."""
    now = timezone.now()
    current = version_at(now, latest)
    return [
        version
        for place, version in enumerate(latest)
        if _standing(version, latest[:place], current=current, now=now) == Standing.SCHEDULED
    ]


def _standing(
    version: PriceVersion, newer: Sequence[PriceVersion], *, current: PriceVersion, now: datetime
) -> Standing:
    if version.number == current.number:
        return Standing.IN_FORCE
    if any(other.valid_from <= version.valid_from for other in newer):
        return Standing.REPLACED
    return Standing.SCHEDULED if version.valid_from > now else Standing.PAST


def _changes(version: PriceVersion, before: Sequence[PriceVersion]) -> list[Change]:
    return [
        change
        for earlier in before
        for change in compared_prices(earlier.price_list, version.price_list)
        if change.is_change
    ]
