"""Slots for pumps: so that wake-ups do not set more of them to work than there should be.

Only for economy: any number of pumps would do no harm.
"""

from django.conf import settings

from tchavi_studio.runtime.leases import Claim, claim_first

from .models import PumpSlot


def take_slot() -> Claim[PumpSlot] | None:
    """One of the STUDIO_PUMPS slots; None when all are taken."""
    numbers = range(settings.STUDIO_PUMPS)
    PumpSlot.objects.bulk_create([PumpSlot(number=number) for number in numbers], ignore_conflicts=True)
    return claim_first(PumpSlot.objects.filter(number__in=numbers).order_by("number"))
