"""Room for downloads of zips: one at a time for each person, two for the site, whatever process dies meanwhile."""

from datetime import timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from tchavi_studio.runtime.leases import RELEASED, Claim, claim_first, lapsed
from tchavi_studio.workspaces.models import User

from .models import ZipSlot

SLOT_COUNT = 2
ZIP_LEASE = timedelta(minutes=5)
"""Longer than the server waits for the slowest reader to take one piece: it is renewed between pieces."""


class SlotTakenError(Exception):
    """No slot is free for this person. `by_themselves` if they hold one."""

    def __init__(self, *, by_themselves: bool) -> None:
        super().__init__()
        self.by_themselves = by_themselves


def take_zip_slot(user: User) -> Claim[ZipSlot]:
    """A slot for this person, whose holder renews it and gives it back. Raises SlotTakenError."""
    slots = ZipSlot.objects.filter(number__lt=SLOT_COUNT)
    ZipSlot.objects.bulk_create([ZipSlot(number=number) for number in range(SLOT_COUNT)], ignore_conflicts=True)
    # Those of processes that died.
    slots.filter(lapsed(timezone.now())).update(user=None, **RELEASED)
    try:
        with transaction.atomic():
            claim = claim_first(slots.order_by("number"), lease=ZIP_LEASE, user=user)
    except IntegrityError:
        raise SlotTakenError(by_themselves=True) from None
    if claim is None:
        raise SlotTakenError(by_themselves=ZipSlot.objects.filter(user=user).exists())
    return claim


def give_back_zip_slot(claim: Claim[ZipSlot]) -> None:
    """Make room for the next download."""
    claim.release(user=None)
