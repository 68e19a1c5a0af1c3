"""Slots that keep wake-ups from starting more than STUDIO_PUMPS pumps.

Extra pumps would be harmless, only wasteful.
"""

from django.conf import settings

from tchavi_studio.runtime.leases import Claim, claim_first

from .models import PumpSlot


def take_slot() -> Claim[PumpSlot] | None:
    """A free pump slot; None if all are taken."""
    numbers = range(settings.STUDIO_PUMPS)
    PumpSlot.objects.bulk_create([PumpSlot(number=number) for number in numbers], ignore_conflicts=True)
    return claim_first(PumpSlot.objects.filter(number__in=numbers).order_by("number"))
