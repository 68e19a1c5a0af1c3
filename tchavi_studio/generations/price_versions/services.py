"""Writing a new version of the price list."""

from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from tchavi_studio.generations.price_list import Prices, published_prices, require_prices
from tchavi_studio.refusals import UserFacingError
from tchavi_studio.workspaces.activity import Kind, record_activity
from tchavi_studio.workspaces.models import User

from .models import PriceVersion
from .queries import LEAD, MAX_SCHEDULED, latest_versions, version_at


class OtherVersionWrittenError(UserFacingError):
    """Somebody else has written a version since the writer looked."""

    def __init__(self, number: int) -> None:
        super().__init__(
            _(
                "Version %(number)s was written meanwhile, so yours wasn't. No prices changed. Compare yours with it, "
                "then confirm again."
            )
            % {"number": number}
        )


class TooSoonError(UserFacingError):
    """The version would be in force before every process knew it."""

    def __init__(self) -> None:
        minutes = LEAD.seconds // 60
        super().__init__(
            ngettext(
                "New prices need %(minutes)s minute to reach the whole studio. No prices changed. Choose a later "
                "moment, or none for as soon as possible.",
                "New prices need %(minutes)s minutes to reach the whole studio. No prices changed. Choose a later "
                "moment, or none for as soon as possible.",
                minutes,
            )
            % {"minutes": minutes}
        )


class TooManyScheduledError(UserFacingError):
    """MAX_SCHEDULED versions wait to come into force."""

    def __init__(self) -> None:
        super().__init__(
            ngettext(
                "%(max)s version is already scheduled, so no other was written. No prices changed. Wait until it is in "
                "force.",
                "%(max)s versions are already scheduled, so no other was written. No prices changed. Wait until one "
                "is in force.",
                MAX_SCHEDULED,
            )
            % {"max": MAX_SCHEDULED}
        )


def check_valid_from(valid_from: datetime) -> None:
    """Raises TooSoonError for a moment that a version written now can't be in force from."""
    if valid_from < timezone.now() + LEAD:
        raise TooSoonError


def write_version(
    *, prices: Prices, valid_from: datetime | None, reason: str, author: User, seen_number: int
) -> PriceVersion:
    """Write the next version, in force from `valid_from` or else as soon as possible.

    `seen_number` is the latest version that the author saw: if there is a newer one, they didn't know what they were
    replacing. Raises OtherVersionWrittenError, TooSoonError, TooManyScheduledError, and environs' ValidationError for
    prices that no form offers.
    """
    require_prices(prices)
    with transaction.atomic():
        latest = list(latest_versions())
        if latest[0].number != seen_number:
            raise OtherVersionWrittenError(latest[0].number)
        if valid_from is not None:
            check_valid_from(valid_from)
        now = timezone.now()
        if latest[0].number - version_at(now, latest).number >= MAX_SCHEDULED:
            raise TooManyScheduledError
        version = PriceVersion(
            number=seen_number + 1,
            valid_from=valid_from or now + LEAD,
            prices=published_prices(prices),
            reason=reason,
            author=author,
            created_at=now,
        )
        try:
            version.save(force_insert=True)
        except IntegrityError:
            # Of two at the same moment, the table takes one.
            raise OtherVersionWrittenError(version.number) from None
        record_activity(
            workspace=None,
            kind=Kind.PRICES_CHANGED,
            actor=author,
            details={"version": version.number, "reason": reason},
        )
    return version
